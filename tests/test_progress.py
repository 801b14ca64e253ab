"""How far a run is: in the log every ten seconds, live on a terminal, summed up at the end."""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch import tally as tally_module
from tap_servicetitan_dispatch.run import progress
from tap_servicetitan_dispatch.run.progress import LiveProgress, Progress
from tap_servicetitan_dispatch.tally import Tally
from tests.support.runs import FEED_ONLY, bookmarked, catalog_of
from tests.support.scripted_api import Answer, Call, feed_of, listed, page, routed, row
from tests.support.streams import NOTHING, PATHS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.runs import Command
    from tests.support.scripted_api import ScriptedApi

TWO_PAGES = (
    (None, page(1, 2, 3, more=True, token="t1")),
    ("t1", page(4, 5, more=False, token="t2")),
)
STREAM = "tap-servicetitan-dispatch.appointment_assignments"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_line_comes_every_ten_seconds_and_no_sooner(caplog: pytest.LogCaptureFixture) -> None:
    clock, tally = Clock(), Tally()
    caplog.set_level(logging.INFO)
    told = Progress(clock)
    told.begin("zones", tally, logging.getLogger(STREAM))
    lines = []
    for second in range(31):
        clock.now = 100.0 + second
        tally.rows = 1000 * second
        told.tell()
        lines.append(len(caplog.records))
    assert [lines[9], lines[10], lines[19], lines[20], lines[30]] == [0, 1, 1, 2, 3]
    assert caplog.messages[1] == "zones: 20,000 rows so far."
    assert tally.seconds == 30


def test_a_line_says_of_how_many_up_to_when_and_how_long_was_waited() -> None:
    tally = Tally(rows=1200, reached="2026-11-01T08:00:00Z")
    tally.expect(5000)
    tally.add_retry(7.4, now=10)
    told = "1,200 of 5,000 rows, up to 2026-11-01T08:00:00Z, waited 7 s"
    assert tally.so_far() == told


def test_time_in_which_several_requests_wait_counts_once() -> None:
    tally = Tally(whole=Tally())
    tally.add_wait(2, now=12)
    tally.add_retry(3, now=12.5)
    tally.add_request(1, now=13)
    tally.add_wait(2, now=20)
    tally.add_wait(0, now=30)
    tally.add_wait(1, now=20 + tally_module.LONGEST_WAIT_SECONDS * 2)
    assert tally.waited_seconds == 3.5 + 2 + 1
    assert tally.whole
    assert tally.whole.waited_seconds == tally.waited_seconds


def test_a_line_says_of_how_many_tenants_of_a_group() -> None:
    tally = Tally(rows=1200, tenants=60)
    for rows in (700, 800):
        tally.add_tenant()
        tally.expect(rows)
    assert tally.so_far() == "2 of 60 tenants, 1,200 rows"
    told = {"tenants": 60, "tenants_read": 2, "expected_rows": None}
    assert tally.figures() == {**tally.figures(), **told}


def test_of_how_many_rows_is_told_once_all_tenants_have_said_so() -> None:
    tally = Tally(rows=900, tenants=2)
    tally.expect(700)
    assert tally.so_far() == "0 of 2 tenants, 900 rows"
    tally.expect(800)
    assert tally.so_far() == "0 of 2 tenants, 900 of 1,500 rows"


def test_each_stream_that_was_read_is_summed_up_at_the_end(api: ScriptedApi, tap: Command) -> None:
    failures = iter([Answer(status=500)])

    def reply(call: Call) -> Answer:
        return next(failures, None) or feed_of(*TWO_PAGES)(call)

    api.reply = reply
    run = tap.run(api.config)
    [line] = [line for line in run.stderr.splitlines() if "spent waiting" in line]
    said = r"5 rows in \d+\.\d s\. Requests: 3, sent again: 1, time spent waiting: \d\.\d s\."
    assert re.search(rf"INFO .* {re.escape(STREAM)} +\| appointment_assignments: {said}$", line)


NOTHING_NEW = ("appointment_assignments", "teams", "zones")


def test_a_run_with_nothing_new_has_a_line_for_each_stream_and_one_that_says_who_ran(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = routed(NOTHING)
    run = tap.run(api.config, streams=NOTHING_NEW)
    first, *others = [line.split("| ")[-1].strip() for line in run.stderr.splitlines()]
    assert first.startswith("tap-servicetitan-dispatch v")
    assert [line.partition(":")[0] for line in others] == [*NOTHING_NEW]


def test_what_is_routine_is_shown_at_level_debug(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAP_SERVICETITAN_DISPATCH_LOGLEVEL", "DEBUG")
    api.reply = routed(NOTHING)
    run = tap.run(api.config, streams=NOTHING_NEW)
    routine = [line for line in run.stderr.splitlines() if "Beginning sync" in line]
    assert len(routine) == len(NOTHING_NEW)
    assert all("| DEBUG" in line for line in routine)
    assert "METRIC" in run.stderr


def test_metrics_are_shown_by_a_handler_of_their_own(api: ScriptedApi, tap: Command) -> None:
    metrics, own = logging.getLogger("singer_sdk.metrics"), logging.handlers.BufferingHandler(99)
    metrics.addHandler(own)
    api.reply = routed(NOTHING)
    try:
        run = tap.run(api.config, streams=("zones",))
    finally:
        metrics.removeHandler(own)
    assert len(own.buffer) == 2
    assert "METRIC" not in run.stderr


def test_what_a_request_waits_for_the_rate_limit_is_counted(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally_module, "LEAST_WAIT_SECONDS", 0)
    api.reply = feed_of(*TWO_PAGES)
    run = tap.run(api.config | {"max_requests_per_second": 1})
    [waited] = re.findall(r"spent waiting: (\d+\.\d) s", run.stderr)
    assert float(waited) > 0


@pytest.mark.parametrize("way", [{}, {"stream_maps": {FEED_ONLY[0]: {"id": "id"}}}])
def test_the_log_goes_on_while_rows_go_out(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch, way: dict[str, Any]
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    api.reply = feed_of(*TWO_PAGES)
    run = tap.run(api.config | way)
    reached = row(1)["modifiedOn"]
    assert f"appointment_assignments: 5 rows, up to {reached} so far." in run.stderr


def test_of_how_many_is_asked_once_by_a_first_run(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)

    def zones(call: Call) -> dict[str, Any]:
        first = {"id": 1, "modifiedOn": "2026-11-01T08:00:00Z"}
        second = {"id": 2, "modifiedOn": "2026-11-02T08:00:00Z"}
        if call.query["sort"] == "-ModifiedOn":
            return listed(second, first)
        if "modifiedOnOrAfter" in call.query:
            return listed(second)
        return listed(first, second, more=True) | {"totalCount": 2}

    api.reply = routed({PATHS["zones"]: zones})
    run = tap.run(api.config, streams=("zones",))
    assert "zones: 2 of 2 rows, up to 2026-11-02T08:00:00Z so far." in run.stderr
    asked = ["includeTotal" in call.query for call in api.api_calls]
    assert asked == [True, *[False] * (len(asked) - 1)]
    assert len(asked) > 1


@pytest.mark.parametrize("total", [None, "many", 0])
def test_an_api_that_does_not_say_how_many_is_asked_once_all_the_same(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch, total: Any
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    api.reply = routed({PATHS["zones"]: listed({"id": 1}) | {"totalCount": total}})
    run = tap.run(api.config, streams=("zones",))
    assert "zones: 1 row so far." in run.stderr


def test_a_later_run_does_not_ask_how_many(api: ScriptedApi, tap: Command) -> None:
    api.reply = routed({PATHS["zones"]: listed()})
    tap.run(api.config, bookmarked("2026-11-01", "modifiedOn", "zones"), streams=("zones",))
    [call] = api.api_calls
    assert "includeTotal" not in call.query


def test_structured_logs_have_the_figures(
    api: ScriptedApi, tap: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "logs.yml"
    config.write_text(
        "version: 1\ndisable_existing_loggers: false\n"
        "formatters: {structured: {(): singer_sdk.logging.StructuredFormatter}}\n"
        "handlers: {out: {class: logging.StreamHandler, formatter: structured}}\n"
        "root: {level: INFO, handlers: [out]}\n"
    )
    monkeypatch.setenv("SINGER_SDK_LOG_CONFIG", str(config))
    api.reply = feed_of(*TWO_PAGES)
    with tap.start(api.config) as process:
        _, log = process.communicate(timeout=300)
    entries = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    [summary] = [entry for entry in entries if "spent waiting" in entry["message"]]
    extra = summary["extra"]
    assert (extra["rows"], extra["requests"], extra["retries"]) == (5, 2, 0)
    assert (extra["reached"], extra["expected_rows"]) == (row(1)["modifiedOn"], None)


# On a terminal


class Terminal:
    """Runs the tap with a terminal as stderr."""

    def __init__(self, tap: Command, config: dict[str, Any], stdout: int | IO[Any]) -> None:
        self._screen, other = pty.openpty()
        arguments = tap.arguments(config, None, catalog_of(*FEED_ONLY))
        command = [sys.executable, "-m", "tap_servicetitan_dispatch", *arguments]
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            command, stdout=stdout or other, stderr=other, env=environment, text=True
        )
        os.close(other)

    def shown(self) -> str:
        """Return all that comes to be shown, once the tap has ended."""
        return "".join(self._read())

    def _read(self) -> Iterator[str]:
        while True:
            try:
                read = os.read(self._screen, 4096)
            except OSError:  # how Linux says that nobody writes any more
                break
            if not read:
                break
            yield read.decode(errors="replace")
        os.close(self._screen)
        self.process.wait(30)


SHOW_CURSOR = "\x1b[?25h"
HIDE_CURSOR = "\x1b[?25l"


def test_a_terminal_shows_a_live_line_and_the_log_above_it(
    api: ScriptedApi, tap: Command, tmp_path: Path
) -> None:
    api.reply = feed_of(*TWO_PAGES)
    with (tmp_path / "out").open("w+") as out:
        terminal = Terminal(tap, api.config, out)
        shown = terminal.shown()
        out.seek(0)
        messages = [json.loads(line) for line in out]
    assert terminal.process.returncode == 0
    assert sum(message["type"] == "RECORD" for message in messages) == 5
    assert re.search("appointment_assignments.*━.*5 rows, up to 2026-11-01", shown)
    assert "tap-servicetitan-dispatch v" in shown
    assert "so far" not in shown
    assert shown.rindex(HIDE_CURSOR) < shown.rindex(SHOW_CURSOR)
    assert "spent waiting" in shown[shown.rindex(SHOW_CURSOR) :]


@pytest.mark.no_cover
@pytest.mark.parametrize("time", ["[/x]", "[bold red]x", "x" * 500, "\x1b[2Jx", "\n\n\nx"])
def test_a_time_that_is_none_does_not_disturb_the_live_line(
    api: ScriptedApi, tap: Command, tmp_path: Path, time: str
) -> None:
    api.reply = feed_of(
        (None, {"hasMore": False, "continueFrom": "t1", "data": [row(1, modifiedOn=time)]})
    )
    with (tmp_path / "out").open("w") as out:
        terminal = Terminal(tap, api.config, out)
        shown = terminal.shown()
    assert terminal.process.returncode == 0
    assert "\x1b[2J" not in shown
    reached = re.search(r"1 row, up to ([^\r]*)", shown)
    assert reached
    assert reached[1].startswith(time.encode("unicode_escape").decode()[:20])
    assert shown.count("spent waiting") == 1


def test_a_terminal_that_shows_the_records_gets_no_live_line(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = feed_of(*TWO_PAGES)
    shown = Terminal(tap, api.config, 0).shown()
    assert '"type":"RECORD"' in shown
    assert HIDE_CURSOR not in shown


def test_a_terminal_gets_its_cursor_back_after_ctrl_c(api: ScriptedApi, tap: Command) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def reply(_: Call) -> Answer:
        reached.set()
        go_on.wait(30)
        return Answer(status=500)

    api.reply = reply
    terminal = Terminal(tap, api.config, subprocess.DEVNULL)
    assert reached.wait(30)
    terminal.process.send_signal(signal.SIGINT)
    shown = terminal.shown()
    go_on.set()
    assert terminal.process.returncode == 128 + signal.SIGINT
    assert shown.rindex(HIDE_CURSOR) < shown.rindex(SHOW_CURSOR)


def test_a_terminal_gets_its_cursor_back_even_if_there_is_no_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w") as stderr, os.fdopen(read) as shown:
        monkeypatch.setattr(sys, "stderr", stderr)
        told = LiveProgress()
        told.abandon()
        told.end()
        monkeypatch.undo()
        stderr.close()
        assert SHOW_CURSOR in shown.read()

"""Killed, told to stop, or cut off: whatever the target has not got comes with the next run."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import termios
import threading
import time
from typing import IO, TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.run import checkpoints
from tap_servicetitan_dispatch.run.signals import LAST_RESORT_SECONDS
from tap_servicetitan_dispatch.streams import writing
from tap_servicetitan_dispatch.writer import LineWriter
from tests.support.runs import FEED_ONLY, Run, records_in
from tests.support.scripted_api import Answer, Call, ScriptedApi, feed_of, page
from tests.support.told_tap import TOLD
from tools.markdown import section

if TYPE_CHECKING:
    from tests.support.runs import Command

pytestmark = pytest.mark.no_cover

THREE_PAGES = (
    (None, page(1, 2, 3, more=True, token="t1")),
    ("t1", page(4, 5, more=True, token="t2")),
    ("t2", page(6, 7, more=False, token="t3")),
    ("t3", page(more=False, token="t3")),
)
ALL = {1, 2, 3, 4, 5, 6, 7}
PATIENT, IMPATIENT = (("tests.support.told_tap", seconds) for seconds in ("600", "0.1"))
"""Taps that have much time, or none, until they leave whatever happens."""
SIGNALS = [signal.SIGTERM, signal.SIGINT]
WAYS = [
    pytest.param(("write_message", {"stream_maps": {FEED_ONLY[0]: {"id": "id"}}}), id="the SDK's"),
    pytest.param(("write_records", {}), id="whole pages"),
]


def seen_before(output: str) -> tuple[set[int], dict[str, Any] | None]:
    """Return the ids and the last state in the whole lines of an output."""
    lines = output[: output.rfind("\n") + 1].splitlines()
    messages = [json.loads(line) for line in lines]
    states = [message["value"] for message in messages if message["type"] == "STATE"]
    return {record["id"] for record in records_in(messages)}, (states[-1] if states else None)


def resumed(tap: Command, api: ScriptedApi, state: dict[str, Any] | None) -> Run:
    run = tap.run(api.config, state)
    assert run.exit_code == 0
    assert run.bookmark == "t3"
    return run


@pytest.mark.parametrize("seconds_between", [0, 600], ids="a STATE each {} s".format)
def test_a_run_cut_off_after_any_line_loses_nothing_when_resumed(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch, seconds_between: int
) -> None:
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", seconds_between)
    api.reply = feed_of(*THREE_PAGES)
    lines = tap.run(api.config).stdout.splitlines(keepends=True)
    assert len(lines) > len(ALL)
    for count in range(len(lines) + 1):
        got, state = seen_before("".join(lines[:count]))
        assert got | set(resumed(tap, api, state).ids) == ALL, f"cut off after line {count}"


def test_a_killed_process_loses_nothing_when_resumed(api: ScriptedApi, tap: Command) -> None:
    hangs = HangsAt("t2", feed_of(*THREE_PAGES))
    api.reply = hangs
    with tap.start(api.config) as process:
        assert process.stdout
        output = "".join(iter(lambda: next_line(process.stdout, until='"t2"}}}}'), ""))
        process.kill()
        output += process.stdout.read()
        hangs.go_on.set()
    got, state = seen_before(output)
    assert got == {1, 2, 3, 4, 5}
    assert got | set(resumed(tap, api, state).ids) == ALL


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_a_request_hangs_ends_the_run_at_once_with_the_safe_state(
    api: ScriptedApi, tap: Command, number: signal.Signals
) -> None:
    hangs = HangsAt("t2", feed_of(*THREE_PAGES))
    api.reply = hangs
    with tap.start(api.config, command=PATIENT) as process:
        assert hangs.reached.wait(30)
        process.send_signal(number)
        output, log = process.communicate(timeout=30)
        assert not hangs.went_on
        hangs.go_on.set()
    run = Run(process.returncode, output, log)
    assert run.exit_code == 128 + number
    assert output.endswith("\n")
    assert "Traceback" not in log
    assert run.bookmark in {"t1", "t2"}
    assert set(run.ids) | set(resumed(tap, api, run.states[-1]).ids) == ALL


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("after", range(1, 8))
@pytest.mark.parametrize("way", WAYS)
def test_a_signal_at_any_record_loses_nothing_when_resumed(
    api: ScriptedApi,
    tap: Command,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    after: int,
    way: tuple[str, dict[str, Any]],
) -> None:
    api.reply = feed_of(*THREE_PAGES)
    method, more = way
    written: list[None] = []
    write = getattr(LineWriter, method)

    def write_and_signal(self: LineWriter, what: Any, *rest: Any, **options: Any) -> None:
        if method == "write_records" or what.type == "RECORD":
            written.append(None)
            if len(written) == after:
                os.kill(os.getpid(), number)
        write(self, what, *rest, **options)

    monkeypatch.setattr(LineWriter, method, write_and_signal)
    monkeypatch.setattr(writing, "RECORDS_AT_ONCE", 1)
    run = tap.run(api.config | more)
    monkeypatch.undo()
    assert run.exit_code == (128 + number)
    assert len(run.ids) == after
    assert set(run.ids) | set(resumed(tap, api, run.states[-1]).ids) == ALL


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_during_a_back_off_ends_the_run_without_another_call(
    api: ScriptedApi, tap: Command, number: signal.Signals
) -> None:
    refused = threading.Event()

    def reply(_: Call) -> Answer:
        refused.set()
        return Answer({"title": "Try again in 50 seconds."}, status=429)

    api.reply = reply
    with tap.start(api.config) as process:
        assert refused.wait(30)
        process.send_signal(number)
        output, log = process.communicate(timeout=30)
    assert Run(process.returncode, output, log).exit_code == 128 + number
    assert len(api.api_calls) == 1
    assert "ERROR" not in log


def test_a_signal_ends_the_run_even_if_the_target_does_not_read(
    api: ScriptedApi, tap: Command
) -> None:
    many = page(*range(30_000), more=False, token="t1")
    api.reply = feed_of((None, many))
    with tap.start(api.config, command=IMPATIENT) as process:
        assert process.stdout
        wait_until_full(process.stdout)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 128 + signal.SIGTERM
        process.stdout.close()


def test_the_time_that_it_takes_at_most_is_the_documented_one() -> None:
    assert "after four seconds at the latest" in section(
        "docs/operations.md", "What else you may see"
    )
    assert LAST_RESORT_SECONDS == 4


def test_a_second_signal_ends_the_run_at_once(api: ScriptedApi, tap: Command) -> None:
    many = page(*range(30_000), more=False, token="t1")
    api.reply = feed_of((None, many))
    with tap.start(api.config, command=PATIENT) as process:
        assert process.stdout
        assert process.stderr
        wait_until_full(process.stdout)
        process.send_signal(signal.SIGINT)
        assert TOLD in process.stderr  # or the two would be one
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 128 + signal.SIGINT
        process.stdout.close()


def test_a_target_that_goes_away_ends_the_run_in_one_line(api: ScriptedApi, tap: Command) -> None:
    many = page(*range(20_000), more=False, token="t1")
    api.reply = feed_of((None, many))
    with tap.start(api.config) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        log = process.stderr.read()
    assert process.returncode == 1
    assert "The target has gone away" in log
    assert "Traceback" not in log
    assert "Exception ignored" not in log


def wait_until_full(pipe: IO[str]) -> None:
    """Return once nothing more fits into a pipe, so that whoever writes to it hangs."""
    pending, before = 0, -1
    while pending != before or pending < 60_000:
        before = pending
        time.sleep(0.1)
        answer = fcntl.ioctl(pipe.fileno(), termios.FIONREAD, bytes(4))
        pending = int.from_bytes(answer, sys.byteorder)


class HangsAt:
    """Answers as scripted, but hangs on the request with a token until told to go on."""

    def __init__(self, token: str, reply: Any) -> None:
        self._token = token
        self._reply = reply
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self.went_on = False

    def __call__(self, call: Call) -> Answer:
        if call.query.get("from") == self._token and not self.go_on.is_set():
            self.reached.set()
            self.go_on.wait(60)
            self.went_on = True
        answer: Answer = self._reply(call)
        return answer


def next_line(stream: Any, until: str) -> str:
    """Return the next line, or nothing once a line with a text in it has been read."""
    if getattr(stream, "done", False):
        return ""
    line: str = stream.readline()
    if until in line:
        stream.done = True
    return line

"""Which requests are made, how many of them at a time, and in which order what they bring goes out.

A barrier in the server opens only once so many requests have arrived: a tap that waited for one of
them before it sent the next would never get an answer.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from tap_servicetitan_dispatch.sandbox import Sandbox
from tap_servicetitan_dispatch.streams.teams import Teams
from tests.support.caller import SANDBOX_PREFIX
from tests.support.runs import assert_fails
from tests.support.scripted_api import Answer, Call, listed, page, routed, row
from tests.support.streams import ALL_STREAMS, NOTHING, OFFERED, PAGED, PATHS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.runs import Command
    from tests.support.scripted_api import ScriptedApi
    from tests.support.threads import Threads

pytestmark = pytest.mark.no_cover

NOON = datetime(2026, 6, 18, 17, tzinfo=UTC)


class Gate:
    """Lets requests through in groups; knows the most that were there at the same time.

    Each group stays for a moment, in which a request too many would be seen.
    """

    def __init__(self, reply: Callable[[Call], Answer], size: int) -> None:
        self._reply = reply
        self._barrier = threading.Barrier(size)
        self._moment = threading.Event()
        self._lock = threading.Lock()
        self._inside = 0
        self.most = 0

    def __call__(self, call: Call) -> Answer:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
        self._barrier.wait(20)
        self._moment.wait(0.3)
        with self._lock:
            self._inside -= 1
        return self._reply(call)


def one_row_each() -> dict[str, Any]:
    return {
        **NOTHING,
        **{PATHS[name]: listed(row(1)) for name in PAGED},
        PATHS["appointment_assignments"]: page(1, more=False, token="t"),
    }


def test_the_first_pages_of_all_selected_streams_are_fetched_together(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = Gate(routed(one_row_each()), size=len(OFFERED))
    run = tap.run(api.config | {"max_concurrent_requests": len(OFFERED)}, streams=None)
    assert run.exit_code == 0
    assert (len(api.api_calls), len(api.token_calls)) == (len(OFFERED), 1)
    streams = [each["stream"] for each in run.messages if each["type"] == "RECORD"]
    assert [name for name, _ in groupby(streams)] == list(OFFERED)


def test_no_more_requests_are_under_way_than_the_setting_says(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = gate = Gate(routed(one_row_each()), size=3)
    run = tap.run(api.config | {"max_concurrent_requests": 3}, streams=OFFERED[:6])
    assert (run.exit_code, gate.most, len(api.api_calls)) == (0, 3, 6)


def test_windows_of_capacity_are_asked_for_as_many_at_a_time_as_the_setting_says(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = gate = Gate(routed(NOTHING), size=4)
    settings = {
        "max_concurrent_requests": 4,
        "capacity_days_ahead": 10,  # and a day before and after
        "capacity_days_per_request": 1,
    }
    run = tap.run(api.config | settings, streams=("capacities",))
    assert (run.exit_code, gate.most, len(api.api_calls)) == (0, 4, 12)


def test_technicians_are_looked_up_as_many_at_a_time_as_the_setting_says(
    api: ScriptedApi, tap: Command
) -> None:
    gate = Gate(lambda _: Answer({"technicianTrackingUrl": "https://x"}), size=4)
    live = [row(number, technicianId=number, status="Working") for number in range(12)]
    api.reply = routed(
        {PATHS["appointment_assignments_list"]: listed(*live), PATHS["technician_tracking"]: gate}
    )
    run = tap.run(api.config | {"max_concurrent_requests": 4}, streams=("technician_tracking",))
    assert (run.exit_code, gate.most, len(run.records)) == (0, 4, 12)


def test_what_ends_the_run_leaves_the_streams_after_it_unread(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch, prefetching: Threads
) -> None:
    """What the streams before it have brought is out by then."""

    def broken(*_: object) -> Any:
        raise RuntimeError

    monkeypatch.setattr(Teams, "walk", broken)
    api.reply = routed(one_row_each())
    run = tap.run(api.config, streams=None)
    assert_fails(run, "Unexpected error: RuntimeError")
    streams = {each["stream"] for each in run.messages if each["type"] == "RECORD"}
    assert streams == {*OFFERED[: OFFERED.index("teams")]}
    prefetching.assert_end()


# How many


FEED, ASSIGNMENTS = PATHS["appointment_assignments"], PATHS["appointment_assignments_list"]
SECOND_RUN = {PATHS[name]: 1 for name in OFFERED}


@pytest.fixture(scope="module")
def board() -> Any:
    with Sandbox(clock=lambda: NOON, assignments=400) as sandbox:
        yield sandbox


def calls_of(board: Sandbox, tap: Command, state: Any = None, **settings: Any) -> Any:
    """Return how often each path was called, and the state in the end."""
    before = len(board.calls)
    streams = settings.pop("streams", None)
    config = {"environment": "sandbox", "api_url": board.url, **settings}
    run = tap.run(config, state, streams=streams)
    assert run.exit_code == 0, run.stderr
    calls = Counter(call.path.removeprefix(SANDBOX_PREFIX) for call in list(board.calls)[before:])
    return calls, run.states[-1]


def test_a_first_run_asks_for_each_page_once_and_a_second_run_for_what_is_new(
    board: Sandbox, tap: Command
) -> None:
    first, state = calls_of(board, tap)
    token = first.pop("/connect/token")
    assert (token, first) == (1, SECOND_RUN)
    second, _ = calls_of(board, tap, state)
    assert second == {"/connect/token": 1, **SECOND_RUN}


@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_a_stream_that_is_read_alone_costs_its_own_calls_only(
    board: Sandbox, tap: Command, stream: str
) -> None:
    with time_machine.travel(NOON, tick=True):
        calls, _ = calls_of(
            board, tap, streams=(stream,), capacity_days_ahead=5, tracking_lookback_days=1
        )
    assert calls.pop("/connect/token") == 1
    if stream == "technician_tracking":
        assert calls.pop(ASSIGNMENTS) == 1
    else:
        assert calls.pop(PATHS[stream]) == 1
    assert set(calls) <= {PATHS[stream]}


def test_a_list_of_four_pages_costs_four_calls_and_the_question_whether_it_is_sorted(
    board: Sandbox, tap: Command
) -> None:
    calls, _ = calls_of(board, tap, streams=("appointment_assignments_list",), page_size=150)
    assert calls == {"/connect/token": 1, ASSIGNMENTS: 4 + 1}


def test_discovery_costs_no_call(api: ScriptedApi, tap: Command) -> None:
    assert tap.run(api.config, None, None, "--discover").exit_code == 0
    assert api.calls == []


# Output


def test_what_has_arrived_is_with_the_target_before_the_tap_waits_for_more(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a target would sit idle, while rows that it could load lie in a buffer."""
    hang, in_vain = threading.Event(), threading.Event()

    def reply(call: Call) -> Answer:
        if "from" in call.query:
            if not hang.wait(10):
                in_vain.set()
            return Answer(page(more=False, token="t2"))
        return Answer(page(1, more=True, token="t1"))

    api.reply = reply
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    with tap.start(api.config) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(3)]
        hang.set()
        process.communicate(timeout=30)
    assert not in_vain.is_set()
    assert ['"SCHEMA"' in lines[0], '"RECORD"' in lines[1], '"STATE"' in lines[2]] == [True] * 3


def test_a_schema_does_not_wait_in_the_buffer_until_the_first_page_is_there(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang, in_vain = threading.Event(), threading.Event()

    def reply(_: Call) -> Answer:
        if not hang.wait(10):
            in_vain.set()
        return Answer(page(more=False, token="t2"))

    api.reply = reply
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    with tap.start(api.config) as process:
        assert process.stdout
        assert '"SCHEMA"' in process.stdout.readline()
        hang.set()
        process.communicate(timeout=30)
    assert not in_vain.is_set()

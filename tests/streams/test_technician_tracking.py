"""Technician tracking: for whom a lookup is made, and what becomes of those that are refused."""

from __future__ import annotations

import threading
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from tap_servicetitan_dispatch import instants
from tests.support.runs import assert_fails
from tests.support.scripted_api import PREFIX, Answer, listed, routed, row
from tests.support.streams import PATHS
from tests.support.vendor import operation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.runs import Command, Run
    from tests.support.scripted_api import Call, ScriptedApi

LIST, LOOKUP = PATHS["appointment_assignments_list"], PATHS["technician_tracking"]
ADDRESS = "https://track.example/kept-between-us/"
Pair = tuple[str, str]


@pytest.fixture(autouse=True)
def _thursday(api: ScriptedApi) -> Iterator[None]:
    """It is Thursday where the API is; the clock of this machine is days off."""
    api.date = "Thu, 18 Jun 2026 15:00:00 GMT"
    with time_machine.travel("2026-06-22T15:00:00Z"):
        yield


def pair_of(call: Call) -> Pair:
    return call.query["technicianId"], call.query["appointmentId"]


def found(call: Call) -> Any:
    return {"technicianTrackingUrl": ADDRESS + "-".join(pair_of(call))}


def assignment(technician: Any, appointment: Any, status: Any, at: str, **more: Any) -> Any:
    number = 100 * (technician or 0) + len(at)
    fields = {"technicianId": technician, "appointmentId": appointment, "status": status}
    return row(number, **fields, modifiedOn=f"2026-06-18T{at}Z", **more)


def on_the_way(*technicians: int) -> dict[str, Any]:
    """Return a list of technicians who are each on the way to an appointment 10 higher."""
    rows = [assignment(each, each + 10, "Dispatched", f"14:00:0{each}") for each in technicians]
    return listed(*rows)


def read(
    api: ScriptedApi,
    tap: Command,
    assignments: dict[str, Any] | Callable[[Call], Any],
    lookup: Callable[[Call], Any] = found,
    **config: Any,
) -> Run:
    api.reply = routed({LIST: assignments, LOOKUP: lookup})
    return tap.run(api.config | config, streams=("technician_tracking",))


def lookups(api: ScriptedApi) -> list[Call]:
    return [call for call in api.api_calls if call.path == PREFIX + LOOKUP]


def test_a_record_is_the_pair_and_the_address(api: ScriptedApi, tap: Command) -> None:
    run = read(api, tap, on_the_way(1, 2))
    assert run.records == [
        {"technicianId": 1, "appointmentId": 11, "technicianTrackingUrl": f"{ADDRESS}1-11"},
        {"technicianId": 2, "appointmentId": 12, "technicianTrackingUrl": f"{ADDRESS}2-12"},
    ]


def test_only_the_latest_assignment_of_a_pair_that_is_under_way_is_looked_up(
    api: ScriptedApi, tap: Command
) -> None:
    rows = [
        assignment(1, 11, "Dispatched", "08:00:00"),
        assignment(2, 12, "Working", "08:00:00"),
        assignment(3, 13, "Scheduled", "08:00:00"),
        assignment(4, 14, "Done", "08:00:00"),
        assignment(5, 15, "Dispatched", "08:00:00"),
        assignment(5, 15, "Done", "08:00:00.5"),
        assignment(6, 16, "Scheduled", "08:00:00"),
        assignment(6, 16, "Working", "08:00:00.5"),
        assignment(1, 16, "Scheduled", "09:00:00"),
        assignment(None, 17, "Working", "09:00:00"),
        assignment(7, None, "Working", "09:00:00"),
        assignment(8, 18, None, "09:00:00"),
        {**assignment(9, 19, "Working", "09:00:00"), "modifiedOn": None, "id": None},
        assignment(10, 20, "Dispatched", "08:00:00"),
        assignment(10, 20, "Dispatched", "08:00:00.5", active=False),
    ]
    run = read(api, tap, listed(*rows))
    assert run.exit_code == 0
    expected = [("1", "11"), ("2", "12"), ("6", "16"), ("9", "19")]
    assert sorted(map(pair_of, lookups(api))) == expected


@pytest.mark.parametrize("reverse", [False, True])
def test_the_latest_is_so_by_time_not_by_place(
    api: ScriptedApi, tap: Command, *, reverse: bool
) -> None:
    """The API sorts to about a second only, and `…00.5Z` comes before `…00Z` as text."""
    rows = [
        assignment(1, 11, "Working", "08:00:00"),
        assignment(1, 11, "Done", "08:00:00.5"),
        assignment(2, 12, "Scheduled", "08:00:00"),
        assignment(2, 12, "Working", "08:00:00.5"),
    ]
    read(api, tap, listed(*rows[:: -1 if reverse else 1]))
    assert list(map(pair_of, lookups(api))) == [("2", "12")]


def test_assignments_are_read_as_far_back_as_the_setting_says(
    api: ScriptedApi, tap: Command
) -> None:
    read(api, tap, on_the_way(), tracking_lookback_days=3, page_size=77)
    [call] = api.api_calls
    assert call.query == {
        "active": "Any",
        "modifiedOnOrAfter": "2026-06-15T15:00:00Z",
        "page": "1",
        "pageSize": "77",
        "sort": "+ModifiedOn",
    }


def test_a_server_that_does_not_tell_its_time_is_an_error_in_one_line(
    api: ScriptedApi, tap: Command
) -> None:
    api.date = None
    run = read(api, tap, on_the_way(1))
    assert_fails(run, "technician_tracking: the server's answers have no time (no Date)")
    assert api.api_calls == []


@pytest.mark.no_cover
def test_what_is_kept_does_not_grow_with_the_rows_of_a_pair(api: ScriptedApi, tap: Command) -> None:
    count, at_once = 40_000, 2000
    first = datetime(2026, 6, 18, 1, tzinfo=UTC)

    def assignments(call: Call) -> dict[str, Any]:
        low = instants.parse(call.query["modifiedOnOrAfter"])
        begin = max(0, int((low - first).total_seconds()))
        if "modifiedBefore" in call.query:
            return listed(*map(event, range(at_once)[::-1]))
        return listed(*map(event, range(begin, begin + at_once)), more=begin + at_once < count)

    def event(number: int) -> Any:
        status = "Working" if number >= count - 4 else "Scheduled"
        at = first + timedelta(seconds=number)
        fields = {"technicianId": number % 4, "appointmentId": 7, "status": status}
        return row(number, **fields, modifiedOn=instants.render(at), technicianName=f"Ada {number}")

    tracemalloc.start()
    try:
        run = read(api, tap, assignments, page_size=at_once)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [record["technicianId"] for record in run.records] == [0, 1, 2, 3]
    assert peak < 20 * 2**20


def test_a_lookup_has_the_documented_parameters_and_no_others(
    api: ScriptedApi, tap: Command
) -> None:
    read(api, tap, on_the_way(1))
    [call] = lookups(api)
    assert call.query == {"technicianId": "1", "appointmentId": "11"}
    documented = operation("technician_tracking")["parameters"]
    assert call.query.keys() == {each["name"] for each in documented if each["in"] == "query"}


def test_nobody_under_way_is_no_row_and_no_lookup(api: ScriptedApi, tap: Command) -> None:
    run = read(api, tap, on_the_way())
    assert (run.exit_code, run.records, lookups(api)) == (0, [], [])


@pytest.mark.parametrize(
    "refusal",
    [
        Answer('"Technician is not tracked"', status=400),
        Answer({"title": "Technician is not tracked"}, status=404),
    ],
    ids=["400 with a bare text", "404"],
)
def test_a_pair_that_is_refused_is_logged_and_left_out(
    api: ScriptedApi, tap: Command, refusal: Answer
) -> None:
    run = read(
        api,
        tap,
        on_the_way(1, 2, 3),
        lambda call: refusal if pair_of(call) == ("2", "12") else found(call),
    )
    assert run.exit_code == 0
    assert [record["technicianId"] for record in run.records] == [1, 3]
    [line] = [line for line in run.stderr.splitlines() if "left out" in line]
    assert "The API does not track a technician who is under way; left out (the API " in line
    assert "http" not in line
    assert ADDRESS not in run.stderr


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (Answer({"title": "Scope validation failed"}, status=403), "lacks a scope"),
        (Answer({"message": "Unable to match incoming request"}, status=404), "no such tenant"),
        (Answer({"title": "No."}, status=401), "rejected a token"),
        (Answer({"title": "Out of order"}, status=500), "server error"),
    ],
)
def test_any_other_failure_of_a_lookup_ends_the_run(
    api: ScriptedApi, tap: Command, failure: Answer, said: str
) -> None:
    run = read(api, tap, on_the_way(1), lambda _: failure, max_retries=0)
    assert run.exit_code == 1
    [error] = run.errors
    assert error.startswith("technician_tracking: ")
    assert said in error


def test_a_failure_of_the_list_ends_the_run(api: ScriptedApi, tap: Command) -> None:
    """A refusal is overlooked for a pair only."""
    api.reply = routed({LIST: Answer({"title": "No."}, status=400)})
    run = tap.run(api.config, streams=("technician_tracking",))
    assert run.exit_code == 1
    assert run.errors[0].startswith("technician_tracking: the API rejected the request")


def test_an_address_that_is_null_is_a_row(api: ScriptedApi, tap: Command) -> None:
    run = read(api, tap, on_the_way(1), lambda _: {"technicianTrackingUrl": None})
    assert [record["technicianTrackingUrl"] for record in run.records] == [None]


@pytest.mark.parametrize(("at_once", "overlaps", "seconds"), [(2, True, 30), (1, False, 0.2)])
def test_lookups_overlap_as_the_setting_says_and_records_come_in_order(
    api: ScriptedApi, tap: Command, at_once: int, *, overlaps: bool, seconds: float
) -> None:
    second_came = threading.Event()
    overlapped = []

    def lookup(call: Call) -> Any:
        if pair_of(call) == ("1", "11"):
            overlapped.append(second_came.wait(seconds))
        else:
            second_came.set()
        return found(call)

    run = read(api, tap, on_the_way(1, 2, 3), lookup, max_concurrent_requests=at_once)
    assert overlapped == [overlaps]
    assert [record["technicianId"] for record in run.records] == [1, 2, 3]


def test_an_answer_that_is_no_object_is_an_error_in_one_line(
    api: ScriptedApi, tap: Command
) -> None:
    run = read(api, tap, on_the_way(1), lookup=lambda _: ["nowhere"])
    assert_fails(run, "technician_tracking: the API's answer should have an object")

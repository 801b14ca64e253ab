"""Capacities: which days are asked for, and what becomes of the slots."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from tap_servicetitan_dispatch import instants
from tests.support.group import NORTH, SOUTH, Group, group_catalog
from tests.support.runs import assert_fails, catalog_of
from tests.support.scripted_api import MODIFIED, Answer, routed
from tests.support.streams import PATHS
from tests.support.vendor import operation, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.runs import Command, Run
    from tests.support.scripted_api import Call, ScriptedApi

CHICAGO = {"timezone": "America/Chicago"}


def days(back: int, ahead: int, per_request: int) -> dict[str, int]:
    return {
        "capacity_days_back": back,
        "capacity_days_ahead": ahead,
        "capacity_days_per_request": per_request,
    }


def slot(start: str, units: Any = (7,), **fields: Any) -> dict[str, Any]:
    return {
        "start": start,
        "end": "2026-06-18T09:00:00Z",
        "startUtc": start,
        "endUtc": "2026-06-19T14:00:00Z",
        "businessUnitIds": units,
        "totalAvailability": 4.5,
        "openAvailability": 0.0,
        "technicians": [],
        "isAvailable": False,
        "isExceedingIdealBookingPercentage": True,
        **fields,
    }


def answer(*slots: dict[str, Any]) -> dict[str, Any]:
    return {"timeStamp": MODIFIED, "availabilities": list(slots)}


def read(api: ScriptedApi, tap: Command, **config: Any) -> Run:
    run = tap.run(api.config | config, streams=("capacities",))
    assert run.exit_code == 0, run.stderr
    return run


def asked(api: ScriptedApi) -> list[dict[str, Any]]:
    bodies = [json.loads(call.body) for call in api.api_calls]
    return sorted(bodies, key=lambda body: body["startsOnOrAfter"])


@pytest.fixture(autouse=True)
def _this_machine_is_days_off() -> Iterator[None]:
    with time_machine.travel("2024-02-29T15:00:00Z"):
        yield


@pytest.fixture(autouse=True)
def _thursday(api: ScriptedApi) -> None:
    api.date = "Thu, 18 Jun 2026 15:00:00 GMT"


@pytest.mark.parametrize(
    ("now", "config", "spans"),
    [
        pytest.param(
            "2026-06-18T15:00Z",
            {},
            [
                "2026-06-17T00 2026-06-25T00",
                "2026-06-24T00 2026-07-02T00",
                "2026-07-01T00 2026-07-04T00",
            ],
            id="by default today and two weeks, a week a request",
        ),
        pytest.param(
            "2026-06-18T03:00Z",
            CHICAGO | days(0, 0, 7),
            ["2026-06-16T05 2026-06-19T05"],
            id="today is the local day",
        ),
        pytest.param(
            "2026-06-18T15:00Z",
            CHICAGO | days(3, 1, 3),
            ["2026-06-14T05 2026-06-18T05", "2026-06-17T05 2026-06-21T05"],
            id="days back",
        ),
        pytest.param(
            "2026-10-30T15:00Z",
            CHICAGO | days(0, 3, 2),
            [
                "2026-10-29T05 2026-11-01T05",
                "2026-10-31T05 2026-11-03T06",
                "2026-11-02T06 2026-11-04T06",
            ],
            id="clocks go back",
        ),
        pytest.param(
            "2026-11-01T06:30Z",
            CHICAGO | days(0, 0, 1),
            ["2026-10-31T05 2026-11-02T06", "2026-11-01T05 2026-11-03T06"],
            id="clocks go back within the hour",
        ),
        pytest.param(
            "2026-03-08T15:00Z",
            CHICAGO | days(0, 0, 1),
            ["2026-03-07T06 2026-03-09T05", "2026-03-08T06 2026-03-10T05"],
            id="clocks go forward",
        ),
        pytest.param(
            "2026-03-08T15:00Z",
            CHICAGO | days(0, 11, 14),
            ["2026-03-07T06 2026-03-21T05"],
            id="two weeks that are an hour short",
        ),
        pytest.param(
            "2026-10-26T15:00Z",
            CHICAGO | days(0, 11, 14),
            ["2026-10-25T05 2026-11-07T06", "2026-11-06T06 2026-11-08T06"],
            id="two weeks that are an hour too long for a request",
        ),
        pytest.param(
            "2026-04-24T12:00Z",
            {"timezone": "Africa/Cairo"} | days(0, 0, 1),
            ["2026-04-22T22 2026-04-24T21", "2026-04-23T22 2026-04-25T21"],
            id="a day without a midnight",
        ),
    ],
)
def test_whole_local_days_are_asked_for_and_the_nights_around_them_twice(
    api: ScriptedApi, tap: Command, now: str, config: dict[str, Any], spans: list[str]
) -> None:
    api.reply = routed({PATHS["capacities"]: answer()})
    api.date = format_datetime(datetime.fromisoformat(now), usegmt=True)
    read(api, tap, **config)
    found = [(body["startsOnOrAfter"], body["endsOnOrBefore"]) for body in asked(api)]
    assert found == [tuple(f"{bound}:00:00Z" for bound in span.split()) for span in spans]


def utc(day: float, hour: float = 0) -> datetime:
    """Return an instant of a made-up fortnight: the first of June and so many days and hours."""
    return datetime(2026, 6, 1, tzinfo=UTC) + timedelta(days=day, hours=hour)


@pytest.mark.no_cover
@pytest.mark.parametrize("per_request", [1, 14])
@pytest.mark.parametrize("zone", ["UTC", "America/Chicago", "Pacific/Honolulu", "Asia/Kolkata"])
def test_no_slot_of_a_day_is_lost_wherever_it_begins_and_ends_whatever_the_zone(
    api: ScriptedApi, tap: Command, zone: str, per_request: int
) -> None:
    """The API gives a slot to those only who ask for all of it."""
    lengths = (2, 13, 24)
    hours = [(day, hour, length) for day in range(30) for hour in range(24) for length in lengths]
    board = [(utc(day, hour), utc(day, hour + length)) for day, hour, length in hours]

    def reply(call: Call) -> Any:
        body = json.loads(call.body)
        low, high = (instants.parse(body[name]) for name in ("startsOnOrAfter", "endsOnOrBefore"))
        assert high - low <= timedelta(days=14)
        within = [each for each in board if low <= each[0] and each[1] <= high]
        return answer(
            *({"startUtc": instants.render(a), "endUtc": instants.render(b)} for a, b in within)
        )

    api.reply = routed({PATHS["capacities"]: reply})
    api.date = "Mon, 08 Jun 2026 15:00:00 GMT"
    run = read(api, tap, **days(2, 9, per_request), timezone=zone)
    midnight = datetime(2026, 6, 8, tzinfo=ZoneInfo(zone))
    begin, end = midnight - timedelta(days=2), midnight + timedelta(days=10)
    wanted = [each for each in board if each[0] < end and each[1] > begin]
    found = [(instants.parse(r["startUtc"]), instants.parse(r["endUtc"])) for r in run.records]
    assert sorted(found) == sorted(wanted)


def test_a_slot_that_does_not_say_when_it_is_comes_all_the_same(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = routed(
        {PATHS["capacities"]: answer(slot("soon"), slot("2026-06-18T08:00:00Z", endUtc=5))}
    )
    run = read(api, tap, **days(0, 0, 7))
    assert [record["startUtc"] for record in run.records] == ["soon", "2026-06-18T08:00:00Z"]


def test_each_tenant_of_a_group_has_days_of_its_own(api: ScriptedApi, tap: Command) -> None:
    group = Group(api)
    for number in (NORTH, SOUTH):
        group.answers[number, PATHS["capacities"]] = answer()
    own = {"tenant_id": SOUTH, "timezone": "Asia/Tokyo"}
    config = group.config | CHICAGO | days(0, 0, 1) | {"tenants": [NORTH, own]}
    run = tap.run(config, None, group_catalog("capacities"))
    assert run.exit_code == 0, run.stderr
    begun: dict[int, str] = {}
    for call in api.api_calls:
        number, start = int(call.path.split("/")[4]), json.loads(call.body)["startsOnOrAfter"]
        begun[number] = min(start, begun.get(number, start))
    day_before = {NORTH: "2026-06-17T05:00:00Z", SOUTH: "2026-06-17T15:00:00Z"}
    assert begun == day_before


def test_a_server_that_does_not_tell_its_time_is_an_error_in_one_line(
    api: ScriptedApi, tap: Command
) -> None:
    api.date = None
    run = tap.run(api.config, streams=("capacities",))
    assert_fails(run, "capacities: the server's answers have no time (no Date)")
    assert api.api_calls == []


def test_a_request_says_no_more_than_it_has_to(api: ScriptedApi, tap: Command) -> None:
    api.reply = routed({PATHS["capacities"]: answer()})
    read(api, tap, **days(0, 0, 7), capacity_business_unit_ids=[])
    [call] = api.api_calls
    assert (call.method, call.query) == ("POST", {})
    assert json.loads(call.body) == {
        "startsOnOrAfter": "2026-06-17T00:00:00Z",
        "endsOnOrBefore": "2026-06-20T00:00:00Z",
        "skillBasedAvailability": False,
    }


def test_business_units_job_type_and_skills_are_asked_for_by_setting(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = routed({PATHS["capacities"]: answer()})
    wanted = {
        "capacity_business_unit_ids": [5, 3],
        "capacity_job_type_id": 9,
        "capacity_skill_based_availability": True,
    }
    read(api, tap, **days(0, 0, 7), **wanted)
    [body] = asked(api)
    assert body["businessUnitIds"] == [5, 3]
    assert body["jobTypeId"] == 9
    assert body["skillBasedAvailability"] is True
    arguments = operation("capacities")["requestBody"]["content"]["application/json"]["schema"]
    assert body.keys() == resolved(arguments)["properties"].keys()


def test_a_record_is_the_slot_with_the_answers_time_stamp_and_a_key(
    api: ScriptedApi, tap: Command
) -> None:
    technician = {"id": 4, "name": "Ada", "status": "Available", "hasRequiredSkills": None}
    given = slot("2026-06-18T08:00:00Z", [30, 4, 200], technicians=[technician])
    api.reply = routed({PATHS["capacities"]: answer(given)})
    run = read(api, tap, **days(0, 0, 1))
    assert run.records == [{**given, "businessUnitKey": "4,30,200", "timeStamp": MODIFIED}]


def test_a_slot_without_technicians_is_a_row(api: ScriptedApi, tap: Command) -> None:
    api.reply = routed({PATHS["capacities"]: answer(slot("2026-06-18T08:00:00Z", technicians=[]))})
    [record] = read(api, tap, **days(0, 0, 1)).records
    assert record["technicians"] == []


@pytest.mark.parametrize(
    ("units", "key"),
    [([], "none"), (None, "none"), ([None], "none"), ([""], "none"), ([2, None, 1], "1,2")],
)
def test_no_slot_has_an_empty_key(api: ScriptedApi, tap: Command, units: Any, key: str) -> None:
    given = slot("2026-06-18T08:00:00Z", units)
    api.reply = routed({PATHS["capacities"]: answer(given)})
    [record] = read(api, tap, **days(0, 0, 1)).records
    assert (record["businessUnitIds"], record["businessUnitKey"]) == (units, key)


def test_nulls_do_not_stop_a_run(api: ScriptedApi, tap: Command) -> None:
    nulls = {**dict.fromkeys(slot("")), "startUtc": "s", "endUtc": "e"}
    bodies = iter([{"timeStamp": None, "availabilities": None}, answer(nulls)])
    api.reply = routed({PATHS["capacities"]: lambda _: next(bodies)})
    run = read(api, tap, **days(0, 0, 1), max_concurrent_requests=1)
    assert [record["startUtc"] for record in run.records] == ["s"]


def test_a_slot_that_comes_in_two_spans_is_written_once(api: ScriptedApi, tap: Command) -> None:
    night = slot("2026-06-18T23:00:00Z", [1, 2])
    same = slot("2026-06-18T23:00:00Z", [2, 1])
    other = slot("2026-06-18T23:00:00Z", [1])
    slots = {"2026-06-17T00:00:00Z": [night, other], "2026-06-18T00:00:00Z": [same]}
    api.reply = routed(
        {PATHS["capacities"]: lambda call: answer(*slots[json.loads(call.body)["startsOnOrAfter"]])}
    )
    run = read(api, tap, **days(0, 0, 1))
    assert [record["businessUnitIds"] for record in run.records] == [[1, 2], [1]]


class HoldsTheFirst:
    """Answers the first request only once the second has come, or after a time."""

    def __init__(self, at_most_seconds: float) -> None:
        self._at_most_seconds = at_most_seconds
        self.second_came = threading.Event()
        self.overlapped: bool | None = None

    def __call__(self, call: Call) -> Any:
        start = json.loads(call.body)["startsOnOrAfter"]
        if start == IN_ORDER[0]:
            self.overlapped = self.second_came.wait(self._at_most_seconds)
        else:
            self.second_came.set()
        return answer(slot(start))


IN_ORDER = [f"2026-06-{day}T00:00:00Z" for day in (17, 18, 19, 20)]


def test_requests_overlap_and_records_come_in_order(api: ScriptedApi, tap: Command) -> None:
    holds = HoldsTheFirst(at_most_seconds=30)
    api.reply = routed({PATHS["capacities"]: holds})
    run = read(api, tap, **days(0, 2, 1), max_concurrent_requests=2)
    assert holds.overlapped
    assert [record["startUtc"] for record in run.records] == IN_ORDER


def test_no_more_requests_overlap_than_the_setting_says(api: ScriptedApi, tap: Command) -> None:
    holds = HoldsTheFirst(at_most_seconds=0.2)
    api.reply = routed({PATHS["capacities"]: holds})
    run = read(api, tap, **days(0, 2, 1), max_concurrent_requests=1)
    assert holds.overlapped is False
    assert [record["startUtc"] for record in run.records] == IN_ORDER


def test_no_bookmark_is_stored_nor_resumed_from(api: ScriptedApi, tap: Command) -> None:
    api.reply = routed({PATHS["capacities"]: answer(slot("2026-06-18T08:00:00Z"))})
    first = read(api, tap, **days(0, 0, 1))
    assert "replication_key_value" not in first.states[-1]["bookmarks"]["capacities"]
    second = tap.run(api.config | days(0, 0, 1), first.states[-1], streams=("capacities",))
    assert second.records == first.records


def test_a_window_that_is_refused_ends_the_run(api: ScriptedApi, tap: Command) -> None:
    refusal = Answer({"title": "The maximum allowed range is 14 days."}, status=400)
    api.reply = routed({PATHS["capacities"]: refusal})
    one = days(0, 0, 7)  # others that are under way would outlive the test
    run = tap.run(api.config | one, streams=("capacities",))
    assert run.exit_code == 1
    [error] = run.errors
    assert error.startswith("capacities: the API rejected the request")


@pytest.mark.parametrize(
    "body", [{}, {"availabilities": {"a": 1}}, {"availabilities": [5]}, [], '"no"']
)
def test_an_answer_without_slots_is_an_error_in_one_line(
    api: ScriptedApi, tap: Command, body: Any
) -> None:
    api.reply = routed({PATHS["capacities"]: body})
    run = tap.run(api.config, streams=("capacities",))
    assert_fails(run, "capacities: the API's answer should have")


# What an answer may leave out, and what is kept

NOT_SET = "capacity_business_unit_ids is not set, and the API may leave out business units"


@pytest.mark.parametrize("units", [None, [], [5]])
def test_what_it_may_cost_to_name_no_business_units_is_told_once(
    api: ScriptedApi, tap: Command, units: list[int] | None
) -> None:
    api.reply = routed({PATHS["capacities"]: answer()})
    named = {} if units is None else {"capacity_business_unit_ids": units}
    run = read(api, tap, **days(0, 6, 2), **named)
    assert run.stderr.count(NOT_SET) == (0 if units else 1)
    checked = tap.run(
        api.config | named, None, catalog_of("capacities"), "--check", streams=("capacities",)
    )
    assert checked.exit_code == 0, checked.stdout
    assert checked.stdout.count(NOT_SET) == (0 if units else 1)


@pytest.mark.parametrize("tenants", [None, [1234]])
def test_what_was_told_once_is_not_told_in_each_run(
    api: ScriptedApi, tap: Command, tenants: list[int] | None
) -> None:
    api.reply = routed({PATHS["capacities"]: answer()})
    config = api.config | {"extra_streams": ["capacities"]}
    if tenants:
        config = {name: value for name, value in config.items() if name != "tenant_id"}
        config["tenants"] = tenants
    catalog = tap.discover("capacities", **config)
    first = tap.run(config, None, catalog)
    second = tap.run(config, first.states[-1], catalog)
    assert (first.exit_code, second.exit_code) == (0, 0)
    of_others = tap.run(config, {"bookmarks": {"business_hours": {}}}, catalog)
    assert [run.stderr.count(NOT_SET) for run in (first, second, of_others)] == [1, 0, 1]


def test_where_capacities_are_not_selected_nothing_is_told_of_them(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = routed({})
    config = api.config | {"extra_streams": ["capacities"]}
    catalog = catalog_of("zones")
    assert NOT_SET not in tap.run(config, None, catalog, "--check").stdout
    assert NOT_SET not in tap.run(config, None, catalog).stderr


def test_each_forecast_can_have_a_key_of_its_own(api: ScriptedApi, tap: Command) -> None:
    api.reply = routed({PATHS["capacities"]: answer(slot("2026-06-18T08:00:00Z"))})
    config = api.config | {"extra_streams": ["capacities"], "keep_history": ["capacities"]}
    run = tap.run(config, None, tap.discover("capacities", **config))
    [schema] = [
        message
        for message in run.messages
        if (message["type"], message.get("stream")) == ("SCHEMA", "capacities")
    ]
    usual = ["startUtc", "endUtc", "businessUnitKey"]
    assert schema["key_properties"] == [*usual, "timeStamp"]
    assert {*usual, "timeStamp"} <= {*schema["schema"]["required"]}
    assert schema["schema"]["properties"]["timeStamp"]["type"] == ["string"]
    older = tap.run(config, None, catalog_of("capacities"))
    assert_fails(older, "it was made before the setting keep_history was set")


def test_the_tenant_of_a_group_stays_the_first_part_of_its_key(tap: Command) -> None:
    config = {
        "environment": "sandbox",
        "tenants": [1],
        "extra_streams": ["capacities"],
        "keep_history": ["capacities"],
    }
    streams = tap.discover(**config)["streams"]
    [keys] = [each["key_properties"] for each in streams if each["stream"] == "capacities"]
    assert (keys[0], keys[-1]) == ("tenantId", "timeStamp")


def test_a_forecast_without_a_time_has_that_of_never_in_its_key(
    api: ScriptedApi, tap: Command
) -> None:
    timeless = answer(slot("2026-06-18T08:00:00Z")) | {"timeStamp": None}
    api.reply = routed({PATHS["capacities"]: timeless})
    config = api.config | {"extra_streams": ["capacities"], "keep_history": ["capacities"]}
    run = tap.run(config, None, tap.discover("capacities", **config))
    assert [record["timeStamp"] for record in run.records] == ["1900-01-01T00:00:00Z"]

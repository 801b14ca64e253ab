"""Answers that nobody documented: values come out untouched, and nothing is dropped silently."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch import instants
from tests.support.odd_answers import (
    ADDED,
    ASSIGNMENTS,
    KEYS,
    LOOKUP,
    ODD_VALUES,
    ONE_DAY,
    Body,
    answers,
    feed,
    fields_of,
)
from tests.support.runs import Run, assert_fails, bookmarked
from tests.support.scripted_api import (
    MODIFIED,
    TOKEN,
    Answer,
    Call,
    ScriptedApi,
    listed,
    page,
    routed,
    row,
)
from tests.support.streams import LISTS, PATHS

if TYPE_CHECKING:
    from tests.support.runs import Command


def read(api: ScriptedApi, tap: Command, *streams: str, state: Any = None, **found: Any) -> Run:
    """Run for some streams; `found` are the answers by path."""
    api.reply = routed(found)
    return tap.run(api.config | ONE_DAY, state, streams=streams)


def exactly(records: Any) -> str:
    """Return records so that 1, 1.0 and true differ."""
    return json.dumps(records, sort_keys=True)


def said(run: Run) -> list[str]:
    """Return what the log warns of."""
    return [line.split("| ", 2)[-1] for line in run.stderr.splitlines() if "| WARNING" in line]


@pytest.mark.no_cover
@pytest.mark.parametrize("value", ODD_VALUES, ids=lambda value: json.dumps(value)[:28])
@pytest.mark.parametrize("stream", KEYS)
def test_a_value_of_any_kind_comes_out_as_it_came(
    api: ScriptedApi, tap: Command, stream: str, value: Any
) -> None:
    fields = dict.fromkeys(fields_of(stream), value)
    assert fields
    added = dict(ADDED[stream])
    if stream == "capacities" and value and isinstance(value, list):
        added["businessUnitKey"] = ",".join(str(each) for each in reversed(value) if each)
    run = read(api, tap, stream, **answers(stream, KEYS[stream] | fields))
    assert run.exit_code == 0
    assert exactly(run.records) == exactly([KEYS[stream] | fields | added])


@pytest.mark.parametrize("stream", KEYS)
def test_fields_that_are_missing_stay_missing(api: ScriptedApi, tap: Command, stream: str) -> None:
    run = read(api, tap, stream, **answers(stream, KEYS[stream]))
    assert (run.exit_code, run.records) == (0, [KEYS[stream] | ADDED[stream]])


@pytest.mark.no_cover
@pytest.mark.parametrize("key", [2**53 + 1, 2**63, 10**25, "7", "007", "a_b", 0, -1])
@pytest.mark.parametrize("stream", ["appointment_assignments", "arrival_windows", "zones"])
def test_a_key_of_any_kind_comes_out_as_it_came(
    api: ScriptedApi, tap: Command, stream: str, key: Any
) -> None:
    run = read(api, tap, stream, **answers(stream, {"id": key}))
    assert exactly(run.records) == exactly([{"id": key} | ADDED[stream]])


@pytest.mark.parametrize("pair", [("7", "12"), (2**53 + 1, 2**63)])
def test_a_pair_of_tracking_comes_out_as_it_came(
    api: ScriptedApi, tap: Command, pair: tuple[Any, Any]
) -> None:
    key = {"technicianId": pair[0], "appointmentId": pair[1]}
    live = listed(row(1, status="Working", **key))
    run = read(api, tap, "technician_tracking", **{ASSIGNMENTS: live, LOOKUP: {}})
    assert exactly(run.records) == exactly([key])
    assert api.api_calls[-1].query == {name: str(value) for name, value in key.items()}


@pytest.mark.parametrize("number", [None, 7.5, [7]])
def test_a_live_assignment_that_cannot_be_looked_up_is_said(
    api: ScriptedApi, tap: Command, number: Any
) -> None:
    rows = [row(1, status="Working", technicianId=number), row(2, status="Working")]
    run = read(api, tap, "technician_tracking", **{ASSIGNMENTS: listed(*rows), LOOKUP: {}})
    assert run.records == [ADDED["technician_tracking"]]
    assert sum("1 live assignments have no valid number" in line for line in said(run)) == 1


# Rows without a key


@pytest.mark.parametrize("value", [{}, {"id": None}, {"id": ""}], ids=["missing", "null", "empty"])
@pytest.mark.parametrize("stream", ["appointment_assignments", "arrival_windows", *LISTS])
def test_a_row_without_its_key_is_an_error_that_names_it(
    api: ScriptedApi, tap: Command, stream: str, value: Body
) -> None:
    run = read(api, tap, stream, **answers(stream, {"name": "North", **value}))
    has = ", ".join(sorted({"name", *value, *ADDED.get(stream, {})}))
    assert_fails(run, f"{stream}: the API gave a row without id, it has: {has}. What to do")
    assert (run.records, run.exit_code) == ([], 1)


@pytest.mark.parametrize("key", ["startUtc", "endUtc"])
@pytest.mark.parametrize("value", [{}, None], ids=["missing", "null"])
def test_a_slot_without_its_key_is_an_error_that_names_it(
    api: ScriptedApi, tap: Command, key: str, value: Any
) -> None:
    slot = {name: time for name, time in KEYS["capacities"].items() if name != key}
    slot |= {key: None} if value is None else {}
    run = read(api, tap, "capacities", **answers("capacities", slot))
    assert_fails(run, f"capacities: the API gave a row without {key}")


def test_a_row_without_its_key_keeps_the_bookmark_of_the_page_before(
    api: ScriptedApi, tap: Command
) -> None:
    def reply(call: Call) -> Answer:
        return Answer(
            feed({"name": "?"}) if "from" in call.query else page(1, more=True, token="t1")
        )

    api.reply = reply
    run = tap.run(api.config)
    assert_fails(run, "a row without id")
    assert (run.ids, run.bookmark) == ([1], "t1")


# Fields that nobody knows


@pytest.mark.parametrize("stream", KEYS)
def test_an_unknown_field_is_left_out_and_said(api: ScriptedApi, tap: Command, stream: str) -> None:
    run = read(api, tap, stream, **answers(stream, KEYS[stream] | {"etaMinutes": 4}))
    assert run.records == [KEYS[stream] | ADDED[stream]]
    [line] = [line for line in said(run) if "etaMinutes" in line]
    assert (
        f"tap-servicetitan-dispatch.{stream} | The API sends fields that are not in the schema"
        in line
    )


def test_an_unknown_field_is_said_once_a_stream_over_all_pages(
    api: ScriptedApi, tap: Command
) -> None:
    def windows(call: Call) -> Body:
        number = int(call.query["page"])
        return listed(*({"id": 10 * number + n, "eta": n} for n in range(3)), more=number < 3)

    found = {PATHS["arrival_windows"]: windows, PATHS["zones"]: listed({"id": 1, "eta": 5})}
    run = read(api, tap, "arrival_windows", "zones", **found)
    assert len(run.ids) == 10
    streams = [line.split("dispatch.")[1].split(" ")[0] for line in said(run) if " eta." in line]
    assert sorted(streams) == ["arrival_windows", "zones"]


def test_a_field_that_comes_later_is_said_as_well(api: ScriptedApi, tap: Command) -> None:
    rows = [{"id": 1, "eta": 1}, {"id": 2, "eta": 1, "mood": 2}, {"id": 3, "mood": 2}]
    run = read(api, tap, "zones", **{PATHS["zones"]: listed(*rows)})
    new = [line.split("schema: ")[1].split(".")[0] for line in said(run) if "schema: " in line]
    assert new == ["eta", "mood"]


def test_a_field_that_nobody_knows_inside_of_another_is_left_out_and_said(
    api: ScriptedApi, tap: Command
) -> None:
    hours = {"weekdays": [{"fromHour": 8, "toHour": 12, "lunch": "long"}]}
    run = read(api, tap, "business_hours", **{PATHS["business_hours"]: hours})
    assert run.records == [{"tenantId": 1234, "weekdays": [{"fromHour": 8, "toHour": 12}]}]
    [line] = said(run)
    assert (
        "The API sends fields that are not in the schema: weekdays[].lunch. They are left" in line
    )


# Pages


def edited_at(minute: int) -> str:
    return f"2026-11-01T08:{minute:02}:00Z"


def server_of(rows: list[Body], size: int) -> Any:
    """Return a list that sorts and filters as documented, and gives pages of a size of its own."""

    def reply(call: Call) -> Body:
        bound = call.query.get("modifiedOnOrAfter", "0001-01-01T00:00:00Z")
        below = call.query.get("modifiedBefore", "9999-01-01T00:00:00Z")
        times = instants.parse(bound), instants.parse(below)
        found = [each for each in rows if times[0] <= instants.parse(each["modifiedOn"]) < times[1]]
        sort = call.query["sort"]
        found.sort(
            key=lambda each: each["id"] if "Id" in sort else instants.parse(each["modifiedOn"]),
            reverse=sort.startswith("-"),
        )
        end = int(call.query["page"]) * size
        return listed(*found[end - size : end], more=end < len(found)) | {"totalCount": len(found)}

    return reply


@pytest.mark.parametrize("asked", [1, 3, 50, 5000])
@pytest.mark.parametrize("given", [2, 3, 100])
def test_a_page_of_another_size_than_asked_loses_nothing(
    api: ScriptedApi, tap: Command, asked: int, given: int
) -> None:
    rows = [{"id": number, "modifiedOn": edited_at(number)} for number in range(10)]
    api.reply = routed({PATHS["zones"]: server_of(rows, given)})
    run = tap.run(api.config | {"page_size": asked}, streams=("zones",))
    assert run.ids == [*range(10)]
    assert run.states[-1]["bookmarks"]["zones"]["replication_key_value"] == edited_at(9)


@pytest.mark.parametrize(
    "numbers", [{"page": 7, "pageSize": 0}, {"page": "first", "totalCount": "many"}, {}]
)
def test_what_a_page_says_of_its_number_and_size_does_not_matter(
    api: ScriptedApi, tap: Command, numbers: Body
) -> None:
    body = {"hasMore": False, "data": [{"id": 1}], **numbers}
    assert read(api, tap, "zones", **{PATHS["zones"]: body}).ids == [1]


def test_rows_that_come_twice_are_written_as_often_as_they_come(
    api: ScriptedApi, tap: Command
) -> None:
    """Targets tell them by their key; to drop one, one would have to know which is right."""
    twice = [{"id": 1, "name": "old"}, {"id": 1, "name": "new"}, {"id": 1, "name": "new"}]
    for stream in ("appointment_assignments", "zones", "arrival_windows"):
        body = feed(*twice) if stream == "appointment_assignments" else listed(*twice)
        assert read(api, tap, stream, **{PATHS[stream]: body}).ids == [1, 1, 1]


def test_a_page_of_the_feed_that_repeats_rows_of_the_one_before_is_written(
    api: ScriptedApi, tap: Command
) -> None:
    def reply(call: Call) -> Answer:
        return Answer(
            page(2, 3, more=False, token="t2")
            if "from" in call.query
            else page(1, 2, more=True, token="t1")
        )

    api.reply = reply
    run = tap.run(api.config)
    assert (run.ids, run.bookmark) == ([1, 2, 2, 3], "t2")


@pytest.mark.parametrize("stream", ["arrival_windows", *LISTS])
def test_a_list_that_ignores_the_page_is_an_error_and_not_endless(
    api: ScriptedApi, tap: Command, stream: str
) -> None:
    same = [{"id": number, "modifiedOn": MODIFIED} for number in range(3)]
    run = read(api, tap, stream, **{PATHS[stream]: listed(*same, more=True)})
    assert_fails(run, f"{stream}: page ")
    assert "brings nothing new but says hasMore: true, so the list might never" in run.errors[0]
    assert {*run.ids} == {0, 1, 2}
    assert "replication_key_value" not in str(run.states[-1:])


BODIES = [
    None,
    [],
    [1],
    5,
    '"text"',
    {},
    {"data": None, "hasMore": False},
    {"data": [], "hasMore": 1},
]


@pytest.mark.no_cover
@pytest.mark.parametrize("body", BODIES, ids=json.dumps)
@pytest.mark.parametrize("stream", ["arrival_windows", "technician_tracking", "zones"])
def test_a_list_of_another_shape_is_an_error_in_one_line(
    api: ScriptedApi, tap: Command, stream: str, body: Any
) -> None:
    path = ASSIGNMENTS if stream == "technician_tracking" else PATHS[stream]
    answer = Answer("null") if body is None else Answer(body)
    state = bookmarked(MODIFIED, "modifiedOn", stream)
    run = read(api, tap, stream, state=state, **{path: answer})
    assert_fails(run, f"{stream}: the API's answer should have")
    assert [each for each in run.states if each != state] == []


# Times


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("times", "latest"),
    [
        ([edited_at(1), "9999-12-31T23:59:59.9999999Z"], edited_at(1)),
        ([edited_at(1), "0001-01-01T00:00:00"], edited_at(1)),
        ([edited_at(1), "1900-01-01T00:00:00Z"], edited_at(1)),
        ([edited_at(1), None], edited_at(1)),
        ([edited_at(1), 1793520000, "soon", ["2027"]], edited_at(1)),
        (["2026-11-01T10:30:00+05:30", "2026-11-01T04:59:59Z"], "2026-11-01T10:30:00+05:30"),
        (["2026-11-01T08:00:00", "2026-11-01T07:59:59Z"], "2026-11-01T08:00:00"),
        (["2026-11-01T08:00:00.5Z", "2026-11-01T08:00:00Z"], "2026-11-01T08:00:00.5Z"),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
def test_the_bookmark_is_the_latest_time_that_makes_sense(
    api: ScriptedApi, tap: Command, times: list[Any], latest: str, *, reverse: bool
) -> None:
    rows = [{"id": number, "modifiedOn": time} for number, time in enumerate(times)]
    found = {PATHS["zones"]: listed(*rows[:: -1 if reverse else 1])}
    first = read(api, tap, "zones", **found)
    assert sorted(first.ids) == [*range(len(times))]
    assert first.states[-1]["bookmarks"]["zones"]["replication_key_value"] == latest
    second = read(api, tap, "zones", state=first.states[-1], **found)
    assert (second.exit_code, sorted(second.ids)) == (0, sorted(first.ids))


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59Z", "1753-01-01T00:00:00", "soon", 5, None])
@pytest.mark.parametrize("state", [None, bookmarked(edited_at(0), "modifiedOn", "zones")])
def test_a_time_that_makes_no_sense_is_no_bookmark(
    api: ScriptedApi, tap: Command, time: Any, state: Any
) -> None:
    run = read(
        api, tap, "zones", state=state, **{PATHS["zones"]: listed({"id": 1, "modifiedOn": time})}
    )
    assert (run.exit_code, run.ids) == (0, [1])
    stored = run.states[-1]["bookmarks"]["zones"].get("replication_key_value")
    assert stored == (edited_at(0) if state else None)


def test_pages_of_rows_of_the_year_9999_are_read_to_the_end(api: ScriptedApi, tap: Command) -> None:
    def by_number(call: Call) -> Body:
        number = int(call.query["page"])
        rows = [{"id": 2 * number + n, "modifiedOn": "9999-12-31T23:59:59Z"} for n in range(2)]
        return listed(*rows, more=number < 3) | {"totalCount": 6}

    run = read(api, tap, "zones", **{PATHS["zones"]: by_number})
    assert (run.exit_code, sorted({*run.ids})) == (0, [2, 3, 4, 5, 6, 7])


# Filters that are not honoured


@pytest.mark.parametrize("stream", LISTS)
def test_rows_older_than_the_bound_are_said_once_and_written(
    api: ScriptedApi, tap: Command, stream: str
) -> None:
    rows = [{"id": number, "modifiedOn": edited_at(number)} for number in range(20)]
    state = bookmarked(edited_at(10), "modifiedOn", stream)
    run = read(api, tap, stream, state=state, **{PATHS[stream]: listed(*rows)})
    assert run.ids == [*range(20)]
    [line] = [line for line in said(run) if "another type" not in line]  # of an id, of skills
    assert f"tap-servicetitan-dispatch.{stream} |" in line
    assert "gave 5 rows that were modified before 2026-11-01T08:05:00Z" in line
    assert "it ignores modifiedOnOrAfter" in line
    assert run.states[-1]["bookmarks"][stream]["replication_key_value"] == edited_at(19)


def test_rows_older_than_the_bound_are_said_once_over_several_pages(
    api: ScriptedApi, tap: Command
) -> None:
    rows = [{"id": number, "modifiedOn": edited_at(number)} for number in range(9)]
    honest = server_of(rows, 4)

    def deaf(call: Call) -> Body:
        """Return pages that begin two minutes below what was asked for."""
        if bound := call.query.get("modifiedOnOrAfter"):
            earlier = instants.parse(bound) - timedelta(minutes=2)
            call.query["modifiedOnOrAfter"] = instants.render(earlier)
        body: Body = honest(call)
        return body

    state = bookmarked(edited_at(8), "modifiedOn", "zones")
    run = read(api, tap, "zones", state=state, **{PATHS["zones"]: deaf})
    assert {*run.ids} == {*range(1, 9)}
    assert len(api.api_calls) > 2
    assert sum("it ignores modifiedOnOrAfter" in line for line in said(run)) == 1


def test_rows_that_were_asked_for_are_not_warned_of(api: ScriptedApi, tap: Command) -> None:
    rows = [{"id": 1, "modifiedOn": edited_at(5)}, {"id": 2, "modifiedOn": edited_at(0)}]
    state = bookmarked(edited_at(5), "modifiedOn", "zones")
    run = read(api, tap, "zones", state=state, **{PATHS["zones"]: listed(*rows)})
    assert (run.ids, said(run)) == ([1, 2], [])


@pytest.mark.parametrize("time", [None, "0001-01-01T00:00:00Z", "soon"])
def test_rows_that_do_not_say_when_they_were_modified_are_counted_once_a_run(
    api: ScriptedApi, tap: Command, time: Any
) -> None:
    rows = [{"id": number, "modifiedOn": time} for number in range(7)]
    run = read(api, tap, "zones", **{PATHS["zones"]: listed(*rows)})
    assert run.ids == [*range(7)]
    [line] = said(run)
    assert "dispatch.zones | zones: rows without a valid modifiedOn: 7." in line
    assert "--full-refresh" in line


# JSON


def test_a_byte_order_mark_before_the_json_is_understood(api: ScriptedApi, tap: Command) -> None:
    token = json.dumps({"access_token": TOKEN, "expires_in": 900})
    api.token_reply = lambda _: Answer("\ufeff" + token)
    body = Answer("\ufeff" + json.dumps(listed({"id": 1, "name": "\ufeffNorth"})))
    run = read(api, tap, "zones", **{PATHS["zones"]: body})
    assert run.records == [{"id": 1, "name": "\ufeffNorth"}]


def test_a_value_that_is_deeply_nested_comes_out_as_it_came(api: ScriptedApi, tap: Command) -> None:
    deep = "[" * 300 + "]" * 300
    body = Answer(f'{{"hasMore":false,"data":[{{"id":1,"zips":{deep}}}]}}')
    run = read(api, tap, "zones", **{PATHS["zones"]: body})
    assert deep in run.stdout


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        "[" * 50_000 + "]" * 50_000,
        '{"a":' * 50_000 + "1" + "}" * 50_000,
        '{"hasMore":false,"data":[{"id":NaN}]}',
        '{"hasMore":false,"data":[{"id":1}',
        "",
        "\ufeff",
    ],
    ids=["open", "deep list", "deep object", "NaN", "cut", "empty", "BOM only"],
)
def test_what_is_no_json_is_an_error_in_one_line(api: ScriptedApi, tap: Command, body: str) -> None:
    run = read(api, tap, "zones", **{PATHS["zones"]: Answer(body)})
    assert_fails(run, "zones: the answer is not JSON")

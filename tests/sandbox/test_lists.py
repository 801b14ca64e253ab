from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.sandbox import Behaviour
from tap_servicetitan_dispatch.sandbox.world.instants import SECOND, parse
from tests.support.caller import Caller
from tests.support.streams import ANY, LISTS, PAGED, PATHS, STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVERYTHING = {"active": "Any", "includeInactive": True, "pageSize": 5_000}
ALL = [PATHS[stream] for stream in PAGED]
SORTABLE = [PATHS[stream] for stream in LISTS]


@pytest.fixture(scope="module")
def exact() -> Iterator[Caller]:
    """A sandbox that sorts exactly, to read only."""
    with Caller.of(assignments=4_000, behaviour=Behaviour(list_order="exact")) as caller:
        yield caller


def rows(caller: Caller, family: str, **query: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.get(family, **(EVERYTHING | query))["data"]
    return found


@pytest.mark.parametrize("family", ALL)
def test_pages_cut_the_list_into_pieces(reader: Caller, family: str) -> None:
    everything = rows(reader, family)
    size = max(2, len(everything) // 4)
    pages: list[dict[str, Any]] = []
    while not pages or pages[-1]["hasMore"]:
        page = reader.get(family, **(EVERYTHING | {"page": len(pages) + 1, "pageSize": size}))
        assert (page["page"], page["pageSize"]) == (len(pages) + 1, size)
        pages.append(page)
    assert [row for page in pages for row in page["data"]] == everything
    assert len(pages) > 1


@pytest.mark.parametrize("family", ALL)
def test_the_total_is_counted_if_asked_for(reader: Caller, family: str) -> None:
    query = EVERYTHING | {"pageSize": 1}
    assert reader.get(family, **query)["totalCount"] is None
    total = reader.get(family, **query, includeTotal="True")["totalCount"]
    assert total == len(rows(reader, family))


def test_a_page_has_fifty_rows_by_default(reader: Caller) -> None:
    page = reader.get("appointment-assignments")
    assert len(page["data"]) == page["pageSize"] == 50


def test_a_page_beyond_the_end_is_empty(reader: Caller) -> None:
    page = reader.get("zones", page=99)
    assert page == {"page": 99, "pageSize": 50, "hasMore": False, "totalCount": None, "data": []}


@pytest.mark.parametrize("family", SORTABLE)
@pytest.mark.parametrize("field", ["Id", "CreatedOn", "ModifiedOn"])
def test_lists_are_sorted_up_and_down(exact: Caller, family: str, field: str) -> None:
    name = field[:1].lower() + field[1:]

    def value(row: dict[str, Any]) -> Any:
        return row["id"] if field == "Id" else parse(row[name])

    up = [value(row) for row in rows(exact, family, sort=f"+{field}")]
    down = [value(row) for row in rows(exact, family, sort=f"-{field}")]
    assert up == sorted(up)
    assert down == up[::-1]
    assert len(up) == len(rows(exact, family))


@pytest.mark.parametrize("family", ALL)
def test_lists_are_sorted_by_id_by_default(reader: Caller, family: str) -> None:
    ids = [row["id"] for row in rows(reader, family)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_the_order_of_modification_is_exact_to_the_second_only(exact: Caller) -> None:
    with Caller.of(assignments=4_000) as caller:
        found = [
            parse(row["modifiedOn"])
            for row in rows(caller, "appointment-assignments", sort="+ModifiedOn")
        ]
    assert found != sorted(found)
    seconds = [instant // SECOND for instant in found]
    assert seconds == sorted(seconds)
    ordered = rows(exact, "appointment-assignments", sort="+ModifiedOn")
    assert sorted(found) == [parse(row["modifiedOn"]) for row in ordered]


@pytest.mark.parametrize("value", ["ModifiedOn", " ModifiedOn", "+Name", "+modifiedon"])
def test_a_bad_sort_gets_the_body_seen_in_production(reader: Caller, value: str) -> None:
    body = reader.refused("GET", "zones", sort=value, page=0)
    assert body == {"errors": {"sort": [f"The value '{value}' is not valid for Sort."]}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pageSize", 5001),
        ("pageSize", 0),
        ("page", 0),
        ("page", "two"),
        ("includeTotal", "1"),
        ("active", "Yes"),
        ("modifiedBefore", "2026-06-18T15:00:00 00:00"),
    ],
)
def test_a_bad_value_is_refused_by_field(reader: Caller, name: str, value: object) -> None:
    body = reader.refused("GET", "technician-shifts", **{name: value})
    title = name[0].upper() + name[1:]
    assert body["errors"] == {name: [f"The value '{value}' is not valid for {title}."]}


@pytest.mark.parametrize("family", ["appointment-assignments", "non-job-appointments"])
def test_up_to_fifty_ids_can_be_looked_up(reader: Caller, family: str) -> None:
    everything = rows(reader, family)
    wanted = everything[1:40:3]
    ids = ",".join(str(row["id"]) for row in wanted)
    assert rows(reader, family, ids=ids) == wanted
    body = reader.refused("GET", family, ids=",".join(map(str, range(51))))
    assert "At most 50" in body["errors"]["ids"][0]
    assert "ids" in reader.refused("GET", family, ids="1,x")["errors"]


@pytest.mark.parametrize("family", SORTABLE)
@pytest.mark.parametrize("field", ["created", "modified"])
def test_bounds_of_time_are_inclusive_below_and_exclusive_above(
    reader: Caller, family: str, field: str
) -> None:
    everything = rows(reader, family)

    def instant(row: dict[str, Any]) -> int:
        return parse(row[f"{field}On"])

    low, high = (sorted(everything, key=instant)[len(everything) * n // 4] for n in (1, 3))
    since = rows(reader, family, **{f"{field}OnOrAfter": low[f"{field}On"]})
    before = rows(reader, family, **{f"{field}Before": high[f"{field}On"]})
    assert since == [row for row in everything if instant(row) >= instant(low)]
    assert before == [row for row in everything if instant(row) < instant(high)]
    assert 0 < len(since) <= len(everything)
    assert len(before) < len(everything)


def test_arrival_windows_are_chosen_by_their_hidden_date_of_creation(reader: Caller) -> None:
    everything = rows(reader, "arrival-windows")
    since = rows(reader, "arrival-windows", createdOnOrAfter="2019-04-01T20:00Z")
    before = rows(reader, "arrival-windows", createdBefore="2019-04-01T20:00Z")
    assert before + since == everything
    assert before
    assert since


@pytest.mark.parametrize("stream", PAGED)
def test_inactive_rows_are_asked_for_as_each_endpoint_spells_it(exact: Caller, stream: str) -> None:
    expected = STREAMS[stream]
    active = exact.rows(expected.path, **expected.active_only)
    every = exact.rows(expected.path, **expected.inactive_too)
    assert {row["active"] for row in active} == {True}
    assert {row["active"] for row in every} == {True, False}
    assert active == [row for row in every if row["active"]]
    if expected.inactive_too == ANY:
        inactive = exact.rows(expected.path, active="False")
        assert inactive == [row for row in every if not row["active"]]


FILTERS: list[tuple[str, str, Any, Callable[[dict[str, Any]], bool]]] = [
    ("technician-shifts", "shiftType", "TimeOff", lambda row: row["shiftType"] == "TimeOff"),
    ("technician-shifts", "titleContains", "late", lambda row: "Late" in row["title"]),
    ("technician-shifts", "noteContains", "SICK", lambda row: "sick" in (row["note"] or "")),
    (
        "technician-shifts",
        "startsOnOrAfter",
        "2026-06-18",
        lambda row: row["start"] >= "2026-06-18",
    ),
    (
        "technician-shifts",
        "endsOnOrBefore",
        "2026-06-18T22:00:00Z",
        lambda row: row["end"] <= "2026-06-18T22:00:00Z",
    ),
    (
        "non-job-appointments",
        "startsOnOrAfter",
        "2026-06-18",
        lambda row: row["start"] >= "2026-06-18",
    ),
    (
        "non-job-appointments",
        "startsOnOrBefore",
        "2026-06-18T13:00:00Z",
        lambda row: row["start"] <= "2026-06-18T13:00:00Z",
    ),
    ("non-job-appointments", "timesheetCodeId", 0, lambda row: row["timesheetCodeId"] == 0),
    (
        "non-job-appointments",
        "showOnTechnicianSchedule",
        "False",
        lambda row: not row["showOnTechnicianSchedule"],
    ),
]


@pytest.mark.parametrize(("family", "name", "value", "fits"), FILTERS)
def test_filters_choose_rows(
    exact: Caller, family: str, name: str, value: object, fits: Callable[[dict[str, Any]], bool]
) -> None:
    everything = rows(exact, family)
    chosen = rows(exact, family, **{name: value})
    assert chosen == [row for row in everything if fits(row)]
    assert 0 < len(chosen) < len(everything)


@pytest.mark.parametrize(
    ("family", "name", "field"),
    [
        ("appointment-assignments", "jobId", "jobId"),
        ("appointment-assignments", "appointmentIds", "appointmentId"),
        ("non-job-appointments", "technicianId", "technicianId"),
        ("technician-shifts", "technicianId", "technicianId"),
        ("technician-skills", "technicianId", "technicianId"),
    ],
)
def test_rows_are_found_by_what_they_belong_to(
    reader: Caller, family: str, name: str, field: str
) -> None:
    everything = rows(reader, family)
    value = everything[len(everything) // 2][field]
    chosen = rows(reader, family, **{name: value})
    assert chosen == [row for row in everything if row[field] == value]
    assert 0 < len(chosen) < len(everything)


@pytest.mark.parametrize("family", [one for one in ALL if one != "appointment-assignments"])
def test_a_row_is_found_by_its_id_and_missing_otherwise(reader: Caller, family: str) -> None:
    row = rows(reader, family)[-1]
    found = reader.get(f"{family}/{row['id']}")
    assert found.items() <= row.items()
    assert row.keys() - found.keys() <= {"modifiedOn"}
    missing = reader.call("GET", f"{family}/7")
    assert missing.status_code == 404
    assert "7 was not found" in missing.json()["title"]
    if family != "technician-skills":
        odd = reader.call("GET", f"{family}/seven")
        assert (odd.status_code, odd.json()["statusCode"]) == (404, 404)


@pytest.mark.parametrize("family", SORTABLE)
def test_every_list_lives_with_the_clock(caller: Caller, family: str) -> None:
    before = rows(caller, family)
    caller.forward(days=8)
    bound = "2026-06-18T15:00:00Z"
    after = rows(caller, family, modifiedOnOrAfter=bound)
    assert after
    assert rows(caller, family) != before

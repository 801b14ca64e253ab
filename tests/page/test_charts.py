"""What charts say of rows made by hand, and of none."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tap_servicetitan_dispatch.page.charts import (
    NOT_SERVED,
    Chart,
    arrivals,
    capacity,
    cover,
    dispatch_to_done,
    done,
    freshness,
    handovers,
    where_hours_went,
    withdrawals,
)
from tap_servicetitan_dispatch.page.tenants import Tenant
from tests.page.made import ZONE, day, technician_day

DAYS = ["2026-10-30", "2026-10-31"]
TEN = 1_793_372_400.0  # 30 October 2026, at ten in Chicago


def tenant(*days: dict[str, Any]) -> Tenant:
    unknown = dict.fromkeys(
        ("median_minutes_dispatch_to_done", "share_measured", "greatest_gap_minutes")
    )
    return Tenant(1, 1, "Acme", ZONE, 2, TEN, TEN, tuple(unknown | row for row in days))


def of_a_day(*values: Any, **more: Any) -> dict[str, Any]:
    """Return a technician's day, all of which was loaded."""
    return technician_day(*values, hours_unloaded=0.0, **more)


def values(chart: Chart) -> dict[str, list[float | None]]:
    assert chart.missing is None
    return {series.name: series.values for series in chart.series}


def rows(chart: Chart) -> list[list[Any]]:
    assert chart.table
    assert {len(row) for row in chart.table.rows} == {len(chart.table.columns)}
    return chart.table.rows


@pytest.mark.parametrize(
    ("chart", "setting"),
    [
        (done([], DAYS), "Nothing was done"),
        (where_hours_went([], DAYS, tenant(), [], []), "technician_shifts"),
        (dispatch_to_done(tenant(day(DAYS[0]))), "keep_history"),
        (withdrawals([], DAYS), "No appointment was withdrawn"),
        (handovers([], DAYS), "No appointment went"),
        (
            capacity([], tenant()),
            "No future slots are loaded. They come with",
        ),
        (cover([]), "technician_skills, zones"),
        (arrivals([], DAYS), "dispatch_appointments"),
        (freshness([], tenant()), "Not known: add sync_log to extra_streams."),
    ],
    ids=lambda value: value.id if isinstance(value, Chart) else "",
)
def test_where_there_is_nothing_it_says_what_brings_it(chart: Chart, setting: str) -> None:
    assert setting in (chart.missing or "")
    assert chart.table is None


def test_what_is_done_adds_up_to_what_was_seen_and_what_was_not() -> None:
    counted = {"done": 5, "measured": 3, "arrival_seen": 1}
    chart = done([{"day": DAYS[0], **counted}, {"day": DAYS[0], **counted}], DAYS)
    assert [*values(chart).values()] == [[2, 0], [4, 0], [4, 0]]
    assert rows(chart) == [[DAYS[0], 10, 6, 2, 60.0], [DAYS[1], 0, 0, 0, None]]
    assert "60% were seen from their dispatch on, and 20% of all with their arrival" in chart.seen
    assert chart.seen.endswith("between two loads was not seen.")
    shared = done([{"day": DAYS[0], **counted}], DAYS, some_are_shared=True)
    assert shared.seen.endswith("with two technicians counts as two assignments.")


def test_hours_are_shares_that_add_up_and_overtime_is_told_beside_them() -> None:
    row = of_a_day(7, DAYS[0], 4.0, 1.0, 2.0, 0.5, 0.5, 2.0, hours_overtime=1.25)
    other = of_a_day(8, "2026-10-01", 9, 0, 0, 0, 0, 0)
    chart = where_hours_went([row, row, other], DAYS, tenant(), [], [])
    shares = [column[0] or 0 for column in values(chart).values()]
    assert shares == [40, 10, 20, 5, 5, 0, 20]
    assert {column[1] for column in values(chart).values()} == {None}
    assert rows(chart)[0] == [DAYS[0], 8, 2, 4, 1, 1, 0, 4, 2.5]


def test_a_day_has_the_hours_of_its_whole_and_the_last_one_until_when_it_is_known() -> None:
    few = of_a_day(7, DAYS[0], 1.26, 0, 0, 0, 0, 1.0)
    many = of_a_day(7, DAYS[1], 60.0, 0, 0, 0, 0, 31.6)
    begun = dataclasses.replace(tenant(), last_load=TEN + 22 * 3600 - 19 * 60)
    chart = where_hours_went([few, many], DAYS, begun, [], [])
    assert chart.labels == ["Fri 30 Oct, 2.3 h", "Sat 31 Oct, 92 h, until 07:41"]
    over = dataclasses.replace(tenant(), last_load=TEN + 48 * 3600)
    assert where_hours_went([few], DAYS, over, [], []).labels[1] == "Sat 31 Oct, 0 h"


@pytest.mark.parametrize(
    ("loads", "told"),
    [
        (1, "Not known yet: this was the first load. Hours appear from the second load on."),
        (2, "No hours are known of these days: no shift had begun by the last load."),
    ],
)
def test_where_there_are_shifts_nobody_is_told_to_select_them(loads: int, told: str) -> None:
    known = dataclasses.replace(tenant(), loads=loads)
    assert where_hours_went([], DAYS, known, [{"technician_id": 7}], []).missing == told


def test_the_median_says_how_much_of_the_day_it_is_of() -> None:
    measured = day(DAYS[0], median_minutes_dispatch_to_done=90.04, share_measured=0.5)
    chart = dispatch_to_done(
        tenant(measured | {"greatest_gap_minutes": 61.0}, day(DAYS[1], is_whole_day=False))
    )
    assert values(chart) == {"Dispatch to done": [90.0, None]}
    assert rows(chart) == [
        [DAYS[0], 90.0, 50.0, 61.0, "yes"],
        [DAYS[1], None, None, None, "no"],
    ]
    assert "up to 61 minutes apart" in chart.seen


@pytest.mark.parametrize(
    ("chart", "user"), [(withdrawals, "assigned_by_id"), (handovers, "handed_over_by_id")]
)
def test_what_a_user_did_is_counted_before_and_after_dispatch(chart: Any, user: str) -> None:
    found = chart(
        [
            {"day": DAYS[0], user: 4, "was_dispatched": False},
            {"day": DAYS[1], user: 5, "was_dispatched": True},
            {"day": DAYS[1], user: 5, "was_dispatched": False},
            {"day": DAYS[1], user: None, "was_dispatched": False},
            {"day": "2026-10-01", user: 4, "was_dispatched": True},
        ],
        DAYS,
    )
    assert rows(found) == [["User 5", 1, 1], ["Nobody named", 1, 0], ["User 4", 1, 0]]
    assert values(found) == {"Before dispatch": [1, 1, 1], "After dispatch": [1, 0, 0]}


def test_capacity_has_a_row_for_each_business_unit_and_a_column_for_each_day() -> None:
    def slot(units: str, date: str, *hours: float | None) -> dict[str, Any]:
        names = ("hours", "hours_open", "hours_sold", "hours_sold_a_week_before")
        row = {"business_unit_key": units, "day": date, "forecast_on": TEN}
        return row | dict(zip(names, hours, strict=True))

    chart = capacity(
        [
            slot("10,9", DAYS[0], 8.0, 6.0, 2.0, None),
            slot("9", DAYS[0], 4.0, 1.0, 3.0, 1.0),
            slot("9", DAYS[0], 4.0, 0.5, 3.5, 1.0),
            slot("9", DAYS[1], 0.0, 0.0, 0.0, None),
        ],
        tenant(),
    )
    assert values(chart) == {"Business unit 9": [81.2, None], "Business units 10, 9": [25.0, None]}
    assert chart.texts == [["1.5 h left of 8", "0 h left of 0"], ["6 h left of 8", ""]]
    assert rows(chart) == [
        ["Business unit 9", DAYS[0], 8.0, 1.5, 6.5, 2.0],
        ["Business unit 9", DAYS[1], 0, 0, 0, 0],
        ["Business units 10, 9", DAYS[0], 8.0, 6.0, 2.0, 0],
    ]
    assert chart.seen.startswith("As forecast at Fri 30 October 2026, ")


def test_cover_shows_who_is_not_there_and_where_nobody_has_to_be() -> None:
    def covered(kind: str, key: str, technicians: int, **more: Any) -> dict[str, Any]:
        row: dict[str, Any] = {"day": DAYS[0], "cover": kind, "cover_key": key, "cover_name": key}
        row |= {"is_served": True, "zones": None, "technicians": technicians}
        return row | {"hours_left_by_absence": 8.0 * technicians} | more

    chart = cover(
        [
            covered("skill", "Plumbing", 0),
            covered("zone", "5", 2, cover_name=None),
            covered("zone", "North", 0, is_served=False),
            covered("zone", "North", 1, day=DAYS[1]),
            covered("zip", "60601", 1, zones=2),
        ]
    )
    assert values(chart) == {
        "Skill Plumbing": [0, None],
        "Zone 5": [2, None],
        "Zone North": [None, 1],
    }
    assert chart.texts == [["0", ""], ["2", ""], [NOT_SERVED, "1"]]
    assert rows(chart)[-2:] == [
        ["Zone North", DAYS[0], 0, 0.0, "no"],
        ["Zone North", DAYS[1], 1, 8.0, "yes"],
    ]
    assert "in more than one zone, mostly by mistake: 1." in chart.seen


def test_zones_stand_by_the_numbers_in_their_names() -> None:
    names = ["Zone 10", "Zone 2", "Attic", "Zone 1 b", "Zone 07", f"Zone {'9' * 5000}"]
    rows = [
        {"day": DAYS[0], "cover": "zone", "cover_key": str(key), "cover_name": name}
        | {"is_served": True, "zones": None, "technicians": 1, "hours_left_by_absence": 1.0}
        for key, name in enumerate(names)
    ]
    shown = [series.name for series in cover(rows).series]
    assert [name[:12] for name in shown] == [
        *("Zone Attic", "Zone Zone 1 ", "Zone Zone 2", "Zone Zone 07", "Zone Zone 10"),
        "Zone Zone 99",
    ]


def test_a_chart_of_cover_has_an_end_and_its_table_goes_on() -> None:
    many = [
        {
            "day": DAYS[0],
            "cover": "zone",
            "cover_key": f"{number:02d}",
            "cover_name": None,
            "is_served": True,
            "zones": None,
            "technicians": 1,
            "hours_left_by_absence": 1.0,
        }
        for number in range(45)
    ]
    chart = cover(many)
    assert (len(chart.series), len(rows(chart))) == (40, 45)
    assert "In the table only: 5 more." in chart.seen


def test_an_arrival_that_was_not_seen_is_neither_on_time_nor_late() -> None:
    def appointment(*, on_time: bool | None, done_on: float | None, date: str = DAYS[0]) -> Any:
        return {"day": date, "is_on_time": on_time, "done_on": done_on}

    chart = arrivals(
        [
            appointment(on_time=True, done_on=TEN),
            appointment(on_time=False, done_on=None),
            appointment(on_time=None, done_on=TEN),
            appointment(on_time=None, done_on=None),
            appointment(on_time=True, done_on=TEN, date="2026-10-01"),
        ],
        DAYS,
    )
    assert rows(chart) == [[DAYS[0], 1, 1, 1, 1], [DAYS[1], 0, 0, 0, 0]]
    assert "Of 4 appointments, of 50% an arrival was seen" in chart.seen


def test_what_did_not_end_well_comes_first() -> None:
    def stream(name: str, outcome: str, **more: Any) -> dict[str, Any]:
        row = {"stream": name, "outcome": outcome, "complete_at": None, "reason": None}
        return row | {"source_rows": None, "loaded_rows": None, "missing_rows": None} | more

    chart = freshness(
        [
            stream(
                "teams", "complete", complete_at=TEN, source_rows=5, loaded_rows=3, missing_rows=2
            ),
            stream("zones", "failed", reason="403"),
            stream("crews", "complete", complete_at=TEN, missing_rows=-4),
        ],
        tenant(),
    )
    assert [row[:3] for row in rows(chart)] == [
        ["zones", "failed", "never"],
        ["crews", "complete", "Fri 30 October 2026, 10:00"],
        ["teams", "complete", "Fri 30 October 2026, 10:00"],
    ]
    assert chart.seen.startswith(
        "1 of 3 streams did not end well. 2 rows are missing. "
        "For 1 of 3 streams it is not known how many rows are missing."
    )
    one = freshness([stream("teams", "complete", complete_at=TEN, missing_rows=1)], tenant())
    assert one.seen.startswith("1 row is missing.")
    assert "1 row is missing. What was" in one.seen
    unknown = freshness([stream("teams", "skipped")], tenant())
    assert unknown.seen.startswith("For 1 of 1 streams it is not known how many rows are missing.")

"""Which tenants come first, and what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.page.fleet import Fleet, fleet
from tap_servicetitan_dispatch.page.marts import Marts
from tap_servicetitan_dispatch.page.tenants import tenants
from tests.page.made import chicago, day, loads, tenant, write

if TYPE_CHECKING:
    from pathlib import Path

TODAY, YESTERDAY = "2026-10-30", "2026-10-29"


def made(folder: Path, **tables: Any) -> Fleet:
    with Marts(str(write(folder / "dispatch.duckdb", **tables))) as marts:
        return fleet(marts, tenants(marts))


def test_a_row_tells_today_and_the_day_before(tmp_path: Path) -> None:
    (row,) = made(
        tmp_path,
        tenants=[tenant(name="f" * 64)],
        loads=loads(f"{YESTERDAY} 06:00", f"{TODAY} 08:00"),
        tenant_day=[
            day(YESTERDAY, visits=9, share_measured=0.25, median_minutes_dispatch_to_done=80.0),
            day(
                TODAY,
                visits=3,
                appointments_withdrawn=2,
                median_minutes_dispatch_to_done=50.0,
                slot_hours=10.0,
                slot_hours_sold=4.0,
            ),
        ],
    ).rows
    assert (row.title, row.stale) == ("ffffffff…", None)
    assert row.needs == ["Thu 29 Oct and Fri 30 Oct: no load for up to 18 h"]
    assert row.loaded == "Fri 30 Oct, 08:00"
    assert (row.visits, row.withdrawn, row.minutes, row.seen) == ((3, 9), 2, 80.0, 25)
    assert row.sold == (4.0, 10.0)
    assert row.trend == [None] * 12 + [9, 3]
    assert row.bars[-3:] == [("none", 88, 11, 2), ("bar", 96, 0.0, 24.0), ("bar", 104, 16.0, 8.0)]
    assert row.trend_told.endswith("none, 9, 3")


def test_of_a_day_that_is_not_there_nothing_is_said(tmp_path: Path) -> None:
    found = made(
        tmp_path,
        tenants=[tenant(1), tenant(2, "Late")],
        loads=[*loads(f"{TODAY} 08:00"), *loads("2026-10-20 08:00", tenant=2)],
        tenant_day=[
            day(TODAY, median_minutes_dispatch_to_done=50.0),
            day("2026-10-20", 2, visits=5, is_stale=True),
        ],
    )
    late, acme = found.rows
    assert found.newest == 1_793_365_200, "of the one that was loaded last"
    assert (late.visits, late.withdrawn, late.minutes, late.sold) == (
        (None, None),
        None,
        None,
        None,
    )
    assert late.stale == "Nothing loaded since Tue 20 Oct, 08:00"
    assert (acme.visits, acme.minutes, acme.seen) == ((0, None), None, None)
    assert (found.day, found.day_before) == ("Fri 30 Oct", "Thu 29 Oct")
    assert found.told == "2 tenants: 0 never loaded, 1 stale, 0 others with open problems."


def test_where_nothing_was_loaded_that_is_said_of_all(tmp_path: Path) -> None:
    found = made(tmp_path, tenants=[tenant(2, "Bolt"), tenant(1, None)])
    assert [(row.title, row.loaded, row.stale) for row in found.rows] == [
        ("Bolt", None, None),
        ("Tenant 1", None, None),
    ]
    assert found.newest is None
    assert found.told == "2 tenants: 2 never loaded, 0 stale, 0 others with open problems."
    assert (found.day, found.day_before) == ("today", "the day before")
    assert found.rows[0].bars == []


def test_those_come_first_that_need_somebody_and_why_is_told(tmp_path: Path) -> None:
    old = chicago("2026-10-01 08:00")
    new = chicago(f"{YESTERDAY} 08:00")
    found = made(
        tmp_path,
        tenants=[tenant(number, f"T{number}") for number in (1, 2, 3)],
        loads=[each for number in (1, 2, 3) for each in loads(f"{TODAY} 08:00", tenant=number)],
        tenant_day=[day(each, number) for number in (1, 2, 3) for each in (YESTERDAY, TODAY)],
        freshness=[
            {"tenant_id": 3, "stream": "zones", "outcome": "failed", "reason": "403"},
            {"tenant_id": 3, "stream": "skills", "outcome": "failed", "reason": "403"},
            {"tenant_id": 3, "stream": "teams", "outcome": "doubtful"},
            {"tenant_id": 2, "stream": "teams", "outcome": "complete"},
        ],
        unassigned=[
            {"tenant_id": 3, "appointment_id": 1, "withdrawn_on": new},
            {"tenant_id": 2, "appointment_id": 2, "withdrawn_on": old},
        ],
        under_way=[
            {"tenant_id": 2, "is_forgotten": True, "begun_on": new},
            {"tenant_id": 3, "is_forgotten": True, "begun_on": new},
            {"tenant_id": 2, "is_forgotten": True, "begun_on": None},
            {"tenant_id": 1, "is_forgotten": False, "begun_on": new},
        ],
    )
    days = "Thu 29 Oct and Fri 30 Oct"
    assert [(row.title, row.needs) for row in found.rows] == [
        (
            "T3",
            [
                "3 streams failed: 403",
                f"{days}: 1 appointment with nobody, 1 visit forgotten under way",
            ],
        ),
        ("T2", [f"{days}: 1 visit forgotten under way"]),
        ("T1", []),
    ]


@pytest.mark.parametrize(
    ("before", "hours"),
    [
        (f"{TODAY} 06:31", 0),
        (f"{TODAY} 03:00", 5),
        # Of a night, and of two days, each day has its own part
        (f"{YESTERDAY} 23:00", 8),
        (f"{YESTERDAY} 02:00", 22),
        ("2026-10-20 08:00", 24),
    ],
)
def test_hours_without_a_load_need_somebody(tmp_path: Path, before: str, hours: int) -> None:
    found = made(
        tmp_path,
        tenants=[tenant(1)],
        loads=loads(before, f"{TODAY} 08:00"),
        tenant_day=[day(YESTERDAY), day(TODAY)],
    )
    told = [f"Thu 29 Oct and Fri 30 Oct: no load for up to {hours} h"] if hours else []
    assert found.rows[0].needs == told


def test_failed_streams_come_first_then_what_needs_most_then_names_by_their_numbers(
    tmp_path: Path,
) -> None:
    new = chicago(f"{TODAY} 07:00")
    names = {1: "Office 10", 2: "Office 2", 3: "Busy", 4: "Broken", 5: "Busier"}
    found = made(
        tmp_path,
        tenants=[tenant(number, name) for number, name in names.items()],
        loads=[each for number in names for each in loads(f"{TODAY} 08:00", tenant=number)],
        tenant_day=[day(TODAY, number) for number in names],
        freshness=[{"tenant_id": 4, "outcome": "failed", "reason": "403"}],
        unassigned=[{"tenant_id": each, "withdrawn_on": new} for each in (3, 5, 5)],
    )
    assert [row.title for row in found.rows] == [
        "Broken",
        "Busier",
        "Busy",
        "Office 2",
        "Office 10",
    ]


def test_a_tenant_that_stopped_counts_once_whatever_else_is_wrong_with_it(tmp_path: Path) -> None:
    found = made(
        tmp_path,
        tenants=[tenant(number, f"T{number}") for number in (1, 2, 3)],
        loads=[*loads(f"{TODAY} 08:00"), *loads(f"{YESTERDAY} 08:00", tenant=2)],
        tenant_day=[day(TODAY), day(YESTERDAY, 2, is_stale=True)],
        freshness=[
            {"tenant_id": number, "stream": "zones", "outcome": "failed", "reason": "403"}
            for number in (1, 2, 3)
        ],
    )
    assert found.told == "3 tenants: 1 never loaded, 1 stale, 1 other with open problems."
    assert [row.title for row in found.rows] == ["T2", "T3", "T1"]

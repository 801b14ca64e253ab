"""The views against the sandbox: what they say is what happened there.

The sandbox knows every step of an assignment; a load sees the state of a quarter of an hour ago.
What should come out is computed here from the steps, without a file, a tap or a database.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from examples.sandbox_day import ASSIGNMENTS, EVERY, FIRST_LOAD, LAST_LOAD, load
from tap_servicetitan_dispatch.sandbox.world.board import LEAD_DAYS, Board
from tap_servicetitan_dispatch.sandbox.world.instants import MINUTE, from_datetime, to_datetime
from tap_servicetitan_dispatch.sandbox.world.roster import Roster
from tap_servicetitan_dispatch.sandbox.world.tenant import EXPORT_DELAY, HISTORY_DAYS, Tenant
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tests.examples.tables import TIMEZONE, instant, view
from tests.support.caller import Caller
from tests.support.runs import catalog_of

if TYPE_CHECKING:
    from pathlib import Path

    from tap_servicetitan_dispatch.sandbox.world.assignments import Assignment

LOADS = [*takewhile(lambda now: now <= LAST_LOAD, (FIRST_LOAD + EVERY * n for n in count()))]


@pytest.fixture(scope="module")
def tenant() -> Tenant:
    """What there is at the time of the last load."""
    return Tenant(seed=1, assignments=ASSIGNMENTS, clock=lambda: LAST_LOAD)


@pytest.fixture(scope="module")
def seen(tenant: Tenant) -> dict[int, list[Assignment]]:
    """By assignment, the versions that were there when a load looked, in order."""
    board = Board(Roster(tenant.company))
    today = tenant.company.calendar.day_of(tenant.now)
    moments = [from_datetime(now) - EXPORT_DELAY for now in LOADS]
    versions: dict[int, list[Assignment]] = defaultdict(list)
    for day in range(today - HISTORY_DAYS, today + LEAD_DAYS + 1):
        for row in board.versions(day, moments[0]):
            if any(row.modified_on <= moment < row.until for moment in moments):
                versions[row.id].append(row)
    return versions


def test_who_is_assigned_now(day_folder: Path, seen: dict[int, list[Assignment]]) -> None:
    latest = {}
    for row in sorted((rows[-1] for rows in seen.values()), key=lambda row: row.modified_on):
        latest[row.technician.id, row.appointment_id] = row
    expected = {pair: (row.id, row.status) for pair, row in latest.items() if row.active}
    found = {
        (row["technician_id"], row["appointment_id"]): (row["assignment_id"], row["status"])
        for row in view(day_folder, "current_assignments")
    }
    assert found == expected
    assert len({status for _, status in found.values()}) == 4


def test_when_what_is_done_was_dispatched(
    day_folder: Path, seen: dict[int, list[Assignment]]
) -> None:
    expected = {}
    for number, rows in seen.items():
        begun = [row.modified_on for row in rows if row.status == "Dispatched"]
        done = [row.modified_on for row in rows if row.status == "Done"]
        if begun and done:
            expected[number] = (to_datetime(begun[0]), to_datetime(done[0]))
    found = {
        row["assignment_id"]: (instant(row["dispatched_on"]), instant(row["done_on"]))
        for row in view(day_folder, "dispatch_to_done")
    }
    assert found == expected
    assert len(found) > 20


def test_how_much_of_the_shifts_is_left_for_jobs(day_folder: Path, tenant: Tenant) -> None:
    """Counted in steps of five minutes, at which all begins and ends, but for seconds."""
    away = [
        (row.technician_id, row.start, row.start + row.duration)
        for row in tenant.non_job_appointments.current.values()
        if row.active
    ]
    shifts: dict[tuple[int, str], int] = defaultdict(int)
    for_jobs: dict[tuple[int, str], int] = defaultdict(int)
    for shift in tenant.shifts.current.values():
        if not shift.active or shift.shift_type != "Normal":
            continue
        begins = to_datetime(shift.start).astimezone(ZoneInfo(TIMEZONE))
        monday = str((begins - timedelta(days=begins.weekday())).date())
        spans = [span for one, *span in away if one == shift.technician_id]
        for step in range(shift.start + MINUTE, shift.end, 5 * MINUTE):
            shifts[shift.technician_id, monday] += 1
            taken = any(start <= step < end for start, end in spans)
            for_jobs[shift.technician_id, monday] += not taken
    found = {(row["technician_id"], row["week"]): row for row in view(day_folder, "utilisation")}
    assert found.keys() == shifts.keys()
    for key, row in found.items():
        assert row["shift_hours"] * 12 == pytest.approx(shifts[key])
        assert row["hours_for_jobs"] * 12 == pytest.approx(for_jobs[key], abs=0.1)
    assert min(row["utilisation"] for row in found.values()) < 0.8


TUESDAY = datetime(2026, 6, 16, 13, 0, tzinfo=UTC)


def test_a_capacity_forecast_beside_what_came(tmp_path: Path) -> None:
    """Read on three days: what was said on Tuesday of Wednesday is compared on Thursday."""
    settings = {
        "environment": "sandbox",
        "extra_streams": ["capacities"],
        "timezone": TIMEZONE,
        "capacity_days_back": 1,
        "capacity_days_ahead": 1,
    }
    said: list[dict[tuple[str, str], Any]] = []
    with Caller.of(at=TUESDAY, assignments=2000) as caller:
        for _ in range(3):
            now = caller.clock.now
            config = {**settings, "api_url": caller.sandbox.url}
            with time_machine.travel(now, tick=False):
                tap = TapServiceTitanDispatch(config=config, catalog=catalog_of("capacities"))
                load(tap, tmp_path, now)
            wednesday = {
                "startsOnOrAfter": "2026-06-17T05:00:00Z",
                "endsOnOrBefore": "2026-06-18T05:00:00Z",
                "skillBasedAvailability": False,
            }
            slots = caller.send("POST", "capacity", wednesday)["availabilities"]
            said.append({(slot["startUtc"], str(slot["businessUnitIds"])): slot for slot in slots})
            caller.forward(days=1)
    forecast, _, came = said

    def booked(slot: dict[str, float]) -> float:
        return slot["totalAvailability"] - slot["openAvailability"]

    expected = {
        (instant(begins), units.strip("[]").replace(" ", "")): (
            booked(forecast[begins, units]),
            booked(slot),
        )
        for (begins, units), slot in came.items()
    }
    found = {
        (instant(row["begins"]), row["business_units"]): (
            row["forecast_booked"],
            row["came_booked"],
        )
        for row in view(tmp_path, "capacity_forecast")
        if row["days_ahead"] == 1
    }
    assert found == expected
    assert any(before < after for before, after in found.values())

"""The marts against the sandbox: what they say is what happened there.

The sandbox knows every step of an assignment; a load sees the state of a quarter of an hour ago.
What should come out is computed here from the steps, without a file, a tap or a database.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.sandbox.world.board import LEAD_DAYS, Board
from tap_servicetitan_dispatch.sandbox.world.instants import from_datetime, to_datetime
from tap_servicetitan_dispatch.sandbox.world.roster import Roster
from tap_servicetitan_dispatch.sandbox.world.tenant import EXPORT_DELAY, HISTORY_DAYS, Tenant
from tests.support.caller import Caller
from tests.support.marts import ASSIGNMENTS, FIRST_LOAD, LAST_LOAD, LOADS

if TYPE_CHECKING:
    from tap_servicetitan_dispatch.sandbox.world.assignments import Assignment
    from tests.support.marts import Built

pytestmark = pytest.mark.warehouse


def instant(text: str) -> datetime:
    """Return the instant of a time as DuckDB or the API writes it, to the microsecond."""
    return datetime.fromisoformat(text).astimezone(UTC)


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


def test_who_is_assigned_now(built: Built, seen: dict[int, list[Assignment]]) -> None:
    latest = {}
    for row in sorted((rows[-1] for rows in seen.values()), key=lambda row: row.modified_on):
        latest[row.technician.id, row.appointment_id] = row
    expected = {pair: (row.id, row.status) for pair, row in latest.items() if row.active}
    found = {
        (row["technician_id"], row["appointment_id"]): (row["assignment_id"], row["status"])
        for row in built.rows("dispatch_current_assignments")
    }
    assert found == expected
    assert len({status for _, status in found.values()}) == 4


def test_when_what_is_done_was_dispatched(built: Built, seen: dict[int, list[Assignment]]) -> None:
    expected = {}
    for number, rows in seen.items():
        begun = [row.modified_on for row in rows if row.status == "Dispatched"]
        done = [row.modified_on for row in rows if row.status == "Done"]
        if begun and done:
            expected[number] = (to_datetime(begun[0]), to_datetime(done[0]))
    found = {
        row["assignment_id"]: (instant(row["dispatched_on"]), instant(row["done_on"]))
        for row in built.rows("dispatch_to_done")
    }
    assert found == expected
    assert len(found) > 20


def test_a_capacity_forecast_beside_what_came(built: Built) -> None:
    """What was said last of a slot before it began, beside what was said of it in the end."""
    day = {
        "startsOnOrAfter": "2026-11-19T06:00:00Z",
        "endsOnOrBefore": "2026-11-20T06:00:00Z",
        "skillBasedAvailability": False,
    }
    said: dict[datetime, dict[tuple[str, str], Any]] = {}
    with Caller.of(assignments=ASSIGNMENTS, at=FIRST_LOAD) as caller:
        for now in LOADS:
            caller.clock.now = now
            caller.log_in()
            slots = caller.send("POST", "capacity", day)["availabilities"]
            said[now] = {(slot["startUtc"], str(slot["businessUnitIds"])): slot for slot in slots}

    def booked(slot: dict[str, float]) -> float:
        return slot["totalAvailability"] - slot["openAvailability"]

    expected = {}
    for key, came in said[LAST_LOAD].items():
        begins, ends = instant(key[0]), instant(came["endUtc"])
        before = [now for now in LOADS if now < begins]
        if before and ends <= LAST_LOAD:
            units = key[1].strip("[]").replace(" ", "")
            expected[begins, units] = (booked(said[before[-1]][key]), booked(came))
    found = {
        (instant(row["starts_at"]), row["business_unit_key"]): (
            row["forecast_booked"],
            row["came_booked"],
        )
        for row in built.rows("dispatch_capacity_forecast")
        if row["days_ahead"] == 0
    }
    assert found == expected
    assert found

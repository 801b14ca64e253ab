"""A week of a contractor: what loads brought in its course, and what really happened."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.sandbox.world.assignments import WORKING
from tap_servicetitan_dispatch.sandbox.world.board import LEAD_DAYS, Board
from tap_servicetitan_dispatch.sandbox.world.bookings import Book
from tap_servicetitan_dispatch.sandbox.world.capacity import availabilities
from tap_servicetitan_dispatch.sandbox.world.company import BUSINESS_UNITS
from tap_servicetitan_dispatch.sandbox.world.instants import (
    HOUR,
    from_datetime,
    text,
    to_datetime,
)
from tap_servicetitan_dispatch.sandbox.world.roster import Roster
from tap_servicetitan_dispatch.sandbox.world.rounds import Round
from tap_servicetitan_dispatch.sandbox.world.tenant import EXPORT_DELAY, Tenant
from tests.support import days
from tests.support.caller import Clock
from tests.transform.happened import Happened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan_dispatch.sandbox.world.assignments import Appointment, Assignment, Step
    from tap_servicetitan_dispatch.sandbox.world.bookings import Visit

    Row = dict[str, Any]

ASSIGNMENTS = 12_000
FIRST = datetime(2026, 11, 16, 6, tzinfo=UTC)  # a Monday, at midnight in Chicago
OFTEN = FIRST + timedelta(days=3)
LAST = FIRST + timedelta(days=7, hours=15)  # the Monday after it, in the afternoon
FORECASTS = [LAST - timedelta(days=days) for days in range(7, -1, -1)]
"""When capacities are loaded as well."""


def moments() -> Iterator[datetime]:
    """Yield when is loaded: every hour, on one day every ten minutes."""
    now = FIRST
    while now <= LAST:
        yield now
        now += timedelta(minutes=10 if OFTEN <= now < OFTEN + timedelta(days=1) else 60)


WHEN = [*moments()]


def happened() -> Happened:
    """Return what happened in the week."""
    clock = Clock(FORECASTS[0])
    tenant = Tenant(seed=1, assignments=ASSIGNMENTS, clock=clock)
    forecasts = {}
    for now in FORECASTS:
        clock.now = now
        tenant.advance()
        forecasts[now] = [*_forecast(tenant)]
    with pytest.MonkeyPatch.context() as patch:
        at_work = _watched(patch)
        with days.made_anew():
            brought = _brought(tenant)
    return Happened(tenant, WHEN, brought, forecasts, [*_booked(tenant)], at_work)


def _brought(tenant: Tenant) -> dict[datetime, list[Assignment]]:
    """Return by load the versions that the feed had and had not given before."""
    board = Board(Roster(tenant.company))
    shown = [from_datetime(now) - EXPORT_DELAY for now in WHEN]
    found: dict[datetime, list[Assignment]] = {now: [] for now in WHEN}
    today = tenant.company.calendar.day_of(tenant.now)
    for day in range(today - 21, today + LEAD_DAYS + 1):
        for version in board.versions(day, shown[0]):
            place = bisect_left(shown, version.modified_on)
            if place < len(shown) and shown[place] < version.until:
                found[WHEN[place]].append(version)
    return found


def _forecast(tenant: Tenant) -> Iterator[Row]:
    """Yield the slots of yesterday and of the next eight days, as the tap has them."""
    calendar = tenant.company.calendar
    today = calendar.day_of(tenant.now)
    span = calendar.midnight(today - 1), calendar.midnight(today + 8)
    units = [unit.id for unit in BUSINESS_UNITS]
    for slot in availabilities(
        tenant, span, business_unit_ids=units, job_type_id=None, match_skills=False
    ):
        key = ",".join(map(str, sorted(slot["businessUnitIds"])))
        yield slot | {"businessUnitKey": key, "timeStamp": text(tenant.now)}


def _watched(patch: pytest.MonkeyPatch) -> dict[int, tuple[int, datetime, datetime]]:
    """Have rounds tell who really was at which appointment, from when to when."""
    found: dict[int, tuple[int, datetime, datetime]] = {}
    steps_of = Round._steps  # noqa: SLF001 - forgotten visits end without a step

    def watched(self: Round, visit: Visit) -> list[Step]:
        steps = steps_of(self, visit)
        if any(state == WORKING for _, state in steps):
            span = to_datetime(self._arrived), to_datetime(self._free)
            found[visit.appointment.id] = (visit.duty.technician.id, *span)
        return steps

    patch.setattr(Round, "_steps", watched)
    return found


def _booked(tenant: Tenant) -> Iterator[Visit]:
    """Yield the visits that were booked, with those who had them one after the other."""
    roster = Roster(tenant.company)
    today = tenant.company.calendar.day_of(tenant.now)
    for day in range(today - 21, today + LEAD_DAYS + 1):
        yield from Book(roster, day).visits


def promised(appointment: Appointment) -> Row:
    """Return an appointment as the Jobs API has it, with the window that was promised."""
    begins = appointment.start - appointment.start % (2 * HOUR)
    return {
        "id": appointment.id,
        "jobId": appointment.job_id,
        "start": text(appointment.start),
        "end": text(appointment.end),
        "arrivalWindowStart": text(begins),
        "arrivalWindowEnd": text(begins + 2 * HOUR),
        "modifiedOn": text(appointment.booked_on),
    }

"""Hours that can still be booked: shifts minus absences and jobs."""

from collections.abc import Collection, Iterator
from typing import Any

from tap_servicetitan_dispatch.sandbox.world.assignments import latest
from tap_servicetitan_dispatch.sandbox.world.company import JOB_TYPES, Technician
from tap_servicetitan_dispatch.sandbox.world.instants import DAY, HOUR, SATURDAY, SUNDAY, text
from tap_servicetitan_dispatch.sandbox.world.roster import Span
from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant

Spans = dict[int, list[Span]]
"""Spans of time by technician."""

_IDEAL_BOOKING = 0.8


def availabilities(
    tenant: Tenant,
    span: Span,
    *,
    business_unit_ids: Collection[int],
    job_type_id: int | None,
    match_skills: bool,
    at_night: bool = False,
) -> list[dict[str, Any]]:
    """Return the availability of each arrival window within a span, as the API writes it.

    There is one for each window and each day on which the office is open at that time, for the
    requested business units of the window.
    """
    at_work, away, on_jobs = _times(tenant, span)
    skilled = _skilled(tenant, job_type_id) if match_skills else None
    needed = round(JOB_TYPES[job_type_id].hours * HOUR) if job_type_id is not None else 1
    found = []
    for start, end, units in _windows(tenant, span, business_unit_ids, at_night=at_night):
        total, remaining, members = 0, 0, []
        for technician in tenant.company.technicians:
            present = _within(at_work.get(technician.id, []), start, end)
            if technician.business_unit.id not in units or not present:
                continue
            present = _without(present, away.get(technician.id, []))
            free = _without(present, on_jobs.get(technician.id, []))
            able = skilled is None or technician.id in skilled
            if able:
                total += _length(present)
                remaining += _length(free)
            members.append(_member(technician, able=able, free=bool(free), matched=match_skills))
        found.append(
            {
                # Local time, with a false `Z`.
                "start": text(tenant.company.calendar.local(start)),
                "end": text(tenant.company.calendar.local(end)),
                "startUtc": text(start),
                "endUtc": text(end),
                "businessUnitIds": units,
                "totalAvailability": total / HOUR,
                "openAvailability": remaining / HOUR,
                "technicians": members,
                "isAvailable": remaining >= needed,
                "isExceedingIdealBookingPercentage": total - remaining > _IDEAL_BOOKING * total,
            }
        )
    return found


def _member(technician: Technician, *, able: bool, free: bool, matched: bool) -> dict[str, Any]:
    member: dict[str, Any] = {
        "id": technician.id,
        "name": technician.name,
        "status": "Available" if able and free else "Unavailable",
    }
    return member | {"hasRequiredSkills": able} if matched else member


def _windows(
    tenant: Tenant, span: Span, business_unit_ids: Collection[int], *, at_night: bool
) -> Iterator[tuple[int, int, list[int]]]:
    """Yield start, end and business units of the windows that lie within a span, in order."""
    calendar = tenant.company.calendar
    low, high = span
    asked = set(business_unit_ids)
    # Two windows may have the same hours and business units, and are one then.
    offered = {
        (
            row.start,
            row.start + row.duration,
            tuple(sorted(asked.intersection(row.business_unit_ids))),
        )
        for row in tenant.arrival_windows.current.values()
        if row.active
    }
    if at_night:
        offered |= {(22 * HOUR, 26 * HOUR, tuple(sorted(asked)))}
    for day in range(calendar.day_of(low), calendar.day_of(high) + 1):
        for begin, finish, units in sorted(offered):
            start, end = calendar.utc(day * DAY + begin), calendar.utc(day * DAY + finish)
            if (
                units
                and low <= start
                and end <= high
                and (finish > DAY or _open(tenant, day, begin, finish))
            ):
                yield start, end, list(units)


def _open(tenant: Tenant, day: int, begin: int, finish: int) -> bool:
    weekday = tenant.company.calendar.weekday(day)
    kind = {SATURDAY: "saturday", SUNDAY: "sunday"}.get(weekday, "weekdays")
    return any(
        hours["fromHour"] * HOUR <= begin and finish <= hours["toHour"] * HOUR
        for hours in tenant.business_hours[kind]
    )


def _times(tenant: Tenant, span: Span) -> tuple[Spans, Spans, Spans]:
    """Return the times of technicians in shifts, of their absences in shifts, and of their jobs."""
    low, high = span
    at_work: Spans = {}
    away: Spans = {}
    on_jobs: Spans = {}
    for shift in tenant.shifts.current.values():
        if shift.active and shift.start < high and shift.end > low:
            spans = {"Normal": at_work, "TimeOff": away}.get(shift.shift_type, {})
            spans.setdefault(shift.technician_id, []).append((shift.start, shift.end))
    for event in tenant.non_job_appointments.current.values():
        if event.active and event.start < high and event.end > low:
            away.setdefault(event.technician_id, []).append((event.start, event.end))
    meanwhile = (
        row
        for row in tenant.assignments.current.values()
        if row.appointment.start < high and row.appointment.end > low
    )
    for row in latest(meanwhile):
        if row.active:
            visit = row.appointment
            on_jobs.setdefault(row.technician.id, []).append((visit.start, visit.end))
    return at_work, away, on_jobs


def _skilled(tenant: Tenant, job_type_id: int | None) -> set[int]:
    """Return the technicians who can do a kind of job; without one, those with any skill."""
    return {
        row.technician_id
        for row in tenant.technician_skills.current.values()
        if row.active and (job_type_id is None or job_type_id in row.job_type_ids)
    }


def _within(spans: list[Span], low: int, high: int) -> list[Span]:
    """Return the parts of spans between two instants, joined if they overlap."""
    joined: list[Span] = []
    for start, end in sorted((max(start, low), min(end, high)) for start, end in spans):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _without(spans: list[Span], gone: list[Span]) -> list[Span]:
    """Return spans minus other spans."""
    for away, back in gone:
        spans = [
            part
            for start, end in spans
            for part in ((start, min(end, away)), (max(start, back), end))
            if part[0] < part[1]
        ]
    return spans


def _length(spans: list[Span]) -> int:
    return sum(end - start for start, end in spans)

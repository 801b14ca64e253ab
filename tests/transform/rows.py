"""Rows as the API sends them, of a day in June, with what one test or another is about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]

DAY = "2026-06-18"


def at(clock: str) -> datetime:
    """Return an instant of the day, by a clock in UTC."""
    return datetime.fromisoformat(f"{DAY}T{clock}").replace(tzinfo=UTC)


def assignment(number: int, modified: str | None = "11:00:00Z", **more: Any) -> Row:
    """Return an assignment that was edited at a time of the day (UTC), or nobody knows when."""
    row = {
        "id": number,
        "technicianId": 7,
        "technicianName": "Rosa Marquez",
        "assignedById": 3,
        "assignedOn": f"{DAY}T10:00:00Z",
        "status": "Scheduled",
        "isPaused": False,
        "jobId": 10 * number,
        "appointmentId": 100 * number,
        "createdOn": f"{DAY}T10:00:00Z",
        "modifiedOn": modified and f"{DAY}T{modified}",
        "active": True,
        "continueFrom": "a token",
    }
    return row | more


def shift(number: int, start: str | None, end: str | None, **more: Any) -> Row:
    """Return a shift, from and to a date and a time (UTC)."""
    row = {
        "id": number,
        "shiftType": "Normal",
        "title": None,
        "note": None,
        "active": True,
        "technicianId": 7,
        "start": start,
        "end": end,
        "timesheetCodeId": None,
        "createdOn": f"{DAY}T10:00:00Z",
        "modifiedOn": f"{DAY}T10:00:00Z",
    }
    return row | more


def absence(number: int, start: str, duration: str | None, **more: Any) -> Row:
    """Return a non-job appointment."""
    row = {
        "id": number,
        "technicianId": 7,
        "start": start,
        "name": "Meeting",
        "duration": duration,
        "timesheetCodeId": None,
        "summary": None,
        "clearDispatchBoard": False,
        "clearTechnicianView": False,
        "removeTechnicianFromCapacityPlanning": False,
        "allDay": False,
        "showOnTechnicianSchedule": True,
        "active": True,
        "createdOn": f"{DAY}T10:00:00Z",
        "modifiedOn": f"{DAY}T10:00:00Z",
        "createdById": 3,
    }
    return row | more


def hours(tenant: int, opens: int = 8) -> Row:
    """Return the business hours of a tenant."""
    weekdays = [{"fromHour": opens, "toHour": 17}]
    return {"tenantId": tenant, "weekdays": weekdays, "saturday": [], "sunday": []}


def log(
    run: str, ended: str, tenant: int, stream: str = "appointment_assignments", **more: Any
) -> Row:
    """Return what became of a stream in a run."""
    row = {
        "runId": run,
        "tenantId": tenant,
        "tenantName": None,
        "timezone": None,
        "stream": stream,
        "startedAt": ended,
        "endedAt": ended,
        "outcome": "complete",
        "reason": None,
        "rows": 1,
        "requests": 1,
        "retries": 0,
        "waitedSeconds": 0.0,
        "bookmark": None,
        "reached": None,
        "sourceRows": None,
        "unknownFields": [],
        "tapVersion": "1",
    }
    return row | more


def of_tenant(number: int, *rows: Row) -> list[Row]:
    """Return rows as a group has them."""
    return [{"tenantId": number} | row for row in rows]

"""Rows made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.examples.tables import Row

ASSIGNMENT = {
    "id": 1,
    "technicianId": 7,
    "technicianName": "Rosa Marquez",
    "appointmentId": 100,
    "jobId": 10,
    "status": "Scheduled",
    "isPaused": False,
    "active": True,
    "assignedOn": "2026-06-17T12:00:00Z",
    "modifiedOn": "2026-06-17T12:00:00Z",
}


def assignment(clock: str, status: str = "Scheduled", **more: Any) -> Row:
    """Return a version of an assignment on 18 June, at a time (UTC)."""
    row = {**ASSIGNMENT, "status": status, "modifiedOn": f"2026-06-18T{clock}Z"}
    return row | more


def shift(begins: str, ends: str, **more: Any) -> Row:
    """Return a shift, from and to a date and a time (UTC)."""
    row = {"id": 1, "technicianId": 7, "shiftType": "Normal", "active": True}
    return {**row, "start": begins, "end": ends, "modifiedOn": "2026-06-01T12:00:00Z", **more}


def meeting(begins: str, duration: str, **more: Any) -> Row:
    """Return a non-job appointment."""
    row = {"id": 1, "technicianId": 7, "name": "Meeting", "active": True, "allDay": False}
    times = {"start": begins, "duration": duration, "modifiedOn": "2026-06-01T12:00:00Z"}
    return {**row, **times, **more}

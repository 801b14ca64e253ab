"""Technician shifts: when technicians work, are on call, or off."""

from __future__ import annotations

from tap_servicetitan_dispatch.streams.fields import boolean, instant, integer, schema_of, text
from tap_servicetitan_dispatch.streams.lists import ListStream


class TechnicianShifts(ListStream):
    """Each row is a shift of a technician; a repeated shift has one row for each occurrence."""

    name = "technician_shifts"
    path = "technician-shifts"
    scopes = ("tn.dis.technicianshifts:r",)
    schema = schema_of(
        integer("id", "Number of the shift.", required=True),
        text(
            "shiftType",
            "Type of the shift for the dispatch board and for capacity: `Normal`, `OnCall` or "
            "`TimeOff`.",
        ),
        text("title", "Title of the shift."),
        text("note", "Free text; null if there is none."),
        boolean("active", "False if it was switched off or deleted; the API does not say which."),
        integer("technicianId", "Number of the technician."),
        instant("start", "When the shift begins (UTC)."),
        instant("end", "When the shift ends (UTC)."),
        integer(
            "timesheetCodeId",
            "Number of the timesheet code; 0 and null mean none.",
        ),
        instant("createdOn", "When the shift was created (UTC)."),
        instant("modifiedOn", "When the shift last changed (UTC)."),
    )

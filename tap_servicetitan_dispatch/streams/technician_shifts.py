"""Technician shifts: when technicians are to work, on call or off."""

from __future__ import annotations

from tap_servicetitan_dispatch.streams.fields import boolean, instant, integer, schema_of, text
from tap_servicetitan_dispatch.streams.lists import ListStream


class TechnicianShifts(ListStream):
    """Each row is a shift of a technician; a repeated shift is a row for each time."""

    name = "technician_shifts"
    path = "technician-shifts"
    scopes = ("tn.dis.technicianshifts:r",)
    schema = schema_of(
        integer("id", "Number of the shift.", required=True),
        text(
            "shiftType",
            "What the shift means for the dispatch board and for capacity: `Normal`, `OnCall` or "
            "`TimeOff`.",
        ),
        text("title", "What the shift is called."),
        text("note", "Free text about it; null if there is none."),
        boolean("active", "False if it was switched off or deleted; the API does not say which."),
        integer("technicianId", "Number of the technician whose shift it is."),
        instant("start", "When the shift begins (UTC)."),
        instant("end", "When the shift ends (UTC)."),
        integer(
            "timesheetCodeId",
            "Number of the timesheet code that the time is booked on; 0 and null mean none.",
        ),
        instant("createdOn", "When the shift was created (UTC)."),
        instant("modifiedOn", "When the shift last changed (UTC)."),
    )

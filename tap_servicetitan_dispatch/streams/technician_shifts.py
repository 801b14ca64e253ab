"""Technician shifts: when technicians are to work, on call or off."""

from __future__ import annotations

from typing import Any, ClassVar

from singer_sdk import typing as th

from tap_servicetitan_dispatch.streams.lists import ListStream


class TechnicianShifts(ListStream):
    """Each row is a shift of a technician; a repeated shift is a row for each time."""

    name = "technician_shifts"
    path = "technician-shifts"
    scopes = ("tn.dis.technicianshifts:r",)
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("id", th.IntegerType, required=True, description="Number of the shift."),
        th.Property(
            "shiftType",
            th.StringType,
            description=(
                "What the shift means for the dispatch board and for capacity: `Normal`, `OnCall` "
                "or `TimeOff`."
            ),
        ),
        th.Property("title", th.StringType, description="What the shift is called."),
        th.Property(
            "note", th.StringType, description="Free text about it; null if there is none."
        ),
        th.Property("active", th.BooleanType, description="False once the shift was deleted."),
        th.Property(
            "technicianId",
            th.IntegerType,
            description="Number of the technician whose shift it is.",
        ),
        th.Property("start", th.DateTimeType, description="When the shift begins (UTC)."),
        th.Property("end", th.DateTimeType, description="When the shift ends (UTC)."),
        th.Property(
            "timesheetCodeId",
            th.IntegerType,
            description=(
                "Number of the timesheet code that the time is booked on; 0 and null mean none."
            ),
        ),
        th.Property("createdOn", th.DateTimeType, description="When the shift was created (UTC)."),
        th.Property(
            "modifiedOn", th.DateTimeType, description="When the shift last changed (UTC)."
        ),
    ).to_dict()

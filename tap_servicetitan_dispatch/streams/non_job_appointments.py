"""Non-job appointments: what technicians do besides jobs, such as meetings or lunch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th

from tap_servicetitan_dispatch.streams.lists import ListStream

if TYPE_CHECKING:
    from collections.abc import Mapping


class NonJobAppointments(ListStream):
    """Each row is a stretch of a technician's time that no job takes."""

    name = "non_job_appointments"
    path = "non-job-appointments"
    scopes = ("tn.dis.nonjobappointments:r",)
    inactive_too: ClassVar[Mapping[str, str]] = {}  # unless it is told `activeOnly=true`
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property(
            "id", th.IntegerType, required=True, description="Number of the non-job appointment."
        ),
        th.Property("technicianId", th.IntegerType, description="Number of the technician."),
        th.Property("start", th.DateTimeType, description="When it begins (UTC)."),
        th.Property("name", th.StringType, description="What it is called, such as `Lunch`."),
        th.Property(
            "duration",
            th.StringType,
            description=(
                "How long it lasts: a .NET time span, such as `01:00:00`, or with days "
                "`1.02:00:00`; `23:59:59` where `allDay` is true."
            ),
        ),
        th.Property(
            "timesheetCodeId",
            th.IntegerType,
            description="Number of the timesheet code that the time is booked on; 0 means none.",
        ),
        th.Property("summary", th.StringType, description="Free text about it."),
        th.Property(
            "clearDispatchBoard",
            th.BooleanType,
            description="Whether it leaves the dispatch board when it is over.",
        ),
        th.Property(
            "clearTechnicianView",
            th.BooleanType,
            description="Whether it leaves the technician's calendar when it is over.",
        ),
        th.Property(
            "removeTechnicianFromCapacityPlanning",
            th.BooleanType,
            description="Whether the older capacity planning leaves the technician out meanwhile.",
        ),
        th.Property("allDay", th.BooleanType, description="Whether it takes the whole day."),
        th.Property(
            "showOnTechnicianSchedule",
            th.BooleanType,
            description="Whether the technician's schedule shows it even without a timesheet.",
        ),
        th.Property("active", th.BooleanType, description="False once it was deleted."),
        th.Property("createdOn", th.DateTimeType, description="When the row was created (UTC)."),
        th.Property("modifiedOn", th.DateTimeType, description="When the row last changed (UTC)."),
        th.Property(
            "createdById", th.IntegerType, description="Number of the user who created the row."
        ),
    ).to_dict()

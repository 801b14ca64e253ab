"""Non-job appointments: what technicians do besides jobs, such as meetings or lunch."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tap_servicetitan_dispatch.streams.fields import boolean, instant, integer, schema_of, text
from tap_servicetitan_dispatch.streams.lists import ListStream

if TYPE_CHECKING:
    from collections.abc import Mapping


class NonJobAppointments(ListStream):
    """Each row is a period in which a technician takes no jobs, such as a meeting."""

    name = "non_job_appointments"
    path = "non-job-appointments"
    scopes = ("tn.dis.nonjobappointments:r",)
    inactive_too: ClassVar[Mapping[str, str]] = {}  # unless it is told `activeOnly=true`
    schema = schema_of(
        integer("id", "Number of the non-job appointment.", required=True),
        integer("technicianId", "Number of the technician."),
        instant("start", "When it begins (UTC)."),
        text("name", "Title, such as `Lunch`."),
        text(
            "duration",
            "Length: a .NET time span, such as `01:00:00`, or with days `1.02:00:00`; "
            "`23:59:59` where `allDay` is true.",
        ),
        integer(
            "timesheetCodeId",
            "Number of the timesheet code; 0 means none.",
        ),
        text("summary", "Free text."),
        boolean("clearDispatchBoard", "Whether it leaves the dispatch board at its end."),
        boolean("clearTechnicianView", "Whether it leaves the technician's calendar at its end."),
        boolean(
            "removeTechnicianFromCapacityPlanning",
            "Whether the older capacity planning leaves the technician out during it.",
        ),
        boolean("allDay", "Whether it takes the whole day."),
        boolean(
            "showOnTechnicianSchedule",
            "Whether the technician's schedule shows it even without a timesheet.",
        ),
        boolean("active", "False if it was switched off or deleted; the API does not say which."),
        instant("createdOn", "When the row was created (UTC)."),
        instant("modifiedOn", "When the row last changed (UTC)."),
        integer("createdById", "Number of the user who created the row."),
    )

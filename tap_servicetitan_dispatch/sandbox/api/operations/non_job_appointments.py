"""Non-job appointments: time in which a technician does something that is not a job."""

from functools import partial
from itertools import islice
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query
from pydantic import Field, model_validator
from starlette.responses import Response

from tap_servicetitan_dispatch.sandbox.api.access import BehaviourNow, TenantNow, needs
from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.api.listing import FewNumbers, Sorted, page_of
from tap_servicetitan_dispatch.sandbox.api.lookups import check_technicians, found, to_change
from tap_servicetitan_dispatch.sandbox.api.parameters import (
    Body,
    Boolean,
    Count,
    Flag,
    Id,
    Instant,
    Number,
    Planned,
    Span,
    Weekdays,
)
from tap_servicetitan_dispatch.sandbox.api.problems import Wrong, invalid, json_response
from tap_servicetitan_dispatch.sandbox.world.company import DISPATCHERS
from tap_servicetitan_dispatch.sandbox.world.instants import FOREVER, WEEKDAYS, text
from tap_servicetitan_dispatch.sandbox.world.recurrence import Frequency, starts
from tap_servicetitan_dispatch.sandbox.world.roster import NonJobAppointment
from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant
from tap_servicetitan_dispatch.sandbox.world.versions import changed

router = APIRouter(prefix="/non-job-appointments", tags=["NonJobAppointments"])

_FREQUENCIES = ("Daily", "Weekly", "Monthly", "Yearly")
_END_TYPES = ("Never", "After", "On")


class NonJobQuery(Sorted):
    """A query for non-job appointments; inactive ones too, by default."""

    ids: FewNumbers = frozenset()
    technician_id: Number | None = None
    starts_on_or_after: Instant = 0
    starts_on_or_before: Instant = FOREVER
    timesheet_code_id: Number | None = None
    active_only: Boolean | None = None
    show_on_technician_schedule: Boolean | None = None

    def matches(self, row: NonJobAppointment, behaviour: Behaviour) -> bool:
        """Return whether a row is asked for."""
        default = behaviour.non_job_default == "active"
        active_only = default if self.active_only is None else self.active_only
        return (
            (row.active or not active_only)
            and (not self.ids or row.id in self.ids)
            and self.technician_id in {None, row.technician_id}
            and self.starts_on_or_after <= row.start <= self.starts_on_or_before
            and self.timesheet_code_id in {None, row.timesheet_code_id}
            and self.show_on_technician_schedule in {None, row.show_on_technician_schedule}
        )


class NonJob(Body):
    """A non-job appointment, which may repeat."""

    technician_id: Id
    start: Planned
    duration: Annotated[Span, Field(gt=0)]
    name: str
    timesheet_code_id: Id | None = None
    summary: str | None = None
    clear_dispatch_board: Flag | None = None
    clear_technician_view: Flag | None = None
    show_on_technician_schedule: Flag | None = None
    remove_technician_from_capacity_planning: Flag | None = None
    all_day: Flag | None = None
    repeat: Flag | None = None
    count_occurrences: Count | None = None
    interval: Count | None = None
    frequency: Frequency | None = None
    end_type: Literal["Never", "After", "On"] | None = None
    end_on: Instant | None = None
    days_of_week: Weekdays | None = None

    @model_validator(mode="after")
    def complete(self) -> Self:
        """Check that all fields are given that its recurrence needs."""
        missing = [
            name
            for name, value, wanted in (
                ("Frequency", self.frequency, self.repeat),
                ("CountOccurrences", self.count_occurrences, self.end_type == "After"),
                ("EndOn", self.end_on, self.end_type == "On"),
            )
            if wanted and value is None
        ]
        if missing:
            raise Wrong(" ".join(f"The {name} field is required." for name in missing))
        return self

    def fields(self, tenant: Tenant) -> dict[str, Any]:
        """Return the fields of a row.

        Raises:
            Problem: There is no such technician (400).
        """
        check_technicians(tenant, [self.technician_id], "technicianId")
        return {
            "technician_id": self.technician_id,
            "start": self.start,
            "name": self.name,
            "duration": self.duration,
            "timesheet_code_id": self.timesheet_code_id or 0,
            "summary": self.summary or "",
            "clear_dispatch_board": bool(self.clear_dispatch_board),
            "clear_technician_view": bool(self.clear_technician_view),
            "remove_technician_from_capacity_planning": bool(
                self.remove_technician_from_capacity_planning
            ),
            "all_day": bool(self.all_day),
            "show_on_technician_schedule": bool(self.show_on_technician_schedule),
        }

    def starts(self, tenant: Tenant) -> list[int]:
        """Return when it takes place, each time."""
        if not self.repeat or self.frequency is None:
            return [self.start]
        last = self.end_on if self.end_type == "On" and self.end_on is not None else FOREVER
        times = starts(
            tenant.company.calendar,
            self.start,
            self.frequency,
            interval=self.interval or 1,
            weekdays=self.days_of_week or (),
            last=last,
        )
        return list(islice(times, self.count_occurrences if self.end_type == "After" else None))


@router.get("", dependencies=needs("nonjobappointments:r"))
async def list_non_job_appointments(
    tenant: TenantNow, behaviour: BehaviourNow, query: Annotated[NonJobQuery, Query()]
) -> Response:
    """Return a page of non-job appointments."""
    matches = partial(query.matches, behaviour=behaviour)
    return page_of(tenant, "non-job-appointments", query, behaviour, matches)


@router.post("", dependencies=needs("nonjobappointments:w"))
async def create_non_job_appointment(tenant: TenantNow, new: NonJob) -> Response:
    """Create a non-job appointment, and one more for each recurrence.

    Returns the first. Endless recurrence is created for two years.
    """
    fields = new.fields(tenant)
    times = new.starts(tenant)
    if not times:
        raise invalid("endOn", "It ends before it takes place.")
    instant = tenant.tick()
    rows = [
        NonJobAppointment(
            id=tenant.new_id(),
            active=True,
            created_on=instant,
            modified_on=instant,
            created_by=DISPATCHERS[0],
            **fields | {"start": start},
        )
        for start in times
    ]
    for row in rows:
        tenant.non_job_appointments.put(row)
    return json_response(
        _details(rows[0])
        | {
            "repeat": bool(new.repeat),
            "countOccurrences": new.count_occurrences,
            "interval": new.interval,
            "frequency": _number(_FREQUENCIES, new.frequency),
            "endType": _number(_END_TYPES, new.end_type),
            "endOn": None if new.end_on is None else text(new.end_on),
            "daysOfWeek": ", ".join(WEEKDAYS[day] for day in sorted(new.days_of_week or ())),
        }
    )


@router.get("/{id}", dependencies=needs("nonjobappointments:r"))
async def get_non_job_appointment(tenant: TenantNow, id: Number) -> Response:  # noqa: A002 - its documented name
    """Return a non-job appointment."""
    return json_response(_details(found(tenant.non_job_appointments, id)))


@router.put("/{id}", dependencies=needs("nonjobappointments:w"))
async def update_non_job_appointment(tenant: TenantNow, id: Number, new: NonJob) -> Response:  # noqa: A002 - its documented name
    """Change a single non-job appointment, without its recurrence, which is ignored."""
    row = to_change(tenant.non_job_appointments, id)
    row = changed(row, tenant.tick(), **new.fields(tenant))
    tenant.non_job_appointments.put(row)
    return json_response(_details(row))


@router.delete("/{id}", dependencies=needs("nonjobappointments:w"))
async def delete_non_job_appointment(
    tenant: TenantNow,
    behaviour: BehaviourNow,
    id: Number,  # noqa: A002 - its documented name
) -> Response:
    """Delete a non-job appointment."""
    row = to_change(tenant.non_job_appointments, id)
    tenant.delete(tenant.non_job_appointments, [row], hard=behaviour.deletes == "hard")
    return json_response({"message": "The non-job appointment was deleted.", "id": id})


def _details(row: NonJobAppointment) -> dict[str, Any]:
    """Return a row as all operations except the list return it."""
    written = row.wire()
    del written["modifiedOn"]
    return written


def _number(names: tuple[str, ...], name: str | None) -> int | None:
    return None if name is None else names.index(name)

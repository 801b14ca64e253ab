"""Appointment assignments: which technician goes to which appointment."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from tap_servicetitan_dispatch.sandbox.api.access import BehaviourNow, TenantNow, needs
from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.api.listing import (
    FewNumbers,
    Numbers,
    SortedByActivity,
    active_of,
    page_of,
)
from tap_servicetitan_dispatch.sandbox.api.lookups import check_technicians
from tap_servicetitan_dispatch.sandbox.api.parameters import Body, Id, Number
from tap_servicetitan_dispatch.sandbox.api.problems import Problem, invalid, json_response
from tap_servicetitan_dispatch.sandbox.world.assignments import Appointment, Assignment
from tap_servicetitan_dispatch.sandbox.world.company import DISPATCHERS
from tap_servicetitan_dispatch.sandbox.world.instants import HOUR, text
from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant
from tap_servicetitan_dispatch.sandbox.world.versions import changed

router = APIRouter(prefix="/appointment-assignments", tags=["AppointmentAssignments"])

_CONFLICT = 409


class AssignmentQuery(SortedByActivity):
    """A query for assignments."""

    ids: FewNumbers = frozenset()
    appointment_ids: Numbers = frozenset()
    job_id: Number | None = None

    def matches(self, row: Assignment, behaviour: Behaviour) -> bool:
        """Return whether a row exists and is asked for."""
        return (
            row.is_listed
            and (row.active or behaviour.deletes == "soft")
            and active_of(self.active, behaviour).matches(row.active)
            and (not self.ids or row.id in self.ids)
            and (not self.appointment_ids or row.appointment_id in self.appointment_ids)
            and self.job_id in {None, row.job_id}
        )


class Crew(Body):
    """Technicians to put on an appointment, or to take off it."""

    job_appointment_id: Id
    technician_ids: Annotated[list[Id], Field(min_length=1)]


@router.get("", dependencies=needs("appointmentassignments:r"))
async def list_assignments(
    tenant: TenantNow, behaviour: BehaviourNow, query: Annotated[AssignmentQuery, Query()]
) -> Response:
    """Return a page of assignments."""
    matches = partial(query.matches, behaviour=behaviour)
    return page_of(tenant, "appointment-assignments", query, behaviour, matches)


@router.post("/assign-technicians", dependencies=needs("appointmentassignments:w"))
async def assign_technicians(tenant: TenantNow, crew: Crew) -> Response:
    """Put technicians on an appointment. Assignments made by a request stay `Scheduled`."""
    visit = _appointment(tenant, crew)
    if _status(tenant, visit) in {"Done", "Canceled"}:
        raise Problem(_CONFLICT, "The appointment is over: nobody can be assigned to it.")
    check_technicians(tenant, crew.technician_ids, "technicianIds")
    if _assigned(tenant, visit) & set(crew.technician_ids):
        raise Problem(_CONFLICT, "A technician is assigned to the appointment already.")
    instant = tenant.tick()
    for id_ in dict.fromkeys(crew.technician_ids):
        tenant.assignments.put(
            Assignment(
                id=tenant.new_id(),
                active=True,
                created_on=instant,
                modified_on=instant,
                technician=tenant.company.technician[id_],
                assigned_by=DISPATCHERS[0],
                assigned_on=instant,
                status="Scheduled",
                paused=False,
                appointment=visit,
            )
        )
    return _appointment_response(tenant, visit)


@router.post("/unassign-technicians", dependencies=needs("appointmentassignments:w"))
async def unassign_technicians(tenant: TenantNow, behaviour: BehaviourNow, crew: Crew) -> Response:
    """Take technicians off an appointment: their assignments become inactive."""
    visit = _appointment(tenant, crew)
    missing = sorted(set(crew.technician_ids) - _assigned(tenant, visit))
    if missing:
        names = ", ".join(map(str, missing))
        raise invalid("technicianIds", f"Not assigned to the appointment: {names}.")
    instant = tenant.tick()
    rows = tenant.crew(visit.id)
    for row in rows:
        if row.active and row.technician.id in crew.technician_ids:
            is_listed = behaviour.deletes == "soft"
            tenant.assignments.put(changed(row, instant, active=False, is_listed=is_listed))
    # Nor does the replacement come that the board had planned for one of them.
    known = {row.id for row in rows}
    tenant.assignments.cancel_plans(
        lambda row: row.appointment_id == visit.id and row.id not in known
    )
    return _appointment_response(tenant, visit)


def _appointment(tenant: Tenant, crew: Crew) -> Appointment:
    visit = tenant.appointment(crew.job_appointment_id)
    if visit is None:
        raise invalid(
            "jobAppointmentId", f"There is no appointment with id {crew.job_appointment_id}."
        )
    return visit


def _assigned(tenant: Tenant, visit: Appointment) -> set[int]:
    return {row.technician.id for row in tenant.crew(visit.id) if row.active}


def _status(tenant: Tenant, visit: Appointment) -> str:
    crew = [row for row in tenant.crew(visit.id) if row.active]
    if not crew:
        return "Canceled" if visit.cancelled_on <= tenant.now else "Scheduled"
    if all(row.paused for row in crew):
        return "Hold"
    statuses = {row.status for row in crew}
    open_ones = [one for one in ("Working", "Dispatched", "Scheduled") if one in statuses]
    return open_ones[0] if open_ones else "Done"


def _appointment_response(tenant: Tenant, visit: Appointment) -> Response:
    return json_response(
        {
            "id": visit.id,
            "jobId": visit.job_id,
            "appointmentNumber": visit.number,
            "start": text(visit.start),
            "end": text(visit.end),
            "arrivalWindowStart": text(visit.start),
            "arrivalWindowEnd": text(visit.start + 2 * HOUR),
            "status": _status(tenant, visit),
            "specialInstructions": None,
            "createdOn": text(visit.booked_on),
            "modifiedOn": text(max(row.modified_on for row in tenant.crew(visit.id))),
        }
    )

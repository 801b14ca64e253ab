"""Capacity: how many hours can still be booked."""

from typing import Any, Self

from fastapi import APIRouter
from pydantic import model_validator
from starlette.responses import Response

from tap_servicetitan_dispatch.sandbox.api.access import BehaviourNow, TenantNow, needs
from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.api.parameters import Body, Boolean, Id, Planned
from tap_servicetitan_dispatch.sandbox.api.problems import Problem, Wrong, invalid, json_response
from tap_servicetitan_dispatch.sandbox.world.capacity import availabilities
from tap_servicetitan_dispatch.sandbox.world.company import BUSINESS_UNITS, JOB_TYPES
from tap_servicetitan_dispatch.sandbox.world.instants import DAY, text

router = APIRouter(prefix="/capacity", tags=["Capacity"])


class CapacityQuery(Body):
    """The days, business units and kind of job to look at."""

    starts_on_or_after: Planned
    ends_on_or_before: Planned
    business_unit_ids: list[Id] | None = None
    job_type_id: Id | None = None
    skill_based_availability: Boolean

    @model_validator(mode="after")
    def ends_after_it_begins(self) -> Self:
        """Check that the range ends after it begins."""
        if self.ends_on_or_before <= self.starts_on_or_after:
            raise Wrong("EndsOnOrBefore must be later than StartsOnOrAfter.")
        return self


@router.post("", dependencies=needs("capacity:w"))
async def get_capacity(
    tenant: TenantNow, behaviour: BehaviourNow, query: CapacityQuery
) -> Response:
    """Return the availability of each arrival window in a span of up to 14 days."""
    most = behaviour.capacity_days
    if query.ends_on_or_before - query.starts_on_or_after > most * DAY:
        raise Problem(400, f"Invalid request. The maximum allowed range is {most} days.")
    if query.job_type_id is not None and query.job_type_id not in JOB_TYPES:
        raise invalid("jobTypeId", f"There is no job type with id {query.job_type_id}.")
    units = query.business_unit_ids
    if units is None:
        left_out = behaviour.units_without_group
        units = [unit.id for unit in BUSINESS_UNITS if unit.id not in left_out]
    found = availabilities(
        tenant,
        (query.starts_on_or_after, query.ends_on_or_before),
        business_unit_ids=units,
        job_type_id=query.job_type_id,
        match_skills=query.skill_based_availability,
        at_night=behaviour.night_windows,
    )
    stamp = None if behaviour.capacity_time_stamp == "null" else text(tenant.now)
    return json_response({"timeStamp": stamp, "availabilities": _written(found, behaviour)})


def _written(slots: list[dict[str, Any]], behaviour: Behaviour) -> list[dict[str, Any]]:
    for slot in slots:
        if behaviour.capacity_start == "utc":
            slot |= {"start": slot["startUtc"], "end": slot["endUtc"]}
        if behaviour.capacity_units == "minutes":
            slot["totalAvailability"] *= 60
            slot["openAvailability"] *= 60
    if behaviour.slot_keys == "twice":
        return [each for slot in slots for each in (slot, slot | {"openAvailability": 0.0})]
    return slots

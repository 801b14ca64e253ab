"""Technician tracking: the address at which a customer can watch a technician arrive."""

from hashlib import blake2b

from fastapi import APIRouter
from starlette.responses import Response

from tap_servicetitan_dispatch.sandbox.api.access import BehaviourNow, TenantNow, needs
from tap_servicetitan_dispatch.sandbox.api.parameters import Number
from tap_servicetitan_dispatch.sandbox.api.problems import PlainErrors, Problem, json_response

router = APIRouter(
    prefix="/technician-tracking", tags=["TechnicianTracking"], route_class=PlainErrors
)


@router.get("", dependencies=needs("techniciantracking:r"))
async def get_tracking_url(
    tenant: TenantNow,
    behaviour: BehaviourNow,
    technicianId: Number,  # noqa: N803 - its documented name
    appointmentId: Number,  # noqa: N803 - its documented name
) -> Response:
    """Return the address of a page about a technician on the way to an appointment, or at it."""
    live = any(
        row.technician.id == technicianId and row.active and row.status in behaviour.tracked
        for row in tenant.crew(appointmentId)
    )
    if not live and behaviour.untracked == "null":
        return json_response(None)
    if not live:
        raise Problem(
            int(behaviour.untracked), "The technician is not on the way to that appointment."
        )
    key = blake2b(f"{technicianId}:{appointmentId}".encode(), digest_size=9).hexdigest()
    return json_response({"technicianTrackingUrl": f"https://tracking.example/{key}"})

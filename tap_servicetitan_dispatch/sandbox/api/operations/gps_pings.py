"""GPS pings: positions of vehicles, as a provider reports them. They can only be sent."""

from fastapi import APIRouter
from starlette.responses import Response

from tap_servicetitan_dispatch.sandbox.api.access import needs
from tap_servicetitan_dispatch.sandbox.api.parameters import Body, Flag, Instant, Quantity
from tap_servicetitan_dispatch.sandbox.api.problems import json_response

router = APIRouter(prefix="/gps-provider/{gps_provider}/gps-pings", tags=["Gps"])


class Ping(Body):
    """Where a vehicle was."""

    unit_id: str
    unit_name: str
    event_time: Instant
    latitude: Quantity | None = None
    longitude: Quantity | None = None
    speed: Quantity | None = None
    street: str
    city: str
    region: str
    postal_code: str
    message: str
    external_id: str
    is_new: Flag
    status_message: str


@router.post("", dependencies=needs("gpspings:w"))
async def create_gps_pings(gps_provider: str, pings: list[Ping]) -> Response:  # noqa: ARG001 - any provider will do
    """Accept pings; one without a position fails. Nothing else in the sandbox uses them."""
    return json_response(
        [
            {
                "externalId": ping.external_id,
                "status": "Fail" if failed else "Success",
                "message": "The ping has no position." if failed else "",
            }
            for ping in pings
            for failed in [ping.latitude is None or ping.longitude is None]
        ]
    )

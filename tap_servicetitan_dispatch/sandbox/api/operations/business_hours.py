"""Business hours: when the office takes jobs."""

from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import Field, model_validator
from starlette.responses import Response

from tap_servicetitan_dispatch.sandbox.api.access import BehaviourNow, TenantNow, needs
from tap_servicetitan_dispatch.sandbox.api.parameters import Body
from tap_servicetitan_dispatch.sandbox.api.problems import Wrong, json_response

router = APIRouter(prefix="/business-hours", tags=["BusinessHours"])

Hour = Annotated[int, Field(strict=True, ge=0, le=24)]


class TimeRange(Body):
    """Whole hours of a day."""

    from_hour: Hour
    to_hour: Hour

    @model_validator(mode="after")
    def ends_after_it_begins(self) -> Self:
        """Check that the range ends after it begins."""
        if self.to_hour <= self.from_hour:
            raise Wrong("ToHour must be later than FromHour.")
        return self


class BusinessHours(Body):
    """Business hours of weekdays, Saturdays and Sundays; none if the office is closed."""

    weekdays: list[TimeRange]
    saturday: list[TimeRange]
    sunday: list[TimeRange]


@router.get("", dependencies=needs("businesshours:r"))
async def get_business_hours(tenant: TenantNow, behaviour: BehaviourNow) -> Response:
    """Return the business hours."""
    hours = tenant.business_hours
    shapes = {"object": hours, "data": {"data": hours}, "list": [hours], "several": [hours, hours]}
    return json_response(shapes[behaviour.business_hours])


@router.post("", dependencies=needs("businesshours:w"))
async def create_business_hours(tenant: TenantNow, new: BusinessHours) -> Response:
    """Set the business hours."""
    tenant.business_hours = new.model_dump(by_alias=True)
    return json_response(tenant.business_hours)

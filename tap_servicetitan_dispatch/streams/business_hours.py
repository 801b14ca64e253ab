"""Business hours: when the company works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.streams.fields import TENANT_ID, integer, objects, schema_of
from tap_servicetitan_dispatch.streams.single import SingleStream

if TYPE_CHECKING:
    from singer_sdk import typing as th


def _hours(name: str, days: str) -> th.Property[Any]:
    return objects(
        name,
        f"Stretches of work {days}; empty if there are none.",
        integer("fromHour", f"Whole hour of the day, business-local, at which work begins {days}."),
        integer("toHour", f"Whole hour of the day, business-local, at which work ends {days}."),
    )


class BusinessHours(SingleStream):
    """The one row holds the working hours of weekdays, Saturdays and Sundays."""

    name = "business_hours"
    path = "business-hours"
    scopes = ("tn.dis.businesshours:r",)
    schema = schema_of(
        TENANT_ID,
        _hours("weekdays", "from Monday to Friday"),
        _hours("saturday", "on Saturdays"),
        _hours("sunday", "on Sundays"),
    )

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
        f"Periods of work {days}; empty if there are none.",
        integer(
            "fromHour", f"Local hour of the day at which work begins {days}; whole hours only."
        ),
        integer("toHour", f"Local hour of the day at which work ends {days}; whole hours only."),
    )


class BusinessHours(SingleStream):
    """The only row has the working hours of weekdays, Saturdays and Sundays."""

    name = "business_hours"
    path = "business-hours"
    scopes = ("tn.dis.businesshours:r",)
    schema = schema_of(
        TENANT_ID,
        _hours("weekdays", "from Monday to Friday"),
        _hours("saturday", "on Saturdays"),
        _hours("sunday", "on Sundays"),
    )

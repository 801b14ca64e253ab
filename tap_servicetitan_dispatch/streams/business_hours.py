"""Business hours: when the company works."""

from __future__ import annotations

from typing import Any, ClassVar

from singer_sdk import typing as th

from tap_servicetitan_dispatch.streams.base import TENANT_ID
from tap_servicetitan_dispatch.streams.single import SingleStream


def _hours(days: str) -> th.ArrayType[th.ObjectType]:
    return th.ArrayType(
        th.ObjectType(
            th.Property(
                "fromHour",
                th.IntegerType,
                description=f"Whole hour of the day, business-local, at which work begins {days}.",
            ),
            th.Property(
                "toHour",
                th.IntegerType,
                description=f"Whole hour of the day, business-local, at which work ends {days}.",
            ),
        )
    )


class BusinessHours(SingleStream):
    """The one row holds the working hours of weekdays, Saturdays and Sundays."""

    name = "business_hours"
    path = "business-hours"
    scopes = ("tn.dis.businesshours:r",)
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        TENANT_ID,
        th.Property(
            "weekdays",
            _hours("from Monday to Friday"),
            description="Stretches of work from Monday to Friday; empty if there are none.",
        ),
        th.Property(
            "saturday",
            _hours("on Saturdays"),
            description="Stretches of work on Saturdays; empty if there are none.",
        ),
        th.Property(
            "sunday",
            _hours("on Sundays"),
            description="Stretches of work on Sundays; empty if there are none.",
        ),
    ).to_dict()

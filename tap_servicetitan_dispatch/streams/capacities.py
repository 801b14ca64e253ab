"""Capacities: how much work can still be booked."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th
from typing_extensions import override

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.streams.base import DispatchStream, time_of
from tap_servicetitan_dispatch.walks import Page, malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from singer_sdk import Tap

    from tap_servicetitan_dispatch.bookmarks import Bookmark
    from tap_servicetitan_dispatch.client import Client
    from tap_servicetitan_dispatch.run import Run
    from tap_servicetitan_dispatch.walks import Record

LONGEST = timedelta(days=14)
"""What one request may span; 14 local days in which clocks go back are an hour more."""

_TECHNICIAN = th.ObjectType(
    th.Property("id", th.IntegerType, description="Number of the technician."),
    th.Property("name", th.StringType, description="Name of the technician."),
    th.Property(
        "status",
        th.StringType,
        description="Whether the technician can work then: `Available` or `Unavailable`.",
    ),
    th.Property(
        "hasRequiredSkills",
        th.BooleanType,
        description=(
            "Whether the technician has all skills that the job type asks for; null where skills "
            "are not matched."
        ),
    ),
)


class Capacities(DispatchStream):
    """Each row is a time slot of some business units, with the hours that can be booked in it.

    The operation only reads, but wants a scope for writing. Read for whole local days around today,
    each time anew: a forecast, which differs from one run to the next.
    """

    name = "capacities"
    path = "capacity"
    method = "POST"
    scopes = ("tn.dis.capacity:w",)
    primary_keys: Sequence[str] = ("startUtc", "endUtc", "businessUnitKey")
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property(
            "timeStamp", th.DateTimeType, description="When the capacity was computed (UTC)."
        ),
        th.Property(
            "start",
            th.StringType,
            description=(
                "Beginning of the slot in the business's local time. The `Z` at its end is wrong; "
                "`startUtc` is the instant."
            ),
        ),
        th.Property(
            "end",
            th.StringType,
            description=(
                "End of the slot in the business's local time. The `Z` at its end is wrong; "
                "`endUtc` is the instant."
            ),
        ),
        th.Property(
            "startUtc", th.DateTimeType, required=True, description="Beginning of the slot (UTC)."
        ),
        th.Property("endUtc", th.DateTimeType, required=True, description="End of the slot (UTC)."),
        th.Property(
            "businessUnitKey",
            th.StringType,
            required=True,
            description=(
                "`businessUnitIds` in ascending order, joined with commas, as an array cannot be "
                "part of a key; empty if there are none."
            ),
        ),
        th.Property(
            "businessUnitIds",
            th.ArrayType(th.IntegerType),
            description="Numbers of the business units that share the slot.",
        ),
        th.Property(
            "totalAvailability",
            th.NumberType,
            description="Hours of work that fit into the slot, booked or not.",
        ),
        th.Property(
            "openAvailability",
            th.NumberType,
            description="Hours of work that can still be booked; 0 if the slot is full.",
        ),
        th.Property(
            "technicians",
            th.ArrayType(_TECHNICIAN),
            description="The technicians who count for the slot; empty if there are none.",
        ),
        th.Property(
            "isAvailable", th.BooleanType, description="Whether work can be booked in the slot."
        ),
        th.Property(
            "isExceedingIdealBookingPercentage",
            th.BooleanType,
            description="Whether more of the slot is booked than the business aims at.",
        ),
    ).to_dict()

    def __init__(self, tap: Tap, run: Run) -> None:
        super().__init__(tap, run)
        if run.config.get("capacity_keep_history"):
            self.primary_keys = (*self.primary_keys, "timeStamp")
            properties = self.schema["properties"]
            stamp = {**properties["timeStamp"], "type": ["string"]}
            self._set_properties({**properties, "timeStamp": stamp})
            self.schema["required"] = [*self.schema["required"], "timeStamp"]

    @property
    @override
    def caution(self) -> str:
        if self.config.get("capacity_business_unit_ids"):
            return ""
        return (
            "capacity_business_unit_ids is not set, and the API may leave out business units that "
            "are in no capacity group. What to do: name the business units that matter."
        )

    @override
    def walk(self, client: Client, bookmark: Bookmark) -> Iterable[Page]:
        calls = (
            partial(client.post, self.path, self._request(start, end))
            for start, end in self._windows(time_of(client), self._timezone(client))
        )
        written: set[tuple[Any, ...]] = set()  # a slot may come in two windows
        for answer in self.run.helpers.results(calls):
            slots = [slot for slot in _slots(answer.body) if _is_new(slot, written)]
            yield Page(slots, size=answer.size)

    @override
    def probe(self, client: Client) -> None:
        now = time_of(client)
        answer = client.post(self.path, self._request(now, now + timedelta(hours=1)))
        list(_slots(answer.body))

    def _timezone(self, client: Client) -> str:
        """Return the time zone of a tenant."""
        numbers = {None, client.tenant_id}
        [tenant] = [each for each in self.run.clients.tenants if each.number in numbers]
        return tenant.timezone or "UTC"

    def _windows(self, now: datetime, timezone: str) -> Iterator[tuple[datetime, datetime]]:
        """Yield beginning and end of what each request asks for, whole local days."""
        import pendulum  # noqa: PLC0415 - takes long, and most runs are without this stream

        local = pendulum.instance(now).in_timezone(timezone)
        noon = local.at(12)  # there may be two midnights, or none

        def midnight(days: int) -> datetime:
            return noon.add(days=days).start_of("day").in_timezone("UTC")

        first = -self.config["capacity_days_back"]
        end = self.config["capacity_days_ahead"] + 1
        while first < end:
            after = min(first + self.config["capacity_days_per_request"], end)
            if midnight(after) - midnight(first) > LONGEST:
                after -= 1
            yield midnight(first), midnight(after)
            first = after

    def _request(self, start: datetime, end: datetime) -> dict[str, Any]:
        optional = {
            "businessUnitIds": self.config.get("capacity_business_unit_ids"),
            "jobTypeId": self.config.get("capacity_job_type_id"),
        }
        return {
            "startsOnOrAfter": instants.render(start),
            "endsOnOrBefore": instants.render(end),
            "skillBasedAvailability": self.config["capacity_skill_based_availability"],
            **{name: value for name, value in optional.items() if value},
        }


def _slots(body: Any) -> Iterator[Record]:
    if not isinstance(body, dict) or "availabilities" not in body:
        raise malformed("availabilities", body)
    slots = body["availabilities"] or []
    if not isinstance(slots, list) or not all(isinstance(slot, dict) for slot in slots):
        raise malformed("a list of objects as availabilities", body)
    for slot in slots:
        ids = slot.get("businessUnitIds")
        units = [str(unit) for unit in ids if unit is not None] if isinstance(ids, list) else []
        yield {
            "startUtc": None,
            "endUtc": None,
            **slot,
            "businessUnitKey": ",".join(sorted(units, key=lambda unit: (len(unit), unit))),
            "timeStamp": body.get("timeStamp"),
        }


def _is_new(slot: Record, written: set[tuple[Any, ...]]) -> bool:
    key = tuple(str(slot[name]) for name in Capacities.primary_keys)
    is_new = key not in written
    written.add(key)
    return is_new

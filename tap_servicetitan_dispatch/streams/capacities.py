"""Capacities: how much work can still be booked."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.errors import REMEDY
from tap_servicetitan_dispatch.streams.base import DispatchStream, time_of
from tap_servicetitan_dispatch.streams.fields import (
    boolean,
    instant,
    integer,
    integers,
    number,
    objects,
    schema_of,
    text,
)
from tap_servicetitan_dispatch.streams.records import ExtendedRow
from tap_servicetitan_dispatch.walks import Page, malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.state.bookmarks import Bookmark
    from tap_servicetitan_dispatch.walks import Record

LONGEST = timedelta(days=14)
"""Maximum period of a request; 14 local days in which clocks go back are an hour more."""
NO_UNITS = "none"
"""The key of a slot without business units, because a target may take an empty text for null."""


class Capacities(DispatchStream):
    """Each row is a time slot of some business units, with the hours that can be booked in it.

    The operation only reads, but needs a scope for writing. Each run reads a new forecast of the
    whole local days around today. The API returns only slots that lie wholly within a request's
    period. So periods overlap by a day: a slot across midnight, in any time zone, lies within one
    of them.
    """

    name = "capacities"
    path = "capacity"
    method = "POST"
    scopes = ("tn.dis.capacity:w",)
    on_request = "needs a scope for writing, although it only reads"
    primary_keys: tuple[str, ...] = ("startUtc", "endUtc", "businessUnitKey")
    added_fields = ("timeStamp",)
    schema = schema_of(
        instant("timeStamp", "When the capacity was computed (UTC)."),
        text(
            "start",
            "Start of the slot in local time. The `Z` at its end is wrong; `startUtc` is the "
            "instant.",
        ),
        text(
            "end",
            "End of the slot in local time. The `Z` at its end is wrong; `endUtc` is the instant.",
        ),
        instant("startUtc", "Start of the slot (UTC).", required=True),
        instant("endUtc", "End of the slot (UTC).", required=True),
        text(
            "businessUnitKey",
            "`businessUnitIds` in ascending order, joined with commas, because a key cannot "
            "contain an array; `none` if there are none.",
            required=True,
        ),
        integers("businessUnitIds", "Numbers of the business units that share the slot."),
        number("totalAvailability", "Hours of work that fit into the slot, booked or not."),
        number(
            "openAvailability", "Hours of work that can still be booked; 0 if the slot is full."
        ),
        objects(
            "technicians",
            "Technicians of the slot; empty if there are none.",
            integer("id", "Number of the technician."),
            text("name", "Name of the technician."),
            text("status", "`Available` or `Unavailable`: whether the technician can work then."),
            boolean(
                "hasRequiredSkills",
                "Whether the technician has all skills of the job type; null if skills are not "
                "matched.",
            ),
        ),
        boolean("isAvailable", "Whether work can be booked in the slot."),
        boolean(
            "isExceedingIdealBookingPercentage",
            "Whether more of the slot is booked than the business intends.",
        ),
    )

    @property
    @override
    def caution(self) -> str:
        cautions = []
        if not self.config.get("capacity_business_unit_ids"):
            cautions.append(
                "capacity_business_unit_ids is not set, and the API may leave out business units "
                f"that are in no capacity group. {REMEDY}name the business units that matter."
            )
        if not all(tenant.timezone for tenant in self.run.clients.tenants):
            cautions.append(
                "timezone is not set, so days begin at midnight UTC, an evening in America. "
                f"{REMEDY}set timezone to that of the tenant."
            )
        return " ".join(cautions)

    @override
    def walk(self, client: Client, bookmark: Bookmark) -> Iterable[Page]:
        days = self._days(time_of(client), self._timezone(client))
        calls = (
            partial(client.post, self.path, self._request(*span))
            for span in _spans(days, self._step)
        )
        written: set[tuple[Any, ...]] = set()  # a slot may come in two spans
        for answer in self.run.helpers.results(calls):
            slots = [
                slot
                for slot in _slots(answer.body)
                if _touches(slot, days[1], days[-2]) and _is_new(slot, written)
            ]
            yield Page(slots, extra={"timeStamp": answer.body.get("timeStamp")}, size=answer.size)

    @override
    def probe(self, client: Client) -> None:
        now = time_of(client)
        answer = client.post(self.path, self._request(now, now + timedelta(hours=1)))
        list(_slots(answer.body))

    @property
    def _step(self) -> int:
        return int(self.config["capacity_days_per_request"])

    def _timezone(self, client: Client) -> str:
        """Return the time zone of a tenant."""
        numbers = {None, client.tenant_id}
        [tenant] = [each for each in self.run.clients.tenants if each.number in numbers]
        return tenant.timezone or "UTC"

    def _days(self, now: datetime, timezone: str) -> list[datetime]:
        """Return the beginnings of the wanted days, of the day before and of the day after.

        Slots that touch the time between the second and the last but one are wanted.
        """
        import pendulum  # noqa: PLC0415 - takes long, and most runs are without this stream

        zone = pendulum.timezone(timezone)
        today = pendulum.instance(now).in_timezone(zone).date()
        first = -self.config["capacity_days_back"] - 1
        end = self.config["capacity_days_ahead"] + 2
        days = (today.add(days=day) for day in range(first, end + 1))
        # Of two midnights, the first; where there is none, when it would have been
        return [datetime.combine(day, time(), zone).astimezone(UTC) for day in days]

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


def _spans(midnights: Sequence[datetime], step: int) -> Iterator[tuple[datetime, datetime]]:
    """Yield the period of each request: some days, and the day after.

    Args:
        midnights: The beginnings of the days, and the end of the last one.
        step: Number of days in a request, besides the day after.
    """
    first, last = 0, len(midnights) - 1
    while first < last - 1:
        end = min(first + step + 1, last)
        while midnights[end] - midnights[first] > LONGEST:
            end -= 1
        yield midnights[first], midnights[end]
        first = end - 1


def _slots(body: Any) -> Iterator[Record]:
    if not isinstance(body, dict) or "availabilities" not in body:
        raise malformed("availabilities", body)
    slots = body["availabilities"] or []
    if not isinstance(slots, list) or not all(isinstance(slot, dict) for slot in slots):
        raise malformed("a list of objects as availabilities", body)
    for slot in slots:
        ids = slot.get("businessUnitIds")
        units = (
            [str(unit) for unit in ids if unit not in (None, "")] if isinstance(ids, list) else []
        )
        key = ",".join(sorted(units, key=lambda unit: (len(unit), unit)))
        yield ExtendedRow(
            {"startUtc": None, "endUtc": None, **slot}, {"businessUnitKey": key or NO_UNITS}
        )


def _touches(slot: Record, begin: datetime, end: datetime) -> bool:
    """Return whether any part of a slot lies between two instants; true also if that is unclear."""
    try:
        return instants.parse(slot["startUtc"]) < end and instants.parse(slot["endUtc"]) > begin
    except (TypeError, ValueError):
        return True


def _is_new(slot: Record, written: set[tuple[Any, ...]]) -> bool:
    key = tuple(str(slot[name]) for name in Capacities.primary_keys)
    is_new = key not in written
    written.add(key)
    return is_new

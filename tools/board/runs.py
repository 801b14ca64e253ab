"""What sandboxes show that begin on different days, or go on for long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.sandbox.world.instants import to_datetime
from tap_servicetitan_dispatch.sandbox.world.tenant import HISTORY_DAYS, Tenant
from tap_servicetitan_dispatch.sandbox.world.versions import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.board.seen import Seen

_SIZE = 2_000
_DAYS_APART = 10


@dataclass
class Clock:
    """A clock that stands still until it is set forward."""

    now: datetime

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


# When the rows of these tables take place. Those of others are there all the time.
_STARTS: dict[str, Callable[[Any], int]] = {
    "assignments": attrgetter("appointment.start"),
    "shifts": attrgetter("start"),
    "non_job_appointments": attrgetter("start"),
}


def tables(tenant: Tenant) -> dict[str, Table[Any]]:
    """Return the tables of a tenant by name."""
    return {name: table for name, table in vars(tenant).items() if isinstance(table, Table)}


def shown(tenant: Tenant, as_of: int, since: int) -> dict[str, dict[Any, dict[str, Any]]]:
    """Return the rows as of an instant by table and id, but for those that took place before."""
    return {
        name: {
            row.id: row.wire()
            for row in table.after((0, 0), as_of)
            if name not in _STARTS or _STARTS[name](row) >= since
        }
        for name, table in tables(tenant).items()
    }


def all_known_since(tenant: Tenant) -> int:
    """Return the instant from which on a tenant has all that took place, if it has just begun."""
    calendar = tenant.company.calendar
    # What was put off to its first day is of the day before, which it does not have.
    return calendar.midnight(calendar.day_of(tenant.now) - HISTORY_DAYS + 1)


def forgotten_at_midnight(seen: Seen) -> float:
    """Return how many rows are gone on the next day."""
    clock = Clock(to_datetime(seen.calendar.at(seen.days[0], 23)))
    tenant = Tenant(seed=seen.seed, assignments=_SIZE, clock=clock)
    before = {(name, id_) for name, table in tables(tenant).items() for id_ in table.current}
    clock.now += timedelta(hours=2)
    tenant.advance()
    after = {(name, id_) for name, table in tables(tenant).items() for id_ in table.current}
    return len(before - after)


def told_otherwise(seen: Seen) -> float:
    """Return on how many rows a tenant that has lasted and one that begins do not agree."""
    clock = Clock(to_datetime(seen.calendar.at(seen.days[0], 10)))
    old = Tenant(seed=seen.seed, assignments=_SIZE, clock=clock)
    clock.now += timedelta(days=_DAYS_APART)
    new = Tenant(seed=seen.seed, assignments=_SIZE, clock=clock)
    old.advance()
    since = all_known_since(new)
    pairs = zip(
        shown(old, old.now, since).values(), shown(new, new.now, since).values(), strict=True
    )
    return sum(
        first.get(id_) != second.get(id_)
        for first, second in pairs
        for id_ in first.keys() | second.keys()
    )

"""The latest changes of a tenant's rows, and how far each has got on its way to a warehouse."""

from collections.abc import Callable, Mapping
from heapq import nlargest
from typing import Any

import msgspec

from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.api.shown import ASSIGNMENTS, tables_of
from tap_servicetitan_dispatch.sandbox.api.written import written
from tap_servicetitan_dispatch.sandbox.watch.times import Times
from tap_servicetitan_dispatch.sandbox.world.assignments import Assignment
from tap_servicetitan_dispatch.sandbox.world.instants import SECOND
from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant
from tap_servicetitan_dispatch.sandbox.world.versions import Row

FEED = f"export/{ASSIGNMENTS}"
_MOST = 12
"""Maximum number of changes shown: of assignments, which change all the time, and of everything
else.
"""


class Change(msgspec.Struct):
    """A change of a row.

    Attributes:
        key: Its key on the page.
        made: When it was made.
        where: Path of the list or feed from which the tap learns of it.
        says: The row in words.
        shows: From when on it is visible there.
        is_shown: Whether that time has come.
        read: When a client last read that path; empty if none did.
        is_read: Whether that was after the change became visible.
    """

    key: str
    made: str
    where: str
    says: str
    shows: str
    is_shown: bool
    read: str
    is_read: bool


def latest_changes(
    tenant: Tenant, behaviour: Behaviour, times: Times, read_at: Callable[[str], int]
) -> list[Change]:
    """Return the latest changes of today, the last one first.

    Args:
        tenant: The tenant.
        behaviour: How its API behaves.
        times: How times are written.
        read_at: Returns when a client last read a list, or the feed; 0 if never.
    """
    others: list[tuple[int, str, Row]] = []
    found: list[tuple[int, str, Row]] = []
    for name, table in tables_of(tenant).items():
        rows = table.told(times.midnight)[-_MOST:]
        where = found if name == ASSIGNMENTS else others
        where.extend((row.modified_on, name, row) for row in rows)
    found += nlargest(_MOST, others, key=lambda each: each[0])
    found.sort(key=lambda each: each[0], reverse=True)

    def change(row: Row, name: str) -> Change:
        is_fed = name == ASSIGNMENTS
        delay = behaviour.feed_delay if is_fed else behaviour.visible_after
        where, shows = FEED if is_fed else name, row.modified_on + delay * SECOND
        read = read_at(where)
        return Change(
            key=f"{name}-{row.id}-{row.modified_on}",
            made=times.exact(row.modified_on),
            where=where,
            says=_said(row, written(row, behaviour)),
            shows=times.exact(shows),
            is_shown=shows <= tenant.now,
            read=times.exact(read) if read else "",
            is_read=read >= shows,
        )

    return [change(row, name) for _, name, row in found]


def _said(row: Row, wire: Mapping[str, Any]) -> str:
    """Return a row's content as the API writes it."""
    if isinstance(row, Assignment):
        name = wire.get("technicianName") or f"Technician {wire['technicianId']}"
        paused = ", paused" if wire["isPaused"] else ""
        state = f"{wire['status']}{paused}" if wire["active"] else "taken back"
        return f"{name}: {state}, appointment {wire['appointmentId']}"
    name = wire.get("name") or wire.get("title") or wire["id"]
    if not wire["active"]:
        return f"{name}: deleted"
    return f"{name}: {'new' if row.created_on == row.modified_on else 'changed'}"

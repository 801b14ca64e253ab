"""Lists of an API whose clocks differ, whose changes show late, and whose times are odd.

All that an incremental read promises to catch stays within an overlap of five minutes: a change
shows late, is dated back, and the clock of another server is ahead, by 290 seconds in all. A row
without a time is what it cannot catch.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime
from random import Random
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

from tap_servicetitan_dispatch.sandbox.api.shown import tables_of
from tap_servicetitan_dispatch.sandbox.world.instants import DAY, FOREVER, SECOND, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tap_servicetitan_dispatch.sandbox.api.listing import Sorted
    from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant
    from tap_servicetitan_dispatch.sandbox.world.versions import Row

MOST_LATE_SECONDS = 200
MOST_MOVED_BACK_SECONDS = 60
CLOCKS_APART_SECONDS = 30
KEEPS_ITS_TIMES = "Assignment"
"""Their times decide which of a pair is the latest, so that they are late at most."""


class Shown:
    """A row, and what it says of its time."""

    def __init__(self, row: Row, modified_on: int | None) -> None:
        self._row = row
        self.modified_on = modified_on

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, name)

    def wire(self) -> dict[str, Any]:
        time = None if self.modified_on is None else text(self.modified_on)
        return self._row.wire() | {"modifiedOn": time}


class OddTimes:
    """What is odd about each version of a row.

    Args:
        seed: Decides on it.
        now: Returns the sandbox's time as an instant.
    """

    def __init__(self, seed: int, now: Callable[[], int]) -> None:
        self._seed = seed
        self._now = now
        self._servers = Random(f"{seed}:servers")  # noqa: S311 - nothing secret

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Have a sandbox in this process show its lists so."""
        api = "tap_servicetitan_dispatch.sandbox"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(f"{api}.api.listing._sorted", self._sorted)
            patch.setattr(f"{api}.application.format_datetime", self._dated)
            yield

    def _dated(self, moment: datetime, *, usegmt: bool) -> str:
        apart = self._servers.choice((0, CLOCKS_APART_SECONDS))
        return format_datetime(moment + timedelta(seconds=apart), usegmt=usegmt)

    def _sorted(self, tenant: Tenant, name: str, query: Sorted, _: object) -> list[Shown]:
        low, high = query.modified_on_or_after, query.modified_before
        now = self._now()
        rows = [
            Shown(row, self._time(row))
            for row in tables_of(tenant)[name].changed(0, FOREVER)
            if row.modified_on + self._late(row) * SECOND <= now
        ]
        bounded = low > 0 or high < FOREVER
        rows = [
            row
            for row in rows
            if not bounded or (row.modified_on is not None and low <= row.modified_on < high)
        ]
        sign = -1 if query.sort[0] == "-" else 1
        if query.sort[1:] == "ModifiedOn":  # to the second, as the sandbox does
            return sorted(rows, key=lambda row: (sign * ((row.modified_on or 0) // SECOND), row.id))
        field = {"Id": "id", "CreatedOn": "created_on"}[query.sort[1:]]
        return sorted(rows, key=lambda row: (getattr(row, field), row.id), reverse=sign < 0)

    def _dice(self, row: Row, what: str) -> int:
        return crc32(f"{self._seed}:{what}:{row.id}:{row.modified_on}".encode())

    def _late(self, row: Row) -> int:
        dice = self._dice(row, "late")
        return dice % (MOST_LATE_SECONDS + 1) if dice % 5 == 0 else 0

    def _time(self, row: Row) -> int | None:
        if type(row).__name__ == KEEPS_ITS_TIMES:
            return row.modified_on
        dice = self._dice(row, "time")
        match dice % 20:
            case 0:
                return row.modified_on + DAY
            case 1:
                return None
            case 2 | 3:
                return row.modified_on - dice % MOST_MOVED_BACK_SECONDS * SECOND
            case _:
                return row.modified_on

"""Full reads: how a target learns which rows were deleted for good.

Each row is delivered with a version, a number. A full read of a list delivers its rows with a new
version. Once the read is known to be complete, ACTIVATE_VERSION says that rows of earlier versions
are gone. It is never sent before, so a run that ends early does not mark any row.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from tap_servicetitan_dispatch.errors import advice
from tap_servicetitan_dispatch.state.bookmarks import LARGEST_VERSION, FullRead

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.settings.tenants import Tenant
    from tap_servicetitan_dispatch.walks import Page


_TOLERANCE = timedelta(minutes=1)
"""How far two correct clocks may differ."""


def _now() -> datetime:
    return datetime.now(UTC)


class Fall(NamedTuple):
    """A full read that has shown fewer rows of a tenant than the one before."""

    tenant: Tenant
    before: int
    now: int

    @property
    def is_steep(self) -> bool:
        """Whether more than half of the rows are missing: more than an office deletes in a day."""
        return 2 * self.now < self.before

    @property
    def told(self) -> str:
        """What came, in words, and what follows from it if it is steep."""
        fewer = (
            f"fewer rows came than at the last full read: {self.now} after {self.before}, "
            f"{self.before - self.now} fewer"
        )
        if not self.is_steep:
            return f"{fewer}."
        return advice(
            f"No row is marked as deleted, as {fewer}. They may be hidden rather than gone. If the "
            "next full read shows as few, they count as deleted",
            "see whether they are gone in ServiceTitan, and whether the application may still read "
            "them",
        )


class FullReads:
    """Whether a run reads a stream in full, and whether that read was complete for all tenants.

    The reading threads ask whether to read in full. The first one decides for all, because all
    tenants share a version. The main thread does the rest, with pages that came after that
    decision.

    Args:
        hours: Maximum hours between two full reads; nothing if there are none.
        last: The last full read.
        absent: Tenants of a group who are not in the run, but may have rows in the target.
        rows_before: Number of rows of each tenant at the last full read.
        has_bookmark: Whether the stream could be read from a bookmark instead.
        clock: The clock of this machine, which shows whether the API's clock is behind.

    Attributes:
        begun: The full read of this run, if there is one.
        rows: Number of rows of each tenant that have been written.
        is_behind: Whether its version may be lower than the table's: versions follow the API's
            clock, that clock is behind, and the state has no earlier version.
    """

    def __init__(
        self,
        hours: int | None,
        last: FullRead | None,
        absent: Collection[int],
        rows_before: Mapping[Tenant, int],
        *,
        has_bookmark: bool,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.begun: FullRead | None = None
        self.is_behind = False
        self._rows_before = rows_before
        self._clock = clock
        self._why_not = ""
        self._absent = absent
        self._hours = hours
        self._last = last
        self._has_bookmark = has_bookmark
        self._lock = threading.Lock()
        self._has_decided = False
        self._whole: set[Tenant] = set()
        self.rows: Counter[Tenant] = Counter()

    @property
    def are_wanted(self) -> bool:
        """Whether rows have versions."""
        return self._hours is not None

    @property
    def version(self) -> int | None:
        """The version of this run's rows: the one that the target has, or the next."""
        read = self.begun or self._last
        return read.version if read and self.are_wanted else None

    def begin(self, client: Client) -> bool:
        """Return whether to read the stream in full, by the API's own clock.

        Raises:
            ApiError: The token endpoint gave no token, which would have brought the time.
        """
        if self._hours is None:
            return False
        now = client.now()
        with self._lock:
            if not self._has_decided:
                self._has_decided = True
                self._decide(now, timedelta(hours=self._hours))
            return self.begun is not None

    def _decide(self, now: datetime | None, interval: timedelta) -> None:
        last = self._last
        version = max(int(now.timestamp()), last.version + 1 if last else 1) if now else 0
        if now is None or version >= LARGEST_VERSION:  # neither target nor state could take it
            self._why_not = "the server's answers have no Date, or one that is years off"
        elif last and self._has_bookmark and abs(now - last.at) < interval:
            return
        elif self._absent:
            self._why_not = (
                f"the state has the tenant {min(self._absent)}, which is not in this run, so all "
                "its rows would count as gone. What to do: name it in tenants, or take it out of "
                "the state"
            )
        else:
            self.begun = FullRead(version, now)
            self.is_behind = last is None and now < self._clock() - _TOLERANCE

    def take(self, tenant: Tenant, page: Page) -> None:
        """Note that a page has been written."""
        self.rows[tenant] += len(page.records)
        if page.is_whole:
            self._whole.add(tenant)

    def obstacle(self, tenants: Collection[Tenant]) -> str:
        """Return why it is unknown which rows are gone; empty if it is known, or not needed.

        Args:
            tenants: The tenants of the run.
        """
        if self.begun is None:
            return self._why_not
        if partly := self.partly_read(tenants):
            whose = f" of {', '.join(map(str, partly))}" if partly[0].is_of_group else ""
            return f"the read{whose} was not complete; the next run tries again"
        return ""

    def partly_read(self, tenants: Collection[Tenant]) -> list[Tenant]:
        """Return the tenants of whom rows may be missing."""
        return [each for each in tenants if self.begun and each not in self._whole]

    def falls(self, tenants: Collection[Tenant]) -> Iterator[Fall]:
        """Yield each tenant's fall in the number of rows since the last full read."""
        for tenant in tenants:
            before, now = self._rows_before[tenant], self.rows[tenant]
            if now < before:
                yield Fall(tenant, before, now)

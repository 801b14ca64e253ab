"""Full reads: how a target gets to know which rows are gone for good.

A version is a number that each row goes out with. A list that is read in full goes out under a new
one; once that read is known to be whole, ACTIVATE_VERSION says that rows of earlier versions are
gone. Before that nothing does, so a run that ends early lets no row be marked.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from tap_servicetitan_dispatch.state.bookmarks import LARGEST_VERSION, FullRead

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.settings.tenants import Tenant
    from tap_servicetitan_dispatch.walks import Page


_TOLERANCE = timedelta(minutes=1)
"""By which two clocks that are right may differ."""


def _now() -> datetime:
    return datetime.now(UTC)


class Fall(NamedTuple):
    """That a full read has shown fewer rows of a tenant than the one before."""

    tenant: Tenant
    before: int
    now: int

    @property
    def is_steep(self) -> bool:
        """Whether more than half of the rows are missing: more than an office deletes in a day."""
        return 2 * self.now < self.before


class FullReads:
    """Whether a stream is read in full in a run, and whether that was whole, of all tenants.

    The threads that read ask whether it is; the first one decides for all, as a version is one of
    all tenants. The main thread does the rest, with pages that came after that.

    Args:
        hours: How many may pass between two full reads; nothing if there are to be none.
        last: The last one.
        absent: The tenants of a group who are not in the run, and whose rows the target may have.
        rows_before: How many rows each tenant had at the last one.
        has_bookmark: Whether the stream could be read from a bookmark instead.
        clock: The clock of this machine, to tell whether that of the API is behind.

    Attributes:
        begun: The full read of this run, if it has one.
        rows: How many rows of each tenant have been written.
        is_behind: Whether its version may be below that of the table: versions go by the API's
            clock, that is behind, and the state does not know an earlier version.
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
        """The version of the rows of this run: the one that the target has, or the next."""
        read = self.begun or self._last
        return read.version if read and self.are_wanted else None

    def begin(self, client: Client) -> bool:
        """Return whether the stream is read in full, by the API's own clock.

        Raises:
            ApiError: The token endpoint gave no token, with which the time comes.
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
            tenants: Those of the run.
        """
        if self.begun is None:
            return self._why_not
        if partly := self.partly_read(tenants):
            whose = f" of {', '.join(map(str, partly))}" if partly[0].is_of_group else ""
            return f"the read{whose} was not complete; the next run tries again"
        return ""

    def partly_read(self, tenants: Collection[Tenant]) -> list[Tenant]:
        """Return the tenants whose rows may not all have come."""
        return [each for each in tenants if self.begun and each not in self._whole]

    def falls(self, tenants: Collection[Tenant]) -> Iterator[Fall]:
        """Yield where fewer rows came than the last time."""
        for tenant in tenants:
            before, now = self._rows_before[tenant], self.rows[tenant]
            if now < before:
                yield Fall(tenant, before, now)

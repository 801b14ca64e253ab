"""What is told of a group of tenants at the end of a run: who was left out, and who is slow."""

from __future__ import annotations

import heapq
import threading
import time
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_servicetitan_dispatch.settings.tenants import Tenant
    from tap_servicetitan_dispatch.walks import Page

MOST_LEFT_OUT, MOST_SLOW = 10, 3
"""Tenants to name."""


class GroupSummary:
    """Collects it while the tenants are read.

    The threads that read take the time, under the lock; the main thread does the rest.

    Args:
        clock: Seconds that only go up.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seconds: dict[Tenant, float] = {}
        self._left_out: dict[Tenant, None] = {}  # in this order
        self._doubtful: dict[Tenant, None] = {}

    def timed(self, tenant: Tenant, walk: Iterable[Page]) -> Iterator[Page]:
        """Yield the pages of a walk, and count the time until each has come, waits included."""
        pages, has_more = iter(walk), True
        while has_more:
            began = self._clock()
            try:
                page = next(pages, None)
            finally:
                with self._lock:
                    before = self._seconds.get(tenant, 0.0)
                    self._seconds[tenant] = before + self._clock() - began
            has_more = page is not None
            if page is not None:
                yield page

    def leave_out(self, tenant: Tenant) -> None:
        """Note that something of a tenant was not read."""
        self._left_out[tenant] = None

    def doubt(self, tenant: Tenant) -> None:
        """Note that nobody vouches for what was read of a tenant."""
        self._doubtful[tenant] = None

    def text(self, tenants: int) -> str:
        """Return the line.

        Args:
            tenants: How many there are in all.
        """
        left_out = _listed(" Left out, as a whole or in part", self._left_out)
        left_out += _listed(" Read, but rows may have been missed", self._doubtful)
        slowest = ", ".join(f"{tenant} {seconds:.1f} s" for tenant, seconds in self._slowest())
        read = tenants - len(self._left_out)
        return f"{read} of {tenants} tenants were read.{left_out} The slowest: {slowest}."

    def figures(self, tenants: int) -> dict[str, Any]:
        """Return the same for structured logs, with all tenants that were left out."""
        return {
            "tenants": tenants,
            "tenants_left_out": [tenant.number for tenant in self._left_out],
            "tenants_doubtful": [tenant.number for tenant in self._doubtful],
            "slowest_tenants": [
                {"tenant_id": tenant.number, "seconds": round(seconds, 1)}
                for tenant, seconds in self._slowest()
            ],
        }

    def _slowest(self) -> list[tuple[Tenant, float]]:
        with self._lock:
            return heapq.nlargest(MOST_SLOW, self._seconds.items(), key=itemgetter(1))


def _listed(what: str, tenants: Iterable[Tenant]) -> str:
    """Return a sentence that names tenants; empty if there are none."""
    named = [str(tenant) for tenant in tenants]
    if len(named) > MOST_LEFT_OUT:
        named[MOST_LEFT_OUT:] = [f"{len(named) - MOST_LEFT_OUT} more"]
    return f"{what}: {', '.join(named)}." if named else ""

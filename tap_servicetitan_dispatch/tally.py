"""The rows and costs of a stream so far: rows, requests, retries and waits."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tap_servicetitan_dispatch.log.redaction import one_line

Log = logging.Logger | logging.LoggerAdapter[logging.Logger]
"""A message; that of a tenant names it."""

MOST_OF_A_TIME = 50
"""Maximum number of characters of a time to show; a date-time has fewer."""
LEAST_WAIT_SECONDS = 0.05
"""A shorter wait is the machine's own time."""
LONGEST_WAIT_SECONDS = 3600
"""Waits that began longer ago than this are over."""


@dataclass
class Tally:
    """The rows and costs of a stream so far.

    The main thread counts rows and time; the threads that call the API for the stream count the
    rest, under the lock.
    """

    rows: int = 0
    whole: Tally | None = field(default=None, repr=False)
    """The tally over all tenants, if this is that of one tenant."""
    tenants: int | None = None
    """Number of tenants of a group; nothing without a group."""
    tenants_read: int = 0
    """Number of tenants all of whose pages have arrived."""
    reached: str | None = None
    """The `modifiedOn` of the last row."""
    requests: int = 0
    retries: int = 0
    seconds: float = 0
    """Time from the stream's turn until its last row was written."""
    _expected: list[int] = field(default_factory=list, repr=False)
    """Number of rows of each tenant; 0 if the API was asked, but did not say."""
    _waited_before: float = field(default=0, repr=False)
    """Time waited before the first of `_waits`."""
    _waits: deque[tuple[float, float]] = field(default_factory=deque, repr=False)
    """The latest waits: when each began and ended; no two overlap."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def expected(self) -> int | None:
        """Expected number of rows, if it is known for all tenants."""
        with self._lock:
            known = len(self._expected) == (self.tenants or 1) and all(self._expected)
            return sum(self._expected) if known else None

    def expect(self, rows: int) -> None:
        """Add the expected rows of a tenant; 0 if the API does not say."""
        with self._lock:
            self._expected.append(rows)

    def add_tenant(self) -> None:
        """Count a tenant all of whose pages have come."""
        with self._lock:
            self.tenants_read += 1

    def add_rows(self, count: int, modified_on: str | None) -> None:
        """Count rows that have been written, and note when the last of them was modified."""
        if self.whole:
            self.whole.add_rows(count, modified_on)
        self.rows += count
        self.reached = modified_on or self.reached

    @property
    def waited_seconds(self) -> float:
        """How long requests waited for the rate limit, or before they were sent again.

        Time in which several requests waited counts once, so the sum does not exceed the elapsed
        time.
        """
        with self._lock:
            return self._waited_before + sum(end - begin for begin, end in self._waits)

    def add_request(self, waited_seconds: float, now: float) -> None:
        """Count a request that is being sent, and the wait for the rate limit before it."""
        if self.whole:
            self.whole.add_request(waited_seconds, now)
        with self._lock:
            self.requests += 1
            if waited_seconds >= LEAST_WAIT_SECONDS:
                self._wait(waited_seconds, now)

    def add_wait(self, seconds: float, now: float) -> None:
        """Count the time for which a request has been waiting until now."""
        if self.whole:
            self.whole.add_wait(seconds, now)
        if seconds:
            with self._lock:
                self._wait(seconds, now)

    def add_retry(self, wait_seconds: float, now: float) -> None:
        """Count a request that is sent again, and the wait before that."""
        if self.whole:
            self.whole.add_retry(wait_seconds, now)
        with self._lock:
            self.retries += 1
            self._wait(wait_seconds, now)

    def _wait(self, seconds: float, end: float) -> None:
        begin = end - seconds
        while self._waits and self._waits[-1][1] >= begin:
            earlier_begin, earlier_end = self._waits.pop()
            begin, end = min(begin, earlier_begin), max(end, earlier_end)
        self._waits.append((begin, end))
        while self._waits[0][1] < end - LONGEST_WAIT_SECONDS:
            begin, end_of_first = self._waits.popleft()
            self._waited_before += end_of_first - begin

    def figures(self) -> dict[str, Any]:
        """Return the figures for structured logs."""
        return {
            "rows": self.rows,
            "expected_rows": self.expected,
            "reached": self._reached,
            "requests": self.requests,
            "retries": self.retries,
            "waited_seconds": round(self.waited_seconds, 1),
            "seconds": round(self.seconds, 1),
            **self._figures_of_group(),
        }

    def _figures_of_group(self) -> dict[str, int]:
        if self.tenants is None:
            return {}
        return {"tenants": self.tenants, "tenants_read": self.tenants_read}

    @property
    def _reached(self) -> str | None:
        return self.reached and one_line(self.reached, MOST_OF_A_TIME)

    @property
    def _count(self) -> str:
        expected = self.expected
        of = f" of {expected:,}" if expected else ""
        count = f"{self.rows:,}{of} row{'' if self.rows == 1 and not of else 's'}"
        if self.tenants is None:
            return count
        return f"{self.tenants_read} of {self.tenants} tenants, {count}"

    def so_far(self) -> str:
        """Return the line of progress while the stream is being read."""
        return ", ".join(
            [
                self._count,
                *([f"up to {self._reached}"] if self.reached else []),
                *([f"waited {self.waited_seconds:.0f} s"] if self.waited_seconds else []),
            ]
        )

    def summary(self) -> str:
        """Return the line of progress at the end."""
        return (
            f"{self._count} in {self.seconds:.1f} s. Requests: {self.requests:,}, sent again: "
            f"{self.retries:,}, time spent waiting: {self.waited_seconds:.1f} s."
        )

"""How a run is getting on: told while it lasts, and summed up at its end."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_servicetitan_dispatch.redaction import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

Log = logging.Logger | logging.LoggerAdapter[logging.Logger]
"""What is told of something; that of a tenant says whom it concerns."""

SECONDS_BETWEEN_LINES = 10
MOST_OF_A_TIME = 50
"""Characters to show; a date-time has fewer."""
LEAST_WAIT_SECONDS = 0.05
"""What is less than this was no wait, but the machine's own time."""


@dataclass
class Tally:
    """What a stream has brought and cost so far.

    The main thread counts rows and time; the threads that call the API for the stream count the
    rest, under the lock.
    """

    rows: int = 0
    whole: Tally | None = field(default=None, repr=False)
    """Where the same is counted for all tenants, if this is that of one."""
    tenants: int | None = None
    """Of how many tenants of a group; nothing where there is no group."""
    tenants_read: int = 0
    """Of how many of them all pages have come."""
    reached: str | None = None
    """`modifiedOn` of the last row."""
    requests: int = 0
    retries: int = 0
    waited_seconds: float = 0
    """Spent waiting for the rate limit, or before a request was sent again."""
    seconds: float = 0
    """From when the stream's turn came until its last row was written."""
    _expected: list[int] = field(default_factory=list, repr=False)
    """How many rows each tenant has; 0 if the API was asked, but did not say."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def expected(self) -> int | None:
        """How many rows there will be, if that is known of all tenants."""
        with self._lock:
            known = len(self._expected) == (self.tenants or 1) and all(self._expected)
            return sum(self._expected) if known else None

    def expect(self, rows: int) -> None:
        """Count the rows that a tenant will have; 0 if the API does not say."""
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

    def add_request(self, waited_seconds: float) -> None:
        """Count a request that is being sent, and the wait for the rate limit before it."""
        if self.whole:
            self.whole.add_request(waited_seconds)
        with self._lock:
            self.requests += 1
            if waited_seconds >= LEAST_WAIT_SECONDS:
                self.waited_seconds += waited_seconds

    def add_wait(self, seconds: float) -> None:
        """Count the time that a request was kept waiting."""
        if self.whole:
            self.whole.add_wait(seconds)
        with self._lock:
            self.waited_seconds += seconds

    def add_retry(self, wait_seconds: float) -> None:
        """Count a request that is sent again, and the wait before that."""
        if self.whole:
            self.whole.add_retry(wait_seconds)
        with self._lock:
            self.retries += 1
            self.waited_seconds += wait_seconds

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
        """Return what to tell while the stream is being read."""
        return ", ".join(
            [
                self._count,
                *([f"up to {self._reached}"] if self.reached else []),
                *([f"waited {self.waited_seconds:.0f} s"] if self.waited_seconds else []),
            ]
        )

    def summary(self) -> str:
        """Return what to tell at the end."""
        return (
            f"{self._count} in {self.seconds:.1f} s. Requests: {self.requests:,}, sent again: "
            f"{self.retries:,}, time spent waiting: {self.waited_seconds:.1f} s."
        )


class Progress:
    """Tells how far the stream is that is being read, in a line of the log every ten seconds.

    Used by the main thread only.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stream = ""
        self._tally = Tally()
        self._logger = logging.getLogger()
        self._began = self._told = 0.0

    def begin(self, stream: str, tally: Tally, logger: logging.Logger) -> None:
        """Begin with a stream."""
        self._stream, self._tally, self._logger = stream, tally, logger
        self._began = self._told = self._clock()

    def tell(self) -> None:
        """Tell how far the stream is, if it is time to; called often."""
        now = self._clock()
        self._tally.seconds = now - self._began
        if now - self._told >= SECONDS_BETWEEN_LINES:
            self._told = now
            self._show()

    def _show(self) -> None:
        told = self._tally
        self._logger.info("%s: %s so far.", self._stream, told.so_far(), extra=told.figures())

    def end(self) -> None:
        """Tell nothing more."""

    def abandon(self) -> None:
        """Leave a terminal as it was found, when there is no time for `end`."""


class LiveProgress(Progress):
    """Shows a live line for each stream on the terminal that stderr is; the log scrolls above it.

    The lines are drawn by rich, in a thread of its own which reads what this sets.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        from rich.console import Console  # noqa: PLC0415 - takes long, and is rarely needed
        from rich.file_proxy import FileProxy  # noqa: PLC0415
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            TextColumn,
            TimeElapsedColumn,
        )
        from rich.progress import Progress as Lines  # noqa: PLC0415

        console = Console(stderr=True)
        self._lines = Lines(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[so_far]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        proxy = FileProxy(console, sys.stderr)
        self._redirected = [
            (handler, handler.setStream(proxy))
            for handler in logging.getLogger().handlers
            if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
        ]
        self._lines.start()

    @override
    def begin(self, stream: str, tally: Tally, logger: logging.Logger) -> None:
        self._fill()
        super().begin(stream, tally, logger)
        self._lines.add_task(stream, total=None, so_far="")

    @override
    def tell(self) -> None:
        super().tell()
        tally = self._tally
        for last in self._lines.task_ids[-1:]:
            self._lines.update(
                last, completed=tally.rows, total=tally.expected, so_far=tally.so_far()
            )

    @override
    def _show(self) -> None:
        """Add nothing to the log: the line shows it all the time."""

    @override
    def end(self) -> None:
        self._fill()
        self._lines.stop()
        for handler, stream in self._redirected:
            handler.setStream(stream)
        self._redirected = []

    @override
    def abandon(self) -> None:
        os.write(sys.stderr.fileno(), b"\x1b[?25h")  # the cursor, which rich hides

    def _fill(self) -> None:
        """Fill the bar of the stream that is done with."""
        for last in self._lines.task_ids[-1:]:
            whole = max(1, self._tally.rows)
            self._lines.update(last, completed=whole, total=whole)


def progress() -> Progress:
    """Return what fits where stderr goes; a terminal that shows the records gets no lines."""
    # Python has no stderr where it was started with a closed one.
    is_live = sys.stderr is not None and sys.stderr.isatty() and not sys.stdout.isatty()
    return LiveProgress() if is_live else Progress()

"""The progress of a run: shown while it lasts, and summed up at its end."""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_servicetitan_dispatch.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS_BETWEEN_LINES = 10


class Progress:
    """Logs every ten seconds how far the current stream is.

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
        """Report how far the stream is, if it is due; called often."""
        now = self._clock()
        self._tally.seconds = now - self._began
        if now - self._told >= SECONDS_BETWEEN_LINES:
            self._told = now
            self._show()

    def _show(self) -> None:
        told = self._tally
        self._logger.info("%s: %s so far.", self._stream, told.so_far(), extra=told.figures())

    def end(self) -> None:
        """Report nothing more."""

    def abandon(self) -> None:
        """Leave the terminal as it was, if there is no time for `end`."""


class LiveProgress(Progress):
    """Shows a live line for each stream on the terminal behind stderr; the log scrolls above it.

    A thread of rich draws the lines, from values that this class sets.
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
        """Log nothing: the live line shows the progress."""

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
        """Fill the bar of a stream that is finished."""
        for last in self._lines.task_ids[-1:]:
            whole = max(1, self._tally.rows)
            self._lines.update(last, completed=whole, total=whole)


def progress() -> Progress:
    """Return the progress that suits stderr: no live lines on a terminal that shows the records."""
    # Python has no stderr where it was started with a closed one.
    is_live = sys.stderr is not None and sys.stderr.isatty() and not sys.stdout.isatty()
    return LiveProgress() if is_live else Progress()

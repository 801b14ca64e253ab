"""Stopping a run: a signal sets a flag, which is checked where no line is half written.

The flag also wakes threads that wait before a call, and so does the end of the run.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

LAST_RESORT_SECONDS = 4


class StopFlag:
    """Says whether a signal has come, and which.

    A target that does not read blocks the line that is being written. So the process ends
    `LAST_RESORT_SECONDS` after a signal in any case, and at once at a second signal.

    Attributes:
        before_leaving_at_once: Called then; there is no time for more than a few bytes.
    """

    def __init__(self) -> None:
        self._is_set = threading.Event()
        self._is_over = threading.Event()
        self._signal = 0
        self._last_resort = threading.Timer(LAST_RESORT_SECONDS, os._exit)  # not started
        self.before_leaving_at_once: Callable[[], None] = lambda: None

    def set(self, signum: int) -> None:
        """Note a signal; called from its handler, so at any moment."""
        if self._is_set.is_set():
            self._leave_at_once(128 + signum)
        self._signal = signum
        leave = (128 + signum,)
        self._last_resort = threading.Timer(LAST_RESORT_SECONDS, self._leave_at_once, leave)
        self._last_resort.daemon = True
        self._last_resort.start()
        self._is_set.set()
        self._is_over.set()

    @property
    def is_set(self) -> bool:
        """Whether a signal has come."""
        return self._is_set.is_set()

    def wait(self, seconds: float) -> None:
        """Wait, in a thread that calls the API.

        Raises:
            SystemExit: A signal has come; the main thread will see it too, and write the state. Or
                the run has ended, and nobody will read the answer.
        """
        if self._is_over.wait(seconds):
            raise self.exit

    def end_waits(self) -> None:
        """End all waits, now and later: the run has ended."""
        self._is_over.set()

    def allow_waits(self) -> None:
        """Let threads wait, as a run begins.

        If a signal has already come, the run ends as soon as the main thread waits for a page, and
        so do the waits.
        """
        self._is_over.clear()

    def cancel_last_resort(self) -> None:
        """Remove the time limit: from here on, take as long as needed."""
        self._last_resort.cancel()

    @property
    def exit(self) -> SystemExit:
        """The exception to leave with; its code is 128 plus the signal's number, as in a shell."""
        return SystemExit(128 + self._signal)

    def _leave_at_once(self, code: int) -> NoReturn:
        self.before_leaving_at_once()
        os._exit(code)

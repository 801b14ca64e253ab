"""Limits the number of calls per second."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_SECONDS = 1


class RateLimiter:
    """Allows at most a number of calls in any second, over all threads.

    A call goes when the clock says so, not when its thread was due to wake up: on a busy machine
    threads wake up late, and delayed calls must not coincide with later ones.

    Args:
        limit: Maximum number of calls.
        clock: Monotonic clock, in seconds.
        sleep: Waits for a number of seconds; an error that it raises ends the wait.
    """

    def __init__(
        self,
        limit: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Any],
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._gone: deque[float] = deque([-WINDOW_SECONDS] * limit, limit)
        """When the latest calls went, as many as may go in a second."""

    def wait(self) -> float:
        """Wait until one more call may go; return the seconds that it took."""
        began = self._clock()
        while True:
            with self._lock:
                now = self._clock()
                free_at = self._gone[0] + WINDOW_SECONDS
                if now >= free_at:
                    self._gone.append(now)
                    return now - began
            self._sleep(free_at - now)

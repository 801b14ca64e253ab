"""When a STATE is written: where something in it has changed, and not too often."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS_BETWEEN = 1.0
"""A STATE has all tenants of a group in it: one for each page would grow with their square."""


class Checkpoints:
    """Writes the state once it has changed, about once a second at most.

    What is in the state is always safe to emit, so to write it later costs a run that is killed no
    more than what it has read since. Used by the main thread only.

    Args:
        write: Writes the state as it is as a STATE message.
        clock: Seconds that only go up.
    """

    def __init__(
        self, write: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._clock = clock
        self._has_changed = False
        self._written_at = -math.inf

    def change(self) -> None:
        """Note that something in the state has changed, and write it if it is time to."""
        self._has_changed = True
        self.tell()

    def tell(self) -> None:
        """Write the changed state, if it is time to; called often."""
        if self._clock() - self._written_at >= SECONDS_BETWEEN:
            self.flush()

    def flush(self) -> None:
        """Write the changed state, because something is about to end."""
        if self._has_changed:
            self.write()

    def write(self) -> None:
        """Write the state now."""
        self._has_changed = False
        self._write()
        self._written_at = self._clock()

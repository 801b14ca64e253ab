"""Decides when a STATE is written: after a change, but not too often."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS_BETWEEN = 1.0
"""A STATE holds all tenants of a group. One for each page would grow with the square of their
number.
"""


class Checkpoints:
    """Writes the state after it has changed, about once a second at most.

    The state is always safe to emit, so writing it later costs a killed run only what it has read
    since then. Used by the main thread only.

    Args:
        write: Writes the present state as a STATE message.
        clock: Monotonic clock, in seconds.
    """

    def __init__(
        self, write: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._clock = clock
        self._has_changed = False
        self._written_at = -math.inf

    def change(self) -> None:
        """Note that the state has changed, and write it if it is due."""
        self._has_changed = True
        self.tell()

    def tell(self) -> None:
        """Write the changed state if it is due; called often."""
        if self._clock() - self._written_at >= SECONDS_BETWEEN:
            self.flush()

    def flush(self) -> None:
        """Write the changed state at once, because something is about to end."""
        if self._has_changed:
            self.write()

    def write(self) -> None:
        """Write the state now."""
        self._has_changed = False
        self._write()
        self._written_at = self._clock()

"""Numbers of rows, which grow with the time of creation.

A day's board is made without looking at other days, but on any day rows are created for fifteen
others. So every twentieth second belongs to one of these days, and in its own seconds a board can
number its rows independently.
"""

from tap_servicetitan_dispatch.sandbox.world.instants import SECOND, parse

FOUNDED = parse("2019-04-01T13:00Z")
"""When the contractor began. Rows that were set up then have lower numbers."""

_KINDS = 5
_A_SECOND = 50 * _KINDS
JOBS, ASSIGNMENTS, SHIFTS, EVENTS = range(4)
"""Kinds of rows, each with its own numbers; jobs share theirs with appointments."""
WRITTEN = _A_SECOND - 1
"""The place of rows written by a client, after all others of the same second."""

# More than the days for which rows can be created on one day.
_TURNS = 20


def own(day: int, instant: int) -> int:
    """Return an instant in one of the day's own seconds, at most 19 seconds later."""
    return instant + (day - instant // SECOND) % _TURNS * SECOND


def number(kind: int, created_on: int, nth: int = 0) -> int:
    """Return the number of the `nth` row of a kind that is created in a second."""
    return (created_on - FOUNDED) // SECOND * _A_SECOND + kind + nth * _KINDS


class Numbers:
    """Numbers for rows of a kind, in the order in which the rows are created."""

    def __init__(self, kind: int) -> None:
        self._kind = kind
        self._last = 0

    def take(self, created_on: int) -> int:
        """Return the next number."""
        self._last = max(self._last + _KINDS, number(self._kind, created_on))
        return self._last

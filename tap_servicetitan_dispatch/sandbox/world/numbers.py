"""Numbers of rows: they grow with the instant at which a row is created.

A day's board is made without looking at other days, although on any day rows are created for
fifteen others. So each second in twenty belongs to one of them, and in its own seconds a board can
number by itself what it creates.
"""

from tap_servicetitan_dispatch.sandbox.world.instants import SECOND, parse

FOUNDED = parse("2019-04-01T13:00Z")
"""When the contractor began. What was set up then has numbers of its own, which are lower."""

_KINDS = 5
_A_SECOND = 50 * _KINDS
JOBS, ASSIGNMENTS, SHIFTS, EVENTS = range(4)
"""Kinds of rows, none of which has a number that another has; jobs share with appointments."""
WRITTEN = _A_SECOND - 1
"""What somebody writes, which comes after all that the second has brought so far."""

# More than the days for which rows can be created on one day.
_TURNS = 20


def own(day: int, instant: int) -> int:
    """Return an instant of a second of the day's own, at most 19 seconds later."""
    return instant + (day - instant // SECOND) % _TURNS * SECOND


def number(kind: int, created_on: int, nth: int = 0) -> int:
    """Return the number of the row of a kind that is created as the `nth` in a second."""
    return (created_on - FOUNDED) // SECOND * _A_SECOND + kind + nth * _KINDS


class Numbers:
    """Numbers of rows of a kind, to be taken in the order in which the rows are created."""

    def __init__(self, kind: int) -> None:
        self._kind = kind
        self._last = 0

    def take(self, created_on: int) -> int:
        """Return the next number."""
        self._last = max(self._last + _KINDS, number(self._kind, created_on))
        return self._last

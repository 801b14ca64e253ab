"""The tenant: every table of the sandbox, moving with one clock."""

from collections.abc import Callable
from datetime import datetime

from tap_servicetitan_dispatch.sandbox import board
from tap_servicetitan_dispatch.sandbox.board import Assignment, Board
from tap_servicetitan_dispatch.sandbox.company import Company
from tap_servicetitan_dispatch.sandbox.instants import MINUTE, from_datetime
from tap_servicetitan_dispatch.sandbox.versions import Table

HISTORY_DAYS = 90
EXPORT_DELAY = 15 * MINUTE


class Tenant:
    """The state of the sandbox as of its clock. What it shows is a function of seed and clock.

    A row belongs to a day; rows of the last 90 days and of the days planned ahead exist, so at
    midnight (of the contractor) the oldest day is gone.

    Args:
        seed: Another seed is another tenant.
        assignments: How many assignments the board shows, about.
        clock: Returns the current time, aware. Should it go backwards, the tenant waits for it.
    """

    def __init__(self, *, seed: int, assignments: int, clock: Callable[[], datetime]) -> None:
        self.company = Company(seed, assignments)
        self.board = Board(self.company)
        self.assignments: Table[Assignment] = Table()
        self.now = 0
        self._clock = clock
        self._today = 0
        self._planned_to: int | None = None
        self.advance()

    @property
    def settled(self) -> int:
        """The instant up to which the export feed shows changes by default."""
        return self.now - EXPORT_DELAY

    def advance(self) -> None:
        """Bring every table up to the clock."""
        self._advance(max(self.now, from_datetime(self._clock())))

    def _advance(self, now: int) -> None:
        self.now = now
        today = self.company.calendar.day_of(now)
        if today != self._today:
            self._today = today
            self._plan(today)
        self.assignments.advance(now)

    def _plan(self, today: int) -> None:
        """Plan the days that came within reach, and forget the day that is too long ago."""
        first = today - HISTORY_DAYS
        planned_to = first - 1 if self._planned_to is None else max(self._planned_to, first - 1)
        horizon = today + board.LEAD_DAYS
        self.assignments.extend(
            row
            for day in range(planned_to + 1, horizon + 1)
            for row in self.board.versions(day, self.settled)
        )
        self._planned_to = horizon
        self.assignments.advance(self.now)
        oldest_id = first * board.IDS_A_DAY
        self.assignments.prune(self.settled, keep=lambda row: row.id >= oldest_id)

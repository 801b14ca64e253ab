"""What somebody sees who watches the sandbox's board for some days, and misses nothing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from tap_servicetitan_dispatch.sandbox.world.board import Board
from tap_servicetitan_dispatch.sandbox.world.company import Company
from tap_servicetitan_dispatch.sandbox.world.instants import DAY, parse
from tap_servicetitan_dispatch.sandbox.world.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan_dispatch.sandbox.world.assignments import Assignment
    from tap_servicetitan_dispatch.sandbox.world.instants import Calendar
    from tap_servicetitan_dispatch.sandbox.world.roster import NonJobAppointment, Shift

SIZE = 20_000
"""How many assignments the contractors have, about."""

# Clocks go back on the 1st of November, and the 26th is Thanksgiving.
DAYS = range(parse("2026-10-28") // DAY, parse("2026-11-27") // DAY)
"""The days that are looked at."""


class Visit(NamedTuple):
    """A technician at a customer's.

    Attributes:
        technician: The technician's id.
        sent: When the technician was dispatched.
        arrived: When work began.
        done: When it was done; nothing, if the technician forgot to say so.
    """

    technician: int
    sent: int
    arrived: int
    done: int | None


@dataclass
class Seen:
    """All that there was to be seen of some days.

    Attributes:
        seed: Which contractor it is.
        calendar: The contractor's calendar.
        days: The days.
        lives: The versions of each assignment, in order.
        shifts: The shifts, as they were in the end.
        events: The non-job appointments, as they were in the end.
        apprentices: Ids of the technicians who go along with others.
    """

    seed: int
    calendar: Calendar
    days: range
    lives: list[list[Assignment]]
    shifts: list[Shift]
    events: list[NonJobAppointment]
    apprentices: set[int]

    @cached_property
    def ended(self) -> list[Assignment]:
        """The assignments as they were in the end."""
        return [life[-1] for life in self.lives]

    @cached_property
    def versions(self) -> list[Assignment]:
        """All versions of all assignments."""
        return [version for life in self.lives for version in life]

    @cached_property
    def visits(self) -> dict[int, list[Visit]]:
        """The visits of each technician, in order."""
        visits: dict[int, list[Visit]] = defaultdict(list)
        for life in self.lives:
            began = {version.status: version.modified_on for version in reversed(life)}
            if "Working" in began:
                visit = Visit(
                    life[0].technician.id,
                    began["Dispatched"],
                    began["Working"],
                    began.get("Done"),
                )
                visits[visit.technician].append(visit)
        for each in visits.values():
            each.sort(key=lambda visit: visit.arrived)
        return visits

    @property
    def consecutive(self) -> Iterator[tuple[Visit, Visit]]:
        """Pairs of visits that a technician makes one after the other."""
        for visits in self.visits.values():
            yield from pairwise(visits)

    @cached_property
    def shifts_of(self) -> dict[int, list[Shift]]:
        """The shifts in which each technician takes visits."""
        shifts: dict[int, list[Shift]] = defaultdict(list)
        for shift in self.shifts:
            if shift.active and shift.shift_type != "TimeOff":
                shifts[shift.technician_id].append(shift)
        return shifts

    def day_of(self, visit: Visit) -> int:
        """Return the day on which a visit begins."""
        return self.calendar.day_of(visit.arrived)


def watch(seed: int) -> Seen:
    """Return what is to be seen of a contractor."""
    company, days = Company(seed, SIZE), DAYS
    roster = Roster(company)
    board = Board(roster)
    shifts = {row.id: row for day in days for row in roster.shifts(day)}
    events = {row.id: row for day in days for row in roster.absences.non_job_appointments(day)}
    return Seen(
        seed=seed,
        calendar=company.calendar,
        days=days,
        lives=[list(life.versions(0)) for day in days for life in board.day(day).lives],
        shifts=list(shifts.values()),
        events=list(events.values()),
        apprentices={one.id for one in company.technicians if one.apprentice},
    )

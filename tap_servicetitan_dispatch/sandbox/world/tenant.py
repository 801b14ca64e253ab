"""The tenant: every table of the sandbox, moving with one clock."""

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, Generic

from tap_servicetitan_dispatch.sandbox.world import board, roster
from tap_servicetitan_dispatch.sandbox.world.board import IDS_A_DAY, Appointment, Assignment, Board
from tap_servicetitan_dispatch.sandbox.world.company import SKILLS, Company, Skill
from tap_servicetitan_dispatch.sandbox.world.directory import (
    ArrivalWindow,
    Directory,
    Team,
    TechnicianSkill,
    Zone,
)
from tap_servicetitan_dispatch.sandbox.world.instants import MINUTE, from_datetime
from tap_servicetitan_dispatch.sandbox.world.roster import NonJobAppointment, Roster, Shift
from tap_servicetitan_dispatch.sandbox.world.versions import Row, RowT, Table, changed

HISTORY_DAYS = 90
EXPORT_DELAY = 15 * MINUTE

_FIRST_CREATED_ID = 45_000_001


@dataclass
class _Plan(Generic[RowT]):
    """Fills a table with the versions of each day, a number of days ahead."""

    table: Table[RowT]
    versions: Callable[[int, int], Iterable[RowT]]
    lead_days: int
    daily: bool
    planned_to: int = 0

    def extend(self, today: int, settled: int) -> None:
        first = today - HISTORY_DAYS
        begin = max(self.planned_to + 1, first)
        self.planned_to = today + self.lead_days
        self.table.extend(
            row for day in range(begin, self.planned_to + 1) for row in self.versions(day, settled)
        )

    def forget(self, today: int, settled: int) -> None:
        oldest_id = (today - HISTORY_DAYS) * IDS_A_DAY if self.daily else None
        self.table.prune(settled, lambda row: oldest_id is None or row.id >= oldest_id)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Rows make no cycles, and looking for some among millions takes a third of the time."""
    restore = gc.enable if gc.isenabled() else gc.disable
    gc.disable()
    try:
        yield
    finally:
        restore()


class Tenant:
    """The state of the sandbox as of its clock. What it shows is a function of seed and clock.

    A row of the board or the roster belongs to a day; such rows of the last 90 days and of the days
    planned ahead exist, so at midnight (of the contractor) those of the oldest day are gone.

    Args:
        seed: Another seed is another tenant.
        assignments: Approximate number of assignments on the board.
        clock: Returns the current time, aware. Should it go backwards, the tenant waits for it.
        staff: Another number is another staff: rows keep their ids and say something else.
    """

    def __init__(
        self, *, seed: int, assignments: int, clock: Callable[[], datetime], staff: int = 0
    ) -> None:
        self.company = Company(seed, assignments, staff)
        self.assignments: Table[Assignment] = Table()
        self.shifts: Table[Shift] = Table()
        self.non_job_appointments: Table[NonJobAppointment] = Table()
        self.teams: Table[Team] = Table()
        self.zones: Table[Zone] = Table()
        self.technician_skills: Table[TechnicianSkill] = Table()
        self.arrival_windows: Table[ArrivalWindow] = Table()
        self.arrival_window_configuration = "StartTimeOfArrivalWindow"
        self.business_hours = {
            "weekdays": [{"fromHour": 7, "toHour": 18}],
            "saturday": [{"fromHour": 8, "toHour": 14}],
            "sunday": [],
        }
        self.skills = {skill.id: skill for skill in SKILLS}
        self.now = 0
        self._clock = clock
        self._today = 0
        self._created = count()
        self._board = Board(self.company)
        self._plans = self._all_plans()
        self.advance()

    def _all_plans(self) -> tuple[_Plan[Any], ...]:
        calendar_of, directory = Roster(self.company), Directory(self.company)
        daily = (
            (self.shifts, calendar_of.shifts),
            (self.non_job_appointments, calendar_of.non_job_appointments),
        )
        lasting = (
            (self.teams, directory.teams),
            (self.zones, directory.zones),
            (self.technician_skills, directory.technician_skills),
            (self.arrival_windows, directory.arrival_windows),
        )
        return (
            _Plan(self.assignments, self._board.versions, board.LEAD_DAYS, daily=True),
            _Plan(self.assignments, self._board.replanned, board.REPLAN_LEAD_DAYS, daily=True),
            *(
                _Plan(table, _unsettled(versions), roster.LEAD_DAYS, daily=True)
                for table, versions in daily
            ),
            *(_Plan(table, _unsettled(versions), 1, daily=False) for table, versions in lasting),
        )

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
            self._begin_day(today)
        for plan in self._plans:
            plan.table.advance(now)

    def _begin_day(self, today: int) -> None:
        """Plan the days that can be planned now, and forget those that are too long ago."""
        with _without_garbage_collection():
            for plan in self._plans:
                plan.extend(today, self.settled)
            for plan in self._plans:
                plan.table.advance(self.now)
                plan.forget(today, self.settled)

    def tick(self) -> int:
        """Return an instant for a write, later than all before; the clock moves if it must."""
        while (last := max(plan.table.last_instant for plan in self._plans)) >= self.now:
            self._advance(last + 1)
        return self.now

    def new_id(self, day: int | None = None) -> int:
        """Return an unused id; that of a row which belongs to a day tells the day."""
        if day is None:
            return _FIRST_CREATED_ID + next(self._created)
        return day * IDS_A_DAY + IDS_A_DAY // 2 + next(self._created)

    def appointment(self, id_: int) -> Appointment | None:
        """Return an appointment that has been booked."""
        visit = self._board.appointments(id_ // IDS_A_DAY).get(id_)
        return visit if visit is not None and visit.booked_on <= self.now else None

    def appointment_of(self, row: Assignment) -> Appointment:
        """Return the appointment of an assignment."""
        id_ = row.appointment_id
        return self._board.appointments(id_ // IDS_A_DAY)[id_]

    def crew(self, appointment_id: int) -> list[Assignment]:
        """Return the assignments of an appointment, inactive ones too."""
        rows = self.assignments.current.values()
        return [row for row in rows if row.appointment_id == appointment_id]

    def delete(self, table: Table[RowT], rows: Iterable[RowT], *, hard: bool) -> None:
        """Delete rows, all at one instant: for good, or by making them inactive."""
        instant = self.tick()
        for row in rows:
            if hard:
                table.remove(row.id, instant)
            else:
                table.put(changed(row, instant, active=False))

    def add_skill(self, name: str) -> Skill:
        """Add a skill that technicians can have."""
        skill = Skill(id=self.new_id(), name=name, job_type_ids=())
        self.skills[skill.id] = skill
        return skill


def _unsettled(
    versions: Callable[[int], Iterable[Row]],
) -> Callable[[int, int], Iterable[Row]]:
    return lambda day, settled: (row for row in versions(day) if row.until > settled)

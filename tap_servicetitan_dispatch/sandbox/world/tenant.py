"""The tenant: every table of the sandbox, moving with one clock."""

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic

from tap_servicetitan_dispatch.sandbox.world import board, roster
from tap_servicetitan_dispatch.sandbox.world.assignments import Appointment, Assignment, latest
from tap_servicetitan_dispatch.sandbox.world.board import Board
from tap_servicetitan_dispatch.sandbox.world.company import SKILLS, Company, Skill
from tap_servicetitan_dispatch.sandbox.world.directory import (
    ArrivalWindow,
    Directory,
    Team,
    TechnicianSkill,
    Zone,
)
from tap_servicetitan_dispatch.sandbox.world.instants import MINUTE, from_datetime
from tap_servicetitan_dispatch.sandbox.world.numbers import WRITTEN, Numbers
from tap_servicetitan_dispatch.sandbox.world.roster import NonJobAppointment, Roster, Shift
from tap_servicetitan_dispatch.sandbox.world.versions import Row, RowT, Table, changed

HISTORY_DAYS = 90
EXPORT_DELAY = 15 * MINUTE


@dataclass
class _Plan(Generic[RowT]):
    """Fills a table with the versions of each day, a number of days ahead."""

    table: Table[RowT]
    versions: Callable[[int, int], Iterable[RowT]]
    lead_days: int
    planned_to: int

    def extend(self, today: int, ended: int) -> None:
        """Add the versions of the days that can be planned now, and forget those that ended."""
        begin, self.planned_to = self.planned_to + 1, today + self.lead_days
        self.table.extend(
            row for day in range(begin, self.planned_to + 1) for row in self.versions(day, ended)
        )
        self.table.prune(ended)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Pause garbage collection: rows make no cycles, but the search takes a third of the time."""
    restore = gc.enable if gc.isenabled() else gc.disable
    gc.disable()
    try:
        yield
    finally:
        restore()


class Tenant:
    """The state of the sandbox at the time of its clock, as a function of seed and clock.

    A row of the board or the roster belongs to a day. There are rows of the 90 days before the
    tenant began, and of all days since: nothing is forgotten. Two tenants that begin on different
    days agree on all rows of the days that both have.

    Args:
        seed: Another seed is another tenant.
        assignments: Approximate number of assignments on the board.
        clock: Returns the current time, aware. If it goes backwards, the tenant waits for it.
        staff: Another number is another staff: rows keep their ids, but their contents differ.
        export_delay: How long after a change the export feed may show the previous version.
    """

    def __init__(
        self,
        *,
        seed: int,
        assignments: int,
        clock: Callable[[], datetime],
        staff: int = 0,
        export_delay: int = EXPORT_DELAY,
    ) -> None:
        self._export_delay = max(EXPORT_DELAY, export_delay)
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
        self._clock = clock
        self._numbers = Numbers(WRITTEN)
        self.now = from_datetime(clock())
        self._today = self.company.calendar.day_of(self.now)
        self._plans = self._all_plans(self._today - HISTORY_DAYS - 1)
        self._begin_day()

    def _all_plans(self, planned_to: int) -> tuple[_Plan[Any], ...]:
        rosters, directory = Roster(self.company), Directory(self.company)
        tables = (
            (self.shifts, rosters.shifts, roster.LEAD_DAYS),
            (self.non_job_appointments, rosters.absences.non_job_appointments, roster.LEAD_DAYS),
            (self.teams, directory.teams, 1),
            (self.zones, directory.zones, 1),
            (self.technician_skills, directory.technician_skills, 1),
            (self.arrival_windows, directory.arrival_windows, 1),
        )
        return (
            _Plan(self.assignments, Board(rosters).versions, board.LEAD_DAYS, planned_to),
            *(
                _Plan(table, _unsettled(versions), lead_days, planned_to)
                for table, versions, lead_days in tables
            ),
        )

    @property
    def settled(self) -> int:
        """The instant up to which the export feed shows changes, at least."""
        return self.now - self._export_delay

    def advance(self) -> None:
        """Bring every table up to the clock."""
        self._advance(max(self.now, from_datetime(self._clock())))

    def _advance(self, now: int) -> None:
        self.now = now
        today = self.company.calendar.day_of(now)
        if today != self._today:
            self._today = today
            self._begin_day()
        for plan in self._plans:
            plan.table.advance(now)

    def _begin_day(self) -> None:
        """Plan the days that can be planned now, and forget what ended before today."""
        ended = min(self.settled, self.company.calendar.midnight(self._today))
        with _without_garbage_collection():
            for plan in self._plans:
                plan.extend(self._today, ended)
                plan.table.advance(self.now)

    def tick(self) -> int:
        """Return an instant for a write, later than all before; the clock moves if necessary."""
        while (last := max(plan.table.last_instant for plan in self._plans)) >= self.now:
            self._advance(last + 1)
        return self.now

    def new_id(self) -> int:
        """Return an unused id, for a row that is created now."""
        return self._numbers.take(self.now)

    def appointment(self, id_: int) -> Appointment | None:
        """Return an appointment with an assignment, past or present."""
        return next((row.appointment for row in self._assigned(id_)), None)

    def crew(self, appointment_id: int) -> list[Assignment]:
        """Return the latest assignment of each technician to an appointment, inactive ones too."""
        return latest(self._assigned(appointment_id))

    def _assigned(self, appointment_id: int) -> Iterator[Assignment]:
        rows = self.assignments.current.values()
        return (row for row in rows if row.appointment.id == appointment_id)

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
    return lambda day, ended: (row for row in versions(day) if row.until > ended)

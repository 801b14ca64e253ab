"""The dispatch board: appointments of each day, and what happens to their assignments.

A day's board is a function of the seed and the day. Its appointments are booked up to two weeks
before; what happens to each assignment is laid out once as a *life*: an instant and a state for
each step. The board is never silent: in every 90 seconds of the day before, the optimiser re-plans
one of the day's assignments, which touches `modifiedOn` and nothing else that shows.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from tap_servicetitan_dispatch.sandbox.world.chance import Chance
from tap_servicetitan_dispatch.sandbox.world.company import (
    DISPATCHERS,
    ONLINE_BOOKING,
    Company,
    JobType,
    Technician,
)
from tap_servicetitan_dispatch.sandbox.world.instants import (
    DAY,
    FOREVER,
    HOUR,
    MINUTE,
    SECOND,
    text,
)
from tap_servicetitan_dispatch.sandbox.world.versions import Row

IDS_A_DAY = 200_000
LEAD_DAYS = 15
REPLAN_LEAD_DAYS = 2

_REPLAN_EVERY = 90 * SECOND

# Shares of the visits, and of the ways in which they are booked.
_CANCELLED, _REPLACED = 0.04, 0.06
_IN_BULK, _EMERGENCY, _ONLINE = 0.10, 0.15, 0.10

State = tuple[str, bool, bool]
"""Status, whether it is paused, whether it is active."""

SCHEDULED: State = ("Scheduled", False, True)
DISPATCHED: State = ("Dispatched", False, True)
WORKING: State = ("Working", False, True)
PAUSED: State = ("Working", True, True)
DONE: State = ("Done", False, True)
WITHDRAWN: State = ("Scheduled", False, False)


class Assignment(Row):
    """One technician on one appointment. A technician who is replaced leaves an inactive row."""

    technician: Technician
    assigned_by: int
    status: str
    paused: bool
    job_id: int
    appointment_id: int

    def wire(self) -> dict[str, Any]:
        """Return the row as the API writes it."""
        created_on = text(self.created_on)
        return {
            "id": self.id,
            "technicianId": self.technician.id,
            "technicianName": self.technician.name,
            "assignedById": self.assigned_by,
            "assignedOn": created_on,
            "status": self.status,
            "isPaused": self.paused,
            "jobId": self.job_id,
            "appointmentId": self.appointment_id,
            "createdOn": created_on,
            "modifiedOn": text(self.modified_on),
            "active": self.active,
        }


class Appointment(msgspec.Struct, gc=False):
    """A visit to a customer."""

    id: int
    job_id: int
    number: str
    job_type: JobType
    start: int
    end: int
    booked_on: int
    cancelled_on: int = FOREVER


class Life(msgspec.Struct, gc=False):
    """What happens to one assignment."""

    id: int
    appointment: Appointment
    technician: Technician
    assigned_by: int
    steps: list[tuple[int, State]]

    def versions(self, settled: int) -> Iterator[Assignment]:
        """Yield the versions that had not ended by `settled`, in order."""
        return self._versions(self.steps, FOREVER, settled)

    def replanned(self, instants: list[int], settled: int) -> Iterator[Assignment]:
        """Yield the versions that the optimiser makes of the first one, likewise."""
        steps = [(instant, SCHEDULED) for instant in instants]
        return self._versions(steps, self.steps[1][0], settled)

    def _versions(
        self, steps: list[tuple[int, State]], end: int, settled: int
    ) -> Iterator[Assignment]:
        created_on = self.steps[0][0]
        ends = [instant for instant, _ in steps[1:]]
        for (instant, (status, paused, active)), until in zip(steps, [*ends, end], strict=True):
            if until > settled:
                yield Assignment(
                    id=self.id,
                    active=active,
                    created_on=created_on,
                    modified_on=instant,
                    until=until,
                    technician=self.technician,
                    assigned_by=self.assigned_by,
                    status=status,
                    paused=paused,
                    job_id=self.appointment.job_id,
                    appointment_id=self.appointment.id,
                )


class DayBoard:
    """One day's appointments and the lives of their assignments."""

    def __init__(self, company: Company, day: int) -> None:
        self.company = company
        self.day = day
        self.appointments: list[Appointment] = []
        self.lives: list[Life] = []
        self._next_id = day * IDS_A_DAY
        self._chance = Chance(company.seed, "board", day)
        self._begin = company.calendar.at(day, 0)
        # Maintenance visits are booked in one go, and time sheets are imported in one go.
        self._bulk_booked = company.calendar.at(day - 8, 6.25)
        self._imported = company.calendar.at(day + 1, 2.2)
        self._plan()

    def _id(self) -> int:
        self._next_id += 1
        return self._next_id

    def _plan(self) -> None:
        chance, company = self._chance, self.company
        working = company.at_work(self.day)
        leads = [one for one in working if not one.apprentice] or list(working)
        companions: dict[int, list[Technician]] = {}
        for apprentice in working:
            if apprentice.apprentice:
                companions.setdefault(chance.one_of(leads).index, []).append(apprentice)
        for lead in leads:
            start = company.calendar.at(self.day, 7.5) + chance.below(5) * 15 * MINUTE
            last = company.calendar.at(self.day, 16.5)
            while start < last:
                job_type = chance.one_of(lead.business_unit.job_types)
                end = start + round(job_type.hours * HOUR)
                # A day without work would be a day without change: one visit is certain.
                first = not self.appointments
                if first or chance.happens(company.fill):
                    crew = [lead, *companions.get(lead.index, ())]
                    self._visit(job_type, start, end, crew, leads, certain=first)
                start = end + (1 + chance.below(3)) * 15 * MINUTE

    def _visit(
        self,
        job_type: JobType,
        start: int,
        end: int,
        crew: list[Technician],
        leads: list[Technician],
        *,
        certain: bool,
    ) -> None:
        chance = self._chance
        booked_on = self._booked_on(start, certain=certain)
        job_id = self._id()
        appointment = Appointment(
            id=self._id(),
            job_id=job_id,
            number=f"{job_id}-1",
            job_type=job_type,
            start=start,
            end=end,
            booked_on=booked_on,
        )
        self.appointments.append(appointment)
        leaves = start - chance.instant(8 * MINUTE, 45 * MINUTE)
        fate = 1.0 if certain else chance.draw()
        changed_on = chance.instant(booked_on + MINUTE, leaves - MINUTE)
        cancelled = fate < _CANCELLED
        replaced = _CANCELLED <= fate < _CANCELLED + _REPLACED
        if cancelled:
            appointment.cancelled_on = changed_on
        for technician in crew:
            born = max(booked_on, self._assigned_on(booked_on, leaves))
            life = self._life(appointment, technician, born)
            if cancelled and changed_on > born:
                life.steps.append((changed_on + chance.below(SECOND), WITHDRAWN))
            elif replaced and technician is crew[0] and changed_on > born:
                life.steps.append((changed_on, WITHDRAWN))
                other = leads[
                    (leads.index(technician) + 1 + chance.below(len(leads) - 1)) % len(leads)
                ]
                self._work(self._life(appointment, other, changed_on), leaves)
            else:
                self._work(life, leaves)

    def _booked_on(self, start: int, *, certain: bool) -> int:
        chance = self._chance
        if certain:
            return chance.instant(start - 6 * DAY, start - 3 * DAY)
        kind = chance.draw()
        if kind < _IN_BULK:
            return self._bulk_booked
        if kind < _IN_BULK + _EMERGENCY:
            return start - chance.instant(90 * MINUTE, 5 * HOUR)
        if kind < _IN_BULK + _EMERGENCY + _ONLINE:  # at any hour
            return self._begin - chance.instant(HOUR, 4 * DAY)
        ahead = 1 + int(13 * chance.draw() ** 2.5)
        opens = self.company.calendar.at(self.day - ahead, 7.5)
        return chance.instant(opens, opens + 11 * HOUR)

    def _assigned_on(self, booked_on: int, leaves: int) -> int:
        """Most visits get their technician at booking, some when the day is planned."""
        if self._chance.happens(0.75):
            return booked_on
        return self._chance.instant(booked_on, min(booked_on + DAY, leaves - 2 * MINUTE))

    def _life(self, appointment: Appointment, technician: Technician, born: int) -> Life:
        online = born < self._begin and self._chance.happens(0.2)
        life = Life(
            id=self._id(),
            appointment=appointment,
            technician=technician,
            assigned_by=ONLINE_BOOKING if online else self._chance.one_of(DISPATCHERS),
            steps=[(born, SCHEDULED)],
        )
        self.lives.append(life)
        return life

    def _work(self, life: Life, leaves: int) -> None:
        chance, visit = self._chance, life.appointment
        on_the_way = leaves + chance.instant(0, MINUTE)
        arrives = max(on_the_way + 3 * MINUTE, visit.start + chance.instant(-8 * MINUTE, HOUR // 3))
        leaves_site = max(arrives + 5 * MINUTE, visit.end + chance.instant(-HOUR // 3, HOUR // 2))
        steps = life.steps
        steps.append((on_the_way, DISPATCHED))
        steps.append((arrives, WORKING))
        if chance.happens(0.12):
            pause = chance.instant(arrives + SECOND, leaves_site - 2 * MINUTE)
            steps.append((pause, PAUSED))
            steps.append((chance.instant(pause + SECOND, leaves_site - SECOND), WORKING))
        steps.append((leaves_site, DONE))
        if chance.happens(0.1):
            steps.append((self._imported, DONE))

    def versions(self, settled: int) -> Iterator[Assignment]:
        """Yield the versions of the day's assignments that had not ended by `settled`."""
        for life in self.lives:
            yield from life.versions(settled)

    def replanned(self, settled: int) -> Iterator[Assignment]:
        """Yield the versions that the optimiser makes, likewise."""
        chance = Chance(self.company.seed, "replan", self.day)
        calendar = self.company.calendar
        slots = range(calendar.midnight(self.day - 1), calendar.midnight(self.day), _REPLAN_EVERY)
        candidates = [
            life
            for life in self.lives
            if life.steps[0][0] < slots[0] and life.steps[1][0] > slots[-1] + _REPLAN_EVERY
        ]
        touched: dict[int, list[int]] = {}
        for slot in slots:
            life = chance.one_of(candidates)
            touched.setdefault(life.id, []).append(chance.instant(slot, slot + _REPLAN_EVERY))
        for life in candidates:
            if life.id in touched:
                yield from life.replanned(touched[life.id], settled)


class Board:
    """The boards of all days."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.appointments = lru_cache(maxsize=32)(self._appointments)

    def _appointments(self, day: int) -> dict[int, Appointment]:
        """Return the appointments of a day by their ids, booked by now or not."""
        return {visit.id: visit for visit in DayBoard(self.company, day).appointments}

    def versions(self, day: int, settled: int) -> Iterator[Assignment]:
        """Yield the versions of a day's assignments that had not ended by `settled`."""
        return DayBoard(self.company, day).versions(settled)

    def replanned(self, day: int, settled: int) -> Iterator[Assignment]:
        """Yield the versions that the optimiser makes of a day's assignments, likewise."""
        # Once the day is over, each life has gone beyond what the optimiser did to it.
        if self.company.calendar.midnight(day + 1) <= settled:
            return iter(())
        return DayBoard(self.company, day).replanned(settled)

"""The roster: shifts of the technicians, and their absences during shifts."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec
from msgspec import structs

from tap_servicetitan_dispatch.sandbox.world.chance import Chance
from tap_servicetitan_dispatch.sandbox.world.company import DISPATCHERS, Company, Technician
from tap_servicetitan_dispatch.sandbox.world.instants import (
    DAY,
    FOREVER,
    HOUR,
    MINUTE,
    SECOND,
    span_text,
    text,
)
from tap_servicetitan_dispatch.sandbox.world.numbers import EVENTS, SHIFTS, Numbers, number, own
from tap_servicetitan_dispatch.sandbox.world.versions import Row, chained, changed

# A week is planned on the Monday two weeks before it.
LEAD_DAYS = 21

# What is asked for when a tenant begins, first for the board and then for the roster itself.
_DAYS_AT_HAND = 128

_NO_CODE = 0

_OCCASIONS = (
    # Name, code, hour at which it begins, length
    ("Team Meeting", 41_000_001, 7.5, HOUR),
    ("Safety Training", 41_000_004, 13, 2 * HOUR + 10 * MINUTE + SECOND // 2),
    ("Truck Maintenance", 41_000_009, 8, HOUR + 30 * MINUTE),
    ("Parts Run", _NO_CODE, 11, 45 * MINUTE),
    ("Dentist", _NO_CODE, 15, HOUR),
    ("Trade Fair", _NO_CODE, 9, DAY + 2 * HOUR),
    ("Jury Duty", _NO_CODE, 0, DAY - SECOND),
)
_ALL_DAY = DAY - SECOND

Span = tuple[int, int]
"""A beginning and an end."""


class Shift(Row):
    """Hours in which a technician works, is on call, or has time off."""

    technician_id: int
    shift_type: str
    title: str
    note: str | None
    start: int
    end: int
    timesheet_code_id: int | None

    def wire(self) -> dict[str, Any]:
        """Return the row as the API writes it."""
        return {
            "id": self.id,
            "shiftType": self.shift_type,
            "title": self.title,
            "note": self.note,
            "active": self.active,
            "technicianId": self.technician_id,
            "start": text(self.start),
            "end": text(self.end),
            "timesheetCodeId": self.timesheet_code_id,
            "createdOn": text(self.created_on),
            "modifiedOn": text(self.modified_on),
        }


class NonJobAppointment(Row):
    """Time in which a technician does something that is not a job."""

    technician_id: int
    start: int
    name: str
    duration: int
    timesheet_code_id: int
    summary: str | None
    clear_dispatch_board: bool
    clear_technician_view: bool
    remove_technician_from_capacity_planning: bool
    all_day: bool
    show_on_technician_schedule: bool
    created_by: int

    @property
    def end(self) -> int:
        """The instant at which the technician is free again."""
        return self.start + self.duration

    def wire(self) -> dict[str, Any]:
        """Return the row as the API writes it."""
        return {
            "id": self.id,
            "technicianId": self.technician_id,
            "start": text(self.start),
            "name": self.name,
            "duration": span_text(self.duration),
            "timesheetCodeId": self.timesheet_code_id,
            "summary": self.summary,
            "clearDispatchBoard": self.clear_dispatch_board,
            "clearTechnicianView": self.clear_technician_view,
            "removeTechnicianFromCapacityPlanning": self.remove_technician_from_capacity_planning,
            "allDay": self.all_day,
            "showOnTechnicianSchedule": self.show_on_technician_schedule,
            "active": self.active,
            "createdOn": text(self.created_on),
            "modifiedOn": text(self.modified_on),
            "createdById": self.created_by,
        }


class Duty(msgspec.Struct, frozen=True, gc=False):
    """Hours in which a technician makes visits, unless the technician calls in sick."""

    technician: Technician
    begins: int
    ends: int
    on_call: bool
    sick_on: int = FOREVER


class Absences:
    """The non-job appointments of all days. Those of a day are a function of the seed and the day.

    They say who is away, whatever the roster.
    """

    def __init__(self, company: Company) -> None:
        self._company = company
        self.away = lru_cache(_DAYS_AT_HAND)(self._away)
        self._drawn = lru_cache(_DAYS_AT_HAND)(self._draw)

    def _away(self, day: int) -> dict[int, list[Span]]:
        """Return the times of a day's non-job appointments by technician, as they turned out."""
        midnight = self._company.calendar.midnight(day)
        events = {
            event.id: event
            for each in (day - 1, day)
            for event in self.non_job_appointments(each)
            if event.end > midnight
        }
        away: dict[int, list[Span]] = {}
        for event in events.values():
            if event.active:
                away.setdefault(event.technician_id, []).append((event.start, event.end))
        return {technician: sorted(spans) for technician, spans in away.items()}

    def non_job_appointments(self, day: int) -> Iterator[NonJobAppointment]:
        """Yield the versions of the non-job appointments that were planned for a day."""
        midnight = self._company.calendar.midnight(day)
        # Nobody is asked for while something of the day before goes on.
        busy = {
            event.technician_id
            for versions in self._drawn(day - 1)
            for event in versions
            if event.end > midnight
        }
        for versions in self._drawn(day):
            if versions[0].technician_id not in busy:
                yield from versions

    def _draw(self, day: int) -> list[Sequence[NonJobAppointment]]:
        calendar, chance = self._company.calendar, Chance(self._company.seed, "non-job", day)
        drawn: list[Sequence[NonJobAppointment]] = []
        for technician in self._company.at_work(day):
            if not chance.happens(0.12):
                continue
            name, code, hour, duration = chance.one_of(_OCCASIONS)
            added_at = calendar.at(day - 1 - chance.below(9), 8)
            added_on = own(day, chance.instant(added_at, added_at + 9 * HOUR))
            all_day = duration == _ALL_DAY
            row = NonJobAppointment(
                id=0,
                active=True,
                created_on=added_on,
                modified_on=added_on,
                technician_id=technician.id,
                start=calendar.midnight(day)
                if all_day
                else calendar.at(day, hour + 2 * technician.late),
                name=name,
                duration=duration,
                timesheet_code_id=code,
                summary=None if chance.happens(0.5) else f"{name} at the office",
                clear_dispatch_board=chance.happens(0.5),
                clear_technician_view=False,
                remove_technician_from_capacity_planning=chance.happens(0.5),
                all_day=all_day,
                show_on_technician_schedule=chance.happens(0.8),
                created_by=chance.one_of(DISPATCHERS),
            )
            events = [row]
            if chance.happens(0.2):
                changed_on = chance.instant(added_on + MINUTE, added_on + 12 * HOUR)
                later = calendar.midnight(day + 1) if all_day else row.start + HOUR
                put_off = chance.happens(0.6)
                events.append(
                    changed(row, changed_on, start=later)
                    if put_off
                    else changed(row, changed_on, active=False)
                )
            drawn.append(chained(events))
        drawn.sort(key=lambda versions: versions[0].created_on)
        numbers = Numbers(EVENTS)
        for versions in drawn:
            id_ = numbers.take(versions[0].created_on)
            for version in versions:
                version.id = id_
        return drawn


class Roster:
    """The rosters of all days. Each is a function of the seed and the day."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.absences = Absences(company)
        self.shifts = lru_cache(_DAYS_AT_HAND)(self._shifts)
        self.duties = lru_cache(_DAYS_AT_HAND)(self._duties)

    def _duties(self, day: int) -> list[Duty]:
        """Return the technicians' hours for visits, as they turned out."""
        shifts = {shift.id: shift for shift in self.shifts(day)}
        return [
            Duty(
                technician=self.company.technician[shift.technician_id],
                begins=shift.start,
                ends=shift.end,
                on_call=shift.shift_type == "OnCall",
                sick_on=FOREVER if shift.active else shift.modified_on,
            )
            for shift in shifts.values()
            if shift.shift_type != "TimeOff"
        ]

    def _shifts(self, day: int) -> list[Shift]:
        """Return the versions of a day's shifts."""
        company = self.company
        chance = Chance(company.seed, "shifts", day)
        at_work = set(company.at_work(day))
        on_call = set(self._on_call(day))
        holiday = company.holiday(day)
        versions: list[Shift] = []
        for technician in company.technicians:
            shift = self._shift(technician, day)
            if company.on_leave(technician, day):
                versions.append(self._time_off(shift, day, "Vacation"))
            elif technician in at_work:
                may_be_sick = technician not in on_call
                versions += self._life_of(shift, day, chance, may_be_sick=may_be_sick)
            elif holiday and technician not in on_call:
                versions.append(self._time_off(shift, day, holiday))
            if technician in on_call:
                versions.append(self._on_call_shift(shift, day))
        return versions

    def _shift(self, technician: Technician, day: int) -> Shift:
        calendar = self.company.calendar
        weekday = calendar.weekday(day)
        # Day after day is planned, on the Monday two weeks before
        planned_on = calendar.at(day - weekday - 14, 16 + weekday / 6)
        return Shift(
            id=number(SHIFTS, planned_on, 2 * technician.index),
            active=True,
            created_on=planned_on,
            modified_on=planned_on,
            technician_id=technician.id,
            shift_type="Normal",
            title="Late Shift" if technician.late else "Day Shift",
            note=None,
            start=calendar.at(day, 9 if technician.late else 7),
            end=calendar.at(day, 19 if technician.late else 17),
            timesheet_code_id=None,
        )

    def _time_off(self, shift: Shift, day: int, title: str) -> Shift:
        midnight = self.company.calendar.midnight
        return structs.replace(
            shift, shift_type="TimeOff", title=title, start=midnight(day), end=midnight(day + 1)
        )

    def _on_call_shift(self, shift: Shift, day: int) -> Shift:
        begins, ends = self._night(day)
        return structs.replace(
            shift,
            id=number(SHIFTS, shift.created_on, 2 * self._index(shift) + 1),
            shift_type="OnCall",
            title="On Call",
            start=begins,
            end=ends,
        )

    def _index(self, shift: Shift) -> int:
        return self.company.technician[shift.technician_id].index

    def _night(self, day: int) -> Span:
        """Return the hours on call: whenever nobody else is at work."""
        at = self.company.calendar.at
        return at(day, 7 if self.company.holiday(day) else 17), at(day + 1, 7)

    def _on_call(self, day: int) -> Iterator[Technician]:
        """Yield the technicians on call; if one is away, the next in turn."""
        company = self.company
        begins, ends = self._night(day)
        spans = [self.absences.away(day), self.absences.away(day + 1)]
        free = (
            technician
            for technician in company.on_call_first(day)
            if not technician.late
            and not company.on_leave(technician, day)
            and not company.on_leave(technician, day + 1)
            and not any(
                away < ends and back > begins
                for each in spans
                for away, back in each.get(technician.id, ())
            )
        )
        return islice(free, company.on_call)

    def _life_of(
        self, shift: Shift, day: int, chance: Chance, *, may_be_sick: bool
    ) -> Sequence[Shift]:
        calendar = self.company.calendar
        fate, days = chance.below(40), 1 + chance.below(9)
        versions = [shift]
        if fate == 0:
            instant = chance.instant(calendar.at(day - days, 8), calendar.at(day - days, 17))
            versions.append(changed(shift, instant, note="Swapped", end=shift.end - HOUR))
        elif fate == 1 and may_be_sick:
            instant = chance.instant(calendar.at(day, 5.5), calendar.at(day, 6))
            versions.append(changed(shift, instant, note="Called in sick", active=False))
        return chained(versions)

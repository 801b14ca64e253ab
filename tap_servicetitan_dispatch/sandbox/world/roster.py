"""The roster: shifts of the technicians, and what keeps them from jobs while they are at work."""

from collections.abc import Iterator
from typing import Any

from tap_servicetitan_dispatch.sandbox.world.board import IDS_A_DAY
from tap_servicetitan_dispatch.sandbox.world.chance import Chance
from tap_servicetitan_dispatch.sandbox.world.company import DISPATCHERS, Company, Technician
from tap_servicetitan_dispatch.sandbox.world.instants import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    span_text,
    text,
)
from tap_servicetitan_dispatch.sandbox.world.versions import Row, chained, changed

# A week is planned on the Monday two weeks before it.
LEAD_DAYS = 21

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
    """Time in which a technician is busy with something that is not a job."""

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


class Roster:
    """The rosters of all days. Each is a function of the seed and the day."""

    def __init__(self, company: Company) -> None:
        self.company = company

    def shifts(self, day: int) -> Iterator[Shift]:
        """Yield the versions of a day's shifts."""
        calendar, chance = self.company.calendar, Chance(self.company.seed, "shifts", day)
        monday = day - calendar.weekday(day) - 14
        planned_on = calendar.at(monday, 16) + chance.below(HOUR)
        at_work = set(self.company.at_work(day))
        for technician in self.company.technicians:
            shift = self._shift(technician, day, planned_on)
            if technician in at_work:
                yield from self._life_of(shift, day, chance)
            elif self.company.on_leave(technician, day):
                yield changed(
                    shift,
                    planned_on,
                    shift_type="TimeOff",
                    title="Vacation",
                    start=calendar.midnight(day),
                    end=calendar.midnight(day + 1),
                )

    def _shift(self, technician: Technician, day: int, planned_on: int) -> Shift:
        calendar = self.company.calendar
        late = technician.index % 9 == 0
        return Shift(
            id=day * IDS_A_DAY + technician.index,
            active=True,
            created_on=planned_on,
            modified_on=planned_on,
            technician_id=technician.id,
            shift_type="Normal",
            title="Late Shift" if late else "Day Shift",
            note=None,
            start=calendar.at(day, 9 if late else 7),
            end=calendar.at(day, 19 if late else 17),
            timesheet_code_id=None,
        )

    def _life_of(self, shift: Shift, day: int, chance: Chance) -> Iterator[Shift]:
        fate, change = chance.below(40), chance.instant(DAY // 2, 10 * DAY)
        instant = self.company.calendar.noon(day) - change
        versions = [shift]
        if fate == 0:
            versions.append(changed(shift, instant, note="Swapped", end=shift.end - HOUR))
        elif fate == 1:
            versions.append(changed(shift, instant, shift_type="OnCall", title="On Call"))
        elif fate == 2:  # noqa: PLR2004 - one of the fates
            versions.append(changed(shift, instant, active=False, note="Called in sick"))
        yield from chained(versions)

    def non_job_appointments(self, day: int) -> Iterator[NonJobAppointment]:
        """Yield the versions of a day's non-job appointments."""
        calendar, chance = self.company.calendar, Chance(self.company.seed, "non-job", day)
        for technician in self.company.at_work(day):
            if not chance.happens(0.12):
                continue
            name, code, hour, duration = chance.one_of(_OCCASIONS)
            added_on = calendar.at(day - 1 - chance.below(9), 8) + chance.instant(0, 9 * HOUR)
            row = NonJobAppointment(
                id=day * IDS_A_DAY + technician.index,
                active=True,
                created_on=added_on,
                modified_on=added_on,
                technician_id=technician.id,
                start=calendar.midnight(day) if duration == _ALL_DAY else calendar.at(day, hour),
                name=name,
                duration=duration,
                timesheet_code_id=code,
                summary=None if chance.happens(0.5) else f"{name} at the office",
                clear_dispatch_board=chance.happens(0.5),
                clear_technician_view=False,
                remove_technician_from_capacity_planning=chance.happens(0.5),
                all_day=duration == _ALL_DAY,
                show_on_technician_schedule=chance.happens(0.8),
                created_by=chance.one_of(DISPATCHERS),
            )
            versions = [row]
            if chance.happens(0.2):
                changed_on = chance.instant(added_on + MINUTE, added_on + 14 * HOUR)
                put_off = chance.happens(0.6)
                versions.append(
                    changed(row, changed_on, start=row.start + HOUR)
                    if put_off
                    else changed(row, changed_on, active=False)
                )
            yield from chained(versions)

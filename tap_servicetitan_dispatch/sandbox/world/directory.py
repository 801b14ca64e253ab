"""Rows that are set up once and changed now and then: teams, zones, skills, arrival windows.

Such rows exist all the time. Each is changed at a fixed interval of days, so that its current
version follows from seed and clock without replaying its whole history.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from tap_servicetitan_dispatch.sandbox.world.chance import Chance
from tap_servicetitan_dispatch.sandbox.world.company import (
    BUSINESS_UNITS,
    DISPATCHERS,
    SKILLS,
    Company,
    Skill,
    Technician,
)
from tap_servicetitan_dispatch.sandbox.world.instants import HOUR, WEEKDAYS, span_text, text
from tap_servicetitan_dispatch.sandbox.world.numbers import FOUNDED
from tap_servicetitan_dispatch.sandbox.world.versions import Row, changed

# Rows of all ages must have been changed within the days that a tenant looks back.
_SHORTEST_PERIOD, _LONGEST_PERIOD = 5, 40

_PLACES = """
Northside Southport Eastgate Westfield Riverbend Lakeshore Hillcrest Oakdale Maplewood Stonebridge
Brookside Fairview
""".split()  # noqa: SIM905 - a list of words, not of lines
_TEAMS = ("HVAC Service", "HVAC Install", "Plumbing", "Drains", "Electrical", "Commercial", "Sales")

RowT = TypeVar("RowT", bound=Row)


class Team(Row):
    """A team of technicians, by name."""

    name: str | None
    created_by: int | None

    def wire(self) -> dict[str, Any]:
        """Return the row as the API writes it."""
        return {
            "id": self.id,
            "active": self.active,
            "name": self.name,
            "createdBy": self.created_by,
            "createdOn": text(self.created_on),
            "modifiedOn": text(self.modified_on),
        }


class Zone(Row):
    """A part of the service area. `service_days` are numbers from 0 for Sunday."""

    name: str
    zips: tuple[str, ...]
    cities: tuple[str, ...]
    territory_numbers: tuple[str, ...]
    locn_numbers: tuple[str, ...]
    created_by: int | None
    service_days_enabled: bool
    service_days: tuple[int, ...]
    business_units: tuple[int, ...]
    technicians: tuple[int, ...]

    def wire(self) -> dict[str, Any]:
        """Return the row as the API writes it."""
        return {
            "id": self.id,
            "active": self.active,
            "name": self.name,
            "zips": self.zips,
            "cities": self.cities,
            "territoryNumbers": self.territory_numbers,
            "locnNumbers": self.locn_numbers,
            "createdBy": self.created_by,
            "createdOn": text(self.created_on),
            "modifiedOn": text(self.modified_on),
            "serviceDaysEnabled": self.service_days_enabled,
            "serviceDays": [WEEKDAYS[day - 1] for day in self.service_days],
            "businessUnits": self.business_units,
            "technicians": self.technicians,
        }


class TechnicianSkill(Row):
    """A skill that a technician has; the id is `{technician id}_{skill id}`."""

    technician_id: int
    skill_id: int
    name: str
    job_type_ids: tuple[int, ...]

    def wire(self) -> dict[str, Any]:
        """Return the row as the API writes it."""
        return {
            "id": self.id,
            "name": self.name,
            "active": self.active,
            "technicianId": self.technician_id,
            "jobTypeIds": self.job_type_ids,
            "createdOn": text(self.created_on),
            "modifiedOn": text(self.modified_on),
        }


class ArrivalWindow(Row):
    """A time of day that is promised to customers. The API does not show its dates."""

    start: int
    duration: int
    business_unit_ids: tuple[int, ...]

    def wire(self) -> dict[str, Any]:
        """Return the row as the API writes it."""
        return {
            "id": self.id,
            "start": span_text(self.start),
            "duration": span_text(self.duration),
            "businessUnitIds": self.business_unit_ids,
            "active": self.active,
        }


class Directory:
    """The rows that were set up, and their changes: a function of the seed and the day."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self._teams = tuple(_team(number, name) for number, name in enumerate(_TEAMS))
        self._zones = tuple(_zone(number, name) for number, name in enumerate(_PLACES))
        self._skills = tuple(
            _technician_skill(technician.id, skill, active=(technician.index + number) % 11 != 0)
            for technician in company.technicians
            for number, skill in enumerate(_skills_of(technician))
        )
        self._windows = _arrival_windows()

    def teams(self, day: int) -> Iterator[Team]:
        """Yield the versions of teams that begin on a day."""
        return self._changes(self._teams, day)

    def zones(self, day: int) -> Iterator[Zone]:
        """Yield the versions of zones that begin on a day: their technicians change."""
        technicians = self.company.technicians
        for row in self._changes(self._zones, day):
            crew = {technicians[(row.id + day + turn) % len(technicians)].id for turn in (0, 2, 3)}
            row.technicians = tuple(sorted(crew))
            yield row

    def technician_skills(self, day: int) -> Iterator[TechnicianSkill]:
        """Yield the versions of the technicians' skills that begin on a day."""
        return self._changes(self._skills, day)

    def arrival_windows(self, day: int) -> Iterator[ArrivalWindow]:
        """Yield the versions of arrival windows that begin on a day."""
        return self._changes(self._windows, day)

    def _changes(self, rows: Sequence[RowT], day: int) -> Iterator[RowT]:
        for number, row in enumerate(rows):
            period = _SHORTEST_PERIOD + number * 7 % (_LONGEST_PERIOD - _SHORTEST_PERIOD)
            if (day + number) % period == 0:
                version = changed(row, self._changed_on(row, day))
                version.until = self._changed_on(row, day + period)
                yield version

    def _changed_on(self, row: Row, day: int) -> int:
        chance = Chance(self.company.staff_seed, type(row).__name__, row.id, day)
        return self.company.calendar.at(day, 8) + chance.instant(0, 9 * HOUR)


def _founded(number: int) -> int:
    return FOUNDED + number * 5 * HOUR


def _team(number: int, name: str) -> Team:
    return Team(
        id=42_000_001 + number,
        active=name != "Sales",
        created_on=_founded(number),
        modified_on=_founded(number),
        name=name,
        created_by=DISPATCHERS[0] if number else None,
    )


def _zone(number: int, name: str) -> Zone:
    service_days = (1, 3, 5) if number % 3 == 0 else ()
    return Zone(
        id=43_000_001 + 2 * number,
        active=name != "Fairview",
        created_on=_founded(number),
        modified_on=_founded(number),
        name=name,
        zips=(f"{60_001 + 4 * number}", f"{60_002 + 4 * number}"),
        cities=(name,),
        territory_numbers=(f"T-{number:02d}",),
        locn_numbers=(),
        # Required by the definition; null in the oldest row all the same, as happens in practice.
        created_by=DISPATCHERS[1] if number else None,
        service_days_enabled=bool(service_days),
        service_days=service_days,
        business_units=tuple(unit.id for unit in BUSINESS_UNITS[: 2 + number % 4]),
        technicians=(),
    )


def _skills_of(technician: Technician) -> tuple[Skill, ...]:
    first = 2 * BUSINESS_UNITS.index(technician.business_unit)
    return (*SKILLS[first : first + 2], SKILLS[(first + 5) % len(SKILLS)])


def _technician_skill(technician_id: int, skill: Skill, *, active: bool) -> TechnicianSkill:
    return TechnicianSkill(
        id=f"{technician_id}_{skill.id}",
        active=active,
        created_on=FOUNDED,
        modified_on=FOUNDED,
        technician_id=technician_id,
        skill_id=skill.id,
        name=skill.name,
        job_type_ids=skill.job_type_ids,
    )


def _arrival_windows() -> tuple[ArrivalWindow, ...]:
    *residential, commercial = (unit.id for unit in BUSINESS_UNITS)
    windows = [
        (8, 2, residential),
        (10, 2, residential),
        (12, 2, residential),
        (14, 2, residential),
        (16, 2, residential),
        (8, 4, [commercial]),
        (12, 4, [commercial]),
        (17, 3, residential[:2]),
    ]
    return tuple(
        ArrivalWindow(
            id=44_000_001 + number,
            active=hour < 16,  # noqa: PLR2004 - the late ones were given up
            created_on=_founded(number),
            modified_on=_founded(number),
            start=hour * HOUR,
            duration=hours * HOUR,
            business_unit_ids=tuple(business_unit_ids),
        )
        for number, (hour, hours, business_unit_ids) in enumerate(windows)
    )

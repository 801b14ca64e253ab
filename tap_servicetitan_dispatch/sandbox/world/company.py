"""The contractor: its technicians, business units, working days and kinds of jobs."""

from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from tap_servicetitan_dispatch.sandbox.world.chance import Chance
from tap_servicetitan_dispatch.sandbox.world.holidays import holiday
from tap_servicetitan_dispatch.sandbox.world.instants import SATURDAY, SUNDAY, Calendar

_FIRST_NAMES = """
Aaron Alicia Andre Angela Anthony Beatriz Brandon Brian Caleb Carlos Cheryl Curtis Dana Darnell
Dennis Diego Dustin Elena Eric Esteban Frank Gary Grace Hector Ian Isaac Jamal Janelle Jesse Joel
Jorge Karen Keith Kevin Kyle Lamar Leon Luis Marcus Maria Miguel Monica Nathan Nicole Omar Patrick
Paul Priya Ramon Renee Robert Rosa Ryan Samuel Sandra Scott Sofia Tanya Teresa Thomas Tim Travis
Vanessa Victor Wade Wesley Xavier Yolanda Zach
""".split()  # noqa: SIM905 - a list of words, not of lines
_LAST_NAMES = """
Abbott Acosta Alvarez Archer Baker Becker Bishop Boyd Brennan Cabrera Calloway Castillo Chen Cole
Dalton Delgado Dixon Dorsey Ellis Espinoza Farrell Fletcher Foster Fuentes Gallagher Garrett Gibbs
Guerrero Haines Hammond Hobbs Horvath Ingram Jarvis Jennings Kaminski Kessler Lambert Larsen Lowe
Maddox Marquez Mercer Molina Nakamura Nolan Novak Ochoa Okafor Osborne Pacheco Parrish Pruitt Quinn
Ramsey Reyes Rhodes Rosario Salazar Sawyer Shah Sizemore Stokes Tate Tran Underwood Vance Vargas
Villanueva Walsh Whitaker Winslow Yates Zamora Zielinski
""".split()  # noqa: SIM905 - likewise


class BusinessUnit(msgspec.Struct, frozen=True):
    """A part of the company with its own planning."""

    id: int
    name: str
    job_types: tuple["JobType", ...]


class JobType(msgspec.Struct, frozen=True):
    """A kind of job, with its planned hours."""

    id: int
    name: str
    hours: float


class Skill(msgspec.Struct, frozen=True):
    """An ability that some kinds of jobs need."""

    id: int
    name: str
    job_type_ids: tuple[int, ...]


class Technician(msgspec.Struct, frozen=True):
    """A person who is sent to jobs: a lead, or an apprentice, who accompanies a lead."""

    index: int
    id: int
    name: str
    business_unit: BusinessUnit
    apprentice: bool
    late: bool
    """Whether the shift begins and ends two hours later than the others'."""


def _business_units() -> tuple[BusinessUnit, ...]:
    jobs = {
        "Heating & Air Residential": {
            "AC Tune-Up": 1.0,
            "Furnace Tune-Up": 1.0,
            "No Cooling": 1.5,
            "No Heat": 1.5,
            "System Replacement": 3.0,
        },
        "Plumbing Residential": {
            "Leak Repair": 1.5,
            "Water Heater": 2.0,
            "Fixture Install": 1.5,
            "Plumbing Inspection": 0.75,
        },
        "Drains & Sewer": {"Drain Clearing": 1.0, "Camera Inspection": 0.75, "Sewer Repair": 3.0},
        "Electrical Residential": {
            "Panel Upgrade": 3.0,
            "Troubleshooting": 1.5,
            "EV Charger Install": 2.0,
        },
        "Heating & Air Commercial": {"Rooftop Unit Service": 2.0, "Commercial Maintenance": 1.5},
    }
    units = []
    for index, (name, types) in enumerate(jobs.items(), start=1):
        unit_id = 40_000_100 + 7 * index
        job_types = tuple(
            JobType(id=unit_id * 10 + number, name=job, hours=hours)
            for number, (job, hours) in enumerate(types.items(), start=1)
        )
        units.append(BusinessUnit(id=unit_id, name=name, job_types=job_types))
    return tuple(units)


BUSINESS_UNITS = _business_units()
# Most of the work is heating, cooling and plumbing.
_UNIT_BY_TECHNICIAN = tuple(BUSINESS_UNITS[index] for index in (0, 1, 0, 2, 3, 0, 1, 4, 0, 1))

JOB_TYPES = {job_type.id: job_type for unit in BUSINESS_UNITS for job_type in unit.job_types}
SKILLS = tuple(
    Skill(id=unit.id * 10 + 100 + number, name=name, job_type_ids=job_type_ids)
    for unit in BUSINESS_UNITS
    for number, (name, job_type_ids) in enumerate(
        [
            (f"{unit.name} - Service", tuple(job.id for job in unit.job_types[:2])),
            (f"{unit.name} - Advanced", tuple(job.id for job in unit.job_types[2:])),
        ]
    )
)

DISPATCHERS = (40_000_011, 40_000_012, 40_000_015)
ONLINE_BOOKING = 40_000_002


class Company:
    """The contractor behind the board, large enough to get its work done.

    Args:
        seed: Another seed is another contractor.
        assignments: Approximate number of assignments on the board.
        staff: Another number is another staff: rows keep their ids, but their contents differ.
    """

    def __init__(self, seed: int, assignments: int, staff: int = 0) -> None:
        self.seed = seed
        self.calendar = Calendar(ZoneInfo("America/Chicago"))
        # Measured: the board shows what 72 weekdays with all leads at work bring in.
        jobs_a_day = max(1.0, assignments / 72)
        leads = max(4, round(jobs_a_day / 4.5))
        people = leads + max(1, leads // 6)
        self.staff_seed = f"{seed}/{staff}" if staff else f"{seed}"
        chance = Chance(self.staff_seed, "technicians")
        self.technicians: tuple[Technician, ...] = tuple(
            Technician(
                index=index,
                id=40_001_000 + 3 * ((index + staff) % people),
                name=f"{chance.one_of(_FIRST_NAMES)} {chance.one_of(_LAST_NAMES)}",
                business_unit=_UNIT_BY_TECHNICIAN[index % len(_UNIT_BY_TECHNICIAN)],
                apprentice=index >= leads,
                late=index < leads and index % 9 == 0,
            )
            for index in range(people)
        )
        self.leads = self.technicians[:leads]
        self.technician = {technician.id: technician for technician in self.technicians}
        self.fill = jobs_a_day / leads / 5.25
        """The share of the time of technicians at work that customers take."""
        self.at_work = lru_cache(maxsize=64)(self._at_work)

    def holiday(self, day: int) -> str | None:
        """Return the name of the holiday on a day, if there is one."""
        return holiday(self.calendar.date(day))

    def open_on(self, day: int) -> bool:
        """Return whether it is an ordinary working day."""
        return self.calendar.weekday(day) < SATURDAY and not self.holiday(day)

    def _at_work(self, day: int) -> tuple[Technician, ...]:
        """Return the technicians with a day shift; none on a holiday."""
        if self.holiday(day):
            return ()
        return tuple(one for one in self.technicians if self._works(one, day))

    def on_leave(self, technician: Technician, day: int) -> bool:
        """Return whether it is one of the technician's weeks off."""
        return (7 * technician.index + _week(day)) % 23 == 0

    def on_call_first(self, day: int) -> tuple[Technician, ...]:
        """Return the leads, beginning with those who are on call at night this week."""
        turn = _week(day) * self.on_call % len(self.leads)
        return self.leads[turn:] + self.leads[:turn]

    @property
    def on_call(self) -> int:
        """How many technicians are on call at a time."""
        return 1 + len(self.leads) // 20

    def _works(self, technician: Technician, day: int) -> bool:
        turn = technician.index + _week(day)
        if self.calendar.weekday(day) == SATURDAY and turn % 2:
            return False
        if self.calendar.weekday(day) == SUNDAY and turn % 5:
            return False
        return not self.on_leave(technician, day)


def _week(day: int) -> int:
    """Return the number of the week, which begins on a Monday."""
    return (day + 3) // 7

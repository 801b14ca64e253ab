"""The dispatch board: the assignments of each day and their events.

A day's board is a function of the seed and the day. Its visits come from the day's book. Each lead
makes a round of visits, with apprentices. The events of an assignment make up its life, from which
the versions of its row follow.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from msgspec import structs

from tap_servicetitan_dispatch.sandbox.world.assignments import (
    SCHEDULED,
    WITHDRAWN,
    Assignment,
    Life,
    Step,
)
from tap_servicetitan_dispatch.sandbox.world.bookings import (
    LATEST_LEFTOVER_DAYS,
    Book,
    Leftover,
    Turn,
    Visit,
)
from tap_servicetitan_dispatch.sandbox.world.chance import Chance
from tap_servicetitan_dispatch.sandbox.world.company import DISPATCHERS, ONLINE_BOOKING, Technician
from tap_servicetitan_dispatch.sandbox.world.instants import FOREVER, HOUR, MINUTE, SECOND
from tap_servicetitan_dispatch.sandbox.world.numbers import ASSIGNMENTS, Numbers, own
from tap_servicetitan_dispatch.sandbox.world.roster import Duty, Roster
from tap_servicetitan_dispatch.sandbox.world.rounds import Round

LEAD_DAYS = 15
"""Nothing is booked more than this many days ahead."""

# Shares of the assignments that customers make online, and of those that somebody looks through.
_ONLINE, _CONFIRMED = 0.2, 0.25


class DayBoard:
    """One day's visits and the lives of their assignments.

    Args:
        roster: The rosters of all days.
        day: The day.
        book: The day's book.
        leftovers: Visits that earlier days have left for this one.
    """

    def __init__(self, roster: Roster, day: int, book: Book, leftovers: Iterable[Leftover]) -> None:
        calendar = roster.company.calendar
        self.lives: list[Life] = []
        self._day = day
        self._begin = calendar.midnight(day)
        self._chance = Chance(roster.company.seed, "board", day)
        self._away = roster.absences.away(day)
        self._imported_on = calendar.at(day + 1, 12.25)
        duties = [duty for duty in roster.duties(day) if not duty.on_call]
        self._companions = self._crews(duties)
        self._play([*book.visits, *book.placed(leftovers)])
        self.lives.sort(key=lambda life: life.created_on)
        numbers = Numbers(ASSIGNMENTS)
        for life in self.lives:
            life.id = numbers.take(life.created_on)

    def _crews(self, duties: Iterable[Duty]) -> dict[int, list[Duty]]:
        """Return the apprentices of each lead on the day."""
        leads: list[Duty] = []
        apprentices: list[Duty] = []
        for duty in duties:
            if duty.technician.apprentice:
                if duty.technician.id not in self._away:
                    apprentices.append(duty)
            elif duty.sick_on == FOREVER:
                leads.append(duty)
        companions: dict[int, list[Duty]] = {}
        for duty in apprentices if leads else ():
            lead = self._chance.one_of(leads)
            if duty.begins <= lead.begins and lead.ends <= duty.ends:
                companions.setdefault(lead.technician.id, []).append(duty)
        return companions

    def _play(self, visits: Iterable[Visit]) -> None:
        by_lead: dict[int, list[Visit]] = {}
        for visit in visits:
            if visit.cancelled:
                self._live(visit, [])
            else:
                by_lead.setdefault(visit.duty.technician.id, []).append(visit)
        for lead, mine in by_lead.items():
            made = Round(self._away.get(lead, ()), self._imported_on, self._chance).make(mine)
            for visit, steps in made:
                self._live(visit, steps)

    def _live(self, visit: Visit, steps: list[Step]) -> None:
        """Create the assignments of a visit; the last one ends in the given steps."""
        for turn in visit.turns:
            lead = turn.duty.technician
            self._assign(visit, turn, lead, steps)
            for companion in () if turn.duty.on_call else self._companions.get(lead.id, ()):
                self._go_along(visit, turn, companion, steps)

    def _go_along(self, visit: Visit, turn: Turn, companion: Duty, steps: list[Step]) -> None:
        if companion.sick_on <= turn.since:
            return
        chance = self._chance
        if companion.sick_on < turn.until:
            gone = companion.sick_on + chance.instant(2 * MINUTE, HOUR // 2)
            turn = structs.replace(turn, until=min(own(self._day, gone), turn.until))
        later = [(instant + chance.below(20 * SECOND), state) for instant, state in steps]
        self._assign(visit, turn, companion.technician, later)

    def _assign(self, visit: Visit, turn: Turn, technician: Technician, steps: list[Step]) -> None:
        chance, until = self._chance, turn.until
        online = turn.since < self._begin and chance.happens(_ONLINE)
        life = Life(
            appointment=visit.appointment,
            technician=technician,
            assigned_by=ONLINE_BOOKING if online else chance.one_of(DISPATCHERS),
            steps=[(turn.since, SCHEDULED)],
        )
        self.lives.append(life)
        first, last = turn.since + MINUTE, min(until, visit.latest_change)
        if online and first < last and chance.happens(_CONFIRMED):
            life.confirmed_on = chance.instant(first, last)
            life.confirmed_by = chance.one_of(DISPATCHERS)
            life.steps.append((life.confirmed_on, SCHEDULED))
        if until == FOREVER:
            life.steps += steps
        elif turn.silently:
            self.lives.append(
                Life(
                    appointment=visit.appointment,
                    technician=technician,
                    assigned_by=life.assigned_by,
                    steps=[(until, WITHDRAWN)],
                )
            )
        else:
            life.steps.append((until, WITHDRAWN))

    def versions(self, settled: int = 0) -> Iterator[Assignment]:
        """Yield the versions of the day's assignments that had not ended by `settled`."""
        for life in self.lives:
            yield from life.versions(settled)


class Board:
    """The boards of all days."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._book = lru_cache(maxsize=LATEST_LEFTOVER_DAYS + 2)(self._make_book)

    def _make_book(self, day: int) -> Book:
        return Book(self._roster, day)

    def day(self, day: int) -> DayBoard:
        """Return the board of a day."""
        leftovers = (
            leftover
            for earlier in range(day - LATEST_LEFTOVER_DAYS, day)
            for leftover in self._book(earlier).leftovers
            if leftover.day == day
        )
        return DayBoard(self._roster, day, self._book(day), leftovers)

    def versions(self, day: int, settled: int) -> Iterator[Assignment]:
        """Yield the versions of a day's assignments that had not ended by `settled`."""
        return self.day(day).versions(settled)

"""A technician's round: from one visit to the next, and around other duties."""

from collections.abc import Iterable, Iterator, Sequence

from tap_servicetitan_dispatch.sandbox.world.assignments import (
    CALLED_BACK,
    DISPATCHED,
    DONE,
    PAUSED,
    WITHDRAWN,
    WORKING,
    Appointment,
    Step,
)
from tap_servicetitan_dispatch.sandbox.world.bookings import EARLIEST_LEAVE, Visit
from tap_servicetitan_dispatch.sandbox.world.chance import Chance
from tap_servicetitan_dispatch.sandbox.world.instants import HOUR, MINUTE
from tap_servicetitan_dispatch.sandbox.world.roster import Span

# Shares of the visits.
_SENT_AHEAD, _CALLED_BACK, _PAUSED, _FORGOTTEN, _IMPORTED = 0.05, 0.025, 0.12, 0.02, 0.05

_OVERRUN = 20 * MINUTE
"""How far a visit may run into the next duty."""


class Round:
    """A technician's work on a day.

    Args:
        away: Times at which the technician is busy with something else.
        imported_on: When time sheets are imported, which edits some rows once more.
        chance: Decides the rest.
    """

    def __init__(self, away: Sequence[Span], imported_on: int, chance: Chance) -> None:
        self._away = away
        self._imported_on = imported_on
        self._chance = chance
        self._arrived = 0
        self._free = 0

    def make(self, visits: Iterable[Visit]) -> Iterator[tuple[Visit, list[Step]]]:
        """Yield the events of each visit, one after the other."""
        for visit in sorted(visits, key=lambda visit: visit.appointment.start):
            yield visit, self._steps(visit)

    def _steps(self, visit: Visit) -> list[Step]:
        chance, appointment, duty = self._chance, visit.appointment, visit.duty
        ready = max(self._free + 2 * MINUTE, duty.begins, appointment.start - EARLIEST_LEAVE)
        leaves, arrives, done = self._times(appointment, ready)
        for begins, ends in self._away:
            if leaves < ends and begins + _OVERRUN < done:
                leaves, arrives, done = self._times(appointment, max(leaves, ends))
        if arrives > duty.ends - HOUR // 4 or done > duty.ends + HOUR:
            # Nobody can come any more, and the customer is told so.
            late = chance.instant(appointment.start, appointment.start + HOUR // 2)
            appointment.cancelled_on = late
            return [(late, WITHDRAWN)]
        steps = [(self._sent_on(appointment, leaves), DISPATCHED)]
        if chance.happens(_CALLED_BACK):
            self._arrived = self._free = chance.instant(leaves + 2 * MINUTE, arrives)
            appointment.cancelled_on = self._free
            return [*steps, (self._free, CALLED_BACK)]
        self._arrived, self._free = arrives, done
        return [*steps, *self._work()]

    def _times(self, appointment: Appointment, ready: int) -> tuple[int, int, int]:
        """Return when the technician leaves for a visit, arrives and is done."""
        chance = self._chance
        leaves = chance.instant(ready, ready + 8 * MINUTE)
        arrives = chance.instant(leaves + 12 * MINUTE, leaves + 52 * MINUTE)
        length = appointment.end - appointment.start
        return leaves, arrives, chance.instant(arrives + length * 3 // 4, arrives + length * 5 // 4)

    def _sent_on(self, appointment: Appointment, leaves: int) -> int:
        """Return when the technician is sent to a visit, at times before the last one is done."""
        first = max(self._arrived, appointment.start - EARLIEST_LEAVE)
        if leaves - self._free < 10 * MINUTE and self._chance.happens(_SENT_AHEAD):
            return self._chance.instant(max(first, self._free - HOUR // 3), self._free)
        return leaves

    def _work(self) -> Iterator[Step]:
        """Yield the events of a visit, from the arrival on."""
        chance, arrived, done = self._chance, self._arrived, self._free
        yield arrived, WORKING
        if chance.happens(_FORGOTTEN):
            return
        if chance.happens(_PAUSED):
            paused = chance.instant(arrived + 2 * MINUTE, done - 10 * MINUTE)
            yield paused, PAUSED
            yield chance.instant(paused + MINUTE, done - MINUTE), WORKING
        yield done, DONE
        if chance.happens(_IMPORTED):
            yield self._imported_on, DONE

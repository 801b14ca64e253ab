"""The book: the visits promised to customers for a day, and the technicians of each.

A day's book is a function of the seed and the day. It holds what the office decides before anybody
sets out: which technician comes first, which customers change their mind, which colleagues replace
sick ones. Work that cannot be done on the day is left for a later one, as a second appointment of
the job.
"""

from collections.abc import Iterable, Iterator
from itertools import islice, repeat

import msgspec
from msgspec import structs

from tap_servicetitan_dispatch.sandbox.world.assignments import Appointment
from tap_servicetitan_dispatch.sandbox.world.chance import Chance
from tap_servicetitan_dispatch.sandbox.world.company import Company, JobType, Technician
from tap_servicetitan_dispatch.sandbox.world.instants import DAY, FOREVER, HOUR, MINUTE
from tap_servicetitan_dispatch.sandbox.world.numbers import JOBS, Numbers, own
from tap_servicetitan_dispatch.sandbox.world.roster import Duty, Roster, Span

EARLIEST_LEAVE = 40 * MINUTE
"""Nobody sets out earlier than this before the start of a visit; until then all may change."""

LATEST_LEFTOVER_DAYS = 10
"""Leftover visits are booked within this many days."""

_QUARTER = 15 * MINUTE
_LONGEST_AT_NIGHT = 1.5
_BULK = 10

# Shares of the visits by the way in which they are booked, and by what becomes of them.
_IN_BULK, _EMERGENCY, _ONLINE = 0.10, 0.15, 0.10
_CANCELLED, _REPLACED, _TO_AND_FRO, _SECOND_VISIT = 0.04, 0.06, 0.02, 0.035
_RATHER_LATER = 0.3
"""Share of customers who prefer to wait if their technician is sick."""


class Turn(msgspec.Struct, gc=False):
    """A technician's turn at a visit, until another technician takes over.

    A technician who is taken off silently leaves a row that looks as if nothing had happened.
    """

    duty: Duty
    since: int
    until: int = FOREVER
    silently: bool = False


class Visit(msgspec.Struct, gc=False):
    """An appointment and its technicians, one after the other. The last one does the work."""

    appointment: Appointment
    turns: list[Turn]

    @property
    def duty(self) -> Duty:
        """The shift of the technician who has it."""
        return self.turns[-1].duty

    @property
    def cancelled(self) -> bool:
        """Whether it has no technician any more."""
        return self.turns[-1].until < FOREVER

    @property
    def span(self) -> Span:
        """The planned time."""
        return self.appointment.start, self.appointment.end

    @property
    def latest_change(self) -> int:
        """The instant until which the office may change something."""
        return self.appointment.start - EARLIEST_LEAVE - MINUTE


class Leftover(msgspec.Struct, gc=False):
    """The second appointment of a job, for a later day. It has no time of day yet."""

    first: Appointment
    appointment: Appointment
    technician: Technician
    day: int


class Orders:
    """What customers order for a day: job types, with the start of each and when it was booked."""

    def __init__(self, company: Company, day: int, chance: Chance) -> None:
        self._company = company
        self._calendar = company.calendar
        self._day = day
        self._chance = chance
        self._bulk = self._in_bulk()

    def of(self, duty: Duty, away: Iterable[Span]) -> Iterator[tuple[JobType, int, int]]:
        """Yield the orders that a technician gets, who is away at some times."""
        return self._calls(duty) if duty.on_call else self._of_shift(duty, [*away])

    def _of_shift(self, duty: Duty, away: Iterable[Span]) -> Iterator[tuple[JobType, int, int]]:
        """Yield the bookings of a shift, around the technician's absences."""
        chance = self._chance
        start = duty.begins + HOUR // 2 + chance.below(5) * _QUARTER
        while True:
            job_type = chance.one_of(duty.technician.business_unit.job_types)
            end = start + round(job_type.hours * HOUR)
            if end > duty.ends:
                return
            back = next((ends for begins, ends in away if begins < end and start < ends), None)
            if back is not None:
                start = back - back % -_QUARTER + 2 * _QUARTER
                continue
            if chance.happens(self._company.fill):
                yield job_type, start, self._booked_on(start)
            start = end + (1 + chance.below(3)) * _QUARTER

    def _booked_on(self, start: int) -> int:
        chance, calendar = self._chance, self._calendar
        kind = chance.draw()
        if kind < _IN_BULK:
            return next(self._bulk)
        if kind < _IN_BULK + _EMERGENCY:
            opens = calendar.at(self._day, 6)
            return chance.instant(max(start - 5 * HOUR, opens), start - 70 * MINUTE)
        if kind < _IN_BULK + _EMERGENCY + _ONLINE:  # at any hour
            return calendar.midnight(self._day) - chance.instant(HOUR, 4 * DAY)
        ahead = 1 + int(13 * chance.draw() ** 2.5)
        opens = calendar.at(self._day - ahead, 7.5)
        return chance.instant(opens, opens + 11 * HOUR)

    def _in_bulk(self) -> Iterator[int]:
        """Yield when maintenance visits are booked: in one go, several at a time."""
        instant = self._calendar.at(self._day - 8, 6.25)
        while True:
            instant = own(self._day, instant + MINUTE)
            yield from repeat(instant, _BULK)

    def _calls(self, duty: Duty) -> Iterator[tuple[JobType, int, int]]:
        """Yield the emergencies of a night, or of a holiday."""
        chance = self._chance
        jobs = duty.technician.business_unit.job_types
        short = [job_type for job_type in jobs if job_type.hours <= _LONGEST_AT_NIGHT]
        called_on = duty.begins
        for _ in range(chance.below(3)):
            called_on += HOUR + round(5 * HOUR * chance.draw() ** 2)
            if called_on > duty.ends - 4 * HOUR:
                return
            yield chance.one_of(short), called_on + HOUR, called_on
            called_on += 3 * HOUR


class Book:
    """The visits that are booked for a day.

    Attributes:
        visits: These visits.
        leftovers: Visits for later days.
    """

    def __init__(self, roster: Roster, day: int) -> None:
        self.visits: list[Visit] = []
        self.leftovers: list[Leftover] = []
        self._company = roster.company
        self._calendar = roster.company.calendar
        self._day = day
        self._midnight = self._calendar.midnight(day)
        self._chance = Chance(roster.company.seed, "book", day)
        self._taken = {who: list(times) for who, times in roster.absences.away(day).items()}
        duties = [duty for duty in roster.duties(day) if not duty.technician.apprentice]
        self._stand_ins = [one for one in duties if not one.on_call and one.sick_on == FOREVER]
        self._by_trade: dict[int, list[Duty]] = {}
        for duty in self._stand_ins:
            self._by_trade.setdefault(duty.technician.business_unit.id, []).append(duty)
        self._take_orders(duties)
        self._decide()
        _number(self.visits, self.leftovers)

    # What customers order

    def _take_orders(self, duties: Iterable[Duty]) -> None:
        orders = Orders(self._company, self._day, self._chance)
        for duty in duties:
            for job_type, start, booked_on in orders.of(duty, self._times(duty)):
                if booked_on < duty.sick_on:
                    self._book(duty, job_type, start, own(self._day, booked_on))

    def _book(self, duty: Duty, job_type: JobType, start: int, booked_on: int) -> None:
        appointment = Appointment(
            job_type=job_type,
            start=start,
            end=start + round(job_type.hours * HOUR),
            booked_on=booked_on,
        )
        visit = Visit(appointment, [Turn(duty, booked_on)])
        # Most visits get their technician at booking, some when the day is planned.
        last = min(booked_on + DAY, visit.latest_change - _QUARTER, duty.sick_on)
        if booked_on < last and self._chance.happens(0.25):
            visit.turns[0].since = self._at_the_desk(booked_on, last)
        self.visits.append(visit)
        self._times(duty).append(visit.span)

    def _at_the_desk(self, first: int, last: int) -> int:
        """Return an instant at which a dispatcher does something, most likely not at night."""
        for _ in range(4):
            instant = self._chance.instant(first, last)
            if 6 * HOUR < (instant - self._midnight) % DAY < 20 * HOUR:
                break
        return own(self._day, instant)

    # What becomes of it

    def _decide(self) -> None:
        for visit in self.visits:
            if visit.duty.sick_on < FOREVER:
                self._replace_the_sick(visit)
            elif not visit.duty.on_call:
                self._change_minds(visit)

    def _replace_the_sick(self, visit: Visit) -> None:
        called_in = visit.duty.sick_on + 2 * MINUTE
        instant = own(self._day, self._chance.instant(called_in, called_in + HOUR // 2))
        other = self._free(visit)
        if other is not None and not self._chance.happens(_RATHER_LATER):
            self._hand_over(visit, other, instant)
        else:
            self._cancel(visit, instant)
            self._leave_for_later(visit, instant)

    def _change_minds(self, visit: Visit) -> None:
        fate = self._chance.draw()
        instants = self._instants(visit.turns[0].since + MINUTE, visit.latest_change - MINUTE)
        if fate < _CANCELLED:
            for instant in islice(instants, 1):
                self._cancel(visit, instant)
        elif fate < _CANCELLED + _REPLACED:
            self._reassign(visit, islice(instants, 1))
        elif fate < _CANCELLED + _REPLACED + _TO_AND_FRO:
            self._reassign(visit, islice(instants, 2 + self._chance.below(2)), silently=True)
        elif fate < _CANCELLED + _REPLACED + _TO_AND_FRO + _SECOND_VISIT:
            evening = self._calendar.at(self._day, 17.5)
            self._leave_for_later(visit, self._chance.instant(evening, evening + HOUR))

    def _instants(self, first: int, last: int) -> Iterator[int]:
        """Yield instants in order, a minute or more apart, as long as there are any."""
        while first < last:
            instant = self._at_the_desk(first, last)
            yield instant
            first = instant + MINUTE

    def _reassign(self, visit: Visit, instants: Iterable[int], *, silently: bool = False) -> None:
        """Hand a visit over to another technician, then back, then over again."""
        first, other = visit.duty, self._free(visit)
        if other is None:
            return
        for instant in instants:
            duty = other if visit.duty is first else first
            self._hand_over(visit, duty, instant, silently=silently)
            silently = False

    def _hand_over(self, visit: Visit, duty: Duty, instant: int, *, silently: bool = False) -> None:
        self._times(visit.duty).remove(visit.span)
        self._times(duty).append(visit.span)
        visit.turns[-1].until = instant
        visit.turns[-1].silently = silently
        visit.turns.append(Turn(duty, instant))

    def _cancel(self, visit: Visit, instant: int) -> None:
        self._times(visit.duty).remove(visit.span)
        visit.turns[-1].until = visit.appointment.cancelled_on = instant

    def _leave_for_later(self, visit: Visit, booked_on: int) -> None:
        """Book a second appointment of the job, on one of the next working days."""
        first = visit.appointment
        second = structs.replace(first, booked_on=own(self._day, booked_on), cancelled_on=FOREVER)
        day = self._day + 1 + self._chance.below(5)
        while not self._company.open_on(day):
            day += 1
        self.leftovers.append(Leftover(first, second, visit.duty.technician, day))

    def _free(self, visit: Visit) -> Duty | None:
        """Return another technician who has time for a visit, if there is one."""
        return next(
            (
                duty
                for duty in self._others(visit.duty.technician, self._chance)
                if duty is not visit.duty and _has_time(duty, self._times(duty), visit.span)
            ),
            None,
        )

    def _others(self, technician: Technician, chance: Chance) -> Iterator[Duty]:
        """Yield the shifts of possible replacements: same trade first, otherwise in any order."""
        unit = technician.business_unit.id
        for duties in (self._by_trade.get(unit, []), self._stand_ins):
            begin = chance.below(len(duties))
            yield from duties[begin:]
            yield from duties[:begin]

    def _times(self, duty: Duty) -> list[Span]:
        return self._taken.setdefault(duty.technician.id, [])

    # What earlier days left for this one

    def placed(self, leftovers: Iterable[Leftover]) -> Iterator[Visit]:
        """Yield visits for what was left for this day, as far as technicians have time."""
        chance = Chance(self._company.seed, "leftovers", self._day)
        taken = {technician: list(times) for technician, times in self._taken.items()}
        for leftover in leftovers:
            left = leftover.appointment
            length = left.end - left.start
            for duty in self._others(leftover.technician, chance):
                times = taken.setdefault(duty.technician.id, [])
                start = _first_time(duty, times, length)
                if start + length <= duty.ends:
                    times.append((start, start + length))
                    appointment = structs.replace(left, start=start, end=start + length)
                    yield Visit(appointment, [Turn(duty, own(self._day, left.booked_on))])
                    break


def _number(visits: Iterable[Visit], leftovers: Iterable[Leftover]) -> None:
    """Number appointments and jobs in the order in which they were booked."""
    booked: list[tuple[Appointment, Appointment | None]] = [
        *((visit.appointment, None) for visit in visits),
        *((leftover.appointment, leftover.first) for leftover in leftovers),
    ]
    numbers = Numbers(JOBS)
    for appointment, first in sorted(booked, key=lambda each: each[0].booked_on):
        booked_on = appointment.booked_on
        appointment.job_id = first.job_id if first else numbers.take(booked_on)
        appointment.id = numbers.take(booked_on)
        appointment.number = f"{appointment.job_id}-{2 if first else 1}"


def _first_time(duty: Duty, times: Iterable[Span], length: int) -> int:
    """Return the earliest possible start of something this long, in a shift or after it."""
    start = duty.begins + HOUR // 2
    for begins, ends in sorted(times):
        if start + length + _QUARTER <= begins:
            break
        start = max(start, ends + _QUARTER)
    return start


def _has_time(duty: Duty, times: Iterable[Span], span: Span) -> bool:
    """Return whether a shift has time for something, and for the way there and on."""
    start, end = span
    return (
        duty.begins + HOUR // 2 <= start
        and end <= duty.ends
        and not any(begins < end + _QUARTER and start - _QUARTER < ends for begins, ends in times)
    )

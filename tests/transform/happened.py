"""What happened in a week of the sandbox, told in Python from the versions that loads have seen.

It reads the sandbox's own table of versions and shares nothing with the models.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from tap_servicetitan_dispatch.sandbox.world.assignments import latest
from tap_servicetitan_dispatch.sandbox.world.instants import to_datetime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan_dispatch.sandbox.world.assignments import Appointment, Assignment
    from tap_servicetitan_dispatch.sandbox.world.bookings import Turn, Visit
    from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant

    Row = dict[str, Any]

ZONE = ZoneInfo("America/Chicago")
DELAY = timedelta(minutes=15)
LONGEST_VISIT = timedelta(hours=12)
UNDER_WAY = ("Dispatched", "Working")

Span = tuple[datetime, datetime]


def day_of(moment: datetime) -> date:
    """Return the contractor's day of a moment."""
    return moment.astimezone(ZONE).date()


def midnight(day: date) -> datetime:
    """Return when a day begins there."""
    return datetime(day.year, day.month, day.day, tzinfo=ZONE)


def instant(text: str | None) -> datetime | None:
    """Return the instant of a time as DuckDB writes it."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def hours(length: timedelta) -> float:
    return length / timedelta(hours=1)


class State(NamedTuple):
    """A stretch of time in which an assignment was seen in one state; the last one has no end."""

    since: datetime
    until: datetime | None
    status: str
    paused: bool
    active: bool


@dataclass(repr=False)
class Happened:
    """What the loads of a tenant have seen.

    Attributes:
        tenant: The tenant, as it is in the end.
        loads: When was loaded.
        brought: By load, the versions that it brought.
        forecasts: By load, the slots that it brought.
        visits: What was booked, and who had it when.
        at_work: By appointment, who really was there, from when to when.
    """

    tenant: Tenant
    loads: list[datetime]
    brought: dict[datetime, list[Assignment]]
    forecasts: dict[datetime, list[Row]]
    visits: list[Visit]
    at_work: dict[int, tuple[int, datetime, datetime]]
    seen: dict[int, list[Assignment]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for rows in self.brought.values():
            for row in rows:
                self.seen[row.id].append(row)

    @property
    def as_of(self) -> datetime:
        return self.loads[-1]

    def gap(self, moment: datetime) -> float | None:
        """Return the minutes between the loads around a moment, once the feed shows it."""
        shown = moment + DELAY
        before, after = bisect_right(self.loads, shown), bisect_left(self.loads, shown)
        if not before or after == len(self.loads):
            return None
        return (self.loads[after] - self.loads[before - 1]) / timedelta(minutes=1)

    @cached_property
    def states(self) -> dict[int, list[State]]:
        """By assignment, its states in order."""
        found = {}
        for number, rows in self.seen.items():
            changes: list[Assignment] = []
            for row in rows:
                last = changes[-1] if changes else None
                if last is None or (row.status, row.paused, row.active) != (
                    last.status,
                    last.paused,
                    last.active,
                ):
                    changes.append(row)
            begins = [to_datetime(row.modified_on) for row in changes]
            found[number] = [
                State(begin, end, row.status, row.paused, row.active)
                for row, begin, end in zip(changes, begins, [*begins[1:], None], strict=True)
            ]
        return found

    def first(self, number: int, status: str) -> datetime | None:
        """Return when an assignment was first seen in a status."""
        return next(
            (
                state.since
                for state in self.states[number]
                if state.active and state.status == status
            ),
            None,
        )

    def done(self, number: int) -> datetime | None:
        """Return when an assignment was done, if it is."""
        last = self.states[number][-1]
        return last.since if last.active and last.status == "Done" else None

    # Now

    @cached_property
    def current(self) -> list[Assignment]:
        """The assignments that hold, as seen last."""
        return [row for row in latest(rows[-1] for rows in self.seen.values()) if row.active]

    @cached_property
    def under_way(self) -> dict[int, tuple[Assignment, datetime, bool]]:
        """By assignment that is under way: the row, when it was begun, whether it was forgotten."""
        begun: dict[int, list[datetime]] = defaultdict(list)
        for number, rows in self.seen.items():
            working, sent = self.first(number, "Working"), self.first(number, "Dispatched")
            begun[rows[0].technician.id] += [
                each for each in (working, sent if self.done(number) else None) if each
            ]
        found = {}
        for row in self.current:
            if row.status in UNDER_WAY:
                since = self.first(row.id, row.status)
                assert since
                forgotten = any(other > since for other in begun[row.technician.id])
                forgotten |= since <= self.as_of - LONGEST_VISIT
                found[row.id] = row, since, forgotten
        return found

    def on_shift(self, kind: str) -> dict[int, Span]:
        """Return the shifts of a kind that go on now, by technician."""
        return {
            shift.technician_id: (to_datetime(shift.start), to_datetime(shift.end))
            for shift in self.tenant.shifts.current.values()
            if shift.active and shift.shift_type == kind
            if to_datetime(shift.start) <= self.as_of < to_datetime(shift.end)
        }

    @cached_property
    def away(self) -> dict[int, list[Span]]:
        """When technicians are away."""
        found: dict[int, list[Span]] = defaultdict(list)
        for shift in self.tenant.shifts.current.values():
            if shift.active and shift.shift_type == "TimeOff":
                span = to_datetime(shift.start), to_datetime(shift.end)
                found[shift.technician_id].append(span)
        for event in self.tenant.non_job_appointments.current.values():
            if event.active:
                found[event.technician_id].append(
                    (to_datetime(event.start), to_datetime(event.end))
                )
        return found

    @cached_property
    def shifts(self) -> dict[int, list[Span]]:
        """When technicians have normal shifts."""
        found: dict[int, list[Span]] = defaultdict(list)
        for shift in self.tenant.shifts.current.values():
            if shift.active and shift.shift_type == "Normal":
                span = to_datetime(shift.start), to_datetime(shift.end)
                found[shift.technician_id].append(span)
        return found

    def board(self) -> dict[int, tuple[Any, ...]]:
        """Return by technician: state, since when, appointment, next one, on shift, away until."""
        mine: dict[int, list[tuple[Assignment, datetime]]] = defaultdict(list)
        for row, since, forgotten in self.under_way.values():
            if not forgotten:
                mine[row.technician.id].append((row, since))
        on_shift, on_call = self.on_shift("Normal"), self.on_shift("OnCall")
        found = {}
        for technician in {*mine, *on_shift, *on_call}:
            at_work = [each for each in mine[technician] if each[0].status == "Working"]
            sent = [each for each in mine[technician] if each[0].status == "Dispatched"]
            order = [
                *sorted(at_work, key=lambda each: each[1], reverse=True),
                *sorted(sent, key=lambda each: each[1], reverse=True),
            ]
            until = [end for begin, end in self.away[technician] if begin <= self.as_of < end]
            first, second = ([each[0] for each in order] + [None, None])[:2]
            names = {("Working", True): "paused", ("Working", False): "on site"}
            state = "away" if until else "nothing under way"
            found[technician] = (
                names.get((first.status, first.paused), "on the way") if first else state,
                self.states[first.id][-1].since if first else None,
                first.appointment_id if first else None,
                second.appointment_id if second else None,
                technician in on_shift,
                max(until, default=None),
            )
        return found

    def really_at_work(self) -> dict[int, int]:
        """Return by lead who, when the feed was shown last, really was at an appointment."""
        now = self.as_of - DELAY
        return {
            technician: appointment
            for appointment, (technician, arrived, free) in self.at_work.items()
            if arrived <= now < free
        }

    # Days

    def busy(self) -> dict[int, list[tuple[datetime, datetime, str]]]:
        """Return what technicians were seen to be busy with, and when."""
        found: dict[int, list[tuple[datetime, datetime, str]]] = defaultdict(list)
        for number, states in self.states.items():
            going_on = number in self.under_way and not self.under_way[number][2]
            for state, after in pairwise([*states, None]):
                assert state
                until = state.until or (self.as_of if going_on else None)
                if not state.active or state.status not in UNDER_WAY or until is None:
                    continue
                if until - state.since >= LONGEST_VISIT:
                    continue
                kind = "on the way"
                if state.status == "Working":
                    kind = "paused" if state.paused else "on site"
                elif after and after.status == "Done":
                    kind = "arrival not seen"
                technician = self.seen[number][0].technician.id
                found[technician].append((state.since, until, kind))
        return found

    def days(self) -> Iterator[tuple[int, date, dict[str, Any]]]:
        """Yield technician, day, and what the day was made of: hours by kind, steps, visits."""
        busy = self.busy()
        signs: dict[tuple[int, date], list[tuple[datetime, str, Assignment]]] = defaultdict(list)
        crews: dict[int, set[int]] = defaultdict(set)
        for number, rows in self.seen.items():
            row = rows[-1]
            steps = {
                "Dispatched": self.first(number, "Dispatched"),
                "Working": self.first(number, "Working"),
                "Done": self.done(number),
            }
            for status, moment in steps.items():
                if moment:
                    signs[row.technician.id, day_of(moment)].append((moment, status, row))
            if steps["Done"]:
                crews[row.appointment_id].add(row.technician.id)
        day = day_of(self.loads[0])
        while day <= day_of(self.as_of):
            span = midnight(day), midnight(day + timedelta(days=1))
            for technician in self.tenant.company.technician:
                of_day = sorted(signs[technician, day], key=lambda sign: sign[0])
                spent = self._spent(technician, span, busy[technician])
                if not of_day and not spent:
                    continue
                done = {row.appointment_id for _, status, row in of_day if status == "Done"}
                arrived = [moment for moment, status, _ in of_day if status == "Working"]
                finished = [moment for moment, status, _ in of_day if status == "Done"]
                yield (
                    technician,
                    day,
                    {
                        **spent,
                        "visits": len(done),
                        "visits_in_crew": sum(len(crews[visit]) > 1 for visit in done),
                        "first_dispatched_on": (
                            of_day[0][0] if of_day and of_day[0][1] == "Dispatched" else None
                        ),
                        "first_arrived_on": min(arrived, default=None),
                        "last_done_on": max(finished, default=None),
                    },
                )
            day += timedelta(days=1)

    def _spent(
        self, technician: int, day: Span, busy: list[tuple[datetime, datetime, str]]
    ) -> dict[str, float]:
        """Return the hours of a technician's day: between two edges nothing changes."""
        spans = [
            *busy,
            *((*span, "shift") for span in self.shifts[technician]),
            *((*span, "away") for span in self.away[technician]),
        ]
        spans = [
            (max(begin, day[0]), min(end, day[1]), kind)
            for begin, end, kind in spans
            if begin < day[1] and end > day[0]
        ]
        edges = sorted({edge for begin, end, _ in spans for edge in (begin, end)} | {self.as_of})
        spent: dict[str, float] = defaultdict(float)
        for begin, end in pairwise(edges):
            kinds = {kind for low, high, kind in spans if low <= begin and end <= high}
            on_shift = "shift" in kinds
            order = ("on site", "paused", "arrival not seen", "on the way")
            kind = next((each for each in order if each in kinds), None)
            length = hours(end - begin)
            if on_shift:
                spent["shift"] += length
            if begin >= self.as_of:
                continue
            if kind:
                spent[kind] += length
                spent["overtime"] += 0 if on_shift else length
            elif on_shift:
                spent["away" if "away" in kinds else "idle"] += length
        return spent

    # Events

    def withdrawals(self) -> list[tuple[Assignment, datetime, bool]]:
        """Return the withdrawn rows, when that was, and whether somebody had been sent before."""
        found = []
        for rows in self.seen.values():
            for before, row in pairwise([None, *rows]):
                assert row
                if not row.active and (before is None or before.active):
                    sent = any(
                        one.status != "Scheduled"
                        for one in rows
                        if one.modified_on <= row.modified_on
                    )
                    found.append((row, to_datetime(row.modified_on), sent))
        return found

    def turn(self, appointment: int, technician: int, moment: datetime) -> Turn | None:
        """Return the turn at an appointment that a lead had until a moment, or in which it fell."""
        return next(
            (
                turn
                for turn in reversed(self._turns.get(appointment, []))
                if turn.duty.technician.id == technician and to_datetime(turn.since) < moment
            ),
            None,
        )

    @cached_property
    def _turns(self) -> dict[int, list[Turn]]:
        return {visit.appointment.id: visit.turns for visit in self.visits}

    def handovers(self) -> set[tuple[int, int, int, datetime]]:
        """Return appointment, from whom, to whom and when, of leads, as far as both was seen."""
        given = {
            (row.appointment_id, row.technician.id, row.created_on)
            for rows in self.seen.values()
            for row in rows
            if row.active
        }
        taken = {
            (row.appointment_id, row.technician.id, moment) for row, moment, _ in self.withdrawals()
        }
        return {
            (visit, before.duty.technician.id, after.duty.technician.id, to_datetime(after.since))
            for visit, turns in self._turns.items()
            for before, after in pairwise(turns)
            if (visit, before.duty.technician.id, to_datetime(before.until)) in taken
            and (visit, after.duty.technician.id, after.since) in given
        }

    @property
    def appointments(self) -> dict[int, Appointment]:
        """The appointments that somebody was assigned to."""
        return {rows[0].appointment_id: rows[0].appointment for rows in self.seen.values()}

    def arrivals(self) -> dict[int, datetime]:
        """Return when somebody was first seen at an appointment."""
        found: dict[int, datetime] = {}
        for number, rows in self.seen.items():
            arrived = self.first(number, "Working")
            if arrived:
                visit = rows[0].appointment_id
                found[visit] = min(arrived, found.get(visit, arrived))
        return found

    # Who is on shift for what

    def on_shift_on(self, day: date) -> dict[int, tuple[float, float]]:
        """Return by technician on shift the hours of shifts, and those that absences leave."""
        span = midnight(day), midnight(day + timedelta(days=1))
        found = {}
        for technician in self.tenant.company.technician:
            shifts, away = (
                [
                    (max(begin, span[0]), min(end, span[1]))
                    for begin, end in spans[technician]
                    if begin < span[1] and end > span[0]
                ]
                for spans in (self.shifts, self.away)
            )
            hours_of, left = 0.0, 0.0
            for begin, end in pairwise(
                sorted({edge for each in (*shifts, *away) for edge in each})
            ):
                if any(low <= begin and end <= high for low, high in shifts):
                    hours_of += hours(end - begin)
                    if not any(low <= begin and end <= high for low, high in away):
                        left += hours(end - begin)
            if shifts:
                found[technician] = hours_of, left
        return found

    def cover(self, day: date) -> dict[tuple[str, str], tuple[bool, set[int]]]:
        """Return by skill, zone and zip code: whether it is served on a day, and by whom."""
        at_work = {*self.on_shift_on(day)}
        found: dict[tuple[str, str], tuple[bool, set[int]]] = {}
        for skill in self.tenant.technician_skills.current.values():
            if skill.active:
                _, who = found.setdefault(("skill", str(skill.skill_id)), (True, set()))
                who |= {skill.technician_id} & at_work
        for zone in self.tenant.zones.current.values():
            if not zone.active:
                continue
            number = (day.weekday() + 1) % 7  # 0 for a Sunday
            served = not zone.service_days_enabled or number in zone.service_days
            members = {*zone.technicians} & at_work if served else set()
            found["zone", str(zone.id)] = served, members
            for zip_ in zone.zips:
                before = found.get(("zip", zip_), (False, set()))
                found["zip", zip_] = served or before[0], members | before[1]
        return found

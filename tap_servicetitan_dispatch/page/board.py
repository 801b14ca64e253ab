"""The board: where each technician was at each hour, on each of the loaded days."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple

from tap_servicetitan_dispatch.page.days import LocalDay, clock, moment
from tap_servicetitan_dispatch.page.marts import Marts, Row
from tap_servicetitan_dispatch.page.tenants import Tenant, shortened

FEED_DELAY = 15 * 60
"""Seconds for which the export feed hides a change."""
LONGEST = 12 * 60 * 60
"""Seconds after which a visit counts as one whose end was reported too late."""
LATE = 30
"""Minutes after the start of the shift at which a first dispatch counts as late; absences do not
count.
"""
HOLE = 90
"""Minutes without a load that are shown; hourly loads may be late."""
OVERLAP = 15
"""Minutes of work within an absence that are more than a meeting that began late."""
WITHDRAWN = "Withdrawn"
HOURS = {
    "hours_on_site": ("site", "On site"),
    "hours_paused": ("paused", "Paused"),
    "hours_on_the_way": ("way", "On the way"),
    "hours_arrival_not_seen": ("unseen", "Visit, arrival not seen"),
    "hours_away": ("away", "Time off, meetings"),
    "hours_unloaded": ("hole", "No load"),
    "hours_idle_at_most": ("idle", "Nothing seen: idle at most"),
}
"""Columns for the hours of a day: the look and the name of each. The hours without a load are part
of the marts' idle hours, and taken out of them here.
"""
_STATES = {("Dispatched", False): "way", ("Working", False): "site", ("Working", True): "paused"}
_UNDER_WAY = {"Dispatched", "Working"}
_QUARTER = 15


Span = tuple[float, float]
"""From and to when, in seconds since 1970."""


class Stretch(NamedTuple):
    """A time in which an assignment was seen in one state, in seconds since 1970."""

    technician: int
    assignment: int
    appointment: int | None
    job: int | None
    state: str
    begins: float
    ends: float


class Mark(NamedTuple):
    """Something of which only a moment is known.

    Attributes:
        kind: `done`: done, but the steps before were not seen. `edited`: done before the first
            load; this is the latest edit. `off`: the technician was withdrawn, and the appointment
            has nobody now. `over`: the same, but the appointment has somebody. `forgotten`: under
            way since then, and the end was never reported in time. `nobody`: the last technician
            was withdrawn.
    """

    kind: str
    technician: int | None
    appointment: int | None
    job: int | None
    at: float
    text: str


@dataclass(frozen=True)
class Facts:
    """What is known of a tenant's board, on all days.

    Attributes:
        names: Display names of technicians, by number.
        status: Status of each assignment that was not withdrawn, by number.
        stretches: What was seen under way, in the order of its beginning.
        marks: Moments of what was not seen under way.
        shifts: Shifts other than time off: `technician_id`, `shift_type`, `starts_at`, `ends_at`.
        away: Time away, with `technician_id`, `occasion`, `starts_at`, `ends_at`.
        technician_days: Rows of `dispatch_technician_day`, with `hours_unloaded` apart from
            `hours_idle_at_most`.
        dispatched: Technicians whose assignment is under way now, as reported, and not forgotten.
        forgotten: Assignments that are forgotten under way.
        scheduled: Number of scheduled assignments on any day, by technician.
        holes: Times without a load, from and to when, in seconds since 1970.
        seen_up_to: Until when the feed has shown what happened, in seconds since 1970.
    """

    names: dict[int, str]
    status: dict[int, str]
    stretches: list[Stretch]
    marks: list[Mark]
    shifts: list[Row]
    away: list[Row]
    technician_days: list[Row]
    dispatched: set[int]
    forgotten: set[int]
    scheduled: dict[int, int]
    holes: list[Span]
    seen_up_to: float

    def under_way(self, begins: float, ends: float) -> list[Stretch]:
        """Return what was seen under way in a time, by technician and assignment."""
        first = bisect_left(self.stretches, begins - LONGEST, key=_by_time)
        last = bisect_left(self.stretches, ends, key=_by_time)
        found = (each for each in self.stretches[first:last] if each.ends > begins)
        return sorted(found, key=_by_assignment)

    @cached_property
    def some_are_shared(self) -> bool:
        """Whether several technicians finished the same appointment."""
        done: set[tuple[int | None, int | None]] = {
            (each.appointment, each.technician)
            for each in self.stretches
            if self.status.get(each.assignment) == "Done"
        }
        done |= {(each.appointment, each.technician) for each in self.marks if each.kind == "done"}
        known = [appointment for appointment, _ in done if appointment is not None]
        return len(known) > len({*known})

    def name(self, technician: int | None) -> str:
        """Return the display name of a technician: the number, if no assignment gives the name."""
        return self.names.get(technician or 0, f"Technician {technician}")


def facts(marts: Marts, tenant: Tenant, names: dict[int, str], first: float) -> Facts:
    """Return what the marts know of a board.

    Args:
        marts: The marts.
        tenant: The tenant, which was loaded.
        names: Display names of technicians.
        first: From when on it is wanted, in seconds since 1970.

    Raises:
        MartsError: The marts cannot be read.
    """
    mine: dict[str, Any] = {"where": "tenant_id = ?", "values": (tenant.id,)}
    current = marts.rows(
        "current_assignments",
        "assignment_id",
        "technician_id",
        "status",
        where="tenant_id = ? and (modified_on >= to_timestamp(?) or status <> 'Done')",
        values=(tenant.id, first),
    )
    under_way = {
        row["assignment_id"]: row
        for row in marts.rows(
            "under_way", "assignment_id", "is_forgotten", "forgotten_because", **mine
        )
    }
    forgotten = {assignment for assignment, row in under_way.items() if row["is_forgotten"]}
    history = marts.rows(
        "assignment_history",
        "assignment_id",
        "technician_id",
        "appointment_id",
        "job_id",
        "status",
        "is_paused",
        "active",
        "seen_since:time",
        "seen_until:time",
        "last_modified_on:time",
        # What was done before, and stays so, is most of it
        where="tenant_id = ? and (seen_since >= to_timestamp(?) or seen_until > to_timestamp(?) "
        "or seen_until is null and status <> 'Done')",
        values=(tenant.id, first, first),
    )
    recent: dict[str, Any] = {
        "where": "tenant_id = ? and ends_at > to_timestamp(?)",
        "values": (tenant.id, first),
    }
    edited = max((row["last_modified_on"] for row in history), default=0)
    seen_up_to = max(edited, (tenant.last_load or 0) - FEED_DELAY)
    first_load = tenant.first_load or 0
    status = {row["assignment_id"]: row["status"] for row in current}
    stretches: list[Stretch] = []
    marks: list[Mark] = []
    history.sort(key=lambda row: (row["assignment_id"], row["seen_since"]))
    for assignment, states in groupby(history, key=lambda row: row["assignment_id"]):
        rows = [row for row in states if row["seen_until"] is not None or _counts(row, status)]
        for found in _seen(rows, seen_up_to, first_load, forgotten=assignment in forgotten):
            if isinstance(found, Mark):
                marks.append(found)
            else:
                stretches.append(found)
    marks += _withdrawals(marts, tenant, first)
    stretches = sorted((each for each in stretches if each.ends > first), key=_by_time)
    shifts = _shifts(marts, recent)
    away = marts.rows(
        "time_away", "technician_id", "occasion", "starts_at:time", "ends_at:time", **recent
    )
    holes = _holes(marts, tenant, first)
    busy = [(each.technician, each.begins, each.ends) for each in stretches]
    busy += [(each["technician_id"], each["starts_at"], each["ends_at"]) for each in away]
    unloaded = _unloaded(shifts, busy, holes)
    return Facts(
        names=names,
        status=status,
        stretches=stretches,
        marks=sorted((each for each in marks if each.at >= first), key=_in_order),
        shifts=shifts,
        away=away,
        technician_days=[
            _apart(row, unloaded.get(row["technician_id"], []), tenant.zone)
            for row in _technician_days(marts, tenant)
        ],
        dispatched={
            row["technician_id"]
            for row in current
            if row["status"] in _UNDER_WAY and row["assignment_id"] not in forgotten
        },
        forgotten=forgotten,
        scheduled=Counter(row["technician_id"] for row in current if row["status"] == "Scheduled"),
        holes=holes,
        seen_up_to=seen_up_to,
    )


def _counts(row: Row, status: dict[int, str]) -> bool:
    """Return whether a state without an end is real: an older row may look live after a later."""
    return row["status"] == "Done" or row["assignment_id"] in status


def _seen(
    states: list[Row], seen_up_to: float, first_load: float, *, forgotten: bool
) -> Iterator[Stretch | Mark]:
    """Yield what the states of an assignment tell."""
    any_stretch = False
    for row in states:
        keys = (row["technician_id"], row["appointment_id"], row["job_id"])
        state = _STATES.get((row["status"], row["is_paused"]))
        begins, lasts = row["seen_since"], row["seen_until"] is None
        if not row["active"]:
            continue
        if state:
            any_stretch = True
            ends = seen_up_to if lasts else row["seen_until"]
            if (lasts and forgotten) or ends - begins > LONGEST:
                said = "and never said to be over" if lasts else "and said to be over too late"
                yield Mark("forgotten", *keys, begins, f"{row['status']} since then, {said}")
            elif ends > begins:
                yield Stretch(keys[0], row["assignment_id"], *keys[1:], state, begins, ends)
        elif row["status"] == "Done" and not any_stretch:
            if begins < first_load:
                yield Mark("edited", *keys, begins, "Done before the first load, and edited then")
            else:
                yield Mark("done", *keys, begins, "Done; the way there and the work were not seen")


def _withdrawals(marts: Marts, tenant: Tenant, first: float) -> Iterator[Mark]:
    recent: dict[str, Any] = {
        "where": "tenant_id = ? and withdrawn_on >= to_timestamp(?)",
        "values": (tenant.id, first),
    }
    unassigned = marts.rows(
        "unassigned",
        "appointment_id",
        "job_id",
        "last_technician_name",
        "withdrawn_on:time",
        **recent,
    )
    alone = {row["appointment_id"] for row in unassigned}
    for row in marts.rows(
        "withdrawals",
        "technician_id",
        "appointment_id",
        "job_id",
        "withdrawn_on:time",
        "was_dispatched",
        **recent,
    ):
        when = "after dispatch" if row["was_dispatched"] else "before any dispatch was seen"
        keys = (row["technician_id"], row["appointment_id"], row["job_id"])
        kind = "off" if row["appointment_id"] in alone else "over"
        now = "nobody has it" if kind == "off" else "somebody has it"
        yield Mark(kind, *keys, row["withdrawn_on"], f"{WITHDRAWN} {when}; {now}")
    for row in unassigned:
        name = row["last_technician_name"]
        text = f"Nobody assigned since {clock(row['withdrawn_on'], tenant.zone)}"
        text += f"; it was {shortened(name)}'s" if name else ""
        keys = (None, row["appointment_id"], row["job_id"])
        yield Mark("nobody", *keys, row["withdrawn_on"], text)


def _shifts(marts: Marts, recent: dict[str, Any]) -> list[Row]:
    rows = marts.rows(
        "stg_technician_shifts",
        "technician_id",
        "shift_type",
        "active",
        "starts_at:time",
        "ends_at:time",
        **recent,
    )
    return [row for row in rows if row["active"] and row["shift_type"] != "TimeOff"]


def _holes(marts: Marts, tenant: Tenant, first: float) -> list[Span]:
    """Return times without a load, by when they began; one of them may be before the first load."""
    rows = marts.rows(
        "loads",
        "load_before:time",
        "loaded_at:time",
        where="tenant_id = ? and loaded_at > to_timestamp(?) and gap_minutes >= ?",
        values=(tenant.id, first, HOLE),
    )
    found = [(row["load_before"], row["loaded_at"]) for row in rows]
    begun = tenant.first_load or first
    return sorted(found + ([(first, begun)] if begun - first >= HOLE * 60 else []))


def _unloaded(
    shifts: list[Row], busy: list[tuple[int, float, float]], holes: list[Span]
) -> dict[int, list[Span]]:
    """Return the parts of normal shifts in which nothing was loaded and nothing is known."""
    found: dict[int, list[Span]] = {}
    if not holes:
        return found
    known: dict[int, list[Span]] = {}
    for technician, begins, ends in busy:
        known.setdefault(technician, []).append((begins, ends))
    for row in shifts:
        if row["shift_type"] == "Normal":
            technician = row["technician_id"]
            for since, until in holes:
                span = max(row["starts_at"], since), min(row["ends_at"], until)
                if span[0] < span[1]:
                    found.setdefault(technician, []).extend(_rest(span, known.get(technician, [])))
    return found


def _apart(row: Row, unloaded: list[Span], zone: str) -> Row:
    """Return a technician's day with the hours without a load apart from the idle ones."""
    idle, hours = row["hours_idle_at_most"], 0.0
    if unloaded and idle:
        day = LocalDay(date.fromisoformat(row["day"]), zone)
        hours = min(idle, _covered(unloaded, day.begins, day.ends) / 3600)
        idle -= hours
    return row | {"hours_unloaded": hours, "hours_idle_at_most": idle}


def _covered(spans: Iterable[Span], begins: float, ends: float) -> float:
    """Return the seconds of a time that are within some spans."""
    return ends - begins - sum(until - since for since, until in _rest((begins, ends), spans))


def _rest(span: Span, others: Iterable[Span]) -> Iterator[Span]:
    """Yield the parts of a span that are within none of some others."""
    begins, ends = span
    for since, until in sorted(others):
        if begins < min(since, ends):
            yield begins, min(since, ends)
        begins = max(begins, until)
    if begins < ends:
        yield begins, ends


def _technician_days(marts: Marts, tenant: Tenant) -> list[Row]:
    return marts.rows(
        "technician_day",
        "technician_id",
        "day:day",
        "visits",
        "shift_starts_at:time",
        "first_dispatched_on:time",
        "first_arrived_on:time",
        "last_done_on:time",
        "shift_hours:number",
        "hours_away:number",
        "hours_on_the_way:number",
        "hours_on_site:number",
        "hours_paused:number",
        "hours_arrival_not_seen:number",
        "hours_idle_at_most:number",
        "hours_overtime:number",
        "share_measured:number",
        "share_arrival_seen:number",
        "greatest_gap_minutes:number",
        where="tenant_id = ? and day >= cast(? as date)",
        values=(tenant.id, tenant.days[0]["day"]),
    )


class DayBoard:
    """The board of a day; minutes count from the beginning of the day.

    Args:
        facts: What is known.
        day: The day.

    Attributes:
        technicians: The technicians from top to bottom; those with a shift come first, in the order
            of its start.
    """

    def __init__(self, facts: Facts, day: LocalDay) -> None:
        self._facts = facts
        self._day = day
        self.shifts = [*self._spans(facts.shifts, "shift_type")]
        self.away = [*self._spans(facts.away, "occasion")]
        self.visits = [*self._visits()]
        self.holes = [span for hole in facts.holes if (span := day.span(*hole))]
        marks = [mark for mark in facts.marks if day.begins <= mark.at < day.ends]
        self.nobody = [mark for mark in marks if mark.kind == "nobody"]
        begins = {span[0]: span[2] for span in (*self.away, *self.shifts)}
        for technician, *_, states in self.visits:
            begins.setdefault(technician, states[0][1])
        for mark in marks:
            if mark.technician is not None and mark.kind != "edited":
                begins.setdefault(mark.technician, day.minute(mark.at))
        present = {span[0] for span in self.shifts if span[1] == "Normal"}
        self.technicians = sorted(
            begins, key=lambda one: (one not in present, begins[one], facts.name(one), one)
        )
        of_technicians = (mark for mark in marks if mark.technician is not None)
        self.marks = [mark for mark in of_technicians if mark.technician in begins]
        self.only_edited = len({mark.technician for mark in marks} - {*begins, None})
        self.edited = sum(mark.kind == "edited" for mark in marks)
        self.on_shift = len(present)

    @property
    def is_last(self) -> bool:
        """Whether nothing is known of a later day."""
        return self._day.begins <= self._facts.seen_up_to < self._day.ends

    @cached_property
    def late(self) -> list[dict[str, Any]]:
        """Technicians whose first dispatch was late or was not seen, the latest first."""
        found = []
        minute = self._day.minute
        for row in self.rows:
            left = row["first_dispatched_on"]
            begins = row["shift_starts_at"]
            until = left if left is not None else self._not_dispatched_until(row)
            if begins is None or until is None:
                continue
            # As clocks show them, so that the difference is that of what is read
            minutes = int(minute(until) // 1 - minute(begins) // 1)
            away = self._minutes_away(row["technician_id"], begins, until)
            unloaded = self._minutes_unloaded(minute(begins), minute(until))
            if minutes - away - unloaded >= LATE:
                found.append(
                    {
                        "technician": row["technician_id"],
                        "shift": minute(begins),
                        "left": None if left is None else minute(left),
                        "minutes": minutes,
                        "away": away,
                        "over": left is None and until == self._shift_ends(row),
                    }
                )
        return sorted(found, key=lambda each: (each["away"] - each["minutes"], each["technician"]))

    @cached_property
    def absent(self) -> list[tuple[int, int | None, str, float, float]]:
        """Who was at work while away: technician, appointment, occasion, and from and to when."""
        times: dict[int, list[list[Any]]] = {}
        for technician, *time in self.away:
            times.setdefault(technician, []).append(time)
        found = []
        for technician, appointment, _, _, _, _, states in self.visits:
            for occasion, begins, ends in times.get(technician, ()):
                shared = [
                    (max(begins, since), min(ends, until))
                    for state, since, until in states
                    if state != "paused" and since < ends and until > begins
                ]
                if sum(until - since for since, until in shared) >= OVERLAP:
                    found.append((technician, appointment, occasion, shared[0][0], shared[-1][1]))
        return found

    def _not_dispatched_until(self, row: Row) -> float | None:
        """Return until when somebody without a dispatch is known to have had none; none if never.

        Whoever arrived in hours without a load had none until these began.
        """
        arrived = row["first_arrived_on"]
        if arrived is not None:
            at = self._day.minute(arrived)
            holes = (since for since, until in self.holes if since < at <= until)
            return next((self._day.begins + since * 60 for since in holes), None)
        if not self.is_last or row["visits"] or row["technician_id"] in self._facts.dispatched:
            return None  # on a day that is over, who had no dispatch had no job
        return min(self._facts.seen_up_to, self._shift_ends(row))

    def _shift_ends(self, row: Row) -> float:
        """Return when the last normal shift of a technician's day ends; never if none is known."""
        mine = (span for span in self.shifts if span[:2] == (row["technician_id"], "Normal"))
        return self._day.begins + max((span[3] for span in mine), default=float("inf")) * 60

    def _minutes_away(self, technician: int, begins: float, ends: float) -> int:
        """Return the minutes of a time in which a technician was away."""
        absences = [
            (each["starts_at"], each["ends_at"])
            for each in self._facts.away
            if each["technician_id"] == technician
        ]
        return round(_covered(absences, begins, ends) / 60)

    def _minutes_unloaded(self, begins: float, ends: float) -> float:
        """Return for how many of some minutes nothing was loaded: a dispatch may be within them."""
        return sum(max(0.0, min(to, ends) - max(since, begins)) for since, to in self.holes)

    @property
    def is_unloaded(self) -> bool:
        """Whether nothing was loaded from its first minute to its last."""
        minutes = (self._day.ends - self._day.begins) / 60
        return self._longest_hole > minutes - 1

    @property
    def _longest_hole(self) -> float:
        return max((to - since for since, to in self.holes), default=0)

    @cached_property
    def rows(self) -> list[Row]:
        """The rows of `dispatch_technician_day`, in the order of the technicians."""
        today = f"{self._day.day}"
        mine = [row for row in self._facts.technician_days if row["day"] == today]
        place = {one: number for number, one in enumerate(self.technicians)}
        last = len(place)
        return sorted(
            mine, key=lambda row: (place.get(row["technician_id"], last), row["technician_id"])
        )

    @property
    def hours(self) -> tuple[int, int]:
        """The first and the last minute to show; nights on call count only if nothing else does."""
        shifts = [span for span in self.shifts if span[1] == "Normal"] or self.shifts
        begins = [span[2] for span in shifts] + [each[-1][0][1] for each in self.visits]
        ends = [span[3] for span in shifts] + [each[-1][-1][2] for each in self.visits]
        at = [self._day.minute(mark.at) for mark in self.marks if mark.kind != "edited"]
        seen = [self._day.minute(self._facts.seen_up_to)] if self.is_last else []
        first = min([*begins, *at, *seen], default=8 * 60) - _QUARTER
        last = max([*ends, *at, *seen], default=17 * 60) + _QUARTER
        return max(0, int(first // 60) * 60), min(self._day.minutes, -int(-last // 60) * 60)

    def _spans(self, rows: Iterable[Row], what: str) -> Iterator[tuple[int, str, float, float]]:
        begins, ends, minute = self._day.begins, self._day.ends, self._day.minute
        mine = [row for row in rows if row["starts_at"] < ends and row["ends_at"] > begins]
        mine.sort(key=lambda row: (row["technician_id"], row["starts_at"]))
        for row in mine:
            since, until = max(row["starts_at"], begins), min(row["ends_at"], ends)
            yield row["technician_id"], row[what], minute(since), minute(until)

    def _visits(self) -> Iterator[tuple[Any, ...]]:
        """Yield visits: technician, appointment, job, status, lane, lanes, states."""
        begins, ends, minute = self._day.begins, self._day.ends, self._day.minute
        seen = (
            (each, (minute(max(each.begins, begins)), minute(min(each.ends, ends))))
            for each in self._facts.under_way(begins, ends)
        )
        visits = []
        for (technician, assignment), found in groupby(seen, key=lambda pair: pair[0][:2]):
            pairs = list(found)
            states = [(each.state, *span) for each, span in pairs]
            first = pairs[0][0]
            status = self._facts.status.get(assignment, WITHDRAWN)
            visits.append((technician, first.appointment, first.job, status, states))
        for technician, each in groupby(visits, key=lambda visit: visit[0]):
            for visit, lane, lanes in _side_by_side(
                sorted(each, key=lambda visit: visit[-1][0][1])
            ):
                yield (technician, *visit[1:4], lane, lanes, visit[-1])

    @property
    def counted(self) -> int:
        """How many appointments were under way or done."""
        begun = {visit[1] for visit in self.visits}
        return len(begun | {mark.appointment for mark in self.marks if mark.kind == "done"})

    def shown(self) -> dict[str, Any]:
        """Return the board in the page's form."""
        place = {one: number for number, one in enumerate(self.technicians)}
        first, last = self.hours
        minute = self._day.minute
        return {
            "day": f"{self._day.day}",
            "title": self._day.title,
            "begins": self._day.begins,
            "hours": [first, last],
            "ticks": [tick for tick in self._day.full_hours if first <= tick[0] <= last],
            "seen": minute(self._facts.seen_up_to) if self.is_last else None,
            "technicians": self.technicians,
            "shifts": [(place[one], *rest) for one, *rest in self.shifts],
            "away": [(place[one], *rest) for one, *rest in self.away],
            "visits": [(place[one], *rest) for one, *rest in self.visits],
            "marks": [
                (place[mark.technician or 0], mark.kind, minute(mark.at), *mark[2:4], mark.text)
                for mark in self.marks
            ],
            "nobody": [
                (minute(mark.at), mark.appointment, mark.job, mark.text) for mark in self.nobody
            ],
            "holes": self.holes,
            "is_unloaded": self.is_unloaded,
            "absent": [(place[one], *rest) for one, *rest in self.absent],
            "late": self.late,
            "scheduled": (
                [self._facts.scheduled.get(one, 0) for one in self.technicians]
                if self.is_last
                else []
            ),
            "hours_of": [_hours_of(row) for row in self.rows],
            "sentence": self.sentence,
            "only_edited": self.only_edited,
        }

    @property
    def told(self) -> str:
        """A sentence about a first load."""
        forgotten = self._facts.forgotten
        known = self._facts.status.items()
        states = Counter(status for assignment, status in known if assignment not in forgotten)
        kinds = Counter(mark.kind for mark in self._facts.marks)
        waiting = _many(states["Scheduled"], "assignment waits", "assignments wait")
        done = kinds["edited"] + kinds["done"]
        return (
            f"What it tells: {waiting}, {states['Dispatched']} on the way, {states['Working']} at "
            f"work, {len(forgotten)} forgotten under way; on this day {done} done, or edited after "
            f"that, and {kinds['off'] + kinds['over']} withdrawn; {_on_shift(self.on_shift)}, "
            f"{_many(len(self.away), 'absence is', 'absences are')} known."
        )

    @property
    def sentence(self) -> str:
        """A sentence about what the board shows."""
        forgotten = sum(mark.kind == "forgotten" for mark in self.marks)
        late = self.late
        hours = round(self._longest_hole / 60)
        unloaded = "no load on this day" if self.is_unloaded else f"no load for up to {hours} h"
        told = [
            *([unloaded] if self._longest_hole >= HOLE else []),
            _on_shift(self.on_shift),
            f"{_many(self.counted, 'visit was', 'visits were')} seen under way or done",
        ]
        more = [
            (
                sum(each["left"] is not None for each in late),
                f"first dispatch {LATE} minutes or more after shift start",
                f"first dispatches {LATE} minutes or more after shift start",
            ),
            (
                sum(each["left"] is None for each in late),
                "technician on shift not dispatched",
                "technicians on shift not dispatched",
            ),
            (self.edited, "done before the first load", "done before the first load"),
            (forgotten, "visit forgotten under way", "visits forgotten under way"),
            (len(self.nobody), "appointment with nobody", "appointments with nobody"),
            (len(self.absent), "visit during time away", "visits during time away"),
        ]
        told += [_many(number, one, several) for number, one, several in more if number]
        halves = any(visit[5] == 2 for visit in self.visits)  # noqa: PLR2004 - lanes
        half = " A bar of half height: two visits at once." if halves else ""
        return f"{self._day.title}: {', '.join(told)}.{half}"


def _hours_of(row: Row) -> dict[str, Any]:
    """Return a technician's day in the page's form."""
    return {
        "technician": row["technician_id"],
        "visits": row["visits"],
        "hours": [_rounded(row[column]) for column in HOURS],
        "overtime": _rounded(row["hours_overtime"]),
        "seen": _rounded(row["share_measured"]),
        "arrival_seen": _rounded(row["share_arrival_seen"]),
        "gap": _rounded(row["greatest_gap_minutes"]),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _in_order(mark: Mark) -> tuple[float, str, int, int]:
    return mark.at, mark.kind, mark.technician or 0, mark.appointment or 0


def _by_time(stretch: Stretch) -> float:
    return stretch.begins


def _by_assignment(stretch: Stretch) -> tuple[int, int, float]:
    return stretch.technician, stretch.assignment, stretch.begins


def _on_shift(number: int) -> str:
    return f"{_many(number, 'technician has', 'technicians have')} a shift"


def _many(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"


def _side_by_side(visits: list[tuple[Any, ...]]) -> Iterator[tuple[tuple[Any, ...], int, int]]:
    """Yield visits, with lane and number of lanes; overlapping visits have different lanes."""
    cluster: list[tuple[tuple[Any, ...], int]] = []
    ends: list[float] = []
    for visit in visits:
        begins, end = visit[-1][0][1], visit[-1][-1][2]
        if ends and begins >= max(ends):
            yield from ((each, lane, len(ends)) for each, lane in cluster)
            cluster, ends = [], []
        free = (lane for lane, taken in enumerate(ends) if taken <= begins)
        lane = next(free, len(ends))
        ends[lane : lane + 1] = [end]
        cluster.append((visit, lane))
    yield from ((each, lane, len(ends)) for each, lane in cluster)


def told_up_to(facts: Facts, zone: str) -> str:
    """Return until when the board is known, in words."""
    return f"Seen up to {moment(facts.seen_up_to, zone)}, {zone}."

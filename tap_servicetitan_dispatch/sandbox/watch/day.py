"""The board of a tenant's day: who was on the way, on site, away, and since when.

The API keeps no history. The world remembers all versions of rows since midnight, so the board
shows what a client would know that had asked all the time.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import msgspec

from tap_servicetitan_dispatch.sandbox.watch.times import Times
from tap_servicetitan_dispatch.sandbox.world.assignments import Assignment
from tap_servicetitan_dispatch.sandbox.world.instants import HOUR
from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant

MOST_LINES = 200
"""Maximum number of lines; nobody looks at more."""
_LONGEST_VISIT = 12 * HOUR
"""After a longer visit, the technician has forgotten to report the end."""
_WORKING_DAY = 7, 18
"""Hours that are shown on any day."""


class Thing(msgspec.Struct):
    """Something on the board: a span of time, or a mark without a width.

    Attributes:
        key: Its key on the page.
        kind: Its kind.
        left: Where it begins, in percent of the board's hours.
        width: How long it is, in the same percent.
        lane: Its lane; visits at the same time are below one another.
        says: Its meaning, in words.
    """

    key: str
    kind: str
    left: float
    width: float
    lane: int
    says: str


class Line(msgspec.Struct):
    """A technician's day.

    Attributes:
        id: Number of the technician.
        name: Name of the technician.
        state: The technician's present state.
        says: The same in words.
        lanes: Number of visits at the same time.
        things: What to draw, from back to front.
    """

    id: int
    name: str
    state: str
    says: str
    lanes: int
    things: list[Thing]


class Hour(msgspec.Struct):
    """An hour of the board, and its place."""

    at: float
    name: str


class Board(msgspec.Struct):
    """The board of a day.

    Attributes:
        headline: The present situation, in a sentence.
        now: Where the present is, in percent of the board's hours.
        hours: The hours shown.
        lines: The technicians with hours, a visit or time away today, by name.
        left_out: Number of technicians left out.
    """

    headline: str
    now: float
    hours: list[Hour]
    lines: list[Line]
    left_out: int


_UNDER_WAY = {"on-the-way": "On the way", "on-site": "On site", "paused": "Paused"}
_ENDED = {"done": "Done", "withdrawn": "Taken back"}
_PRESENT = {"Normal": ("shift", "Shift"), "OnCall": ("on-call", "On call")}


def _kind(row: Assignment) -> str:
    if not row.active:
        return "withdrawn"
    if row.status == "Working":
        return "paused" if row.paused else "on-site"
    return {"Dispatched": "on-the-way", "Done": "done"}.get(row.status, "scheduled")


class _Part(NamedTuple):
    """A part of a visit, or its end, which has no length."""

    kind: str
    starts: int
    ends: int
    is_over: bool
    row: Assignment


def _parts(versions: Iterable[Assignment], now: int) -> Iterator[_Part]:
    """Yield the parts of an assignment that was dispatched.

    If the first known version is already done, something else was edited.
    """
    before = ""
    for kind, rows in groupby(versions, _kind):
        same = [*rows]
        first, last = same[0], same[-1]
        starts, ends = first.modified_on, min(last.until, now)
        if kind in _UNDER_WAY and ends - starts <= _LONGEST_VISIT:
            yield _Part(kind, starts, ends, last.until <= now, last)
        elif (kind == "done" and before) or (kind == "withdrawn" and before in _UNDER_WAY):
            yield _Part(kind, starts, starts, is_over=True, row=first)
        before = kind


class _Span(NamedTuple):
    """Hours of a technician, or hours away."""

    is_away: bool
    starts: int
    ends: int
    kind: str
    words: str
    key: str


@dataclass(frozen=True)
class _Axis:
    """The hours of the board."""

    begins: int
    ends: int

    def at(self, instant: int) -> float:
        """Return where an instant is, in percent, limited to the axis."""
        inside = min(max(instant, self.begins), self.ends)
        return round(100 * (inside - self.begins) / (self.ends - self.begins), 4)

    def width(self, starts: int, ends: int) -> float:
        """Return the length of a span, in percent."""
        return round(self.at(ends) - self.at(starts), 4)


class Day:
    """A tenant's day up to now.

    Args:
        tenant: Its world, brought up to the clock.
        times: How times are written.
    """

    def __init__(self, tenant: Tenant, times: Times) -> None:
        self._tenant = tenant
        self._times = times
        self._visits = self._visits_by_technician()
        self._axis = self._hours_shown()

    def board(self) -> Board:
        """Return the board."""
        spans = self._spans_by_technician()
        names = {one.id: one.name for one in self._tenant.company.technician.values()}
        lines = [
            self._line(id_, names.get(id_) or f"Technician {id_}", spans[id_], self._visits[id_])
            for id_ in sorted({*spans, *self._visits})
        ]
        lines.sort(key=lambda line: line.name)
        return Board(
            headline=self._headline(lines),
            now=self._axis.at(self._tenant.now),
            hours=[
                Hour(self._axis.at(instant), self._times.short(instant)[:2])
                for instant in range(self._axis.begins, self._axis.ends + 1, HOUR)
            ],
            lines=lines[:MOST_LINES],
            left_out=max(0, len(lines) - MOST_LINES),
        )

    def _visits_by_technician(self) -> defaultdict[int, list[list[_Part]]]:
        """Return the parts of the visits that were under way today."""
        midnight, now = self._times.midnight, self._tenant.now
        versions: defaultdict[int, list[Assignment]] = defaultdict(list)
        for row in self._tenant.assignments.told(midnight - _LONGEST_VISIT):
            versions[row.id].append(row)
        visits: defaultdict[int, list[list[_Part]]] = defaultdict(list)
        for rows in versions.values():
            parts = [part for part in _parts(rows, now) if part.ends >= midnight]
            if parts:
                visits[rows[0].technician.id].append(parts)
        for each in visits.values():
            each.sort(key=lambda parts: parts[0].starts)
        return visits

    def _hours_shown(self) -> _Axis:
        """Return the hours of a working day, and any others in which something happened."""
        times, now = self._times, self._tenant.now
        parts = [part for each in self._visits.values() for parts in each for part in parts]
        first = min([times.at(_WORKING_DAY[0]), now, *(part.starts for part in parts)])
        last = max([times.at(_WORKING_DAY[1]), now, *(part.ends for part in parts)])
        return _Axis(
            begins=max(first // HOUR * HOUR, times.midnight),
            ends=min(-(-last // HOUR) * HOUR, times.next_midnight),
        )

    def _spans_by_technician(self) -> defaultdict[int, list[_Span]]:
        spans: defaultdict[int, list[_Span]] = defaultdict(list)

        def add(technician: int, span: _Span) -> None:
            if span.starts < self._axis.ends and span.ends > self._axis.begins:
                spans[technician].append(span)

        for shift in self._tenant.shifts.current.values():
            if shift.active:
                kind, words = _PRESENT.get(shift.shift_type, ("away", shift.title))
                key = f"shift-{shift.id}"
                span = _Span(kind == "away", shift.start, shift.end, kind, words, key)
                add(shift.technician_id, span)
        for occasion in self._tenant.non_job_appointments.current.values():
            if occasion.active:
                begins, ends, key = occasion.start, occasion.end, f"occasion-{occasion.id}"
                span = _Span(True, begins, ends, "away", occasion.name, key)  # noqa: FBT003 - a field
                add(occasion.technician_id, span)
        for each in spans.values():
            each.sort(key=lambda span: (span.is_away, span.starts))  # the last one lies in front
        return spans

    def _line(
        self, technician: int, name: str, spans: list[_Span], visits: list[list[_Part]]
    ) -> Line:
        things = [
            Thing(
                key=span.key,
                kind=span.kind,
                left=self._axis.at(span.starts),
                width=self._axis.width(span.starts, span.ends),
                lane=0,
                says=f"{span.words}, {self._from_to(span.starts, span.ends)}",
            )
            for span in spans
        ]
        free_from = [0]
        for parts in visits:
            starts = parts[0].starts
            lane = next((at for at, end in enumerate(free_from) if end <= starts), len(free_from))
            free_from[lane : lane + 1] = [parts[-1].ends]
            things += [self._part(part, lane) for part in parts]
        state, says = self._state(spans, visits)
        return Line(technician, name, state, says, len(free_from), things)

    def _part(self, part: _Part, lane: int) -> Thing:
        if part.kind in _ENDED:
            words = f"{_ENDED[part.kind]} at {self._times.short(part.starts)}"
        elif part.is_over:
            words = f"{_UNDER_WAY[part.kind]}, {self._from_to(part.starts, part.ends)}"
        else:
            words = f"{_UNDER_WAY[part.kind]} since {self._times.short(part.starts)}"
        return Thing(
            key=f"{part.row.id}-{part.kind}-{part.starts}",
            kind=part.kind,
            left=self._axis.at(part.starts),
            width=self._axis.width(part.starts, part.ends),
            lane=lane,
            says=f"{words}, appointment {part.row.appointment_id}",
        )

    def _from_to(self, starts: int, ends: int) -> str:
        return f"{self._times.short(starts)} to {self._times.short(ends)}"

    def _state(self, spans: list[_Span], visits: list[list[_Part]]) -> tuple[str, str]:
        """Return what a technician does now, and the same in words."""
        now, short = self._tenant.now, self._times.short
        under_way = [parts[-1] for parts in visits if not parts[-1].is_over]
        if under_way:
            latest = max(under_way, key=lambda part: part.starts)
            says = f"{_UNDER_WAY[latest.kind]} since {short(latest.starts)}"
            arrivals = [
                next(part.starts for part in parts if part.kind == "on-site")
                for parts in visits
                if parts[-1].kind == "on-site" and not parts[-1].is_over
            ]
            if latest.kind == "on-the-way" and arrivals:
                says += f"; visit since {short(min(arrivals))} not closed"
            return latest.kind, says
        for span in reversed([span for span in spans if span.starts <= now < span.ends]):
            match span.kind:
                case "away":
                    return "away", f"{span.words} until {short(span.ends)}"
                case "shift":
                    return "free", f"Free, on shift until {short(span.ends)}"
                case _:
                    return "on-call", f"On call until {short(span.ends)}"
        coming = [span.starts for span in spans if span.starts > now and not span.is_away]
        return "off", f"Off until {short(min(coming))}" if coming else "Off duty"

    def _headline(self, lines: Iterable[Line]) -> str:
        counts: Mapping[str, int] = {
            state: sum(line.state == state for line in lines) for state in (*_UNDER_WAY, "free")
        }
        ends = [parts[-1].kind for each in self._visits.values() for parts in each]
        return (
            f"{counts['on-site']} on site, {counts['on-the-way']} on the way, "
            f"{counts['paused']} paused, {counts['free']} free; "
            f"visits done since midnight: {ends.count('done')}"
        )

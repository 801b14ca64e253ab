"""The board: where each technician was at each hour of a day."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from tap_servicetitan_dispatch.page.days import LocalDay
from tap_servicetitan_dispatch.page.facts import HOLE, WITHDRAWN, Facts, Span, covered
from tap_servicetitan_dispatch.page.marts import Row

LATE = 30
"""Minutes after the start of the shift at which a first dispatch counts as late; absences do not
count.
"""
OVERLAP = 15
"""Minutes of work within an absence that are more than a meeting that began late."""
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
of the marts' idle hours, and taken out of them in `facts`.
"""
_QUARTER = 15


@dataclass(frozen=True)
class FirstDispatches:
    """The first dispatches of a day, and who had none.

    Attributes:
        facts: What is known.
        day: The day.
        shifts: Its shifts, as `DayBoard` has them.
        holes: Minutes without a load, from and to when.
    """

    facts: Facts
    day: LocalDay
    shifts: list[tuple[int, str, float, float]]
    holes: list[Span]

    def late(self, rows: Iterable[Row]) -> list[dict[str, Any]]:
        """Return the technicians whose first dispatch was late or not seen, the latest first.

        Args:
            rows: Those of `dispatch_technician_day`.
        """
        found = []
        minute = self.day.minute
        for row in rows:
            left = row["first_dispatched_on"]
            begins = row["shift_starts_at"]
            until = left if left is not None else self._none_until(row)
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

    def _none_until(self, row: Row) -> float | None:
        """Return until when somebody without a dispatch is known to have had none; none if never.

        Whoever arrived in hours without a load had none until these began.
        """
        arrived = row["first_arrived_on"]
        if arrived is not None:
            at = self.day.minute(arrived)
            holes = (since for since, until in self.holes if since < at <= until)
            return next((self.day.begins + since * 60 for since in holes), None)
        if (
            not self.facts.end_on(self.day)
            or row["visits"]
            or row["technician_id"] in self.facts.dispatched
        ):
            return None  # on a day that is over, who had no dispatch had no job
        return min(self.facts.seen_up_to, self._shift_ends(row))

    def _shift_ends(self, row: Row) -> float:
        """Return when the last normal shift of a technician's day ends; never if none is known."""
        mine = (span for span in self.shifts if span[:2] == (row["technician_id"], "Normal"))
        return self.day.begins + max((span[3] for span in mine), default=float("inf")) * 60

    def _minutes_away(self, technician: int, begins: float, ends: float) -> int:
        """Return the minutes of a time in which a technician was away."""
        absences = [
            (each["starts_at"], each["ends_at"])
            for each in self.facts.away
            if each["technician_id"] == technician
        ]
        return round(covered(absences, begins, ends) / 60)

    def _minutes_unloaded(self, begins: float, ends: float) -> float:
        """Return for how many of some minutes nothing was loaded: a dispatch may be within them."""
        return sum(max(0.0, min(to, ends) - max(since, begins)) for since, to in self.holes)


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
        self.facts = facts
        self.day = day
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
        self.is_last = facts.end_on(day)
        dispatches = FirstDispatches(facts, day, self.shifts, self.holes)
        self.late = dispatches.late(self.rows)

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

    @property
    def is_unloaded(self) -> bool:
        """Whether nothing was loaded from its first minute to its last."""
        minutes = (self.day.ends - self.day.begins) / 60
        return self.longest_hole > minutes - 1

    @property
    def longest_hole(self) -> float:
        """The minutes of the longest time without a load."""
        return max((to - since for since, to in self.holes), default=0)

    @cached_property
    def rows(self) -> list[Row]:
        """The rows of `dispatch_technician_day`, in the order of the technicians."""
        today = f"{self.day.day}"
        mine = [row for row in self.facts.technician_days if row["day"] == today]
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
        at = [self.day.minute(mark.at) for mark in self.marks if mark.kind != "edited"]
        seen = [self.day.minute(self.facts.seen_up_to)] if self.is_last else []
        first = min([*begins, *at, *seen], default=8 * 60) - _QUARTER
        last = max([*ends, *at, *seen], default=17 * 60) + _QUARTER
        return max(0, int(first // 60) * 60), min(self.day.minutes, -int(-last // 60) * 60)

    def _spans(self, rows: Iterable[Row], what: str) -> Iterator[tuple[int, str, float, float]]:
        begins, ends, minute = self.day.begins, self.day.ends, self.day.minute
        mine = [row for row in rows if row["starts_at"] < ends and row["ends_at"] > begins]
        mine.sort(key=lambda row: (row["technician_id"], row["starts_at"]))
        for row in mine:
            since, until = max(row["starts_at"], begins), min(row["ends_at"], ends)
            yield row["technician_id"], row[what], minute(since), minute(until)

    def _visits(self) -> Iterator[tuple[Any, ...]]:
        """Yield visits: technician, appointment, job, status, lane, lanes, states."""
        begins, ends, minute = self.day.begins, self.day.ends, self.day.minute
        seen = (
            (each, (minute(max(each.begins, begins)), minute(min(each.ends, ends))))
            for each in self.facts.under_way(begins, ends)
        )
        visits = []
        for (technician, assignment), found in groupby(seen, key=lambda pair: pair[0][:2]):
            pairs = list(found)
            states = [(each.state, *span) for each, span in pairs]
            first = pairs[0][0]
            status = self.facts.status.get(assignment, WITHDRAWN)
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
        minute = self.day.minute
        return {
            "day": f"{self.day.day}",
            "title": self.day.title,
            "begins": self.day.begins,
            "hours": [first, last],
            "ticks": [tick for tick in self.day.full_hours if first <= tick[0] <= last],
            "seen": minute(self.facts.seen_up_to) if self.is_last else None,
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
                [self.facts.scheduled.get(one, 0) for one in self.technicians]
                if self.is_last
                else []
            ),
            "hours_of": [_hours_of(row) for row in self.rows],
            "sentence": sentence(self),
            "only_edited": self.only_edited,
        }


def first_load(board: DayBoard) -> str:
    """Return a sentence about a first load."""
    forgotten = board.facts.forgotten
    known = board.facts.status.items()
    states = Counter(status for assignment, status in known if assignment not in forgotten)
    kinds = Counter(mark.kind for mark in board.facts.marks)
    waiting = _many(states["Scheduled"], "assignment waits", "assignments wait")
    done = kinds["edited"] + kinds["done"]
    return (
        f"What it tells: {waiting}, {states['Dispatched']} on the way, {states['Working']} at "
        f"work, {len(forgotten)} forgotten under way; on this day {done} done, or edited after "
        f"that, and {kinds['off'] + kinds['over']} withdrawn; {_on_shift(board.on_shift)}, "
        f"{_many(len(board.away), 'absence is', 'absences are')} known."
    )


def sentence(board: DayBoard) -> str:
    """Return a sentence about what the board shows."""
    forgotten = sum(mark.kind == "forgotten" for mark in board.marks)
    late = board.late
    hours = round(board.longest_hole / 60)
    unloaded = "no load on this day" if board.is_unloaded else f"no load for up to {hours} h"
    told = [
        *([unloaded] if board.longest_hole >= HOLE else []),
        _on_shift(board.on_shift),
        f"{_many(board.counted, 'visit was', 'visits were')} seen under way or done",
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
        (board.edited, "done before the first load", "done before the first load"),
        (forgotten, "visit forgotten under way", "visits forgotten under way"),
        (len(board.nobody), "appointment with nobody", "appointments with nobody"),
        (len(board.absent), "visit during time away", "visits during time away"),
    ]
    told += [_many(number, one, several) for number, one, several in more if number]
    halves = any(visit[5] == 2 for visit in board.visits)  # noqa: PLR2004 - lanes
    half = " A bar of half height: two visits at once." if halves else ""
    return f"{board.day.title}: {', '.join(told)}.{half}"


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

"""The dispatch board of a day: technicians by hours, assignments coloured by status."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from itertools import groupby
from math import ceil, floor
from typing import Any, NamedTuple

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from examples.database import Marts, latest_change, technicians
from examples.look import AXES_WIDTH, INK, headline, legend, pale, picture

# Okabe and Ito's colours, which people who see colours differently can tell apart.
COLOURS = {
    "Scheduled": "#CC79A7",
    "Dispatched": "#E69F00",
    "Working": "#0072B2",
    "Done": "#009E73",
}
SHIFTS = {"Normal": "#e8ecf0", "OnCall": "#f6eed8"}
LABELS = {"Normal": "Shift", "OnCall": "On call"}
AWAY = "#7d848e"
HATCH = "//////"

ROW_INCHES = 0.45
# Where things lie within a row, which is 1 high: top and height.
SHIFT = (-0.44, 0.88)
VISIT = (-0.37, 0.44)
OCCASION = (0.12, 0.25)
LETTER_INCHES = 0.062

PRESENT = """
select technician_id, shift_type, cast(starts_at as timestamp), cast(ends_at as timestamp)
from dispatch_stg_technician_shifts
where tenant_id = :tenant and active and shift_type <> 'TimeOff'
  and starts_at < :after and ends_at > :day
order by 1, 2, 3, 4
"""
ABSENT = """
select technician_id, occasion, cast(starts_at as timestamp), cast(ends_at as timestamp)
from dispatch_time_away
where tenant_id = :tenant and starts_at < :after and ends_at > :day
order by 1, 2, 3, 4
"""
# Of a state that lasts nobody knows more than what was seen up to the latest change. What was begun
# on an earlier day, but for its last hours, and still is not done was forgotten.
STATES = """
with seen as (
  select max(last_modified_on) as up_to from dispatch_assignment_history where tenant_id = :tenant
),
states as (
  select
    history.*,
    coalesce(
      seen_until,
      case when history.status = 'Done' then seen_since else (select up_to from seen) end
    ) as ended_at
  from dispatch_assignment_history as history
  where tenant_id = :tenant and status in ('Dispatched', 'Working', 'Done')
)
select
  states.technician_id,
  latest.status,
  states.assignment_id,
  states.status,
  states.is_paused,
  cast(states.seen_since as timestamp),
  cast(states.ended_at as timestamp)
from states
join dispatch_current_assignments as latest
  on latest.tenant_id = states.tenant_id and latest.assignment_id = states.assignment_id
where states.seen_since < :after and states.ended_at >= :day
  and (states.seen_until is not null or states.seen_since >= :day - interval '6 hours')
order by 1, 3, 6
"""
SCHEDULED = """
select technician_id, count(*)
from dispatch_current_assignments
where tenant_id = :tenant and status = 'Scheduled'
group by technician_id
"""


class Span(NamedTuple):
    """Something that takes a technician's time, from hour to hour of the day."""

    technician: int
    what: str
    begins: float
    ends: float


class Step(NamedTuple):
    """A state that an assignment was seen in, from hour to hour; being done takes no time."""

    status: str
    paused: bool
    begins: float
    ends: float


class Visit(NamedTuple):
    """An assignment and what was seen of it. Of overlapping visits each gets a lane of its own."""

    technician: int
    status: str
    steps: list[Step]
    lane: int = 0
    lanes: int = 1

    @property
    def begins(self) -> float:
        """The hour from which on it was seen to be under way."""
        return self.steps[0].begins

    @property
    def ends(self) -> float:
        """The hour up to which it was seen to be under way."""
        return self.steps[-1].ends

    @property
    def only_done(self) -> bool:
        """Whether nothing was seen but that it is done."""
        return self.steps[0].status == "Done"


class Board:
    """What the board of a day shows; hours are those of the wall clock, from midnight on.

    Args:
        marts: The marts.
        day: The day, in their time zone; that of the latest change if not given.

    Raises:
        NothingLoadedError: There is no assignment in the marts.
    """

    def __init__(self, marts: Marts, day: date | None = None) -> None:
        self._marts = marts
        latest = latest_change(marts)
        self.day = day or latest.date()
        self.seen_up_to = self._hour(latest)
        self.is_today = latest.date() == self.day
        self.shifts = self._spans(PRESENT)
        self.away = self._spans(ABSENT)
        self.visits = self._visits()
        self.scheduled: dict[int, int] = dict(marts.rows(SCHEDULED))
        self.names = technicians(marts)
        begins = {span.technician: span.begins for span in (*self.away, *self.shifts)}
        for visit in self.visits:
            begins.setdefault(visit.technician, visit.begins)
        present = {span.technician for span in self.shifts}
        self.technicians = sorted(
            begins, key=lambda one: (one not in present, begins[one], self.name(one))
        )

    def _spans(self, query: str) -> list[Span]:
        return [
            Span(technician, what, self._hour(begins), self._hour(ends))
            for technician, what, begins, ends in self._rows(query)
        ]

    def _visits(self) -> list[Visit]:
        visits = [
            Visit(
                technician,
                status,
                [
                    Step(step, paused, self._hour(begins), self._hour(ends))
                    for *_, step, paused, begins, ends in rows
                ],
            )
            for (technician, status, _), rows in groupby(
                self._rows(STATES), key=lambda row: row[:3]
            )
        ]
        visits.sort(key=lambda visit: (visit.technician, visit.begins))
        return [visit for cluster in _clusters(visits) for visit in _side_by_side(cluster)]

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._marts.rows(query, day=self.day, after=self.day + timedelta(days=1))

    def _hour(self, moment: datetime) -> float:
        return (moment - datetime.combine(self.day, time())) / timedelta(hours=1)

    def name(self, technician: int) -> str:
        """Return what to call a technician; by number if no assignment tells the name."""
        return self.names.get(technician, str(technician))

    @property
    def hours(self) -> tuple[int, int]:
        """The first and the last whole hour to show: days off and nights would make it too long."""
        shifts = [one for one in self.shifts if one.what == "Normal"] or self.shifts
        under_way = [visit for visit in self.visits if not visit.only_done]
        begins = [one.begins for one in shifts] + [one.begins for one in under_way]
        ends = [one.ends for one in shifts] + [one.ends for one in under_way]
        seen = [self.seen_up_to] if self.is_today else []
        first, last = min([*begins, *seen], default=8), max([*ends, *seen], default=17)
        return max(0, floor(first - 0.25)), min(24, ceil(last + 0.25))


def _clusters(visits: list[Visit]) -> list[list[Visit]]:
    """Return the visits in groups, each of which overlaps with no other."""
    clusters: list[list[Visit]] = []
    for visit in visits:
        last = clusters[-1] if clusters else []
        if any(each.technician == visit.technician and each.ends > visit.begins for each in last):
            last.append(visit)
        else:
            clusters.append([visit])
    return clusters


def _side_by_side(cluster: list[Visit]) -> list[Visit]:
    """Return the visits of a group, each in the first lane that is free when it begins."""
    ends: list[float] = []
    lanes = []
    for visit in cluster:
        free = (lane for lane, end in enumerate(ends) if end <= visit.begins)
        lane = next(free, len(ends))
        ends[lane : lane + 1] = [visit.ends]
        lanes.append(lane)
    return [
        visit._replace(lane=lane, lanes=len(ends))
        for visit, lane in zip(cluster, lanes, strict=True)
    ]


def draw(board: Board, timezone: str) -> Figure:
    """Return the picture of a board."""
    figure, axes = picture(len(board.technicians), ROW_INCHES)
    first, last = board.hours
    axes.set_xlim(first, last)
    for hour in range(first, last + 1):
        axes.axvline(hour, color="white", linewidth=1, zorder=1.1)
    axes.set_xticks(range(first, last + 1), [f"{hour:02d}:00" for hour in range(first, last + 1)])
    axes.set_yticks(range(len(board.technicians)), [board.name(one) for one in board.technicians])

    rows = {technician: row for row, technician in enumerate(board.technicians)}
    for shift in board.shifts:
        colour = SHIFTS.get(shift.what, SHIFTS["Normal"])
        _bar(axes, rows[shift.technician], SHIFT, shift.begins, shift.ends, color=colour, zorder=1)
    for away in board.away:
        _occasion(axes, rows[away.technician], away)
    for visit in board.visits:
        _visit(axes, rows[visit.technician], visit)
    if board.is_today:
        _seen_up_to(axes, board)
        _scheduled(axes, board)
    legend(figure, _legend(board))
    headline(
        figure,
        f"Dispatch board, {board.day:%A} {board.day.day} {board.day:%B %Y}",
        f"Hours in {timezone}. A bar begins when the technician sets out and ends when the work is "
        "done; its colour is the status now.",
    )
    return figure


def _bar(
    axes: Axes, row: int, lane: tuple[float, float], begins: float, ends: float, **look: Any
) -> None:
    top, height = lane
    look = {"linewidth": 0, **look}
    axes.add_patch(Rectangle((begins, row + top), ends - begins, height, **look))


def _occasion(axes: Axes, row: int, away: Span) -> None:
    _bar(axes, row, OCCASION, away.begins, away.ends, color=AWAY, zorder=2)
    first, last = axes.get_xlim()
    begins, ends = max(first, away.begins), min(last, away.ends)
    letter = LETTER_INCHES * (last - first) / AXES_WIDTH
    if ends - begins > len(away.what) * letter:
        axes.text(
            (begins + ends) / 2,
            row + OCCASION[0] + OCCASION[1] / 2,
            away.what,
            size=7,
            color="white",
            ha="center",
            va="center",
            zorder=3,
        )


def _visit(axes: Axes, row: int, visit: Visit) -> None:
    colour = COLOURS.get(visit.status, INK)
    top, height = VISIT
    lane = (top + visit.lane * height / visit.lanes, height / visit.lanes)
    for step in visit.steps:
        span = (step.begins, step.ends)
        if step.status == "Done":
            continue
        if step.paused:
            look: dict[str, Any] = {
                "facecolor": "white",
                "edgecolor": colour,
                "hatch": HATCH,
                "linewidth": 1,
            }
            _bar(axes, row, lane, *span, zorder=3, **look)
        else:
            was_on_the_way = step.status == "Dispatched" != visit.status
            _bar(axes, row, lane, *span, color=pale(colour) if was_on_the_way else colour, zorder=3)
    if visit.only_done:
        axes.plot(
            visit.ends, row + lane[0] + lane[1] / 2, "D", color=colour, markersize=4, zorder=3
        )
    else:  # told apart from the next one
        axes.vlines(visit.begins, row + lane[0], row + sum(lane), color="white", zorder=4)


def _seen_up_to(axes: Axes, board: Board) -> None:
    axes.axvline(board.seen_up_to, color=INK, linewidth=1.2, linestyle=(0, (3, 2)), zorder=1.2)
    hour, minute = divmod(int(board.seen_up_to * 60), 60)
    axes.annotate(
        f"seen up to {hour:02d}:{minute:02d}",
        (board.seen_up_to, 1),
        (0, 4),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        size=8,
        ha="center" if board.seen_up_to < axes.get_xlim()[1] - 1 else "right",
    )


def _scheduled(axes: Axes, board: Board) -> None:
    """Write beside each row how many assignments wait: for when, the Dispatch API does not say."""
    beside: dict[str, Any] = {
        "xycoords": ("axes fraction", "data"),
        "textcoords": "offset points",
        "ha": "center",
        "annotation_clip": False,
    }
    box = {"boxstyle": "round,pad=0.3", "linewidth": 0, "facecolor": COLOURS["Scheduled"]}
    for row, technician in enumerate(board.technicians):
        if number := board.scheduled.get(technician):
            axes.annotate(str(number), (1, row), (28, 0), va="center_baseline", bbox=box, **beside)
    axes.annotate("scheduled", (1, -0.5), (28, 4), size=8, **beside)


def _legend(board: Board) -> Iterable[Artist]:
    """Yield what is in the picture, and nothing else."""
    present = {visit.status for visit in board.visits}
    if board.is_today and board.scheduled.keys() & set(board.technicians):
        present.add("Scheduled")
    for status in [*filter(present.__contains__, COLOURS), *sorted(present - COLOURS.keys())]:
        note = ", for any day" if status == "Scheduled" else ""
        yield Patch(color=COLOURS.get(status, INK), linewidth=0, label=status + note)
    steps = [(visit, step) for visit in board.visits for step in visit.steps]
    if any(step.status == "Dispatched" != visit.status for visit, step in steps):
        yield Patch(color=pale(INK), linewidth=0, label="Paler: was on the way")
    if any(step.paused for _, step in steps):
        yield Patch(facecolor="white", edgecolor=INK, hatch=HATCH, label="Paused")
    first, last = board.hours
    if any(visit.only_done and first <= visit.ends <= last for visit in board.visits):
        yield Line2D(
            [],
            [],
            marker="D",
            color=COLOURS["Done"],
            markersize=4,
            linewidth=0,
            label="Done, beginning not seen",
        )
    for kind in sorted({shift.what for shift in board.shifts}):
        yield Patch(
            color=SHIFTS.get(kind, SHIFTS["Normal"]), linewidth=0, label=LABELS.get(kind, kind)
        )
    if board.away:
        yield Patch(color=AWAY, linewidth=0, label="Non-job appointment, time off")

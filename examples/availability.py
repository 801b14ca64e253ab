"""Availability by technician and week: how much of the shifts is left for jobs."""

from datetime import date, timedelta
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from examples.database import Marts, latest_change, technicians
from examples.look import GREY, INK, headline, note, picture

ROW_INCHES = 0.34
WEEKS_BACK, WEEKS_AHEAD = 10, 2
# The less is left, the darker; below the first share it stays as dark, as most weeks are far above.
COLOURS = LinearSegmentedColormap.from_list("left for jobs", ["#005b94", "#58a5d3", "#f1f5f9"])
SHARES = Normalize(0.5, 1, clip=True)
LIGHT = 0.68

HOURS = """
select technician_id, cast(date_trunc('week', day) as date), sum(shift_hours), sum(hours_for_jobs)
from dispatch_technician_availability
where tenant_id = :tenant and day between :first and :last
group by 1, 2
order by 1, 2
"""


class Hours(NamedTuple):
    """The hours of shifts, and what is left of them for jobs."""

    of_shifts: float
    for_jobs: float

    @property
    def share(self) -> float:
        """What is left, from 0 to 1."""
        return self.for_jobs / self.of_shifts


class Availability:
    """Technicians by weeks, from some weeks before that of the latest change to some after it.

    Args:
        marts: The marts.

    Raises:
        NothingLoadedError: There is no assignment in the marts.
    """

    def __init__(self, marts: Marts) -> None:
        today = latest_change(marts).date()
        monday = today - timedelta(days=today.weekday())
        self.weeks = [
            monday + timedelta(weeks=week) for week in range(-WEEKS_BACK, WEEKS_AHEAD + 1)
        ]
        last = self.weeks[-1] + timedelta(days=6)
        rows = marts.rows(HOURS, first=self.weeks[0], last=last)
        self.hours = {(one, week): Hours(*hours) for one, week, *hours in rows}
        names = technicians(marts)
        self.names = {one: names.get(one, str(one)) for one, _ in self.hours}
        self.technicians = sorted(self.names, key=lambda one: (self.names[one], one))

    def of_all(self, week: date) -> Hours | None:
        """Return the hours of all technicians in a week; nothing if nobody has a shift."""
        found = [hours for (_, each), hours in self.hours.items() if each == week]
        if not found:
            return None
        return Hours(sum(each.of_shifts for each in found), sum(each.for_jobs for each in found))


def draw(availability: Availability, timezone: str) -> Figure:
    """Return the picture: a cell for each technician and week, and a row for all of them."""
    weeks, last = availability.weeks, len(availability.technicians)
    figure, axes = picture(last + 1, ROW_INCHES)
    axes.set_xlim(-0.5, len(weeks) - 0.5)
    for column, week in enumerate(weeks):
        for row, technician in enumerate(availability.technicians):
            _cell(axes, row, column, availability.hours.get((technician, week)))
        _cell(axes, last, column, availability.of_all(week), weight="bold")
    axes.axhline(last - 0.5, color=INK, linewidth=1.2)
    axes.axvline(WEEKS_BACK + 0.5, color=INK, linewidth=1.2, linestyle=(0, (3, 2)))
    axes.annotate(
        "planned",
        (WEEKS_BACK + 0.5, 1),
        (4, 4),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        size=8,
    )
    axes.set_xticks(range(len(weeks)), [f"{week.day} {week:%b}" for week in weeks])
    names = [availability.names[one] for one in availability.technicians]
    axes.set_yticks(range(last + 1), [*names, "All"])
    headline(
        figure,
        "Availability by technician and week",
        "Of the hours of normal shifts, the share that non-job appointments and time off leave "
        "for jobs.",
    )
    note(
        figure,
        f"Weeks by their Mondays, in {timezone}. The darker, the less is left. A dash: no shifts.",
    )
    return figure


def _cell(axes: Axes, row: int, column: int, hours: Hours | None, **text: Any) -> None:
    centred: dict[str, Any] = {"ha": "center", "va": "center_baseline", "size": 8.5}
    if hours is None:
        axes.text(column, row, "\u2013", color=GREY, **centred)
        return
    colour = COLOURS(SHARES(hours.share))
    axes.add_patch(
        Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, edgecolor="white", linewidth=1)
    )
    ink = INK if hours.share > LIGHT else "white"
    axes.text(column, row, f"{hours.share:.0%}", color=ink, **centred, **text)

"""The charts of a tenant: what each shows, how much of it was seen, and the table behind it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from tap_servicetitan_dispatch.page.board import HOURS
from tap_servicetitan_dispatch.page.days import LocalDay, apart, local, moment, short
from tap_servicetitan_dispatch.page.facts import Facts, Span
from tap_servicetitan_dispatch.page.marts import Marts, Row
from tap_servicetitan_dispatch.page.tenants import Tenant, natural

NOT_SERVED = "\N{EN DASH}"
IDLE = (
    "Work between two loads that nobody saw counts as idle, and so does a visit that was forgotten "
    "under way: idle is that much at most."
)
NOT_YET = "Not known yet: this was the first load. Hours appear from the second load on."
_SHARED = " An appointment with two technicians counts as two assignments."
_BEFORE = " {} also has what was done before the first load and edited on that day."
_MOST_COVERS = 40
_COVER_DAYS = 14


@dataclass(frozen=True)
class Series:
    """A colour of a chart.

    Attributes:
        name: Its meaning.
        look: Its colour and pattern.
        values: A value for each label; none if there is nothing.
    """

    name: str
    look: str
    values: list[float | None]


@dataclass(frozen=True)
class Table:
    """The numbers behind a chart.

    Attributes:
        columns: The headings, with units.
        rows: Texts and numbers; none if nothing is known.
    """

    columns: list[str]
    rows: list[list[Any]]


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        id: Its name within the page.
        title: A sentence that says what is shown.
        seen: How much of it was seen, and what it leaves out.
        kind: `columns` stand, `bars` lie, `cells` are a table of colours, and a `table` is no more
            than its numbers.
        axis: What is measured, with its unit.
        unit: What one of it is called: `assignment`, `min`, `%`.
        labels: What the bars, or the columns of cells, are of.
        series: The colours, one upon the other; of cells, each is a row.
        texts: What is written into the cells.
        unloaded: The places of labels that are days without a load.
        table: The numbers behind it.
        missing: What is missing and which setting brings it; none if there is something to show.
    """

    id: str
    title: str
    seen: str = ""
    kind: str = "columns"
    axis: str = ""
    unit: str = ""
    labels: Sequence[str] = ()
    series: Sequence[Series] = ()
    texts: Sequence[Sequence[str]] = ()
    unloaded: Sequence[int] = ()
    table: Table | None = None
    missing: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return it in the page's form."""
        return asdict(self)


def charts(marts: Marts, tenant: Tenant, facts: Facts) -> list[Chart]:
    """Return the charts of a tenant that has days, in the order of the page.

    Raises:
        MartsError: The marts cannot be read.
    """
    mine: dict[str, Any] = {"where": "tenant_id = ?", "values": (tenant.id,)}
    days = [row["day"] for row in tenant.days]
    recent: dict[str, Any] = {
        "where": "tenant_id = ? and day >= cast(? as date)",
        "values": (tenant.id, days[0]),
    }
    unloaded = [place for place, row in enumerate(tenant.days) if not row["loads"]]
    found = [
        done(
            marts.rows("coverage", "day:day", "done", "measured", "arrival_seen", **recent),
            days,
            some_are_shared=facts.some_are_shared,
            has_first_load=tenant.first_load is not None
            and f"{local(tenant.first_load, tenant.zone):%Y-%m-%d}" == days[0],
        ),
        where_hours_went(facts.technician_days, days, tenant, facts.shifts, facts.holes),
        dispatch_to_done(tenant),
        withdrawals(
            marts.rows("withdrawals", "day:day", "assigned_by_id", "was_dispatched", **recent), days
        ),
        handovers(
            marts.rows("handovers", "day:day", "handed_over_by_id", "was_dispatched", **recent),
            days,
        ),
        capacity(
            marts.rows(
                "capacity_ahead",
                "day:day",
                "business_unit_key",
                "hours:number",
                "hours_open:number",
                "hours_sold:number",
                "hours_sold_a_week_before:number",
                "forecast_on:time",
                **mine,
            ),
            tenant,
        ),
        cover(
            marts.rows(
                "cover",
                "day:day",
                "cover",
                "cover_key",
                "cover_name",
                "is_served",
                "zones",
                "technicians",
                "hours_left_by_absence:number",
                **mine,
            )
        ),
        arrivals(
            marts.rows(
                "arrivals", "day:day", "is_on_time", "arrived_on:time", "done_on:time", **recent
            ),
            days,
        ),
    ]
    labels = [_until(day, tenant) for day in days]
    return [
        replace(each, unloaded=unloaded, labels=each.labels if each.id == "hours" else labels)
        if each.kind == "columns" and each.missing is None
        else each
        for each in found
    ]


def done(
    rows: list[Row],
    days: list[str],
    *,
    some_are_shared: bool = False,
    has_first_load: bool = False,
) -> Chart:
    """Return how many assignments were done each day, and how much of them was seen."""
    title = "Assignments that were done each day, by how much of each was seen"
    sums = _sums(rows, lambda row: row["day"], "done", "measured", "arrival_seen")
    found = [sums.get(day, [0, 0, 0]) for day in days]
    total, measured, arrived = (sum(column) for column in zip(*found, strict=True))
    if not total:
        return Chart("done", title, missing="Nothing was done on these days, as far as was seen.")
    return Chart(
        "done",
        title,
        f"Of {total} assignments, {_percent(measured, total)} were seen from their dispatch on, "
        f"and {_percent(arrived, total)} of all with their arrival. What came and went between two "
        "loads was not seen."
        + (_SHARED if some_are_shared else "")
        + (_BEFORE.format(short(days[0])) if has_first_load else ""),
        axis="Assignments done",
        unit="assignment",
        labels=[short(day) for day in days],
        series=[
            Series("Dispatch, arrival and end seen", "done", [each[2] for each in found]),
            Series("Arrival not seen", "unseen", [each[1] - each[2] for each in found]),
            Series("Dispatch not seen", "partly", [each[0] - each[1] for each in found]),
        ],
        table=Table(
            ["Day", "Done", "Seen from dispatch on", "Arrival seen as well", "Seen (%)"],
            [[day, *each, _share(each[1], each[0])] for day, each in zip(days, found, strict=True)],
        ),
    )


def where_hours_went(
    rows: list[Row], days: list[str], tenant: Tenant, shifts: list[Row], holes: list[Span]
) -> Chart:
    """Return where the hours of all technicians went, by day, as shares that add up."""
    title = "Where the hours of all technicians went, as shares of each day"
    sums = _sums(rows, lambda row: row["day"], *HOURS, "hours_overtime")
    found = [sums.get(day, [0.0] * (len(HOURS) + 1)) for day in days]
    wholes = [sum(each[:-1]) for each in found]
    if not any(wholes):
        return Chart("hours", title, missing=_no_hours(tenant, shifts))
    return Chart(
        "hours",
        title,
        "A whole is the hours below the day, those of normal shifts and overtime, up to the last "
        f"load. {IDLE} It is close to the truth where loads are ten minutes apart.",
        axis="Share of hours (%)",
        unit="%",
        labels=[
            _of_hours(day, whole, tenant, holes) for day, whole in zip(days, wholes, strict=True)
        ],
        series=[
            Series(
                name,
                look,
                [_share(each[place], whole) for each, whole in zip(found, wholes, strict=True)],
            )
            for place, (look, name) in enumerate(HOURS.values())
        ],
        table=Table(
            ["Day", *(f"{name} (h)" for _, name in HOURS.values()), "Of these, overtime (h)"],
            [[day, *map(_tenth, each)] for day, each in zip(days, found, strict=True)],
        ),
    )


def _of_hours(day: str, whole: float, tenant: Tenant, holes: list[Span]) -> str:
    """Return the label of a day with its hours, and those of them in which nothing was loaded."""
    told = f"{short(day)}, {round(whole, 1 if whole < 10 else None):g} h"  # noqa: PLR2004 - digits
    whole_day = LocalDay(date.fromisoformat(day), tenant.zone)
    spans = (whole_day.span(*hole) for hole in holes)
    unseen = round(sum(span[1] - span[0] for span in spans if span) / 60)
    return _until(day, tenant, f"{told}, {unseen} h unseen" if unseen else told)


def _until(day: str, tenant: Tenant, label: str = "") -> str:
    """Return the label of a day, with until when it is known if not to its end."""
    loaded = local(tenant.last_load or 0, tenant.zone)
    told = label or short(day)
    return f"{told}, until {loaded:%H:%M}" if f"{loaded:%Y-%m-%d}" == day else told


def _no_hours(tenant: Tenant, shifts: list[Row]) -> str:
    """Return why no hours are known."""
    if tenant.is_first_load:
        return NOT_YET
    if shifts:
        return "No hours are known of these days: no shift had begun by the last load."
    return (
        "No technician had a shift on these days. Select the stream technician_shifts: without it "
        "nobody is on shift."
    )


def dispatch_to_done(tenant: Tenant) -> Chart:
    """Return the median time from dispatch to done, by day."""
    title = "Half of all assignments took no longer than this from dispatch to done"
    rows = tenant.days
    medians = [row["median_minutes_dispatch_to_done"] for row in rows]
    if all(each is None for each in medians):
        return Chart(
            "dispatch-to-done",
            title,
            missing="No assignment was seen from its dispatch to its end yet. Load every ten "
            "minutes, and keep the history: in a database, name appointment_assignments in "
            "keep_history.",
        )
    gap = max(row["greatest_gap_minutes"] or 0 for row in rows)
    return Chart(
        "dispatch-to-done",
        title,
        "Of those that were seen from their dispatch on; the table has their share. Loads were up "
        f"to {apart(gap)} apart, and short ones that fall in between are missing.",
        axis="Minutes, median",
        unit="min",
        labels=[short(row["day"]) for row in rows],
        series=[Series("Dispatch to done", "soft", [_tenth(each) for each in medians])],
        table=Table(
            [
                "Day",
                "Median (min)",
                "Seen (%)",
                "Greatest gap between loads (min)",
                "Loaded after its end",
            ],
            [
                [
                    row["day"],
                    _tenth(row["median_minutes_dispatch_to_done"]),
                    _share(row["share_measured"], 1),
                    _tenth(row["greatest_gap_minutes"]),
                    "yes" if row["is_whole_day"] else "no",
                ]
                for row in rows
            ],
        ),
    )


def withdrawals(rows: list[Row], days: list[str]) -> Chart:
    """Return how often appointments were withdrawn, by the user who had assigned them."""
    return _by_user(
        "withdrawals",
        "Appointments withdrawn from a technician, grouped by who had assigned them (who withdrew "
        "them is not known)",
        f"{_period(days)} All are seen in the end, but not always whether it was after dispatch. "
        "Withdrawn from a crew of two counts twice.",
        [row | {"user": row["assigned_by_id"]} for row in rows if row["day"] in days],
        "No appointment was withdrawn from a technician on these days.",
    )


def handovers(rows: list[Row], days: list[str]) -> Chart:
    """Return how often appointments went from one technician to another, by the user."""
    return _by_user(
        "handovers",
        "Appointments that went from one technician to another, by the user who did it",
        f"{_period(days)} Withdrawn from one, and assigned to another within the hour after, or "
        "the five minutes before.",
        [row | {"user": row["handed_over_by_id"]} for row in rows if row["day"] in days],
        "No appointment went from one technician to another on these days.",
    )


def _period(days: list[str]) -> str:
    return f"{short(days[0])} to {short(days[-1])}."


def _by_user(name: str, title: str, seen: str, rows: list[Row], missing: str) -> Chart:
    if not rows:
        return Chart(name, title, missing=missing)
    counts: dict[int | None, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        counts[row["user"]][bool(row["was_dispatched"])] += 1
    users = sorted(counts, key=lambda user: (-sum(counts[user]), user or 0))
    labels = ["Nobody named" if user is None else f"User {user}" for user in users]
    return Chart(
        name,
        title,
        seen,
        kind="bars",
        axis="Times",
        unit="time",
        labels=labels,
        series=[
            Series("Before dispatch", "soft", [counts[user][0] for user in users]),
            Series("After dispatch", "bad", [counts[user][1] for user in users]),
        ],
        table=Table(
            ["User", "Before dispatch", "After dispatch"],
            [[label, *counts[user]] for label, user in zip(labels, users, strict=True)],
        ),
    )


def capacity(rows: list[Row], tenant: Tenant) -> Chart:
    """Return which hours are open and sold, by business unit and day to come."""
    title = "Hours left to sell, by business unit and day; bluer is fuller"
    if not rows:
        return Chart(
            "capacity",
            title,
            missing="No future slots are loaded. They come with the stream capacities: add it to "
            "extra_streams, grant the scope tn.dis.capacity:w, and set timezone.",
        )
    names = ("hours", "hours_open", "hours_sold", "hours_sold_a_week_before")
    sums = _sums(rows, lambda row: (row["business_unit_key"], row["day"]), *names)
    units = sorted({row["business_unit_key"] for row in rows}, key=_numbers)
    days = sorted({row["day"] for row in rows})
    oldest = min(row["forecast_on"] for row in rows)
    return Chart(
        "capacity",
        title,
        f"As forecast at {moment(oldest, tenant.zone)} or later. A slot that has begun is left "
        "out. Business units that share their slots share a row, as nobody can tell whose hours "
        "are whose.",
        kind="cells",
        axis="Hours sold of all hours (%)",
        labels=[short(day) for day in days],
        series=[
            Series(
                _unit(unit),
                "shade",
                [
                    _share(each[2], each[0]) if (each := sums.get((unit, day))) else None
                    for day in days
                ],
            )
            for unit in units
        ],
        texts=[
            [
                f"{_tenth(each[1]):g} h left of {_tenth(each[0]):g}"
                if (each := sums.get((unit, day)))
                else ""
                for day in days
            ]
            for unit in units
        ],
        table=Table(
            ["Business unit", "Day", "Hours", "Open (h)", "Sold (h)", "Sold a week before (h)"],
            [
                [_unit(unit), day, *map(_tenth, sums[unit, day])]
                for unit in units
                for day in days
                if (unit, day) in sums
            ],
        ),
    )


def cover(rows: list[Row]) -> Chart:
    """Return how many technicians there are for each skill and zone, by day."""
    title = "Technicians on shift for each skill and zone, by day; a bold 0 is nobody"
    shown = [row for row in rows if row["cover"] in {"skill", "zone"}]
    if not shown:
        return Chart(
            "cover",
            title,
            missing="No skill and no zone is there. Select the streams technician_skills, zones "
            "and technician_shifts.",
        )
    doubled = len({row["cover_key"] for row in rows if (row["zones"] or 0) > 1})
    keys = sorted(
        {(row["cover"], row["cover_name"] or "", row["cover_key"]) for row in shown},
        key=lambda texts: natural(*texts),
    )
    days = sorted({row["day"] for row in shown})[:_COVER_DAYS]
    found = {(row["cover"], row["cover_key"], row["day"]): row for row in shown}
    names = [f"{kind.capitalize()} {name or key}" for kind, name, key in keys]
    table = [
        [
            name,
            day,
            row["technicians"],
            _tenth(row["hours_left_by_absence"]),
            "yes" if row["is_served"] else "no",
        ]
        for name, (kind, _, key) in zip(names, keys, strict=True)
        for day in days
        if (row := found.get((kind, key, day)))
    ]
    keys, names = keys[:_MOST_COVERS], names[:_MOST_COVERS]
    cells = [[found.get((kind, key, day)) for day in days] for kind, _, key in keys]
    left_out = len({row[0] for row in table}) - len(names)
    return Chart(
        "cover",
        title,
        "By skills, zones and shifts as they are now. A dash is a day on which the zone is not "
        "served."
        + (f" Zip codes in more than one zone, mostly by mistake: {doubled}." if doubled else "")
        + (f" In the table only: {left_out} more." if left_out > 0 else ""),
        kind="cells",
        axis="Technicians",
        labels=[short(day) for day in days],
        series=[
            Series(
                name,
                "shade",
                [row["technicians"] if row and row["is_served"] else None for row in row_of],
            )
            for name, row_of in zip(names, cells, strict=True)
        ],
        texts=[
            [
                "" if row is None else str(row["technicians"]) if row["is_served"] else NOT_SERVED
                for row in row_of
            ]
            for row_of in cells
        ],
        table=Table(
            ["Skill or zone", "Day", "Technicians", "Hours left by absences (h)", "Served"], table
        ),
    )


def arrivals(rows: list[Row], days: list[str]) -> Chart:
    """Return how many arrivals were on time, by day."""
    title = "Appointments by whether somebody came before the promised window was over"
    counts: dict[str, list[int]] = {day: [0, 0, 0, 0] for day in days}
    for row in rows:
        if row["day"] in counts:
            counts[row["day"]][_arrival(row)] += 1
    found = [counts[day] for day in days]
    total = sum(map(sum, found))
    if not total:
        return Chart(
            "arrivals",
            title,
            missing="No arrival windows are there: the Dispatch API does not tell them. If another "
            "tap loads the appointments of the Jobs API, name its table in dispatch_appointments.",
        )
    seen = sum(each[0] + each[1] for each in found)
    names = ["On time", "Late", "Done, but arrival not seen", "No arrival so far, or cancelled"]
    looks = ["done", "bad", "unseen", "soft"]
    return Chart(
        "arrivals",
        title,
        f"Of {total} appointments, of {_percent(seen, total)} an arrival was seen. Of the others "
        "nothing is said; short visits are missing rather than long ones.",
        axis="Appointments",
        unit="appointment",
        labels=[short(day) for day in days],
        series=[
            Series(name, look, [each[place] for each in found])
            for place, (name, look) in enumerate(zip(names, looks, strict=True))
        ],
        table=Table(["Day", *names], [[day, *each] for day, each in zip(days, found, strict=True)]),
    )


def _arrival(row: Row) -> int:
    if row["is_on_time"] is not None:
        return 0 if row["is_on_time"] else 1
    return 2 if row["done_on"] is not None else 3


def freshness(rows: list[Row], tenant: Tenant) -> Chart:
    """Return which streams are complete, and since when."""
    title = "Whether each stream is all there, and when it was last read to its end"
    if not rows:
        return Chart(
            "freshness",
            title,
            missing="Not known: add sync_log to extra_streams.",
        )
    rows = sorted(rows, key=lambda row: (row["outcome"] == "complete", row["stream"]))
    counted = [max(row["missing_rows"], 0) for row in rows if row["missing_rows"] is not None]
    missing, unknown = sum(counted), len(rows) - len(counted)
    bad = [row for row in rows if row["outcome"] in {"failed", "doubtful"}]
    told = f"{len(bad)} of {len(rows)} streams did not end well. " if bad else ""
    if counted:
        told += f"{missing} {'row is' if missing == 1 else 'rows are'} missing. "
    if unknown:
        told += f"For {unknown} of {len(rows)} streams it is not known how many rows are missing. "
    return Chart(
        "freshness",
        title,
        f"{told}What was added while a stream was read, and what the feed does not show yet, is "
        "missing for a while.",
        kind="table",
        table=Table(
            [
                "Stream",
                "Last try",
                "Last complete read",
                "Rows of the API",
                "Rows here",
                "Missing",
                "Why",
            ],
            [
                [
                    row["stream"],
                    row["outcome"],
                    "never"
                    if row["complete_at"] is None
                    else moment(row["complete_at"], tenant.zone),
                    row["source_rows"],
                    row["loaded_rows"],
                    row["missing_rows"],
                    row["reason"],
                ]
                for row in rows
            ],
        ),
    )


def _sums(rows: Iterable[Row], key: Callable[[Row], Any], *names: str) -> dict[Any, list[Any]]:
    """Return the sums of some columns by a key."""
    found: dict[Any, list[Any]] = {}
    for row in rows:
        sums = found.setdefault(key(row), [0] * len(names))
        for place, name in enumerate(names):
            sums[place] += row[name] or 0
    return found


def _numbers(key: str) -> list[int]:
    return [int(part) for part in key.split(",") if part.isdecimal()]


def _unit(key: str) -> str:
    several = "s" if "," in key else ""
    return f"Business unit{several} {key.replace(',', ', ')}"


def _share(part: float | None, whole: float) -> float | None:
    """Return a share in percent; none if the whole is zero or unknown."""
    return round(100 * part / whole, 1) if whole and part is not None else None


def _percent(part: float, whole: float) -> str:
    return f"{part / whole:.0%}"


def _tenth(value: float | None) -> float | None:
    return None if value is None else round(value, 1)

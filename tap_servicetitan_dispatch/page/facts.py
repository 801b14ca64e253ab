"""What the marts know of a tenant's board, on all of the loaded days."""

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
HOLE = 90
"""Minutes without a load that are shown; hourly loads may be late."""
WITHDRAWN = "Withdrawn"
_STATES = {("Dispatched", False): "way", ("Working", False): "site", ("Working", True): "paused"}
_UNDER_WAY = {"Dispatched", "Working"}

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

    def end_on(self, day: LocalDay) -> bool:
        """Return whether nothing is known of a later day."""
        return day.begins <= self.seen_up_to < day.ends

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
        hours = min(idle, covered(unloaded, day.begins, day.ends) / 3600)
        idle -= hours
    return row | {"hours_unloaded": hours, "hours_idle_at_most": idle}


def covered(spans: Iterable[Span], begins: float, ends: float) -> float:
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


def _in_order(mark: Mark) -> tuple[float, str, int, int]:
    return mark.at, mark.kind, mark.technician or 0, mark.appointment or 0


def _by_time(stretch: Stretch) -> float:
    return stretch.begins


def _by_assignment(stretch: Stretch) -> tuple[int, int, float]:
    return stretch.technician, stretch.assignment, stretch.begins


def told_up_to(facts: Facts, zone: str) -> str:
    """Return until when the board is known, in words."""
    return f"Seen up to {moment(facts.seen_up_to, zone)}, {zone}."

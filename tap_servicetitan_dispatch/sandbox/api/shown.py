"""The rows that a tenant shows: those of its tables, or others if the behaviour says so."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import structs

from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.api.written import NEVER
from tap_servicetitan_dispatch.sandbox.world.assignments import Assignment
from tap_servicetitan_dispatch.sandbox.world.instants import DAY, SECOND
from tap_servicetitan_dispatch.sandbox.world.roster import Shift
from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant
from tap_servicetitan_dispatch.sandbox.world.versions import Row, Table, position

ASSIGNMENTS = "appointment-assignments"
_ROW_SWITCHES = (
    "rows",
    "inactive",
    "undated",
    "touches_modified_on",
    "visible_after",
    "replica_lag",
    "tied_rows",
    "list_history_days",
    "future_rows",
    "done_edits",
    "done_rows",
    "status_rows",
    "latest_row",
    "repeats",
)
_COPY = 10**10
"""Offset of the id of a repeated row."""
_WEEK = 7 * DAY


@lru_cache(maxsize=256)
def reshapes(behaviour: Behaviour) -> bool:
    """Return whether a list shows other rows than its table has."""
    usual = Behaviour()
    return any(getattr(behaviour, name) != getattr(usual, name) for name in _ROW_SWITCHES)


def tables_of(tenant: Tenant) -> dict[str, Table[Any]]:
    """Return a tenant's tables, by the path of the list that shows each."""
    return {
        ASSIGNMENTS: tenant.assignments,
        "technician-shifts": tenant.shifts,
        "non-job-appointments": tenant.non_job_appointments,
        "teams": tenant.teams,
        "zones": tenant.zones,
        "technician-skills": tenant.technician_skills,
        "arrival-windows": tenant.arrival_windows,
    }


class _Answers:
    """The answers that a tenant has given so far."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.rows: dict[Any, Sequence[Row]] = {}


_answers: WeakKeyDictionary[Tenant, _Answers] = WeakKeyDictionary()


def count_answer(tenant: Tenant, what: str) -> int:
    """Return how many answers of this kind the tenant has given before."""
    counts = _answers.setdefault(tenant, _Answers()).counts
    counts[what] += 1
    return counts[what] - 1


def listed(tenant: Tenant, name: str, behaviour: Behaviour) -> Sequence[Any]:
    """Return the rows that a list shows now, in the order of modification."""
    table = tables_of(tenant)[name]
    if not reshapes(behaviour):
        return list(table.changed(0, tenant.now + 1))
    rows = _reshaped(tenant, name, behaviour, None)
    hidden = behaviour.visible_after
    if behaviour.replica_lag and count_answer(tenant, "list") % 2:
        hidden = max(hidden, behaviour.replica_lag)
    if hidden:
        rows = [row for row in rows if row.modified_on <= tenant.now - hidden * SECOND]
    if behaviour.list_history_days is not None:
        since = tenant.now - behaviour.list_history_days * DAY
        rows = [row for row in rows if row.modified_on >= since]
    return rows


def fed(tenant: Tenant, behaviour: Behaviour, as_of: int) -> Sequence[Assignment]:
    """Return the assignments as of an instant, in the order of modification."""
    return _reshaped(tenant, ASSIGNMENTS, behaviour, as_of)


def _reshaped(tenant: Tenant, name: str, behaviour: Behaviour, as_of: int | None) -> Sequence[Any]:
    table = tables_of(tenant)[name]
    stamp = (tenant.now, table.last_instant, len(table.current))
    known = _answers.setdefault(tenant, _Answers()).rows
    key = (name, behaviour, as_of, stamp)
    if key not in known:
        for old in [each for each in known if each[3] != stamp and each[0] == name]:
            del known[old]
        known[key] = _shape(tenant, name, behaviour, as_of)
    return known[key]


def _shape(tenant: Tenant, name: str, behaviour: Behaviour, as_of: int | None) -> list[Any]:
    table: Table[Any] = tables_of(tenant)[name]
    current = _lived(name, table.current.values(), behaviour)
    rows = current if as_of is None else _lived(name, table.after((0, 0), as_of), behaviour)
    rows = _as_many(rows, current, behaviour.numbered(behaviour.rows, name))
    rows = _marked(rows, behaviour.numbered(behaviour.inactive, name), _flip)
    if name == ASSIGNMENTS:
        rows = _touched(rows, behaviour)
    if behaviour.future_rows:
        late = rows[-behaviour.future_rows :]
        rows[-behaviour.future_rows :] = [
            structs.replace(row, modified_on=tenant.now + DAY) for row in late
        ]
    rows = _marked(rows, behaviour.numbered(behaviour.undated, name), _undate)
    rows.sort(key=position)
    return rows


def _as_many(rows: list[Any], current: list[Any], count: int | None) -> list[Any]:
    """Return rows without the oldest ones, or with some repeated under other ids.

    Args:
        rows: The rows, in the order of creation.
        current: The present rows.
        count: The number of present rows to end up with.
    """
    if count is None or not rows:
        return rows
    if len(current) > count:
        gone = {row.id for row in current[: len(current) - count]}
        return [row for row in rows if row.id not in gone]
    more = count - len(current)
    copies = [
        structs.replace(
            row,
            id=f"{row.id}{turn}" if isinstance(row.id, str) else row.id + turn * _COPY,
            modified_on=row.modified_on - turn * SECOND,
        )
        for turn in range(1, more // len(rows) + 2)
        for row in rows
    ]
    return rows + copies[:more]


def _lived(name: str, found: Iterable[Any], behaviour: Behaviour) -> list[Any]:
    """Return rows in the order of creation, with other histories."""
    rows = sorted(found, key=lambda row: (row.created_on, row.id))
    if name == "technician-shifts" and behaviour.repeats == "one_row":
        return _weekly(rows)
    if name != ASSIGNMENTS:
        return rows
    if behaviour.done_rows == "inactive":
        rows = [structs.replace(row, active=False) if row.status == "Done" else row for row in rows]
    if behaviour.status_rows == "another":
        done = [row for row in rows if row.status == "Done"]
        rows = rows + [
            structs.replace(row, id=row.id + 1, status="Scheduled", modified_on=row.created_on)
            for row in done
        ]
        rows.sort(key=lambda row: (row.created_on, row.id))
    if behaviour.latest_row == "not_created":
        latest: dict[tuple[int, int], Assignment] = {}
        for row in rows:
            latest[row.technician.id, row.appointment_id] = row
        rows = [
            structs.replace(row, modified_on=last.modified_on + SECOND) if last is not row else row
            for row in rows
            for last in [latest[row.technician.id, row.appointment_id]]
        ]
    return rows


def _touched(rows: list[Any], behaviour: Behaviour) -> list[Any]:
    """Return assignments with other times of modification."""
    if behaviour.done_edits == "bulk":
        rows = [
            structs.replace(row, modified_on=_noon(row.modified_on))
            if row.status == "Done" and row.modified_on < rows[-1].created_on - _WEEK
            else row
            for row in rows
        ]
    if behaviour.touches_modified_on == "not_always":
        rows = [
            structs.replace(row, modified_on=row.created_on) if row.id // 5 % 3 == 0 else row
            for row in rows
        ]
    if tied := behaviour.tied_rows:
        instant = rows[:tied][-1].created_on if rows else 0
        rows[:tied] = [structs.replace(row, modified_on=instant) for row in rows[:tied]]
    return rows


def _noon(instant: int) -> int:
    """Return noon (UTC) of a day at most a week after an instant."""
    return (instant // _WEEK + 1) * _WEEK + DAY // 2


def _weekly(rows: list[Any]) -> list[Any]:
    """Return one shift in place of all of a technician's shifts in a week."""

    def week(row: Shift) -> Any:
        return row.technician_id, row.shift_type, row.start // _WEEK

    groups = [
        sorted(group, key=lambda row: row.start)
        for _, group in groupby(sorted(rows, key=week), key=week)
    ]
    return [structs.replace(shifts[0], end=shifts[-1].end) for shifts in groups]


def _marked(rows: list[Any], percent: int | None, mark: Callable[..., Any]) -> list[Any]:
    """Return rows, a percentage of which are marked."""
    if percent is None or not rows:
        return rows
    wanted = round(percent * len(rows) / 100)
    marked = sum(mark(row, marked=True) is row for row in rows)
    if round(100 * marked / len(rows)) == percent:
        return rows
    by_likelihood = sorted(
        range(len(rows)),
        key=lambda index: (
            mark(rows[index], marked=True) is not rows[index],
            _is_done(rows[index]),
        ),
    )
    chosen = set(by_likelihood[:wanted])
    return [mark(row, marked=index in chosen) for index, row in enumerate(rows)]


def _is_done(row: Any) -> bool:
    return getattr(row, "status", "") == "Done"


def _flip(row: Any, *, marked: bool) -> Any:
    return row if row.active is not marked else structs.replace(row, active=not marked)


def _undate(row: Any, *, marked: bool) -> Any:
    if not marked:
        return row
    return row if row.modified_on == NEVER else structs.replace(row, modified_on=NEVER)

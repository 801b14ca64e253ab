"""Marts made by hand, in a file of DuckDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from benchmarks.page import TABLES

Row = dict[str, Any]
ZONE = "America/Chicago"
OFTEN: dict[str, Row] = {"current_assignments": {"modified_on": "2026-12-01 00:00:00+00"}}
"""What rows have if they do not say something else."""


def chicago(text: str) -> str:
    """Return a time, as `2026-10-30 08:15` in Chicago, in a form that leaves nothing open."""
    day, clock = text.split()
    hours = 6 if text >= "2026-11-01 02:00" else 5
    moment = datetime.fromisoformat(f"{day}T{clock}:00").replace(tzinfo=UTC)
    return f"{moment + timedelta(hours=hours):%Y-%m-%d %H:%M:%S}+00"


@cache
def _empty() -> bytes:
    """Return a database with all tables, which takes longer to make than to copy."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "empty.duckdb"
        with duckdb.connect(str(file)) as connection:
            for mart, columns in TABLES.items():
                connection.execute(f"create table dispatch_{mart} ({columns})")
        return file.read_bytes()


def write(file: Path, **tables: list[Row]) -> Path:
    """Write marts with some rows; what a row does not name is null, and its tenant is 1."""
    file.write_bytes(_empty())
    with duckdb.connect(str(file)) as connection:
        for mart, rows in tables.items():
            for row in rows:
                values = {"tenant_id": 1} | OFTEN.get(mart, {}) | row
                names, marks = ", ".join(values), ", ".join("?" * len(values))
                connection.execute(
                    f"insert into dispatch_{mart} ({names}) values ({marks})",  # noqa: S608 - our own
                    [*values.values()],
                )
    return file


def tenant(number: int = 1, name: str | None = "Acme", **more: Any) -> Row:
    """Return a tenant."""
    return {
        "tenant_id": number,
        "tenant_number": number,
        "tenant_name": name,
        "time_zone": ZONE,
    } | more


def day(date: str, tenant: int = 1, **more: Any) -> Row:
    """Return a tenant's day."""
    row = {"tenant_id": tenant, "day": date, "visits": 0, "appointments_withdrawn": 0}
    return row | {"is_stale": False, "is_whole_day": True, "loads": 1} | more


def loads(*moments: str, tenant: int = 1) -> list[Row]:
    """Return loads at some times in Chicago."""
    times = [datetime.fromisoformat(chicago(each)) for each in moments]
    return [
        {
            "tenant_id": tenant,
            "loaded_at": now,
            "load_before": before,
            "gap_minutes": before and (now - before).total_seconds() / 60,
        }
        for before, now in zip([None, *times], times, strict=False)
    ]


def state(assignment: int, status: str, since: str, until: str | None = None, **more: Any) -> Row:
    """Return a state of an assignment, from and to a time in Chicago."""
    row = {
        "assignment_id": assignment,
        "technician_id": 7,
        "appointment_id": 100 + assignment,
        "job_id": 10 + assignment,
        "status": status,
        "is_paused": False,
        "active": True,
        "seen_since": chicago(since),
        "seen_until": until and chicago(until),
        "last_modified_on": chicago(until or since),
    }
    return row | more


def shift(technician: int, begins: str, ends: str, kind: str = "Normal", **more: Any) -> Row:
    """Return a shift, from and to a time in Chicago."""
    row = {"technician_id": technician, "shift_type": kind, "active": True}
    return row | {"starts_at": chicago(begins), "ends_at": chicago(ends)} | more


def technician_day(technician: int, date: str, *hours: float, **more: Any) -> Row:
    """Return a technician's day: hours on site, paused, on the way, not seen, away, idle."""
    names = ("on_site", "paused", "on_the_way", "arrival_not_seen", "away", "idle_at_most")
    row: Row = {"technician_id": technician, "day": date, "visits": 1, "hours_overtime": 0.0}
    for name, value in zip(names, hours or (0,) * 6, strict=True):
        row[f"hours_{name}"] = value
    return row | more

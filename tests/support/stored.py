"""What each target makes of the rows that the API sends."""

from __future__ import annotations

import csv
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.support.loading import key_of
from tests.support.streams import OFFERED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    Row = dict[str, Any]
    Rows = dict[str, list[Row]]

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z")


def instant_of(value: Any) -> datetime | None:
    """Return the instant that a text stands for, cut to microseconds, if it stands for one."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        return None
    whole, _, fraction = value.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction:0<6.6}")


def by_jsonl(value: Any) -> Any:
    """Return a value as a file of target-jsonl has it: as it came."""
    return value


def by_csv(value: Any) -> str:
    """Return a value as a file of target-csv has it: all is text."""
    if instant := instant_of(value):
        return f"{instant.isoformat(sep=' ')}+00:00"
    if isinstance(value, list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return "" if value is None else str(value)


def by_postgres(value: Any) -> Any:
    """Return a value as target-postgres writes it: times have no zone and are UTC."""
    return instant_of(value) or value


def by_duckdb(value: Any) -> Any:
    """Return a value as target-duckdb writes it: arrays are JSON, and empty text is null."""
    if isinstance(value, list):
        return json.dumps(value)
    return None if value == "" else by_postgres(value)


def stored(rows: Rows, by: Callable[[Any], Any]) -> dict[str, dict[Any, Row]]:
    """Return what should have been loaded of the rows of each stream, by key."""
    return {
        stream: {
            key_of(stream, kept): kept
            for row in rows[stream]
            for kept in [{name: by(value) for name, value in row.items()}]
        }
        for stream in OFFERED
    }


HISTORY = "appointment_assignments"
"""Of which a database has each version, by `keep_history` in meltano.yml."""


def latest(loaded: Iterable[Rows]) -> dict[str, dict[Any, Row]]:
    """Return the latest row of each key, without the token that the tap adds.

    In a database, whose order says nothing, that is the version that was edited last.
    """
    found: dict[str, dict[Any, Row]] = {stream: {} for stream in OFFERED}
    for rows in loaded:
        for stream, those in rows.items():
            for row in those:
                kept = {name: value for name, value in row.items() if name != "continueFrom"}
                key, edited = key_of(stream, kept), kept.get("modifiedOn")
                if stream == HISTORY and isinstance(edited, datetime) and key in found[stream]:
                    kept = max(found[stream][key], kept, key=lambda each: each["modifiedOn"])
                found[stream][key] = kept
    return found


def counts(rows: Rows) -> dict[str, int]:
    """Return how many rows there are by stream; all versions of an assignment are one."""
    return {
        stream: len({row["id"] for row in those}) if stream == HISTORY else len(those)
        for stream, those in rows.items()
    }


def rows_in_csv(files: Iterable[Path]) -> Rows:
    """Return the rows of files of target-csv, by stream."""
    rows = {}
    for path in files:
        with path.open(encoding="utf-8", newline="") as file:
            rows[path.stem.rpartition("-")[0]] = list(csv.DictReader(file))
    return rows

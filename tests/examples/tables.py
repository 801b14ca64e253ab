"""Rows into files and results out of views."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from examples.database import database

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

Row = dict[str, Any]

TIMEZONE = "America/Chicago"


def results(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    """Return the rows of a query; times come as text, as DuckDB needs yet another package."""
    as_json = f"select to_json(found) from ({query}) as found"  # noqa: S608 - queries of our own
    shown = connection.execute(as_json).fetchall()
    return [json.loads(row) for (row,) in shown]


def view(folder: Path, name: str) -> list[Row]:
    """Return the rows of a view of the files in a folder."""
    with database(folder, TIMEZONE) as connection:
        return results(connection, f"from {name} order by all")


def write(folder: Path, stream: str, *rows: Row, run: str = "20260618T120000") -> None:
    """Write the rows of a stream as target-jsonl does."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"{stream}-{run}.jsonl").write_text(text, encoding="utf-8")


def instant(text: str) -> datetime:
    """Return the instant of a time as DuckDB or the API writes it, to the microsecond."""
    return datetime.fromisoformat(text).astimezone(UTC)

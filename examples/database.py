"""The loaded files as a DuckDB database in memory, with the views of the page of SQL."""

from collections import Counter
from datetime import datetime
from pathlib import Path

import duckdb

SQL = Path(__file__).parent / "sql"
STREAMS = ("appointment_assignments", "technician_shifts", "non_job_appointments", "capacities")
# In this order, as one view reads another.
VIEWS = (
    "technicians",
    "shifts",
    "time_away",
    "assignment_states",
    "current_assignments",
    "dispatch_to_done",
    "utilisation",
    "capacity_forecast",
)


class NothingLoadedError(Exception):
    """There are no assignments, so there is nothing to draw."""


def database(folder: Path, timezone: str) -> duckdb.DuckDBPyConnection:
    """Return a database of all runs in a folder of `{stream}-{time of the run}.jsonl`.

    Args:
        folder: Where target-jsonl wrote to. A stream without files becomes an empty table.
        timezone: The time zone, by its IANA name, in which days and weeks begin.
    """
    connection = duckdb.connect()
    connection.execute("set TimeZone = $timezone", {"timezone": timezone})
    connection.execute((SQL / "tables.sql").read_text(encoding="utf-8"))
    for stream in STREAMS:
        files = f"{stream}-*.jsonl"
        if any(folder.glob(files)):  # DuckDB takes none for an error
            connection.execute(
                f"copy {stream} from $files (format json)", {"files": f"{folder}/{files}"}
            )
    for view in VIEWS:
        connection.execute((SQL / f"{view}.sql").read_text(encoding="utf-8"))
    return connection


def latest_change(connection: duckdb.DuckDBPyConnection) -> datetime:
    """Return when the latest change of an assignment happened, as clocks in the time zone have it.

    Raises:
        NothingLoadedError: There are no assignments.
    """
    latest = 'select cast(max("modifiedOn") as timestamp) from appointment_assignments'
    moment: datetime | None
    ((moment,),) = connection.execute(latest).fetchall()
    if moment is None:
        raise NothingLoadedError
    return moment


def technicians(connection: duckdb.DuckDBPyConnection) -> dict[int, str]:
    """Return what to call technicians: their names, with the numbers where several share one."""
    rows = connection.execute("select technician_id, technician_name from technicians")
    names = dict(rows.fetchall())
    times = Counter(names.values())
    return {
        number: name if times[name] == 1 else f"{name} {number}" for number, name in names.items()
    }

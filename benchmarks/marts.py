"""A build of the marts over files with many assignments."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[1]
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
BETWEEN = timedelta(seconds=150)
TECHNICIANS = 300
SEEN = 5
"""Of every so many assignments the way there and the work were seen as well, as hourly loads do."""
WITHDRAWN = 20
"""Every so many are withdrawn, and handed over to the next."""


def write(rows: int, folder: Path) -> None:
    """Write files of assignments and shifts, as target-jsonl has them after two loads.

    Args:
        rows: How many assignments there are.
        folder: Where the files go.
    """
    with (
        (folder / "appointment_assignments-20261031T000000.jsonl").open("w") as seen,
        (folder / "appointment_assignments-20261101T000000.jsonl").open("w") as last,
    ):
        for number in range(rows):
            is_withdrawn = number % WITHDRAWN == WITHDRAWN - 1
            if number % SEEN == 0:
                for status, hours in (("Dispatched", 7), ("Working", 8)):
                    seen.write(_assignment(number, status, hours=hours))
            status = "Scheduled" if is_withdrawn else "Done"
            last.write(_assignment(number, status, hours=9, active=not is_withdrawn))
    with (folder / "technician_shifts-20261101T000000.jsonl").open("w") as file:
        for number in range(rows // 10):
            begins = BEGINNING + timedelta(days=number // TECHNICIANS)
            shift = {
                "id": number,
                "shiftType": "Normal",
                "active": True,
                "technicianId": number % TECHNICIANS,
                "start": _text(begins + timedelta(hours=13)),
                "end": _text(begins + timedelta(hours=22)),
                "modifiedOn": _text(begins),
            }
            file.write(json.dumps(shift) + "\n")


def _assignment(number: int, status: str, *, hours: int, active: bool = True) -> str:
    """Return a line with a version of an assignment, from so many hours after it was made."""
    begun = BEGINNING + number * BETWEEN
    technician = number % TECHNICIANS
    row = {
        "id": number,
        "technicianId": technician,
        "technicianName": f"Technician {technician}",
        "assignedById": 5,
        "assignedOn": _text(begun),
        "status": status,
        "isPaused": False,
        "jobId": number,
        "appointmentId": number // 2,
        "createdOn": _text(begun),
        "modifiedOn": _text(begun + timedelta(hours=hours)).replace("Z", ".1234567Z"),
        "active": active,
        "continueFrom": "a token",
    }
    return json.dumps(row) + "\n"


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def build(rows: int) -> float:
    """Return the seconds that dbt takes to build and test all models in DuckDB, start included.

    Args:
        rows: How many assignments there are.

    Raises:
        RuntimeError: The build fails.
    """
    project = (ROOT / "meltano.yml").read_text(encoding="utf-8")
    (packages,) = re.findall(r"pip_url: (dbt-core\S+ dbt-duckdb.*)", project)
    wanted = [option for package in packages.split() for option in ("--with", package)]
    dbt = [os.environ.get("UV", "uv"), "tool", "run", "-q", "--from", "dbt-core", *wanted, "dbt"]
    with tempfile.TemporaryDirectory() as folder:
        write(rows, Path(folder))
        variables = {
            "DBT_PROJECT_DIR": str(ROOT / "transform"),
            "DBT_PROFILES_DIR": str(ROOT / "transform"),
            "DBT_TARGET_PATH": f"{folder}/target",
            "DBT_LOG_PATH": f"{folder}/logs",
            "DISPATCH_DUCKDB": f"{folder}/dispatch.duckdb",
            "DISPATCH_TIMEZONE": "America/Chicago",
            "TARGET_JSONL_DESTINATION_PATH": folder,
        }
        begun = time.perf_counter()
        ran = subprocess.run(  # noqa: S603 - our own command
            [*dbt, "build"],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - begun
        if ran.returncode:
            raise RuntimeError(ran.stdout + ran.stderr)
        return seconds

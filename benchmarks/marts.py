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


def write(rows: int, folder: Path) -> None:
    """Write a file of assignments, as target-jsonl has it after a first load.

    Args:
        rows: How many assignments there are.
        folder: Where the file goes.
    """
    with (folder / "appointment_assignments-20261101T000000.jsonl").open("w") as file:
        for number in range(rows):
            begun = BEGINNING + number * BETWEEN
            technician = number % TECHNICIANS
            row = {
                "id": number,
                "technicianId": technician,
                "technicianName": f"Technician {technician}",
                "assignedById": 5,
                "assignedOn": f"{begun:%Y-%m-%dT%H:%M:%S}Z",
                "status": "Done",
                "isPaused": False,
                "jobId": number,
                "appointmentId": number // 2,
                "createdOn": f"{begun:%Y-%m-%dT%H:%M:%S}Z",
                "modifiedOn": f"{begun + timedelta(hours=9):%Y-%m-%dT%H:%M:%S}.1234567Z",
                "active": True,
                "continueFrom": "a token",
            }
            file.write(json.dumps(row) + "\n")


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

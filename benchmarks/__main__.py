"""Measures what the tap costs, and prints the table of the README."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.marts import build
from benchmarks.running import PYTHON, TAP, Given, bare, tap, timed
from benchmarks.server import PAGE_ROWS
from benchmarks.table import lines

if TYPE_CHECKING:
    from collections.abc import Callable

FEED = ("appointment_assignments",)
LARGE = (
    *FEED,
    "appointment_assignments_list",
    "non_job_appointments",
    "technician_shifts",
    "technician_skills",
)


def main() -> None:
    """Measure, print, and keep what was asked to be kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="how often each is run (5)")
    parser.add_argument("--rows", type=int, default=300_000, help="of the feed (300000)")
    parser.add_argument("--latency", type=float, default=0.3, help="seconds a request (0.3)")
    parser.add_argument(
        "--assignments", type=int, default=1_000_000, help="that marts are built of (1000000)"
    )
    parser.add_argument("--json", type=Path, help="where to write all figures")
    given = parser.parse_args()
    # Once without measuring: Python then keeps what it compiles, as on a user's machine.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    tap(Given())
    results = measured(given.runs, given.rows, given.latency, given.assignments)
    print("\n".join(lines(results)))  # noqa: T201 - a command
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n")


def measured(runs: int, rows: int, latency: float, assignments: int) -> dict[str, Any]:
    """Return all figures, each the outcome of several runs in turn with what it is compared to."""

    def figure(
        what: str,
        once: Callable[[], float],
        *,
        goal: str,
        limit: float | None = None,
        unit: str = "",
        digits: int = 2,
        times: int = runs,
    ) -> dict[str, Any]:
        values = []
        for number in range(times):
            values.append(once())
            print(f"{what} {number + 1}/{times}: {values[-1]:.3f}", file=sys.stderr)  # noqa: T201
        return {
            "what": what,
            "median": statistics.median(values),
            "least": min(values),
            "most": max(values),
            "values": values,
            "unit": unit,
            "digits": digits,
            "goal": goal,
            "limit": limit,
        }

    def throughput() -> float:
        return tap(Given(rows), FEED).seconds / bare(Given(rows)).seconds

    def waiting() -> float:
        run = tap(Given(rows, latency), FEED)
        spent: float = run.server["seconds"]
        return run.seconds / spent

    def nothing_new() -> float:
        late, at_once = tap(Given(latency=latency)), tap(Given())
        return (late.seconds - at_once.seconds) / latency

    def peak(count: int) -> float:
        return tap(Given(count), FEED).peak_mib

    def start_up(option: str) -> float:
        floor = timed([PYTHON, "-c", "import singer_sdk"], {})
        return timed([TAP, option], {}).seconds / floor.seconds

    def calls(given: Given) -> float:
        made: dict[str, int] = tap(given, FEED if given.rows else None).server["calls"]
        return sum(made.values())

    pages = -(-rows // PAGE_ROWS)
    few = min(runs, 3)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "rows": rows,
        "latency": latency,
        "figures": [
            figure(
                f"Time for {rows:,} rows, over that of a bare loop",
                throughput,
                goal="at most 2",
                limit=2,
                times=2 * runs - 1,
            ),
            figure(
                f"Time for {rows:,} rows at {latency} s a request, over that of the requests",
                waiting,
                goal="at most 1.1",
                limit=1.1,
                times=few,
            ),
            figure(
                f"A run with nothing new at {latency} s a request, in requests",
                nothing_new,
                goal="at most 3",
                limit=3,
            ),
            figure(
                f"Peak memory, {rows:,} rows",
                lambda: peak(rows),
                goal="below 120 MiB",
                limit=120,
                unit="MiB",
                digits=0,
                times=few,
            ),
            figure(
                f"Peak memory, {10 * rows:,} rows",
                lambda: peak(10 * rows),
                goal="the same",
                limit=120,
                unit="MiB",
                digits=0,
                times=few,
            ),
            figure(
                "Peak memory, five streams with full pages",
                lambda: tap(Given(rows, full_lists=True), LARGE).peak_mib,
                goal="below 120 MiB",
                limit=120,
                unit="MiB",
                digits=0,
                times=few,
            ),
            *(
                figure(
                    f"`{option}`, over `import singer_sdk`",
                    partial(start_up, option),
                    goal="below 1.3",
                    limit=1.3,
                )
                for option in ("--version", "--discover")
            ),
            figure(
                f"Calls for {pages} pages of the feed",
                lambda: calls(Given(rows)),
                goal=f"{pages} and one for a token",
                digits=0,
                times=1,
            ),
            figure(
                "Calls of a run with nothing new",
                lambda: calls(Given()),
                goal="one for each stream and one for a token",
                digits=0,
                times=1,
            ),
            figure(
                f"Marts of {assignments:,} assignments, built by dbt in DuckDB",
                lambda: build(assignments),
                goal="below 60 s",
                limit=60,
                unit="s",
                digits=0,
                times=few,
            ),
        ],
    }


if __name__ == "__main__":
    main()

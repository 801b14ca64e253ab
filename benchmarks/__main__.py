"""Measures what the tap costs, and prints the tables of the documents."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import loads
from benchmarks.comparisons import comparisons, spread
from benchmarks.running import Given, tap
from benchmarks.scenarios import scenarios
from benchmarks.table import lines, load_lines

if TYPE_CHECKING:
    from benchmarks.scenarios import Scenario


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
    print("\n".join([*lines(results), "", *load_lines(results)]))  # noqa: T201 - a command
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n")


def measured(runs: int, rows: int, latency: float, assignments: int) -> dict[str, Any]:
    """Return all figures, each the outcome of several runs in turn with what it is compared to."""
    loaded = loads.measured(rows)
    figures = [_figure(each, runs) for each in scenarios(rows, latency, assignments)]
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "rows": rows,
        "latency": latency,
        "figures": [*comparisons(loaded), *figures],
        "loads": loaded,
    }


def _figure(scenario: Scenario, runs: int) -> dict[str, Any]:
    values = []
    for number in range(times := scenario.times(runs)):
        values.append(scenario.once())
        print(f"{scenario.what} {number + 1}/{times}: {values[-1]:.3f}", file=sys.stderr)  # noqa: T201
    return {
        "what": scenario.what,
        **spread(values),
        "unit": scenario.unit,
        "digits": scenario.digits,
        "goal": scenario.goal,
        "limit": scenario.limit,
    }


if __name__ == "__main__":
    main()

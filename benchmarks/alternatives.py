"""The feed into PostgreSQL without Meltano: by this tap and target-postgres, and by dlt.

python -m benchmarks.alternatives --json benchmarks/alternatives.json
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks import running
from benchmarks.loads import all_there
from benchmarks.postgresql import PACKAGE, Server
from benchmarks.project import ROOT, installed, tools
from benchmarks.running import Given

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS, RUNS = 300_000, 3
DLT = ("dlt[postgres]==1.31.0", "pyarrow==26.0.1", "adbc-driver-postgresql==1.13.0")
TAP = "this tap, target-postgres"
DECLARED = "dlt, its `rest_api` source"
TABLES = "dlt, tables of Arrow"


@dataclass
class Way:
    """A way to load all rows, by key: the seconds of each run, and those of CPU."""

    by: str
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)


def main() -> None:
    """Measure all ways in turn, print them as a table, and keep the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--json", type=Path, help="Where to keep the figures.")
    options = parser.parse_args()
    found = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "rows": options.rows,
        "packages": [_loader()["pip_url"], *DLT],
        "ways": [asdict(each) for each in measured(options.rows, options.runs)],
    }
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print("\n".join(lines(found)))  # noqa: T201


def measured(rows: int, runs: int) -> list[Way]:
    """Return what each way took, in turn."""
    ways = {by: Way(by) for by in (TAP, DECLARED, TABLES)}
    with (
        TemporaryDirectory() as name,
        running.serving(Given(rows, distinct=True)) as (url, _),
        _ready(Path(name), url) as (server, commands),
    ):
        for _ in range(runs):
            for by, way in ways.items():
                took = running.timed(commands[by], {})
                count = server.value_of("select count(*) from loaded.appointment_assignments")
                all_there(rows, int(count))
                server.value_of("drop schema loaded cascade")
                server.value_of("drop schema if exists loaded_staging cascade")
                way.seconds.append(took.seconds)
                way.cpu_seconds.append(took.cpu_seconds)
                print(f"{by}: {took.seconds:.1f} s", file=sys.stderr)  # noqa: T201
    return [*ways.values()]


@contextmanager
def _ready(folder: Path, url: str) -> Iterator[tuple[Server, dict[str, list[str]]]]:
    """Install all of them, start PostgreSQL, and yield it with the commands."""
    (package,) = tools(folder / "tools").parent.glob(f"lib/python*/site-packages/{PACKAGE}")
    loader = _loader()
    target = installed(folder / "target", loader["pip_url"]) / loader["name"]
    python = installed(folder / "dlt", *DLT) / "python"
    tap = running.command_of([running.TAP], url, folder)
    with Server(package) as server:
        chosen = {each["name"]: each["value"] for each in loader["settings"] if "value" in each}
        config = chosen | server.target_settings | {"default_target_schema": "loaded"}
        (folder / "target.json").write_text(json.dumps(config))
        pipe = f"{shlex.join(tap)} | {target} --config {folder / 'target.json'} > {os.devnull}"
        dlt = ["env", "RUNTIME__DLTHUB_TELEMETRY=false", f"PYTHONPATH={ROOT}", f"{python}"]
        dlt += ["-m", "benchmarks.with_dlt"]
        yield (
            server,
            {
                TAP: ["env", "PGTZ=UTC", "sh", "-c", pipe],
                DECLARED: [*dlt, "declared", url, server.url],
                TABLES: [*dlt, "tables", url, server.url],
            },
        )


def _loader() -> dict[str, Any]:
    """Return target-postgres as the repository's project has it."""
    described = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    (loader,) = (
        each for each in described["plugins"]["loaders"] if each["name"] == "target-postgres"
    )
    return dict(loader)


def lines(found: dict[str, Any]) -> list[str]:
    """Return the figures as the lines of a Markdown table."""
    return ["| By | Seconds | CPU seconds |", "|---|---|---|", *map(_line, found["ways"])]


def _line(way: dict[str, Any]) -> str:
    seconds = way["seconds"]
    between = f"{median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})"
    return f"| {way['by']} | {between} | {median(way['cpu_seconds']):.1f} |"


if __name__ == "__main__":
    main()

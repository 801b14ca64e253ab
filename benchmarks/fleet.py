"""What it takes to refresh a fleet: 300 tenants in five shards, one at a time for each core.

`python -m benchmarks.fleet --json benchmarks/fleet.json` keeps the figures, from which
`python -m tools.generate` makes the table of docs/fleets.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import psutil
import requests
import yaml
from dagster import DagsterInstance

from examples.fleet.running import TAP, run_shard
from examples.fleet.shards import TENANTS_YML, Fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
TARGET = "target-jsonl"
ROWS = 1_000
"""Assignments of each tenant."""
AT_ONCE = 20
"""Requests under way of a shard."""
SECRET = {"client_id": "c", "client_secret": "s", "app_key": "k"}
MIB = 2**20
INTERVAL, MANY = 600, 3_000
"""Seconds between refreshes, and tenants, that the table is about."""
HEAD = (
    "Refresh",
    "Seconds",
    "CPU seconds",
    "Memory of a shard",
    "Calls",
    "Tenants that a core can refresh",
    f"Cores for {MANY:,}",
)


@dataclass(frozen=True)
class Took:
    """What the run of a shard took, of all its processes together."""

    cpu_seconds: float
    peak_mib: float
    rows: int
    failed: int


def main() -> None:
    """Measure, print, and keep what was asked to be kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--tenants", type=int, default=300, help="of the fleet (300)")
    parser.add_argument("--shard", type=int, default=60, help="tenants of each shard (60)")
    parser.add_argument("--failing", type=int, default=10, help="tenants that fail (10)")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    given = parser.parse_args()
    # Python then keeps what it compiles, as in an image
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    results = measured(given.tenants, given.shard, given.failing)
    print("\n".join(lines(results)))  # noqa: T201 - a command
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def measured(tenants: int, shard: int, failing: int) -> dict[str, Any]:
    """Return all figures."""
    with TemporaryDirectory() as name, _serving() as url:
        folder = Path(name)
        _install(folder)
        fleet = Fleet.read(_tenants_yml(folder, tenants, shard))
        os.environ |= {
            "DAGSTER_HOME": name,
            "DISPATCH_ALL": json.dumps(SECRET),
            "FLEET_TENANTS": str(folder / "tenants.yml"),
            "MELTANO_ENVIRONMENT": "production",
            "MELTANO_PROJECT_ROOT": name,
            "TAP_SERVICETITAN_DISPATCH_API_URL": url,
            "TAP_SERVICETITAN_DISPATCH_AUTH_URL": f"{url}/connect/token",
            "TAP_SERVICETITAN_DISPATCH_MAX_CONCURRENT_REQUESTS": str(AT_ONCE),
        }
        shutil.copy(ROOT / "examples/fleet/dagster.yaml", folder)
        with DagsterInstance.from_config(name) as instance:
            instance.get_runs_count()  # makes its databases, which two processes cannot at once
        step = max(1, tenants // max(1, failing))
        refused = [number + 1 for number in range(0, tenants, step)][:failing]
        ways: tuple[tuple[str, dict[str, Any], Callable[[Fleet, str], Took]], ...] = (
            (f"Everything, {ROWS:,} assignments each", _now("a", ROWS), by_meltano),
            ("Nothing new", _now("a", 0), by_meltano),
            ("1 % changed", _now("b", ROWS // 100), by_meltano),
            (f"Nothing new, {failing} tenants refused", _now("b", 0, refused), by_meltano),
            ("Nothing new, under Dagster", _now("b", 0), by_dagster),
        )
        figures = []
        for what, now, run in ways:
            _tell(url, now)
            began = time.monotonic()
            took = _all_shards(fleet, run)
            seconds = time.monotonic() - began
            figures.append(
                {
                    "what": what,
                    "seconds": round(seconds, 1),
                    "cpu_seconds": round(sum(each.cpu_seconds for each in took), 1),
                    "peak_mib": round(max(each.peak_mib for each in took)),
                    "rows": sum(each.rows for each in took),
                    "failed": sum(each.failed for each in took),
                    **_tell(url, now),
                }
            )
            print(figures[-1], file=sys.stderr)  # noqa: T201
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "tenants": tenants,
        "shard": shard,
        "figures": figures,
    }


def lines(results: dict[str, Any]) -> list[str]:
    """Return the results as the lines of a Markdown table."""
    tenants = results["tenants"]
    return [
        f"| {' | '.join(HEAD)} |",
        "|---" * len(HEAD) + "|",
        *(
            f"| {each['what']} | {each['seconds']:.0f} | {each['cpu_seconds']:.0f} | "
            f"{each['peak_mib']} MiB | {each['calls']:,} | "
            f"{INTERVAL * tenants / each['cpu_seconds']:,.0f} | "
            f"{MANY * each['cpu_seconds'] / tenants / INTERVAL:.1f} |"
            for each in results["figures"]
        ),
    ]


# A run of a shard, in a process of its own ------------------------------------------------------


def by_meltano(fleet: Fleet, name: str) -> Took:
    """Run a shard as an engine does."""
    shard = next(shard for shard in fleet.shards if shard.name == name)
    with _measured() as took:
        summary = run_shard(fleet, shard, lambda _: None)
    return Took(**took, rows=summary.rows, failed=len(summary.failed))


def by_dagster(_: Fleet, name: str) -> Took:
    """Run a shard by a run worker of Dagster, whose own cost counts."""
    dagster = str(Path(sys.executable).with_name("dagster"))
    job = ("job", "execute", "-m", "examples.fleet.with_dagster", "-j", f"load_{name}")
    with _measured() as took:
        ran = subprocess.run(  # noqa: S603 - our own command
            [dagster, *job], cwd=ROOT, capture_output=True, check=False, text=True
        )
    if ran.returncode:
        raise RuntimeError(f"Dagster failed: {(ran.stdout + ran.stderr)[-5000:]}")
    return Took(**took, rows=0, failed=0)


@contextmanager
def _measured() -> Iterator[dict[str, float]]:
    """Yield what will hold the CPU seconds and the peak memory of what is run within."""
    took = {"cpu_seconds": 0.0, "peak_mib": 0.0}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.25):
            took["peak_mib"] = max(took["peak_mib"], _memory_of_children() / MIB)

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield took
    finally:
        ended.set()
        watching.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took["cpu_seconds"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _memory_of_children() -> int:
    """Return the bytes that all processes below this one hold; what they share counts once."""
    total = 0
    for child in psutil.Process().children(recursive=True):
        try:
            total += child.memory_full_info().pss
        except psutil.Error:  # it has just ended
            continue
    return total


def _all_shards(fleet: Fleet, run: Callable[[Fleet, str], Took]) -> list[Took]:
    names = [shard.name for shard in fleet.shards]
    # Each in a new process, whose children are those of the run
    with ProcessPoolExecutor(
        os.cpu_count(), mp_context=get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        return list(pool.map(partial(run, fleet), names))


# What there is to run ---------------------------------------------------------------------------


def _install(folder: Path) -> None:
    text = (ROOT / "meltano.yml").read_text(encoding="utf-8")
    text = text.replace("pip_url: -e .[sandbox]", f"pip_url: {ROOT}")
    (folder / "meltano.yml").write_text(text, encoding="utf-8")
    meltano = Path(sys.executable).with_name("meltano")
    subprocess.run(  # noqa: S603 - our own command
        [meltano, "install", TAP, TARGET],
        cwd=folder,
        env=os.environ | {"UV_COMPILE_BYTECODE": "1"},
        check=True,
        capture_output=True,
    )


def _tenants_yml(folder: Path, tenants: int, shard: int) -> Path:
    content = yaml.safe_load(TENANTS_YML.read_text(encoding="utf-8")) | {"target": TARGET}
    numbers = [*range(1, tenants + 1)]
    content["shards"] = {
        f"shard_{first // shard + 1}": {
            "tenants": numbers[first : first + shard],
            "credentials": "DISPATCH_ALL",
            "schema": f"shard_{first // shard + 1}",
            "every_minutes": 10,
        }
        for first in range(0, tenants, shard)
    }
    path = folder / "tenants.yml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def _now(token: str, rows: int, failing: list[int] | None = None) -> dict[str, Any]:
    return {"token": token, "rows": rows, "failing": failing or []}


def _tell(url: str, now: dict[str, Any]) -> dict[str, int]:
    """Tell the server what there is, and return what it has seen since the last time."""
    seen: dict[str, int] = requests.put(f"{url}/now", json=now, timeout=30).json()
    return seen


@contextmanager
def _serving() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.fleet_server"]
    with subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin  # noqa: S101 - for mypy
        assert process.stdout  # noqa: S101 - for mypy
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


if __name__ == "__main__":
    main()

"""Runs shards once, without an engine: `python -m examples.fleet north`; for cron and CronJobs.

When each tenant was last read is kept in a file for each shard, in the folder that FLEET_LAST_READ
names, or in `output/fleet` of the project.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from examples.fleet.running import project_folder, run_shard
from examples.fleet.shards import Fleet, FleetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from examples.fleet.shards import Shard


def main() -> None:
    """Run the shards that are named, one after the other, and sum each up in a line.

    Exit code 1 says that one failed as a whole. Tenants that could not be read are named, and those
    that are stale, whether the run failed or not.
    """
    # So that Meltano is stopped, too, and has ended when this does
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        fleet = Fleet.read()
    except FleetError as error:
        sys.exit(str(error))
    shards = {shard.name: shard for shard in fleet.shards}
    parser = argparse.ArgumentParser(prog="python -m examples.fleet", description=__doc__)
    parser.add_argument(
        "shards", nargs="+", choices=shards, metavar="shard", help=", ".join(shards)
    )
    failed = False
    for name in parser.parse_args().shards:
        shard, known = shards[name], last_read(shards[name])
        try:
            summary = run_shard(fleet, shard, lambda line: print(line, file=sys.stderr))
            known = summary.last_read(known)
            _remember(shard, known)
        except FleetError as error:
            told = fleet.freshness(shard, known, datetime.now(UTC))
            print(error, f"{name}: {told}", sep="\n", file=sys.stderr)
            failed = True
        else:
            told = fleet.freshness(shard, known, datetime.now(UTC))
            print(*summary.reasons, sep="\n", file=sys.stderr)
            print(f"{name}: {summary.text(shard)} {told}")
    sys.exit(failed)


def last_read(shard: Shard) -> dict[int, str]:
    """Return when each tenant of a shard was last read wholly, by number; ISO 8601, UTC.

    Who is not in the file, or all if it cannot be read, counts as never read.
    """
    try:
        known = json.loads(_file(shard).read_text(encoding="utf-8"))
        times = {int(number): datetime.fromisoformat(when) for number, when in known.items()}
        return {number: at.astimezone(UTC).isoformat() for number, at in times.items()}
    except (AttributeError, OSError, TypeError, ValueError):
        return {}


def _remember(shard: Shard, known: Mapping[int, str]) -> None:
    file = _file(shard)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(known), encoding="utf-8")
    except OSError as error:
        raise FleetError(
            f"Shard {shard.name} was loaded, but when it was read cannot be kept: {error}. What to "
            "do: let FLEET_LAST_READ name a folder that can be written."
        ) from error


def _file(shard: Shard) -> Path:
    folder = os.environ.get("FLEET_LAST_READ") or project_folder() / "output" / "fleet"
    return Path(folder) / f"{shard.name}.json"


if __name__ == "__main__":
    main()

"""Runs shards once, without an engine: `python -m examples.fleet north`; for cron and CronJobs."""

from __future__ import annotations

import argparse
import signal
import sys

from examples.fleet.running import run_shard
from examples.fleet.shards import Fleet, FleetError


def main() -> None:
    """Run the shards that are named, one after the other, and sum each up in a line.

    Exit code 1 says that one failed as a whole. Tenants that could not be read are named.
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
        try:
            summary = run_shard(fleet, shards[name], lambda line: print(line, file=sys.stderr))
        except FleetError as error:
            print(error, file=sys.stderr)
            failed = True
        else:
            print(*summary.reasons, sep="\n", file=sys.stderr)
            print(f"{name}: {summary.text()}")
    sys.exit(failed)


if __name__ == "__main__":
    main()

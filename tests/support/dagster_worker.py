"""Runs the jobs of shards in this process, as a run worker of Dagster does."""

from __future__ import annotations

import sys

from dagster import DagsterInstance

from examples.fleet.with_dagster import defs


def main(shards: list[str]) -> None:
    """Run them one after the other."""
    instance = DagsterInstance.get()
    for shard in shards:
        job = defs.resolve_job_def(f"load_{shard}")
        job.execute_in_process(instance=instance)


if __name__ == "__main__":
    main(sys.argv[1:])

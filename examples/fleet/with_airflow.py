"""The fleet as DAGs of Airflow 3: one for each interval, with a mapped task for each shard of it.

This file goes where Airflow looks for DAGs, with `examples` on PYTHONPATH. Meltano is in an
environment of its own, as its dependencies and Airflow's differ: FLEET_MELTANO is its path.
"""

from __future__ import annotations

import dataclasses
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, dag, task

from examples.fleet.running import run_shard
from examples.fleet.shards import Fleet

logger = logging.getLogger(__name__)
FLEET = Fleet.read()


def refresh(every_minutes: int) -> DAG:
    """Return the DAG of all shards with an interval."""
    shards = {shard.name: shard for shard in FLEET.shards if shard.every_minutes == every_minutes}

    @task(
        retries=FLEET.retries,
        retry_delay=timedelta(seconds=FLEET.retry_after_seconds),
        retry_exponential_backoff=True,
        map_index_template="{{ task.op_kwargs['shard'] }}",
    )
    def load(shard: str) -> dict[str, Any]:
        summary = run_shard(FLEET, shards[shard], logger.info)
        for stream, figures in summary.streams.items():
            logger.info("%s: %s", stream, figures)
        for reason in summary.reasons:
            logger.warning("%s", reason)
        logger.info("%s: %s", shard, summary.text())
        return dataclasses.asdict(summary) | {"began": summary.began.isoformat()}

    @dag(
        dag_id=f"fleet_every_{every_minutes}_minutes",
        schedule=next(iter(shards.values())).cron,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        # No shard is run twice at a time
        max_active_runs=1,
        tags=["dispatch"],
    )
    def fleet() -> None:
        load.expand(shard=[*shards])

    return fleet()


for minutes in sorted({shard.every_minutes for shard in FLEET.shards}):
    globals()[f"fleet_every_{minutes}_minutes"] = refresh(minutes)

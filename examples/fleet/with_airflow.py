"""The fleet as DAGs of Airflow 3: one for each interval, with a mapped task for each shard of it.

One more DAG, `fleet_freshness`, has a task for each shard, which fails while a tenant is stale.

This file goes where Airflow looks for DAGs, with `examples` on PYTHONPATH. Meltano is in an
environment of its own, as its dependencies and Airflow's differ: FLEET_MELTANO is its path.
"""

from __future__ import annotations

import dataclasses
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Variable, dag, task

from examples.fleet.running import run_shard
from examples.fleet.shards import Fleet, FleetError

logger = logging.getLogger(__name__)
FLEET = Fleet.read()
SHARDS = {shard.name: shard for shard in FLEET.shards}
LABEL = "{{ task.op_kwargs['shard'] }}"


def refresh(every_minutes: int) -> DAG:
    """Return the DAG of all shards with an interval."""
    shards = [shard for shard in FLEET.shards if shard.every_minutes == every_minutes]

    @task(
        retries=FLEET.retries,
        retry_delay=timedelta(seconds=FLEET.retry_after_seconds),
        retry_exponential_backoff=True,
        map_index_template=LABEL,
    )
    def load(shard: str) -> dict[str, Any]:
        summary = run_shard(FLEET, SHARDS[shard], logger.info)
        for stream, figures in summary.streams.items():
            logger.info("%s: %s", stream, figures)
        for reason in summary.reasons:
            logger.warning("%s", reason)
        known = summary.last_read(last_read(shard))
        Variable.set(_variable(shard), known, serialize_json=True)
        fresh = FLEET.freshness(SHARDS[shard], known, datetime.now(UTC))
        logger.info("%s: %s %s", shard, summary.text(SHARDS[shard]), fresh)
        return dataclasses.asdict(summary) | {"began": summary.began.isoformat()}

    @dag(
        dag_id=f"fleet_every_{every_minutes}_minutes",
        schedule=shards[0].cron,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        # No shard is run twice at a time
        max_active_runs=1,
        tags=["dispatch"],
    )
    def fleet() -> None:
        load.expand(shard=[shard.name for shard in shards])

    return fleet()


# Not with the loads: where they fail, or do not start, it has to become red, too
@dag(
    schedule="*/10 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["dispatch"],
)
def fleet_freshness() -> None:
    """Judge all shards."""

    @task(map_index_template=LABEL)
    def judge(shard: str) -> str:
        known, now = last_read(shard), datetime.now(UTC)
        told = FLEET.freshness(SHARDS[shard], known, now)
        if FLEET.stale(SHARDS[shard], known, now):
            raise FleetError(f"Shard {shard}: {told}")
        return told

    judge.expand(shard=[*SHARDS])


def last_read(shard: str) -> dict[int, str]:
    """Return when each tenant of a shard was last read wholly, by number; ISO 8601, UTC."""
    known = Variable.get(_variable(shard), default={}, deserialize_json=True)
    return {int(number): when for number, when in known.items()}


def _variable(shard: str) -> str:
    return f"fleet_last_read_{shard}"


freshness = fleet_freshness()
for minutes in sorted({shard.every_minutes for shard in FLEET.shards}):
    globals()[f"fleet_every_{minutes}_minutes"] = refresh(minutes)

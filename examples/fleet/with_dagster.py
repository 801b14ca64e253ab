"""The fleet as a code location of Dagster: `dagster dev -m examples.fleet.with_dagster`.

For each shard: an asset a stream, which one run of Meltano brings up to date; an asset `tenants`,
which says when each was last read; a check of that, red when one is stale; a schedule.
"""

# No `from __future__ import annotations`: Dagster looks for a class in a context's annotation
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    AssetSpec,
    Backoff,
    DagsterInstance,
    DefaultScheduleStatus,
    Definitions,
    MaterializeResult,
    MetadataValue,
    RetryPolicy,
    ScheduleDefinition,
    TableRecord,
    define_asset_job,
    multi_asset,
    multi_asset_check,
)

from examples.fleet.running import Summary, run_shard
from examples.fleet.shards import Fleet, Shard

CHECK = "no_tenant_is_stale"
LAST_READ = "last_read"
"""Metadata: when each tenant was last read wholly, by number; ISO 8601, UTC."""


def definitions(fleet: Fleet) -> Definitions:
    """Return all that Dagster has to know of a fleet."""
    jobs = {
        shard.name: define_asset_job(
            f"load_{shard.name}", AssetSelection.groups(shard.name).without_checks()
        )
        for shard in fleet.shards
    }
    check = _check(fleet)
    freshness = define_asset_job("freshness", AssetSelection.checks(check))
    return Definitions(
        assets=[_load(fleet, shard) for shard in fleet.shards],
        asset_checks=[check],
        jobs=[*jobs.values(), freshness],
        schedules=[
            *(_schedule(jobs[shard.name], shard.cron) for shard in fleet.shards),
            # Not with the loads: where they fail, or do not start, it has to become red, too
            _schedule(freshness, "*/10 * * * *"),
        ],
    )


def _schedule(job: Any, cron: str) -> ScheduleDefinition:
    running = DefaultScheduleStatus.RUNNING
    return ScheduleDefinition(job=job, cron_schedule=cron, default_status=running)


def _load(fleet: Fleet, shard: Shard) -> AssetsDefinition:
    streams = [
        AssetSpec([shard.name, stream], group_name=shard.name, skippable=True)
        for stream in fleet.streams
    ]
    tenants = AssetSpec(
        _tenants(shard),
        group_name=shard.name,
        description="When each tenant was last read wholly.",
    )

    @multi_asset(
        name=f"load_{shard.name}",
        specs=[*streams, tenants],
        # No more than one run of a shard at a time, with the limit that dagster.yaml sets
        pool=shard.name,
        retry_policy=RetryPolicy(
            max_retries=fleet.retries,
            delay=fleet.retry_after_seconds,
            backoff=Backoff.EXPONENTIAL,
        ),
    )
    def load(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any]]:
        summary = run_shard(fleet, shard, context.log.info)
        context.log.info(summary.text())
        for stream, figures in summary.streams.items():
            yield MaterializeResult(asset_key=[shard.name, stream], metadata=figures)
        last_read = _last_read(context.instance, shard)
        last_read |= dict.fromkeys(map(str, summary.read), summary.began.isoformat())
        yield MaterializeResult(asset_key=_tenants(shard), metadata=_shown(summary, last_read))

    return load


def _shown(summary: Summary, last_read: Mapping[str, str]) -> dict[str, Any]:
    return {
        "rows": summary.rows,
        "seconds": round(summary.seconds, 1),
        "lag_minutes": _lag_minutes(summary, last_read),
        "failed_tenants": ", ".join(map(str, summary.failed)) or "none",
        "tenants": MetadataValue.table(
            [
                TableRecord(
                    {
                        "tenant": str(number),
                        "last_read": last_read.get(str(number), "never"),
                        "this_run": "failed" if number in summary.failed else "read",
                    }
                )
                for number in summary.tenants
            ]
        ),
        "reasons": MetadataValue.md("\n\n".join(summary.reasons) or "none"),
        LAST_READ: MetadataValue.json(dict(last_read)),
    }


def _lag_minutes(summary: Summary, last_read: Mapping[str, str]) -> float | None:
    """Return how long ago the tenant was read that was read the longest ago, if all ever were."""
    times = [last_read.get(str(number)) for number in summary.tenants]
    read = [datetime.fromisoformat(each) for each in times if each]
    if len(read) < len(times):
        return None
    return round((datetime.now(UTC) - min(read)).total_seconds() / 60, 1)


def _check(fleet: Fleet) -> AssetChecksDefinition:
    @multi_asset_check(
        name="freshness",
        specs=[
            AssetCheckSpec(
                CHECK,
                asset=_tenants(shard),
                description=f"Each was read in the last {fleet.stale_after_minutes} minutes.",
            )
            for shard in fleet.shards
        ],
    )
    def freshness(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        for shard in fleet.shards:
            last_read = _last_read(context.instance, shard)
            yield judged(shard, last_read, datetime.now(UTC), fleet.stale_after_minutes)

    return freshness


def judged(
    shard: Shard, last_read: Mapping[str, str], now: datetime, stale_after_minutes: float
) -> AssetCheckResult:
    """Return whether each tenant of a shard was read not long ago.

    Args:
        shard: Which.
        last_read: When each was, by number.
        now: The time.
        stale_after_minutes: What is long ago.
    """
    earliest = now - timedelta(minutes=stale_after_minutes)
    stale = {
        str(number): last_read.get(str(number), "never")
        for number in shard.tenants
        if str(number) not in last_read or datetime.fromisoformat(last_read[str(number)]) < earliest
    }
    told = ", ".join(f"{number} (last read: {when})" for number, when in stale.items())
    return AssetCheckResult(
        check_name=CHECK,
        asset_key=_tenants(shard),
        passed=not stale,
        description=f"Stale: {told}." if stale else "All tenants are fresh.",
        metadata={"stale_tenants": MetadataValue.json(stale)},
    )


def _last_read(instance: DagsterInstance, shard: Shard) -> dict[str, str]:
    event = instance.get_latest_materialization_event(_tenants(shard))
    known = event.asset_materialization.metadata if event and event.asset_materialization else {}
    value: Any = known[LAST_READ].value if LAST_READ in known else {}
    return {str(number): str(when) for number, when in value.items()}


def _tenants(shard: Shard) -> AssetKey:
    return AssetKey([shard.name, "tenants"])


defs = definitions(Fleet.read())

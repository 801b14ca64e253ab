"""The fleet as a code location of Dagster: `dagster dev -m examples.fleet.with_dagster`.

For each shard: an asset a stream, which one run of Meltano brings up to date; an asset `tenants`,
which says when each was last read; a check of that, red when one is stale; a schedule.
"""

# No `from __future__ import annotations`: Dagster looks for a class in a context's annotation
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from dagster import (
    AssetCheckEvaluation,
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

# Private: without it the page compares the clocks, and time zones, of the database and of ours
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from examples.fleet.running import Summary, run_shard
from examples.fleet.shards import NEVER, TENANTS, Fleet, Shard

CHECK = "no_tenant_is_stale"


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
        name=f"refresh_{shard.name}",
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
        context.log.info(summary.text(shard))
        for stream, figures in summary.streams.items():
            yield MaterializeResult(asset_key=[shard.name, stream], metadata=figures)
        known = summary.last_read(last_read(context.instance, shard))
        yield MaterializeResult(asset_key=_tenants(shard), metadata=_shown(shard, summary, known))
        _judge_at_once(fleet, shard, context.instance)

    return load


def _judge_at_once(fleet: Fleet, shard: Shard, instance: DagsterInstance) -> None:
    """Judge a load that has just ended; for Dagster, a verdict from before it is none of it."""
    verdict = judged(fleet, shard, last_read(instance, shard), datetime.now(UTC))
    [load] = instance.fetch_materializations(_tenants(shard), limit=1).records
    # As an event of no run: one of this run would be older than that of a job that began meanwhile
    instance.report_runless_asset_event(
        AssetCheckEvaluation(
            asset_key=_tenants(shard),
            check_name=CHECK,
            passed=verdict.passed,
            description=verdict.description,
            metadata=verdict.metadata,
            target_materialization_data=AssetCheckEvaluationTargetMaterializationData(
                storage_id=load.storage_id, run_id=load.run_id, timestamp=load.timestamp
            ),
        )
    )


def _shown(shard: Shard, summary: Summary, known: Mapping[int, str]) -> dict[str, Any]:
    """Return what the page shows of a run; `known` says when each tenant was last read."""
    lines = [
        TableRecord(
            {
                "tenant": str(number),
                "name": shard.names.get(number, ""),
                "last_read": known.get(number, NEVER),
                "this_run": _this_run(summary, number),
            }
        )
        for number in summary.tenants
    ]
    return {
        "rows": summary.rows,
        "seconds": round(summary.seconds, 1),
        "lag_minutes": _lag_minutes(summary, known),
        "failed_tenants": ", ".join(map(shard.called, summary.failed)) or "none",
        TENANTS: MetadataValue.table(lines),
        "reasons": MetadataValue.md("\n\n".join(summary.reasons) or "none"),
    }


def _this_run(summary: Summary, number: int) -> str:
    if number in summary.failed:
        return "failed"
    return "doubtful" if number in summary.doubtful else "read"


def _lag_minutes(summary: Summary, known: Mapping[int, str]) -> float | None:
    """Return how long ago the tenant was read that was read the longest ago, if all ever were."""
    if not known.keys() >= {*summary.tenants}:
        return None
    earliest = min(datetime.fromisoformat(known[number]) for number in summary.tenants)
    return round((datetime.now(UTC) - earliest).total_seconds() / 60, 1)


def _check(fleet: Fleet) -> AssetChecksDefinition:
    @multi_asset_check(
        name="judge_tenants",
        specs=[
            AssetCheckSpec(
                CHECK,
                asset=_tenants(shard),
                description=f"Fails unless each tenant was read in the last {minutes} minutes.",
            )
            for shard in fleet.shards
            for minutes in [fleet.minutes_until_stale(shard)]
        ],
    )
    def freshness(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        for shard in fleet.shards:
            known = last_read(context.instance, shard)
            yield judged(fleet, shard, known, datetime.now(UTC))

    return freshness


def judged(fleet: Fleet, shard: Shard, known: Mapping[int, str], now: datetime) -> AssetCheckResult:
    """Return whether each tenant of a shard was read not long ago.

    Args:
        fleet: Says what is long ago.
        shard: Which.
        known: When each was last read, by number.
        now: The time.
    """
    stale = {shard.called(number): when for number, when in fleet.stale(shard, known, now).items()}
    return AssetCheckResult(
        check_name=CHECK,
        asset_key=_tenants(shard),
        passed=not stale,
        description=fleet.freshness(shard, known, now),
        metadata={"stale_tenants": MetadataValue.json(stale)},
    )


def last_read(instance: DagsterInstance, shard: Shard) -> dict[int, str]:
    """Return when each tenant of a shard was last read wholly, by number; ISO 8601, UTC."""
    event = instance.get_latest_materialization_event(_tenants(shard))
    if event is None or event.asset_materialization is None:
        return {}
    # Who reports a materialization on the page of the asset leaves no table
    table: Any = event.asset_materialization.metadata.get(TENANTS)
    lines = [record.data for record in table.records] if table else []
    return {int(line["tenant"]): line["last_read"] for line in lines if line["last_read"] != NEVER}


def _tenants(shard: Shard) -> AssetKey:
    return AssetKey([shard.name, TENANTS])


defs = definitions(Fleet.read())

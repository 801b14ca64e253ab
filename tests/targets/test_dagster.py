"""The fleet of examples/fleet under Dagster: two workers, three shards, eight tenants."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from dagster import AssetKey, DagsterEventType, DagsterInstance, DagsterRunStatus

from examples.fleet.shards import Fleet
from examples.fleet.with_dagster import definitions, judged, last_read
from tap_servicetitan_dispatch.sandbox import Access, Faults
from tests.support import fleet as fleets
from tests.support.caller import Caller
from tests.support.fleet import Worker, contractors, counted, edit, expected, finish, loaded
from tests.support.projects import ROOT
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.support.postgresql import PostgreSql
    from tests.support.projects import Project

pytestmark = [pytest.mark.scheduler, pytest.mark.warehouse]

WORKER = (sys.executable, "-m", "tests.support.dagster_worker")
DAGSTER = str(Path(sys.executable).with_name("dagster"))
REVOKED, SLOW = 1_000_000_005, 1_000_000_006


def metadata(instance: DagsterInstance, shard: str, asset: str) -> dict[str, Any]:
    """Return what the page of Dagster shows of the latest materialization of an asset."""
    event = instance.get_latest_materialization_event(AssetKey([shard, asset]))
    assert event
    assert event.asset_materialization
    return {name: each.value for name, each in event.asset_materialization.metadata.items()}


@dataclass(frozen=True)
class World:
    """A fleet with its tenants, its Dagster, and two machines to run it."""

    fleet: Fleet
    caller: Caller
    server: PostgreSql
    instance: DagsterInstance
    one: Worker
    other: Worker

    @property
    def members(self) -> dict[int, Caller]:
        return {number: self.caller.of_tenant(number) for number in self.caller.sandbox.tenants}


def test_two_workers_refresh_eight_tenants_whatever_is_revoked_or_killed(
    tmp_path: Path, project: Project, server: PostgreSql, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = fleets.tenants_yml(tmp_path, target="target-postgres", retry_after_seconds=0)
    fleet = Fleet.read(file)
    (home := tmp_path / "dagster").mkdir()
    described = (ROOT / "examples/fleet/dagster.yaml").read_text(encoding="utf-8")
    before, _, storage = described.partition("# storage:\n")
    storage = "".join(line.removeprefix("# ") for line in storage.splitlines(keepends=True))
    (home / "dagster.yaml").write_text(f"{before}storage:\n{storage}", encoding="utf-8")
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", server.url)
    with (
        Caller.of(tenants=contractors(fleet)) as caller,
        DagsterInstance.from_config(str(home)) as instance,
    ):
        variables = fleets.shared(tmp_path, fleet, caller, server, file) | {
            "DAGSTER_HOME": str(home),
            "DAGSTER_POSTGRES_URL": server.url,
        }
        one, other = (
            Worker.copied_from(project, tmp_path / name, variables) for name in ("one", "other")
        )
        world = World(fleet, caller, server, instance, one, other)
        everything = _load_everything_at_the_same_time(world)
        _a_second_run_of_a_shard_waits(instance)
        assert 0 < _refresh_an_hour_later_without_the_revoked(world) < everything / 2
        _catch_up_though_the_worker_is_killed(world)


def _a_second_run_of_a_shard_waits(instance: DagsterInstance) -> None:
    """Ask for the pool of a shard as two runs do, and for another's."""
    storage = instance.event_log_storage
    claims = [
        storage.claim_concurrency_slot(pool, run, "step")
        for pool, run in (("west", "run one"), ("west", "run two"), ("north", "run three"))
    ]
    assert [claim.is_claimed for claim in claims] == [True, False, True]
    for run in ("run one", "run two", "run three"):
        storage.free_concurrency_slots_for_run(run)


def _load_everything_at_the_same_time(world: World) -> int:
    """Load where nothing has ever been loaded, and return how many rows there are."""
    finish(world.one.start(*WORKER, "north"), world.other.start(*WORKER, "west", "south"))
    rows = 0
    for shard in world.fleet.shards:
        found = loaded(world.server, shard.schema, world.members)
        assert found == expected(world.caller, shard.tenants), "all values, and nobody else's"
        shown = metadata(world.instance, shard.name, "tenants")
        assert shown["rows"] == sum(map(len, found.values()))
        assert shown["failed_tenants"] == "none"
        assert [*last_read(world.instance, shard)] == [*shard.tenants]
        zones = metadata(world.instance, shard.name, "zones")
        assert zones["rows"] == len(found["zones"])
        assert zones["tenants_read"] == len(shard.tenants)
        rows += shown["rows"]
    assert counted(world.server, world.fleet) == rows, "each row once"
    return rows


def _refresh_an_hour_later_without_the_revoked(world: World) -> int:
    """Load what is new, each shard on the other machine, and return how many rows came."""
    first = datetime.now(UTC)
    world.caller.forward(hours=1)
    before = loaded(world.server, "dispatch_south", [REVOKED])
    for each in world.members.values():
        edit(each)
    world.caller.sandbox.tenants[REVOKED].access = Access(refusal="revoked")
    finish(world.other.start(*WORKER, "north"), world.one.start(*WORKER, "west", "south"))
    rows = 0
    for shard in world.fleet.shards:
        read = [number for number in shard.tenants if number != REVOKED]
        failed = [number for number in shard.tenants if number == REVOKED]
        assert loaded(world.server, shard.schema, read) == expected(world.caller, read)
        shown = metadata(world.instance, shard.name, "tenants")
        assert shown["failed_tenants"] == (", ".join(map(str, failed)) or "none")
        assert ("What to do: " in shown["reasons"]) == bool(failed)
        known = last_read(world.instance, shard)
        limit = timedelta(minutes=world.fleet.stale_after_intervals * shard.every_minutes)
        verdict = judged(world.fleet, shard, known, first + limit)
        stale: Any = verdict.metadata["stale_tenants"].value
        assert [*stale] == [*map(str, failed)]
        assert verdict.passed == (not failed)
        rows += shown["rows"]
    assert loaded(world.server, "dispatch_south", [REVOKED]) == before
    return rows


def _catch_up_though_the_worker_is_killed(world: World) -> None:
    """Mend what was revoked, and kill a run of its shard while it is kept waiting."""
    tenants = world.caller.sandbox.tenants
    tenants[REVOKED].access = Access()
    for each in world.members.values():
        edit(each)
    tenants[SLOW].faults = Faults(rate=1, kinds=("rate_limited",), wait=200)
    seen = len(world.caller.sandbox.calls)
    job = ("job", "execute", "-m", "examples.fleet.with_dagster", "-j", "load_south")
    process = world.one.start(DAGSTER, *job)
    until(lambda: 429 in [call.status for call in world.caller.sandbox.calls[seen:]])
    started = psutil.Process(process.pid).children(recursive=True)
    meltano = next(
        each
        for each in started
        if "--state-id=south-to-target-postgres-dispatch_south" in each.cmdline()
    )
    step = meltano.parent()
    assert step
    step.kill()
    # Nothing goes on behind the back of the next try
    psutil.wait_procs([meltano], timeout=30)
    assert not meltano.is_running()
    tenants[SLOW].faults = None
    finish(process)
    south = world.fleet.shards[1]
    assert loaded(world.server, south.schema, world.members) == expected(
        world.caller, south.tenants
    )
    assert metadata(world.instance, "south", "tenants")["failed_tenants"] == "none"
    [run] = world.instance.get_runs(limit=1)
    again = world.instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_RESTARTED)
    assert len(again) == 1
    assert run.status == DagsterRunStatus.SUCCESS
    checks = definitions(world.fleet).resolve_job_def("freshness")
    assert checks.execute_in_process(instance=world.instance).success

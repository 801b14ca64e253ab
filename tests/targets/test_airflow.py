"""The fleet of examples/fleet under Airflow, which `.ci/schedulers` installs beside the rest."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import psutil
import pytest

from examples.fleet.shards import Fleet
from tap_servicetitan_dispatch.sandbox import Access, Faults
from tests.support import fleet as fleets
from tests.support.caller import Caller
from tests.support.fleet import Worker, contractors, counted, edit, expected, finish, loaded
from tests.support.projects import ROOT
from tests.support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.postgresql import PostgreSql
    from tests.support.projects import Project

pytestmark = [pytest.mark.scheduler, pytest.mark.warehouse]

OFTEN, RARELY = "fleet_every_10_minutes", "fleet_every_60_minutes"
"""The DAG of the shards north and south, and that of west."""
FRESHNESS = "fleet_freshness"
REVOKED, SLOW = 1_000_000_005, 1_000_000_006


@dataclass(frozen=True)
class World:
    """A fleet with its tenants, its Airflow, and two machines to run it."""

    airflow: str
    fleet: Fleet
    caller: Caller
    server: PostgreSql
    one: Worker
    other: Worker

    @cached_property
    def members(self) -> dict[int, Caller]:
        return {number: self.caller.of_tenant(number) for number in self.caller.sandbox.tenants}

    def command(self, dag: str) -> tuple[str, ...]:
        return (self.airflow, "dags", "test", dag)


def test_two_workers_refresh_eight_tenants_whatever_is_revoked_or_killed(
    tmp_path: Path, project: Project, server: PostgreSql
) -> None:
    airflow = os.environ.get("FLEET_AIRFLOW")
    if not airflow:
        pytest.skip("FLEET_AIRFLOW names no Airflow; .ci/schedulers makes one")
    file = fleets.tenants_yml(tmp_path, target="target-postgres", retry_after_seconds=0)
    fleet = Fleet.read(file)
    with Caller.of(tenants=contractors(fleet)) as caller:
        variables = fleets.shared(tmp_path, fleet, caller, server, file) | {
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "examples" / "fleet"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": server.url.replace("://", "+psycopg2://"),
            "PYTHONPATH": str(ROOT),
        }
        one, other = (
            Worker.copied_from(project, tmp_path / name, variables) for name in ("one", "other")
        )
        world = World(airflow, fleet, caller, server, one, other)
        # As Airflow's own processor of DAGs does before anything is run
        for command in (("db", "migrate"), ("dags", "reserialize")):
            finish(one.start(airflow, *command))
        before, _ = one.start(*world.command(FRESHNESS)).communicate(timeout=120)
        assert (
            f"Shard south: Stale: 1000000004 (last read: never), {REVOKED} (last read: " in before
        )
        everything = _load_everything_at_the_same_time(world)
        [after] = finish(one.start(*world.command(FRESHNESS)))
        assert "Stale: " not in after, "read a moment ago"
        assert 0 < _refresh_an_hour_later_without_the_revoked(world) < everything / 2
        _catch_up_though_meltano_is_killed(world)


def _load_everything_at_the_same_time(world: World) -> int:
    """Load where nothing has ever been loaded, and return how many rows there are."""
    often, rarely = finish(
        world.one.start(*world.command(OFTEN)), world.other.start(*world.command(RARELY))
    )
    for shard in world.fleet.shards:
        found = loaded(world.server, shard.schema, world.members)
        assert found == expected(world.caller, shard.tenants), "all values, and nobody else's"
        rows, tenants = sum(map(len, found.values())), len(shard.tenants)
        said = rarely if shard.every_minutes == 60 else often
        assert f"{shard.name}: {rows:,} rows of {tenants} of {tenants} tenants in " in said
    return counted(world.server, world.fleet)


def _refresh_an_hour_later_without_the_revoked(world: World) -> int:
    """Load what is new, each shard on the other machine, and return how many rows came of south."""
    world.caller.forward(hours=1)
    before = loaded(world.server, "dispatch_south", [REVOKED])
    for each in world.members.values():
        edit(each)
    world.caller.sandbox.tenants[REVOKED].access = Access(refusal="revoked")
    often, _ = finish(
        world.other.start(*world.command(OFTEN)), world.one.start(*world.command(RARELY))
    )
    for shard in world.fleet.shards:
        read = [number for number in shard.tenants if number != REVOKED]
        assert loaded(world.server, shard.schema, read) == expected(world.caller, read)
    assert loaded(world.server, "dispatch_south", [REVOKED]) == before
    [south] = [line for line in often.splitlines() if "rows of 2 of 3 tenants" in line]
    assert f"Not read, or not wholly: {REVOKED}. All tenants are fresh." in south
    assert "What to do: " in often
    return int(south.partition("south: ")[2].split()[0].replace(",", ""))


def _catch_up_though_meltano_is_killed(world: World) -> None:
    """Mend what was revoked, and kill a run of its shard while it is kept waiting."""
    tenants = world.caller.sandbox.tenants
    tenants[REVOKED].access = Access()
    for each in world.members.values():
        edit(each)
    tenants[SLOW].faults = Faults(rate=1, kinds=("rate_limited",), wait=200)
    seen = len(world.caller.sandbox.calls)
    process = world.one.start(*world.command(OFTEN))
    until(lambda: 429 in [call.status for call in world.caller.sandbox.calls[seen:]], 90)
    started = psutil.Process(process.pid).children(recursive=True)
    meltano = next(
        each
        for each in started
        if "--state-id=south-to-target-postgres-dispatch_south" in each.cmdline()
    )
    for each in (meltano, *meltano.children(recursive=True)):
        each.kill()
    tenants[SLOW].faults = None
    [said] = finish(process)
    assert "Shard south failed: " in said
    assert "try_number=2" in said
    assert re.search(r"south: [\d,]+ rows of 3 of 3 tenants", said)
    for shard in world.fleet.shards[:2]:
        assert loaded(world.server, shard.schema, world.members) == expected(
            world.caller, shard.tenants
        )

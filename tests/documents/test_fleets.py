"""The recipe itself is run by tests/targets/test_fleet.py."""

from __future__ import annotations

import yaml

from examples.fleet.shards import TENANTS_YML, Fleet
from tools.markdown import blocks, commands, section

PAGE = "docs/fleets.md"
(RECIPE,) = blocks(section(PAGE, "A run for each tenant"), "yaml")
PREFIX, *TENANTS = (each["name"] for each in yaml.safe_load(RECIPE)["plugins"]["extractors"])
PREFIX = PREFIX.removesuffix("tenant")
NAMES = [tenant.removeprefix(PREFIX) for tenant in TENANTS]


def test_the_command_of_the_group_runs_its_extractor() -> None:
    text = section(PAGE, "A group in one run")
    ((group,),) = (yaml.safe_load(each)["plugins"].values() for each in blocks(text, "yaml"))
    checks, loads = commands(text)[-2:]
    assert f" invoke {group[0]['name']}:check" in checks
    assert f" el {group[0]['name']} target-postgres --state-id " in loads


def test_each_tenant_of_the_recipe_has_credentials() -> None:
    lines = commands(section(PAGE, "A run for each tenant"))
    variables = [line.partition("=")[0] for line in lines if line.startswith("TAP_")]
    of_tenants = [
        f"{PREFIX}{name}".replace("-", "_").upper() + f"_{credential}"
        for name in NAMES
        for credential in ("CLIENT_ID", "CLIENT_SECRET")
    ]
    assert variables == ["TAP_SERVICETITAN_DISPATCH_APP_KEY", *of_tenants]


def test_the_command_runs_the_tenants_of_the_recipe() -> None:
    command = commands(section(PAGE, "A run for each tenant"))[-1]
    assert f" {' '.join(NAMES)} |" in command
    assert f" el {PREFIX}{{}} " in command
    assert command.endswith("--state-id {}")


def test_the_walk_serves_the_tenants_of_the_fleet_and_has_trouble_with_one_of_them() -> None:
    fleet = Fleet.read(TENANTS_YML)
    numbers = [number for shard in fleet.shards for number in shard.tenants]
    lines = commands(section(PAGE, "A fleet under Dagster"))
    serve = next(line for line in lines if " --tenants " in line)
    assert serve.rpartition(" ")[2] == ",".join(map(str, numbers))
    revoke = next(line for line in lines if line.startswith("curl "))
    [stale] = [number for number in numbers if f"/tenants/{number}/" in revoke]
    load = next(line for line in lines if " job execute " in line)
    [shard] = [shard for shard in fleet.shards if load.endswith(f"-j load_{shard.name}")]
    assert stale in shard.tenants
    pictures = section(PAGE, "See who is stale")
    assert pictures.count(str(stale)) == len(["the command", "a picture", "another"])


def test_other_commands_run_what_there_is() -> None:
    fleet = Fleet.read(TENANTS_YML)
    text = section(PAGE, "On several machines")
    dags = {f"fleet_every_{shard.every_minutes}_minutes" for shard in fleet.shards}
    (dag,) = (line.rpartition(" ")[2] for line in commands(text) if " dags test " in line)
    assert dag in dags
    (shard,) = (line.rpartition(" ")[2] for line in commands(text) if "examples.fleet " in line)
    assert shard in [each.name for each in fleet.shards]

"""The recipe itself is run by tests/targets/test_fleet.py."""

from __future__ import annotations

import ast

import yaml

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


def test_the_sketches_are_well_formed() -> None:
    text = section(PAGE, "What to hand to a scheduler")
    (dag,), (job,) = blocks(text, "python"), blocks(text, "yaml")
    assert f"el {PREFIX}{{tenant}} " in dag
    ast.parse(dag)
    described = yaml.safe_load(job)
    assert described["spec"]["concurrencyPolicy"] == "Forbid"
    (container,) = described["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert f"{PREFIX}{NAMES[0]}" in container["args"]

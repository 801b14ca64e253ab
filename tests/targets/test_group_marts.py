"""Marts of a group one of whose tenants has failed, by the line that the page of fleets shows."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pytest
import requests
import yaml

from tap_servicetitan_dispatch.sandbox import CREDENTIALS, Contractor
from tests.support.caller import Caller
from tests.support.postgresql import PostgreSql
from tests.support.projects import Project
from tools.markdown import blocks, commands, section

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.warehouse

NUMBERS = [1_000_000_001 + number for number in range(8)]
REVOKED = NUMBERS[4]
PAGE = "docs/fleets.md"


def recipe() -> dict[str, Any]:
    """Return what the page adds to meltano.yml, for eight tenants in place of its two."""
    group, marts = (
        yaml.safe_load(blocks(section(PAGE, heading), "yaml")[0])["plugins"]["extractors"][0]
        for heading in ("A group in one run", "Marts of a group")
    )
    config = group["config"] | marts["config"]
    config["tenants"] += NUMBERS[2:]
    return {"plugins": {"extractors": [group | {"config": config}]}}


def test_marts_have_the_others_freshness_says_who_failed_and_stale_ends_the_run(
    installed: Path, tmp_path: Path
) -> None:
    project = Project.copied_to(tmp_path, installed)
    project.describe(recipe())
    (line,) = commands(section(PAGE, "Marts of a group"))
    meltano, *arguments = shlex.split(line)
    assert meltano == ".venv/bin/meltano"
    contractors = [Contractor(number, assignments=20, staff=1) for number in NUMBERS]
    with PostgreSql() as server, Caller.of(tenants=contractors) as caller:
        url = caller.sandbox.url
        access = f"{url}/sandbox/tenants/{REVOKED}/access"
        requests.put(access, json={"refusal": "revoked"}, timeout=10).raise_for_status()
        variables = server.settings | {
            "TAP_SERVICETITAN_DISPATCH_APP_KEY": CREDENTIALS["app_key"],
            "TAP_SERVICETITAN_DISPATCH_CLIENT_ID": CREDENTIALS["client_id"],
            "TAP_SERVICETITAN_DISPATCH_CLIENT_SECRET": CREDENTIALS["client_secret"],
            "TAP_SERVICETITAN_DISPATCH_API_URL": url,
            "TAP_SERVICETITAN_DISPATCH_AUTH_URL": caller.sandbox.token_url,
        }
        with project.start(*arguments, **variables) as process:
            _, log = process.communicate()
        assert process.returncode == 1, log
        assert f"STALE  tenant {REVOKED}, last complete load: never, last trouble: " in log
        assert f"1 of 8 tenants are stale, not loaded to their end for 1h: tenant {REVOKED}" in log
        assert "fresh  Acme South (1000000002)" in log
        (again,) = (
            line
            for line in commands(section("docs/marts.md", "Is everything there"))
            if "--args" in line
        )
        with project.start(*shlex.split(again)[1:], **variables) as process:
            told, _ = process.communicate()
        assert process.returncode == 1, "as in a script of one's own"
        assert len([line for line in told.splitlines() if line.startswith("fresh")]) == 7
        rows = server.query("select distinct tenant_id from dispatch.dispatch_current_assignments")
        assert sorted(row["tenant_id"] for row in rows) == [n for n in NUMBERS if n != REVOKED]
        failed = server.query(
            "select distinct tenant_id from dispatch.dispatch_freshness "
            "where outcome = 'failed' and reason is not null and complete_at is null"
        )
        assert [row["tenant_id"] for row in failed] == [REVOKED]
        tenants = server.query(
            "select tenant_id, tenant_name, last_complete_load is null as never "
            "from dispatch.dispatch_tenants where tenant_name is not null or tenant_id = %s "
            "order by tenant_id",
            REVOKED,
        )
        assert [(*row.values(),) for row in tenants] == [
            (1_000_000_002, "Acme South", False),
            (REVOKED, None, True),
        ]

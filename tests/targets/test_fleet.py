"""Eight tenants at the same time, as docs/fleets.md has it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from copy import deepcopy
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tap_servicetitan_dispatch.sandbox import CREDENTIALS
from tests.support.caller import START, Caller
from tests.support.contents import contents
from tests.support.projects import TAP, Project, records_in
from tests.support.stored import by_jsonl, by_postgres, latest, stored
from tools.markdown import blocks, section

if TYPE_CHECKING:
    from pathlib import Path

    from tests.targets.postgresql import PostgreSql

pytestmark = [
    pytest.mark.warehouse,
    pytest.mark.timeout(300),
    # FastAPI silences it in a way that threads, here a sandbox in each, undo for each other.
    pytest.mark.filterwarnings("ignore::pydantic.warnings.UnsupportedFieldAttributeWarning"),
]

TENANTS = ("north", "south", "east", "west", "lake", "hill", "river", "harbor")
INTO_POSTGRES = TENANTS[:2]


def extractor(tenant: str) -> str:
    return f"{TAP}--{tenant}"


def recipe() -> dict[str, Any]:
    """Return what the document adds to meltano.yml, for the tenants here in place of its two."""
    (text,) = blocks(section("docs/fleets.md", "The recipe"), "yaml")
    described: dict[str, Any] = yaml.safe_load(text)
    common, first, second = described["plugins"]["extractors"]
    assert [first["name"], second["name"]] == [extractor(name) for name in TENANTS[:2]]
    described["plugins"]["extractors"] = [common]
    for number, tenant in enumerate(TENANTS, start=1):
        plugin = deepcopy(first) | {"name": extractor(tenant)}
        plugin["env"]["TENANT"] = credentials(number)["tenant_id"]
        described["plugins"]["extractors"].append(plugin)
    assert second in described["plugins"]["extractors"]
    return described


def credentials(number: int) -> dict[str, str]:
    """Return credentials of which each differs between tenants, but for the app key."""
    own = {name: f"{CREDENTIALS[name]}-{number}" for name in ("client_id", "client_secret")}
    return {**CREDENTIALS, **own, "tenant_id": str(1_000_000_000 + number)}


def settings(tenant: str, caller: Caller) -> dict[str, str]:
    """Return a tenant's own settings, as environment variables."""
    prefix = extractor(tenant).replace("-", "_").upper()
    own = caller.sandbox.credentials
    return {
        f"{prefix}_CLIENT_ID": own["client_id"],
        f"{prefix}_CLIENT_SECRET": own["client_secret"],
        f"{prefix}_API_URL": caller.sandbox.url,
        f"{prefix}_AUTH_URL": caller.sandbox.token_url,
    }


def test_eight_tenants_at_the_same_time_do_not_mix(tmp_path: Path, server: PostgreSql) -> None:
    project = Project.copied_to(tmp_path)
    project.describe(recipe())
    # Compiled once, not by each of the eight
    plugins = (TAP, "target-jsonl", "target-postgres")
    project.meltano("install", *plugins, UV_COMPILE_BYTECODE="1")

    with ExitStack() as stack:
        callers = {
            tenant: stack.enter_context(
                Caller.of(
                    seed=number,
                    assignments=20 * number,
                    at=START + timedelta(hours=number),
                    credentials=credentials(number),
                )
            )
            for number, tenant in enumerate(TENANTS, start=1)
        }
        variables = server.settings | {
            "TAP_SERVICETITAN_DISPATCH_APP_KEY": CREDENTIALS["app_key"],
            "MELTANO_STATE_BACKEND_URI": f"file://{tmp_path}/state",
        }
        for tenant, caller in callers.items():
            variables |= settings(tenant, caller)
        runs = {}
        for tenant in TENANTS:
            target = "target-postgres" if tenant in INTO_POSTGRES else "target-jsonl"
            run = ("el", extractor(tenant), target, "--state-id", tenant)
            runs[tenant] = project.start("--environment=production", *run, **variables)
        for tenant, process in runs.items():
            stdout, stderr = process.communicate()
            assert process.returncode == 0, tenant + stdout + stderr

        tokens = set()
        for tenant, caller in callers.items():
            number = int(caller.sandbox.credentials["tenant_id"])
            if tenant in INTO_POSTGRES:
                tables = server.tables(extractor(tenant).replace("-", "_"))
                by = by_postgres
            else:
                tables = records_in(set((tmp_path / "output" / extractor(tenant)).iterdir()))
                by = by_jsonl
            expected = contents(caller)
            for rows in expected.values():
                for row in rows:
                    row["tenantId"] = number
            assert latest([tables]) == stored(expected, by)

            _, token = caller.whole_export(active="Any")
            state = json.loads((tmp_path / "state" / tenant / "state.json").read_text())
            bookmarks = state["completed"]["singer_state"]["bookmarks"]
            assert bookmarks["appointment_assignments"]["replication_key_value"] == token
            tokens.add(token)
            assert {call.status for call in caller.sandbox.calls} == {200}, "no other's requests"
        assert len(tokens) == len(TENANTS)
        assert {path.name for path in (tmp_path / "state").iterdir()} == set(TENANTS)
        into_files = {extractor(tenant) for tenant in TENANTS if tenant not in INTO_POSTGRES}
        assert {path.name for path in (tmp_path / "output").iterdir()} == into_files

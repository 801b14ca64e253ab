"""Many tenants, as a group in one run and in a run for each, as docs/fleets.md has it."""

from __future__ import annotations

import itertools
import json
from contextlib import ExitStack
from copy import deepcopy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tap_servicetitan_dispatch.sandbox import CREDENTIALS, Contractor
from tests.support.caller import START, Caller
from tests.support.contents import contents
from tests.support.projects import TAP, Project, records_in
from tests.support.stored import by_jsonl, by_postgres, counts, latest, stored
from tests.support.streams import LOG, OFFERED, PAGED
from tools.markdown import blocks, section

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.postgresql import PostgreSql
    from tests.support.runs import Command, Run

Stored = dict[str, dict[Any, dict[str, Any]]]
"""Rows of each stream, by key."""

pytestmark = [
    pytest.mark.warehouse,
    # FastAPI silences it in a way that threads, here a sandbox in each, undo for each other.
    pytest.mark.filterwarnings("ignore::pydantic.warnings.UnsupportedFieldAttributeWarning"),
]

TENANTS = ("north", "south", "east")
INTO_POSTGRES = TENANTS[:1]


def extractor(tenant: str) -> str:
    return f"{TAP}--{tenant}"


def recipe() -> dict[str, Any]:
    """Return what the document adds to meltano.yml, for the tenants here in place of its two."""
    (text,) = blocks(section("docs/fleets.md", "A run for each tenant"), "yaml")
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


# A group in one run ---------------------------------------------------------------------------

NUMBERS = [1_000_000_001 + number for number in range(8)]
NEIGHBOURS = NUMBERS[-2:]
"""Of these two, rows have the same ids and say something else."""


def group_recipe() -> dict[str, Any]:
    """Return what the document adds to meltano.yml, for eight tenants in place of its two."""
    (text,) = blocks(section("docs/fleets.md", "A group in one run"), "yaml")
    described: dict[str, Any] = yaml.safe_load(text)
    (plugin,) = described["plugins"]["extractors"]
    first, second = plugin["config"]["tenants"]
    assert [first, second["tenant_id"]] == NUMBERS[:2]
    plugin["config"]["tenants"] += NUMBERS[2:]
    return described


def test_a_group_is_loaded_in_one_run_then_what_changed(
    tmp_path: Path, installed: Path, server: PostgreSql, tap: Command
) -> None:
    project = Project.copied_to(tmp_path, installed)
    recipe = group_recipe()
    project.describe(recipe)
    group = recipe["plugins"]["extractors"][0]["name"]
    sizes = zip(NUMBERS, (120, 20, 40, 60, 80, 100, 50, 50), strict=True)
    contractors = [
        Contractor(
            number, seed=99 if number in NEIGHBOURS else None, assignments=size, staff=number % 2
        )
        for number, size in sizes
    ]
    loaded: list[dict[str, Any]] = []
    with Caller.of(tenants=contractors) as caller:
        callers = {number: caller.of_tenant(number) for number in NUMBERS}
        north, south = (set(ids_of(callers[number])) for number in NEIGHBOURS)
        assert north & south, "ids collide"
        variables = server.settings | {
            "TAP_SERVICETITAN_DISPATCH_APP_KEY": CREDENTIALS["app_key"],
            "TAP_SERVICETITAN_DISPATCH_CLIENT_ID": CREDENTIALS["client_id"],
            "TAP_SERVICETITAN_DISPATCH_CLIENT_SECRET": CREDENTIALS["client_secret"],
            "TAP_SERVICETITAN_DISPATCH_API_URL": caller.sandbox.url,
            "TAP_SERVICETITAN_DISPATCH_AUTH_URL": caller.sandbox.token_url,
            "TAP_SERVICETITAN_DISPATCH_EXTRA_STREAMS": json.dumps([LOG]),
        }
        for change in (None, edit):
            if change:
                caller.forward(hours=1)
                for each in callers.values():
                    change(each)
            earlier = project.files("jsonl")
            for target in ("target-jsonl", "target-postgres"):
                run = ("el", group, target, "--state-id", target)
                project.meltano("--environment=production", *run, **variables)
            loaded.append(records_in(project.files("jsonl") - earlier))
            tables = server.tables(group.replace("-", "_"))
            for log in (loaded[-1].pop(LOG), tables.pop(LOG)):
                assert {each["tenantId"] for each in log} == {*NUMBERS}
                assert rows_counted(log) == {
                    (number, stream): counts(of_tenant(number, tables))[stream]
                    for number in NUMBERS
                    for stream in OFFERED
                    if stream in {*PAGED, "appointment_assignments"}
                }
            for number, each in callers.items():
                expected = contents(each)
                for row in itertools.chain.from_iterable(expected.values()):
                    row["tenantId"] = number
                files = latest([of_tenant(number, rows) for rows in loaded])
                assert files == stored(expected, by_jsonl), number
                assert latest([of_tenant(number, tables)]) == stored(expected, by_postgres), number
                once = sum(counts(of_tenant(number, tables)).values())
                assert once == total([expected]), "each row once"
        assert total(loaded[1:]) < total(loaded[:1]) / 4
        leave(server, group.replace("-", "_"), project.state("target-postgres"), tap)
        assert {call.status for call in caller.sandbox.calls} == {200}


def leave(server: PostgreSql, schema: str, state: dict[str, Any], tap: Command) -> None:
    """Take a tenant out, as the page of the second day does: of the state and of the tables."""
    gone, *others = NUMBERS
    before = server.tables(schema)
    (path := tap.folder / "group.json").write_text(json.dumps(state))
    run = tap.run(None, None, None, "--group-state", str(path), "--without", str(gone))
    assert run.exit_code == 0, run.stderr
    assert str(gone) not in run.stdout
    server.query(f'set search_path = "{schema}"; {run.stderr}')
    after = server.tables(schema)
    for number in others:
        assert of_tenant(number, after) == of_tenant(number, before)
    assert not any(of_tenant(gone, after).values())


def test_files_of_a_backfill_are_read_by_targets_and_the_next_run_may_do_without(
    tmp_path: Path, installed: Path, server: PostgreSql, tap: Command
) -> None:
    project = Project.copied_to(tmp_path, installed)
    (text,) = blocks(section("docs/fleets.md", "Large backfills"), "yaml")
    (plugin,) = yaml.safe_load(text)
    batches = plugin["config"].pop("batch_config")
    assert batches["storage"]["root"].startswith("s3://")
    batches["storage"]["root"] = (tmp_path / "north").as_uri()
    batches["batch_size"] //= 1000  # so that the feed takes several files
    (tenant,) = plugin["config"]["tenants"]
    state = None
    with Caller.of(tenants=[Contractor(tenant, assignments=150)]) as whole:
        caller = whole.of_tenant(tenant)
        config = project.tap_config | plugin["config"]
        config |= {"environment": "sandbox", "api_url": caller.sandbox.url}
        for change, further in ((None, {"batch_config": batches}), (edit, {})):
            if change:
                change(caller)
            run = tap.run(config | further, state, streams=None)
            assert run.exit_code == 0, run.stderr
            state = run.states[-1]
            loaded = project.pipe(
                run.stdout,
                "target-postgres",
                **server.target_settings,
                default_target_schema="batched",
            )
            assert loaded.returncode == 0, loaded.stderr
            expected = contents(caller)
            for row in itertools.chain.from_iterable(expected.values()):
                row["tenantId"] = tenant
            found = latest([server.tables("batched")])
            assert cut(found, stored(expected, by_postgres)), "the first files were rounded"
            assert found == stored(expected, by_postgres)
            if further:
                assert not run.records
                assert len(batch_files(run)) > len(OFFERED)
                csv = project.pipe(run.stdout, "target-csv", output_path=str(tmp_path / "csv"))
                assert csv.returncode == 0, csv.stderr
                assert project.pipe(run.stdout, "target-jsonl").returncode
            else:
                assert 0 < len(run.records) < total([expected]) / 4


def cut(found: Stored, expected: Stored) -> bool:
    """Cut the times that were rounded to the next microsecond, and return whether any were."""
    rounded = [
        (row, name, value)
        for stream, rows in expected.items()
        for key, expected_row in rows.items()
        for row in [found[stream].get(key, {})]
        for name, value in expected_row.items()
        if isinstance(value, datetime) and row.get(name) == value + timedelta(microseconds=1)
    ]
    for row, name, value in rounded:
        row[name] = value
    return bool(rounded)


def batch_files(run: Run) -> list[str]:
    """Return the addresses of the files whose names the tap has given the target."""
    batches = (each for each in run.messages if each["type"] == "BATCH")
    return [name for each in batches for name in each["manifest"]]


def rows_counted(log: list[dict[str, Any]]) -> dict[tuple[int, str], int]:
    """Return how many rows the API had last, by tenant and stream, where it counts them."""
    in_order = sorted(log, key=lambda each: each["endedAt"])
    counts = {(each["tenantId"], each["stream"]): each["sourceRows"] for each in in_order}
    return {key: count for key, count in counts.items() if count is not None}


def ids_of(caller: Caller) -> list[int]:
    return [row["id"] for row in caller.rows("appointment-assignments", active="Any")]


def edit(caller: Caller) -> None:
    """Add a zone, edit one, and delete one."""
    first, second, *_ = caller.get("zones")["data"]
    caller.send("POST", "zones", {"name": f"New at {caller.tenant_id}"})
    caller.send("PATCH", f"zones/{first['id']}", {"name": f"Edited at {caller.tenant_id}"})
    caller.send("DELETE", f"zones/{second['id']}")


def of_tenant(number: int, rows: dict[str, Any]) -> dict[str, Any]:
    return {
        stream: [row for row in those if row["tenantId"] == number]
        for stream, those in rows.items()
    }


def total(loaded: list[dict[str, Any]]) -> int:
    return sum(len(rows.get(stream, ())) for rows in loaded for stream in OFFERED)


# A run for each -------------------------------------------------------------------------------


def test_several_tenants_at_the_same_time_do_not_mix(
    tmp_path: Path, installed: Path, server: PostgreSql
) -> None:
    project = Project.copied_to(tmp_path, installed)
    project.describe(recipe())
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
            started = project.start("--environment=production", *run, **variables)
            runs[tenant] = stack.enter_context(started)
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
        assert {path.name for path in (tmp_path / "output").glob("[!.]*")} == into_files

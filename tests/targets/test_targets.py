"""Into each target: everything once, then what has changed, compared with what the sandbox has."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.support.bodies import NEW_SHIFT
from tests.support.caller import Caller
from tests.support.contents import contents
from tests.support.postgresql import TIME_ZONE
from tests.support.projects import TAP, records_in
from tests.support.scripted_api import listed, routed
from tests.support.stored import (
    HISTORY,
    by_csv,
    by_duckdb,
    by_jsonl,
    by_postgres,
    counts,
    latest,
    rows_in_csv,
    stored,
)
from tests.support.streams import LOG, OFFERED, PAGED, PATHS
from tools.markdown import blocks, section

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.postgresql import PostgreSql
    from tests.support.projects import Project
    from tests.support.runs import Command
    from tests.support.scripted_api import ScriptedApi

# The first one has Meltano install all plugins
pytestmark = pytest.mark.warehouse

# What text and numbers may do to a file or a table
AWKWARD = {
    "name": "North \"9\", Süd;\n\t'\\n' 👍 {NULL}",
    "zips": ["01234", 'a,"b"', "", "null"],
    "businessUnits": [2**53 + 1, 2**63 - 1],
}


@pytest.fixture
def board() -> Iterator[Caller]:
    with Caller.of(assignments=150) as caller:
        caller.send("POST", "zones", AWKWARD)
        technician = caller.get("technician-shifts")["data"][0]["technicianId"]
        shift = NEW_SHIFT | {"technicianIds": [technician], "note": ""}
        caller.send("POST", "technician-shifts", shift)
        yield caller


QUERIES = blocks(section("docs/operations.md", "See that everything is there"), "sql")


def edit(board: Caller) -> None:
    """Let an hour pass at the office, and an assignment and zones be taken back and edited."""
    planned = [
        row
        for row in board.rows(PATHS["appointment_assignments_list"], active="True")
        if row["status"] == "Scheduled"
    ]
    row = max(planned, key=lambda each: each["modifiedOn"])
    crew = {"jobAppointmentId": row["appointmentId"], "technicianIds": [row["technicianId"]]}
    board.send("POST", "appointment-assignments/unassign-technicians", crew)
    board.forward(hours=1)
    first, second, *_ = board.get("zones")["data"]
    board.send("POST", "zones", AWKWARD | {"name": "New"})
    board.send("PATCH", f"zones/{first['id']}", {"name": "Edited"})
    board.send("DELETE", f"zones/{second['id']}")


def loads(
    tap: Command, project: Project, board: Caller, target: str, **settings: Any
) -> Iterator[None]:
    """Load the board, and then what changed, without Meltano and with all that meltano.yml sets."""
    config = project.tap_config | {
        "environment": "sandbox",
        "api_url": board.sandbox.url,
        "detect_deleted_every_hours": 24,
    }
    state = None
    for change in (None, edit):
        if change:
            change(board)
        read = tap.run(config, state, streams=None)
        assert read.exit_code == 0, read.stderr
        loaded = project.pipe(read.stdout, target, **settings)
        assert loaded.returncode == 0, loaded.stderr
        state = read.states[-1]
        yield


def variables(board: Caller) -> dict[str, str]:
    """Lead the tap to the sandbox; and not every target knows what ACTIVATE_VERSION is."""
    return {
        "TAP_SERVICETITAN_DISPATCH_API_URL": board.sandbox.url,
        "TAP_SERVICETITAN_DISPATCH_DETECT_DELETED_EVERY_HOURS": "24",
    }


def count(rows: dict[str, Any]) -> int:
    return sum(map(len, rows.values()))


def assert_keeps_versions(
    tables: dict[str, list[dict[str, Any]]], before: set[tuple[Any, Any]]
) -> set[tuple[Any, Any]]:
    """Each version is there once, with those of earlier loads, and all else once; return them."""
    versions = {(row["id"], row["modifiedOn"]) for row in tables[HISTORY]}
    assert before <= versions
    assert len(versions) == len(tables[HISTORY])
    assert (len(versions) > counts(tables)[HISTORY]) == bool(before)
    assert sum(counts(tables).values()) == count(latest([tables])), "each row once"
    return versions


def test_the_board_has_what_is_hard_to_load(board: Caller) -> None:
    rows = contents(board)
    assert all(rows[stream] for stream in OFFERED)
    values = [value for stream in OFFERED for row in rows[stream] for value in row.values()]
    assert None in values
    assert "" in values
    assert [] in values
    assert any(isinstance(value, int) and value > 2**31 for value in values)
    assert any(isinstance(value, str) and value[-9:-8] == "." for value in values), "7 digits"
    assert any(isinstance(value, list) and value and isinstance(value[0], dict) for value in values)


def test_jsonl_keeps_all_values_and_adds_changed_rows_as_the_schedule_runs(
    project: Project, board: Caller
) -> None:
    earlier = project.files("jsonl")
    state = f"sandbox:{TAP}-to-target-jsonl"  # where the job, too, looks for it
    project.meltano("el", TAP, "target-jsonl", "--state-id", state, **variables(board))
    first = records_in(project.files("jsonl") - earlier)
    assert latest([first]) == stored(contents(board), by_jsonl)
    assert count(first) == count(latest([first])), "each row once"

    earlier = project.files("jsonl")
    edit(board)
    project.meltano("schedule", "run", "every-ten-minutes", **variables(board))
    second = records_in(project.files("jsonl") - earlier)
    assert latest([first, second]) == stored(contents(board), by_jsonl)
    assert count(second) < count(first) / 4


def test_csv_keeps_values_as_text_and_adds_files_of_changed_rows(
    project: Project, board: Caller, tap: Command, tmp_path: Path
) -> None:
    loaded: list[dict[str, Any]] = []
    files: set[Path] = set()
    for _ in loads(tap, project, board, "target-csv", output_path=str(tmp_path)):
        found = {*tmp_path.glob("*.csv")}
        loaded.append(rows_in_csv(found - files))
        files |= found
        assert latest(loaded) == stored(contents(board), by_csv)
    first, second = loaded
    assert count(first) == count(latest([first])), "each row once"
    assert count(second) < count(first) / 4


def test_postgres_has_exactly_the_rows_that_the_sandbox_has(
    project: Project, board: Caller, server: PostgreSql
) -> None:
    log = {"TAP_SERVICETITAN_DISPATCH_EXTRA_STREAMS": json.dumps([LOG])}
    versions: set[tuple[Any, Any]] = set()
    for loads, change in enumerate((None, edit), start=1):
        if change:
            change(board)
        run = ("el", TAP, "target-postgres", "--state-id", "postgres")
        with project.start(*run, **variables(board), **server.settings, **log) as process:
            _, logged = process.communicate()
        assert process.returncode == 0, logged
        assert "zones: " in logged
        assert [line for line in logged.splitlines() if " target-postgres " in line] == []
        tables = server.tables(TAP.replace("-", "_"))
        assert len(tables.pop(LOG)) == loads * len(OFFERED)
        versions = assert_keeps_versions(tables, versions)
        assert latest([tables]) == stored(contents(board), by_postgres)

        fresh, counted = (server.query(each) for each in QUERIES)
        assert {(each["stream"], each["tenantId"]) for each in fresh} == {
            (stream, board.tenant_id) for stream in OFFERED
        }
        assert {each["trouble"] for each in fresh} == {None}
        now = datetime.now(UTC).replace(tzinfo=None)
        assert all(now - each["complete_at"] < timedelta(minutes=5) for each in fresh)
        assert {each["stream"]: each["loaded"] for each in counted} == {
            stream: counts(tables)[stream]
            for stream in (*PAGED, "appointment_assignments")
            if stream in OFFERED
        }
        assert {each["missing"] for each in counted} == {0}
    gone = "update tap_servicetitan_dispatch.zones set _sdc_deleted_at = now() where not active"
    server.query(gone)
    missing = {each["stream"]: each["missing"] for each in server.query(QUERIES[1])}
    assert {stream for stream, count in missing.items() if count} == {"zones"}


def test_duckdb_has_the_rows_that_the_sandbox_has_but_no_empty_text(
    project: Project, board: Caller, tap: Command, tmp_path: Path
) -> None:
    versions: set[tuple[Any, Any]] = set()
    file = tmp_path / "warehouse.duckdb"
    where = {"filepath": str(file), "default_target_schema": "here"}
    for _ in loads(tap, project, board, "target-duckdb", **where):
        tables = {}
        with duckdb.connect(str(file)) as warehouse:
            for stream, keys in contents(board).items():
                if stream not in OFFERED:
                    continue
                found = warehouse.execute(f"from here.{stream}").fetchall()
                lower = [column[0] for column in warehouse.description or ()]
                names = {name.lower(): name for row in keys for name in row}
                tables[stream] = [
                    {
                        names.get(name, name): value
                        for name, value in zip(lower, row, strict=True)
                        if not name.startswith("_sdc_") and name != "continuefrom"
                    }
                    for row in found
                ]
        versions = assert_keeps_versions(tables, versions)
        assert latest([tables]) == stored(contents(board), by_duckdb)


# What the sandbox would not take

LATER = "2026-11-02T08:00:00Z"
ODD = {
    "id": 1,
    "name": "a\0b",
    "zips": [None, "\0"],
    "businessUnits": [None, 7],
    "modifiedOn": LATER,
}
INTEGER = {"id": 2, "name": 3, "serviceDays": [1], "modifiedOn": LATER}
"""Integers where the schema has texts, as of an enum."""


@pytest.fixture
def lines_of(api: ScriptedApi, tap: Command) -> Callable[..., str]:
    """Return what the tap writes where the API has some zones."""

    def lines(*rows: dict[str, Any], **settings: Any) -> str:
        api.reply = routed({PATHS["zones"]: listed(*rows)})
        config = api.config | settings
        run = tap.run(config, None, tap.discover("zones", **config))
        assert run.exit_code == 0, run.stderr
        return run.stdout

    return lines


def test_jsonl_keeps_nulls_and_null_characters_and_refuses_integers_for_texts(
    project: Project, lines_of: Callable[..., str], tmp_path: Path
) -> None:
    settings = {"destination_path": str(tmp_path)}
    assert not project.pipe(lines_of(ODD), "target-jsonl", **settings).returncode
    assert records_in({*tmp_path.glob("zones-*.jsonl")}) == {"zones": [ODD]}
    run = project.pipe(lines_of(INTEGER), "target-jsonl", **settings)
    assert (run.returncode, "is not of type" in run.stderr, run.stdout) == (1, True, "")


def test_csv_keeps_nulls_and_null_characters_and_has_integers_as_text(
    project: Project, lines_of: Callable[..., str], tmp_path: Path
) -> None:
    run = project.pipe(lines_of(ODD, INTEGER), "target-csv", output_path=str(tmp_path))
    assert not run.returncode, run.stderr
    [odd, integer] = rows_in_csv(tmp_path.glob("zones-*.csv"))["zones"]
    assert {name: odd[name] for name in ODD} == {name: by_csv(ODD[name]) for name in ODD}
    assert (integer["name"], integer["serviceDays"]) == ("3", "[1]")


def test_postgres_keeps_nulls_replaces_null_characters_and_has_integers_as_text(
    project: Project, lines_of: Callable[..., str], server: PostgreSql
) -> None:
    settings = server.target_settings | {"default_target_schema": "odd"}
    run = project.pipe(lines_of(ODD, INTEGER), "target-postgres", **settings)
    assert not run.returncode, run.stderr
    odd, integer = server.query('select * from odd.zones order by "id"')
    replaced = {"name": "a\ufffdb", "zips": [None, "\ufffd"], "businessUnits": [None, 7]}
    assert {name: odd[name] for name in replaced} == replaced
    assert (integer["name"], integer["serviceDays"]) == ("3", ["1"])
    without = {"sanitize_null_text_characters": False}
    run = project.pipe(lines_of(ODD), "target-postgres", **settings, **without)
    assert run.returncode, "the setting is needed no more"


def test_duckdb_keeps_nulls_and_null_characters_and_has_integers_as_text(
    project: Project, lines_of: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "values.duckdb"
    settings = {"filepath": str(file), "default_target_schema": "odd"}
    run = project.pipe(lines_of(ODD, INTEGER), "target-duckdb", **settings)
    assert not run.returncode, run.stderr
    query = "select name, zips, businessunits, servicedays from odd.zones order by id"
    with duckdb.connect(str(file)) as warehouse:
        odd, integer = warehouse.execute(query).fetchall()
    assert odd == ("a\0b", '[null, "\\u0000"]', "[null, 7]", None)
    assert integer == ("3", None, None, "[1]")


VERSIONS = [{"id": 1, "modifiedOn": f"2026-11-0{day}T08:00:00Z"} for day in (1, 2, 3)]
KEPT = {"keep_history": ["zones"]}


def test_postgres_refuses_rows_with_another_key_than_the_table_has_whichever_is_longer(
    project: Project, lines_of: Callable[..., str], server: PostgreSql
) -> None:
    for schema, before, after in (("longer", {}, KEPT), ("shorter", KEPT, {})):
        settings = server.target_settings | {"default_target_schema": schema}
        good, bad = lines_of(*VERSIONS[:2], **before), lines_of(VERSIONS[2], **after)
        run = project.pipe(good, "target-postgres", **settings)
        assert not run.returncode, run.stderr
        run = project.pipe(bad, "target-postgres", **settings)
        assert (run.returncode, "duplicate key" in run.stderr) == (1, True)


def test_duckdb_refuses_them_too(
    project: Project, lines_of: Callable[..., str], tmp_path: Path
) -> None:
    settings = {"filepath": str(tmp_path / "a.duckdb"), "default_target_schema": "longer"}
    run = project.pipe(lines_of(VERSIONS[0]), "target-duckdb", **settings)
    assert not run.returncode, run.stderr
    run = project.pipe(lines_of(VERSIONS[1], **KEPT), "target-duckdb", **settings)
    assert (run.returncode, "Duplicate key" in run.stderr) == (1, True)


def test_the_server_is_of_the_version_that_the_page_names(server: PostgreSql) -> None:
    assert f"Tested with PostgreSQL {server.version}," in section(
        "docs/warehouses.md", "PostgreSQL"
    )


def test_the_server_is_not_in_utc_of_itself(server: PostgreSql) -> None:
    """Else nothing would show that the session has to be."""
    assert server.query("show timezone") == [{"TimeZone": TIME_ZONE}]

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import yaml

from tests.support.caller import Caller
from tests.support.contents import contents
from tools.markdown import ROOT, blocks, cells, commands, rows, section

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.no_cover

PAGE = "docs/warehouses.md"
TITLE_TO_FIRST_HEADING = (ROOT / PAGE).read_text(encoding="utf-8").partition("\n## ")[0]
PROJECT = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
LOADERS = {loader["name"]: loader for loader in PROJECT["plugins"]["loaders"]}


def test_the_loaders_are_those_of_the_project_in_their_versions() -> None:
    named = [cells(row)[:2] for row in rows(TITLE_TO_FIRST_HEADING)]
    assert named == [[f"`{name}`", f"`{each['pip_url']}`"] for name, each in LOADERS.items()]


def test_it_says_of_each_loader_what_becomes_of_values() -> None:
    head = section(PAGE, "What becomes of values").strip().splitlines()[0]
    assert cells(head)[1:] == [f"`{name}`" for name in LOADERS]


def test_there_is_a_job_for_each_loader_and_a_schedule_of_ten_minutes() -> None:
    jobs = {job["name"]: job["tasks"] for job in PROJECT["jobs"]}
    assert jobs == {
        name.replace("target-", "load-"): [f"tap-servicetitan-dispatch {name}"] for name in LOADERS
    }
    (schedule,) = PROJECT["schedules"]
    assert schedule["interval"] == "*/10 * * * *"
    ran = [line.split()[-1] for line in commands(TITLE_TO_FIRST_HEADING) if " run " in line]
    assert ran == [schedule["job"], schedule["name"]]


def test_the_settings_that_prevent_harm_are_set() -> None:
    csv = {setting["name"]: setting["value"] for setting in LOADERS["target-csv"]["settings"]}
    assert "{timestamp}" in csv["file_naming_scheme"]
    assert csv["flattening_enabled"] is True
    assert LOADERS["target-postgres"]["env"]["PGTZ"] == "UTC"
    of_postgres = LOADERS["target-postgres"]["settings"]
    assert ("sanitize_null_text_characters", True) in {
        (setting["name"], setting.get("value")) for setting in of_postgres
    }


def test_the_settings_for_speed_are_those_that_the_page_has_figures_for() -> None:
    """The tests of `tests/targets` compare all values with them."""
    on_page = {tuple(cells(row)[:2]) for row in rows(section(PAGE, "Settings for speed"))}
    names = {"validate_records", "use_copy", "batch_size_rows"}
    assert on_page == {
        (f"`{loader}`", f"`{setting['name']}: {str(setting['value']).lower()}`")
        for loader, each in LOADERS.items()
        for setting in each["settings"]
        if setting["name"] in names
    }


def test_duckdb_writes_the_latest_row_of_each_key_as_parquet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (snippet,) = blocks(section(PAGE, "Parquet"), "sql")
    (tmp_path / "output").mkdir()
    monkeypatch.chdir(tmp_path)
    for run, time in enumerate(("15:00:00.1234567Z", "15:00:00.1234577Z")):
        row = {"id": 2**40 + 1, "modifiedOn": f"2026-06-18T{time}", "status": str(run)}
        file = tmp_path / f"output/appointment_assignments-20260618T15000{run}.jsonl"
        file.write_text(json.dumps(row) + "\n")
    with duckdb.connect() as database:
        database.execute(snippet)
        found = database.execute(
            """select id, status, epoch_us("modifiedOn") % 1000000 """
            "from 'output/appointment_assignments.parquet'"
        ).fetchall()
    assert found == [(2**40 + 1, "1", 123457)]


def test_duckdb_finds_the_latest_row_of_each_key_in_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(run: int, new: list[dict[str, Any]]) -> None:
        lines = [json.dumps(row) + "\n" for row in new]
        (output / f"appointment_assignments-20260618T15000{run}.jsonl").write_text("".join(lines))

    output = tmp_path / "output"
    output.mkdir()
    monkeypatch.chdir(tmp_path)
    (snippet,) = blocks(section(PAGE, "DuckDB"), "sql")
    with Caller.of(assignments=600) as caller:
        before = contents(caller)["appointment_assignments"]
        caller.forward(hours=1)
        after = contents(caller)["appointment_assignments"]
    changed = [row for row in after if row not in before]
    assert {row["id"] for row in changed} & {row["id"] for row in before}
    load(1, before)
    load(2, changed)

    with duckdb.connect() as database:
        counted = database.execute(snippet).fetchall()
        found = database.execute("select id, status, active from appointment_assignments")
        latest = sorted(found.fetchall())

    expected = [(row["id"], row["status"], row["active"]) for row in after]
    assert latest == sorted(expected)
    statuses = [status for _, status, active in expected if active]
    assert counted == [(status, statuses.count(status)) for status in sorted(set(statuses))]


def test_duckdb_guesses_no_type_and_a_later_load_is_never_older(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times of whole seconds in one file, and a column that is null for a long time."""
    monkeypatch.chdir(tmp_path)
    (snippet,) = blocks(section(PAGE, "DuckDB"), "sql")
    blank: dict[str, Any] = {"isPaused": None, "modifiedOn": None}
    first = [{"id": number, **blank} for number in range(30_000)]
    first[0]["modifiedOn"] = "2026-06-18T15:00:00Z"
    first[1]["modifiedOn"] = "2026-06-18T15:00:00Z"
    first[-1]["isPaused"] = True
    later: list[dict[str, Any]] = [
        {"id": 0, "modifiedOn": "2026-06-18T15:00:00.5Z", "status": "Done"},
        {"id": 1, "modifiedOn": "2026-06-18T14:00:00.5Z", "status": "moved back"},
        {"id": 2, "modifiedOn": None, "status": "lost"},
    ]
    (tmp_path / "output").mkdir()
    for run, new in enumerate((first, later)):
        file = tmp_path / f"output/appointment_assignments-20260618T15000{run}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in new))
    with duckdb.connect() as database:
        database.execute(snippet)
        found = database.execute(
            'select id, status, "isPaused" from appointment_assignments '
            "where id in (0, 1, 2, 29999) order by id"
        ).fetchall()
    assert found == [
        (0, "Done", None),
        (1, "moved back", None),
        (2, "lost", None),
        (29_999, None, True),
    ]


def test_the_duckdb_that_loses_rows_is_the_one_that_is_tested() -> None:
    assert f"DuckDB {duckdb.__version__}," in section(PAGE, "DuckDB").replace("\n", " ")

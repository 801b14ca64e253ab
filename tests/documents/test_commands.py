"""Every command that the documents show is run: here, or in the test that is named for it here."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

import pytest

from tests.support.caller import Caller
from tests.support.shell import run_shell
from tools.markdown import PAGES, ROOT, commands, exists

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.projects import Project

EL = (
    "tests/meltano/test_el.py"
    "::test_meltano_loads_everything_once_then_what_changed_and_everything_when_told"
)
BOARD = "tests/documents/test_readme.py::test_what_is_changed_in_the_sandbox_arrives"
TARGETS = "tests/targets/test_targets.py"
PAGE = "tests/transform/test_page.py::test_both_databases_give_the_same_page"
SERVED = "tests/page/test_cli.py::test_meltano_has_commands_that_there_are"
BUILD = "tests/transform/test_marts.py::test_a_model_has_the_same_rows_in_both_databases"
WEEK = "tests/meltano/test_week.py::test_meltano_runs_it_with_the_folder_from_which_dbt_reads"
STALE = (
    "tests/targets/test_group_marts.py"
    "::test_marts_have_the_others_freshness_says_who_failed_and_stale_ends_the_run"
)
FLEET = "test_two_workers_refresh_eight_tenants_whatever_is_revoked_or_killed"
DAGSTER, AIRFLOW = (f"tests/targets/test_{engine}.py::{FLEET}" for engine in ("dagster", "airflow"))
RUN_BY = {
    r"\.venv/bin/meltano install tap-servicetitan-dispatch .*|\.venv/bin/dagster job .*": DAGSTER,
    r"mkdir -p output/dagster .*|export DAGSTER_HOME=.*": DAGSTER,
    r"export (AIRFLOW_HOME|PYTHONPATH)=.*|output/airflow/bin/airflow .*": AIRFLOW,
    r"\.venv/bin/python -m examples\.fleet north": (
        "tests/examples/test_fleet.py::test_a_command_runs_shards_without_an_engine"
    ),
    r"\.venv/bin/python -m benchmarks\.fleet .*": (
        "tests/test_benchmarks.py::test_a_small_fleet_is_measured"
    ),
    r"python3 -m venv .*/meltano el tap-servicetitan-dispatch target-jsonl .*": EL,
    r"\$\(\.venv/bin/meltano .* --curl zones\).*|TAP_SERVICETITAN_DISPATCH_API_URL=http.*": BOARD,
    r"\.venv/bin/meltano run load-jsonl|.* schedule run every-ten-minutes": (
        f"{TARGETS}::test_jsonl_keeps_all_values_and_adds_changed_rows_as_the_schedule_runs"
    ),
    r"export TARGET_POSTGRES_.*|\.venv/bin/meltano run load-postgres": (
        f"{TARGETS}::test_postgres_has_exactly_the_rows_that_the_sandbox_has"
    ),
    r"\.venv/bin/meltano run load-duckdb": (
        f"{TARGETS}::test_duckdb_has_the_rows_that_the_sandbox_has_but_no_empty_text"
    ),
    r"TAP_SERVICETITAN_DISPATCH_(APP_KEY|CLIENT_ID|CLIENT_SECRET)=.*": (
        "tests/targets/test_fleet.py::test_a_group_is_loaded_in_one_run_then_what_changed"
    ),
    r"TAP_SERVICETITAN_DISPATCH__\w+=.*|\.venv/bin/meltano install|printf .*": (
        "tests/targets/test_fleet.py::test_several_tenants_at_the_same_time_do_not_mix"
    ),
    r"\.venv/bin/meltano (run .*|invoke) dbt-(duckdb|postgres):build": BUILD,
    r"\.venv/bin/meltano run .* dispatch-page:build(-postgres)?": PAGE,
    r"\.venv/bin/meltano invoke dispatch-page:serve": SERVED,
    r"\.venv/bin/python -m tools\.picture .*": (
        "tests/page/test_browser.py::test_the_picture_of_the_documents_is_of_the_board"
    ),
    r"\.venv/bin/meltano --environment=week run dbt-duckdb:build": BUILD,
    r"\.venv/bin/meltano --environment=week run dbt-duckdb:build dispatch-page:build": PAGE,
    r"\.venv/bin/meltano invoke dbt-(duckdb|postgres):stale.*": STALE,
    r"\.venv/bin/meltano invoke dbt-(duckdb|postgres)(:hours-tomorrow| show .*)": (
        "tests/transform/test_marts.py::test_dbt_shows_who_has_hours_tomorrow_and_what_a_command_asks"
    ),
    r"\.venv/bin/meltano --environment=week invoke .*:week( .*)?": WEEK,
    r".* --isolated --no-dev --group browser --all-extras python -m benchmarks": (
        "tests/test_benchmarks.py::test_the_command_prints_its_table_and_keeps_its_figures"
    ),
    r"\.venv/bin/python -m tools\.definition .*": (
        "tests/test_definition.py::test_the_command_ends_with_one_if_anything_differs"
    ),
    r"\.venv/bin/python -m tools\.generate": (
        "tests/documents/test_generated.py::test_the_command_names_what_would_change_and_changes_it_only_when_told"
    ),
    r"\.venv/bin/python -m tools\.board": (
        "tests/sandbox/test_believable.py::test_the_command_prints_the_figures_and_tells_whether_they_are_as_they_should_be"
    ),
    r".* --snapshot-update": (
        "tests/documents/test_contributing.py::test_the_recipe_runs_tests_that_there_are"
    ),
    r"\.venv/bin/pre-commit install": (
        "tests/documents/test_pre_commit.py::test_a_commit_is_checked_without_a_network"
    ),
    r"\.venv/bin/python -m tests\.soak .*": (
        "tests/documents/test_contributing.py::test_the_soak_is_started_with_options_that_it_has"
    ),
    r".* invoke tap-servicetitan-dispatch:sandbox --missing-scopes .*": (
        "tests/test_check.py::test_an_application_that_is_refused_everywhere_is_told_apart_from_one_without_a_scope"
    ),
    r".* invoke tap-servicetitan-dispatch:sandbox --tenants .*|curl -X PUT .*/sandbox/tenants/.*": (
        "tests/documents/test_sandbox.py::test_one_of_the_tenants_is_in_trouble"
    ),
    r"(TAP_\w+=\S+ )?\.venv/bin/meltano invoke tap-servicetitan-dispatch:check": (
        "tests/meltano/test_el.py::test_meltano_checks_with_the_settings_of_the_project"
    ),
    r"meltano (add .*--from-ref|config set .* _pip_url|install) .*": (
        "tests/hub/test_definition.py::test_added_from_the_file_the_plugin_loads_no_stream_that_was_not_asked_for"
    ),
    r"tap-servicetitan-dispatch --config config\.json --survey --survey-memory memory\.json": (
        "tests/survey/test_memory.py::test_the_command_keeps_what_the_next_one_compares_itself_with"
    ),
    r"servicetitan-sandbox --like survey\.json": (
        "tests/survey/test_like.py::test_options_win_over_the_survey"
    ),
    r"\.venv/bin/meltano invoke tap-servicetitan-dispatch:sandbox( --speed 0 .*)?": (
        "tests/documents/test_readme.py::test_the_demo_of_faults_uses_options_and_settings_that_there_are"
    ),
}
"""What is run elsewhere, and by which test."""
RUN_BY_CI = {
    r"\.ci/test( tests/\w+)*": "run .ci/test",
    r"\.venv/bin/pytest -q -n 4 (--cov|tests/.*)": "exec .venv/bin/pytest -q -n 4",
    r"\.venv/bin/lint-imports": "run .venv/bin/lint-imports",
    r"\.venv/bin/python -m tools\.generate --check": "run .venv/bin/python -m tools",
    r"\.venv/bin/ruff check": "run .venv/bin/ruff check",
    r"\.venv/bin/ruff format": "run .venv/bin/ruff format --check",
    r"\.venv/bin/mypy": "run .venv/bin/mypy",
    r"\.venv/bin/codespell": "run .venv/bin/codespell",
    r"\.venv/bin/check-jsonschema --builtin-schema .*": "run .venv/bin/check-jsonschema",
    r"\.venv/bin/uvx -q zizmor.*": "run .venv/bin/uvx -q zizmor",
    r"\.venv/bin/uv build .* -m wheel .*": "run .venv/bin/uv build -q --clear",
}
"""What `.ci/run` runs, and how it says so, or `.ci/test`, with which it begins."""
NOT_RUN = {
    r".* --environment=production .*": "needs a tenant of ServiceTitan",
    r"\.venv/bin/pip install .*|python3 -m venv .* --group fleet": ("installs into the checkout"),
    r"python3 -m venv output/airflow .*": "installs Airflow, as .ci/schedulers does elsewhere",
    r"\.venv/bin/dagster dev .*": (
        "serves until Ctrl-C, and waits for ten minutes; walked through by hand, from which the "
        "pictures are"
    ),
    r"\.ci/schedulers": "takes minutes and an environment of its own; the workflow runs it",
    r"\.ci/floors": "needs an environment of its own; the workflow runs it",
    r"\.ci/quick": "runs a part of the tests, which .ci/test runs as well",
    r".*output/target/bin/.*": "installs a target by hand, as Meltano does in tests/targets",
    r"schema=.*|\.venv/bin/check-jsonschema --base-uri .*": "needs a checkout of the Hub",
    r"\.ci/next": "needs an environment of its own; the workflow runs it",
    r"\.ci/pythons": "takes minutes for each Python; run by hand before a release",
}
"""What is not run, and why."""


def shown() -> list[tuple[str, str]]:
    """Return (page, line) of all commands that the documents show."""
    return [
        (str(page.relative_to(ROOT)), line)
        for page in PAGES
        for line in commands(page.read_text(encoding="utf-8"))
    ]


def fate(line: str) -> tuple[str, str]:
    """Return what becomes of a command: the kind, and the test, the words or the reason."""
    for kind, table in (("elsewhere", RUN_BY), ("ci", RUN_BY_CI), ("not", NOT_RUN)):
        for pattern, value in table.items():
            if re.fullmatch(pattern, line):
                return kind, value
    return "here", ""


def of(page: str) -> list[str]:
    """Return the commands of a page that are run here."""
    return [line for where, line in shown() if where == page and fate(line)[0] == "here"]


@pytest.mark.parametrize("pattern", [*RUN_BY, *RUN_BY_CI, *NOT_RUN])
def test_each_exception_is_still_needed(pattern: str) -> None:
    assert any(re.fullmatch(pattern, line) for _, line in shown())


@pytest.mark.parametrize("test", sorted(set(RUN_BY.values())))
def test_what_runs_a_command_elsewhere_is_there(test: str) -> None:
    assert exists(test)


def test_what_ci_runs_is_in_its_script() -> None:
    scripts = [(ROOT / ".ci" / name).read_text(encoding="utf-8") for name in ("run", "test")]
    assert [words for words in RUN_BY_CI.values() if words not in "".join(scripts)] == []


def test_each_command_is_run_somewhere() -> None:
    here = {page for page, lines in groupby(shown(), lambda each: each[0]) if of(page)}
    assert here == {
        "README.md",
        "docs/day-two.md",
        "docs/operations.md",
        "docs/sandbox.md",
        "docs/warehouses.md",
    }


STATE = ".venv/bin/meltano state get try"
"""A command in a sentence of the README."""


def test_the_readme_has_the_command_that_shows_the_state() -> None:
    assert f"`{STATE}`" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def board() -> Iterator[Caller]:
    """A sandbox in which 15 % of the requests fail, as in the demo."""
    with Caller.of(assignments=60) as caller:
        faults = {"rate": 0.15, "wait": 0, "kinds": ["server_error", "reset", "not_json"]}
        caller.session.put(f"{caller.sandbox.url}/sandbox/faults", json=faults).raise_for_status()
        yield caller


@pytest.mark.warehouse
def test_the_commands_for_meltano_do_what_the_documents_say(
    project: Project, board: Caller
) -> None:
    url = board.sandbox.url
    demo = [line for line in of("docs/operations.md") if "output/config.json" not in line]
    checks = [line for line in demo if ":check " in line or "--dump=" in line]
    demo = demo[demo.index(next(line for line in demo if line.startswith("export TAP_"))) :]
    demo = demo[: demo.index(next(line for line in demo if line.startswith("unset "))) + 1]
    first = ".venv/bin/meltano el tap-servicetitan-dispatch target-jsonl --state-id {}"
    lines = [
        f"export TAP_SERVICETITAN_DISPATCH_API_URL={url}",
        first.format("try"),
        STATE,
        *of("README.md"),
        *of("docs/sandbox.md"),
        *of("docs/warehouses.md"),
        *(line.replace("http://127.0.0.1:8321", url) for line in demo),
        f"export TAP_SERVICETITAN_DISPATCH_API_URL={url}",
        *checks,
    ]
    printed = run_shell(lines, project.folder)
    assert '"continueFrom"' in printed
    assert "--fault-rate" in printed
    assert "every-ten-minutes" in printed
    assert "same rows\n" in printed, printed
    assert '"ok": true' in printed
    assert "appointment_assignments" in printed[printed.index('"ok": true') :]
    assert len(checks) == 3


def test_the_commands_without_meltano_do_what_the_documents_say(
    tmp_path: Path, board: Caller
) -> None:
    lines = of("docs/operations.md")
    lines = lines[lines.index(next(line for line in lines if "output/config.json" in line)) :]
    config = f'{{"environment": "sandbox", "api_url": "{board.sandbox.url}"}}'
    script = [line.replace('{"environment": "sandbox"}', config) for line in lines]
    run_shell(script, tmp_path)
    first, second, everything = (
        (tmp_path / f"output/{name}.singer").read_text().splitlines()
        for name in ("first", "second", "all")
    )
    assert len(first) > 2 * len(second) > 0
    assert len(everything) > len(first)

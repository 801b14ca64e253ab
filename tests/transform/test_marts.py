"""The models in both databases: each has the same rows there, and nothing is mixed up."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.marts import GROUP, LAST_LOAD, QUESTIONS
from tests.support.streams import ALL_STREAMS, LOG
from tests.support.warehouses import DATABASES, MARTS, OWN_CLOCK, STAGING, as_set
from tools.markdown import ROOT

if TYPE_CHECKING:
    from tests.support.marts import Built

pytestmark = pytest.mark.warehouse

EMPTY = {
    "dispatch_arrivals",
    "dispatch_left_out",
    "dispatch_promised",
    "dispatch_stg_appointment_assignments_list",
    "dispatch_stg_technician_tracking",
}
KNOWN_BY_TENANT = {
    "dispatch_freshness",
    "dispatch_stg_arrival_window_configuration",
    "dispatch_stg_business_hours",
    "dispatch_stg_sync_log",
}


@pytest.mark.parametrize("model", [*STAGING, *MARTS])
def test_a_model_has_the_same_rows_in_both_databases(built: Built, model: str) -> None:
    without = OWN_CLOCK.get(model, "")
    in_duckdb, in_postgres = (as_set(built.rows(model, each), without) for each in DATABASES)
    assert in_duckdb == in_postgres
    assert bool(in_duckdb) == (model not in EMPTY)


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("model", [*STAGING, *MARTS])
def test_tenants_of_a_group_have_what_each_has_alone(
    built: Built, model: str, database: str
) -> None:
    without = ("tenant_id", "tenant_number", OWN_CLOCK.get(model, ""))
    of_group = built.rows(model, f"{database}-group")
    alone = as_set(built.rows(model, database), *without)
    for number in GROUP:
        assert as_set([row for row in of_group if row["tenant_id"] == number], *without) == alone
    assert {row["tenant_id"] for row in of_group} <= {*GROUP}


def test_a_single_tenant_has_no_number_but_where_the_api_wants_one(built: Built) -> None:
    numbers = {
        model: {row["tenant_id"] for row in built.rows(model)}
        for model in (*STAGING, *MARTS)
        if model not in EMPTY
    }
    assert {model for model, found in numbers.items() if found != {0}} == KNOWN_BY_TENANT


def test_each_stream_has_a_model_and_each_source_is_a_stream_or_its_history() -> None:
    models = (ROOT / "transform/models/staging").glob("*.sql")
    calls = re.compile(r"^\{\{ servicetitan_dispatch\.\w+\(\[?'(\w+)'", re.MULTILINE)
    assert {calls.findall(each.read_text("utf-8"))[0] for each in models} == {*ALL_STREAMS, LOG}
    described = yaml.safe_load((ROOT / "transform/models/sources.yml").read_text("utf-8"))
    (source,) = described["sources"]
    named = {table["name"].removesuffix("_history") for table in source["tables"]}
    assert named == {*ALL_STREAMS, LOG}


def test_a_question_of_the_page_has_the_same_answer_in_both_databases(built: Built) -> None:
    in_duckdb, in_postgres = (built.answers(database) for database in DATABASES)
    assert len(in_duckdb) == len(QUESTIONS)
    for question, answer, other in zip(QUESTIONS, in_duckdb, in_postgres, strict=True):
        assert len(answer) > 1 or EMPTY & {*question.split()}, "no row"
        assert answer[0] == other[0]
        for row, same in zip(answer[1:], other[1:], strict=True):
            numbers = [_number(text) for text in row], [_number(text) for text in same]
            assert numbers[0] == pytest.approx(numbers[1], nan_ok=True)


def test_dbt_shows_who_has_hours_tomorrow_and_what_a_command_asks(built: Built) -> None:
    hours, asked = zip(*(map(_table, built.shown(database)) for database in DATABASES), strict=True)
    names = ["day", "tenant_id", "technician_name", "technician_id", "hours_left"]
    names += ["slots_with_time_left"]
    assert hours[0][0] == hours[1][0] == names
    in_duckdb, in_postgres = (
        [[*row[:4], *(float(cell) if cell else None for cell in row[4:])] for row in shown[1:]]
        for shown in hours
    )
    assert in_duckdb == in_postgres != []
    assert {row[0] for row in in_postgres} == {f"{LAST_LOAD + timedelta(days=1):%Y-%m-%d}"}
    assert min(row[4] for row in in_postgres) > 0
    slots = [row[5] for row in in_postgres if row[5] is not None]
    assert slots == sorted(slots, reverse=True)
    for shown in asked:
        assert len(shown) == 1 + 5
        assert shown[0][0] == "status"


def _table(shown: str) -> list[list[str]]:
    """Return the cells of the table in what dbt shows."""
    rows = [line for line in shown.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return [row for row in cells if set("".join(row)) != {"-"}]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float(sum(text.encode()))


def test_no_mart_speaks_a_dialect() -> None:
    words = r"qualify|arg_max|::|timestamptz|unnest|generate_series|jsonb|to_json|date_diff|epoch\("
    for file in (ROOT / "transform/models/marts").glob("*.sql"):
        assert re.findall(words, file.read_text("utf-8")) == [], file.name

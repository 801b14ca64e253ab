"""The models in both databases: each has the same rows there, and nothing is mixed up."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from examples.sandbox_day import LAST_LOAD
from tests.support.marts import DATABASES, GROUP, MARTS, OTHER_TENANT, QUESTIONS, STAGING
from tests.support.streams import ALL_STREAMS, LOG
from tools.markdown import ROOT

if TYPE_CHECKING:
    from tests.support.marts import Built, Row

pytestmark = [pytest.mark.warehouse, pytest.mark.timeout(600)]  # the first one builds them

NOT_LOADED = {"stg_appointment_assignments_list", "stg_technician_tracking"}
KNOWN_BY_TENANT = {
    "freshness",
    "stg_arrival_window_configuration",
    "stg_business_hours",
    "stg_sync_log",
}


def comparable(value: Any) -> Any:
    """Return a value as it compares: instants as such, numbers to nine digits."""
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:", value):
        return datetime.fromisoformat(value.replace(" ", "T")).astimezone(UTC).isoformat()
    if isinstance(value, float | int) and not isinstance(value, bool):
        return float(f"{value:.9g}") if math.fabs(value) < 2**40 else value
    if isinstance(value, list):
        return [comparable(each) for each in value]
    if isinstance(value, dict):
        return {name: comparable(each) for name, each in value.items()}
    return value


def as_set(rows: list[Row], *without: str) -> list[str]:
    """Return rows in an order that is the same in each database."""
    kept = [{name: row[name] for name in row if name not in without} for row in rows]
    return sorted(json.dumps(comparable(row), sort_keys=True) for row in kept)


@pytest.mark.parametrize("model", [*STAGING, *MARTS])
def test_a_model_has_the_same_rows_in_both_databases(built: Built, model: str) -> None:
    in_duckdb, in_postgres = (as_set(built.rows(model, database)) for database in DATABASES)
    assert in_duckdb == in_postgres
    assert bool(in_duckdb) == (model not in NOT_LOADED)


@pytest.mark.parametrize("model", [*STAGING, *MARTS])
def test_tenants_with_the_same_rows_have_the_same_models(built: Built, model: str) -> None:
    without = ("tenant_id",)
    others = as_set(built.rows_of_the_other_tenant(model), *without)
    assert others == as_set(built.rows(model), *without)


@pytest.mark.parametrize("model", [*STAGING, *MARTS])
def test_tenants_of_a_group_have_what_each_has_alone_in_postgres_too(
    built: Built, model: str
) -> None:
    of_group = built.all_rows(model, "group")
    alone = as_set(built.rows(model, "postgres"), "tenant_id")
    for number in GROUP:
        assert as_set([row for row in of_group if row["tenant_id"] == number], "tenant_id") == alone
    assert {row["tenant_id"] for row in of_group} <= {*GROUP}


def test_a_single_tenant_has_no_number_but_where_the_api_wants_one(built: Built) -> None:
    numbers = {
        model: {row["tenant_id"] for row in built.rows(model)}
        for model in (*STAGING, *MARTS)
        if model not in NOT_LOADED
    }
    assert {model for model, found in numbers.items() if found != {0}} == KNOWN_BY_TENANT
    assert OTHER_TENANT != 0


def test_each_stream_has_a_model_and_each_source_is_a_stream_or_its_history() -> None:
    models = (ROOT / "transform/models/staging").glob("*.sql")
    calls = re.compile(r"^\{\{ \w+\(\[?'(\w+)'", re.MULTILINE)
    assert {calls.findall(each.read_text("utf-8"))[0] for each in models} == {*ALL_STREAMS, LOG}
    described = yaml.safe_load((ROOT / "transform/models/sources.yml").read_text("utf-8"))
    (source,) = described["sources"]
    named = {table["name"].removesuffix("_history") for table in source["tables"]}
    assert named == {*ALL_STREAMS, LOG}


def test_a_question_of_the_page_has_the_same_answer_in_both_databases(built: Built) -> None:
    in_duckdb, in_postgres = (built.answers(database) for database in DATABASES)
    assert len(in_duckdb) == len(QUESTIONS)
    for answer, other in zip(in_duckdb, in_postgres, strict=True):
        assert len(answer) > 1, "no row"
        assert answer[0] == other[0]
        for row, same in zip(answer[1:], other[1:], strict=True):
            numbers = [_number(text) for text in row], [_number(text) for text in same]
            assert numbers[0] == pytest.approx(numbers[1], nan_ok=True)


def test_dbt_shows_who_is_free_tomorrow_and_what_a_command_asks(built: Built) -> None:
    free, asked = zip(*(map(_table, built.shown(database)) for database in DATABASES), strict=True)
    names = ["day", "tenant_id", "technician_name", "technician_id", "free_hours", "shift_hours"]
    assert free[0][0] == free[1][0] == names
    in_duckdb, in_postgres = (
        [[*row[:4], float(row[4]), float(row[5])] for row in shown[1:]] for shown in free
    )
    of_one = [row for row in in_duckdb if row[1] != str(OTHER_TENANT)]
    assert of_one == in_postgres != []
    assert len(in_duckdb) == 2 * len(of_one)
    assert {row[0] for row in in_postgres} == {f"{LAST_LOAD + timedelta(days=1):%Y-%m-%d}"}
    hours = [row[4] for row in in_postgres]
    assert hours == sorted(hours, reverse=True)
    assert min(hours) > 0
    for shown in asked:
        assert len(shown) == 1 + 5
        assert "appointment_id" in shown[0]


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

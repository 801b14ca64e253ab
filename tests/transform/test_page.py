"""The page of a working day, loaded and built as users do, is the same in both databases."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from benchmarks.page import TABLES
from tap_servicetitan_dispatch.page.facts import FEED_DELAY
from tap_servicetitan_dispatch.page.site import SHARED

if TYPE_CHECKING:
    from tests.support.marts import Built

pytestmark = pytest.mark.warehouse


def test_both_databases_give_the_same_page(built: Built) -> None:
    folders = [built.page("duckdb"), built.page("postgres")]
    found = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    assert found[0].keys() == {"index.html", *SHARED}
    assert found[0]["index.html"] == found[1]["index.html"]
    assert found[0] == found[1]


def test_postgresql_has_another_version_for_each_build(built: Built) -> None:
    first, second = built.versions()
    assert 0 < first != second


def test_a_day_of_the_page_has_what_is_in_the_marts(built: Built) -> None:
    data = data_of(built)
    (day,) = data["days"]
    assert day["day"] == "2026-11-19"
    rows = built.rows("dispatch_technician_day")
    assert len(day["hours_of"]) == len(rows)
    on_site = sum(each["hours"][0] for each in day["hours_of"])
    assert on_site == pytest.approx(sum(row["hours_on_site"] for row in rows), abs=0.1)
    assert on_site > 50
    # What goes on ends for the marts with the load, and here with what the feed had shown by then
    seen = [state for visit in day["visits"] for state in visit[6] if state[0] == "site"]
    lasting = sum(state[2] == day["seen"] for state in seen)
    drawn = sum(state[2] - state[1] for state in seen) / 60 + lasting * FEED_DELAY / 3600
    assert drawn == pytest.approx(on_site, rel=0.02)
    charts = {chart["id"]: chart for chart in data["charts"]}
    assert {"done", "hours", "capacity", "freshness"} <= charts.keys()
    coverage = [row for row in built.rows("dispatch_coverage") if row["day"] == day["day"]]
    assert charts["done"]["table"]["rows"][0][1:3] == [
        sum(row["done"] for row in coverage),
        sum(row["measured"] for row in coverage),
    ]


def test_the_marts_of_the_tests_have_the_columns_and_types_of_real_ones(built: Built) -> None:
    with duckdb.connect(str(built.duckdb), read_only=True) as connection:
        for mart, columns in TABLES.items():
            real = {
                name: kind
                for name, kind, *_ in connection.execute(f"describe dispatch_{mart}").fetchall()
            }
            named = dict(each.strip().split(" ", 1) for each in columns.split(","))
            assert {name: _family(real[name]) for name in named} == {
                name: _family(kind) for name, kind in named.items()
            }, mart


def _family(kind: str) -> str:
    names = {"timestamp with time zone": "time", "timestamptz": "time", "varchar": "text"}
    kind = names.get(kind.lower(), kind.lower())
    return "number" if re.match("bigint|integer|hugeint|double|decimal|float", kind) else kind


def data_of(built: Built) -> Any:
    text = (built.page("duckdb") / "index.html").read_text(encoding="utf-8")
    _, _, rest = text.partition('id="data">')
    return json.loads(rest.partition("</script>")[0])

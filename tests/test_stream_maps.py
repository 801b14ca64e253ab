from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runs import assert_fails, catalog_of
from tests.support.scripted_api import Answer, listed, routed
from tests.support.streams import PATHS

if TYPE_CHECKING:
    from tests.support.runs import Command, Run
    from tests.support.scripted_api import ScriptedApi

MAP_FOR_ALL = {"*": {"tenantId": "int(config['tenant'])"}}


def test_a_map_for_all_streams_does_not_trip_over_deselected_ones(
    api: ScriptedApi, tap: Command
) -> None:
    row = {"id": 1, "modifiedOn": "2026-11-01T08:00:00Z"}
    api.reply = lambda _: Answer({"page": 1, "hasMore": False, "totalCount": 1, "data": [row]})
    catalog = catalog_of("zones")
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:  # as Meltano does it
            if stream["tap_stream_id"] != "zones":
                entry["metadata"]["selected"] = False
    maps = {"stream_maps": MAP_FOR_ALL, "stream_map_config": {"tenant": 9}}

    run = tap.run(api.config | maps, catalog=catalog)

    assert run.exit_code == 0, run.stderr
    assert [record["tenantId"] for record in run.records] == [9]


ZONES: list[dict[str, Any]] = [{"id": 1, "name": None}, {"id": 2, "name": "Ada's secret"}]
NO_NAME = {"id": 3, "cities": ["Here"]}


def read(api: ScriptedApi, tap: Command, maps: Any, *rows: dict[str, Any]) -> Run:
    api.reply = routed({PATHS["zones"]: listed(*rows)})
    return tap.run(api.config | {"stream_maps": maps}, streams=("zones",))


@pytest.mark.parametrize(
    ("field", "expression", "why"),
    [
        ("hash", "md5(name)", "name is null, AttributeError"),
        ("name", "md5(self)", "name is null, AttributeError"),
        ("share", "1 / (id - 1)", "ZeroDivisionError"),
        ("number", "int(name) if name else 0", "ValueError"),
        ("upper", "nam.upper()", "there is no nam, NameNotDefined"),
        ("first", "cities[0]", "the row has no cities, NameNotDefined"),
        ("shout", "shout(name)", "name is null, there is no shout, FunctionNotDefined"),
        ("__filter__", "name < 'B'", "name is null, TypeError"),
    ],
)
def test_an_expression_that_fails_on_a_row_is_one_line_without_a_value_of_it(
    api: ScriptedApi, tap: Command, field: str, expression: str, why: str
) -> None:
    run = read(api, tap, {"zones": {field: expression}}, *ZONES)
    [error] = run.errors
    assert error == (
        f"stream_maps: zones.{field}: {expression} fails on a row ({why}). What to do: correct it, "
        "or let it allow for such rows, as in `f(x) if x else None`. The bookmark is safe."
    )
    assert run.exit_code == 1
    assert "Ada" not in run.stderr


def test_it_is_told_of_the_stream_that_the_rows_are_of_not_of_its_copy(
    api: ScriptedApi, tap: Command
) -> None:
    maps = {"copy": {"__source__": "zones", "hash": "md5(name)"}}
    run = read(api, tap, maps, *ZONES)
    assert_fails(run, "stream_maps: zones.hash: md5(name) fails on a row (name is null")


@pytest.mark.parametrize(
    ("maps", "told"),
    [
        ({"zones": {"a": "1 +"}}, "zones.a: 1 + is not an expression (invalid syntax)"),
        ({"zones": {"__filter__": "("}}, "zones.__filter__: ( is not an expression ('(' was never"),
        ({"*": {"a": "b = 1"}}, "*.a: b = 1 is not an expression (invalid syntax)"),
        ({"zones": {"__alias__": "1 +"}}, "zones.__alias__: 1 + is not an expression"),
        ({"zones": {"__else__": "keep"}}, "zones.__else__: is not null, the only value"),
        ({"zones": {"id": None}}, "zones: Removing key property 'id' is not permitted"),
        (
            {"zones": {"__key_properties__": ["i"]}},
            "zones: Invalid key properties for 'zones': [i]",
        ),
        ({"__else__": "x"}, "__else__: is not null, the only value"),
        ({"__more__": {}}, "Option '__more__:{}' is not expected"),
    ],
)
def test_a_map_that_makes_no_sense_is_one_line_that_names_it(
    api: ScriptedApi, tap: Command, maps: Any, told: str
) -> None:
    run = read(api, tap, maps, *ZONES)
    assert_fails(run, f"stream_maps: {told}")
    assert ".." not in run.errors[0]
    assert api.calls == []


def test_expressions_that_allow_for_nulls_and_options_are_let_through(
    api: ScriptedApi, tap: Command
) -> None:
    maps = {
        "zones": {
            "__alias__": "areas",
            "__key_properties__": ["id"],
            "__else__": None,
            "__filter__": "id < 3",
            "active": "__NULL__",
            "id": "self",
            "hash": "md5(name) if name else None",
        }
    }
    run = read(api, tap, maps, *ZONES, NO_NAME)
    assert run.exit_code == 0, run.stderr
    assert [sorted(record) for record in run.records] == [["hash", "id"], ["hash", "id"]]
    assert run.records[0]["hash"] is None

"""A catalog that a run is given: what it does not have does not go out, and each key does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.group import Group, group_catalog
from tests.support.runs import assert_fails, catalog_of
from tests.support.scripted_api import listed, routed
from tests.support.streams import PATHS

if TYPE_CHECKING:
    from tests.support.runs import Command, Run
    from tests.support.scripted_api import ScriptedApi

LATER = "2026-11-02T08:00:00Z"
ZONE = {"id": 1, "active": True, "name": "North", "zips": ["60601"], "modifiedOn": LATER}
HOURS = {"weekdays": [{"fromHour": 8, "toHour": 12}, None], "saturday": None}
ALL_WAYS = pytest.mark.parametrize(
    "way",
    [{}, {"stream_maps": {"*": {"__filter__": "True"}}}],
    ids=["whole pages", "the SDK's"],
)


def entry_of(catalog: dict[str, Any], stream: str) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {each["tap_stream_id"]: each for each in catalog["streams"]}
    return found[stream]


def catalog_without(stream: str, *path: str) -> dict[str, Any]:
    """Return a catalog as it was before a stream had a field."""
    catalog = catalog_of(stream)
    entry = entry_of(catalog, stream)
    schema = entry["schema"]
    for name in path[:-1]:
        schema = schema["properties"][name]["items"]
    del schema["properties"][path[-1]]
    entry["metadata"] = [
        each for each in entry["metadata"] if each["breadcrumb"] != ["properties", *path]
    ]
    return catalog


def fields_of(run: Run) -> tuple[set[str], set[str]]:
    """Return the names of the fields in the SCHEMA, and those in any RECORD."""
    [schema] = [each["schema"] for each in run.messages if each["type"] == "SCHEMA"]
    return {*schema["properties"]}, {name for record in run.records for name in record}


@ALL_WAYS
@pytest.mark.parametrize("odd", [{}, {"zips": [1]}], ids=["usual", "odd"])
def test_a_field_that_the_catalog_lacks_does_not_go_out(
    api: ScriptedApi, tap: Command, way: dict[str, Any], odd: dict[str, Any]
) -> None:
    """As target-csv fails on it, target-postgres warns, and target-duckdb drops it."""
    api.reply = routed({PATHS["zones"]: listed(ZONE, ZONE | odd)})
    run = tap.run(api.config | way, None, catalog_without("zones", "name"))
    assert run.exit_code == 0, run.stderr
    schema, rows = fields_of(run)
    assert "name" not in schema
    assert rows == {"id", "active", "zips", "modifiedOn"} <= schema
    assert "name" not in run.stderr


@ALL_WAYS
@pytest.mark.parametrize("odd", [{}, {"sunday": "closed"}], ids=["usual", "odd"])
def test_nor_does_one_inside_of_another(
    api: ScriptedApi, tap: Command, way: dict[str, Any], odd: dict[str, Any]
) -> None:
    api.reply = routed({PATHS["business_hours"]: HOURS | odd})
    catalog = catalog_without("business_hours", "weekdays", "toHour")
    run = tap.run(api.config | way, None, catalog)
    known = {"weekdays": [{"fromHour": 8}, None], "saturday": None}
    assert (run.exit_code, run.records) == (0, [{"tenantId": 1234, **known, **odd}])


@ALL_WAYS
def test_a_schema_that_says_nothing_of_what_is_inside_has_all_of_it(
    api: ScriptedApi, tap: Command, way: dict[str, Any]
) -> None:
    catalog = catalog_of("business_hours")
    properties = entry_of(catalog, "business_hours")["schema"]["properties"]
    properties["weekdays"] = {"type": ["array", "null"]}
    properties["saturday"] = {"type": ["array", "null"], "items": {"type": ["object", "null"]}}
    api.reply = routed({PATHS["business_hours"]: HOURS | {"saturday": HOURS["weekdays"]}})
    run = tap.run(api.config | way, None, catalog)
    assert run.exit_code == 0, run.stderr
    assert run.records == [{"tenantId": 1234, **HOURS, "saturday": HOURS["weekdays"]}]


def test_a_field_of_the_bookmark_that_the_catalog_lacks_does_not_go_out_and_resumes(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = routed({PATHS["zones"]: listed(ZONE)})
    catalog = catalog_without("zones", "modifiedOn")
    run = tap.run(api.config, None, catalog)
    assert run.exit_code == 0, run.stderr
    assert "modifiedOn" not in run.records[0]
    assert run.states[-1]["bookmarks"]["zones"]["replication_key_value"] == LATER


def with_keys(catalog: dict[str, Any], stream: str, *keys: str) -> dict[str, Any]:
    entry = entry_of(catalog, stream)
    entry["key_properties"] = [*keys]
    [root] = [each["metadata"] for each in entry["metadata"] if not each["breadcrumb"]]
    root["table-key-properties"] = [*keys]
    return catalog


def deselected(
    catalog: dict[str, Any], stream: str, name: str, inclusion: str = "available"
) -> dict[str, Any]:
    entry = entry_of(catalog, stream)
    breadcrumb = ["properties", name]
    others = [each for each in entry["metadata"] if each["breadcrumb"] != breadcrumb]
    metadata = {"inclusion": inclusion, "selected": False}
    entry["metadata"] = [*others, {"breadcrumb": breadcrumb, "metadata": metadata}]
    return catalog


def test_a_key_that_is_no_field_is_refused(api: ScriptedApi, tap: Command) -> None:
    run = tap.run(api.config, None, with_keys(catalog_of("zones"), "zones", "id", "nope"))
    assert_fails(run, "the catalog has the key nope for zones, which is not a field of it")
    assert api.calls == []


def test_a_key_that_the_schema_of_the_catalog_lacks_is_refused(
    api: ScriptedApi, tap: Command
) -> None:
    run = tap.run(api.config, None, catalog_without("zones", "id"))
    assert_fails(run, "the schema in the catalog has no id for zones, which is part of its key")
    assert api.calls == []


def test_a_key_that_is_deselected_by_hand_is_refused(api: ScriptedApi, tap: Command) -> None:
    single = deselected(catalog_of("business_hours"), "business_hours", "tenantId")
    run = tap.run(api.config, None, single)
    assert_fails(run, "the catalog deselects tenantId of business_hours, which is part of its key")
    of_group = deselected(group_catalog("zones"), "zones", "tenantId")
    run = tap.run(Group(api).config, None, of_group)
    assert_fails(run, "the catalog deselects tenantId of zones, which is part of its key")
    assert api.calls == []


def test_a_key_that_is_selected_automatically_cannot_be_deselected(
    api: ScriptedApi, tap: Command
) -> None:
    """So the Singer specification has it; Meltano's `!zones.id` comes to this."""
    api.reply = routed({PATHS["zones"]: listed(ZONE)})
    catalog = deselected(catalog_of("zones"), "zones", "id", inclusion="automatic")
    run = tap.run(api.config, None, catalog)
    assert (run.exit_code, run.ids) == (0, [1])


def test_the_key_of_a_stream_that_is_not_selected_does_not_matter(
    api: ScriptedApi, tap: Command
) -> None:
    catalog = with_keys(catalog_of("zones", with_others=True), "teams", "nope")
    api.reply = routed({PATHS["zones"]: listed(ZONE)})
    run = tap.run(api.config, None, json.loads(json.dumps(catalog)))
    assert (run.exit_code, run.ids) == (0, [1])

"""Fields that the schema does not know, and values of another type: told, kept, or refused."""

from __future__ import annotations

import gzip
import json
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest
from jsonschema import Draft7Validator

from tap_servicetitan_dispatch.streams.records import OddityReporter, RowDecoder
from tap_servicetitan_dispatch.walks import Page
from tests.support.group import GROUP, SOUTH, Group
from tests.support.group import read as read_group
from tests.support.odd_answers import ADDED, KEYS, ONE_DAY, answers
from tests.support.runs import assert_fails, catalog_of
from tests.support.scripted_api import listed, page, routed, row
from tests.support.streams import PATHS, STREAMS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runs import Command, Run
    from tests.support.scripted_api import ScriptedApi

LATER = "2026-11-02T08:00:00Z"
USUAL = {"id": 1, "modifiedOn": LATER, "name": "usual"}
ODD = {"id": 2, "modifiedOn": LATER, "name": "odd", "colour": "red", "shape": {"corners": [3]}}
KNOWN = {"id": 2, "modifiedOn": LATER, "name": "odd"}
OTHERS = {"colour": "red", "shape": {"corners": [3]}}
WAYS: list[dict[str, Any]] = [{}, {"stream_maps": {"zones": {"id": "id"}}}]
MAPPED = {"stream_maps": {"*": {"__filter__": "True"}}}


def read(
    api: ScriptedApi, tap: Command, *rows: dict[str, Any], state: Any = None, **settings: Any
) -> Run:
    api.reply = routed({PATHS["zones"]: listed(*rows)})
    config = api.config | settings
    return tap.run(config, state, tap.discover("zones", **config))


def warnings(run: Run) -> list[str]:
    return [line.split(" | ")[-1] for line in run.stderr.splitlines() if "The API sends" in line]


@pytest.mark.parametrize("way", WAYS, ids=["whole pages", "the SDK's"])
def test_they_are_left_out_with_a_warning(
    api: ScriptedApi, tap: Command, way: dict[str, Any]
) -> None:
    run = read(api, tap, USUAL, ODD, ODD, **way)
    assert (run.exit_code, run.records) == (0, [USUAL, KNOWN, KNOWN])
    (warning,) = warnings(run)
    assert warning == (
        "The API sends fields that are not in the schema: colour, shape. They are left out; please "
        "report it, so that the next version has it. Stream: zones."
    )


@pytest.mark.parametrize("way", WAYS, ids=["whole pages", "the SDK's"])
def test_they_are_kept_as_one_field(api: ScriptedApi, tap: Command, way: dict[str, Any]) -> None:
    run = read(api, tap, USUAL, ODD, unknown_fields="keep", **way)
    assert run.exit_code == 0
    assert run.records == [
        {**USUAL, "unknownFields": None},
        {**KNOWN, "unknownFields": OTHERS},
    ]
    [schema] = [message for message in run.messages if message["type"] == "SCHEMA"]
    properties = schema["schema"]["properties"]
    assert list(properties)[-1] == "unknownFields"
    assert properties["unknownFields"]["type"] == ["object", "null"]
    assert "They are kept in unknownFields; please report it" in warnings(run)[0]


@pytest.mark.parametrize("keeps", [True, False])
def test_in_files_of_a_batch_as_well(
    api: ScriptedApi, tap: Command, tmp_path: Path, *, keeps: bool
) -> None:
    batches = {"encoding": {"format": "jsonl", "compression": "gzip"}}
    batches["storage"] = {"root": tmp_path.as_uri()}
    setting = {"unknown_fields": "keep"} if keeps else {}
    run = read(api, tap, USUAL, ODD, batch_config=batches, **setting)
    assert run.exit_code == 0, run.stderr
    [path] = tmp_path.glob("*.gz")
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert [each.get("unknownFields") for each in rows] == [None, OTHERS if keeps else None]
    assert [each.get("colour") for each in rows] == [None, None]


@pytest.mark.parametrize("way", WAYS, ids=["whole pages", "the SDK's"])
def test_they_end_the_stream_before_anything_of_the_page_is_written(
    api: ScriptedApi, tap: Command, way: dict[str, Any]
) -> None:
    run = read(api, tap, USUAL, ODD, unknown_fields="fail", **way)
    assert_fails(
        run, "zones: the API sends fields that are not in the schema: colour, shape. What to"
    )
    assert run.records == []
    assert [state["bookmarks"].get("zones") for state in run.states] == [{}]
    usual = read(api, tap, USUAL, unknown_fields="fail", **way)
    assert (usual.exit_code, usual.records) == (0, [USUAL])


def test_pages_before_that_are_loaded_and_their_bookmark_is_kept(
    api: ScriptedApi, tap: Command
) -> None:
    pages = {
        None: page(1, more=True, token="t1"),
        "t1": page(more=False, token="t2") | {"data": [row(2, colour="red")]},
    }
    api.reply = routed(
        {PATHS["appointment_assignments"]: lambda call: pages[call.query.get("from")]}
    )
    run = tap.run(api.config | {"unknown_fields": "fail"})
    assert (run.exit_code, run.ids) == (1, [1])
    bookmark = run.states[-1]["bookmarks"]["appointment_assignments"]
    assert bookmark["replication_key_value"] == "t1"


def test_of_a_group_only_the_tenant_that_has_them_is_left_out(
    api: ScriptedApi, tap: Command
) -> None:
    group = Group(api)
    group.answers = {(SOUTH, PATHS["zones"]): listed(ODD)}
    run = read_group(tap, group.config | {"unknown_fields": "fail"})
    assert (run.exit_code, len(run.errors)) == (1, 1)
    assert run.errors[0].startswith(f"tenant {SOUTH}, zones: the API sends fields that are not in")
    zones = [each["tenantId"] for each in run.records if each.get("name", "").startswith("of ")]
    assert set(zones) == {*GROUP}, "of teams"


# Values of another type

OTHER_TYPES: list[tuple[str, Any]] = [
    ("name", 5),
    ("zips", "many"),
    ("serviceDaysEnabled", {"Monday": True}),
    ("active", "yes"),
    ("id", "one"),
    ("id", 1.5),
]


@pytest.mark.no_cover
@pytest.mark.parametrize(("name", "value"), OTHER_TYPES)
@pytest.mark.parametrize("setting", ["warn", "keep"])
def test_a_value_of_another_type_passes_as_it_is_and_is_told_once(
    api: ScriptedApi, tap: Command, setting: str, name: str, value: Any
) -> None:
    rows = [USUAL | {name: value}, USUAL | {name: value}]
    run = read(api, tap, *rows, unknown_fields=setting)
    assert run.exit_code == 0
    assert [each[name] for each in run.records] == [value, value]
    (warning,) = warnings(run)
    assert warning == (
        f"The API sends another type than the schema has: {name}. It passes as it is; please "
        "report it, so that the next version has it. Stream: zones."
    )


@pytest.mark.parametrize(("name", "value"), OTHER_TYPES)
def test_a_value_of_another_type_ends_the_stream_if_that_is_wanted(
    api: ScriptedApi, tap: Command, name: str, value: Any
) -> None:
    run = read(api, tap, USUAL, USUAL | {name: value}, unknown_fields="fail")
    assert_fails(run, f"zones: the API sends another type than the schema has in {name}. What to")
    assert run.records == []


@pytest.mark.parametrize("value", [None, "text", ""])
def test_what_the_schema_allows_is_not_odd(api: ScriptedApi, tap: Command, value: Any) -> None:
    run = read(api, tap, USUAL | {"name": value}, unknown_fields="fail")
    assert (run.exit_code, run.stderr.count("The API sends")) == (0, 0)


def test_what_is_deselected_may_be_of_any_type(api: ScriptedApi, tap: Command) -> None:
    api.reply = routed({PATHS["zones"]: listed(USUAL | {"zips": "many"}, USUAL | {"name": 5})})
    catalog = catalog_of("zones")
    [zones] = [each for each in catalog["streams"] if each["tap_stream_id"] == "zones"]
    metadata = {"breadcrumb": ["properties", "zips"], "metadata": {"selected": False}}
    zones["metadata"] = [
        each for each in zones["metadata"] if each["breadcrumb"] != metadata["breadcrumb"]
    ] + [metadata]
    run = tap.run(api.config, None, catalog)
    assert run.exit_code == 0
    assert "zips" not in run.records[0]
    assert [" ".join(line.split()[:9]) for line in warnings(run)] == [
        "The API sends another type than the schema has:"
    ]


def test_a_catalog_made_before_they_were_kept_is_refused(api: ScriptedApi, tap: Command) -> None:
    run = tap.run(api.config | {"unknown_fields": "keep"}, None, catalog_of("zones"))
    assert_fails(run, "the catalog has no unknownFields for ")


def test_a_catalog_made_while_they_were_kept_is_taken(api: ScriptedApi, tap: Command) -> None:
    catalog = tap.discover("zones", **api.config, unknown_fields="keep")
    api.reply = routed({PATHS["zones"]: listed(ODD)})
    run = tap.run(api.config, None, catalog)
    assert (run.exit_code, run.records) == (0, [KNOWN])


# Inside of other fields

Row = dict[str, Any]
ALL_WAYS = pytest.mark.parametrize("way", [{}, MAPPED], ids=["whole pages", "the SDK's"])
ADA = {"id": 4, "name": "Ada", "status": "Available"}
HOURS = {"fromHour": 8, "toHour": 12}


class Inside(NamedTuple):
    """What the API sends, what of that the schema knows and what not, and how that is told."""

    stream: str
    sent: Row
    known: Row
    unknown: Row
    told: str


INSIDE = [
    Inside(
        "business_hours",
        {"weekdays": [{**HOURS, "fromMinute": 30}, HOURS], "sunday": []},
        {"weekdays": [HOURS, HOURS], "sunday": []},
        {"weekdays": [{"fromMinute": 30}, None]},
        "weekdays[].fromMinute",
    ),
    Inside(
        "capacities",
        {"technicians": [None, {**ADA, "team": {"id": 3}}], "score": 1},
        {"technicians": [None, ADA]},
        {"score": 1, "technicians": [None, {"team": {"id": 3}}]},
        "score, technicians[].team",
    ),
    Inside("technician_tracking", {"eta": 5}, {}, {"eta": 5}, "eta"),
    Inside("zones", {"shape": [[1]]}, {}, {"shape": [[1]]}, "shape"),
]
ALL_INSIDE = pytest.mark.parametrize("case", INSIDE, ids=lambda case: case.told)


def read_one(
    api: ScriptedApi, tap: Command, stream: str, row: dict[str, Any], **settings: Any
) -> Run:
    """Run for a stream that has one row."""
    api.reply = routed(answers(stream, KEYS[stream] | row))
    extra = [stream] if STREAMS[stream].extra else []
    config = {**api.config, **ONE_DAY, "extra_streams": extra, **settings}
    return tap.run(config, None, tap.discover(stream, **config))


@ALL_WAYS
@ALL_INSIDE
def test_what_is_unknown_inside_is_left_out_with_its_path(
    api: ScriptedApi, tap: Command, way: Row, case: Inside
) -> None:
    run = read_one(api, tap, case.stream, case.sent, **way)
    assert (run.exit_code, run.records) == (
        0,
        [KEYS[case.stream] | case.known | ADDED[case.stream]],
    )
    (warning,) = warnings(run)
    assert warning.startswith(
        f"The API sends fields that are not in the schema: {case.told}. They are left"
    )


@ALL_WAYS
@ALL_INSIDE
def test_what_is_unknown_inside_is_kept_where_it_lies(
    api: ScriptedApi, tap: Command, way: Row, case: Inside
) -> None:
    run = read_one(api, tap, case.stream, case.sent, unknown_fields="keep", **way)
    kept = {"unknownFields": case.unknown}
    assert (run.exit_code, run.records) == (
        0,
        [KEYS[case.stream] | case.known | ADDED[case.stream] | kept],
    )
    (warning,) = warnings(run)
    assert f"{case.told}. They are kept in unknownFields" in warning


@ALL_INSIDE
def test_what_is_unknown_inside_ends_the_stream_if_that_is_wanted(
    api: ScriptedApi, tap: Command, case: Inside
) -> None:
    run = read_one(api, tap, case.stream, case.sent, unknown_fields="fail")
    assert_fails(
        run,
        f"{case.stream}: the API sends fields that are not in the schema: {case.told}. What to do",
    )
    assert run.records == []


OTHER_TYPES_INSIDE: list[tuple[str, dict[str, Any], str]] = [
    ("zones", {"zips": [60601, "60602"]}, "zips[]"),
    ("zones", {"technicians": ["7"]}, "technicians[]"),
    ("zones", {"businessUnits": [1, None, [2]]}, "businessUnits[]"),
    ("business_hours", {"saturday": [{"fromHour": "08:00"}]}, "saturday[].fromHour"),
    ("business_hours", {"sunday": ["closed"]}, "sunday[]"),
    ("capacities", {"technicians": [{**ADA, "status": 1}]}, "technicians[].status"),
    ("capacities", {"technicians": [{"hasRequiredSkills": "yes"}]}, "technicians[].hasReq"),
]


@pytest.mark.no_cover
@ALL_WAYS
@pytest.mark.parametrize(("stream", "sent", "path"), OTHER_TYPES_INSIDE)
def test_another_type_inside_passes_as_it_is_and_is_told_with_its_path(
    api: ScriptedApi, tap: Command, way: dict[str, Any], stream: str, sent: Any, path: str
) -> None:
    run = read_one(api, tap, stream, sent, **way)
    assert (run.exit_code, run.records) == (0, [KEYS[stream] | sent | ADDED[stream]])
    (warning,) = warnings(run)
    assert f"The API sends another type than the schema has: {path}" in warning


@pytest.mark.parametrize(("stream", "sent", "path"), OTHER_TYPES_INSIDE)
def test_another_type_inside_ends_the_stream_if_that_is_wanted(
    api: ScriptedApi, tap: Command, stream: str, sent: Any, path: str
) -> None:
    run = read_one(api, tap, stream, sent, unknown_fields="fail")
    assert_fails(run, f"{stream}: the API sends another type than the schema has in {path}")


@ALL_WAYS
@pytest.mark.parametrize("stream", ["zones", "arrival_windows", "business_hours", "capacities"])
def test_nulls_in_arrays_are_not_odd_and_the_schema_has_them(
    api: ScriptedApi, tap: Command, way: dict[str, Any], stream: str
) -> None:
    [entry] = [each for each in catalog_of(stream)["streams"] if each["tap_stream_id"] == stream]
    fields = entry["schema"]["properties"]
    nulls = {name: [None] for name, field in fields.items() if "array" in field["type"]}
    assert nulls
    run = read_one(api, tap, stream, nulls, unknown_fields="fail", **way)
    assert run.exit_code == 0, run.stderr
    [schema] = [each["schema"] for each in run.messages if each["type"] == "SCHEMA"]
    assert run.records == [KEYS[stream] | nulls | ADDED[stream]]
    for record in run.records:
        Draft7Validator(schema).validate(record)


# Fields of the API with the names of the tap's own

OWN: list[tuple[str, dict[str, Any]]] = [
    ("appointment_assignments", {"continueFrom": "theirs"}),
    ("business_hours", {"tenantId": 77}),
    ("capacities", {"businessUnitKey": "theirs"}),
    ("capacities", {"timeStamp": "theirs"}),
    ("technician_tracking", {"technicianId": 99}),
]


@ALL_WAYS
@pytest.mark.parametrize(("stream", "theirs"), OWN)
@pytest.mark.parametrize("setting", ["warn", "keep", "fail"])
def test_a_field_of_the_api_with_the_name_of_one_of_the_taps_own_is_not_lost_in_silence(
    api: ScriptedApi,
    tap: Command,
    way: dict[str, Any],
    stream: str,
    theirs: dict[str, Any],
    setting: str,
) -> None:
    run = read_one(api, tap, stream, theirs, unknown_fields=setting, **way)
    [name] = theirs
    told = f"fields that are not in the schema: {name} (beside the tap's own)"
    if setting == "fail":
        assert_fails(run, f"{stream}: the API sends {told}. What to do")
        return
    kept = {"unknownFields": theirs} if setting == "keep" else {}
    assert (run.exit_code, run.records) == (0, [KEYS[stream] | ADDED[stream] | kept])
    (warning,) = warnings(run)
    assert told in warning


@ALL_WAYS
def test_a_field_of_the_api_that_says_the_same_as_the_taps_own_is_not_odd(
    api: ScriptedApi, tap: Command, way: dict[str, Any]
) -> None:
    for stream, same in (
        ("business_hours", {"tenantId": 1234}),
        ("technician_tracking", {"technicianId": 7, "appointmentId": 12}),
    ):
        run = read_one(api, tap, stream, same, unknown_fields="fail", **way)
        assert (run.exit_code, run.records) == (0, [KEYS[stream] | ADDED[stream]])


@pytest.mark.no_cover
@ALL_WAYS
@pytest.mark.parametrize("theirs", [{"a": 1}, 5, None])
def test_a_field_that_is_called_unknown_fields_is_kept_among_them(
    api: ScriptedApi, tap: Command, way: dict[str, Any], theirs: Any
) -> None:
    row = USUAL | {"unknownFields": theirs}
    run = read(api, tap, row, ODD, unknown_fields="keep", **way)
    kept = None if theirs is None else {"unknownFields": theirs}
    assert [each["unknownFields"] for each in run.records] == [kept, OTHERS]
    left_out = read(api, tap, row, **way)
    assert (left_out.records, len(warnings(left_out))) == ([USUAL], 1)


@pytest.mark.parametrize("setting", ["warn", "keep", "fail"])
def test_a_tenant_id_of_the_api_does_not_take_the_place_of_the_groups(
    api: ScriptedApi, tap: Command, setting: str
) -> None:
    group = Group(api)
    theirs = {"id": 5, "modifiedOn": LATER, "tenantId": "acme"}
    group.answers = {(SOUTH, PATHS["zones"]): listed(theirs)}
    config = group.config | {"unknown_fields": setting}
    run = tap.run(config, None, tap.discover("zones", **config))
    of_south = [each for each in run.records if each["tenantId"] == SOUTH]
    told = "fields that are not in the schema: tenantId (beside the tap's own)"
    if setting == "fail":
        assert_fails(run, f"tenant {SOUTH}, zones: the API sends {told}")
        assert of_south == []
        return
    kept = {"unknownFields": {"tenantId": "acme"}} if setting == "keep" else {}
    assert of_south == [{**theirs, "tenantId": SOUTH, **kept}]
    assert sum(told in line for line in warnings(run)) == 1


def decoder(properties: dict[str, Row], unknown_fields: str) -> RowDecoder:
    reporter = OddityReporter(
        "any",
        properties,
        unknown_fields,
        has_place=True,
        passes_odd_types=True,
        logger=logging.getLogger(),
    )
    return RowDecoder(reporter, keys=["id"], properties=properties, selected=properties)


def test_as_deep_as_the_schema_goes() -> None:
    leaf = {"type": ["object", "null"], "properties": {"a": {"type": ["integer", "null"]}}}
    middle = {"type": ["object", "null"], "properties": {"leaf": leaf, "b": {"type": ["string"]}}}
    kept = {"type": ["object", "null"]}
    properties: dict[str, Row] = {
        "id": {"type": ["integer"]},
        "middle": middle,
        "unknownFields": kept,
    }
    rows = decoder(properties, "keep")
    row = {"id": 1, "middle": {"leaf": {"a": 1, "x": 2}, "b": 5}}
    seen: set[str] = set()
    [out] = rows.outgoing(Page([row]), {}, seen)
    assert out == {
        "id": 1,
        "middle": {"leaf": {"a": 1}, "b": 5},
        "unknownFields": {"middle": {"leaf": {"x": 2}}},
    }
    assert seen == {"middle.leaf.x"}


@pytest.mark.parametrize("number", ["8", "8.0", "0.25"])
def test_numbers_go_out_as_they_came(number: str) -> None:
    """A whole number is not made a fraction of."""
    properties: dict[str, Row] = {
        "id": {"type": ["integer"]},
        "hours": {"type": ["number", "null"]},
    }
    rows = decoder(properties, "fail")
    row = f'{{"id":1,"hours":{number}}}'
    decoded = rows.decode(f'{{"hasMore":false,"data":[{row}]}}'.encode())["data"]
    for records in (decoded, [json.loads(row)]):
        [out] = rows.outgoing(Page(records), {}, set())
        assert msgspec.json.encode(out).decode() == row

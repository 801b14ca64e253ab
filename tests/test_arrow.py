"""Files of Arrow: typed columns, whose values are those of the records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet  # type: ignore[import-untyped] # it has no types

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.settings import batches
from tap_servicetitan_dispatch.streams.columns import Columns
from tests.support.arrow import (
    NEEDS_ARROW,
    arrow_into,
    assert_same_values,
    do_without_the_sdk,
    rows_of,
    table_in,
    tables_of,
    time,
)
from tests.support.group import GROUP, SOUTH, Group, read
from tests.support.odd_answers import KEYS, ODD_VALUES, ONE_DAY, answers, fields_of
from tests.support.runs import assert_fails, catalog_of, select
from tests.support.scripted_api import FEED, MODIFIED, Answer, feed_of, listed, page, routed, row
from tests.support.streams import PATHS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.arrow import Row
    from tests.support.runs import Command
    from tests.support.scripted_api import ScriptedApi


@pytest.fixture(
    params=[pytest.param(False, marks=NEEDS_ARROW), True],
    ids=["by the SDK", "by what is in its place"],
)
def _files(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files come from the SDK, or, whether it can or not, from what does as much here."""
    if request.param:
        do_without_the_sdk(monkeypatch)


TECHNICIANS = [{"id": 1, "name": "Ada", "status": "Available"}, {"id": 2}]
OF_SLOTS: list[Row] = [
    {},
    {"technicians": []},
    {"technicians": TECHNICIANS},
    {"technicians": [None, {"id": 2**64, "name": 5, "status": "?"}], "totalAvailability": 7},
]
SLOTS = [
    {"startUtc": "2026-12-01T08:00:00Z", "endUtc": f"2026-12-01T09:0{n}:00Z", **more}
    for n, more in enumerate(OF_SLOTS)
]
KEPT_AND_HASHED = {
    "keep_history": ["appointment_assignments", "capacities", "zones"],
    "hash_fields": ["appointment_assignments.technicianName", "capacities.technicians.name"],
    "hash_salt": "a salt of the test, to be kept",
    "unknown_fields": "keep",
}


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize("given_settings", [{}, KEPT_AND_HASHED], ids=["plain", "kept and hashed"])
def test_all_values_are_those_of_the_records(
    api: ScriptedApi, tap: Command, tmp_path: Path, given_settings: Row
) -> None:
    """In pages that are usual, and in such as have each odd value in each field."""
    odd: dict[str, list[Row]] = {
        stream: [
            {**key, "id": n, **dict.fromkeys([*fields_of(stream), "unheardOf"], value)}
            for n, value in enumerate(ODD_VALUES)
            # Not in the key, where no value may be null
            if not given_settings
            or stream != "appointment_assignments"
            or time(f"{value}")
            or not value
        ]
        for stream, key in KEYS.items()
    }
    pages = {
        None: page(1, 2, more=True, token="t1"),
        "t1": {"hasMore": False, "continueFrom": "t2", "data": odd["appointment_assignments"]},
    }
    found = {
        **answers("business_hours", odd["business_hours"][-1]),
        **answers("technician_tracking", odd["technician_tracking"][7]),
        PATHS["arrival_windows"]: listed(*odd["arrival_windows"]),
        PATHS["capacities"]: {"timeStamp": MODIFIED, "availabilities": SLOTS},
        PATHS["zones"]: listed(
            *([] if given_settings else odd["zones"]), {"id": 99, "cities": ["A"]}
        ),
    }
    rest = routed(found)
    api.reply = lambda call: (
        Answer(pages[call.query.get("from")]) if call.path == FEED else rest(call)
    )
    config = {**api.config, **ONE_DAY, **given_settings}
    config["extra_streams"] = ["capacities", "technician_tracking"]
    catalog = tap.discover(*KEYS, **config)
    run = tap.run(config, None, catalog)
    files = tap.run(config | arrow_into(tmp_path / "files"), None, catalog)
    assert_same_values(run.messages, files)
    assert tables_of(files).keys() == KEYS.keys()


@pytest.mark.usefixtures("_files")
def test_a_group_has_the_tenant_in_each_row(api: ScriptedApi, tap: Command, tmp_path: Path) -> None:
    group = Group(api)
    files = read(tap, group.config | arrow_into(tmp_path / "files"))
    tables = tables_of(files)
    assert {name: table.column_names[0] for name, table in tables.items()} == dict.fromkeys(
        ("appointment_assignments", "teams", "zones"), "tenantId"
    )
    records = read(tap, group.config).messages
    for stream, table in tables.items():
        assert sorted((each["tenantId"], each["id"]) for each in rows_of(table)) == sorted(
            (each["record"]["tenantId"], each["record"]["id"])
            for each in records
            if each["type"] == "RECORD" and each["stream"] == stream
        )
    assert {each["tenantId"] for each in rows_of(tables["zones"])} == {*GROUP}


@pytest.fixture
def without_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    do_without_the_sdk(monkeypatch)


@pytest.mark.usefixtures("without_the_sdk")
def test_what_no_column_holds_is_kept_where_unknown_fields_are(
    api: ScriptedApi, tap: Command, tmp_path: Path
) -> None:
    """What of a list fits is in the column, and the rest at the same places of the other."""
    technicians = [{"id": 2**63, "name": "Ada", "skill": 1}, 0, {"id": 5}]
    slot = {**KEYS["capacities"], "technicians": technicians, "totalAvailability": 10**25}
    api.reply = routed({PATHS["capacities"]: {"timeStamp": "soon", "availabilities": [slot]}})
    config = {**api.config, **ONE_DAY, "unknown_fields": "keep", "extra_streams": ["capacities"]}
    config |= arrow_into(tmp_path / "files")
    run = tap.run(config, None, tap.discover("capacities", **config))
    [got] = rows_of(tables_of(run)["capacities"])
    nothing = {"status": None, "hasRequiredSkills": None}
    assert got["technicians"] == [
        {"id": None, "name": "Ada", **nothing},
        None,
        {"id": 5, "name": None, **nothing},
    ]
    assert got["unknownFields"] == {
        "technicians": [{"id": 2**63, "skill": 1}, 0, None],
        "timeStamp": "soon",
        "totalAvailability": 10**25,
    }
    assert "another type than the schema has: technicians[]. They are kept in unkn" in run.stderr
    assert "It passes as it is" not in run.stderr


@pytest.mark.usefixtures("without_the_sdk")
def test_what_is_kept_goes_out_as_a_hash_where_unknown_fields_do(
    api: ScriptedApi, tap: Command, tmp_path: Path
) -> None:
    hashed = {"hash_fields": ["zones.unknownFields"], "hash_salt": "a salt of the test, not short"}
    api.reply = routed({PATHS["zones"]: listed({"id": 1, "active": "Ada", "createdOn": "Fixit"})})
    config = {**api.config, **hashed, "unknown_fields": "keep", **arrow_into(tmp_path / "files")}
    run = tap.run(config, None, tap.discover("zones", **config))
    [got] = rows_of(tables_of(run)["zones"])
    assert got["unknownFields"].keys() == {"active", "createdOn"}
    assert {len(each) for each in got["unknownFields"].values()} == {64}


@pytest.mark.usefixtures("without_the_sdk")
def test_what_no_column_holds_ends_the_stream_of_its_tenant_if_so_wanted(
    api: ScriptedApi, tap: Command, tmp_path: Path
) -> None:
    late = listed({"id": 5, "modifiedOn": "2026-11-02T08:00:00Z", "createdOn": "late"})
    group = Group(api, {(SOUTH, PATHS["zones"]): late})
    config = group.config | {"unknown_fields": "fail"} | arrow_into(tmp_path / "files")
    run = read(tap, config, None, "zones")
    assert_fails(run, "zones: the API sends another type than the schema has in createdOn")
    assert f"{SOUTH}" in run.errors[0]
    urls = [each["manifest"] for each in run.messages if each["type"] == "BATCH"]
    written = {each["tenantId"] for [url] in urls for each in table_in(url).to_pylist()}
    assert written == {*GROUP} - {SOUTH}


@pytest.mark.usefixtures("without_the_sdk")
@pytest.mark.parametrize("key", ["17", 2**63])
def test_a_key_that_no_column_holds_ends_the_stream(
    api: ScriptedApi, tap: Command, tmp_path: Path, key: Any
) -> None:
    api.reply = feed_of((None, page(1, more=True, token="t1")), ("t1", _feed_with(row(key))))
    run = tap.run(api.config | arrow_into(tmp_path / "files"))
    assert_fails(run, "assignments: the API gave a row whose id does not fit into a column of typ")
    assert run.bookmark == "t1"


def _feed_with(*rows: Row) -> Row:
    return {"hasMore": False, "continueFrom": "t2", "data": [*rows]}


@pytest.mark.usefixtures("without_the_sdk")
def test_fields_that_are_deselected_or_not_in_the_catalog_have_no_column(
    api: ScriptedApi, tap: Command, tmp_path: Path
) -> None:
    catalog = catalog_of("capacities")
    slot = {**KEYS["capacities"], "technicians": TECHNICIANS, "isAvailable": True}
    api.reply = routed({PATHS["capacities"]: {"timeStamp": MODIFIED, "availabilities": [slot]}})
    [entry] = [each for each in catalog["streams"] if each["tap_stream_id"] == "capacities"]
    catalog["streams"] = [entry]
    select(catalog, ("properties", "isAvailable"), selected=False)
    del entry["schema"]["properties"]["technicians"]["items"]["properties"]["name"]
    del entry["schema"]["properties"]["start"]
    run = tap.run(api.config | ONE_DAY | arrow_into(tmp_path / "files"), None, catalog)
    table = tables_of(run)["capacities"]
    assert {"isAvailable", "start"} & {*table.column_names} == set()
    assert table.schema.field("technicians").type.value_type.names == [
        "id",
        "status",
        "hasRequiredSkills",
    ]


TYPES = {
    **dict.fromkeys(("timeStamp", "startUtc", "endUtc"), "TIMESTAMP WITH TIME ZONE"),
    **dict.fromkeys(("start", "end", "businessUnitKey"), "VARCHAR"),
    "businessUnitIds": "BIGINT[]",
    **dict.fromkeys(("totalAvailability", "openAvailability"), "DOUBLE"),
    "technicians": (
        'STRUCT(id BIGINT, "name" VARCHAR, status VARCHAR, hasRequiredSkills BOOLEAN)[]'
    ),
    **dict.fromkeys(("isAvailable", "isExceedingIdealBookingPercentage"), "BOOLEAN"),
    "unknownFields": "JSON",
    "at": "2026-11-01 08:00:00.123456+00",
    "unit": 2**63 - 1,
}


@pytest.mark.usefixtures("without_the_sdk")
def test_duckdb_reads_the_right_types_from_the_file_and_from_parquet(
    api: ScriptedApi, tap: Command, tmp_path: Path
) -> None:
    slot = {**KEYS["capacities"], "technicians": TECHNICIANS, "businessUnitIds": [2**63 - 1, None]}
    slot |= {"totalAvailability": 7.5, "isAvailable": True, "new": {"a": [1]}}
    api.reply = routed({PATHS["capacities"]: {"timeStamp": MODIFIED, "availabilities": [slot]}})
    config = {**api.config, **ONE_DAY, "unknown_fields": "keep", "extra_streams": ["capacities"]}
    config |= arrow_into(tmp_path / "files")
    table = tables_of(tap.run(config, None, tap.discover("capacities", **config)))["capacities"]
    parquet.write_table(table, tmp_path / "parquet")
    query = """select typeof(columns(*)), "timeStamp"::varchar as "at", "businessUnitIds"[1] as unit
               from {}"""
    with duckdb.connect() as database:
        database.execute("set timezone = 'UTC'")
        database.register("arrow", table)
        sources = "arrow", f"read_parquet('{tmp_path}/parquet')"
        seen = [database.sql(query.format(each)).to_arrow_table().to_pylist() for each in sources]
    assert seen[0] == seen[1] == [TYPES]


SECONDS = st.integers(-30_000_000_000, 250_000_000_000)
"""Of years from 1019 to 9892."""
ROW = msgspec.defstruct("Row", [("at", str | None)])


@settings(max_examples=50)
@given(
    texts=st.lists(
        st.none()
        | st.builds(
            "{:%Y-%m-%dT%H:%M:%S}{}{}".format,
            SECONDS.map(lambda seconds: datetime.fromtimestamp(0, UTC) + timedelta(0, seconds)),
            st.just("") | st.from_regex(r"\.[0-9]{1,9}", fullmatch=True),
            st.sampled_from(["Z", "", "+05:30", "-0800"]),
        )
    )
)
def test_any_time_is_what_the_tap_takes_it_for(texts: list[str | None]) -> None:
    """Cut to the microsecond, before 1970 too, in the years that Arrow reads itself and others."""
    of_time: Any = {"at": {"type": ["string", "null"], "format": "date-time"}}
    nobody: Any = None
    columns = Columns(of_time, selected={"at"}, absent=(), keys=(), reporter=nobody, hasher=nobody)
    rows: list[Any] = [ROW(text) for text in texts]
    assert columns.table(rows).to_pylist() == [
        {"at": text if text is None else instants.parse(text)} for text in texts
    ]


def test_an_sdk_that_has_none_is_told_of(
    api: ScriptedApi, tap: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "ARROW_IS_THERE", False)
    run = tap.run(api.config | arrow_into(tmp_path))
    assert run.exit_code == 1
    [line] = [each for each in run.errors if "arrow" in each]
    assert "batch_config.encoding.format: arrow needs singer-sdk 0.55 or newer; 0.5" in line


@pytest.mark.usefixtures("without_the_sdk")
def test_the_extra_that_is_missing_is_named(
    api: ScriptedApi, tap: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "find_spec", lambda _: None)
    run = tap.run(api.config | arrow_into(tmp_path))
    assert run.exit_code == 1
    [line] = [each for each in run.errors if "pyarrow" in each]
    assert "needs pyarrow, which is not installed; the extra arrow of tap-servicetitan-d" in line

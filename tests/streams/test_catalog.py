"""What the catalog says of each stream, and how that compares with the vendor and the other tap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runs import assert_fails, bookmarked, catalog_of, select
from tests.support.scripted_api import MODIFIED, PREFIX, routed
from tests.support.streams import (
    ALL_STREAMS,
    EXTRA,
    LOG,
    NOTHING,
    OFFERED,
    ON_REQUEST,
    PATHS,
    STREAMS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from syrupy.assertion import SnapshotAssertion

    from tests.support.runs import Command
    from tests.support.scripted_api import ScriptedApi


@pytest.fixture
def entries(tap: Command) -> dict[str, dict[str, Any]]:
    catalog = tap.discover(extra_streams=[*ON_REQUEST])
    return {entry["tap_stream_id"]: entry for entry in catalog["streams"]}


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the properties of a schema, those within others too."""
    for name, each in schema.get("properties", {}).items():
        yield name, each
        yield from properties(each)
        yield from properties(each.get("items", {}))


@pytest.mark.parametrize("stream", [*ALL_STREAMS, LOG])
def test_the_catalog_is_as_it_was(
    entries: dict[str, Any], stream: str, snapshot: SnapshotAssertion
) -> None:
    assert entries[stream] == snapshot


@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_keys_and_bookmark_are_the_ones_written_down(entries: dict[str, Any], stream: str) -> None:
    entry, expected = entries[stream], STREAMS[stream]
    assert tuple(entry["key_properties"]) == expected.keys
    assert entry.get("replication_key") == expected.replication_key


@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_all_but_keys_may_be_null(entries: dict[str, Any], stream: str) -> None:
    entry = entries[stream]
    never_null = [
        name for name, each in entry["schema"]["properties"].items() if "null" not in each["type"]
    ]
    assert sorted(never_null) == sorted(entry["key_properties"])
    assert sorted(entry["schema"]["required"]) == sorted(entry["key_properties"])


@pytest.mark.parametrize("stream", [*ALL_STREAMS, LOG])
def test_every_field_is_described(entries: dict[str, Any], stream: str) -> None:
    found = list(properties(entries[stream]["schema"]))
    assert [name for name, each in found if not each.get("description", "").endswith(".")] == []
    assert [name for name, each in found if "enum" in each] == [], "new values must not break"


@pytest.mark.parametrize("stream", [*ALL_STREAMS, LOG])
def test_times_say_that_they_are_utc(entries: dict[str, Any], stream: str) -> None:
    times = [each for _, each in properties(entries[stream]["schema"]) if "format" in each]
    assert [each for each in times if "(UTC)" not in each["description"]] == []


ASSIGNMENT = (
    "id technicianId technicianName assignedById assignedOn status isPaused jobId appointmentId "
    "createdOn modifiedOn active"
)
NON_JOB = (
    "id technicianId start name duration timesheetCodeId summary clearDispatchBoard "
    "clearTechnicianView removeTechnicianFromCapacityPlanning allDay showOnTechnicianSchedule "
    "active createdOn modifiedOn createdById"
)
SHIFT = "id shiftType title note active technicianId start end timesheetCodeId createdOn modifiedOn"
SLOT = (
    "start end startUtc endUtc businessUnitIds totalAvailability openAvailability "
    "isExceedingIdealBookingPercentage"
)
ZONE = (
    "id active name zips cities territoryNumbers locnNumbers createdBy createdOn modifiedOn "
    "serviceDaysEnabled serviceDays businessUnits technicians"
)


@pytest.mark.parametrize(
    ("stream", "keys", "fields"),
    [
        ("appointment_assignments", ["id"], ASSIGNMENT),
        ("arrival_windows", ["id"], "id start duration businessUnitIds active"),
        # It has no key there; ours is the field that we add.
        ("business_hours", ["tenantId"], "weekdays saturday sunday"),
        # There a row is a technician in a slot, technician_id being part of the key along with an
        # array; a slot without technicians is no row. Ours is the slot.
        ("capacities", ["startUtc", "endUtc", "businessUnitKey"], SLOT),
        ("non_job_appointments", ["id"], NON_JOB),
        ("teams", ["id"], "id active name createdBy createdOn modifiedOn"),
        ("technician_shifts", ["id"], SHIFT),
        ("zones", ["id"], ZONE),
    ],
)
def test_keys_and_fields_are_those_of_the_other_servicetitan_tap(
    entries: dict[str, Any], stream: str, keys: list[str], fields: str
) -> None:
    entry = entries[stream]
    assert entry["key_properties"] == keys
    assert set(fields.split()) <= entry["schema"]["properties"].keys()


@pytest.mark.parametrize(
    ("stream", "ours", "theirs"),
    [
        ("appointment_assignments", "continueFrom", "modifiedOn"),
        ("arrival_windows", None, None),
        ("business_hours", None, None),
        ("capacities", None, "startUtc"),
        ("non_job_appointments", "modifiedOn", "createdOn"),
        ("teams", "modifiedOn", "modifiedOn"),
        ("technician_shifts", "modifiedOn", None),
        ("zones", "modifiedOn", "modifiedOn"),
    ],
)
def test_a_bookmark_of_the_other_servicetitan_tap_costs_no_row(
    api: ScriptedApi,
    tap: Command,
    entries: dict[str, Any],
    stream: str,
    ours: str | None,
    theirs: str | None,
) -> None:
    """It is resumed from where we have one too, and overlooked where we read everything."""
    assert entries[stream].get("replication_key") == ours
    api.reply = routed(NOTHING)
    state: dict[str, Any] = {}
    if theirs:
        state = {"replication_key": theirs, "replication_key_value": "2026-11-01T08:00:00+00:00"}
    run = tap.run(api.config, {"bookmarks": {stream: state}}, streams=(stream,))
    assert run.exit_code == 0
    bounds = {call.query.get("from", call.query.get("modifiedOnOrAfter")) for call in api.api_calls}
    by_date = {"continueFrom": "2026-11-01T08:00:00Z", "modifiedOn": "2026-11-01T07:55:00Z"}
    assert bounds == {by_date[ours] if ours and theirs else None}


def everything_selected(catalog: dict[str, Any]) -> dict[str, Any]:
    """Return a catalog in which all that is offered is selected, as by `*.*` in Meltano."""
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = True
    return catalog


@pytest.mark.parametrize("with_catalog", [False, True])
def test_without_extra_streams_only_what_is_harmless_is_there_to_be_selected(
    api: ScriptedApi, tap: Command, *, with_catalog: bool
) -> None:
    catalog = everything_selected(tap.discover())
    assert [stream["tap_stream_id"] for stream in catalog["streams"]] == [*OFFERED]
    api.reply = routed(NOTHING)
    run = tap.run(api.config, None, catalog if with_catalog else None, streams=None)
    assert run.exit_code == 0
    called = [call.path.removeprefix(PREFIX) for call in api.api_calls]
    assert sorted(called) == sorted(PATHS[stream] for stream in OFFERED)


@pytest.mark.parametrize("extra", EXTRA)
def test_a_stream_that_extra_streams_names_is_offered_and_read(
    api: ScriptedApi, tap: Command, extra: str
) -> None:
    config = {**api.config, "extra_streams": [extra]}
    catalog = tap.discover(**config)
    named = [stream["tap_stream_id"] for stream in catalog["streams"]]
    assert named == [name for name in ALL_STREAMS if name in {*OFFERED, extra}]
    api.reply = routed(NOTHING)
    assert tap.run(config, streams=None).exit_code == 0
    needed = "appointment_assignments_list" if extra == "technician_tracking" else extra
    assert PREFIX + PATHS[needed] in [call.path for call in api.api_calls]


def test_a_catalog_that_selects_what_is_not_offered_is_refused_with_the_setting_that_offers_it(
    api: ScriptedApi, tap: Command
) -> None:
    config = {**api.config, "extra_streams": ["capacities"]}
    run = tap.run(config, None, catalog_of(*ALL_STREAMS))
    refused = "appointment_assignments_list, technician_tracking"
    assert_fails(run, f"the catalog selects {refused}, which the setting extra_streams does not")
    assert api.calls == []


def test_a_catalog_or_a_state_that_only_names_what_is_not_offered_is_told_so_in_a_line(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = routed(NOTHING)
    catalog = catalog_of(*ALL_STREAMS)
    for stream in catalog["streams"]:
        select({"streams": [stream]}, (), selected=stream["tap_stream_id"] == "zones")
    state = bookmarked(MODIFIED, "modifiedOn", "appointment_assignments_list")
    run = tap.run({**api.config, "extra_streams": []}, state, catalog)
    assert run.exit_code == 0
    told = [line for line in run.stderr.splitlines() if "extra_streams does not name" in line]
    assert [line.partition("The ")[2].partition(",")[0] for line in told] == [
        "catalog names appointment_assignments_list",
        "state names appointment_assignments_list",
    ]
    kept = run.states[-1]["bookmarks"]["appointment_assignments_list"]
    assert kept["replication_key_value"] == MODIFIED


@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_a_deselected_stream_costs_no_request(api: ScriptedApi, tap: Command, stream: str) -> None:
    """Each stream reads what it needs and nothing else, whatever the others are."""
    api.reply = routed(NOTHING)
    run = tap.run(api.config, streams=(stream,))
    assert run.exit_code == 0
    needed = "appointment_assignments_list" if stream == "technician_tracking" else stream
    assert {call.path.removeprefix(PREFIX) for call in api.api_calls} == {PATHS[needed]}

"""Marts never pass empty, old or counted twice where what they are built from is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.warehouses import DATABASES
from tests.transform.rows import absence, assignment, at, hours, log, of_tenant, shift

if TYPE_CHECKING:
    from tests.support.warehouses import Loads, Warehouses

pytestmark = pytest.mark.warehouse

SINGLE = 1_000_000_001
CURRENT = ("run", "--select", "+dispatch_current_assignments")
HOURS = ("run", "--select", "+dispatch_technician_availability", "dispatch_left_out")
NOWHERE = {"DISPATCH_SOURCE_SCHEMA": "nobody", "TARGET_JSONL_DESTINATION_PATH": "/nobody"}


def test_a_build_without_input_fails_says_where_it_looked_and_leaves_what_there_was(
    loads: Loads,
) -> None:
    loads.load(at("12:00"), appointment_assignments=[assignment(1)])
    loads.build(*CURRENT)
    in_duckdb, in_postgres = loads.refused("build", **NOWHERE)
    assert (
        "no appointment_assignments in files named /nobody/appointment_assignments-*" in in_duckdb
    )
    assert "TARGET_JSONL_DESTINATION_PATH or the var dispatch_folder" in in_duckdb
    assert "no appointment_assignments in the schema nobody of the database postgres" in in_postgres
    assert "DISPATCH_SOURCE_SCHEMA or the var dispatch_source_schema" in in_postgres
    for said in (in_duckdb, in_postgres):
        assert said.count("Nothing to build from") <= 2, "once as an error, once as its cause"
    assert [row["assignment_id"] for row in loads.rows("dispatch_current_assignments")] == [1]


def test_a_stream_that_was_never_loaded_is_an_empty_table_and_a_time_that_was_never_is_null(
    loads: Loads,
) -> None:
    never = {"modifiedOn": "1900-01-01T00:00:00Z"}  # as no part of a key may be null
    loads.load(at("12:00"), appointment_assignments=[assignment(1), assignment(2, **never)])
    versions = "dispatch_stg_assignment_versions"
    loads.build(*HOURS, "dispatch_stg_zones", versions)
    assert loads.rows("dispatch_stg_zones") == []
    assert loads.rows("dispatch_technician_availability") == []
    dates = {row["assignment_id"]: row["modified_on"] for row in loads.rows(versions)}
    assert (dates[1] is None, dates[2]) == (False, None)


def test_a_field_that_was_not_loaded_is_told_of_and_ends_the_build_if_a_mart_needs_it(
    loads: Loads,
) -> None:
    def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name not in names}

    old = without(assignment(1), "technicianName", "isPaused")
    loads.load(at("12:00"), appointment_assignments=[old])
    for ended in loads.build(*CURRENT):
        said = "appointment_assignments was loaded without technicianName, isPaused: null in"
        assert said in ended.trouble
    assert loads.rows("dispatch_current_assignments")[0]["technician_name"] is None
    lacking = without(shift(1, None, None), "technicianId", "shiftType")
    loads.load(at("13:00"), technician_shifts=[lacking])
    for said in loads.refused("run", "--select", "dispatch_stg_technician_shifts"):
        assert (
            "technician_shifts was loaded without shiftType, technicianId, which the marts" in said
        )
        assert "--full-refresh" in said
    jobs = {"DISPATCH_APPOINTMENTS": "(select 1 as id) as jobs"}
    for said in loads.refused("run", "--select", "dispatch_promised", **jobs):
        assert (
            "No jobId, start, end, arrivalWindowStart, arrivalWindowEnd, modifiedOn in (sel" in said
        )
        assert "Say what these columns are called there" in said


@pytest.mark.parametrize("others", ["a group", "another single tenant"])
def test_rows_of_a_single_tenant_beside_those_of_others_are_refused(
    loads: Loads, others: str
) -> None:
    loads.load(at("12:00"), appointment_assignments=[assignment(1)], business_hours=[hours(SINGLE)])
    loads.build(*CURRENT)
    more = [assignment(2)]
    if others == "a group":
        more = of_tenant(SINGLE, assignment(1), assignment(2))
    loads.load(at("13:00"), appointment_assignments=more, business_hours=[hours(SINGLE + 1)])
    for said in loads.refused(*CURRENT):
        assert "some do not say whose they are" in said
        assert str(SINGLE) in said
        assert "places of their own" in said
    assert len(loads.rows("dispatch_current_assignments")) == 1, "as it was"


def test_one_file_for_all_loads_is_refused(loads: Loads) -> None:
    loads.load(at("12:00"), appointment_assignments=[assignment(1)])
    (loads.folder / "business_hours.jsonl").write_text("{}\n{}\n", encoding="utf-8")
    ended = loads.dbt("duckdb", "build")
    assert not ended.is_good
    assert "business_hours.jsonl has no time of a load in its name" in ended.trouble
    assert "Set do_timestamp_file of target-jsonl to true" in ended.trouble


def test_a_torn_last_line_is_left_out_and_told_of_and_another_one_ends_the_build(
    loads: Loads,
) -> None:
    loads.load(at("12:00"), appointment_assignments=[assignment(1), assignment(2)])
    loads.load(at("13:00"), appointment_assignments=[assignment(2, "12:30:00.5Z"), assignment(3)])
    file = loads.folder / "appointment_assignments-20260618T130000.jsonl"
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole[:-40], encoding="utf-8")
    ended = loads.dbt("duckdb", *CURRENT)
    assert ended.is_good
    assert f"The last line of {file} is torn, and left out" in ended.trouble
    found = loads.rows_in("duckdb", "dispatch_stg_appointment_assignments")
    assert {row["assignment_id"]: row["modified_on"][11:21] for row in found} == {
        1: "11:00:00+0",
        2: "12:30:00.5",
    }
    file.write_text(whole[:-40] + "\n" + whole, encoding="utf-8")
    assert "Malformed JSON" in loads.dbt("duckdb", *CURRENT).trouble


def test_where_several_schemas_have_been_loaded_somebody_has_to_say_which(
    warehouses: Warehouses,
) -> None:
    group = warehouses.loads(DISPATCH_TIMEZONE="UTC")
    own = replace(group)
    group.schema = "tap_servicetitan_dispatch__group"
    group.load(at("12:00"), appointment_assignments=of_tenant(5, assignment(2)))
    ended = group.dbt("postgres", *CURRENT)
    assert ended.is_good, "the only one"
    found = group.rows_in("postgres", "dispatch_current_assignments")
    assert [row["tenant_id"] for row in found] == [5]
    own.load(at("12:00"), appointment_assignments=[assignment(1)])
    ended = group.dbt("postgres", *CURRENT)
    assert not ended.is_good
    assert f"Several schemas have appointment_assignments: {own.schema}, {group.schema}" in (
        ended.trouble
    )
    ended = group.dbt("postgres", *CURRENT, TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA=own.schema)
    assert ended.is_good, ended.trouble
    assert group.rows_in("postgres", "dispatch_current_assignments")[0]["tenant_id"] == 0


def test_what_has_no_source_any_more_is_in_no_mart(loads: Loads) -> None:
    chosen = (
        "run",
        "--select",
        "+dispatch_assignment_history",
        "dispatch_technicians",
        "+dispatch_tenants",
    )
    both = [*of_tenant(5, assignment(1)), *of_tenant(6, assignment(1), assignment(2))]
    loads.load(at("12:00"), appointment_assignments=both)
    loads.build(*chosen)
    assert {row["tenant_id"] for row in loads.rows("dispatch_assignment_history")} == {5, 6}
    (file,) = loads.folder.glob("*.jsonl")
    file.unlink()
    loads.warehouses.server.query(f"drop schema {loads.schema} cascade")
    loads.load(at("13:00"), appointment_assignments=of_tenant(5, assignment(1, "12:30:00Z")))
    loads.build(*chosen)
    for model in ("dispatch_assignment_history", "dispatch_tenants", "dispatch_technicians"):
        assert {row["tenant_id"] for row in loads.rows(model)} == {5}, model


def test_a_tenant_without_a_time_zone_ends_the_build_and_each_has_its_own(
    warehouses: Warehouses,
) -> None:
    loads = warehouses.loads()
    night = ("2026-06-18T14:00:00Z", "2026-06-18T22:00:00Z")
    loads.load(
        at("12:00"),
        appointment_assignments=of_tenant(5, assignment(1)),
        technician_shifts=[
            *of_tenant(5, shift(1, *night)),
            *of_tenant(6, shift(1, *night)),
            *of_tenant(7, shift(1, *night)),
        ],
        sync_log=[
            log("a", "2026-06-18T12:00:00Z", 5, timezone="America/Chicago", tenantName="Acme"),
            log("a", "2026-06-18T12:00:01Z", 6, timezone="Mars/Base", tenantName="O'Hare"),
        ],
    )
    for said in loads.refused(*HOURS):
        assert (
            "No time zone, or none that the database knows: tenant 6 (Mars/Base), tenant 7." in said
        )
        assert "DISPATCH_TIMEZONE or the var dispatch_timezone" in said
    mended = log("b", "2026-06-18T13:00:00Z", 6, timezone="Asia/Tokyo", tenantName="D'Arcy")
    loads.load(at("13:00"), sync_log=[mended])
    loads.build(*HOURS, DISPATCH_TIMEZONE="Europe/Berlin")
    tenants = {row["tenant_id"]: row for row in loads.rows("dispatch_tenants")}
    assert {key: (row["tenant_name"], row["time_zone"]) for key, row in tenants.items()} == {
        5: ("Acme", "America/Chicago"),
        6: ("D'Arcy", "Asia/Tokyo"),
        7: (None, "Europe/Berlin"),
    }
    found = sorted(
        (row["tenant_id"], row["day"], row["shift_hours"])
        for row in loads.rows("dispatch_technician_availability")
    )
    assert found == [
        (5, "2026-06-18", 8),
        (6, "2026-06-18", 1),
        (6, "2026-06-19", 7),
        (7, "2026-06-18", 8),
    ]


def test_a_read_that_is_in_doubt_is_neither_complete_nor_a_load(loads: Loads) -> None:
    streams, why = ("appointment_assignments", "zones"), "rows were deleted during the read"
    good, doubted = at("12:00"), at("13:00")
    loads.load(
        good,
        appointment_assignments=of_tenant(5, assignment(1)),
        sync_log=[
            log(run, f"{ended:%Y-%m-%dT%H:%M:%SZ}", 5, stream, outcome=outcome, reason=reason)
            for run, ended, outcome, reason in (
                ("a", good, "complete", None),
                ("b", doubted, "doubtful", why),
            )
            for stream in streams
        ],
    )
    loads.build("run", "--select", "+dispatch_freshness", "+dispatch_loads")
    told = {
        row["stream"]: (
            row["outcome"],
            row["reason"],
            *(datetime.fromisoformat(row[name]) for name in ("complete_at", "tried_at")),
        )
        for row in loads.rows("dispatch_freshness")
    }
    loaded = [datetime.fromisoformat(row["loaded_at"]) for row in loads.rows("dispatch_loads")]
    assert (told, loaded) == (dict.fromkeys(streams, ("doubtful", why, good, doubted)), [good])


def test_a_shift_and_an_absence_without_an_end_cost_nothing(loads: Loads) -> None:
    end = "9999-12-31T00:00:00Z"
    away = [
        absence(n, "2026-06-18T12:00:00Z", "2912000.00:00:00", technicianId=n) for n in range(9)
    ]
    own = [
        shift(n, "2026-06-18T13:00:00Z", "2026-06-18T21:00:00Z", technicianId=n) for n in range(9)
    ]
    ever = [shift(100 + n, "2026-06-19T13:00:00Z", end, technicianId=n) for n in range(9)]
    loads.load(
        at("12:00"),
        appointment_assignments=[assignment(1)],
        technician_shifts=own + ever,
        non_job_appointments=away,
    )
    loads.build(*HOURS)
    found = loads.rows("dispatch_technician_availability")
    assert [(row["day"], row["shift_hours"], row["hours_left_by_absence"]) for row in found] == [
        ("2026-06-18", 8, 0)
    ] * 9
    (left_out,) = loads.rows("dispatch_left_out")
    assert (left_out["reason"], left_out["left_out"]) == ("a shift of more than a week", 9)


def test_who_is_stale_is_told_with_an_exit_code(warehouses: Warehouses) -> None:
    """Of raw rows, without a build."""
    loads = warehouses.loads()
    loads.load(at("12:00"), appointment_assignments=of_tenant(5, assignment(1)))
    for said in loads.refused("run-operation", "dispatch_stale"):
        assert "Nobody can tell who is stale: no sync_log in " in said
    server = warehouses.server
    clock = "to_char((now() at time zone 'UTC') - %s::interval, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
    now, hour_ago = (
        server.query(f"select {clock} as at", ago)[0]["at"] for ago in ("1 minute", "61 minutes")
    )
    good = [log("a", hour_ago, number) for number in (5, 6, 7)]
    new = [
        log("b", now, 5, tenantName="Acme"),
        log("b", now, 5, stream="zones", outcome="skipped", reason="no scope"),
        log("b", now, 6),
        log("b", now, 6, stream="teams", outcome="doubtful", reason="the API answered 500"),
        log("b", now, 8, outcome="failed", reason="revoked"),
    ]
    loads.load(at("13:00"), sync_log=good + new)
    for said in loads.refused("run-operation", "dispatch_stale"):
        assert "3 of 4 tenants are stale, not loaded to their end for 1h: tenant 8" in said
    for database in DATABASES:
        lines = loads.dbt(database, "run-operation", "dispatch_stale").lines
        told = {line.split(",")[0]: line for line in lines if line.startswith(("STALE", "fresh"))}
        assert [*told] == [
            "STALE  tenant 8",
            "STALE  tenant 6",
            "STALE  tenant 7",
            "fresh  Acme (5)",
        ]
        assert "never, last trouble: appointment_assignments: revoked" in told["STALE  tenant 8"]
        assert "61 minutes ago, last trouble: teams: the API ans" in told["STALE  tenant 6"]
    for arguments in (("--args", "{after: 2h}"), ("--args", "{after: 2d}")):
        for said in loads.refused("run-operation", "dispatch_stale", *arguments):
            assert "1 of 4 tenants" in said
    for said in loads.refused("run-operation", "dispatch_stale", DISPATCH_STALE_AFTER="soon"):
        assert "after: soon is no length of time" in said
    by_var = ("--vars", "{dispatch_stale_after: 2d}")
    for said in loads.refused("run-operation", "dispatch_stale", *by_var):
        assert "1 of 4 tenants" in said

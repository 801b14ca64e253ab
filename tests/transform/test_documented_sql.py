"""Every SQL that a document shows, on rows as odd as they come, against what is true of them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest

from tests.support.warehouses import DATABASES, MARTS, STAGING, as_set
from tests.transform.rows import absence, assignment, at, hours, log, shift
from tools.markdown import ROOT, blocks

if TYPE_CHECKING:
    from tests.support.warehouses import Loads, Warehouses

pytestmark = pytest.mark.warehouse

TENANT = 1_000_000_001
DAY, NEXT = "2026-06-18", "2026-06-19"
ROSA, OTHER_ROSA, BEN = (
    {"technicianId": 7},
    {"technicianId": 8},
    {"technicianId": 9, "technicianName": "Ben Ito"},
)
CREW = {"appointmentId": 100}
SLOT = {
    "start": f"{DAY}T08:00:00Z",
    "end": f"{DAY}T10:00:00Z",
    "startUtc": f"{DAY}T13:00:00Z",
    "endUtc": f"{DAY}T15:00:00Z",
    "businessUnitKey": "1",
    "businessUnitIds": [1],
    "technicians": [{"id": 7}],
    "isAvailable": True,
    "isExceedingIdealBookingPercentage": False,
}
TOMORROW = {
    "start": f"{NEXT}T08:00:00Z",
    "end": f"{NEXT}T10:00:00Z",
    "startUtc": f"{NEXT}T13:00:00Z",
    "endUtc": f"{NEXT}T15:00:00Z",
    "technicians": [{"id": 7, "status": "Available"}, {"id": 9, "status": "Unavailable"}],
}
WEEK_BEFORE = {
    name: value.replace(NEXT, "2026-06-12")
    for name, value in TOMORROW.items()
    if isinstance(value, str)
}
NOTHING = ("appointment_assignments_list", "teams")
APPOINTMENTS = f"""(
  select cast(100 as bigint) as id, cast(10 as bigint) as "jobId",
    timestamp '{DAY} 12:00:00' as "start", timestamp '{DAY} 14:00:00' as "end",
    timestamp '{DAY} 12:00:00' as "arrivalWindowStart",
    timestamp '{DAY} 13:00:00' as "arrivalWindowEnd", timestamp '{DAY} 11:00:00' as "modifiedOn"
) as appointments"""
"""A source of appointments that both databases understand."""


def window(number: int) -> dict[str, Any]:
    """Return an arrival window."""
    times = {"start": "08:00:00", "duration": "02:00:00"}
    return {"id": number, **times, "businessUnitIds": [], "active": True}


def tracked(appointment: int) -> dict[str, Any]:
    """Return a technician who is on the way."""
    url = {"technicianTrackingUrl": "https://…"}
    return {"technicianId": 7, "appointmentId": appointment, **url}


def forecast(clock: str, total: float, free: float, **more: Any) -> dict[str, Any]:
    """Return what was said of the slot at a time."""
    hours_of = {"totalAvailability": total, "openAvailability": free}
    return SLOT | {"timeStamp": f"{DAY}T{clock}Z", **hours_of} | more


def skill(number: int, name: str) -> dict[str, Any]:
    """Return a skill of Ben's."""
    what = {"name": name, "active": True, "technicianId": 9, "jobTypeIds": []}
    return {"id": f"9_{number}", **what, "createdOn": None, "modifiedOn": None}


def zone(number: int, name: str, *zips: str, technicians: list[int]) -> dict[str, Any]:
    """Return a zone that is served every day."""
    return {
        "id": number,
        "active": True,
        "name": name,
        "zips": list(zips),
        "serviceDaysEnabled": False,
        "serviceDays": [],
        "technicians": technicians,
    }


def load(loads: Loads) -> None:
    """Load four times in a day."""

    def told(clock: str, stream: str = "appointment_assignments", **more: Any) -> dict[str, Any]:
        named = {"tenantName": "Acme", "timezone": "America/Chicago"}
        return log(clock, f"{DAY}T{clock}Z", TENANT, stream, **named, **more)

    loads.load(
        at("12:00"),
        appointment_assignments=[
            assignment(1, "11:00:00Z", **ROSA, **CREW),
            assignment(2, "11:00:00Z", **OTHER_ROSA, **CREW),
            assignment(4, "11:30:00.1234567Z", appointmentId=400),
            assignment(6, "11:50:00Z", status="Dispatched"),
            assignment(7, "11:00:00Z", **BEN),
        ],
        technician_shifts=[
            shift(1, f"{NEXT}T13:00:00Z", f"{NEXT}T21:00:00Z", **ROSA),
            shift(2, f"{NEXT}T13:00:00Z", f"{NEXT}T21:00:00Z", **OTHER_ROSA),
            shift(3, f"{NEXT}T13:00:00Z", f"{NEXT}T21:00:00Z", technicianId=9),
            shift(5, f"{DAY}T12:00:00Z", f"{DAY}T20:00:00Z", **ROSA),
            shift(6, f"{DAY}T12:00:00Z", f"{DAY}T14:30:00Z", technicianId=9),
            shift(4, f"{NEXT}T20:00:00Z", f"{NEXT}T16:00:00Z", **ROSA),
        ],
        non_job_appointments=[
            absence(1, f"{NEXT}T13:00:00Z", "02:00:00", **ROSA),
            absence(2, f"{NEXT}T06:00:00Z", "1.00:00:00", **OTHER_ROSA),
            absence(3, f"{NEXT}T13:00:00Z", "-00:30:00", technicianId=9),
        ],
        business_hours=[hours(TENANT, 8)],
        arrival_windows=[window(1), window(2)],
        technician_tracking=[tracked(1), tracked(2), tracked(3)],
        capacities=[
            forecast("12:00:00", 6.0, 4.0),
            forecast("12:00:00", 5.0, 4.0, timeStamp="2026-06-11T12:00:00Z", **WEEK_BEFORE),
        ],
        technician_skills=[skill(1, "Gas"), skill(2, "Water")],
        zones=[
            zone(11, "North", "60001", "60002", technicians=[7]),
            zone(12, "South", "60002", "60003", technicians=[10]),
        ],
        sync_log=[told("12:00:00"), told("12:00:00", "technician_tracking")],
        **{stream: [] for stream in NOTHING},
    )
    loads.load(
        at("13:00"),
        appointment_assignments=[
            assignment(1, "12:20:00.5Z", status="Dispatched", **ROSA, **CREW),
            assignment(3, "12:30:00Z", status="Dispatched", **BEN, **CREW),
            assignment(5, None, active=False, appointmentId=400),
            assignment(6, "11:00:00Z"),
            assignment(7, "12:10:00Z", active=False, **BEN),
        ],
        business_hours=[hours(TENANT, 8)],
        arrival_windows=[window(1), window(2)],
        technician_tracking=[tracked(3)],
        sync_log=[
            told("13:00:00"),
            told("13:00:00", "technician_tracking"),
            told("13:00:00", "teams", sourceRows=0),
        ],
    )
    loads.load(
        at("14:00"),
        appointment_assignments=[assignment(1, "13:05:00Z", status="Working", **ROSA, **CREW)],
        business_hours=[hours(TENANT, 8)],
        arrival_windows=[window(2)],
        sync_log=[told("14:00:00"), told("14:00:00", "technician_tracking")],
    )
    loads.load(
        at("15:00"),
        appointment_assignments=[
            assignment(1, "14:10:00Z", status="Done", **ROSA, **CREW),
            assignment(2, "14:10:00Z", status="Done", **OTHER_ROSA, **CREW),
            assignment(3, "14:20:00Z", status="Done", **BEN, **CREW),
            assignment(8, "14:40:00Z", status="Dispatched", assignedOn=None, **BEN),
            assignment(9, "14:41:00Z", active=False, status="Dispatched", assignedById=4, **BEN),
            assignment(10, "14:42:00Z", appointmentId=900, createdOn=f"{DAY}T14:42:00Z"),
        ],
        business_hours=[hours(TENANT, 9)],
        capacities=[forecast("16:00:00", 5.0, 1.0), forecast("16:00:00", 8.0, 2.0, **TOMORROW)],
        sync_log=[
            told("15:00:00", sourceRows=12),
            told("15:00:00", "teams", outcome="failed", reason="no scope"),
        ],
    )


@pytest.fixture(scope="module")
def loaded(warehouses: Warehouses) -> Loads:
    loads = warehouses.loads()
    load(loads)
    loads.build(DISPATCH_APPOINTMENTS=APPOINTMENTS)
    return loads


def naive(hour: int) -> datetime:
    """Return an hour of the day as target-postgres has it, without a zone."""
    return datetime(2026, 6, 18, hour, tzinfo=UTC).replace(tzinfo=None)


LAST_GOOD = datetime(2026, 6, 18, 14, tzinfo=UTC)
OF_MARTS: list[list[tuple[Any, ...]]] = [
    [(0, TENANT, "Acme", "America/Chicago", LAST_GOOD)],
    [("Dispatched", 1, 1), ("Done", 3, 1), ("Scheduled", 3, 3)],
    [
        ("Ben Ito", "on the way", 20, 800, False),
        ("Rosa Marquez", "nothing under way", None, None, False),
    ],
    [("Dispatched", "under way", 1)],
    [(700, "Ben Ito", False, 170)],
    [
        (0, 9, "Ben Ito", 1, None, None, 110, 60),
        (0, 7, "Rosa Marquez", 1, 44.9916667, 65, 109.9916667, 60),
    ],
    [(date(2026, 6, 18), 3, 2, 1, 60)],
    [
        ("Ben Ito", 1, 30, 20 / 60, 0, 40 / 60, 20 / 60, 1),
        ("Rosa Marquez", 1, -10, 0.7498611, 65 / 60, 1.1668056, 0, 1),
        ("Rosa Marquez", 1, None, 0, 0, 0, 0, 0),
    ],
    [(3, 1, 0, 130 / 60), (4, 1, 1, 281 / 60)],
    [(3, "Ben Ito", "Rosa Marquez", 1, 1)],
    [("Ben Ito", 9, 8, 8, 0, 1, 6), ("Rosa Marquez", 7, 8, 6, 1, 1, 6)],
    [
        ("appointment_assignments", "without modifiedOn", 1, 5),
        ("non_job_appointments", "ends before it begins", 1, 3),
        ("technician_shifts", "ends before it begins", 1, 4),
    ],
    [(date(2026, 6, 19), "1", 8, 2, 0.75, 1)],
    [
        ("zip", "60003", "South", 1, 0, 0),
        ("zone", "12", "South", None, 0, 0),
        ("skill", "1", "Gas", None, 1, 8),
        ("skill", "2", "Water", None, 1, 8),
        ("zip", "60001", "North", 1, 1, 6),
        ("zip", "60002", "North", 2, 1, 6),
        ("zone", "11", "North", None, 1, 6),
    ],
    [(0, 1, 6, 5, 2, 4, 1)],
    [(date(2026, 6, 18), 1, 0, 1, 0)],
    [(date(2026, 6, 18), "Acme", 1, 1, 2, 1, 109.9958333, 4, 2 / 3, False, False)],
    [
        (TENANT, "Acme", "appointment_assignments", "complete", None, 12, 10, 2),
        (TENANT, "Acme", "teams", "failed", "no scope", 0, 0, 0),
        (TENANT, "Acme", "technician_tracking", "complete", None, None, None, None),
    ],
]
"""What the questions of docs/marts.md are answered with, in their order."""
OF_OPERATIONS: list[list[tuple[Any, ...]]] = [
    [
        (TENANT, "teams", naive(13), None, "no scope"),
        (TENANT, "technician_tracking", naive(14), None, None),
        (TENANT, "appointment_assignments", naive(15), None, None),
    ],
    [("appointment_assignments", 12, 10, 2), ("teams", 0, 0, 0)],
]
ASSIGNED = [1, 2, 3, 4, 6, 8, 10]
ANSWERED = {
    "docs/marts.md": 18,
    "docs/operations.md": 2,
    "docs/concepts.md": 1,
    "docs/warehouses.md": 4,
    "docs/day-two.md": 1,
}
"""How many queries of which page are asked here."""


def sql(page: str) -> list[str]:
    """Return the SQL of a page, as if it were asked on the day."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [each.replace("current_date", f"date '{DAY}'") for each in blocks(text, "sql")]


def approximately(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row with numbers that compare as such, whatever their type."""

    def number(value: Any) -> Any:
        if isinstance(value, bool):
            return value
        is_number = isinstance(value, int | float) or type(value).__name__ == "Decimal"
        return pytest.approx(float(value)) if is_number else value

    return tuple(map(number, row))


def test_no_document_shows_sql_that_is_not_asked_here() -> None:
    pages = [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md"), *(ROOT / "examples").glob("*.md")]
    found = {str(page.relative_to(ROOT)): len(sql(str(page.relative_to(ROOT)))) for page in pages}
    assert {page: count for page, count in found.items() if count} == ANSWERED
    assert len(OF_MARTS) == ANSWERED["docs/marts.md"]


@pytest.mark.parametrize("number", range(len(OF_MARTS)))
@pytest.mark.parametrize("database", DATABASES)
def test_a_question_about_marts_has_the_true_answer(
    loaded: Loads, database: str, number: int
) -> None:
    answer = loaded.asked(database, sql("docs/marts.md")[number])
    assert [*answer] == [approximately(row) for row in OF_MARTS[number]]


@pytest.mark.parametrize("number", range(len(OF_OPERATIONS)))
def test_a_question_about_the_log_has_the_true_answer(loaded: Loads, number: int) -> None:
    answer = loaded.asked("postgres", sql("docs/operations.md")[number])
    assert [*answer] == OF_OPERATIONS[number]


def test_who_is_assigned_now_has_the_true_answer_of_raw_rows(
    loaded: Loads, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (question,) = sql("docs/concepts.md")
    of_schema = question.replace("from appointment", f"from {loaded.schema}.appointment")
    of_tables = loaded.warehouses.server.query(of_schema)
    assert sorted(row["id"] for row in of_tables) == ASSIGNED
    (tmp_path / "output").symlink_to(loaded.folder)
    monkeypatch.chdir(tmp_path)
    latest, _, view, parquet = sql("docs/warehouses.md")
    of_one = latest.replace("tap_servicetitan_dispatch.appointment", f"{loaded.schema}.appointment")
    ids = [row["id"] for row in loaded.warehouses.server.query(of_one)]
    assert ids == [*range(1, 11)], "a row of each"
    with duckdb.connect() as connection:
        counted = connection.execute(view).fetchall()
        assert counted == [("Dispatched", 1), ("Done", 3), ("Scheduled", 3)]
        of_files = connection.execute(question).fetchall()
        assert sorted(row[0] for row in of_files) == ASSIGNED
        connection.execute(parquet)
        written = "select id, \"modifiedOn\" is null from 'output/appointment_assignments.parquet'"
        assert sorted(connection.execute(written).fetchall()) == [(n, n == 5) for n in range(1, 11)]


def test_the_loader_s_user_and_database_are_made_as_the_page_has_it(warehouses: Warehouses) -> None:
    _, made, *_ = sql("docs/warehouses.md")
    with psycopg.connect(warehouses.server.url, autocommit=True) as connection:
        for statement in filter(str.strip, made.split(";")):
            connection.execute(statement.encode())
        owner = "select pg_get_userbyid(datdba) from pg_database where datname = 'warehouse'"
        assert connection.execute(owner).fetchone() == ("loader",)
        connection.execute("drop database warehouse")
        connection.execute("drop user loader")


def test_rows_move_into_another_schema_as_the_page_has_it(loaded: Loads) -> None:
    (rename,) = sql("docs/day-two.md")
    with psycopg.connect(loaded.warehouses.server.url) as connection:
        connection.execute(rename.encode())
        moved = connection.execute("select count(*) from dispatch_raw.appointment_assignments")
        assert moved.fetchone() == (10,)
        connection.rollback()


def test_both_databases_agree_on_every_model(loaded: Loads) -> None:
    for model in (*STAGING, *MARTS):
        loaded.rows(model)


def test_what_the_latest_load_did_not_bring_is_gone_and_a_later_load_is_never_older(
    loaded: Loads,
) -> None:
    assert loaded.rows("dispatch_stg_technician_tracking") == [], "a load without any row"
    (window,) = loaded.rows("dispatch_stg_arrival_windows")
    assert window["arrival_window_id"] == 2
    (opening,) = loaded.rows("dispatch_stg_business_hours")
    assert opening["weekdays"] == [{"fromHour": 9, "toHour": 17}]
    rows = {
        row["assignment_id"]: row for row in loaded.rows("dispatch_stg_appointment_assignments")
    }
    assert rows[6]["status"] == "Scheduled", "though its modifiedOn was moved back"
    assert as_set([rows[5]]) != as_set([rows[4]])
    assert re.match("2026-06-18", rows[4]["modified_on"])

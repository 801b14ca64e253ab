"""Whoever changes something in the API sees it arrive with the next incremental run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.bodies import HOURS, NEW_NON_JOB, NEW_SHIFT, PING, window
from tests.support.caller import Caller
from tests.support.vendor import definition
from tools.markdown import section

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.runs import Command

    Record = dict[str, Any]
    Change = Callable[[Caller, list[Record]], Record]

pytestmark = pytest.mark.no_cover

READS_ALTHOUGH_POST = "POST /capacity"
OPERATION = re.compile(r"^\| `(\w+) (.*)` \| write; (.*) \|$", re.MULTILINE)
SHOWS_NOWHERE = "POST /gps-provider/{gps_provider}/gps-pings"


@dataclass(frozen=True)
class Case:
    """A write operation, and what it does.

    `change` is given the records of the first run, writes, and returns what a record of the next
    run must then look like, as far as it matters.
    """

    operation: str
    stream: str
    change: Change


CASES: list[Case] = []


def changes(operation: str, stream: str) -> Callable[[Change], Change]:
    """Note that a function carries out an operation that shows in a stream."""

    def note(change: Change) -> Change:
        CASES.append(Case(operation, stream, change))
        return change

    return note


def scheduled(rows: list[Record]) -> Record:
    crews = [row["appointmentId"] for row in rows]
    return next(
        row
        for row in rows
        if row["status"] == "Scheduled" and row["active"] and crews.count(row["appointmentId"]) == 1
    )


def crew(row: Record, technician: int) -> Record:
    return {"jobAppointmentId": row["appointmentId"], "technicianIds": [technician]}


ASSIGN = "appointment-assignments/assign-technicians"
UNASSIGN = "appointment-assignments/unassign-technicians"


@changes(f"POST /{ASSIGN}", "appointment_assignments")
@changes(f"POST /{ASSIGN}", "appointment_assignments_list")
def _assign(caller: Caller, rows: list[Record]) -> Record:
    row = scheduled(rows)
    other = next(
        each["technicianId"] for each in rows if each["technicianId"] != row["technicianId"]
    )
    caller.send("POST", ASSIGN, crew(row, other))
    return {"appointmentId": row["appointmentId"], "technicianId": other, "active": True}


@changes(f"POST /{UNASSIGN}", "appointment_assignments")
@changes(f"POST /{UNASSIGN}", "appointment_assignments_list")
def _unassign(caller: Caller, rows: list[Record]) -> Record:
    row = scheduled(rows)
    caller.send("POST", UNASSIGN, crew(row, row["technicianId"]))
    return {"id": row["id"], "active": False}


@changes("POST /arrival-windows", "arrival_windows")
def _create_window(caller: Caller, _: list[Record]) -> Record:
    made: Record = caller.send("POST", "arrival-windows", window(start="11:11"))
    return made


@changes("PUT /arrival-windows/{id}", "arrival_windows")
def _update_window(caller: Caller, rows: list[Record]) -> Record:
    changed: Record = caller.send("PUT", f"arrival-windows/{rows[0]['id']}", window(start="11:12"))
    return changed


@changes("PUT /arrival-windows/{id}/activated", "arrival_windows")
def _deactivate_window(caller: Caller, rows: list[Record]) -> Record:
    row = next(row for row in rows if row["active"])
    caller.send("PUT", f"arrival-windows/{row['id']}/activated", {"isActive": False})
    return {"id": row["id"], "active": False}


@changes("POST /arrival-windows/configuration", "arrival_window_configuration")
def _configure(caller: Caller, _: list[Record]) -> Record:
    after = {"configuration": "EndTimeOfArrivalWindow"}
    caller.send("POST", "arrival-windows/configuration", after)
    return after


@changes("POST /business-hours", "business_hours")
def _open_at_other_hours(caller: Caller, _: list[Record]) -> Record:
    caller.send("POST", "business-hours", HOURS)
    return HOURS


@changes("POST /non-job-appointments", "non_job_appointments")
def _create_non_job(caller: Caller, rows: list[Record]) -> Record:
    body = NEW_NON_JOB | {"technicianId": rows[0]["technicianId"], "name": "Truck wash"}
    made = caller.send("POST", "non-job-appointments", body)
    return {"id": made["id"], "name": "Truck wash", "active": True}


@changes("PUT /non-job-appointments/{id}", "non_job_appointments")
def _update_non_job(caller: Caller, rows: list[Record]) -> Record:
    row = rows[0]
    body = NEW_NON_JOB | {"technicianId": row["technicianId"], "name": "Changed"}
    caller.send("PUT", f"non-job-appointments/{row['id']}", body)
    return {"id": row["id"], "name": "Changed"}


@changes("DELETE /non-job-appointments/{id}", "non_job_appointments")
def _delete_non_job(caller: Caller, rows: list[Record]) -> Record:
    return deleted(caller, "non-job-appointments", rows)


@changes("POST /teams", "teams")
def _create_team(caller: Caller, _: list[Record]) -> Record:
    made = caller.send("POST", "teams", {"name": "Night Owls", "active": True})
    return {"id": made["id"], "name": "Night Owls"}


@changes("DELETE /teams/{id}", "teams")
def _delete_team(caller: Caller, rows: list[Record]) -> Record:
    return deleted(caller, "teams", rows)


@changes("POST /technician-shifts", "technician_shifts")
def _create_shift(caller: Caller, rows: list[Record]) -> Record:
    body = NEW_SHIFT | {"technicianIds": [rows[0]["technicianId"]]}
    made = caller.send("POST", "technician-shifts", body)["technicianShifts"][0]
    return {"id": made["id"], "title": "Extra Shift"}


@changes("PATCH /technician-shifts/{id}", "technician_shifts")
def _update_shift(caller: Caller, rows: list[Record]) -> Record:
    caller.send("PATCH", f"technician-shifts/{rows[0]['id']}", {"title": "Half a Day"})
    return {"id": rows[0]["id"], "title": "Half a Day"}


@changes("DELETE /technician-shifts/{id}", "technician_shifts")
def _delete_shift(caller: Caller, rows: list[Record]) -> Record:
    return deleted(caller, "technician-shifts", rows)


@changes("POST /technician-shifts/bulk-delete", "technician_shifts")
def _delete_shifts(caller: Caller, rows: list[Record]) -> Record:
    row = next(row for row in rows if row["active"])
    span = {"start": row["start"], "end": row["end"]}
    gone = caller.send("POST", "technician-shifts/bulk-delete", span)
    assert row["id"] in gone["deletedIds"]
    return {"id": row["id"], "active": False}


@changes("PATCH /technician-skills", "technician_skills")
def _assign_skills(caller: Caller, rows: list[Record]) -> Record:
    technician = rows[0]["technicianId"]
    has = {row["id"] for row in rows}
    skills = [row["id"].partition("_")[2] for row in rows]
    skill = next(each for each in skills if f"{technician}_{each}" not in has)
    body = {
        "technicianId": technician,
        "skillIds": [int(skill)],
        "replaceExistingSkills": False,
    }
    caller.send("PATCH", "technician-skills", body)
    return {"id": f"{technician}_{skill}", "active": True}


@changes("POST /technician-skills", "technician_skills")
def _create_skill(caller: Caller, rows: list[Record]) -> Record:
    body = {"technicianId": rows[0]["technicianId"], "name": "Juggling", "active": True}
    made = caller.send("POST", "technician-skills", body)
    return {"id": made["id"], "name": "Juggling"}


@changes("DELETE /technician-skills/{id}", "technician_skills")
def _delete_skill(caller: Caller, rows: list[Record]) -> Record:
    return deleted(caller, "technician-skills", rows)


@changes("POST /zones", "zones")
def _create_zone(caller: Caller, _: list[Record]) -> Record:
    made = caller.send("POST", "zones", {"name": "Far North", "zips": ["60999"]})
    return {"id": made["id"], "name": "Far North", "zips": ["60999"]}


@changes("PATCH /zones/{zoneId}", "zones")
def _update_zone(caller: Caller, rows: list[Record]) -> Record:
    caller.send("PATCH", f"zones/{rows[0]['id']}", {"name": "Renamed"})
    return {"id": rows[0]["id"], "name": "Renamed"}


@changes("DELETE /zones/{zoneId}", "zones")
def _delete_zone(caller: Caller, rows: list[Record]) -> Record:
    return deleted(caller, "zones", rows)


def deleted(caller: Caller, path: str, rows: list[Record]) -> Record:
    row = next(row for row in rows if row["active"])
    caller.send("DELETE", f"{path}/{row['id']}")
    return {"id": row["id"], "active": False}


@pytest.fixture
def caller() -> Iterator[Caller]:
    with Caller.of() as caller:
        yield caller


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.operation} -> {case.stream}")
def test_a_write_shows_in_the_next_run(case: Case, caller: Caller, tap: Command) -> None:
    config = {
        "environment": "sandbox",
        "api_url": caller.sandbox.url,
        "include_recent_changes": True,
    }
    first = tap.run(config, streams=(case.stream,))
    expected = case.change(caller, first.records)
    assert not any(fits(record, expected) for record in first.records)
    caller.clock.forward(minutes=1)

    second = tap.run(config, first.states[-1] if first.states else None, streams=(case.stream,))
    assert any(fits(record, expected) for record in second.records)


def fits(record: Record, expected: Record) -> bool:
    return all(record.get(name) == value for name, value in expected.items())


def test_pings_are_taken_but_no_resource_shows_them(caller: Caller, tap: Command) -> None:
    config = {"environment": "sandbox", "api_url": caller.sandbox.url}
    before = tap.run(config, streams=None)
    caller.send("POST", "gps-provider/fleet/gps-pings", [PING])
    after = tap.run(config, streams=None)
    assert after.records == before.records


def test_every_write_operation_of_the_api_is_walked() -> None:
    operations = {
        f"{method.upper()} {path.removeprefix('/tenant/{tenant}')}"
        for path, methods in definition()["paths"].items()
        for method in methods
        if method != "get"
    }
    walked = {case.operation for case in CASES}
    assert walked | {READS_ALTHOUGH_POST, SHOWS_NOWHERE} == operations


def test_the_page_of_operations_says_in_which_streams_a_write_shows() -> None:
    shown: dict[str, list[str]] = {SHOWS_NOWHERE: []}
    for case in CASES:
        shown.setdefault(case.operation, []).append(case.stream)
    said = {
        f"{method} /{path}": re.findall(r"`(\w+)`", fate)
        for method, path, fate in OPERATION.findall(
            section("docs/streams.md", "Every operation of the API")
        )
    }
    assert said == {operation: sorted(streams) for operation, streams in shown.items()}

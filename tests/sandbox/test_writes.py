from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.sandbox import Behaviour
from tap_servicetitan_dispatch.sandbox.world.instants import HOUR, parse
from tests.support.bodies import CONFIGURATIONS, HOURS, NEW_NON_JOB, NEW_SHIFT, PING, window
from tests.support.caller import AFTERNOON, Caller

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERYTHING = {"active": "Any", "includeInactive": True, "pageSize": 5_000}
NOW = "2026-06-18T15:00:00Z"


@pytest.fixture
def hard() -> Iterator[Caller]:
    with Caller.of(behaviour=Behaviour(deletes="hard")) as caller:
        yield caller


def rows(caller: Caller, family: str, **query: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.get(family, **(EVERYTHING | query))["data"]
    return found


def written(caller: Caller, family: str) -> list[dict[str, Any]]:
    """Return the rows that were changed by the test: the clock stands still."""
    return rows(caller, family, modifiedOnOrAfter=NOW)


def crew_of(caller: Caller, status: str) -> tuple[int, int]:
    """Return an appointment with one technician, of a status, and the technician."""
    everything, _ = caller.whole_export(active="Any", includeRecentChanges=True)  # gone ones too
    crews: dict[int, list[dict[str, Any]]] = {}
    for row in everything:
        crews.setdefault(row["appointmentId"], []).append(row)
    return next(
        (appointment, crew[0]["technicianId"])
        for appointment, crew in crews.items()
        if len(crew) == 1 and crew[0]["status"] == status and crew[0]["active"]
    )


def somebody_else(caller: Caller, technician: int) -> int:
    found: int = next(
        row["technicianId"]
        for row in rows(caller, "technician-shifts")
        if row["technicianId"] != technician
    )
    return found


def body(appointment: int, *technicians: int) -> dict[str, Any]:
    return {"jobAppointmentId": appointment, "technicianIds": technicians}


ASSIGN = "appointment-assignments/assign-technicians"
UNASSIGN = "appointment-assignments/unassign-technicians"


def test_unassigned_technicians_leave_inactive_rows(caller: Caller) -> None:
    appointment, technician = crew_of(caller, "Scheduled")
    answer = caller.send("POST", UNASSIGN, body(appointment, technician))
    assert answer["id"] == appointment
    assert answer["status"] == "Scheduled"
    assert answer["modifiedOn"] >= NOW
    (row,) = written(caller, "appointment-assignments")
    assert (row["technicianId"], row["appointmentId"]) == (technician, appointment)
    assert not row["active"]
    assert answer["modifiedOn"] == row["modifiedOn"]


def test_the_feed_shows_a_write_at_once_or_after_the_delay(caller: Caller) -> None:
    appointment, technician = crew_of(caller, "Scheduled")
    _, token = caller.whole_export(active="Any")
    _, recent = caller.whole_export(active="Any", includeRecentChanges=True)
    caller.send("POST", UNASSIGN, body(appointment, technician))
    (row,) = written(caller, "appointment-assignments")
    assert row not in caller.whole_export(token, active="Any")[0]
    assert row in caller.whole_export(recent, active="Any", includeRecentChanges=True)[0]
    caller.forward(minutes=16)
    assert row in caller.whole_export(token, active="Any")[0]


def test_what_was_written_stays_whatever_the_board_had_planned(caller: Caller) -> None:
    appointment, technician = crew_of(caller, "Scheduled")
    caller.send("POST", UNASSIGN, body(appointment, technician))
    before = rows(caller, "appointment-assignments", appointmentIds=appointment)
    caller.forward(days=20)
    assert rows(caller, "appointment-assignments", appointmentIds=appointment) == before


@pytest.mark.no_cover
def test_a_successor_who_was_planned_does_not_come() -> None:
    with Caller.of(assignments=4_000) as caller:
        tenant = caller.sandbox.tenant
        after = Caller.of(assignments=4_000)
        after.clock.forward(days=8)
        after.sandbox.tenant.advance()
        known = dict(tenant.assignments.current)
        live = {row.appointment_id: row for row in known.values() if row.active}
        successors = [
            row
            for row in after.sandbox.tenant.assignments.current.values()
            if row.id not in known and row.appointment_id in live
        ]
        assert successors
        for appointment in {row.appointment_id for row in successors}:
            crew = {row.technician.id for row in tenant.crew(appointment) if row.active}
            caller.send("POST", UNASSIGN, body(appointment, *crew))
        for _ in range(8):
            caller.forward(days=1)
            came = {row["id"] for row in rows(caller, "appointment-assignments")}
            assert came.isdisjoint(row.id for row in successors)


def test_assigned_technicians_get_a_row_each(caller: Caller) -> None:
    appointment, technician = crew_of(caller, "Scheduled")
    other = somebody_else(caller, technician)
    answer = caller.send("POST", ASSIGN, body(appointment, other, other))
    (row,) = written(caller, "appointment-assignments")
    assert row["technicianId"] == other
    assert row["status"] == answer["status"] == "Scheduled"
    assert row["createdOn"] == row["modifiedOn"] == row["assignedOn"]
    ids = {one["id"] for one in rows(caller, "appointment-assignments")}
    assert len(ids) == len(rows(caller, "appointment-assignments"))


def test_somebody_can_come_back_to_an_appointment(caller: Caller) -> None:
    appointment, technician = crew_of(caller, "Scheduled")
    caller.send("POST", UNASSIGN, body(appointment, technician))
    caller.send("POST", ASSIGN, body(appointment, technician))
    history = rows(caller, "appointment-assignments", appointmentIds=appointment)
    assert [row["active"] for row in history] == [False, True]
    assert parse(history[0]["modifiedOn"]) < parse(history[1]["modifiedOn"])


@pytest.mark.parametrize("status", ["Done", "Canceled"])
def test_nobody_is_assigned_to_what_is_over(status: str) -> None:
    with Caller.of(assignments=4_000) as caller:
        everything = rows(caller, "appointment-assignments")
        live = {row["appointmentId"] for row in everything if row["active"]}
        if status == "Done":
            appointment, technician = crew_of(caller, "Done")
        else:
            row = next(row for row in everything if row["appointmentId"] not in live)
            appointment, technician = row["appointmentId"], row["technicianId"]
        answer = caller.call("POST", ASSIGN, json=body(appointment, technician))
    assert answer.status_code == 409
    assert "over" in answer.json()["title"]


def test_nobody_is_assigned_twice(caller: Caller) -> None:
    answer = caller.call("POST", ASSIGN, json=body(*crew_of(caller, "Scheduled")))
    assert answer.status_code == 409


def test_assignments_must_be_of_what_exists(caller: Caller) -> None:
    appointment, technician = crew_of(caller, "Scheduled")
    other = somebody_else(caller, technician)
    for path, crew, field in (
        (ASSIGN, body(7, technician), "jobAppointmentId"),
        (ASSIGN, body(appointment, 7), "technicianIds"),
        (UNASSIGN, body(7, technician), "jobAppointmentId"),
        (UNASSIGN, body(appointment, other), "technicianIds"),
        (ASSIGN, body(appointment), "technicianIds"),
        (ASSIGN, {"technicianIds": [technician]}, "jobAppointmentId"),
    ):
        assert set(caller.refused("POST", path, json=crew)["errors"]) == {field}
    assert written(caller, "appointment-assignments") == []


@pytest.mark.no_cover
def test_an_appointment_has_the_status_of_its_crew() -> None:
    with Caller.of(assignments=12_000) as caller:
        crews: dict[int, list[dict[str, Any]]] = {}
        for row in rows(caller, "appointment-assignments", modifiedOnOrAfter="2026-06-18"):
            if row["active"]:
                crews.setdefault(row["appointmentId"], []).append(row)
        seen: dict[str, str] = {}
        for appointment, crew in crews.items():
            states = {"Hold" if row["isPaused"] else row["status"] for row in crew}
            if len(crew) == 2 and len(states) == 1 and not states & seen.keys():
                answer = caller.send("POST", UNASSIGN, body(appointment, crew[0]["technicianId"]))
                seen[states.pop()] = answer["status"]
    assert seen.keys() >= {"Scheduled", "Dispatched", "Working", "Done"}
    assert all(status == state for state, status in seen.items())


def test_an_appointment_on_hold_is_one_that_everybody_has_paused() -> None:
    with Caller.of(assignments=20_000, at=AFTERNOON) as caller:
        paused = next(
            row
            for row in rows(caller, "appointment-assignments", modifiedOnOrAfter="2026-06-18")
            if row["isPaused"]
        )
        appointment = paused["appointmentId"]
        other = somebody_else(caller, paused["technicianId"])
        joined = caller.send("POST", ASSIGN, body(appointment, other))
        left = caller.send("POST", UNASSIGN, body(appointment, other))
    assert (joined["status"], left["status"]) == ("Working", "Hold")


@pytest.mark.parametrize("path", [ASSIGN, "zones", "teams", "technician-shifts"])
def test_a_missing_body_is_refused(reader: Caller, path: str) -> None:
    answer = reader.refused("POST", path)
    assert "required" in str(answer)


def test_arrival_windows_are_created_changed_and_deactivated(caller: Caller) -> None:
    new = caller.send("POST", "arrival-windows", window())
    assert new == {
        "id": new["id"],
        "start": "09:00:00",
        "duration": "02:00:00",
        "businessUnitIds": [40_000_107],
        "active": True,
    }
    path = f"arrival-windows/{new['id']}"
    odd = caller.send("PUT", path, window(start="09:30:00.5", duration="1.00:00:00"))
    assert (odd["start"], odd["duration"]) == ("09:30:00.5000000", "1.00:00:00")
    caller.send("PUT", f"{path}/activated", {"isActive": False})
    assert caller.get(path) == odd | {"active": False}
    assert new["id"] not in {row["id"] for row in caller.get("arrival-windows")["data"]}
    assert caller.call("PUT", "arrival-windows/7", json=window()).status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start", "9 o'clock"),
        ("start", "24:00"),
        ("start", "1.00:00"),
        ("duration", "00:00"),
        ("duration", "11:00 pm"),
        ("businessUnitIds", [7]),
        ("businessUnitIds", ["x"]),
    ],
)
def test_arrival_windows_must_make_sense(reader: Caller, field: str, value: object) -> None:
    for method, path in (("POST", "arrival-windows"), ("PUT", "arrival-windows/44000001")):
        errors = reader.refused(method, path, json=window(**{field: value}))["errors"]
        assert {name.partition(".")[0] for name in errors} == {field}


def test_the_configuration_of_arrival_windows_can_be_changed(caller: Caller) -> None:
    path = "arrival-windows/configuration"
    assert caller.get(path) == {"configuration": CONFIGURATIONS[0]}
    after = {"configuration": CONFIGURATIONS[1]}
    assert caller.send("POST", path, after) == after
    assert caller.get(path) == after
    caller.refused("POST", path, json={"configuration": "Never"})


def test_business_hours_can_be_changed(caller: Caller) -> None:
    assert caller.get("business-hours")["sunday"] == []
    assert caller.send("POST", "business-hours", HOURS) == HOURS
    assert caller.get("business-hours") == HOURS
    backwards = HOURS | {"sunday": [{"fromHour": 9, "toHour": 9}]}
    assert "sunday.0" in caller.refused("POST", "business-hours", json=backwards)["errors"]


def test_gps_pings_are_taken_and_fail_without_a_position(reader: Caller) -> None:
    path = "gps-provider/fleet/gps-pings"
    lost = PING | {"latitude": None, "externalId": "e2"}
    answer = reader.send("POST", path, [PING, lost])
    assert [(one["externalId"], one["status"]) for one in answer] == [
        ("e1", "Success"),
        ("e2", "Fail"),
    ]
    errors = reader.refused("POST", path, json=[{"unitId": "u1"}])["errors"]
    assert "0.externalId" in errors


def test_tracking_answers_for_live_pairs_only(caller: Caller) -> None:
    path = "technician-tracking"
    live = next(
        row
        for row in rows(caller, "appointment-assignments")
        if row["active"] and row["status"] in {"Dispatched", "Working"}
    )
    pair = {"technicianId": live["technicianId"], "appointmentId": live["appointmentId"]}
    assert caller.get(path, **pair)["technicianTrackingUrl"].startswith("https://")
    caller.send("POST", UNASSIGN, body(pair["appointmentId"], pair["technicianId"]))
    for query in (pair, pair | {"technicianId": 7}, {"technicianId": 7}, {}):
        assert isinstance(caller.refused("GET", path, **query), str)


def test_teams_are_created_once_and_deleted(caller: Caller) -> None:
    new = caller.send("POST", "teams", {"active": True, "name": "Solar"})
    assert new.pop("created")
    again = caller.send("POST", "teams", {"active": False, "name": "Solar"})
    assert again == new | {"created": False}
    assert written(caller, "teams") == [new]
    caller.send("DELETE", f"teams/{new['id']}")
    (deleted,) = written(caller, "teams")
    assert deleted == new | {"active": False, "modifiedOn": deleted["modifiedOn"]}
    assert parse(deleted["modifiedOn"]) > parse(new["modifiedOn"])
    caller.refused("POST", "teams", json={"name": "Wind"})


@pytest.mark.parametrize(
    "family", ["non-job-appointments", "teams", "technician-shifts", "technician-skills", "zones"]
)
def test_deletes_can_be_hard(hard: Caller, family: str) -> None:
    before = rows(hard, family)
    gone = before[len(before) // 2]
    hard.send("DELETE", f"{family}/{gone['id']}")
    assert rows(hard, family) == [row for row in before if row != gone]
    assert hard.call("DELETE", f"{family}/{gone['id']}").status_code == 404
    hard.forward(days=45)
    assert gone["id"] not in {row["id"] for row in rows(hard, family)}


def test_an_assignment_that_is_taken_back_for_good_is_gone_from_the_list_but_not_from_the_feed(
    hard: Caller,
) -> None:
    appointment, technician = crew_of(hard, "Scheduled")
    before = rows(hard, "appointment-assignments")
    _, token = hard.whole_export(active="Any", includeRecentChanges=True)
    hard.send("POST", UNASSIGN, body(appointment, technician))
    (row,), _ = hard.whole_export(token, active="Any", includeRecentChanges=True)
    assert (row["appointmentId"], row["technicianId"], row["active"]) == (
        appointment,
        technician,
        False,
    )
    left = rows(hard, "appointment-assignments")
    assert left == [each for each in before if each["id"] != row["id"]]
    assert written(hard, "appointment-assignments") == []
    assert rows(hard, "appointment-assignments", ids=row["id"]) == []
    counted = hard.get("appointment-assignments", **EVERYTHING, includeTotal=True)
    assert counted["totalCount"] == len(left)


@pytest.mark.parametrize(
    "family", ["non-job-appointments", "teams", "technician-shifts", "technician-skills", "zones"]
)
def test_deletes_are_soft_by_default(caller: Caller, family: str) -> None:
    before = rows(caller, family)
    gone = next(row for row in reversed(before) if row["active"])
    caller.send("DELETE", f"{family}/{gone['id']}")
    (row,) = written(caller, family)
    assert row == gone | {"active": False, "modifiedOn": row["modifiedOn"]}
    caller.forward(days=45)
    (row,) = [one for one in rows(caller, family) if one["id"] == gone["id"]]
    assert not row["active"]


def test_zones_are_created_and_changed_field_by_field(caller: Caller) -> None:
    fields = {
        "zips": ["60999"],
        "cities": ["Harbour"],
        "territoryNumbers": ["T-9"],
        "locnNumbers": ["L-1"],
        "serviceDaysEnabled": True,
        "serviceDaysIds": [0, 6],
        "businessUnits": [40_000_107],
    }
    new = caller.send("POST", "zones", {"name": "Harbour"} | fields)
    assert new == {"id": new["id"], "active": True, "name": "Harbour"} | fields
    changed = caller.send("PATCH", f"zones/{new['id']}", {"name": None, "zips": []})
    assert changed == new | {"zips": []}
    (row,) = written(caller, "zones")
    assert row["serviceDays"] == ["Sunday", "Saturday"]
    assert parse(row["modifiedOn"]) > parse(row["createdOn"])
    assert caller.call("PATCH", "zones/7", json={}).status_code == 404


def test_a_bad_zone_is_refused_with_a_bare_string(reader: Caller) -> None:
    assert reader.refused("POST", "zones", json={"zips": []}) == "A zone needs a name."
    message = reader.refused("PATCH", "zones/43000001", json={"serviceDaysIds": [7]})
    assert message == "The value '7' is not valid for ServiceDaysIds.0."


def test_non_job_appointments_are_created_and_changed(caller: Caller) -> None:
    someone = rows(caller, "technician-shifts")[0]["technicianId"]
    new = caller.send("POST", "non-job-appointments", NEW_NON_JOB | {"technicianId": someone})
    assert (new["timesheetCodeId"], new["summary"], new["daysOfWeek"]) == (0, "", "")
    assert (new["repeat"], new["frequency"], new["endType"], new["endOn"]) == (
        False,
        None,
        None,
        None,
    )
    (row,) = written(caller, "non-job-appointments")
    assert row["duration"] == "01:30:00"
    path = f"non-job-appointments/{new['id']}"
    change = NEW_NON_JOB | {"technicianId": someone, "duration": "1.02:00:00", "allDay": True}
    changed = caller.send("PUT", path, change)
    assert (changed["duration"], changed["allDay"]) == ("1.02:00:00", True)
    assert changed == caller.get(path)


def test_non_job_appointments_repeat(caller: Caller) -> None:
    someone = rows(caller, "technician-shifts")[0]["technicianId"]
    new = caller.send(
        "POST",
        "non-job-appointments",
        NEW_NON_JOB
        | {
            "technicianId": someone,
            "repeat": True,
            "frequency": "Weekly",
            "interval": 2,
            "daysOfWeek": "Monday, Wednesday",
            "endType": "On",
            "endOn": "2026-07-08T23:00:00Z",
        },
    )
    assert (new["frequency"], new["endType"], new["interval"]) == (1, 2, 2)
    assert new["daysOfWeek"] == "Monday, Wednesday"
    assert new["endOn"] == "2026-07-08T23:00:00Z"
    found = written(caller, "non-job-appointments")
    assert [row["start"][:10] for row in found] == [
        "2026-06-22",
        "2026-06-24",
        "2026-07-06",
        "2026-07-08",
    ]
    assert len({row["modifiedOn"] for row in found}) == 1
    assert found[0]["id"] == new["id"]


def test_non_job_appointments_repeat_so_many_times(caller: Caller) -> None:
    someone = rows(caller, "technician-shifts")[0]["technicianId"]
    daily = {"repeat": True, "frequency": "Daily", "endType": "After", "countOccurrences": 3}
    caller.send("POST", "non-job-appointments", NEW_NON_JOB | {"technicianId": someone} | daily)
    assert len(written(caller, "non-job-appointments")) == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"technicianId": 7}, "technicianId"),
        ({"duration": "long"}, "duration"),
        ({"repeat": True}, ""),
        ({"repeat": "yes"}, "repeat"),
        ({"repeat": True, "frequency": "Daily", "endType": "After"}, ""),
        ({"repeat": True, "frequency": "Weekly", "daysOfWeek": "Moonday"}, "daysOfWeek"),
        (
            {"repeat": True, "frequency": "Daily", "endType": "On", "endOn": "2026-06-01"},
            "endOn",
        ),
    ],
)
def test_non_job_appointments_must_make_sense(
    reader: Caller, change: dict[str, Any], field: str
) -> None:
    someone = rows(reader, "technician-shifts")[0]["technicianId"]
    new = NEW_NON_JOB | {"technicianId": someone} | change
    assert set(reader.refused("POST", "non-job-appointments", json=new)["errors"]) == {field}


def test_shifts_are_created_for_each_technician_and_day(caller: Caller) -> None:
    one, other = sorted({row["technicianId"] for row in rows(caller, "technician-shifts")})[:2]
    weekly = {
        "technicianIds": [one, other],
        "repeatType": "Weekly",
        "repeatEndDate": "2026-07-08",
        "shiftDays": "sunday, tuesday",
        "note": "Holiday cover",
    }
    answer = caller.send("POST", "technician-shifts", NEW_SHIFT | weekly)
    assert answer["created"]
    found = written(caller, "technician-shifts")
    assert found == answer["technicianShifts"]
    assert [(row["start"][:10], row["technicianId"]) for row in found] == [
        (day, technician)
        for day in ("2026-06-28", "2026-06-30", "2026-07-05", "2026-07-07")
        for technician in (one, other)
    ]
    assert {parse(row["end"]) - parse(row["start"]) for row in found} == {8 * HOUR}


def test_a_shift_is_changed_field_by_field(caller: Caller) -> None:
    row = rows(caller, "technician-shifts")[-1]
    path = f"technician-shifts/{row['id']}"
    change = {"shiftType": "OnCall", "note": "Swapped", "title": None}
    (changed,) = caller.send("PATCH", path, change)["technicianShifts"]
    assert changed == row | {
        "shiftType": "OnCall",
        "note": "Swapped",
        "modifiedOn": changed["modifiedOn"],
    }
    (cleared,) = caller.send("PATCH", path, {"note": None})["technicianShifts"]
    assert cleared["note"] is None
    assert "end" in caller.refused("PATCH", path, json={"end": row["start"]})["errors"]


@pytest.mark.parametrize(
    "change",
    [
        {"technicianIds": []},
        {"technicianIds": [7]},
        {"title": ""},
        {"end": NEW_SHIFT["start"]},
        {"repeatType": "Daily"},
        {"repeatType": "Monthly"},
        {"shiftType": "Night"},
    ],
)
def test_shifts_must_make_sense(reader: Caller, change: dict[str, Any]) -> None:
    someone = rows(reader, "technician-shifts")[0]["technicianId"]
    new = NEW_SHIFT | {"technicianIds": [someone]} | change
    assert reader.refused("POST", "technician-shifts", json=new)["errors"]


def test_shifts_are_deleted_by_the_range(caller: Caller) -> None:
    span = {"start": "2026-06-22T05:00:00Z", "end": "2026-06-23T05:00:00Z"}
    expected = [
        row["id"]
        for row in rows(caller, "technician-shifts", active="True")
        if row["start"] >= span["start"] and row["end"] <= span["end"]
    ]
    answer = caller.send("POST", "technician-shifts/bulk-delete", span)
    assert answer["deletedIds"] == expected
    assert len(expected) > 1
    deleted = written(caller, "technician-shifts")
    assert [row["id"] for row in deleted] == expected
    assert {row["active"] for row in deleted} == {False}
    again = caller.send("POST", "technician-shifts/bulk-delete", span)
    assert again["deletedIds"] == []
    backwards = {"start": span["end"], "end": span["start"]}
    caller.refused("POST", "technician-shifts/bulk-delete", json=backwards)


def test_skills_are_added_replaced_and_created(caller: Caller) -> None:
    path = "technician-skills"
    row = rows(caller, path, active="True")[0]
    someone = row["technicianId"]
    mine = [one for one in rows(caller, path, active="True") if one["technicianId"] == someone]
    other = next(
        int(one["id"].partition("_")[2])
        for one in rows(caller, path)
        if one["name"] not in {skill["name"] for skill in mine}
    )
    change = {"technicianId": someone, "skillIds": [other, other], "replaceExistingSkills": False}
    added = caller.send("PATCH", path, change)["technicianSkills"]
    assert len(added) == len(mine) + 1
    replaced = caller.send("PATCH", path, change | {"replaceExistingSkills": True})
    (left,) = replaced["technicianSkills"]
    assert left["id"] == f"{someone}_{other}"
    deleted = [one for one in written(caller, path) if not one["active"]]
    assert {one["id"] for one in deleted} == {one["id"] for one in mine}
    back = [int(mine[0]["id"].partition("_")[2])]
    again = caller.send("PATCH", path, change | {"skillIds": back})
    assert {one["id"] for one in again["technicianSkills"]} == {left["id"], mine[0]["id"]}
    new = caller.send("POST", path, {"technicianId": someone, "name": "Solar", "active": False})
    assert (new["name"], new["active"], new["jobTypeIds"]) == ("Solar", False, [])
    assert new["id"].startswith(f"{someone}_")
    for method, json in (
        ("PATCH", change | {"technicianId": 7}),
        ("PATCH", change | {"skillIds": [7]}),
        ("POST", {"technicianId": 7, "name": "Solar", "active": True}),
    ):
        assert caller.call(method, path, json=json).status_code == 404


def test_writes_go_on_while_the_clock_stands_still(caller: Caller) -> None:
    for number in range(5):
        caller.send("POST", "teams", {"active": True, "name": f"Team {number}"})
    instants = [parse(row["modifiedOn"]) - parse(NOW) for row in written(caller, "teams")]
    assert instants == [0, 1, 2, 3, 4]

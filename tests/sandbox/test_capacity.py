from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.sandbox.world.instants import HOUR, parse, text
from tests.support.bodies import CAPACITY, HOURS, NEW_NON_JOB, NEW_SHIFT, window
from tests.support.caller import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator

HEATING = 40_000_107
PLUMBING = 40_000_114


@pytest.fixture(scope="module")
def office() -> Iterator[Caller]:
    """A sandbox to read only, large enough to have somebody in every business unit."""
    with Caller.of(assignments=8_000) as caller:
        yield caller


def slots(caller: Caller, **changes: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.send("POST", "capacity", CAPACITY | changes)[
        "availabilities"
    ]
    return found


def slot_at(caller: Caller, start: str, **changes: object) -> dict[str, Any]:
    return next(one for one in slots(caller, **changes) if one["startUtc"] == start)


def test_there_is_a_slot_for_each_window_and_day(office: Caller) -> None:
    found = slots(office)
    assert [(one["startUtc"], one["endUtc"][11:16]) for one in found] == [
        (f"2026-06-{day}T{start}:00:00Z", f"{end}:00")
        for day in (22, 23)
        for start, end in (
            (13, "15"),
            (13, "17"),
            (15, "17"),
            (17, "19"),
            (17, "21"),
            (19, "21"),
        )
    ]
    keys = {(one["startUtc"], one["endUtc"], tuple(one["businessUnitIds"])) for one in found}
    assert len(keys) == len(found)


def test_local_times_carry_a_false_z(office: Caller) -> None:
    slot = slots(office)[0]
    assert (slot["start"], slot["startUtc"]) == ("2026-06-22T08:00:00Z", "2026-06-22T13:00:00Z")
    assert (slot["end"], slot["endUtc"]) == ("2026-06-22T10:00:00Z", "2026-06-22T15:00:00Z")


def test_the_answer_carries_the_time_of_the_sandbox(office: Caller) -> None:
    assert office.send("POST", "capacity", CAPACITY)["timeStamp"] == "2026-06-18T15:00:00Z"


def test_hours_are_those_of_the_technicians_on_shift(office: Caller) -> None:
    for slot in slots(office):
        length = (parse(slot["endUtc"]) - parse(slot["startUtc"])) / HOUR
        free = [one for one in slot["technicians"] if one["status"] == "Available"]
        assert 0 <= slot["openAvailability"] <= slot["totalAvailability"]
        assert slot["totalAvailability"] <= length * len(slot["technicians"])
        assert slot["openAvailability"] <= length * len(free)
        assert slot["isAvailable"] is bool(free)
        booked = slot["totalAvailability"] - slot["openAvailability"]
        exceeding = booked > 0.8 * slot["totalAvailability"]
        assert slot["isExceedingIdealBookingPercentage"] is exceeding


def test_the_past_is_booked_to_a_large_part(office: Caller) -> None:
    past = slots(office, startsOnOrAfter="2026-06-08T05:00Z", endsOnOrBefore="2026-06-13T05:00Z")
    total = sum(one["totalAvailability"] for one in past)
    left = sum(one["openAvailability"] for one in past)
    assert 0.2 * total < total - left < 0.9 * total


def test_business_units_can_be_chosen(office: Caller) -> None:
    chosen = slots(office, businessUnitIds=[HEATING])
    assert {tuple(one["businessUnitIds"]) for one in chosen} == {(HEATING,)}
    every = {one["id"] for slot in slots(office) for one in slot["technicians"]}
    some = {one["id"] for slot in chosen for one in slot["technicians"]}
    assert some < every
    assert slots(office, businessUnitIds=[7]) == []


def test_skills_are_matched_on_request(office: Caller) -> None:
    plain = slots(office)
    assert not any("hasRequiredSkills" in one for slot in plain for one in slot["technicians"])
    job = HEATING * 10 + 3
    matched = slots(office, skillBasedAvailability=True, jobTypeId=job)
    able = [one["hasRequiredSkills"] for slot in matched for one in slot["technicians"]]
    assert {True, False} == set(able)
    for without, with_skills in zip(plain, matched, strict=True):
        assert with_skills["totalAvailability"] <= without["totalAvailability"]
        assert all(
            one["status"] == "Unavailable"
            for one in with_skills["technicians"]
            if not one["hasRequiredSkills"]
        )
    anybody = slots(office, skillBasedAvailability=True)
    assert all(
        one["hasRequiredSkills"] in {True, False} for slot in anybody for one in slot["technicians"]
    )


def test_a_job_must_fit_into_what_is_left(office: Caller) -> None:
    long_job = HEATING * 10 + 5
    for slot in slots(office, jobTypeId=long_job):
        assert slot["isAvailable"] is (slot["openAvailability"] >= 3)


def test_days_on_which_the_office_is_closed_have_no_slots(caller: Caller) -> None:
    sunday = {"startsOnOrAfter": "2026-06-21T05:00Z", "endsOnOrBefore": "2026-06-22T05:00Z"}
    assert slots(caller, **sunday) == []
    caller.send("POST", "business-hours", HOURS | {"sunday": [{"fromHour": 0, "toHour": 24}]})
    assert slots(caller, **sunday)
    assert {one["startUtc"][11:13] for one in slots(caller)} == {"13", "15", "19"}


def test_a_window_makes_slots_even_without_technicians(caller: Caller) -> None:
    unit = 40_000_135
    found = [one for one in slots(caller) if one["businessUnitIds"] == [unit]]
    assert found
    assert all(one["technicians"] == [] for one in found)
    assert all(one["totalAvailability"] == 0 for one in found)
    assert not any(one["isAvailable"] for one in found)


def test_equal_windows_make_one_slot(caller: Caller) -> None:
    for _ in range(2):
        caller.send("POST", "arrival-windows", window(businessUnitIds=[PLUMBING, HEATING]))
    nine = [one for one in slots(caller) if one["start"] == "2026-06-22T09:00:00Z"]
    assert [one["businessUnitIds"] for one in nine] == [[HEATING, PLUMBING]]


def test_shifts_meetings_time_off_and_jobs_change_the_hours(caller: Caller) -> None:
    """Each write moves the hours of one technician in one window by what it takes or gives."""
    start, end = "2026-06-22T13:00:00Z", "2026-06-22T15:00:00Z"
    span = {"start": "2026-06-20T00:00:00Z", "end": "2026-06-24T00:00:00Z"}
    caller.send("POST", "technician-shifts/bulk-delete", span)

    def hours() -> tuple[float, float]:
        slot = slot_at(caller, start, businessUnitIds=[HEATING])
        return slot["totalAvailability"], slot["openAvailability"]

    assert hours() == (0, 0)
    monday = [
        visit
        for visit in caller.sandbox.tenant.assignments.current.values()
        if visit.active
        and visit.status == "Scheduled"
        and visit.technician.business_unit.id == HEATING
    ]
    visits = {row.id: caller.sandbox.tenant.appointment(row.appointment_id) for row in monday}
    row, visit = next(
        (row, visit)
        for row in monday
        if (visit := visits[row.id]) is not None
        and visit.start >= parse(start) - HOUR
        and visit.start < parse(end)
    )
    someone = row.technician.id
    shift = NEW_SHIFT | {"technicianIds": [someone], "start": start, "end": end}
    caller.send("POST", "technician-shifts", shift)
    # The same hours twice are the same hours.
    caller.send("POST", "technician-shifts", shift)
    total, left = hours()
    assert total == 2
    taken = (min(visit.end, parse(end)) - max(visit.start, parse(start))) / HOUR
    assert left <= 2 - taken
    crew = {"jobAppointmentId": row.appointment_id, "technicianIds": [someone]}
    caller.send("POST", "appointment-assignments/unassign-technicians", crew)
    assert hours() == (2, left + taken)
    meeting = NEW_NON_JOB | {"technicianId": someone, "start": start, "duration": "00:30"}
    caller.send("POST", "non-job-appointments", meeting)
    assert hours()[0] == 1.5
    late = text(parse(end) - HOUR // 2)
    caller.send("POST", "technician-shifts", shift | {"shiftType": "TimeOff", "start": late})
    assert hours()[0] == 1
    caller.send("POST", "technician-shifts", shift | {"shiftType": "OnCall"})
    assert hours()[0] == 1


@pytest.mark.parametrize("match", [False, True])
def test_whether_skills_are_matched_may_be_said_as_text(office: Caller, match: bool) -> None:  # noqa: FBT001 - a case
    asked = [CAPACITY | {"skillBasedAvailability": said} for said in (match, str(match).lower())]
    said, written = (office.send("POST", "capacity", body) for body in asked)
    assert said == written
    assert ("hasRequiredSkills" in str(said)) is match


@pytest.mark.parametrize(
    ("change", "title"),
    [
        (
            {"endsOnOrBefore": "2026-07-06T05:00:01Z"},
            "Invalid request. The maximum allowed range is 14 days.",
        ),
        ({"endsOnOrBefore": CAPACITY["startsOnOrAfter"]}, None),
        ({"skillBasedAvailability": "maybe"}, None),
        ({"skillBasedAvailability": None}, None),
        ({"jobTypeId": 7}, None),
    ],
)
def test_a_bad_query_is_refused(office: Caller, change: dict[str, Any], title: str | None) -> None:
    body = office.refused("POST", "capacity", json=CAPACITY | change)
    assert body["title"] == (title or "One or more validation errors occurred.")
    assert bool(body["errors"]) is (title is None)


def test_fourteen_days_may_be_asked_for(office: Caller) -> None:
    assert len(slots(office, endsOnOrBefore="2026-07-06T05:00:00Z")) == 6 * 10 + 2 * 4

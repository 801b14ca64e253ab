"""Views of rows made by hand, whose answers are plain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from examples.database import database
from tests.examples.made import assignment, meeting, shift, slot
from tests.examples.tables import TIMEZONE, Row, instant, results, view, write

if TYPE_CHECKING:
    from pathlib import Path


def current(folder: Path) -> list[tuple[int, int]]:
    """Return (appointment, technician) of the current assignments."""
    rows = view(folder, "current_assignments")
    return [(row["appointment_id"], row["technician_id"]) for row in rows]


def test_the_latest_version_of_several_loads_is_current(tmp_path: Path) -> None:
    write(tmp_path, "appointment_assignments", assignment("08:00:00"), run="20260618T081500")
    write(
        tmp_path, "appointment_assignments", assignment("09:00:00", "Done"), run="20260618T091500"
    )
    (row,) = view(tmp_path, "current_assignments")
    assert (row["assignment_id"], row["status"], row["crew"]) == (1, "Done", 1)
    assert instant(row["modified_on"]) == instant("2026-06-18T09:00:00Z")


def test_after_a_change_of_hands_the_other_technician_is_current(tmp_path: Path) -> None:
    gone = assignment("08:00:00", active=False)
    taken = assignment("08:00:00", id=2, technicianId=8)
    write(tmp_path, "appointment_assignments", assignment("07:00:00"), gone, taken)
    assert current(tmp_path) == [(100, 8)]


def test_an_older_row_of_the_same_pair_that_looks_live_does_not_count(tmp_path: Path) -> None:
    """The latest row by time, not by text: `.5Z` sorts before `Z`."""
    older, latest = assignment("08:00:00"), assignment("08:00:00.5", id=2, active=False)
    write(tmp_path, "appointment_assignments", latest, older)
    assert current(tmp_path) == []


def test_of_rows_of_the_same_instant_the_later_number_counts(tmp_path: Path) -> None:
    again = assignment("08:00:00", id=2)
    gone = assignment("08:00:00", id=3, active=False)
    write(tmp_path, "appointment_assignments", assignment("08:00:00"), gone, again)
    assert current(tmp_path) == []


def test_a_crew_is_a_row_for_each_technician(tmp_path: Path) -> None:
    apprentice = assignment("08:00:00", id=2, technicianId=8)
    write(tmp_path, "appointment_assignments", assignment("08:00:00"), apprentice)
    assert current(tmp_path) == [(100, 7), (100, 8)]
    assert [row["crew"] for row in view(tmp_path, "current_assignments")] == [2, 2]


def test_an_edit_that_leaves_the_state_as_it_was_begins_no_new_state(tmp_path: Path) -> None:
    write(
        tmp_path,
        "appointment_assignments",
        assignment("08:00:00"),
        assignment("08:10:00"),
        assignment("08:10:00"),  # the same row again
        assignment("08:30:00", "Working"),
        assignment("08:40:00", "Working", isPaused=None),
    )
    found = [
        (row["status"], row["since"][11:19], (row["until"] or "")[11:19])
        for row in view(tmp_path, "assignment_states")
    ]
    assert found == [("Scheduled", "03:00:00", "03:30:00"), ("Working", "03:30:00", "")]


def test_the_way_the_work_and_the_pauses_of_a_visit_are_measured(tmp_path: Path) -> None:
    steps = [
        assignment("08:00:00"),
        assignment("08:10:00", "Dispatched"),
        assignment("08:30:00", "Working"),
        assignment("09:00:00", "Working", isPaused=True),
        assignment("09:15:00", "Working"),
        assignment("10:10:30", "Done"),
        assignment("23:00:00", "Done"),  # a time sheet was imported
    ]
    write(tmp_path, "appointment_assignments", *steps)
    (row,) = view(tmp_path, "dispatch_to_done")
    found = {name: value for name, value in row.items() if name.startswith("minutes")}
    assert found == {
        "minutes_on_the_way": 20,
        "minutes_on_site": 100.5,
        "minutes_paused": 15,
        "minutes": 120.5,
    }


def test_without_an_arrival_seen_the_whole_is_known_and_the_parts_are_not(tmp_path: Path) -> None:
    steps = [assignment("08:10:00", "Dispatched"), assignment("10:10:00", "Done")]
    write(tmp_path, "appointment_assignments", *steps)
    (row,) = view(tmp_path, "dispatch_to_done")
    assert (row["minutes"], row["minutes_on_the_way"], row["minutes_on_site"]) == (120, None, None)


@pytest.mark.parametrize(
    "steps",
    [
        [assignment("10:10:00", "Done")],
        [assignment("08:30:00", "Working"), assignment("10:10:00", "Done")],
        [assignment("08:10:00", "Dispatched"), assignment("08:30:00", "Working")],
        [
            assignment("08:10:00", "Dispatched"),
            assignment("10:10:00", "Done"),
            assignment("10:20:00", "Working"),
        ],
        [assignment("08:10:00", "Dispatched"), assignment("10:10:00", "Done", active=False)],
    ],
    ids=["only done", "dispatch not seen", "not done", "done no more", "taken off"],
)
def test_what_has_no_dispatch_and_end_has_no_duration(tmp_path: Path, steps: list[Row]) -> None:
    write(tmp_path, "appointment_assignments", *steps)
    assert view(tmp_path, "dispatch_to_done") == []


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        ("01:00:00", 3600),
        ("02:10:00.5000000", 7800.5),
        ("23:59:59", 86_399),
        ("1.02:00:00", 93_600),
        ("10.00:00:01.2500000", 864_001.25),
    ],
)
def test_a_time_span_of_dotnet_is_read(tmp_path: Path, span: str, seconds: float) -> None:
    with database(tmp_path, TIMEZONE) as connection:
        (row,) = results(connection, f"select seconds_of('{span}') as seconds")
    assert row["seconds"] == seconds


def utilisation(folder: Path) -> list[tuple[str, float, float]]:
    """Return (week, hours of shifts, hours for jobs)."""
    rows = view(folder, "utilisation")
    return [(row["week"], row["shift_hours"], row["hours_for_jobs"]) for row in rows]


def test_what_lies_in_a_shift_is_taken_off_once_and_the_rest_is_not(tmp_path: Path) -> None:
    write(tmp_path, "technician_shifts", shift("2026-06-18T12:00:00Z", "2026-06-18T22:00:00Z"))
    write(
        tmp_path,
        "non_job_appointments",
        meeting("2026-06-18T11:00:00Z", "02:00:00"),  # half of it before the shift
        meeting("2026-06-18T14:00:00Z", "01:00:00", id=2),
        meeting("2026-06-18T14:30:00Z", "01:00:00", id=3),  # half of it at the same time
        meeting("2026-06-18T14:00:00Z", "04:00:00", id=4, active=False),
        meeting("2026-06-18T14:00:00Z", "04:00:00", id=5, technicianId=8),
    )
    assert utilisation(tmp_path) == [("2026-06-15", 10, 7.5)]


def test_time_off_and_overlapping_shifts_count_once_and_being_on_call_does_not(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        "technician_shifts",
        shift("2026-06-18T12:00:00Z", "2026-06-18T20:00:00Z"),
        shift("2026-06-18T18:00:00Z", "2026-06-18T22:00:00Z", id=2),
        shift("2026-06-18T22:00:00Z", "2026-06-19T02:00:00Z", id=3, shiftType="OnCall"),
        shift("2026-06-18T20:00:00Z", "2026-06-19T20:00:00Z", id=4, shiftType="TimeOff"),
    )
    assert utilisation(tmp_path) == [("2026-06-15", 10, 8)]


def test_a_night_shift_is_parted_at_midnight_between_the_weeks(tmp_path: Path) -> None:
    """From Sunday 22:00 to Monday 06:00 in Chicago, with a break from 23:00 to 01:00."""
    write(tmp_path, "technician_shifts", shift("2026-06-22T03:00:00Z", "2026-06-22T11:00:00Z"))
    write(tmp_path, "non_job_appointments", meeting("2026-06-22T04:00:00Z", "02:00:00"))
    assert utilisation(tmp_path) == [("2026-06-15", 2, 1), ("2026-06-22", 6, 5)]


def test_a_shift_counts_as_it_is_now(tmp_path: Path) -> None:
    first = shift("2026-06-18T12:00:00Z", "2026-06-18T22:00:00Z")
    shorter = {**first, "end": "2026-06-18T21:00:00Z", "modifiedOn": "2026-06-02T12:00:00.5Z"}
    deleted = {**first, "id": 2, "active": False, "modifiedOn": "2026-06-03T12:00:00Z"}
    write(tmp_path, "technician_shifts", first, {**first, "id": 2}, run="20260601T120000")
    write(tmp_path, "technician_shifts", shorter, deleted, run="20260603T120000")
    assert utilisation(tmp_path) == [("2026-06-15", 9, 9)]


def test_a_forecast_is_the_last_of_its_day_and_meets_what_came(tmp_path: Path) -> None:
    write(
        tmp_path,
        "capacities",
        slot("2026-06-16T12:00:00Z", 6, 6),
        slot("2026-06-17T12:00:00Z", 6, 5),
        slot("2026-06-17T20:00:00Z", 6, 4),
        slot("2026-06-18T13:30:00Z", 5, 3),  # the slot has begun: no forecast any more
        slot("2026-06-19T12:00:00Z", 5, 0.5),
    )
    found = [
        (row["days_ahead"], row["forecast_hours"], row["forecast_booked"], row["booked_since"])
        for row in view(tmp_path, "capacity_forecast")
    ]
    assert found == [(1, 6, 2, 2.5), (2, 6, 0, 4.5)]
    (row, _) = view(tmp_path, "capacity_forecast")
    assert (row["came_hours"], row["came_booked"]) == (5, 4.5)


def test_a_slot_that_was_not_read_after_its_end_is_not_compared(tmp_path: Path) -> None:
    snapshots = slot("2026-06-17T12:00:00Z", 6, 5), slot("2026-06-18T14:59:00Z", 6, 3)
    write(tmp_path, "capacities", *snapshots)
    assert view(tmp_path, "capacity_forecast") == []


def test_visits_that_its_technicians_begin_within_a_slot_are_counted(tmp_path: Path) -> None:
    snapshots = slot("2026-06-17T12:00:00Z", 6, 5), slot("2026-06-19T12:00:00Z", 6, 3)
    write(tmp_path, "capacities", *snapshots)
    write(
        tmp_path,
        "appointment_assignments",
        assignment("13:00:00", "Working"),
        assignment("14:00:00", "Working", isPaused=True),  # the same visit
        assignment("14:59:59", "Working", id=2, appointmentId=101),
        assignment("15:00:00", "Working", id=3, appointmentId=102),  # after its end
        assignment("12:59:59", "Working", id=4, appointmentId=103),  # before it
        assignment("14:00:00", "Working", id=5, technicianId=8),  # somebody else
        assignment("14:00:00", "Dispatched", id=6, appointmentId=104),
        assignment("12:50:00", "Working", id=7, appointmentId=105),
        assignment("13:10:00", "Working", id=7, appointmentId=105, isPaused=True),  # goes on
    )
    (row,) = view(tmp_path, "capacity_forecast")
    assert row["visits_begun"] == 2

"""What the board makes of rows made by hand; hours are those in Chicago, five behind UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from examples.board import Board, Span
from examples.database import Marts
from tests.examples.made import assignment, meeting, shift
from tests.examples.tables import write
from tests.support.marts import TIMEZONE, made

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.marts import Built

pytestmark = [pytest.mark.warehouse, pytest.mark.timeout(600)]  # the first one builds the models


def board(folder: Path, built: Built) -> Board:
    """Return the board of the files in a folder."""
    with Marts(str(made(built, folder)), TIMEZONE) as marts:
        return Board(marts)


def test_a_visit_has_the_steps_that_were_seen_in_their_order(tmp_path: Path, built: Built) -> None:
    steps = [
        assignment("13:00:00", "Dispatched"),
        assignment("13:30:00", "Working"),
        assignment("14:00:00", "Working", isPaused=True),
        assignment("14:15:00", "Working"),
        assignment("15:00:00", "Done"),
    ]
    write(tmp_path, "appointment_assignments", *steps)
    (visit,) = board(tmp_path, built).visits
    assert (visit.technician, visit.status) == (7, "Done")
    assert visit.steps == [
        ("Dispatched", False, 8, 8.5),
        ("Working", False, 8.5, 9),
        ("Working", True, 9, 9.25),
        ("Working", False, 9.25, 10),
        ("Done", False, 10, 10),
    ]


def test_what_goes_on_goes_on_up_to_the_latest_change_of_any_assignment(
    tmp_path: Path, built: Built
) -> None:
    other = assignment("16:00:00", id=2, technicianId=8)
    write(tmp_path, "appointment_assignments", assignment("13:30:00", "Working"), other)
    found = board(tmp_path, built)
    assert [(visit.begins, visit.ends) for visit in found.visits] == [(8.5, 11)]
    assert found.seen_up_to == 11


def test_what_goes_on_since_the_day_before_was_forgotten(tmp_path: Path, built: Built) -> None:
    forgotten = assignment("", "Working", id=2, modifiedOn="2026-06-17T20:00:00Z")
    in_the_night = assignment("03:00:00", "Working", appointmentId=101)
    other = assignment("16:00:00", id=3, technicianId=8)
    write(tmp_path, "appointment_assignments", in_the_night, forgotten, other)
    assert [(visit.begins, visit.ends) for visit in board(tmp_path, built).visits] == [(-2, 11)]


@pytest.mark.parametrize(
    "last",
    [
        assignment("14:00:00", "Working", active=False),
        assignment("14:00:00", "Working", active=False, id=2),
    ],
    ids=["the row", "a later row"],
)
def test_who_was_taken_off_has_no_visit(
    tmp_path: Path, built: Built, last: dict[str, object]
) -> None:
    write(tmp_path, "appointment_assignments", assignment("13:30:00", "Working"), last)
    assert board(tmp_path, built).visits == []


def test_visits_that_overlap_have_lanes_and_others_the_whole_row(
    tmp_path: Path, built: Built
) -> None:
    hours = [("12:00", "14:00"), ("13:00", "15:00"), ("14:30", "16:00"), ("17:00", "18:00")]
    for number, (begins, ends) in enumerate(hours):
        same = {"id": number, "appointmentId": number}
        begun = assignment(f"{begins}:00", "Working", **same)
        done = assignment(f"{ends}:00", "Done", **same)
        write(tmp_path, "appointment_assignments", begun, done, run=f"20260619T00000{number}")
    lanes = [(visit.begins, visit.lane, visit.lanes) for visit in board(tmp_path, built).visits]
    assert lanes == [(7, 0, 2), (8, 1, 2), (9.5, 0, 2), (12, 0, 1)]


def test_shifts_and_time_away_are_in_hours_of_the_day(tmp_path: Path, built: Built) -> None:
    write(tmp_path, "appointment_assignments", assignment("13:00:00"))
    write(
        tmp_path,
        "technician_shifts",
        shift("2026-06-18T12:00:00Z", "2026-06-18T22:00:00Z"),
        shift("2026-06-19T12:00:00Z", "2026-06-19T22:00:00Z", id=2),  # the day after
        shift("2026-06-18T05:00:00Z", "2026-06-19T05:00:00Z", id=3, shiftType="TimeOff"),
    )
    write(tmp_path, "non_job_appointments", meeting("2026-06-18T14:00:00Z", "01:30:00"))
    found = board(tmp_path, built)
    assert found.shifts == [Span(7, "Normal", 7, 17)]
    assert found.away == [Span(7, "Meeting", 9, 10.5), Span(7, "Time off", 0, 24)]
    assert found.hours == (6, 18)


def test_nights_on_call_do_not_make_the_day_longer(tmp_path: Path, built: Built) -> None:
    write(tmp_path, "appointment_assignments", assignment("13:00:00"))
    night = shift("2026-06-18T22:00:00Z", "2026-06-19T12:00:00Z", shiftType="OnCall")
    write(tmp_path, "technician_shifts", night)
    assert board(tmp_path, built).hours == (7, 24)
    day = shift("2026-06-18T12:00:00Z", "2026-06-18T22:00:00Z", id=2, technicianId=8)
    write(tmp_path, "technician_shifts", night, day)
    assert board(tmp_path, built).hours == (6, 18)


def test_hours_are_those_of_the_wall_clock_when_the_clocks_have_changed(
    tmp_path: Path, built: Built
) -> None:
    """On 1 November, clocks go back at two in the night."""
    row = assignment("13:00:00", "Working", modifiedOn="2026-11-01T15:00:00Z")
    write(tmp_path, "appointment_assignments", row)
    assert board(tmp_path, built).seen_up_to == 9


def test_what_is_scheduled_is_counted_by_technician(tmp_path: Path, built: Built) -> None:
    rows = [assignment("13:00:00", id=number, appointmentId=number) for number in (1, 2)]
    done = assignment("13:00:00", "Done", id=3, technicianId=8)
    write(tmp_path, "appointment_assignments", *rows, done)
    assert board(tmp_path, built).scheduled == {7: 2}


def test_who_is_there_comes_first_and_in_the_order_of_the_day(tmp_path: Path, built: Built) -> None:
    names = {1: "Abbott", 2: "Baker", 3: "Aaron"}
    rows = [
        assignment("13:00:00", id=number, technicianId=number, technicianName=name)
        for number, name in names.items()
    ]
    write(tmp_path, "appointment_assignments", *rows)
    write(
        tmp_path,
        "technician_shifts",
        shift("2026-06-18T14:00:00Z", "2026-06-18T22:00:00Z", id=1, technicianId=1),
        shift("2026-06-18T12:00:00Z", "2026-06-18T22:00:00Z", id=2, technicianId=2),
        shift(
            "2026-06-18T05:00:00Z",
            "2026-06-19T05:00:00Z",
            id=3,
            technicianId=3,
            shiftType="TimeOff",
        ),
    )
    found = board(tmp_path, built)
    assert [found.name(one) for one in found.technicians] == ["Baker", "Abbott", "Aaron"]

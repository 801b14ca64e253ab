"""What is to be seen in the pictures, which are text."""

from __future__ import annotations

import re
from collections import Counter
from html import unescape
from typing import TYPE_CHECKING

import pytest

from examples.__main__ import main
from examples.board import COLOURS
from tests.examples.made import assignment, meeting, shift
from tests.examples.tables import write
from tests.support.marts import made
from tests.support.warehouses import DATABASES
from tools.markdown import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.marts import Built

pytestmark = [pytest.mark.warehouse, pytest.mark.timeout(600)]  # the first one builds the models

PICTURES = ("board.svg", "availability.svg")


def texts(picture: Path) -> list[str]:
    """Return the texts of a picture."""
    found = re.findall(r"<text [^>]*>([^<]*)</text>", picture.read_text(encoding="utf-8"))
    return [unescape(text) for text in found]


def fills(picture: Path) -> Counter[str]:
    """Return how often which colour fills something."""
    return Counter(re.findall(r"fill: (#\w{6})", picture.read_text(encoding="utf-8")))


def drawn(built: Built, folder: Path, *options: str) -> list[Path]:
    """Draw the files of a folder, and return the pictures."""
    main([str(made(built, folder)), "--into", str(folder), *options])
    return [folder / name for name in PICTURES]


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_of_the_readme_are_those_that_the_command_makes_from_either_database(
    built: Built, name: str, database: str
) -> None:
    """To make them again: the commands in `examples/README.md`."""
    committed = ROOT / "docs" / "images" / name
    drawn = built.pictures(database) / name
    assert texts(committed) == texts(drawn)
    assert fills(committed) == fills(drawn)
    assert committed.stat().st_size < 250_000


def test_each_technician_is_in_both_pictures(built: Built) -> None:
    names = {row["technician_name"] for row in built.rows("dispatch_technician_availability")}
    assert len(names) > 10
    for name in PICTURES:
        assert names <= set(texts(built.pictures("duckdb") / name))


def test_the_legend_explains_each_status_there_is(built: Built) -> None:
    present = {row["status"] for row in built.rows("dispatch_current_assignments")}
    assert present == COLOURS.keys()
    legend = " ".join(texts(built.pictures("duckdb") / "board.svg"))
    assert [status for status in present if status not in legend] == []


def test_the_board_says_which_day_whose_hours_and_up_to_when(built: Built) -> None:
    board = texts(built.pictures("duckdb") / "board.svg")
    assert "Dispatch board, Thursday 19 November 2026" in board
    assert any(text.startswith("Hours in America/Chicago.") for text in board)
    (seen,) = (text for text in board if text.startswith("seen up to"))
    assert "seen up to 14:1" < seen <= "seen up to 14:25"  # the feed is a quarter of an hour late


def test_the_legend_explains_nothing_that_is_not_there(tmp_path: Path, built: Built) -> None:
    write(tmp_path, "appointment_assignments", assignment("15:00:00", "Working"))
    write(tmp_path, "technician_shifts", shift("2026-06-18T12:00:00Z", "2026-06-18T22:00:00Z"))
    board, _ = drawn(built, tmp_path)
    labels = ("Working", "Shift")
    others = ("Done", "Dispatched", "Scheduled", "Paused", "Paler", "On call", "Non-job")
    assert [label for label in labels if label not in texts(board)] == []
    assert [text for text in texts(board) if text.startswith(others)] == []


def test_a_day_is_what_it_is_in_the_time_zone(tmp_path: Path, built: Built) -> None:
    write(tmp_path, "appointment_assignments", assignment("03:00:00", "Working"))
    board, _ = drawn(built, tmp_path)
    assert "Dispatch board, Wednesday 17 June 2026" in texts(board)
    board, _ = drawn(built, tmp_path, "--timezone", "Asia/Tokyo")
    assert "Dispatch board, Thursday 18 June 2026" in texts(board)
    assert "seen up to 12:00" in texts(board)


def test_another_day_has_its_own_visits_and_nothing_of_today(tmp_path: Path, built: Built) -> None:
    write(
        tmp_path,
        "appointment_assignments",
        assignment("15:00:00", "Done"),
        assignment("00:00:00", id=2, appointmentId=101, modifiedOn="2026-06-20T15:00:00Z"),
    )
    board, _ = drawn(built, tmp_path, "--day", "2026-06-18")
    assert "Dispatch board, Thursday 18 June 2026" in texts(board)
    assert "Done, beginning not seen" in texts(board)
    assert "scheduled" not in texts(board)
    board, _ = drawn(built, tmp_path)
    assert "scheduled" in texts(board)


def test_a_day_on_which_nobody_is_there_is_a_picture_too(tmp_path: Path, built: Built) -> None:
    write(tmp_path, "appointment_assignments", assignment("15:00:00", "Done"))
    board, availability = drawn(built, tmp_path, "--day", "2026-06-25")
    assert "Dispatch board, Thursday 25 June 2026" in texts(board)
    assert "All" in texts(availability)


def test_technicians_who_share_a_name_are_told_apart(tmp_path: Path, built: Built) -> None:
    other = assignment("15:00:00", "Working", id=2, technicianId=8)
    write(tmp_path, "appointment_assignments", assignment("15:00:00", "Working"), other)
    board, _ = drawn(built, tmp_path)
    assert {"Rosa Marquez 7", "Rosa Marquez 8"} <= set(texts(board))


def test_a_technician_without_assignments_goes_by_number(tmp_path: Path, built: Built) -> None:
    write(tmp_path, "appointment_assignments", assignment("15:00:00", "Working"))
    write(
        tmp_path,
        "technician_shifts",
        shift("2026-06-18T12:00:00Z", "2026-06-18T22:00:00Z", technicianId=9),
    )
    for picture in drawn(built, tmp_path):
        assert "9" in texts(picture)


def test_a_week_says_what_share_is_left(tmp_path: Path, built: Built) -> None:
    write(tmp_path, "appointment_assignments", assignment("15:00:00"))
    write(tmp_path, "technician_shifts", shift("2026-06-18T12:00:00Z", "2026-06-18T22:00:00Z"))
    write(tmp_path, "non_job_appointments", meeting("2026-06-18T14:00:00Z", "03:00:00"))
    _, availability = drawn(built, tmp_path)
    assert texts(availability).count("70%") == 2  # the technician, and all
    assert "15 Jun" in texts(availability)


def test_what_the_tap_may_send_does_not_stop_the_drawing(tmp_path: Path, built: Built) -> None:
    """A status that is new, and nulls, which the API sends although it says that it does not."""
    odd = assignment("15:00:00", "Working", technicianName=None, isPaused=None)
    unknown = assignment("15:30:00", "Teleported", id=2, technicianId=8)
    begun = assignment("15:10:00", "Dispatched", id=2, technicianId=8)
    write(tmp_path, "appointment_assignments", odd, begun, unknown)
    write(tmp_path, "technician_shifts", shift("2026-06-18T12:00:00Z", "2026-06-18T22:00:00Z"))
    board, _ = drawn(built, tmp_path)
    assert {"7", "Teleported"} <= set(texts(board))


def test_the_same_files_give_the_same_picture(tmp_path: Path, built: Built) -> None:
    paused = assignment("15:00:00", "Working", isPaused=True)
    write(tmp_path, "appointment_assignments", paused)
    first, second = ([file.read_bytes() for file in drawn(built, tmp_path)] for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("options", "message"),
    [([], "load and build first"), (["--timezone", "Mars/Olympus"], "Unknown TimeZone")],
    ids=["no rows", "no time zone"],
)
def test_what_cannot_be_drawn_ends_in_a_message(
    tmp_path: Path,
    built: Built,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    with pytest.raises(SystemExit, match="2"):
        drawn(built, tmp_path, *options)
    assert message in capsys.readouterr().err

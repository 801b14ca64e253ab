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
from tests.examples.tables import view, write
from tools.markdown import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PICTURES = ("board.svg", "utilisation.svg")


def texts(picture: Path) -> list[str]:
    """Return the texts of a picture."""
    found = re.findall(r"<text [^>]*>([^<]*)</text>", picture.read_text(encoding="utf-8"))
    return [unescape(text) for text in found]


def fills(picture: Path) -> Counter[str]:
    """Return how often which colour fills something."""
    return Counter(re.findall(r"fill: (#\w{6})", picture.read_text(encoding="utf-8")))


def drawn(folder: Path, *options: str) -> list[Path]:
    """Draw the files of a folder, and return the pictures."""
    main([str(folder), *options])
    return [folder / name for name in PICTURES]


@pytest.fixture(scope="session")
def day_pictures(day_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pictures of the working day."""
    into = tmp_path_factory.mktemp("pictures")
    main([str(day_folder), "--into", str(into)])
    return into


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_of_the_readme_are_those_that_the_command_makes(
    day_pictures: Path, name: str
) -> None:
    """To make them again: the commands in `examples/README.md`."""
    committed = ROOT / "docs" / "images" / name
    assert texts(committed) == texts(day_pictures / name)
    assert fills(committed) == fills(day_pictures / name)
    assert committed.stat().st_size < 250_000


def test_each_technician_is_in_both_pictures(day_folder: Path, day_pictures: Path) -> None:
    names = {row["technician_name"] for row in view(day_folder, "utilisation")}
    assert len(names) > 10
    for name in PICTURES:
        assert names <= set(texts(day_pictures / name))


def test_the_legend_explains_each_status_there_is(day_folder: Path, day_pictures: Path) -> None:
    present = {row["status"] for row in view(day_folder, "current_assignments")}
    assert present == COLOURS.keys()
    legend = " ".join(texts(day_pictures / "board.svg"))
    assert [status for status in present if status not in legend] == []


def test_the_board_says_which_day_whose_hours_and_up_to_when(day_pictures: Path) -> None:
    board = texts(day_pictures / "board.svg")
    assert "Dispatch board, Thursday 19 November 2026" in board
    assert any(text.startswith("Hours in America/Chicago.") for text in board)
    (seen,) = (text for text in board if text.startswith("seen up to"))
    assert "seen up to 14:1" < seen <= "seen up to 14:25"  # the feed is a quarter of an hour late


def test_the_legend_explains_nothing_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, "appointment_assignments", assignment("15:00:00", "Working"))
    write(tmp_path, "technician_shifts", shift("2026-06-18T12:00:00Z", "2026-06-18T22:00:00Z"))
    board, _ = drawn(tmp_path)
    labels = ("Working", "Shift")
    others = ("Done", "Dispatched", "Scheduled", "Paused", "Paler", "On call", "Non-job")
    assert [label for label in labels if label not in texts(board)] == []
    assert [text for text in texts(board) if text.startswith(others)] == []


def test_a_day_is_what_it_is_in_the_time_zone(tmp_path: Path) -> None:
    write(tmp_path, "appointment_assignments", assignment("03:00:00", "Working"))
    board, _ = drawn(tmp_path)
    assert "Dispatch board, Wednesday 17 June 2026" in texts(board)
    board, _ = drawn(tmp_path, "--timezone", "Asia/Tokyo")
    assert "Dispatch board, Thursday 18 June 2026" in texts(board)
    assert "seen up to 12:00" in texts(board)


def test_another_day_has_its_own_visits_and_nothing_of_today(tmp_path: Path) -> None:
    write(
        tmp_path,
        "appointment_assignments",
        assignment("15:00:00", "Done"),
        assignment("00:00:00", id=2, appointmentId=101, modifiedOn="2026-06-20T15:00:00Z"),
    )
    board, _ = drawn(tmp_path, "--day", "2026-06-18")
    assert "Dispatch board, Thursday 18 June 2026" in texts(board)
    assert "Done, beginning not seen" in texts(board)
    assert "scheduled" not in texts(board)
    board, _ = drawn(tmp_path)
    assert "scheduled" in texts(board)


def test_a_day_on_which_nobody_is_there_is_a_picture_too(tmp_path: Path) -> None:
    write(tmp_path, "appointment_assignments", assignment("15:00:00", "Done"))
    board, utilisation = drawn(tmp_path, "--day", "2026-06-25")
    assert "Dispatch board, Thursday 25 June 2026" in texts(board)
    assert "All" in texts(utilisation)


def test_technicians_who_share_a_name_are_told_apart(tmp_path: Path) -> None:
    other = assignment("15:00:00", "Working", id=2, technicianId=8)
    write(tmp_path, "appointment_assignments", assignment("15:00:00", "Working"), other)
    board, _ = drawn(tmp_path)
    assert {"Rosa Marquez 7", "Rosa Marquez 8"} <= set(texts(board))


def test_a_technician_without_assignments_goes_by_number(tmp_path: Path) -> None:
    write(tmp_path, "appointment_assignments", assignment("15:00:00", "Working"))
    write(
        tmp_path,
        "technician_shifts",
        shift("2026-06-18T12:00:00Z", "2026-06-18T22:00:00Z", technicianId=9),
    )
    for picture in drawn(tmp_path):
        assert "9" in texts(picture)


def test_a_week_says_what_share_is_left(tmp_path: Path) -> None:
    write(tmp_path, "appointment_assignments", assignment("15:00:00"))
    write(tmp_path, "technician_shifts", shift("2026-06-18T12:00:00Z", "2026-06-18T22:00:00Z"))
    write(tmp_path, "non_job_appointments", meeting("2026-06-18T14:00:00Z", "03:00:00"))
    _, utilisation = drawn(tmp_path)
    assert texts(utilisation).count("70%") == 2  # the technician, and all
    assert "15 Jun" in texts(utilisation)


def test_what_the_tap_may_send_does_not_stop_the_drawing(tmp_path: Path) -> None:
    """A status that is new, and nulls, which the API sends although it says that it does not."""
    odd = assignment("15:00:00", "Working", technicianName=None, isPaused=None)
    unknown = assignment("15:30:00", "Teleported", id=2, technicianId=8)
    begun = assignment("15:10:00", "Dispatched", id=2, technicianId=8)
    write(tmp_path, "appointment_assignments", odd, begun, unknown)
    write(tmp_path, "technician_shifts", shift("2026-06-18T12:00:00Z", "2026-06-18T22:00:00Z"))
    board, _ = drawn(tmp_path)
    assert {"7", "Teleported"} <= set(texts(board))


def test_the_same_files_give_the_same_picture(tmp_path: Path) -> None:
    paused = assignment("15:00:00", "Working", isPaused=True)
    write(tmp_path, "appointment_assignments", paused)
    first, second = ([file.read_bytes() for file in drawn(tmp_path)] for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("options", "message"),
    [([], "load first"), (["--timezone", "Mars/Olympus"], "Unknown TimeZone")],
    ids=["no files", "no time zone"],
)
def test_what_cannot_be_drawn_ends_in_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path), *options])
    assert message in capsys.readouterr().err

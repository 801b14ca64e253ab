"""A week of the sandbox in files: as the tap and target-jsonl would have written them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from examples import sandbox_week
from examples.sandbox_week import ZONE, last_busy, main, moments
from tests.support.caller import Caller
from tests.support.contents import as_sent, contents
from tests.support.streams import ALL_STREAMS

if TYPE_CHECKING:
    from pathlib import Path

    Row = dict[str, Any]

pytestmark = pytest.mark.no_cover

MONDAY = datetime(2026, 11, 23, 15, 50, tzinfo=UTC)  # ten to ten in Chicago
LOADS = [MONDAY + timedelta(minutes=minutes) for minutes in (0, 10, 20, 70)]
SIZE = 120


def rows(folder: Path, stream: str) -> dict[str, list[Row]]:
    """Return the rows of a stream by the time in the name of their file."""
    return {
        file.stem.rpartition("-")[2]: [json.loads(line) for line in file.read_text().splitlines()]
        for file in sorted(folder.glob(f"{stream}-*.jsonl"))
    }


# When is loaded -----------------------------------------------------------------------------------


def test_a_week_is_loaded_every_ten_minutes_while_the_office_is_open() -> None:
    week = moments(MONDAY, 7)
    assert (week[0], week[-1]) == (MONDAY - timedelta(days=7), MONDAY)
    assert week == sorted({*week})
    by_hour: dict[tuple[bool, bool], set[int]] = {}
    for now in week[1:-1]:
        local = now.astimezone(ZONE)
        is_open = 7 <= local.hour < 18 and local.weekday() < 5
        loads = sum(now <= each < now + timedelta(hours=1) for each in week[1:-1])
        if local.minute == 0 and now + timedelta(hours=1) < MONDAY:
            by_hour.setdefault((is_open, local.weekday() < 5), set()).add(loads)
    assert by_hour == {(True, True): {6}, (False, True): {1}, (False, False): {1}}


def test_a_week_may_end_at_any_minute_and_goes_on_over_a_change_of_clocks() -> None:
    until = datetime(2026, 11, 2, 18, 47, tzinfo=UTC)
    week = moments(until, 7)
    assert week[-1] == until
    assert {now.minute % 10 for now in week} == {7}
    gaps = {later - earlier for earlier, later in pairwise(week)}
    assert gaps == {timedelta(minutes=10), timedelta(hours=1)}


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-24T13:21:30-06:00", "2026-11-24T13:21:00-06:00"),  # a Tuesday
        ("2026-11-24T11:50:00-06:00", "2026-11-23T17:50:00-06:00"),
        ("2026-11-24T18:05:00-06:00", "2026-11-24T17:55:00-06:00"),
        ("2026-11-29T08:00:00-06:00", "2026-11-27T17:50:00-06:00"),  # a Sunday
    ],
)
def test_unless_told_a_week_ends_in_an_afternoon_with_a_full_board(now: str, until: str) -> None:
    assert last_busy(datetime.fromisoformat(now)) == datetime.fromisoformat(until)


# What is loaded -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some loads of a small contractor."""
    folder = tmp_path_factory.mktemp("loaded") / "week"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox_week, "moments", lambda _until, _days: LOADS)
        main([str(folder), "--size", str(SIZE)])
    return folder


def test_each_load_writes_files_that_have_its_time(folder: Path) -> None:
    named = [f"{now:%Y%m%dT%H%M%S}" for now in LOADS]
    assert list(rows(folder, "arrival_windows")) == named  # read in full each time
    assert list(rows(folder, "capacities")) == [named[1], named[3]]  # the first of each hour
    streams = {file.name.rpartition("-")[0] for file in folder.iterdir()}
    on_request = {"appointment_assignments_list", "technician_tracking"}
    assert streams == {*ALL_STREAMS, "sync_log"} - on_request


def test_the_files_have_every_row_of_the_contractor_in_its_latest_version(folder: Path) -> None:
    with Caller.of(assignments=SIZE, at=LOADS[-1]) as caller:
        expected = contents(caller)
    for stream in ("appointment_assignments", "technician_shifts", "non_job_appointments", "zones"):
        latest = {
            row["id"]: as_sent(stream, row)
            for load in rows(folder, stream).values()
            for row in load
        }
        assert latest == {row["id"]: row for row in expected[stream]}, stream


def test_a_load_resumes_from_the_one_before(folder: Path) -> None:
    first, *others = (len(load) for load in rows(folder, "appointment_assignments").values())
    assert first > SIZE / 2
    assert sum(others) < first / 5


def test_the_log_of_the_runs_has_the_clock_of_the_sandbox(folder: Path) -> None:
    for now, (name, load) in zip(LOADS, rows(folder, "sync_log").items(), strict=True):
        at = f"{now:%Y-%m-%dT%H:%M:%SZ}"
        assert {(row["startedAt"], row["endedAt"], row["outcome"]) for row in load} == {
            (at, at, "complete")
        }, name
        assert {row["timezone"] for row in load} == {"America/Chicago"}


def test_the_command_says_how_far_it_is_after_each_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def when(until: datetime, days: int) -> list[datetime]:
        asked.append((until, days))
        return [MONDAY, MONDAY + timedelta(days=1)]

    monkeypatch.setattr(sandbox_week, "moments", when)
    monkeypatch.setenv("TARGET_JSONL_DESTINATION_PATH", str(tmp_path / "days"))
    main(["--days", "1", "--until", "2026-11-24T09:50-06:00", "--size", "1"])
    assert asked == [(MONDAY + timedelta(days=1), 1)]
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("Mon 2026-11-23: 1 of 2 loads (50%), ")
    assert second.startswith("Tue 2026-11-24: 2 of 2 loads (100%), ")
    assert len(rows(tmp_path / "days", "zones")) >= 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--until", "yesterday"], "not a time such as 2026-11-19T20:40Z: 'yesterday'"),
        (["--days", "0"], "--days has to be 1 or more"),
        ([], "is there already, and files of two loads would be mixed. Remove it, or name"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path), *arguments])
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_a_folder_has_to_be_named_where_no_environment_names_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TARGET_JSONL_DESTINATION_PATH", raising=False)
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "name a folder for the files" in capsys.readouterr().err.splitlines()[-1]

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.sandbox.world.board import Assignment, Board
from tap_servicetitan_dispatch.sandbox.world.company import Company
from tap_servicetitan_dispatch.sandbox.world.instants import MINUTE, from_datetime
from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant
from tests.support.caller import START, Clock

if TYPE_CHECKING:
    from collections.abc import Iterator


def tenant(clock: Clock, seed: int = 1, assignments: int = 600) -> Tenant:
    return Tenant(seed=seed, assignments=assignments, clock=clock)


def rows(tenant: Tenant) -> list[dict[str, Any]]:
    tenant.advance()
    found = tenant.assignments.after((0, 0), tenant.now)
    return [row.wire() for row in found]


def settled_rows(tenant: Tenant) -> list[dict[str, Any]]:
    tenant.advance()
    found = tenant.assignments.after((0, 0), tenant.settled)
    return [row.wire() for row in found]


def planned(board: Board, days: range, settled: int) -> Iterator[Assignment]:
    """Yield the versions of the days' assignments, those that the optimiser makes included."""
    for day in days:
        yield from board.versions(day, settled)
        yield from board.replanned(day, settled)


def test_another_seed_is_another_tenant() -> None:
    assert rows(tenant(Clock(), seed=1)) != rows(tenant(Clock(), seed=2))


@pytest.mark.parametrize("hours", [1, 13.9, 14.1, 60.5, 24 * 20, 24 * 93, 24 * 200])
@pytest.mark.parametrize("start", [START, datetime(2026, 3, 6, 23, 50, tzinfo=UTC)])
def test_the_board_is_the_same_whenever_the_process_began(start: datetime, hours: float) -> None:
    clock = Clock(start)
    old = tenant(clock, assignments=200)
    clock.forward(hours=hours)
    new = tenant(clock, assignments=200)
    assert rows(old) == rows(new)
    assert settled_rows(old) == settled_rows(new)


def test_the_board_is_the_same_however_often_it_was_looked_at() -> None:
    clock = Clock()
    watched = tenant(clock)
    for _ in range(50):
        clock.forward(minutes=37)
        watched.advance()
    assert rows(watched) == rows(tenant(clock))


@pytest.mark.parametrize("size", [300, 5_000, 20_000])
def test_the_size_is_about_the_number_of_rows(size: int) -> None:
    found = len(rows(tenant(Clock(), assignments=size)))
    assert 0.8 * size < found < 1.5 * size


def test_a_size_of_one_is_still_a_board() -> None:
    assert rows(tenant(Clock(), assignments=1))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "day",
    [
        datetime(2026, 6, 18, tzinfo=UTC),
        datetime(2026, 6, 20, tzinfo=UTC),  # a Saturday
        datetime(2026, 6, 21, tzinfo=UTC),  # a Sunday
        datetime(2026, 3, 8, tzinfo=UTC),  # clocks go forward
        datetime(2026, 11, 1, tzinfo=UTC),  # clocks go back
        datetime(2026, 12, 25, tzinfo=UTC),
    ],
)
@pytest.mark.parametrize("size", [300, 20_000])
def test_no_three_minutes_pass_without_a_change(seed: int, day: datetime, size: int) -> None:
    board = Board(Company(seed, size))
    first, last = from_datetime(day), from_datetime(day + timedelta(hours=36))
    today = board.company.calendar.day_of(first)
    changes = sorted(
        row.modified_on
        for row in planned(board, range(today, today + 4), first)
        if first <= row.modified_on <= last
    )
    gaps = [after - before for before, after in pairwise([first, *changes, last])]
    assert max(gaps) < 3 * MINUTE


def test_the_day_is_busier_than_the_night() -> None:
    board = Board(Company(1, 20_000))
    calendar = board.company.calendar
    today = calendar.day_of(from_datetime(START))

    def changes(opens: float, closes: float) -> int:
        low, high = calendar.at(today, opens), calendar.at(today, closes)
        return sum(
            low <= row.modified_on < high for row in planned(board, range(today, today + 4), low)
        )

    assert changes(8, 12) > 2 * changes(22, 26)


def test_assignments_live_through_all_that_can_happen_to_them() -> None:
    board = rows(tenant(Clock(), assignments=20_000))
    seen = {(row["status"], row["isPaused"], row["active"]) for row in board}
    assert seen == {
        ("Scheduled", False, True),
        ("Dispatched", False, True),
        ("Working", False, True),
        ("Working", True, True),
        ("Done", False, True),
        ("Scheduled", False, False),
    }


def test_a_replaced_technician_leaves_an_inactive_row_and_another_takes_over() -> None:
    by_appointment: dict[int, list[dict[str, Any]]] = {}
    for row in rows(tenant(Clock(), assignments=5_000)):
        by_appointment.setdefault(row["appointmentId"], []).append(row)
    handed_over = [
        (old, new)
        for crew in by_appointment.values()
        for old in crew
        for new in crew
        if not old["active"] and new["createdOn"] == old["modifiedOn"]
    ]
    assert len(handed_over) > 100
    assert all(old["technicianId"] != new["technicianId"] for old, new in handed_over)
    assert {len(crew) for crew in by_appointment.values()} >= {1, 2, 3}


def test_some_rows_were_created_in_one_go() -> None:
    created = [row["createdOn"] for row in rows(tenant(Clock()))]
    assert len(set(created)) < len(created)


def test_instants_are_written_with_every_number_of_digits_from_none_to_seven() -> None:
    written = [row["modifiedOn"] for row in rows(tenant(Clock(), assignments=20_000))]
    digits = {len(one.partition(".")[2].removesuffix("Z")) for one in written}
    assert {0, 1, 2, 3, 6, 7} <= digits
    assert not any(one.endswith("0Z") and "." in one for one in written)


def test_ids_fit_into_a_double() -> None:
    assert all(0 < row["id"] < 2**53 for row in rows(tenant(Clock())))


def test_the_clock_never_goes_backwards() -> None:
    clock = Clock()
    board = tenant(clock)
    before = rows(board)
    clock.forward(days=-3)
    assert rows(board) == before


def test_a_local_day_has_23_24_or_25_hours() -> None:
    calendar = Company(1, 1).calendar
    march = calendar.day_of(from_datetime(datetime(2026, 3, 8, 12, tzinfo=UTC)))
    hours = [
        (calendar.midnight(day + 1) - calendar.midnight(day)) // (60 * MINUTE)
        for day in (march - 1, march, march + 238)
    ]
    assert hours == [24, 23, 25]

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.sandbox.world.board import Board
from tap_servicetitan_dispatch.sandbox.world.company import Company
from tap_servicetitan_dispatch.sandbox.world.holidays import holiday
from tap_servicetitan_dispatch.sandbox.world.instants import MINUTE, SECOND, from_datetime
from tap_servicetitan_dispatch.sandbox.world.roster import Roster
from tap_servicetitan_dispatch.sandbox.world.tenant import HISTORY_DAYS, Tenant
from tests.support import days
from tests.support.caller import AFTERNOON, START, Clock
from tools.board.runs import all_known_since, shown, tables
from tools.board.seen import DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.no_cover


@pytest.fixture(autouse=True, scope="module")
def _days_are_made_anew() -> Iterator[None]:
    with days.made_anew():
        yield


def tenant(clock: Clock, seed: int = 1, assignments: int = 600) -> Tenant:
    return Tenant(seed=seed, assignments=assignments, clock=clock)


def rows(tenant: Tenant) -> list[dict[str, Any]]:
    tenant.advance()
    found = tenant.assignments.after((0, 0), tenant.now)
    return [row.wire() for row in found]


def test_another_seed_is_another_tenant() -> None:
    assert rows(tenant(Clock(), seed=1)) != rows(tenant(Clock(), seed=2))


@pytest.mark.parametrize("hours", [1, 13.9, 14.1, 60.5, 24 * 20, 24 * 93, 24 * 200])
@pytest.mark.parametrize("start", [START, datetime(2026, 3, 6, 23, 50, tzinfo=UTC)])
def test_two_that_began_on_different_days_agree_on_the_days_they_share(
    start: datetime, hours: float
) -> None:
    clock = Clock(start)
    old = tenant(clock, assignments=200)
    clock.forward(hours=hours)
    new = tenant(clock, assignments=200)
    old.advance()
    since = all_known_since(new)
    for as_of in (new.now, new.settled):
        assert shown(old, as_of, since) == shown(new, as_of, since)


def test_nothing_is_forgotten() -> None:
    clock = Clock()
    lasting = tenant(clock)
    before = {name: set(table.current) for name, table in tables(lasting).items()}
    for _ in range(HISTORY_DAYS + 10):
        clock.forward(days=1)
        lasting.advance()
    for name, table in tables(lasting).items():
        assert before[name] <= {row.id for row in table.after((0, 0), lasting.now)}


def test_the_board_is_the_same_however_often_it_was_looked_at() -> None:
    clock = Clock()
    watched, left_alone = tenant(clock), tenant(clock)
    for _ in range(50):
        clock.forward(minutes=37)
        watched.advance()
    assert rows(watched) == rows(left_alone)


@pytest.mark.parametrize("size", [300, 5_000, 20_000])
def test_the_size_is_about_the_number_of_rows(size: int) -> None:
    found = len(rows(tenant(Clock(), assignments=size)))
    assert 0.8 * size < found < 1.5 * size


def test_a_size_of_one_is_still_a_board() -> None:
    assert rows(tenant(Clock(), assignments=1))


def test_assignments_live_through_all_that_can_happen_to_them() -> None:
    board = rows(tenant(Clock(AFTERNOON), assignments=20_000))
    seen = {(row["status"], row["isPaused"], row["active"]) for row in board}
    assert seen == {
        ("Scheduled", False, True),
        ("Dispatched", False, True),
        ("Working", False, True),
        ("Working", True, True),
        ("Done", False, True),
        ("Scheduled", False, False),
        ("Dispatched", False, False),
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
        if not old["active"] and new is not old and new["createdOn"] == old["modifiedOn"]
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


def test_no_two_days_create_rows_in_the_same_second() -> None:
    board = Board(Roster(Company(1, 20_000)))
    seconds: dict[int, int] = {}
    for day in DAYS:
        for row in board.versions(day, 0):
            assert seconds.setdefault(row.created_on // SECOND, day) == day


def test_what_is_written_has_the_highest_number_so_far() -> None:
    clock = Clock()
    board = tenant(clock, assignments=20_000)
    for _ in range(50):
        clock.forward(minutes=7)
        board.advance()
        known = [id_ for table in tables(board).values() for id_ in table.current]
        assert board.new_id() > max(id_ for id_ in known if isinstance(id_, int))


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2026-01-01", "New Year's Day"),
        ("2026-05-25", "Memorial Day"),
        ("2027-05-31", "Memorial Day"),
        ("2026-07-04", "Independence Day"),
        ("2026-09-07", "Labor Day"),
        ("2026-11-26", "Thanksgiving"),
        ("2029-11-22", "Thanksgiving"),
        ("2026-12-25", "Christmas Day"),
        ("2026-05-18", None),
        ("2026-05-26", None),
        ("2026-09-14", None),
        ("2026-09-08", None),
        ("2026-11-19", None),
        ("2026-11-27", None),
        ("2026-12-24", None),
    ],
)
def test_holidays(day: str, name: str | None) -> None:
    assert holiday(date.fromisoformat(day)) == name


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

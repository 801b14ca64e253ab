"""What the board makes of rows made by hand; minutes are those since midnight in Chicago."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.page.board import DayBoard, first_load, sentence
from tap_servicetitan_dispatch.page.days import LocalDay
from tap_servicetitan_dispatch.page.facts import facts
from tap_servicetitan_dispatch.page.marts import Marts
from tap_servicetitan_dispatch.page.tenants import technicians, tenants
from tests.page.made import ZONE, chicago, day, loads, shift, state, technician_day, tenant, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAY = "2026-06-18"


@pytest.fixture
def board(tmp_path: Path) -> Callable[..., DayBoard]:
    """What makes a board of tables; the day was loaded at six and at four in the afternoon."""

    def made(day_: str = DAY, **tables: Any) -> DayBoard:
        first = tables.pop("first", f"{DAY} 06:00")
        last = tables.pop("last", f"{DAY} 16:15")
        base: dict[str, Any] = {
            "tenants": [tenant()],
            "loads": loads(*hourly(first, last)),
            "tenant_day": [day(day_)],
            "technicians": [
                {"technician_id": 7, "technician_name": "Rosa"},
                {"technician_id": 8, "technician_name": "Kyle"},
            ],
        }
        file = write(tmp_path / "dispatch.duckdb", **base | tables)
        local = LocalDay(date.fromisoformat(day_), ZONE)
        with Marts(str(file)) as marts:
            (known,) = tenants(marts)
            found = facts(marts, known, technicians(marts, known.id), local.begins)
        return DayBoard(found, local)

    return made


def hourly(first: str, last: str) -> list[str]:
    """Return times an hour apart, the last one included."""
    begun, ended = map(datetime.fromisoformat, (first, last))
    hours = range(int((ended - begun) / timedelta(hours=1)) + 1)
    times = [f"{begun + timedelta(hours=hour):%Y-%m-%d %H:%M}" for hour in hours]
    return [*dict.fromkeys([*times, last])]


def test_a_dispatch_within_hours_without_a_load_is_not_told_to_be_late(board: Any) -> None:
    row = late_row(7, shift_starts_at="07:00", first_dispatched_on="11:15")
    late = board(technician_day=[row])
    assert [each["minutes"] for each in late.late] == [255]
    assert sentence(late).startswith("Thursday 18 June 2026: no load for up to 6 h, ")
    unseen = board(
        technician_day=[row], loads=loads(f"{DAY} 06:00", f"{DAY} 11:10", f"{DAY} 12:00")
    )
    assert unseen.late == []
    assert "no load for up to 6 h" in sentence(unseen)
    assert not unseen.is_unloaded


def test_hours_without_a_load_are_not_among_the_idle_ones(board: Any) -> None:
    def hours(idle: float, *times: str) -> tuple[float, float]:
        found = board(
            loads=loads(*(f"{DAY} {time}" for time in times)),
            technician_day=[technician_day(7, DAY, 1.0, 0, 0, 0, 1.0, idle)],
            stg_technician_shifts=[
                shift(7, f"{DAY} 07:00", f"{DAY} 15:00"),
                shift(7, f"{DAY} 15:00", f"{DAY} 20:00", "OnCall"),
                shift(8, f"{DAY} 07:00", f"{DAY} 15:00"),
            ],
            assignment_history=[
                state(1, "Working", f"{DAY} 08:00", f"{DAY} 09:00"),
                state(1, "Done", f"{DAY} 09:00"),
            ],
            time_away=[
                {
                    "technician_id": 7,
                    "occasion": "Meeting",
                    "starts_at": chicago(f"{DAY} {begins}"),
                    "ends_at": chicago(f"{DAY} {ends}"),
                }
                for begins, ends in (("10:00", "11:00"), ("10:15", "10:45"))
            ],
        )
        (row,) = found.rows
        return row["hours_unloaded"], row["hours_idle_at_most"]

    # From seven to nine nothing was loaded, but from eight on the work is known
    assert hours(6.0, "00:00", "01:00", "07:00", "09:00", "10:00", "11:00", "12:00") == (1.0, 5.0)
    # From nine to two, of which an hour was a meeting, and after that there was no shift
    assert hours(6.0, "06:00", "07:00", "08:00", "09:00", "14:00", "15:00", "20:00") == (4.0, 2.0)
    # No more than was idle
    assert hours(2.5, "06:00", "07:00", "08:00", "09:00", "14:00", "15:00") == (2.5, 0.0)
    assert hours(0.0, "06:00", "07:00", "08:00", "09:00", "14:00", "15:00") == (0.0, 0.0)
    assert hours(6.0, *(f"{hour:02d}:00" for hour in range(16))) == (0.0, 6.0)


def test_a_day_on_which_nothing_was_loaded_says_so(board: Any) -> None:
    found = board(loads=loads("2026-06-17 12:00", "2026-06-19 12:00"))
    assert found.shown()["is_unloaded"]
    assert sentence(found).startswith("Thursday 18 June 2026: no load on this day, ")


def test_a_day_that_was_loaded_once_is_not_said_to_be_without_a_load(board: Any) -> None:
    days = (f"2026-06-{number} 02:00" for number in (17, 18, 19))
    found = board(loads=loads(*days))
    assert found.holes == [(0, 120), (120, 1440)]
    assert not found.is_unloaded
    assert sentence(found).startswith("Thursday 18 June 2026: no load for up to 22 h, ")


def assigned(*numbers: int, status: str = "Done") -> list[dict[str, Any]]:
    return [{"assignment_id": each, "technician_id": 7, "status": status} for each in numbers]


def test_a_visit_has_the_states_that_were_seen_in_their_order(board: Any) -> None:
    found = board(
        current_assignments=assigned(1),
        assignment_history=[
            state(1, "Scheduled", f"{DAY} 07:00", f"{DAY} 08:00"),
            state(1, "Dispatched", f"{DAY} 08:00", f"{DAY} 08:30"),
            state(1, "Working", f"{DAY} 08:30", f"{DAY} 09:00"),
            state(1, "Working", f"{DAY} 09:00", f"{DAY} 09:15", is_paused=True),
            state(1, "Working", f"{DAY} 09:15", f"{DAY} 09:15"),
            state(1, "Done", f"{DAY} 10:00"),
        ],
    )
    states = [("way", 480, 510), ("site", 510, 540), ("paused", 540, 555)]
    assert found.visits == [(7, 101, 11, "Done", 0, 1, states)]
    assert found.marks == []
    assert found.counted == 1


def test_what_goes_on_goes_on_up_to_what_the_feed_has_shown(board: Any) -> None:
    working = state(1, "Working", f"{DAY} 08:00")
    found = board(current_assignments=assigned(1, status="Working"), assignment_history=[working])
    assert found.visits[0][-1] == [("site", 480, 960)]  # a quarter of an hour before the load
    assert found.shown()["seen"] == 960
    later = state(2, "Scheduled", f"{DAY} 16:10")
    moved = board(
        current_assignments=assigned(1, status="Working"), assignment_history=[working, later]
    )
    assert moved.visits[0][-1] == [("site", 480, 970)]


def test_an_older_row_that_looks_alive_goes_on_no_longer(board: Any) -> None:
    found = board(
        assignment_history=[
            state(1, "Dispatched", f"{DAY} 08:00", f"{DAY} 08:30"),
            state(1, "Working", f"{DAY} 08:30"),
        ]
    )
    assert found.visits == [(7, 101, 11, "Withdrawn", 0, 1, [("way", 480, 510)])]


@pytest.mark.parametrize(
    ("until", "flagged", "text"),
    [
        (None, True, "Working since then, and never said to be over"),
        ("2026-06-18 21:00", False, "Working since then, and said to be over too late"),
    ],
)
def test_what_cannot_have_gone_on_is_marked_where_it_began(
    board: Any, until: str | None, *, flagged: bool, text: str
) -> None:
    found = board(
        last="2026-06-19 06:00",
        current_assignments=assigned(1, status="Working"),
        under_way=[{"assignment_id": 1, "is_forgotten": flagged}],
        assignment_history=[state(1, "Working", f"{DAY} 08:00", until)],
    )
    assert found.visits == []
    assert [(mark.kind, mark.text) for mark in found.marks] == [("forgotten", text)]
    assert found.hours == (420, 540)
    assert "1 visit forgotten under way" in sentence(found)


def test_what_is_done_and_no_more_is_a_mark(board: Any) -> None:
    found = board(
        assignment_history=[
            state(1, "Done", f"{DAY} 09:00"),
            state(2, "Done", f"{DAY} 05:00"),
            state(3, "Done", f"{DAY} 05:00", technician_id=8),
        ]
    )
    assert [(mark.technician, mark.kind) for mark in found.marks] == [(7, "edited"), (7, "done")]
    assert found.technicians == [7], "an edit does not say that somebody was there"
    assert found.only_edited == 1
    assert found.counted == 1


def test_who_lost_a_visit_has_a_mark_and_the_way_until_then(board: Any) -> None:
    found = board(
        assignment_history=[
            state(1, "Dispatched", f"{DAY} 08:00", f"{DAY} 08:20"),
            state(1, "Dispatched", f"{DAY} 08:20", f"{DAY} 08:40", active=False),
            state(1, "Scheduled", f"{DAY} 08:40"),
        ],
        withdrawals=[
            {
                "technician_id": 7,
                "appointment_id": appointment,
                "withdrawn_on": chicago(f"{DAY} {at}"),
                "was_dispatched": was,
            }
            for appointment, at, was in ((101, "08:20", True), (102, "09:00", False))
        ],
        unassigned=[
            {
                "appointment_id": 101,
                "last_technician_name": "e" * 64,
                "withdrawn_on": chicago(f"{DAY} 08:20"),
            }
        ],
    )
    assert found.visits == [(7, 101, 11, "Withdrawn", 0, 1, [("way", 480, 500)])]
    assert [(mark.kind, mark.text) for mark in found.marks] == [
        ("off", "Withdrawn after dispatch; nobody has it"),
        ("over", "Withdrawn before any dispatch was seen; somebody has it"),
    ], "somebody has the second one"
    assert "and 2 withdrawn" in first_load(found)
    assert found.shown()["nobody"] == [
        (500, 101, None, "Nobody assigned since 08:20; it was eeeeeeee…'s")
    ]
    assert "1 appointment with nobody" in sentence(found)


def test_visits_that_overlap_have_lanes_and_others_the_whole_row(board: Any) -> None:
    hours = [("07", "09"), ("08", "10"), ("09", "11"), ("12", "13")]
    found = board(
        assignment_history=[
            state(number, "Working", f"{DAY} {begins}:00", f"{DAY} {ends}:00")
            for number, (begins, ends) in enumerate(hours)
        ]
    )
    lanes = [(visit[-1][0][1] // 60, *visit[4:6]) for visit in found.visits]
    assert lanes == [(7, 0, 2), (8, 1, 2), (9, 0, 2), (12, 0, 1)]
    assert sentence(found).endswith(" done. A bar of half height: two visits at once.")


def test_a_day_without_two_visits_at_once_says_nothing_of_bars(board: Any) -> None:
    found = board(assignment_history=[state(1, "Working", f"{DAY} 07:00", f"{DAY} 09:00")])
    assert sentence(found).endswith("1 visit was seen under way or done.")


def test_a_night_is_on_both_days(board: Any) -> None:
    history = [state(1, "Working", f"{DAY} 22:00", "2026-06-19 02:00")]
    evening = board(assignment_history=history, last="2026-06-19 08:00")
    assert evening.visits[0][-1] == [("site", 1320, 1440)]
    assert evening.is_last is False
    morning = board("2026-06-19", assignment_history=history, last="2026-06-19 08:00")
    assert morning.visits[0][-1] == [("site", 0, 120)]
    assert morning.is_last is True


def test_shifts_come_first_by_their_beginning_and_nights_on_call_do_not_make_the_day_longer(
    board: Any,
) -> None:
    shifts = [
        shift(8, f"{DAY} 09:00", f"{DAY} 17:00"),
        shift(7, f"{DAY} 08:00", f"{DAY} 16:00"),
        shift(9, f"{DAY} 00:00", f"{DAY} 06:00", "OnCall"),
        shift(10, f"{DAY} 08:00", f"{DAY} 16:00", "TimeOff"),
        shift(11, f"{DAY} 08:00", f"{DAY} 16:00", active=False),
        shift(12, "2026-06-17 08:00", "2026-06-17 16:00"),
    ]
    found = board(
        stg_technician_shifts=shifts,
        time_away=[
            {
                "technician_id": 6,
                "occasion": "Time off",
                "starts_at": chicago(f"{DAY} 00:00"),
                "ends_at": chicago("2026-06-19 00:00"),
            }
        ],
    )
    assert found.technicians == [7, 8, 6, 9]
    assert found.hours == (420, 1080)
    assert found.away == [(6, "Time off", 0, 1440)]
    assert sentence(found).startswith(
        "Thursday 18 June 2026: no load for up to 6 h, 2 technicians have a shift, 0 vis"
    )
    nights = board(stg_technician_shifts=shifts[2:3], last="2026-06-19 08:00")
    assert nights.hours == (0, 420)


def late_row(technician: int, **times: str) -> dict[str, Any]:
    more = {name: chicago(f"{DAY} {at}") for name, at in times.items()}
    return technician_day(technician, DAY, visits=0) | more


def test_a_late_first_dispatch_or_none_is_told_and_time_away_is_subtracted(board: Any) -> None:
    away = {
        "technician_id": 5,
        "occasion": "Training",
        "starts_at": chicago(f"{DAY} 07:00"),
        "ends_at": chicago(f"{DAY} 10:00"),
    }
    later = away | {"starts_at": chicago(f"{DAY} 14:00"), "ends_at": chicago(f"{DAY} 15:00")}
    rows = [
        late_row(7, shift_starts_at="07:00", first_dispatched_on="08:00"),
        late_row(8, shift_starts_at="07:00", first_dispatched_on="07:20"),
        late_row(9, shift_starts_at="15:00"),
        late_row(10, shift_starts_at="07:00", first_arrived_on="08:00"),
        late_row(5, shift_starts_at="07:00", first_dispatched_on="10:10"),
        late_row(11),
        late_row(12, shift_starts_at="07:00") | {"visits": 1},
        late_row(13, shift_starts_at="15:45"),
        late_row(14, shift_starts_at="07:00", first_dispatched_on="11:00"),
    ]
    within = away | {"technician_id": 14, "starts_at": chicago(f"{DAY} 07:20")}
    times = [away, later, within, within | {"ends_at": chicago(f"{DAY} 09:00")}]
    found = board(technician_day=rows, time_away=times)
    assert found.late == [
        {"technician": 14, "shift": 420, "left": 660, "minutes": 240, "away": 160, "over": False},
        {"technician": 7, "shift": 420, "left": 480, "minutes": 60, "away": 0, "over": False},
        {"technician": 9, "shift": 900, "left": None, "minutes": 60, "away": 0, "over": False},
    ]
    told = "2 first dispatches 30 minutes or more after shift start"
    assert f"{told}, 1 technician on shift not dispatched" in sentence(found)
    over = board(technician_day=rows, time_away=times, last="2026-06-19 08:00")
    assert [each["technician"] for each in over.late] == [14, 7], "who had no dispatch had no job"


def test_after_the_shift_nobody_is_told_to_wait_for_a_dispatch(board: Any) -> None:
    row = late_row(7, shift_starts_at="07:00")
    (late,) = board(
        technician_day=[row], stg_technician_shifts=[shift(7, f"{DAY} 07:00", f"{DAY} 12:00")]
    ).late
    assert (late["left"], late["minutes"], late["over"]) == (None, 300, True)


def test_who_arrived_in_hours_without_a_load_had_no_dispatch_before_them(board: Any) -> None:
    def late(arrived: str) -> list[int]:
        row = late_row(7, shift_starts_at="07:00", first_arrived_on=arrived)
        times = ("06:00", "07:00", "08:00", "10:00", "16:15")
        found = board(technician_day=[row], loads=loads(*(f"{DAY} {time}" for time in times)))
        return [each["minutes"] for each in found.late]

    assert late("09:30") == [60], "until eight"
    assert late("10:00") == [60]
    assert late("07:50") == [], "the way there may have been between two loads"


def test_minutes_are_the_difference_of_what_clocks_show(board: Any) -> None:
    begun = chicago(f"{DAY} 09:00").replace(":00+", ":10+")
    left = chicago(f"{DAY} 09:41").replace(":00+", ":50+")
    row = late_row(7) | {"shift_starts_at": begun, "first_dispatched_on": left}
    (late,) = board(technician_day=[row]).late
    assert (late["minutes"], int(late["left"]) - int(late["shift"])) == (41, 41)


@pytest.mark.parametrize("status", ["Working", "Dispatched"])
def test_who_has_a_visit_under_way_is_not_told_to_be_without_a_dispatch(
    board: Any, status: str
) -> None:
    row = late_row(7, shift_starts_at="07:00")
    scheduled = board(technician_day=[row], current_assignments=assigned(1, status="Scheduled"))
    assert [each["technician"] for each in scheduled.late] == [7]
    assert board(technician_day=[row], current_assignments=assigned(1, status=status)).late == []
    forgotten = board(
        technician_day=[row],
        current_assignments=assigned(1, status=status),
        under_way=[{"assignment_id": 1, "is_forgotten": True}],
    )
    assert [each["technician"] for each in forgotten.late] == [7]


def away(technician: int, begins: str, ends: str, occasion: str = "Training") -> dict[str, Any]:
    times = {"starts_at": chicago(f"{DAY} {begins}"), "ends_at": chicago(f"{DAY} {ends}")}
    return {"technician_id": technician, "occasion": occasion} | times


def test_work_within_an_absence_is_told_but_not_a_meeting_that_began_late(board: Any) -> None:
    found = board(
        assignment_history=[
            state(1, "Dispatched", f"{DAY} 09:00", f"{DAY} 09:30"),
            state(1, "Working", f"{DAY} 09:30", f"{DAY} 10:00"),
            state(1, "Working", f"{DAY} 10:00", f"{DAY} 12:00", is_paused=True),
            state(2, "Working", f"{DAY} 13:00", f"{DAY} 14:10"),
            state(3, "Working", f"{DAY} 13:00", f"{DAY} 15:00", technician_id=8),
        ],
        time_away=[
            away(7, "09:10", "09:50"),
            away(7, "10:00", "12:00", "A pause is no work"),
            away(7, "14:00", "15:00", "Ten minutes"),
        ],
    )
    assert found.absent == [(7, 101, "Training", 550, 590)]
    assert found.shown()["absent"] == [(1, 101, "Training", 550, 590)], "Kyle comes first"
    assert "1 visit during time away" in sentence(found)


def test_hours_without_a_load_are_told_also_before_the_first_one(tmp_path: Path) -> None:
    """Loads of once an hour may be late, which is no hole."""
    file = write(
        tmp_path / "dispatch.duckdb",
        tenants=[tenant()],
        loads=loads(
            *(f"{DAY} {at}" for at in ("06:00", "07:05", "08:00", "09:30", "22:00")),
            "2026-06-19 02:00",
        ),
        tenant_day=[day(DAY), day("2026-06-19")],
    )
    days = [LocalDay(date.fromisoformat(each), ZONE) for each in (DAY, "2026-06-19")]
    with Marts(str(file)) as marts:
        (known,) = tenants(marts)
        found = facts(marts, known, {}, days[0].begins)
    first, second = (DayBoard(found, each).shown()["holes"] for each in days)
    assert first == [(0, 360), (480, 570), (570, 1320), (1320, 1440)]
    assert second == [(0, 120)]


def test_what_waits_is_counted_on_the_last_day_only(board: Any) -> None:
    waiting = {
        "current_assignments": assigned(1, 2, status="Scheduled") + assigned(3),
        "stg_technician_shifts": [
            shift(7, f"{DAY} 08:00", f"{DAY} 16:00"),
            shift(8, f"{DAY} 08:00", f"{DAY} 16:00"),
        ],
    }
    assert board(**waiting).shown()["scheduled"] == [0, 2], "Kyle comes before Rosa"
    assert board(last="2026-06-19 08:00", **waiting).shown()["scheduled"] == []


def test_a_first_load_is_told_in_words(board: Any) -> None:
    found = board(
        current_assignments=assigned(1, 2, status="Scheduled") + assigned(3),
        assignment_history=[state(3, "Done", f"{DAY} 05:00")],
        stg_technician_shifts=[shift(7, f"{DAY} 08:00", f"{DAY} 16:00")],
    )
    assert first_load(found) == (
        "What it tells: 2 assignments wait, 0 on the way, 0 at work, 0 forgotten under way; on "
        "this day 1 done, or edited after that, and 0 withdrawn; 1 technician has a shift, 0 "
        "absences are known."
    )


def test_names_that_several_share_or_that_are_hashes_are_told_apart(tmp_path: Path) -> None:
    names = ["Ann", "Ann", "a" * 64, "a" * 8 + "b" * 56, None]
    file = write(
        tmp_path / "dispatch.duckdb",
        technicians=[
            {"technician_id": number, "technician_name": name} for number, name in enumerate(names)
        ],
    )
    with Marts(str(file)) as marts:
        assert technicians(marts, 1) == {
            0: "Ann 0",
            1: "Ann 1",
            2: "aaaaaaaa… 2",
            3: "aaaaaaaa… 3",
            4: "4",
        }


def test_nothing_of_another_tenant_is_on_the_board(board: Any) -> None:
    """Of whom all numbers are the same."""
    mine: dict[str, Any] = {
        "current_assignments": assigned(1, status="Working"),
        "assignment_history": [state(1, "Working", f"{DAY} 08:00")],
        "stg_technician_shifts": [shift(7, f"{DAY} 07:00", f"{DAY} 15:00")],
        "time_away": [away(7, "12:00", "13:00")],
        "technician_day": [technician_day(7, DAY)],
    }
    withdrawn = {"appointment_id": 102, "withdrawn_on": chicago(f"{DAY} 09:00")}
    others: dict[str, Any] = {
        "loads": loads(f"{DAY} 02:00", f"{DAY} 05:00", f"{DAY} 17:00"),
        "tenant_day": [day(DAY)],
        "technicians": [{"technician_id": 7, "technician_name": "Somebody else"}],
        "current_assignments": assigned(1, 2, status="Scheduled"),
        "under_way": [{"assignment_id": 1, "is_forgotten": True}],
        "assignment_history": [
            state(1, "Done", f"{DAY} 10:00"),
            state(2, "Working", f"{DAY} 07:00", f"{DAY} 09:00"),
        ],
        "withdrawals": [withdrawn | {"technician_id": 7, "was_dispatched": True}],
        "unassigned": [withdrawn | {"last_technician_name": "Somebody else"}],
        "stg_technician_shifts": [shift(7, f"{DAY} 06:00", f"{DAY} 16:00")],
        "time_away": [away(7, "08:30", "11:00")],
        "technician_day": [late_row(7, shift_starts_at="07:00", first_dispatched_on="11:00")],
    }
    alone = board(**mine)
    usual = {
        "loads": loads(*hourly(f"{DAY} 06:00", f"{DAY} 16:15")),
        "tenant_day": [day(DAY)],
        "technicians": [{"technician_id": 7, "technician_name": "Rosa"}],
    }
    both = usual | mine
    for mart, rows in others.items():
        both[mart] = [*both.get(mart, []), *(row | {"tenant_id": 2} for row in rows)]
    shared = board(**both)
    assert shared.shown() == alone.shown()
    assert (shared.marks, shared.late, sentence(shared)) == ([], [], sentence(alone))
    assert shared.facts.name(7) == "Rosa"


@pytest.mark.parametrize("seen", ["under way", "done", "both"])
def test_an_appointment_that_several_finished_is_shared(board: Any, seen: str) -> None:
    def found(*technicians: int, status: str = "Done", of: tuple[Any, Any] = (101, 101)) -> bool:
        history = []
        pairs = zip(technicians, of, strict=False)
        for number, (technician, appointment) in enumerate(pairs, start=1):
            more: dict[str, Any] = {"technician_id": technician, "appointment_id": appointment}
            if seen == "under way" or (seen == "both" and number == 1):
                history.append(state(number, "Working", f"{DAY} 08:00", f"{DAY} 09:00", **more))
            history.append(state(number, status, f"{DAY} 09:00", **more))
        current = assigned(*range(1, len(technicians) + 1), status=status)
        made: DayBoard = board(current_assignments=current, assignment_history=history)
        return made.facts.some_are_shared

    assert found(7, 8)
    assert not found(7)
    assert not found(7, 7), "one of them, who was there twice"
    assert not found(7, 8, status="Scheduled")
    assert not found(7, 8, of=(101, 102))
    assert not found(7, 8, of=(None, None)), "nobody knows of which appointment they are"


def test_states_come_in_any_order_and_visits_by_technician(board: Any) -> None:
    history = [
        state(1, "Done", f"{DAY} 12:00", technician_id=8),
        state(1, "Working", f"{DAY} 11:00", f"{DAY} 12:00", technician_id=8),
        state(1, "Dispatched", f"{DAY} 10:00", f"{DAY} 11:00", technician_id=8),
        state(3, "Working", f"{DAY} 09:00", f"{DAY} 10:00", technician_id=8),
        state(2, "Working", f"{DAY} 13:00", f"{DAY} 14:00"),
        state(4, "Working", "2026-06-17 22:00", f"{DAY} 01:00"),
    ]
    found = board(assignment_history=history)
    assert [visit[:2] for visit in found.visits] == [(7, 104), (7, 102), (8, 103), (8, 101)]
    assert found.visits[3][-1] == [("way", 600, 660), ("site", 660, 720)]
    assert found.marks == []
    between = found.facts.under_way(found.day.begins + 9.5 * 3600, found.day.begins + 10.5 * 3600)
    assert [(each.assignment, each.state) for each in between] == [(1, "way"), (3, "site")]


def test_what_is_forgotten_now_was_still_seen_before(board: Any) -> None:
    found = board(
        current_assignments=assigned(1, status="Working"),
        under_way=[{"assignment_id": 1, "is_forgotten": True}],
        assignment_history=[
            state(1, "Dispatched", f"{DAY} 08:00", f"{DAY} 08:30"),
            state(1, "Working", f"{DAY} 08:30"),
        ],
    )
    assert found.visits[0][-1] == [("way", 480, 510)]
    assert [(mark.kind, found.day.minute(mark.at)) for mark in found.marks] == [("forgotten", 510)]


def test_a_day_on_which_the_first_load_came_late_begins_without_one(board: Any) -> None:
    assert board(first=f"{DAY} 01:29").holes == []
    assert board(first=f"{DAY} 01:30").holes == [(0, 90)]


def test_who_had_what_nobody_has_now_may_be_unknown(board: Any) -> None:
    row = {"appointment_id": 102, "withdrawn_on": chicago(f"{DAY} 09:00")}
    found = board(unassigned=[row])
    assert found.shown()["nobody"] == [(540, 102, None, "Nobody assigned since 09:00")]

from __future__ import annotations

from datetime import date

import pytest

from tap_servicetitan_dispatch.page.days import LocalDay, clock, moment, short

CHICAGO = "America/Chicago"


@pytest.mark.parametrize(
    ("day", "zone", "minutes", "first"),
    [
        (date(2026, 6, 18), CHICAGO, 1440, ["00:00", "01:00", "02:00", "03:00"]),
        (date(2026, 11, 1), CHICAGO, 1500, ["00:00", "01:00", "01:00", "02:00"]),
        (date(2026, 3, 8), CHICAGO, 1380, ["00:00", "01:00", "03:00", "04:00"]),
        (date(2026, 6, 18), "Asia/Kolkata", 1440, ["00:00", "01:00", "02:00", "03:00"]),
        (date(2026, 4, 5), "Australia/Lord_Howe", 1470, ["00:00", "01:00", "02:00", "03:00"]),
    ],
)
def test_a_day_has_the_hours_that_clocks_show(
    day: date, zone: str, minutes: int, first: list[str]
) -> None:
    found = LocalDay(day, zone)
    assert found.minutes == minutes
    assert [shown for _, shown in found.full_hours[:4]] == first
    assert found.full_hours[-1] == (minutes, "00:00")


@pytest.mark.parametrize(
    ("day", "zone", "told"),
    [
        (date(2026, 6, 18), CHICAGO, ""),
        (date(2026, 11, 1), CHICAGO, "Clocks went back: 01:00 comes twice."),
        (date(2026, 3, 8), CHICAGO, "Clocks went forward: 02:00 is left out."),
        (date(2026, 4, 5), "Australia/Lord_Howe", "Clocks went back: 01:30 comes twice."),
    ],
)
def test_a_change_of_clocks_is_told(day: date, zone: str, told: str) -> None:
    assert LocalDay(day, zone).clocks_changed == told


def test_what_lies_within_a_day_is_told_in_its_minutes() -> None:
    day = LocalDay(date(2026, 11, 1), CHICAGO)
    hour = 3600
    assert day.span(day.begins - hour, day.begins + hour) == (0, 60)
    assert day.span(day.ends - hour, day.ends + hour) == (1440, 1500)
    assert day.span(day.begins - hour, day.begins) is None
    assert day.span(day.ends, day.ends + hour) is None


def test_times_are_told_as_people_read_them() -> None:
    begins = LocalDay(date(2026, 6, 18), CHICAGO).begins
    assert LocalDay(date(2026, 6, 8), CHICAGO).title == "Monday 8 June 2026"
    assert clock(begins + 8 * 3600 + 900, CHICAGO) == "08:15"
    assert moment(begins, CHICAGO) == "Thu 18 June 2026, 00:00"
    assert short("2026-06-08") == "Mon 8 Jun"

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest

from tap_servicetitan_dispatch.sandbox.world.company import Company
from tap_servicetitan_dispatch.sandbox.world.instants import parse, text
from tap_servicetitan_dispatch.sandbox.world.recurrence import starts

if TYPE_CHECKING:
    from tap_servicetitan_dispatch.sandbox.world.recurrence import Frequency

CALENDAR = Company(1, 1).calendar


@pytest.mark.parametrize(
    ("first", "frequency", "interval", "weekdays", "expected"),
    [
        ("2026-06-18T14:00Z", "Daily", 1, (), ["2026-06-18", "2026-06-19", "2026-06-20"]),
        ("2026-06-18T14:00Z", "Daily", 3, (), ["2026-06-18", "2026-06-21", "2026-06-24"]),
        ("2026-06-18T14:00Z", "Weekly", 1, (), ["2026-06-18", "2026-06-25", "2026-07-02"]),
        ("2026-06-18T14:00Z", "Weekly", 1, {0, 3}, ["2026-06-18", "2026-06-22", "2026-06-25"]),
        ("2026-06-18T14:00Z", "Weekly", 2, {0, 3}, ["2026-06-18", "2026-06-29", "2026-07-02"]),
        ("2026-01-31T14:00Z", "Monthly", 1, (), ["2026-01-31", "2026-03-31", "2026-05-31"]),
        ("2026-01-15T14:00Z", "Monthly", 2, (), ["2026-01-15", "2026-03-15", "2026-05-15"]),
        ("2026-01-31T14:00Z", "Yearly", 1, (), ["2026-01-31", "2027-01-31", "2028-01-31"]),
    ],
)
def test_it_takes_place_on_these_days(
    first: str, frequency: Frequency, interval: int, weekdays: set[int], expected: list[str]
) -> None:
    found = starts(CALENDAR, parse(first), frequency, interval=interval, weekdays=weekdays)
    assert [text(start)[:10] for start in islice(found, 3)] == expected


def test_it_keeps_its_time_on_the_local_clock() -> None:
    found = starts(CALENDAR, parse("2026-03-07T14:00:00.0000007Z"), "Daily")
    assert [text(start) for start in islice(found, 3)] == [
        "2026-03-07T14:00:00.0000007Z",
        "2026-03-08T13:00:00.0000007Z",
        "2026-03-09T13:00:00.0000007Z",
    ]


def test_what_has_no_end_is_laid_out_for_two_years() -> None:
    found = [text(start)[:10] for start in starts(CALENDAR, parse("2026-06-18T14:00Z"), "Yearly")]
    assert found == ["2026-06-18", "2027-06-18", "2028-06-18"]


def test_it_ends_on_the_last_day_included() -> None:
    first = parse("2026-06-18T14:00Z")
    last = parse("2026-06-20T14:00Z")
    assert len(list(starts(CALENDAR, first, "Daily", last=last))) == 3
    assert len(list(starts(CALENDAR, first, "Daily", last=last - 1))) == 2

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis.strategies import integers

from tap_servicetitan_dispatch.sandbox.world.company import Company
from tap_servicetitan_dispatch.sandbox.world.instants import DAY, parse, parse_span, span_text, text


@given(integers(0, 40_000 * DAY))
def test_what_is_written_can_be_read(instant: int) -> None:
    assert parse(text(instant)) == instant


@given(integers(0, 9_999 * DAY))
def test_a_written_span_can_be_read(ticks: int) -> None:
    assert parse_span(span_text(ticks)) == ticks


@given(integers(0, 40_000 * DAY))
def test_local_times_lead_back_except_in_the_hour_that_comes_twice(instant: int) -> None:
    calendar = Company(1, 1).calendar
    there_and_back = calendar.utc(calendar.local(instant))
    assert (instant - there_and_back) in {0, DAY // 24}


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("2026-06-18", "2026-06-18T00:00:00Z"),
        ("2026-06-18T15:00", "2026-06-18T15:00:00Z"),
        ("2026-06-18T17:00:00+02:00", "2026-06-18T15:00:00Z"),
        ("2026-06-18T15:00:00.123456789Z", "2026-06-18T15:00:00.1234567Z"),
        ("2026-06-18T15:00:00.10z", "2026-06-18T15:00:00.1Z"),
    ],
)
def test_instants_are_read_in_several_shapes(written: str, same: str) -> None:
    assert text(parse(written)) == same


@pytest.mark.parametrize("written", ["", "2026-6-18", "2026-06-18T25:00Z", "18.06.2026", "now"])
def test_what_is_no_instant_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"date|hour"):
        parse(written)


@pytest.mark.parametrize("written", ["", "9", "09:60", "24:00", "1:2:3", "-01:00"])
def test_what_is_no_span_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"span|minute|hour"):
        parse_span(written)

"""When recurring events take place."""

from collections.abc import Collection, Iterator
from datetime import date
from typing import Literal

from tap_servicetitan_dispatch.sandbox.world.instants import DAY, FOREVER, Calendar

Frequency = Literal["Daily", "Weekly", "Monthly", "Yearly"]

# Endless recurrence is laid out this far.
_HORIZON_DAYS = 732


def starts(
    calendar: Calendar,
    first: int,
    frequency: Frequency,
    *,
    interval: int = 1,
    weekdays: Collection[int] = (),
    last: int = FOREVER,
) -> Iterator[int]:
    """Yield the instants at which an event begins, at the same local time, up to `last`.

    Args:
        calendar: The calendar of the days.
        first: When it begins for the first time.
        frequency: How often it takes place.
        interval: 2 is every other day, week, month or year.
        weekdays: Days of a weekly event, 0 for Monday; that of `first` if there are none.
        last: No occurrence begins later than this instant.
    """
    local = calendar.local(first)
    day, time_of_day = divmod(local, DAY)
    begin = calendar.date(day)
    chosen = weekdays or {begin.weekday()}
    for number in range(day, day + _HORIZON_DAYS):
        start = calendar.utc(number * DAY + time_of_day)
        if start > last:
            return
        today = calendar.date(number)
        if _periods(frequency, begin, today, chosen) % interval == 0:
            yield start


def _periods(frequency: Frequency, begin: date, today: date, weekdays: Collection[int]) -> float:
    """Return how many periods after the first a day is; not a whole number between them."""
    never = 0.5
    if frequency == "Daily":
        return (today - begin).days
    if frequency == "Weekly":
        weeks = (today.toordinal() - 1) // 7 - (begin.toordinal() - 1) // 7
        return weeks if today.weekday() in weekdays else never
    months = 12 * (today.year - begin.year) + today.month - begin.month
    if frequency == "Monthly":
        return months if today.day == begin.day else never
    return months / 12 if today.day == begin.day else never

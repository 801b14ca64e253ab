"""The days on which the contractor is closed, except for emergencies."""

from datetime import date

_FIXED = {(1, 1): "New Year's Day", (7, 4): "Independence Day", (12, 25): "Christmas Day"}
_MONDAY, _THURSDAY = 0, 3
_MAY, _SEPTEMBER, _NOVEMBER = 5, 9, 11


def holiday(day: date) -> str | None:
    """Return the name of the holiday on a day, if there is one."""
    nth, weekday = (day.day + 6) // 7, day.weekday()
    if (day.month, weekday) == (_MAY, _MONDAY) and day.day > 31 - 7:
        return "Memorial Day"
    if (day.month, weekday, nth) == (_SEPTEMBER, _MONDAY, 1):
        return "Labor Day"
    if (day.month, weekday, nth) == (_NOVEMBER, _THURSDAY, 4):
        return "Thanksgiving"
    return _FIXED.get((day.month, day.day))

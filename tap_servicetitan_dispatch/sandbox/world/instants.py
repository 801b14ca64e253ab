"""Instants as the API counts and writes them.

The server behind the API is a .NET program: its instants are ticks of 100 nanoseconds. Here an
instant is an `int` of ticks since 1970-01-01T00:00:00Z, so that instants compare and add exactly.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND = 10_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

FOREVER = 2**63 - 1

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SATURDAY, SUNDAY = 5, 6

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DATE = date(1970, 1, 1)
_WRITTEN = re.compile(
    r"(\d{4}-\d{2}-\d{2})"
    r"(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|z|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)


def from_datetime(moment: datetime) -> int:
    """Return the instant of an aware datetime."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 10


def to_datetime(instant: int) -> datetime:
    """Return the aware UTC datetime of an instant, to the microsecond."""
    return _EPOCH + timedelta(microseconds=instant // 10)


@lru_cache(maxsize=1_024)
def _date_text(day: int) -> str:
    return (_EPOCH_DATE + timedelta(days=day)).isoformat()


@lru_cache(maxsize=86_400)
def _time_text(second: int) -> str:
    return f"T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


def text(instant: int) -> str:
    """Return an instant as the API writes it: UTC, 0-7 fraction digits, trailing zeros trimmed."""
    seconds, fraction = divmod(instant, SECOND)
    day, second = divmod(seconds, 86_400)
    if fraction:
        return f"{_date_text(day)}{_time_text(second)}.{fraction:07d}".rstrip("0") + "Z"
    return f"{_date_text(day)}{_time_text(second)}Z"


def parse(written: str) -> int:
    """Return the instant of a date or date-time; without an offset, it is taken as UTC.

    Raises:
        ValueError: It is neither, or its day does not exist.
    """
    match = _WRITTEN.fullmatch(written.strip())
    if match is None:
        raise ValueError(f"not a date or date-time: {written!r}")
    day, clock, second, fraction, offset = match.groups()
    if offset in {None, "Z", "z"}:
        offset = "+00:00"
    moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}:{second or '00'}{offset}")
    return from_datetime(moment) + int((fraction or "0").ljust(7, "0")[:7])


_SPAN = re.compile(r"(?:(\d{1,4})\.)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?", re.ASCII)


def span_text(ticks: int) -> str:
    """Return a length of time as .NET writes it: `[d.]hh:mm:ss[.fffffff]`."""
    seconds, fraction = divmod(ticks, SECOND)
    days, second = divmod(seconds, 86_400)
    text = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    return (f"{days}." if days else "") + text + (f".{fraction:07d}" if fraction else "")


def parse_span(written: str) -> int:
    """Return the ticks of a .NET time span; the seconds may be left out.

    Raises:
        ValueError: It is not a time span.
    """
    match = _SPAN.fullmatch(written)
    if match is None:
        raise ValueError(f"not a time span: {written!r}")
    days, hours, minutes, seconds, fraction = match.groups("0")
    clock = time(int(hours), int(minutes), int(seconds))
    whole = int(days) * DAY + clock.hour * HOUR + clock.minute * MINUTE + clock.second * SECOND
    return whole + int(fraction.ljust(7, "0"))


class Calendar:
    """The contractor's calendar: days of its time zone, numbered since 1970-01-01."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self.noon = lru_cache(maxsize=4_096)(self._noon)

    def day_of(self, instant: int) -> int:
        """Return the number of the local day that an instant falls on."""
        return (to_datetime(instant).astimezone(self.zone).date() - _EPOCH_DATE).days

    def date(self, day: int) -> date:
        """Return the date of a day number."""
        return _EPOCH_DATE + timedelta(days=day)

    def weekday(self, day: int) -> int:
        """Return 0 for a Monday to 6 for a Sunday."""
        return (day + 3) % 7

    def midnight(self, day: int) -> int:
        """Return the instant at which a local day begins."""
        return from_datetime(datetime.combine(self.date(day), time(0), self.zone))

    def _noon(self, day: int) -> int:
        return from_datetime(datetime.combine(self.date(day), time(12), self.zone))

    def local(self, instant: int) -> int:
        """Return the instant at which a UTC clock shows what the local clock shows at this one."""
        offset = to_datetime(instant).astimezone(self.zone).utcoffset() or timedelta(0)
        return instant + round(offset.total_seconds()) * SECOND

    def utc(self, local: int) -> int:
        """Return the instant at which the local clock shows what a UTC clock shows at this one."""
        wall = to_datetime(local).replace(tzinfo=self.zone)
        return from_datetime(wall) + local % 10

    def at(self, day: int, hour: float) -> int:
        """Return the instant of an hour on the wall clock (7.5 is half past seven).

        Exact from three in the morning on; before that, an hour off on the two days a year on
        which the clocks change.
        """
        return self.noon(day) + round((hour - 12) * 3_600) * SECOND

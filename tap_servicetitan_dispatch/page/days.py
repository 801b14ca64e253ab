"""Days by a tenant's clocks, including those of 23 and of 25 hours."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

_WHOLE = 24 * 60
_TOLD_IN_HOURS_FROM = 120
_QUARTERS = {f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in range(0, 60, 15)}


@dataclass(frozen=True)
class LocalDay:
    """A day in a time zone.

    Attributes:
        day: The date.
        zone: IANA name of the time zone.
    """

    day: date
    zone: str

    @cached_property
    def begins(self) -> float:
        """When it begins, in seconds since 1970."""
        return _midnight(self.day, self.zone)

    @cached_property
    def ends(self) -> float:
        """When the next day begins."""
        return _midnight(self.day + timedelta(days=1), self.zone)

    @property
    def minutes(self) -> int:
        """Its length: 1440, except on days on which clocks change."""
        return round((self.ends - self.begins) / 60)

    def minute(self, instant: float) -> float:
        """Return the number of minutes after its beginning; negative if before."""
        return round((instant - self.begins) / 60, 1)

    def span(self, begins: float, ends: float) -> tuple[float, float] | None:
        """Return the minutes of the part that lies within the day; none if no part does."""
        if begins >= self.ends or ends <= self.begins:
            return None
        return self.minute(max(begins, self.begins)), self.minute(min(ends, self.ends))

    @property
    def full_hours(self) -> list[tuple[int, str]]:
        """The minutes at which clocks show a full hour, and the hour."""
        return [(minute, shown) for minute, shown in self._quarters if shown.endswith(":00")]

    @property
    def clocks_changed(self) -> str:
        """The hour that comes twice or never, in words; nothing if clocks did not change."""
        shown = [each for _, each in self._quarters[:-1]]
        if self.minutes > _WHOLE:
            twice = min(each for each in shown if shown.count(each) > 1)
            return f"Clocks went back: {twice} comes twice."
        if self.minutes < _WHOLE:
            return f"Clocks went forward: {min(_QUARTERS - {*shown})} is left out."
        return ""

    @cached_property
    def _quarters(self) -> list[tuple[int, str]]:
        quarters = range(0, self.minutes + 1, 15)
        return [(minute, clock(self.begins + minute * 60, self.zone)) for minute in quarters]

    @property
    def title(self) -> str:
        """Its name, such as Thursday 18 June 2026."""
        return f"{self.day:%A} {self.day.day} {self.day:%B %Y}"


def _midnight(day: date, zone: str) -> float:
    return datetime.combine(day, time(), ZoneInfo(zone)).timestamp()


def local(instant: float, zone: str) -> datetime:
    """Return an instant as a time of a zone."""
    return datetime.fromtimestamp(instant, UTC).astimezone(ZoneInfo(zone))


def clock(instant: float, zone: str) -> str:
    """Return the time on the clock, such as 08:15."""
    return f"{local(instant, zone):%H:%M}"


def moment(instant: float, zone: str) -> str:
    """Return date and time, such as Thu 18 June 2026, 08:15."""
    found = local(instant, zone)
    return f"{found:%a} {found.day} {found:%B %Y, %H:%M}"


def apart(minutes: float) -> str:
    """Return how far two loads are apart, in hours if that is long."""
    in_hours = minutes >= _TOLD_IN_HOURS_FROM
    return f"{minutes / 60:.0f} hours" if in_hours else f"{minutes:.0f} minutes"


def short(day: str) -> str:
    """Return a date for an axis, such as Thu 18 Jun."""
    found = date.fromisoformat(day)
    return f"{found:%a} {found.day} {found:%b}"

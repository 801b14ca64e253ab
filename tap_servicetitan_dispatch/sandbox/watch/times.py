"""How the page writes times: in the tenant's time zone."""

from datetime import datetime

from tap_servicetitan_dispatch.sandbox.world.instants import Calendar, to_datetime


class Times:
    """The tenant's clock on its present day.

    Args:
        calendar: The tenant's calendar.
        now: The present.
    """

    def __init__(self, calendar: Calendar, now: int) -> None:
        self._calendar = calendar
        self._now = now
        self._today = calendar.day_of(now)
        self.midnight = calendar.midnight(self._today)
        self.next_midnight = calendar.midnight(self._today + 1)

    @property
    def zone(self) -> str:
        """Name of the time zone."""
        return str(self._calendar.zone)

    @property
    def now(self) -> str:
        """The present, with its day."""
        local = self._local(self._now)
        return f"{local:%A}, {local.day} {local:%B %Y, %H:%M:%S}"

    def at(self, hour: float) -> int:
        """Return the instant of an hour of today."""
        return self._calendar.at(self._today, hour)

    def short(self, instant: int) -> str:
        """Return a time to the minute, with its day if that is not today."""
        return f"{self._local(instant):%H:%M}{self._day(instant)}"

    def exact(self, instant: int) -> str:
        """Return a time to the second, with its day if that is not today."""
        return f"{self._local(instant):%H:%M:%S}{self._day(instant)}"

    def _day(self, instant: int) -> str:
        if self.midnight <= instant < self.next_midnight:
            return ""
        local = self._local(instant)
        return f" on {local.day} {local:%B}"

    def _local(self, instant: int) -> datetime:
        return to_datetime(instant).astimezone(self._calendar.zone)

"""The fleet: a row for each tenant, those first that need attention."""

import textwrap
from dataclasses import dataclass
from datetime import date, timedelta

from tap_servicetitan_dispatch.page.board import HOLE
from tap_servicetitan_dispatch.page.days import local, short
from tap_servicetitan_dispatch.page.marts import Marts, Row
from tap_servicetitan_dispatch.page.tenants import Tenant

TREND_DAYS = 14
_LONGEST_REASON = 80
_BAD = {"failed", "doubtful"}


@dataclass(frozen=True)
class FleetRow:
    """A tenant, as the fleet shows it.

    Attributes:
        title: Its display name.
        file: Its page.
        number: Its number; none if it is not known.
        stale: Since when nothing was loaded, in words; none if it is not stale, or was never
            loaded.
        loaded: When it was loaded last, in words; none if it never was.
        needs: What else needs attention, in words.
        visits: Visits of today and of the day before, none for a day without data.
        withdrawn: Appointments that were withdrawn from somebody today.
        minutes: Median from dispatch to done, of the day before.
        sold: Sold hours and all hours of today's slots.
        seen: Percentage of done work that was seen from its dispatch on.
        trend: Visits of each of the last days, none for a day without data.
    """

    title: str
    file: str
    number: int | None
    stale: str | None
    loaded: str | None
    needs: list[str]
    visits: tuple[int | None, int | None]
    withdrawn: int | None
    minutes: float | None
    sold: tuple[float, float] | None
    seen: float | None
    trend: list[int | None]

    @property
    def bars(self) -> list[tuple[int, float, float]]:
        """The trend as bars of a picture 112 wide and 24 high: left side, top and height."""
        most = max((each for each in self.trend if each), default=1)
        heights = [(place, 24 * (each or 0) / most) for place, each in enumerate(self.trend)]
        return [(8 * place, round(24 - height, 1), round(height, 1)) for place, height in heights]

    @property
    def trend_told(self) -> str:
        """The trend in words."""
        known = ["none" if each is None else str(each) for each in self.trend]
        return f"Visits of the last {len(known)} days: {', '.join(known)}"


@dataclass(frozen=True)
class Fleet:
    """All tenants.

    Attributes:
        today: The latest day of any tenant; none if nothing was loaded.
        newest: When any tenant was loaded last, in seconds since 1970; none if none was.
        rows: The tenants, those first that need attention.
    """

    today: str | None
    newest: float | None
    rows: list[FleetRow]

    @property
    def day(self) -> str:
        """The name of today."""
        return short(self.today) if self.today else "today"

    @property
    def day_before(self) -> str:
        """The name of the day before."""
        return short(_days_before(self.today, 1)) if self.today else "the day before"

    @property
    def told(self) -> str:
        """How many tenants need attention, in words; each counts once."""
        never = sum(row.loaded is None for row in self.rows)
        stale = sum(row.stale is not None for row in self.rows)
        others = sum(
            bool(row.needs) for row in self.rows if row.loaded is not None and row.stale is None
        )
        return (
            f"{len(self.rows)} tenants: {never} never loaded, {stale} stale, {others} "
            f"other{'' if others == 1 else 's'} with open problems."
        )


def fleet(marts: Marts, tenants: list[Tenant]) -> Fleet:
    """Return all tenants.

    Raises:
        MartsError: The marts cannot be read.
    """
    failing: dict[int, list[str]] = {}
    for row in marts.rows("freshness", "tenant_id", "outcome", "reason"):
        if row["outcome"] in _BAD:
            failing.setdefault(row["tenant_id"], []).append(row["reason"] or row["outcome"])
    today = max((row["day"] for each in tenants for row in each.days), default=None)
    nobody = _counted(marts, "unassigned", "withdrawn_on:time", tenants)
    forgotten = _counted(marts, "under_way", "begun_on:time", tenants, "is_forgotten")
    rows = []
    for tenant in tenants:
        needs = [
            _failed(failing.get(tenant.number or tenant.id, [])),
            _of_days(
                tenant,
                _many(nobody.get(tenant.id, 0), "appointment", "with nobody"),
                _many(forgotten.get(tenant.id, 0), "visit", "forgotten under way"),
                _unloaded(tenant),
            ),
        ]
        rows.append(_row(tenant, today, [each for each in needs if each]))
    rows.sort(key=lambda row: (not _stopped(row), -len(row.needs), row.title.casefold()))
    newest = max((each.last_load for each in tenants if each.last_load is not None), default=None)
    return Fleet(today, newest, rows)


def _stopped(row: FleetRow) -> bool:
    return row.loaded is None or row.stale is not None


def _failed(reasons: list[str]) -> str:
    """Return the number of failed streams, and the most frequent reason."""
    if not reasons:
        return ""
    reason = max(sorted(set(reasons)), key=reasons.count)
    return f"{_many(len(reasons), 'stream', 'failed')}: {textwrap.shorten(reason, _LONGEST_REASON)}"


def _many(number: int, what: str, how: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'} {how}" if number else ""


def _of_days(tenant: Tenant, *counts: str) -> str:
    """Return the counts of a tenant for the last two of these days."""
    days = " and ".join(short(row["day"]) for row in tenant.days[-2:])
    told = ", ".join(each for each in counts if each)
    return f"{days}: {told}" if told else ""


def _unloaded(tenant: Tenant) -> str:
    """Return for how long nothing was loaded at a stretch on the last two of these days."""
    gap = max((row["greatest_gap_minutes"] or 0 for row in tenant.days[-2:]), default=0)
    return f"no load for up to {round(gap / 60)} h" if gap >= HOLE else ""


def _counted(
    marts: Marts, mart: str, when: str, tenants: list[Tenant], condition: str = ""
) -> dict[int, int]:
    """Return the number of rows of a mart in the last two days of each tenant."""
    since = {each.id: each.local_days[-2:][0].begins for each in tenants if each.days}
    counted: dict[int, int] = {}
    name = when.partition(":")[0]
    for row in marts.rows(mart, "tenant_id", when, where=condition):
        tenant = row["tenant_id"]
        if row[name] is not None and row[name] >= since.get(tenant, float("inf")):
            counted[tenant] = counted.get(tenant, 0) + 1
    return counted


def _row(tenant: Tenant, today: str | None, needs: list[str]) -> FleetRow:
    by_day = {row["day"]: row for row in tenant.days}
    now: Row = by_day.get(today or "", {})
    before: Row = by_day.get(_days_before(today, 1), {}) if today else {}
    days = [_days_before(today, back) for back in range(TREND_DAYS - 1, -1, -1)] if today else []
    hours = now.get("slot_hours")
    share = before.get("share_measured")
    loaded = None if tenant.last_load is None else _moment(tenant.last_load, tenant.zone)
    is_stale = loaded is not None and tenant.days[-1]["is_stale"]
    return FleetRow(
        title=tenant.title,
        file=tenant.file,
        number=tenant.number,
        stale=f"Nothing loaded since {loaded}" if is_stale else None,
        loaded=loaded,
        needs=needs,
        visits=(now.get("visits"), before.get("visits")),
        withdrawn=now.get("appointments_withdrawn"),
        minutes=before.get("median_minutes_dispatch_to_done"),
        sold=None if hours is None else (now["slot_hours_sold"], hours),
        seen=None if share is None else 100 * share,
        trend=[by_day[day]["visits"] if day in by_day else None for day in days],
    )


def _moment(instant: float, zone: str) -> str:
    found = local(instant, zone)
    return f"{short(f'{found:%Y-%m-%d}')}, {found:%H:%M}"


def _days_before(day: str, back: int) -> str:
    return f"{date.fromisoformat(day) - timedelta(days=back)}"

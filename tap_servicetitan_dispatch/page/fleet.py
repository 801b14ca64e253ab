"""The fleet: a row for each tenant, those first that need attention."""

import textwrap
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tap_servicetitan_dispatch.page.days import local, short
from tap_servicetitan_dispatch.page.facts import HOLE
from tap_servicetitan_dispatch.page.marts import Marts, Row
from tap_servicetitan_dispatch.page.tenants import Tenant, natural

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
        has_failed: Whether a stream failed.
        troubles: Appointments with nobody and forgotten visits, of the last two days.
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
    has_failed: bool
    troubles: int

    @property
    def bars(self) -> list[tuple[str, int, float, float]]:
        """The trend as bars of a picture 112 wide and 24 high: look, left side, top and height.

        A day without data is a dash.
        """
        most = max((each for each in self.trend if each), default=1)
        return [
            ("none", 8 * place, 11, 2)
            if each is None
            else ("bar", 8 * place, round(24 - 24 * each / most, 1), round(24 * each / most, 1))
            for place, each in enumerate(self.trend)
        ]

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
    unloaded = _unloaded(marts, tenants)
    rows = []
    for tenant in tenants:
        reasons = failing.get(tenant.number or tenant.id, [])
        counts = nobody.get(tenant.id, 0), forgotten.get(tenant.id, 0)
        hours = round(unloaded.get(tenant.id, 0) / 60)
        needs = [
            _failed(reasons),
            _of_days(
                tenant,
                _many(counts[0], "appointment", "with nobody"),
                _many(counts[1], "visit", "forgotten under way"),
                f"no load for up to {hours} h" if hours else "",
            ),
        ]
        told = [each for each in needs if each]
        rows.append(_row(tenant, today, told, has_failed=bool(reasons), troubles=sum(counts)))
    rows.sort(key=_urgency)
    newest = max((each.last_load for each in tenants if each.last_load is not None), default=None)
    return Fleet(today, newest, rows)


def _urgency(row: FleetRow) -> tuple[Any, ...]:
    is_loaded = row.loaded is not None and row.stale is None
    names = natural(row.title.casefold())
    return is_loaded, not row.has_failed, -row.troubles, not row.needs, names


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


def _unloaded(marts: Marts, tenants: list[Tenant]) -> dict[int, float]:
    """Return for how many minutes of one of the last two days no load came at a stretch."""
    days = {each.id: each.local_days[-2:] for each in tenants}
    found: dict[int, float] = {}
    columns = ("tenant_id", "load_before:time", "loaded_at:time")
    for row in marts.rows("loads", *columns, where="gap_minutes >= ?", values=(HOLE,)):
        for day in days.get(row["tenant_id"], ()):
            if span := day.span(row["load_before"], row["loaded_at"]):
                longest = max(found.get(row["tenant_id"], 0), span[1] - span[0])
                found[row["tenant_id"]] = longest
    return {tenant: minutes for tenant, minutes in found.items() if minutes >= HOLE}


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


def _row(
    tenant: Tenant, today: str | None, needs: list[str], *, has_failed: bool, troubles: int
) -> FleetRow:
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
        has_failed=has_failed,
        troubles=troubles,
    )


def _moment(instant: float, zone: str) -> str:
    found = local(instant, zone)
    return f"{short(f'{found:%Y-%m-%d}')}, {found:%H:%M}"


def _days_before(day: str, back: int) -> str:
    return f"{date.fromisoformat(day) - timedelta(days=back)}"

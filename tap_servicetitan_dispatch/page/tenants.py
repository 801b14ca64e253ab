"""Tenants, with name, time zone and loads."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date

from tap_servicetitan_dispatch.page.days import LocalDay
from tap_servicetitan_dispatch.page.marts import Marts, Row

DAYS = 30
"""Number of days that a page goes back."""
_HASH = re.compile(r"[0-9a-f]{64}")
_HASH_SHOWN = 8


@dataclass(frozen=True)
class Tenant:
    """A tenant, and its loads.

    Attributes:
        id: Its number in the rows; 0 if a single tenant is loaded.
        number: Its number at ServiceTitan; none if it is not known.
        name: Its name; none if it is not known.
        zone: IANA name of its time zone.
        loads: Number of loads.
        first_load: When assignments were first loaded, in seconds since 1970; none if they never
            were.
        last_load: When they were last loaded, likewise.
        days: Rows of `dispatch_tenant_day`, by date, of the last days.
    """

    id: int
    number: int | None
    name: str | None
    zone: str
    loads: int
    first_load: float | None
    last_load: float | None
    days: tuple[Row, ...]

    @property
    def title(self) -> str:
        """Its display name."""
        return shortened(self.name) if self.name else f"Tenant {self.number or 'without a number'}"

    @property
    def is_first_load(self) -> bool:
        """Whether it was loaded only once."""
        return self.loads <= 1

    @property
    def file(self) -> str:
        """The name of its page, if there are several."""
        return f"tenant-{self.id}.html"

    @property
    def local_days(self) -> list[LocalDay]:
        """The days from its first load to the last, as far as a page goes back."""
        return [LocalDay(date.fromisoformat(row["day"]), self.zone) for row in self.days]


def tenants(marts: Marts) -> list[Tenant]:
    """Return all tenants, by number.

    Raises:
        MartsError: The marts cannot be read.
    """
    found = marts.rows(
        "tenants",
        "tenant_id",
        "tenant_number",
        "tenant_name",
        "time_zone",
    )
    first, last = "min(loaded_at)", "max(loaded_at)"
    loaded = ("tenant_id", "count(*)", f"{first}:time", f"{last}:time")
    loads = {row["tenant_id"]: row for row in marts.rows("loads", *loaded, group="tenant_id")}
    days: dict[int, list[Row]] = {}
    for row in _days(marts):
        days.setdefault(row["tenant_id"], []).append(row)
    return [
        Tenant(
            id=row["tenant_id"],
            number=row["tenant_number"],
            name=row["tenant_name"],
            zone=row["time_zone"],
            loads=(of_tenant := loads.get(row["tenant_id"], {})).get("count(*)", 0),
            first_load=of_tenant.get(first),
            last_load=of_tenant.get(last),
            days=tuple(days.get(row["tenant_id"], [])[-DAYS:]),
        )
        for row in sorted(found, key=lambda row: row["tenant_id"])
    ]


def _days(marts: Marts) -> list[Row]:
    rows = marts.rows(
        "tenant_day",
        "tenant_id",
        "day:day",
        "visits",
        "appointments_withdrawn",
        "appointments_withdrawn_after_dispatch",
        "appointments_handed_over",
        "median_minutes_dispatch_to_done:number",
        "slot_hours:number",
        "slot_hours_sold:number",
        "share_measured:number",
        "loads",
        "greatest_gap_minutes:number",
        "is_whole_day",
        "as_of:time",
        "minutes_behind:number",
        "is_stale",
    )
    return sorted(rows, key=lambda row: (row["tenant_id"], row["day"]))


def natural(*texts: str) -> list[tuple[int, str]]:
    """Return an order in which 2 comes before 10."""
    parts = re.findall(r"(\d+)|(\D+)", "\0".join(texts))
    numbers = [(number.lstrip("0"), text) for number, text in parts]
    return [(-1, text) if text else (len(number), number) for number, text in numbers]


def shortened(name: str) -> str:
    """Return a name as it is shown; of a hash, only its beginning."""
    return f"{name[:_HASH_SHOWN]}…" if _HASH.fullmatch(name) else name


def technicians(marts: Marts, tenant: int) -> dict[int, str]:
    """Return display names of technicians: their names, with numbers if several share one."""
    rows = marts.rows(
        "technicians", "technician_id", "technician_name", where="tenant_id = ?", values=(tenant,)
    )
    names = {row["technician_id"]: shortened(row["technician_name"] or "") for row in rows}
    times = Counter(names.values())
    return {
        number: name if name and times[name] == 1 else f"{name} {number}".strip()
        for number, name in sorted(names.items())
    }

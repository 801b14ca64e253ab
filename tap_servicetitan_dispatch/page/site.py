"""The folder of pages: what is on each, and how it is written."""

import json
import os
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tap_servicetitan_dispatch.page.board import HOURS, LATE, DayBoard, first_load
from tap_servicetitan_dispatch.page.charts import IDLE, NOT_YET, Chart, charts, freshness
from tap_servicetitan_dispatch.page.days import moment
from tap_servicetitan_dispatch.page.facts import HOLE, facts, told_up_to
from tap_servicetitan_dispatch.page.fleet import fleet
from tap_servicetitan_dispatch.page.marts import Marts, Row
from tap_servicetitan_dispatch.page.tenants import Tenant, technicians, tenants

INDEX = "index.html"
_PACKAGE = "tap_servicetitan_dispatch.page"
SHARED = ("page.css", "page.js", "drawing.js")
"""The files that all pages share."""
# Within a script element only these could end it or begin another
_ESCAPES = {ord(each): f"\\u{ord(each):04x}" for each in "<>&"}


class NothingLoadedError(Exception):
    """The marts have no tenant."""

    def __str__(self) -> str:
        return "there is no tenant in the marts."


def build(marts: Marts, folder: Path) -> list[Path]:
    """Write the pages of all tenants, each whole or not at all, and return their files.

    The page of a tenant that is gone is removed.

    Args:
        marts: The marts.
        folder: The folder of the files; it is made if it does not exist.

    Raises:
        MartsError: The marts cannot be read.
        NothingLoadedError: They have no tenant.
        OSError: A file cannot be written.
    """
    known = tenants(marts)
    if not known:
        raise NothingLoadedError
    folder.mkdir(parents=True, exist_ok=True)
    for name in SHARED:
        _write(folder / name, resources.files(_PACKAGE).joinpath("static", name).read_bytes())
    environment = Environment(
        loader=PackageLoader(_PACKAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    is_fleet = len(known) > 1
    fresh = _freshness(marts)
    written = []
    for tenant in known:
        path = folder / (tenant.file if is_fleet else INDEX)
        page = tenant_page(marts, tenant, fresh.get(tenant.number or tenant.id, []))
        text = environment.get_template("tenant.html").render(page, fleet=is_fleet)
        _write(path, text.encode())
        written.append(path)
    if is_fleet:
        text = environment.get_template("fleet.html").render(fleet=fleet(marts, known))
        _write(folder / INDEX, text.encode())
        written.append(folder / INDEX)
    # And what earlier versions drew with
    for path in {*folder.glob("tenant-*.html"), *folder.glob("plotly.min.js")} - {*written}:
        path.unlink()
    return written


def counted(pages: list[Path]) -> str:
    """Return the number of pages, in words."""
    return f"{len(pages)} page{'' if len(pages) == 1 else 's'}"


def tenant_page(marts: Marts, tenant: Tenant, fresh: list[Row]) -> dict[str, Any]:
    """Return the values for the template of a tenant's page."""
    page: dict[str, Any] = {
        "tenant": tenant,
        "loaded": _loaded(tenant),
        "at": tenant.last_load,
        "late": LATE,
        "idle": IDLE,
        "not_yet": NOT_YET if tenant.is_first_load else None,
        "days": 0,
        "seen": "",
        "unloaded": 0,
        "notices": [],
        "charts": [freshness(fresh, tenant)],
    }
    data: dict[str, Any] = {
        "zone": tenant.zone,
        "names": {},
        "days": [],
        "parts": [*HOURS.values()],
    }
    if tenant.days:
        days = tenant.local_days
        names = technicians(marts, tenant.id)
        found = facts(marts, tenant, names, days[0].begins)
        boards = [DayBoard(found, day) for day in days]
        shown_days = [
            board.shown() | {"how_seen": f"{day.clocks_changed} {how_seen(row)}".strip()}
            for board, day, row in zip(boards, days, tenant.days, strict=True)
        ]
        data |= {"names": names, "days": shown_days}
        page |= {
            "days": len(days),
            "seen": told_up_to(found, tenant.zone),
            "unloaded": round(sum(until - since for since, until in found.holes) / 3600),
            "notices": _notices(tenant, boards[-1]),
            "charts": [*charts(marts, tenant, found), *page["charts"]],
        }
    shown: list[Chart] = page["charts"]
    data["charts"] = [chart.shown() for chart in shown if chart.missing is None]
    return page | {"data": embedded(data)}


def how_seen(day: Row) -> str:
    """Return how much of a day was seen, in words; of hours without a load the board tells."""
    share, gap = day["share_measured"], day["greatest_gap_minutes"]
    told = []
    if share is not None:
        told.append(f"{share:.0%} of what was done was seen from its dispatch on.")
    if gap is not None and gap < HOLE:
        told.append(
            f"Loads were up to {gap:.0f} minutes apart: what came and went in between was not seen."
        )
    return " ".join(told)


def embedded(data: object) -> Markup:
    """Return JSON that is safe in a script element, whatever texts are in it."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return Markup(text.translate(_ESCAPES))  # noqa: S704 - nothing in it can end the element


def _loaded(tenant: Tenant) -> str:
    number = f"Tenant {tenant.number}. " if tenant.number and tenant.name else ""
    if tenant.last_load is None:
        return f"{number}Nothing was loaded of it."
    return f"{number}Loaded last: {moment(tenant.last_load, tenant.zone)}, {tenant.zone}."


def _notices(tenant: Tenant, board: DayBoard) -> list[str]:
    """Return the notices at the top of a page."""
    if not tenant.is_first_load:
        return []
    told = (
        "This is the first load. The API keeps no history: it tells the state of each visit now, "
        "and when it was edited last, but not how it came about. So the board has shifts, "
        "absences, who is at work now, and a mark for what is done, but no bars yet of what was "
        "before."
    )
    then = "Load every ten minutes: from the second load on the board fills up."
    return [f"{told} {first_load(board)} {then}"]


def _freshness(marts: Marts) -> dict[int, list[Row]]:
    rows = marts.rows(
        "freshness",
        "tenant_id",
        "stream",
        "complete_at:time",
        "tried_at:time",
        "outcome",
        "reason",
        "source_rows",
        "loaded_rows",
        "missing_rows",
    )
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["tenant_id"], []).append(row)
    return found


def _write(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError:
        temporary.unlink()
        raise

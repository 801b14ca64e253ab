"""The page of a large fleet: marts with as many days and technicians, and what they take.

That is their build, and the time until a dispatcher can use a tenant's page.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from playwright.sync_api import sync_playwright

from benchmarks.running import PYTHON, Took, timed

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TABLES = {
    "tenants": "tenant_id bigint, tenant_number bigint, tenant_name text, time_zone text, "
    "last_complete_load timestamptz",
    "loads": "tenant_id bigint, loaded_at timestamptz, load_before timestamptz, gap_minutes double",
    "tenant_day": "tenant_id bigint, day date, visits bigint, appointments_withdrawn bigint, "
    "appointments_withdrawn_after_dispatch bigint, appointments_handed_over bigint, "
    "median_minutes_dispatch_to_done double, slot_hours double, slot_hours_sold double, "
    "share_measured double, loads bigint, greatest_gap_minutes double, is_whole_day boolean, "
    "as_of timestamptz, minutes_behind double, is_stale boolean",
    "technicians": "tenant_id bigint, technician_id bigint, technician_name text",
    "current_assignments": "tenant_id bigint, assignment_id bigint, technician_id bigint, "
    "status text, modified_on timestamptz",
    "under_way": "tenant_id bigint, assignment_id bigint, begun_on timestamptz, "
    "is_forgotten boolean, forgotten_because text",
    "assignment_history": "tenant_id bigint, assignment_id bigint, technician_id bigint, "
    "appointment_id bigint, job_id bigint, status text, is_paused boolean, active boolean, "
    "seen_since timestamptz, seen_until timestamptz, last_modified_on timestamptz",
    "withdrawals": "tenant_id bigint, technician_id bigint, appointment_id bigint, job_id bigint, "
    "withdrawn_on timestamptz, day date, was_dispatched boolean, assigned_by_id bigint",
    "handovers": "tenant_id bigint, day date, handed_over_by_id bigint, was_dispatched boolean",
    "unassigned": "tenant_id bigint, appointment_id bigint, job_id bigint, "
    "last_technician_name text, withdrawn_on timestamptz",
    "stg_technician_shifts": "tenant_id bigint, technician_id bigint, shift_type text, "
    "active boolean, starts_at timestamptz, ends_at timestamptz",
    "time_away": "tenant_id bigint, technician_id bigint, occasion text, starts_at timestamptz, "
    "ends_at timestamptz",
    "technician_day": "tenant_id bigint, technician_id bigint, day date, visits bigint, "
    "shift_starts_at timestamptz, first_dispatched_on timestamptz, first_arrived_on timestamptz, "
    "last_done_on timestamptz, shift_hours double, hours_away double, hours_on_the_way double, "
    "hours_on_site double, hours_paused double, hours_arrival_not_seen double, "
    "hours_idle_at_most double, hours_overtime double, share_measured double, "
    "share_arrival_seen double, greatest_gap_minutes double",
    "coverage": "tenant_id bigint, day date, done bigint, measured bigint, arrival_seen bigint",
    "capacity_ahead": "tenant_id bigint, day date, business_unit_key text, hours double, "
    "hours_open double, hours_sold double, hours_sold_a_week_before double, "
    "forecast_on timestamptz",
    "cover": "tenant_id bigint, day date, cover text, cover_key text, cover_name text, "
    "is_served boolean, zones bigint, technicians bigint, hours_left_by_absence double",
    "arrivals": "tenant_id bigint, day date, is_on_time boolean, arrived_on timestamptz, "
    "done_on timestamptz",
    "freshness": "tenant_id bigint, stream text, complete_at timestamptz, tried_at timestamptz, "
    "outcome text, reason text, source_rows bigint, loaded_rows bigint, missing_rows bigint",
}
"""The columns that the page reads of each mart, which `tests/page` compares with real ones."""
VISITS = 6
"""Of a technician on a day; each has two hours with a way, work, a pause and work again."""
LATEST = "timestamptz '2026-11-20 23:00:00+00'"
FILLED = {
    "tenants": "select tenant, tenant, 'Contractor ' || tenant, 'America/Chicago', {latest} "
    "from {tenants}",
    "loads": "select tenant, {latest} - interval (10 * load) minute, "
    "{latest} - interval (10 * load + 10) minute, 10.0 "
    "from {tenants}, range(144 * {days}) loads(load)",
    "tenant_day": "select tenant, {day}, 300, 5, 1, 3, 95.5, 400.0, 310.0, 0.9, 144, 10.0, true, "
    "{latest}, 0.0, false from {tenants}, {back}",
    "technicians": "select tenant, technician, 'Technician number ' || technician "
    "from {tenants}, {technicians}",
    "current_assignments": "select tenant, {assignment}, technician, 'Done', "
    "{begins} + interval 100 minute from {all_visits}",
    "assignment_history": "select tenant, {assignment}, technician, {assignment}, "
    "{assignment} + 7, status, paused, true, {begins} + interval (minute) minute, "
    "{begins} + interval (until) minute, {begins} + interval 100 minute "
    "from {all_visits}, (values ('Dispatched', false, 0, 25), ('Working', false, 25, 60), "
    "('Working', true, 60, 70), ('Working', false, 70, 100), ('Done', false, 100, null)) "
    "states(status, paused, minute, until)",
    "withdrawals": "select tenant, technician, technician, technician, {begins}, {day}, true, "
    "1000 + technician % 9 from {all_visits} where visit = 0 and technician % 10 = 0",
    "handovers": "select tenant, {day}, technician % 9, false "
    "from {tenants}, {back}, {technicians} where technician % 12 = 0",
    "stg_technician_shifts": "select tenant, technician, 'Normal', true, {begins}, "
    "{begins} + interval 9 hour from {all_visits} where visit = 0",
    "time_away": "select tenant, technician, 'Training', {begins}, {begins} + interval 1 hour "
    "from {all_visits} where visit = 0 and technician % 5 = 0",
    "technician_day": "select tenant, technician, {day}, {visits}, {begins}, {begins}, {begins}, "
    "{begins} + interval 9 hour, 9.0, 0.5, 2.5, 6.5, 1.0, 0.2, 0.3, 2.0, 0.9, 0.8, 10.0 "
    "from {all_visits} where visit = 0",
    "coverage": "select tenant, {day}, 6, 5, 4 from {all_visits} where visit = 0",
    "capacity_ahead": "select tenant, {day} + 30, cast(unit as text), 50.0, 20.0, 30.0, 25.0, "
    "{latest} from {tenants}, {back}, range(8) units(unit)",
    "cover": "select tenant, {day} + 30, 'zone', cast(zone as text), 'Zone ' || zone, true, null, "
    "(zone + tenant) % 5, 8.0 from {tenants}, {back}, range(40) zones(zone)",
    "arrivals": "select tenant, {day}, visit > 0, {begins}, {begins} from {all_visits}",
    "freshness": "select tenant, 'stream ' || stream, {latest}, {latest}, 'complete', null, "
    "9, 9, 0 from {tenants}, range(11) streams(stream)",
}


@dataclass(frozen=True)
class Made:
    """What a build of the page took, and how large its largest page is."""

    seconds: float
    peak_mib: float
    page_mb: float


def fill(file: Path, tenants: int, technicians: int, days: int) -> None:
    """Write marts of so many tenants, each with so many technicians and days."""
    words = {
        "tenants": f"range(1, {tenants + 1}) tenants(tenant)",
        "technicians": f"range(1, {technicians + 1}) technicians(technician)",
        "back": f"range({days}) backs(back)",
        "day": "(date '2026-11-20' - cast(back as integer))",
        "days": str(days),
        "visits": str(VISITS),
        "assignment": "(((tenant * 1000 + technician) * 100 + back) * 10 + visit)",
        "begins": "(timestamptz '2026-11-20 12:00:00+00' - interval (back) day "
        "+ interval (105 * visit + technician % 60) minute)",
        "latest": LATEST,
    }
    words["all_visits"] = "{tenants}, {technicians}, {back}, range({visits}) visits(visit)".format(
        **words
    )
    with duckdb.connect(str(file)) as connection:
        for mart, columns in TABLES.items():
            connection.execute(f"create table dispatch_{mart} ({columns})")
        for mart, select in FILLED.items():
            connection.execute(f"insert into dispatch_{mart} {select.format(**words)}")


@cache
def made(tenants: int, technicians: int, days: int) -> Made:
    """Return what the page of marts of so many tenants, technicians and days takes; once."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        took = _build(folder, tenants, technicians, days)
        largest = max(page.stat().st_size for page in folder.glob("*.html"))
    return Made(took.seconds, took.peak_mib, largest / 1e6)


def usable(technicians: int, days: int) -> float:
    """Return how many seconds a new page takes until a click on the day before has shown it.

    In Chromium without a graphics card, from the disk.
    """
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        _build(folder, 1, technicians, days)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        # The first time is also that in which the browser itself starts
        _opened(browser, folder / "index.html")
        seconds = _opened(browser, folder / "index.html")
        browser.close()
    return seconds


def _opened(browser: Browser, file: Path) -> float:
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    began = time.perf_counter()
    page.goto(file.as_uri(), wait_until="commit")
    page.locator("#plot-board tbody").wait_for()
    page.locator("#before").click()
    page.locator("#after:enabled").wait_for()
    # Until it is painted
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    seconds = time.perf_counter() - began
    page.close()
    return seconds


def _build(folder: Path, tenants: int, technicians: int, days: int) -> Took:
    """Make the pages of marts of so many tenants, technicians and days in a folder."""
    fill(folder / "dispatch.duckdb", tenants, technicians, days)
    command = [PYTHON, "-c", "from tap_servicetitan_dispatch.__main__ import page; page()"]
    options = ["build", "--database", str(folder / "dispatch.duckdb"), "--into", str(folder)]
    return timed([*command, *options], {})

"""The pages as a browser shows them, from the disk."""

from __future__ import annotations

import shutil
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tap_servicetitan_dispatch.page.marts import Marts
from tap_servicetitan_dispatch.page.site import build
from tests.page.week import HASH, LINES, ODD, fleet
from tools.picture import PICTURE, take

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="needs Chromium on the PATH, as by apt-get install chromium"
    ),
    pytest.mark.timeout(300),
]
SAME_DAY = "2026-11-01T19:00:00+00:00"
"""An hour after the newest load."""
DRAWN = "html[data-drawn=all]"


class Looked:
    """A page in a browser, and what happened there."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.trouble: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.trouble.append(message.text))
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def open(self, file: Path) -> Looked:
        self.page.goto(file.as_uri())
        return self

    def traces(self, plot: str) -> dict[str, dict[str, Any]]:
        """Return what a chart was given to draw, by the name of the colour."""
        found: list[dict[str, Any]] = self.page.evaluate(
            "id => document.getElementById(id).data.map("
            "({name, base, x, y, customdata}) => ({name, base, x, y, customdata}))",
            plot,
        )
        return {trace.get("name") or "": trace for trace in found}

    def table(self, name: str) -> list[list[str]]:
        """Return the rows of a table, its head first."""
        found: list[list[str]] = self.page.evaluate(
            "id => [...document.getElementById(id).rows].map(row => "
            "[...row.cells].map(cell => cell.textContent))",
            name,
        )
        return found

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    with Marts(str(fleet(folder / "dispatch.duckdb"))) as marts:
        build(marts, folder / "page")
    return folder / "page"


@pytest.fixture(scope="module")
def acme(browser: Browser, pages: Path) -> Looked:
    """The page of the tenant with three days, with all charts drawn."""
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.clock.set_fixed_time(datetime.fromisoformat(SAME_DAY))
    looked = Looked(page).open(pages / "tenant-1.html")
    page.wait_for_selector(DRAWN)
    return looked


def test_nothing_goes_wrong_and_nothing_but_the_pages_own_files_is_asked_for(
    acme: Looked, pages: Path
) -> None:
    assert acme.trouble == []
    own = {(pages / name).as_uri() for name in ("tenant-1.html", "page.js", "page.css")}
    assert {url for url in acme.asked if not url.startswith("data:")} == {
        *own,
        (pages / "plotly.min.js").as_uri(),
    }


def test_text_of_the_api_is_text(acme: Looked) -> None:
    assert acme.page.title() == "Acme & Sons: dispatch"
    assert acme.page.locator("a[href*=example], img, b:not(:empty)").count() == 0
    names = acme.page.evaluate("JSON.parse(document.getElementById('data').textContent).names")
    assert names == {"7": ODD, "8": LINES, "9": f"{HASH[:8]}…"}
    shown = {row[0] for row in acme.table("table-shares")[1:]}
    assert shown == {ODD, LINES}
    ticks = acme.page.locator("#plot-board .ytick").all_text_contents()
    assert [each.strip() for each in ticks] == [
        "Nobody assigned",
        *(f"{name[:25]}…" for name in (ODD, LINES)),
        f"{HASH[:8]}…",
    ]


def test_the_bars_of_a_day_are_those_of_the_marts(acme: Looked) -> None:
    traces = acme.traces("plot-board")
    # In minutes since midnight, of a day that has 25 hours
    assert (traces["On the way"]["base"], traces["On the way"]["x"]) == ([30], [150])
    assert (traces["On site"]["base"], traces["On site"]["x"]) == ([180], [60])
    assert traces["Forgotten under way"]["x"] == [480]
    assert traces["Nobody assigned since"]["x"] == [630]
    assert traces["Lost its technician<br>at this time"]["x"] == [630]
    assert traces["Handed over<br>at this time"]["x"] == [645]
    assert "00:30 to 02:00 (2 h 30 min)" in traces["On the way"]["customdata"][0]
    assert acme.page.locator("#plot-board .barlayer .trace").count() == 5
    ticks = acme.page.locator("#plot-board .xtick").all_text_contents()
    assert ticks[:4] == ["00", "01", "01", "02"]


def test_the_table_has_the_numbers_of_the_chart(acme: Looked) -> None:
    rows = acme.table("table-board")
    assert [ODD, "101", "11", "00:30", "150", "60", "0", "03:00", "Done"] in rows
    traces = acme.traces("plot-done")
    table = acme.table("table-done")
    assert [row[3] for row in table[1:]] == ["1", "0", "1"]
    assert traces["Dispatch, arrival and end seen"]["y"] == [1, 0, 1]
    assert traces["Dispatch not seen"]["y"] == [1, 0, 0]
    shares = acme.traces("plot-shares")
    assert sum(trace["x"][0] for trace in shares.values()) == pytest.approx(100)
    ticks = acme.page.locator("#plot-hours .xtick").all_text_contents()
    assert ticks == ["Fri30 Oct9 h", "Sat31 Oct0 h", "Sun1 Nov13 huntil12:00"]


@pytest.mark.parametrize("name", ["index.html", "tenant-1.html"])
def test_a_page_says_for_how_long_nothing_was_loaded_when_it_is_opened(
    browser: Browser, pages: Path, name: str
) -> None:
    looked = Looked(browser.new_page())
    for opened, told in [
        (SAME_DAY, ""),
        ("2026-11-02T18:00:01+00:00", "Nothing was loaded for 1 day."),
        ("2026-11-27T20:00:00+00:00", "Nothing was loaded for 26 days."),
    ]:
        looked.page.clock.set_fixed_time(datetime.fromisoformat(opened))
        looked.open(pages / name)
        assert looked.text(".old") == told
        assert looked.page.locator(".old").is_visible() is bool(told)
    assert looked.trouble == []
    looked.page.close()


def test_who_needs_somebody_is_told_in_words(acme: Looked) -> None:
    assert acme.page.locator("#late li").all_text_contents() == [
        f"{ODD}: shift from 00:00, first dispatch at 00:30, 30 minutes later",
    ]
    assert "never said to be over" in acme.text("#forgotten")
    assert acme.page.locator("#nobody li").all_text_contents() == [
        f"Appointment 900: Nobody assigned since 09:30; it was {LINES}'s"
    ]
    notes = acme.page.locator("#plot-board .annotation-text").all_text_contents()
    assert "first dispatch 30 min after shift start" in notes
    assert "1 open, any day" in notes


def test_the_arrows_the_keyboard_and_the_slider_change_the_day(acme: Looked) -> None:
    title = acme.page.locator("#day-title")
    assert acme.text("#day-seen").startswith("Clocks went back: 01:00 comes twice.")
    assert title.inner_text() == "Sunday 1 November 2026"
    acme.page.locator("#before").click()
    assert title.inner_text() == "Saturday 31 October 2026"
    acme.page.locator("body").press("ArrowLeft")
    assert title.inner_text() == "Friday 30 October 2026"
    traces = acme.traces("plot-board")
    assert traces["Paused"]["base"] == [540]
    assert traces["Done, the work not seen"]["x"] == [780]
    assert [row[-1] for row in acme.table("table-board")[1:]] == [
        "Done",
        "Done; the way there and the work were not seen",
    ]
    assert acme.text("#day-seen").startswith("50% of what was done was seen")
    acme.page.locator("#day").fill("2")
    assert title.inner_text() == "Sunday 1 November 2026"
    assert "On the way" in acme.traces("plot-board")


def test_what_is_not_there_is_said_in_place_of_an_empty_box(acme: Looked) -> None:
    assert "dispatch_appointments" in acme.text("#arrivals .missing")
    assert acme.page.locator("#arrivals .plot").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_automatic_checker_finds_nothing_to_say(
    browser: Browser, pages: Path, acme: Looked, scheme: Any
) -> None:
    acme.page.emulate_media(color_scheme=scheme)
    acme.page.wait_for_selector(DRAWN)
    acme.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    fleet_page = browser.new_page(color_scheme=scheme)
    Looked(fleet_page).open(pages / "index.html")
    for page in (acme.page, fleet_page):
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    folder = pages.parent
    acme.page.screenshot(path=folder / f"tenant-{scheme}.png", full_page=True)
    fleet_page.screenshot(path=folder / f"fleet-{scheme}.png", full_page=True)
    fleet_page.close()


def test_the_fleet_leads_to_each_tenant_those_first_that_need_somebody(
    browser: Browser, pages: Path
) -> None:
    looked = Looked(browser.new_page()).open(pages / "index.html")
    names = looked.page.locator("tbody th").all_inner_texts()
    assert names == ["Revoked", "Stale <i>Ltd</i>", "Acme & Sons", "Tenant 3"]
    cells = looked.page.locator("tbody td:nth-child(2)").all_inner_texts()
    assert cells == [
        "Never loaded",
        "Nothing loaded since Sat 31 Oct, 09:00: see why loads stopped",
        "Loaded Sun 1 Nov, 12:00",
        "Loaded Sun 1 Nov, 11:55",
    ]
    looked.page.get_by_text("Tenant 3").click()
    looked.page.wait_for_selector(DRAWN)
    assert "This is the first load." in looked.text(".notice")
    assert [*looked.traces("plot-board")] == ["Shift", "Done before the first load"]
    not_yet = "Not known yet: this was the first load. Hours appear from the second load on."
    assert looked.text("#no-shares") == looked.text("#hours .missing") == not_yet
    assert looked.page.locator("#plot-shares").is_hidden()
    looked.page.goto((pages / "tenant-4.html").as_uri())
    looked.page.wait_for_selector(DRAWN)
    assert "revoked the application" in looked.text("#freshness")
    assert looked.trouble == []
    looked.page.close()


def test_the_picture_of_the_documents_is_of_the_board(browser: Browser, pages: Path) -> None:
    take(browser, pages / "tenant-1.html", pages / "page.png")
    size = (pages / "page.png").stat().st_size
    assert 10_000 < size < 200_000
    assert PICTURE.stat().st_size < 200_000

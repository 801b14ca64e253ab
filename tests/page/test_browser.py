"""The pages as a browser shows them, from the disk."""

from __future__ import annotations

import shutil
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tap_servicetitan_dispatch.page.marts import Marts
from tap_servicetitan_dispatch.page.site import SHARED, build
from tests.page.week import HASH, LINES, ODD, fleet
from tools.picture import PICTURE, take

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.no_cover,
    pytest.mark.skipif(
        CHROMIUM is None, reason="needs Chromium on the PATH, as by apt-get install chromium"
    ),
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

    def bars(self, plot: str) -> dict[str, list[tuple[float, ...]]]:
        """Return where bars begin and end and where marks are, by what they stand for."""
        shapes: list[dict[str, str]] = self.page.evaluate(
            "id => [...document.querySelectorAll(`#${id} [data-from]`)].map("
            "each => ({...each.dataset}))",
            plot,
        )
        found: dict[str, list[tuple[float, ...]]] = {}
        for each in shapes:
            ends = (float(each[name]) for name in ("from", "to") if name in each)
            found.setdefault(each["kind"], []).append(tuple(ends))
        return found

    def columns(self, chart: str) -> list[list[float]]:
        """Return the heights of the columns of each series, whose order is that of the legend."""
        columns = self.page.locator(f"#plot-{chart} .scale tspan[y='16']").count()
        heights = [[0.0] * columns for _ in self.legend(chart)]
        for each in self.page.evaluate(
            "id => [...document.querySelectorAll(`#plot-${id} [data-value]`)].map("
            "each => [each.dataset.series, each.dataset.column, each.dataset.value].map(Number))",
            chart,
        ):
            heights[each[0]][each[1]] = each[2]
        return heights

    def legend(self, chart: str) -> list[str]:
        return self.page.locator(f"#legend-{chart} li").all_inner_texts()

    def left(self, selector: str) -> float:
        """Return where the first element that is found begins."""
        box = self.page.locator(selector).first.bounding_box()
        assert box
        return box["x"]

    def table(self, name: str) -> list[list[str]]:
        """Return the rows of a table, its head first."""
        self.page.wait_for_selector(DRAWN)
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
    """The page of the tenant with three days."""
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.clock.set_fixed_time(datetime.fromisoformat(SAME_DAY))
    looked = Looked(page).open(pages / "tenant-1.html")
    page.wait_for_selector(DRAWN)
    return looked


def test_nothing_goes_wrong_and_nothing_but_the_pages_own_files_is_asked_for(
    acme: Looked, pages: Path
) -> None:
    assert acme.trouble == []
    own = {(pages / name).as_uri() for name in ("tenant-1.html", *SHARED)}
    assert {url for url in acme.asked if not url.startswith("data:")} == own


def test_text_of_the_api_is_text(acme: Looked) -> None:
    assert acme.page.title() == "Acme & Sons: dispatch"
    assert acme.page.locator("a[href*=example], img, b:not(:empty)").count() == 0
    names = acme.page.evaluate("JSON.parse(document.getElementById('data').textContent).names")
    assert names == {"7": ODD, "8": LINES, "9": f"{HASH[:8]}…"}
    shown = {row[0] for row in acme.table("table-shares")[1:]}
    assert shown == {ODD, LINES}
    shown_there = acme.page.locator("#plot-board .name").all_text_contents()
    assert shown_there == ["Nobody assigned", ODD, LINES, f"{HASH[:8]}…"]


def test_the_bars_of_a_day_are_those_of_the_marts(acme: Looked) -> None:
    # In minutes since midnight, of a day that has 25 hours
    assert acme.bars("plot-board") == {
        "nobody": [(630,)],
        "shift": [(0, 540), (480, 960)],
        "hole": [(45, 780)] * 4,
        "way": [(30, 180)],
        "site": [(180, 240)],
        "away": [(660, 720)],
        "forgotten": [(480,)],
        "off": [(630,)],
        "over": [(645,)],
        "call": [(420, 900)],
    }
    assert acme.page.locator("#plot-board rect:not(.ring)").count() == 10
    ticks = acme.page.locator("#plot-board thead text").all_text_contents()
    assert ticks[:4] == ["00", "01", "01", "02"]
    assert acme.text("#plot-board tfoot").strip() == "seen up to 11:45"


@pytest.mark.parametrize("plot", ["board", "shares", "withdrawals"])
@pytest.mark.parametrize("width", [390, 1200])
def test_no_row_is_covered_by_the_hours_above_it(acme: Looked, plot: str, width: int) -> None:
    acme.page.set_viewport_size({"width": width, "height": 800})
    acme.page.evaluate("scrollTo(0, 0)")
    head, row = (
        acme.page.locator(f"#plot-{plot} {part} tr").first.bounding_box()
        for part in ("thead", "tbody")
    )
    assert head
    assert row
    assert row["y"] >= head["y"] + head["height"] - 1


def test_a_bar_stands_at_its_hours(acme: Looked) -> None:
    hours = acme.page.evaluate(
        "[...document.querySelectorAll('#plot-board thead text')].map("
        "each => { const box = each.getBoundingClientRect(); return box.x + box.width / 2; })"
    )
    assert acme.left("#plot-board rect.way") == pytest.approx((hours[0] + hours[1]) / 2, abs=1)
    assert acme.left("#plot-board rect.site") == pytest.approx(hours[3], abs=1)
    until = acme.left("#plot-board .until")
    assert until == pytest.approx(hours[12] + 0.75 * (hours[13] - hours[12]), abs=1)


def test_a_visit_is_told_by_pointer_and_by_keyboard(acme: Looked) -> None:
    tip = acme.page.locator("#tip")
    way = [ODD, "On the way 00:30 to 02:00 (2 h 30 min)", "Appointment 101, job 11; now: Done"]
    acme.page.locator("#plot-board rect.way").hover()
    assert tip.inner_text().splitlines() == way
    acme.page.locator("h1").hover()
    assert tip.is_hidden()

    acme.page.locator("#day").focus()
    acme.page.keyboard.press("Tab")
    unloaded = "No load 00:45 to 12:00 (12 h 15 min)"
    assert tip.inner_text().splitlines()[:2] == ["Nobody assigned", unloaded]
    acme.page.keyboard.press("ArrowRight")
    assert tip.inner_text().startswith("Nobody assigned since 09:30")
    acme.page.keyboard.press("ArrowDown")  # to what begins at about that time
    acme.page.keyboard.press("ArrowLeft")
    assert tip.inner_text().splitlines()[:2] == [ODD, unloaded]
    acme.page.keyboard.press("ArrowLeft")
    assert tip.inner_text().splitlines() == way
    focused = acme.page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused == ", ".join(way)
    for _ in range(3):
        acme.page.keyboard.press("ArrowRight")  # there is nothing to the right in the end
    assert tip.inner_text().splitlines()[1].startswith("On site 02:00 to 03:00 (1 h 0 min)")
    acme.page.keyboard.press("ArrowUp")
    acme.page.keyboard.press("ArrowUp")  # nor above
    assert tip.inner_text().splitlines()[:2] == ["Nobody assigned", unloaded]
    assert acme.text("#day-title") == "Sunday 1 November 2026", "the day is the same"
    assert acme.page.locator("#plot-board [tabindex]").count() == 1
    acme.page.keyboard.press("Escape")
    assert tip.is_hidden()
    acme.page.keyboard.press("Tab")
    assert acme.page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_the_table_has_the_numbers_of_the_chart(acme: Looked) -> None:
    rows = acme.table("table-board")
    assert [ODD, "101", "11", "00:30", "150", "60", "0", "03:00", "Done"] in rows
    table = acme.table("table-done")
    assert [row[3] for row in table[1:]] == ["1", "0", "1"]
    assert acme.legend("done") == [
        "Dispatch, arrival and end seen",
        "Arrival not seen",
        "Dispatch not seen",
        "No load on this day",
    ]
    assert acme.columns("done")[:3] == [[1, 0, 1], [0, 0, 0], [1, 0, 0]]
    shares = acme.bars("plot-shares")
    assert [(kind, len(ends)) for kind, ends in shares.items()] == [
        ("site", 1),
        ("way", 1),
        ("hole", 2),
        ("away", 1),
    ]
    assert [ends[-1][1] for kind, ends in shares.items() if kind == "hole"] == [100]
    assert acme.legend("shares")[-2:] == ["Time off, meetings", "No load"]
    assert [ends for kind, ends in shares.items() if kind == "site"] == [[(0, 12.5)]]
    assert acme.bars("plot-withdrawals") == {"bad": [(0, 2)]}
    below = acme.page.locator("#plot-hours .scale text:has(tspan)")
    assert [each.locator("tspan").all_text_contents() for each in below.all()] == [
        ["Fri", "30 Oct", "9 h", "24 h unseen"],
        ["Sat", "31 Oct", "0 h", "24 h unseen"],
        ["Sun", "1 Nov", "13 h", "12 h unseen", "until 12:00"],
    ]


def test_a_column_tells_its_unit_and_its_whole_and_a_day_without_a_load_is_no_empty_one(
    acme: Looked,
) -> None:
    tip = acme.page.locator("#tip")
    acme.page.locator("#plot-done [data-value]").first.hover()
    assert tip.inner_text().splitlines() == [
        "Fri 30 Oct",
        "Dispatch, arrival and end seen: 1 of 2 assignments",
    ]
    acme.page.locator("#plot-done [data-value]").last.hover()
    assert tip.inner_text().endswith(": 1 of 1 assignment")
    acme.page.locator("#plot-hours [data-value]").first.hover()
    assert tip.inner_text().splitlines()[1].endswith("%")
    acme.page.locator("#plot-dispatch-to-done [data-value]").hover()
    assert tip.inner_text().endswith("Dispatch to done: 95 min")
    acme.page.locator("#plot-withdrawals rect").first.hover()
    assert tip.inner_text().splitlines() == ["User 40", "After dispatch: 2 of 2 times"]
    for chart in ("done", "hours", "dispatch-to-done"):
        (hole,) = acme.page.locator(f"#plot-{chart} .hole:not([data-value])").all()
        hole.hover()
        told = ["No load on this day", "What came and went then was not seen"]
        assert tip.inner_text().splitlines()[1:] == told
        (entry,) = (each for each in acme.legend(chart) if each.startswith("No load"))
        assert entry == ("No load" if chart == "hours" else told[0])
        acme.page.locator("h1").hover()
    assert acme.page.locator("#plot-withdrawals .hole").count() == 0


def test_what_stays_at_the_top_does_not_cover_what_stays_below_it(acme: Looked) -> None:
    acme.page.set_viewport_size({"width": 1200, "height": 300})
    acme.page.locator("#plot-board tbody tr").last.evaluate("each => each.scrollIntoView()")
    head_cell = "#plot-board thead td >> nth=1"
    days, head = (acme.page.locator(each).bounding_box() for each in (".days", head_cell))
    assert days
    assert head
    assert days["y"] == 0
    assert head["y"] == pytest.approx(days["height"], abs=0.5)
    acme.page.set_viewport_size({"width": 1200, "height": 800})


def test_who_has_no_pointer_is_told_to_touch(browser: Browser, pages: Path, acme: Looked) -> None:
    assert "Point at a bar" in acme.text("#board")
    assert "Touch a bar" not in acme.text("#board")
    page = browser.new_page(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    looked = Looked(page).open(pages / "tenant-1.html")
    assert "Touch a bar to see the visit." in looked.text("#board")
    assert "Point at a bar" not in looked.text("#board")
    page.locator("#plot-board rect.site").first.tap()
    assert looked.text("#tip").splitlines()[1] == "On site 02:00 to 03:00 (1 h 0 min)"
    page.close()


def test_cells_are_a_table_in_which_nobody_stands_out(acme: Looked) -> None:
    cells = acme.page.locator("#plot-cover tbody tr").all_inner_texts()
    assert [each.split() for each in cells] == [
        ["Skill", "Plumbing", "<b>", "2", "0"],
        ["Zone", "North", "\N{EN DASH}"],
    ]
    assert acme.page.locator("#plot-cover .zero").all_inner_texts() == ["0"]
    hours = acme.page.locator("#plot-capacity tbody td").first
    assert hours.inner_text().split("\n") == ["4 h left", "of 10"]
    shade = hours.evaluate("each => each.style.getPropertyValue('--share')")
    assert shade == "60.000%"


@pytest.mark.parametrize("name", ["index.html", "tenant-1.html"])
def test_a_page_says_for_how_long_nothing_was_loaded_when_it_is_opened(
    browser: Browser, pages: Path, name: str
) -> None:
    looked = Looked(browser.new_page())
    then = " What follows is as of then."
    for opened, told in [
        (SAME_DAY, ""),
        ("2026-11-02T18:00:01+00:00", f"Nothing was loaded for 1 day.{then}"),
        ("2026-11-27T20:00:00+00:00", f"Nothing was loaded for 26 days.{then}"),
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
    notes = acme.page.locator("#plot-board .note").all_text_contents()
    assert "first dispatch 30 min after shift start" in notes
    assert "1 waiting, any day" in notes


def test_the_arrows_the_keyboard_and_the_slider_change_the_day(acme: Looked) -> None:
    title = acme.page.locator("#day-title")
    assert acme.text("#day-seen").startswith("Clocks went back: 01:00 comes twice.")
    assert title.inner_text() == "Sunday 1 November 2026"
    acme.page.locator("#before").click()
    assert title.inner_text() == "Saturday 31 October 2026"
    acme.page.locator("body").press("ArrowLeft")
    assert title.inner_text() == "Friday 30 October 2026"
    bars = acme.bars("plot-board")
    assert bars["paused"] == [(540, 570)]
    assert bars["done"] == [(780,)]
    assert [row[-1] for row in acme.table("table-board")[1:]] == [
        "Done",
        "Done; the way there and the work were not seen",
    ]
    assert acme.text("#day-seen").startswith("50% of what was done was seen")
    acme.page.locator("#day").fill("2")
    assert title.inner_text() == "Sunday 1 November 2026"
    assert "way" in acme.bars("plot-board")


def test_what_is_not_there_is_said_in_place_of_an_empty_box(acme: Looked) -> None:
    assert "dispatch_appointments" in acme.text("#arrivals .missing")
    assert acme.page.locator("#plot-arrivals").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_automatic_checker_finds_nothing_to_say(
    browser: Browser, pages: Path, acme: Looked, scheme: Any
) -> None:
    acme.page.emulate_media(color_scheme=scheme)
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


@pytest.mark.parametrize("width", [390, 800])
def test_on_a_narrow_screen_only_charts_are_wider_than_it(
    browser: Browser, pages: Path, width: int
) -> None:
    looked = Looked(browser.new_page(viewport={"width": width, "height": 800}))
    for name in ("tenant-1.html", "index.html"):
        looked.open(pages / name)
        assert looked.page.evaluate("document.documentElement.scrollWidth") == width
        looked.page.screenshot(path=pages.parent / f"{width}-{name}.png", full_page=True)
        found = Axe().run(looked.page)
        assert found.violations_count == 0, found.generate_report()
    looked.page.close()


def test_colours_follow_dark_mode_and_print_and_nothing_is_drawn_anew(
    browser: Browser, pages: Path
) -> None:
    page = browser.new_page(color_scheme="light")
    Looked(page).open(pages / "tenant-1.html")
    site = page.locator("#plot-board rect.site").element_handle()
    assert site

    def colours() -> list[str]:
        style = "getComputedStyle({}).{}".format
        found: list[str] = page.evaluate(
            f"site => [{style('site', 'fill')}, {style('document.body', 'backgroundColor')}]", site
        )
        return found

    light = colours()
    page.emulate_media(color_scheme="dark")
    assert not {*light} & {*colours()}
    page.emulate_media(media="print")
    assert colours() == light
    assert page.locator("#before").is_hidden()
    page.pdf(path=pages.parent / "tenant.pdf", format="A4")
    page.close()


def test_the_fleet_leads_to_each_tenant_those_first_that_need_somebody(
    browser: Browser, pages: Path
) -> None:
    looked = Looked(browser.new_page()).open(pages / "index.html")
    names = looked.page.locator("tbody th").all_inner_texts()
    assert names == ["Revoked", "Stale <i>Ltd</i>", "Acme & Sons", "Tenant 3"]
    cells = looked.page.locator("tbody td:nth-child(2)").all_inner_texts()
    assert cells == [
        "Never loaded",
        "Nothing loaded since Sat 31 Oct, 09:00: see its streams",
        "Loaded Sun 1 Nov, 12:00",
        "Loaded Sun 1 Nov, 11:55",
    ]
    looked.page.get_by_text("Tenant 3").click()
    looked.page.wait_for_selector(DRAWN)
    assert "This is the first load." in looked.text(".notice")
    assert looked.legend("board") == [
        "Shift",
        "Done before the first load",
        "No load in these hours",
    ]
    assert [*looked.bars("plot-board")] == ["shift", "hole", "edited"]
    not_yet = "Not known yet: this was the first load. Hours appear from the second load on."
    assert looked.text("#no-shares") == looked.text("#hours .missing") == not_yet
    assert looked.page.locator("#plot-shares").is_hidden()
    looked.page.goto((pages / "tenant-4.html").as_uri())
    assert "revoked the application" in looked.text("#freshness")
    assert looked.trouble == []
    looked.page.close()


def test_the_picture_of_the_documents_is_of_the_board(browser: Browser, pages: Path) -> None:
    take(browser, pages / "tenant-1.html", pages / "page.png")
    size = (pages / "page.png").stat().st_size
    assert 10_000 < size < 200_000
    assert PICTURE.stat().st_size < 200_000

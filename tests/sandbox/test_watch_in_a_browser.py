"""The page at `/` in a real browser: it draws what it is told, and text stays text."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from msgspec import structs
from playwright.sync_api import sync_playwright

from tests.support.caller import AFTERNOON, Caller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

ATTACK = "<script>document.title = 'attacked'</script><img src=x onerror=\"document.title='x'\">"
NUMBERS = [1000000001, 1000000007]


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    with Caller.of(tenants=NUMBERS, assignments=1500, at=AFTERNOON) as caller:
        everybody = caller.sandbox.tenant.company.technician
        first = min(everybody)
        everybody[first] = structs.replace(everybody[first], name=ATTACK)
        yield caller


@pytest.fixture(scope="module")
def trouble() -> list[str]:
    """What the browser complained of, and what it asked of others than the sandbox."""
    return []


@pytest.fixture(scope="module")
def page(caller: Caller, trouble: list[str]) -> Iterator[Page]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not here, so nobody has seen the page in a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(f"{caller.sandbox.url}/")
                else trouble.append(request.url)
            ),
        )
        page.goto(caller.sandbox.url)
        page.locator("#board tbody tr").first.wait_for()
        yield page
        browser.close()


def test_it_draws_each_line_and_text_stays_text(page: Page, caller: Caller) -> None:
    board = caller.session.get(f"{caller.sandbox.url}/sandbox/board", timeout=30).json()["board"]
    drawn = page.evaluate(
        """[...document.querySelectorAll("#board tbody tr")].map((line) => [
            line.cells[0].textContent,
            line.cells[2].textContent,
            [...line.querySelectorAll("button")].map((bar) => [
                bar.className, bar.getAttribute("aria-label"),
                bar.offsetWidth > 1, bar.offsetHeight > 1,
            ]),
        ])"""
    )
    assert [(name, says) for name, says, _ in drawn] == [
        (line["name"], line["says"]) for line in board["lines"]
    ]
    assert ATTACK in {name for name, _, _ in drawn}
    for (name, _, bars), line in zip(drawn, board["lines"], strict=True):
        expected = {(thing["kind"], f"{name}: {thing['says']}") for thing in line["things"]}
        assert {(kind, says) for kind, says, _, _ in bars} == expected
        assert all(wide and high for _, _, wide, high in bars)
    assert page.title() == "The sandbox's board"
    assert page.locator("main img, main script").count() == 0


def test_where_a_bar_is_follows_from_its_time(page: Page, caller: Caller) -> None:
    board = caller.session.get(f"{caller.sandbox.url}/sandbox/board", timeout=30).json()["board"]
    lefts = page.evaluate(
        """Object.fromEntries([...document.querySelectorAll(".day button")].map((bar) => {
            const [own, day] = [bar, bar.parentElement].map((each) => each.getBoundingClientRect());
            return [bar.dataset.key, 100 * (own.left - day.left) / day.width];
        }))"""
    )
    expected = {
        thing["key"]: thing["left"]
        for line in board["lines"]
        for thing in line["things"]
        if thing["width"]
    }
    assert {key: pytest.approx(left, abs=0.3) for key, left in expected.items()} == {
        key: lefts[key] for key in expected
    }


def test_the_keyboard_goes_from_bar_to_bar(page: Page) -> None:
    told = page.locator("#told")
    hint = told.text_content()
    stops = page.locator('#board button[tabindex="0"]')
    assert stops.count() == 1
    stops.focus()
    seen = [told.text_content()]
    for key in (*["ArrowDown"] * 3, "End", "ArrowLeft", "Home", "ArrowUp"):
        page.keyboard.press(key)
        seen.append(told.text_content())
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == seen[-1]
    assert hint not in seen
    start, *_, third, end, before, home, up = seen
    assert len({start, third, end, before, up}) == 5
    assert home == third  # the shift, which begins first
    assert stops.count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_checker_of_accessibility_finds_nothing(
    page: Page, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_it_goes_with_the_clock_and_what_is_written_arrives(page: Page, caller: Caller) -> None:
    before = page.locator("#now").text_content()
    caller.send("POST", "zones", {"name": ATTACK})
    caller.forward(hours=1)
    first = page.locator("#changes tbody tr", has_text=ATTACK)
    first.wait_for()
    assert first.locator("td").all_text_contents()[4].startswith("not yet")
    caller.get("zones")
    first.locator("td.yes").nth(1).wait_for()
    assert page.locator("#now").text_content() != before


def test_another_tenant_is_chosen_from_the_list(page: Page) -> None:
    names = page.locator("#board tbody th").all_text_contents()
    page.locator("#tenant").select_option(str(NUMBERS[1]))
    page.wait_for_function(
        "names => !names.includes(document.querySelector('#board tbody th').textContent)"
        " || document.querySelectorAll('#board tbody th').length !== names.length",
        arg=names,
    )
    assert page.url.endswith(f"/?tenant={NUMBERS[1]}")
    page.goto(f"{page.url}0")
    page.locator("#trouble", has_text="no tenant").wait_for()


def test_nothing_was_wrong_and_nothing_was_asked_of_others(page: Page, trouble: list[str]) -> None:
    assert [each for each in trouble if "404" not in each] == []
    assert page.evaluate("document.cookie") == ""

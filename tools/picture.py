"""Takes the picture of the page that the documents show.

`python -m tools.picture PAGE` opens a page in Chromium and writes `docs/images/page.png`.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tools.markdown import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PICTURE = ROOT / "docs/images/page.png"
WIDTH = 1200


def take(browser: Browser, page: Path, picture: Path) -> None:
    """Take a picture of a page, from its top down to the board's end.

    Args:
        browser: A browser.
        page: The file.
        picture: The file to write.
    """
    opened = browser.new_page(viewport={"width": WIDTH, "height": 800})
    opened.goto(page.resolve().as_uri())
    opened.wait_for_selector("#plot-board tbody")
    # How long ago it was loaded differs from day to day
    opened.evaluate("document.querySelectorAll('[data-at]').forEach((each) => each.remove())")
    height = opened.evaluate("document.getElementById('plot-board').getBoundingClientRect().bottom")
    opened.screenshot(
        path=picture, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height}
    )
    opened.close()


if __name__ == "__main__":
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        take(chromium, Path(sys.argv[1]), PICTURE)
        chromium.close()

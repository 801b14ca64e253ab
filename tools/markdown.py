"""Parts of the documents at the root of the repository."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md") for path in ROOT.glob(pattern)
)


def section(document: str, heading: str) -> str:
    """Return the text under a heading of a document."""
    return under((ROOT / document).read_text(encoding="utf-8"), heading)


def under(text: str, heading: str) -> str:
    """Return the part of a text under a heading, up to the next one of its level or above.

    Raises:
        LookupError: There is no such heading.
    """
    found = re.search(rf"^(##+) {re.escape(heading)}\n", text, re.MULTILINE)
    if found is None:
        raise LookupError(f"there is no heading {heading!r}")
    return re.split(rf"^#{{2,{len(found[1])}}} ", text[found.end() :], flags=re.MULTILINE)[0]


def rows(text: str) -> list[str]:
    """Return the rows of the first table of a text, as they are written, without its head."""
    _, _, begun = f"\n{text}".partition("\n|")
    table, _, _ = begun.partition("\n\n")
    return table.splitlines()[2:]


def cells(row: str) -> list[str]:
    """Return the cells of a row."""
    return [cell.strip() for cell in row.strip("|").split(" | ")]


def names_of_tests(text: str) -> list[str]:
    """Return the tests that a text names, as `tests/test_feed.py::test_it`, missing ones too."""
    return re.findall(r"`(tests/[\w/]+\.py::\w+)`", text)


def exists(test: str) -> bool:
    """Return whether there is a test with such a name."""
    file, _, name = test.partition("::")
    path = ROOT / file
    return path.exists() and f"\ndef {name}(" in path.read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Return what the code blocks in a language contain."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[str]:
    """Return the commands of the shell blocks of a text, those of several lines as one."""
    joined = (re.sub(r"\\\n\s*", "", block) for block in blocks(text, "sh"))
    return [line for block in joined for line in block.splitlines()]

"""Parts of the documents at the root of the repository."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def section(document: str, heading: str) -> str:
    """Return the text under a second-level heading of a document, up to the next one."""
    text = (ROOT / document).read_text(encoding="utf-8")
    pattern = rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)"
    found = re.search(pattern, text, re.DOTALL | re.MULTILINE)
    assert found, f"{document} has no section {heading!r}"
    return found[1]


def rows(text: str) -> list[str]:
    """Return the rows of the first table of a text, as they are written, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return lines[2:]


def blocks(text: str, language: str) -> list[str]:
    """Return what the code blocks in a language contain."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[str]:
    """Return the lines of the shell blocks of a text."""
    return [line for block in blocks(text, "sh") for line in block.splitlines()]

"""The colours of the style sheet: what is written can be read, and what is drawn can be seen."""

from __future__ import annotations

import re

import pytest

from tools.markdown import ROOT

SHEET = (ROOT / "tap_servicetitan_dispatch/page/static/page.css").read_text(encoding="utf-8")
WRITTEN = 4.5
DRAWN = 3
"""What WCAG asks of text, and of what has to be seen, at level AA."""


def colours(scheme: str) -> dict[str, tuple[float, ...]]:
    """Return the colours of a scheme, each as parts from 0 to 1."""
    light, dark = re.findall(r":root[^{]*\{([^}]*)\}", SHEET)[:2]
    text = light + dark if scheme == "dark" else light
    return {
        name: tuple(int(value[place : place + 2], 16) / 255 for place in (0, 2, 4))
        for name, value in re.findall(r"--([\w-]+): #([0-9a-f]{6});", text)
    }


def luminance(colour: tuple[float, ...]) -> float:
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_written_can_be_read(scheme: str) -> None:
    known = colours(scheme)
    pairs = [(ink, "ground") for ink in ("ink", "soft", "link", "bad")]
    pairs += [("ink", ground) for ground in ("notice", "shift", "pale", "full", "zero")]
    assert [pair for pair in pairs if contrast(*(known[each] for each in pair)) < WRITTEN] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_drawn_can_be_seen(scheme: str) -> None:
    known = colours(scheme)
    looks = ("site", "way", "paused", "unseen", "away", "idle", "done", "bad", "soft")
    for ground in ("ground", "shift"):
        faint = [look for look in looks if contrast(known[look], known[ground]) < DRAWN]
        assert faint == [], ground


def test_contrast_is_what_it_is_by_definition() -> None:
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    assert contrast((0.5, 0.5, 0.5), (1, 1, 1)) == pytest.approx(3.95, abs=0.05)

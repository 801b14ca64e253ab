"""The folder that is written, and what is in its files; how they look is in test_browser."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.page import fill
from tap_servicetitan_dispatch.page.marts import Marts
from tap_servicetitan_dispatch.page.site import (
    SHARED,
    NothingLoadedError,
    build,
    embedded,
    how_seen,
)
from tests.page.made import day, loads, state, tenant, write
from tests.page.week import LINES, ODD, fleet

if TYPE_CHECKING:
    from pathlib import Path

BOTH = [tenant(1), tenant(2, "Bolt")]


def built(file: Path, folder: Path) -> set[str]:
    """Build the pages of a file, and return the names of what is in the folder then."""
    with Marts(str(file)) as marts:
        build(marts, folder)
    return {path.name for path in folder.iterdir()}


def data_of(page: Path) -> Any:
    """Return what a page holds as JSON."""
    text = page.read_text(encoding="utf-8")
    (found,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL
    )
    return json.loads(found)


def test_a_single_tenant_is_the_first_page_and_of_several_each_has_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "output" / "page"
    file = tmp_path / "dispatch.duckdb"
    assert built(write(file, tenants=BOTH), folder) == {*SHARED} | {
        "index.html",
        "tenant-1.html",
        "tenant-2.html",
    }
    assert "All tenants" in (folder / "tenant-1.html").read_text(encoding="utf-8")
    assert built(write(file, tenants=BOTH[:1]), folder) == {*SHARED} | {"index.html"}
    assert "All tenants" not in (folder / "index.html").read_text(encoding="utf-8")


def test_a_page_has_the_same_rows_whoever_else_is_in_the_marts(tmp_path: Path) -> None:
    pages = []
    for others, name in ((0, "index.html"), (1, "tenant-1.html")):
        folder = tmp_path / name
        folder.mkdir()
        fill(folder / "dispatch.duckdb", 1 + others, technicians=12, days=3)
        built(folder / "dispatch.duckdb", folder)
        pages.append(data_of(folder / name))
    alone, beside = pages
    assert [chart["id"] for chart in alone["charts"] if chart["missing"]] == []
    assert beside == alone


def test_other_files_of_the_folder_stay(tmp_path: Path) -> None:
    other = tmp_path / "notes.html"
    other.write_text("mine", encoding="utf-8")
    built(write(tmp_path / "dispatch.duckdb", tenants=BOTH), tmp_path)
    assert other.read_text(encoding="utf-8") == "mine"


def test_without_a_tenant_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(NothingLoadedError):
        built(write(tmp_path / "dispatch.duckdb"), tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_a_page_is_never_there_by_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "page"
    file = write(tmp_path / "dispatch.duckdb", tenants=BOTH)
    before = built(file, folder)
    text = (folder / "page.css").read_bytes()

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(OSError, match="No space"):
        built(file, folder)
    assert {path.name for path in folder.iterdir()} == before
    assert (folder / "page.css").read_bytes() == text


def test_texts_cannot_end_the_data(tmp_path: Path) -> None:
    written = embedded([ODD, LINES, "\ud800", "&lt;"])
    assert not {*"<>&\u2028"} & {*written}
    assert json.loads(written) == [ODD, LINES, "\ud800", "&lt;"]
    folder = tmp_path / "page"
    built(fleet(tmp_path / "dispatch.duckdb"), folder)
    assert data_of(folder / "tenant-1.html")["names"]["7"] == ODD
    for page in folder.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "<i>Ltd" not in text
        assert re.search(r"<script(?! (src|type)=)|\son\w+=|javascript:", text) is None


def test_each_page_forbids_all_but_its_own_files(tmp_path: Path) -> None:
    folder = tmp_path / "page"
    built(fleet(tmp_path / "dispatch.duckdb"), folder)
    for page in folder.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
        assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy[0]
        assert re.findall(r"https?://", text.partition('id="data"')[0]) == []


def test_a_page_goes_back_thirty_days(tmp_path: Path) -> None:
    days = [f"2026-{month:02d}-{number:02d}" for month in (9, 10) for number in range(1, 31)]
    file = write(
        tmp_path / "dispatch.duckdb",
        tenants=[tenant()],
        loads=loads("2026-09-01 08:00", "2026-10-30 20:00"),
        tenant_day=[day(each) for each in days],
    )
    built(file, tmp_path / "page")
    data = data_of(tmp_path / "page" / "index.html")
    assert [each["day"] for each in data["days"]] == days[30:]
    assert [chart["id"] for chart in data["charts"]] == []


@pytest.mark.parametrize(
    ("share", "gap", "told"),
    [
        (None, None, ""),
        (0.504, None, "50% of what was done was seen from its dispatch on."),
        (
            0.9,
            59.8,
            "90% of what was done was seen from its dispatch on. Loads were up to 60 minutes apart",
        ),
    ],
)
def test_how_much_of_a_day_was_seen_is_told(
    share: float | None, gap: float | None, told: str
) -> None:
    assert (
        how_seen({"share_measured": share, "greatest_gap_minutes": gap}).partition(":")[0] == told
    )


def test_what_was_loaded_once_is_told_as_that(tmp_path: Path) -> None:
    file = write(
        tmp_path / "dispatch.duckdb",
        tenants=[tenant(0, None, tenant_number=None), tenant(2, "Bolt")],
        loads=[
            *loads("2026-10-30 08:00", tenant=0),
            *loads("2026-10-30 08:00", "2026-10-30 08:10", tenant=2),
        ],
        tenant_day=[day("2026-10-30", 0), day("2026-10-30", 2)],
    )
    built(file, tmp_path)
    first, second = ((tmp_path / f"tenant-{each}.html").read_text("utf-8") for each in (0, 2))
    assert "This is the first load." in first
    assert "This is the first load." not in second
    assert "Tenant without a number" in first
    assert "Tenant 2. Loaded last: Fri 30 October 2026, 08:10, America/Chicago." in second


DAY = "2026-10-30"
OTHER: dict[str, Any] = {"technician_id": 8, "appointment_id": 101}


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (state(2, "Done", f"{DAY} 09:00", **OTHER), True),
        (state(2, "Done", f"{DAY} 09:00"), False),
        (state(3, "Working", f"{DAY} 07:00", f"{DAY} 09:00", **OTHER), False),
    ],
    ids=["both were done", "another appointment", "one was taken off"],
)
def test_assignments_are_told_apart_from_appointments_where_there_are_more_of_them(
    tmp_path: Path, second: dict[str, Any], *, told: bool
) -> None:
    first = state(1, "Working", f"{DAY} 07:00", f"{DAY} 09:00")
    file = write(
        tmp_path / "dispatch.duckdb",
        tenants=[tenant()],
        loads=loads(f"{DAY} 06:00", f"{DAY} 18:00"),
        tenant_day=[day(DAY)],
        current_assignments=[{"assignment_id": 1, "technician_id": 7, "status": "Done"}],
        assignment_history=[first, second],
        coverage=[{"day": DAY, "done": 2, "measured": 1, "arrival_seen": 1}],
    )
    built(file, tmp_path / "page")
    (chart,) = data_of(tmp_path / "page" / "index.html")["charts"]
    sentence = "An appointment with two technicians counts as two assignments."
    assert (sentence in chart["seen"]) is told

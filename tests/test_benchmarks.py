"""The benchmarks work; what they measure is no part of what has to pass."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import benchmarks.__main__ as command
from benchmarks import marts, running
from benchmarks.marts import write
from benchmarks.running import PYTHON, Given, Took, bare, tap, timed
from benchmarks.table import lines
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tools.markdown import section

ROOT = Path(__file__).parents[1]
RESULTS: dict[str, Any] = json.loads((ROOT / "benchmarks/results.json").read_text())


def test_the_command_prints_its_table_and_keeps_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With figures that are made up: the test below runs what they are taken from."""
    took = Took(2.0, 1.0, 100.0, {"seconds": 1.0, "calls": {"feed": 3}})
    for name in ("bare", "tap", "timed"):
        monkeypatch.setattr(running, name, lambda *_: took)
    monkeypatch.setattr(command, "tap", lambda _: took)
    monkeypatch.setattr(marts, "build", lambda rows: rows / 20_000)
    kept = tmp_path / "results.json"
    options = ["--runs=1", "--rows=10000", "--latency=0.01", f"--json={kept}"]
    monkeypatch.setattr(sys, "argv", ["benchmarks", *options])
    command.main()
    results = json.loads(kept.read_text())
    assert capsys.readouterr().out.splitlines() == lines(results)
    assert [each["goal"] for each in results["figures"]] == [
        each["goal"].replace("60 and", "2 and") for each in RESULTS["figures"]
    ]


def test_tap_and_bare_loop_read_the_same_pages() -> None:
    given = Given(rows=12_000, latency=0.01, full_lists=True)
    feed = "export/appointment-assignments"
    assert bare(given).server["calls"] == {feed: 3}
    took = tap(given, ["appointment_assignments"])
    assert took.server["calls"] == {"/connect/token": 1, feed: 3}
    assert 0 < took.server["seconds"] < took.seconds
    assert took.peak_mib > 0


def test_marts_are_built_of_as_many_assignments_as_are_wanted(tmp_path: Path) -> None:
    write(3, tmp_path)
    (file,) = tmp_path.iterdir()
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    streams = TapServiceTitanDispatch(validate_config=False).streams
    assert [row["id"] for row in rows] == [0, 1, 2]
    fields = streams["appointment_assignments"].schema["properties"]
    assert rows[0].keys() == fields.keys()


def test_a_command_that_fails_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match="No module named nowhere"):
        timed([PYTHON, "-m", "nowhere"], {})


def test_the_readme_shows_the_last_figures() -> None:
    shown = section("README.md", "How fast it is")
    assert "\n".join(lines(RESULTS)) in shown
    assert f"Measured on {RESULTS['date']}, {RESULTS['cores']} cores" in shown
    assert RESULTS["python"].startswith("3.11.")
    assert "with Python 3.11 " in shown

"""The benchmarks work; what they measure is no part of what has to pass."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.running import Given, bare, tap
from benchmarks.table import lines
from tools.markdown import section

ROOT = Path(__file__).parents[1]
RESULTS: dict[str, Any] = json.loads((ROOT / "benchmarks/results.json").read_text())


def test_the_command_prints_its_table_and_keeps_its_figures(tmp_path: Path) -> None:
    kept = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", "--runs=1", "--rows=10000", "--latency=0.01"]
    command.append(f"--json={kept}")
    ran = subprocess.run(  # noqa: S603 - our own command
        command, cwd=ROOT, capture_output=True, text=True, check=True
    )
    results = json.loads(kept.read_text())
    assert ran.stdout.splitlines() == lines(results)
    assert [each["goal"] for each in results["figures"]] == [
        each["goal"].replace("60", "2") for each in RESULTS["figures"]
    ]


def test_tap_and_bare_loop_read_the_same_pages() -> None:
    given = Given(rows=12_000)
    feed = "export/appointment-assignments"
    assert bare(given).server["calls"] == {feed: 3}
    assert tap(given, ["appointment_assignments"]).server["calls"] == {"/connect/token": 1, feed: 3}


def test_the_readme_shows_the_last_figures() -> None:
    shown = section("README.md", "How fast it is")
    assert "\n".join(lines(RESULTS)) in shown
    assert f"Measured on {RESULTS['date']}, {RESULTS['cores']} cores" in shown
    assert RESULTS["python"].startswith("3.11.")
    assert "with Python 3.11 " in shown

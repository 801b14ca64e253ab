"""The benchmarks work; what they measure is no part of what has to pass."""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

import benchmarks.__main__ as command
from benchmarks import alternatives, fleet_server, loads, marts, page, project, running
from benchmarks import fleet as fleets
from benchmarks.chart import PLACES, chart
from benchmarks.marts import write
from benchmarks.project import ADDRESS, BARE, COMMANDS, OURS, PLAIN, Load, Project
from benchmarks.running import PYTHON, Given, Took, bare, tap, timed
from benchmarks.table import lines, load_lines
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tools.markdown import section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.fleet.shards import Fleet

pytestmark = pytest.mark.no_cover

ROOT = Path(__file__).parents[1]
RESULTS: dict[str, Any] = json.loads((ROOT / "benchmarks/results.json").read_text())
FLEET: dict[str, Any] = json.loads((ROOT / "benchmarks/fleet.json").read_text())


def test_the_command_prints_its_table_and_keeps_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With figures that are made up: the test below runs what they are taken from."""
    took = Took(2.0, 1.0, 100.0, {"seconds": 1.0, "calls": {"feed": 3}})
    for name in ("bare", "tap", "timed"):
        monkeypatch.setattr(running, name, lambda *_: took)
    monkeypatch.setattr(running, "state_mib", lambda _: 1.0)
    monkeypatch.setattr(command, "tap", lambda _: took)
    monkeypatch.setattr(project, "with_next_sdk", lambda _: "python")
    monkeypatch.setattr(marts, "build", lambda rows: rows / 20_000)
    monkeypatch.setattr(page, "made", lambda *_: page.Made(20.0, 200.0, 1.5))
    monkeypatch.setattr(page, "usable", lambda *_: 1.0)
    monkeypatch.setattr(loads, "measured", lambda rows: [each | {"rows": rows} for each in LOADS])
    kept = tmp_path / "results.json"
    options = ["--runs=1", "--rows=10000", "--latency=0.01", f"--json={kept}"]
    monkeypatch.setattr(sys, "argv", ["benchmarks", *options])
    command.main()
    results = json.loads(kept.read_text())
    shown = [*lines(results), "", *load_lines(results)]
    assert capsys.readouterr().out.splitlines() == shown
    assert [each["goal"] for each in results["figures"]] == [
        each["goal"].replace("60 and", "2 and") for each in RESULTS["figures"]
    ]


LOADS: list[dict[str, Any]] = RESULTS["loads"]


def test_all_loads_that_are_compared_are_measured_as_often_as_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With places and a project that are made up: the tests below load into real ones."""
    states: list[str] = []

    class NoProject:
        def load(self, tap: str, target: str, variables: dict[str, str], state: str) -> Load:
            assert (tap, target) == (OURS, "target-jsonl")
            assert variables[ADDRESS].startswith("http://127.0.0.1:")
            states.append(state)
            return Load(len(states), {"tap": 1.0})

    @contextmanager
    def places(_: Path) -> Iterator[tuple[NoProject, dict[str, Any]]]:
        into = {place for _, place in loads.TIMES}
        yield NoProject(), {each: lambda *_: Load(2.0, {"tap": 1.0}) for each in into}

    monkeypatch.setattr(loads, "_places", places)
    measured = loads.measured(10)
    keys = [(each["by"], each["into"], len(each["seconds"])) for each in measured]
    assert keys == [(each["by"], each["into"], len(each["seconds"])) for each in LOADS]
    assert [each["seconds"] for each in measured[-2:]] == [[2, 3, 4], [6, 7, 8]], (
        "the second run on"
    )
    assert states == [loads.IDLE] * 4 + [loads.IDLE_IN_SANDBOX] * 4


@pytest.mark.parametrize("name", COMMANDS)
def test_each_tap_writes_all_rows_into_a_file(name: str, tmp_path: Path) -> None:
    with running.serving(Given(rows=5_001, distinct=True)) as (url, report):
        load = loads.by_itself(tmp_path / "file", name, url, 5_001)
    assert load.cpu["tap"] > 0
    records = [
        message["record"]
        for message in map(json.loads, (tmp_path / "file").read_text().splitlines())
        if message["type"] == "RECORD"
    ]
    assert len({record["id"] for record in records}) == 5_001
    pages = {path: count for path, count in report["calls"].items() if "assignments" in path}
    assert pages == {
        "appointment-assignments" if name == PLAIN else "export/appointment-assignments": 2
    }


def test_a_load_that_lacks_rows_is_no_figure(tmp_path: Path) -> None:
    with (
        running.serving(Given(rows=1, distinct=True)) as (url, _),
        pytest.raises(RuntimeError, match="1 rows of 2 have arrived"),
    ):
        loads.by_itself(tmp_path / "file", BARE, url, 2)


@pytest.mark.warehouse
def test_a_load_is_timed_with_the_share_of_each_process(tmp_path: Path) -> None:
    project = Project(tmp_path, Path(sys.executable).parent, ["target-jsonl"])
    with running.serving(Given(rows=100, distinct=True)) as (url, _):
        load = loads.into_files(project, OURS, url, 100)
        loads.into_files(project, BARE, url, 100)
    assert set(load.cpu) == {"discovery", "tap", "target", "Meltano"}
    assert all(0 < seconds < load.seconds for seconds in load.cpu.values())


def test_each_place_of_the_picture_has_its_seconds_and_rows_a_second() -> None:
    texts = re.findall(r"<text [^>]*>([^<]*)</text>", chart(RESULTS))
    shown = [each for each in LOADS if each["into"] in PLACES]
    assert len(shown) == 3 * len(PLACES)
    for each in shown:
        seconds = statistics.median(each["seconds"])
        assert f"{seconds:.1f} s · {each['rows'] / seconds:,.0f} rows/s" in texts


def test_tap_and_bare_loop_read_the_same_pages() -> None:
    given = Given(rows=12_000, latency=0.01, full_lists=True)
    feed = "export/appointment-assignments"
    assert bare(given).server["calls"] == {feed: 3}
    took = tap(given, ["appointment_assignments"])
    assert took.server["calls"] == {"/connect/token": 1, feed: 3}
    assert 0 < took.server["seconds"] < took.seconds
    assert took.peak_mib > 0


def test_a_small_page_is_measured() -> None:
    made = page.made(2, 3, 2)
    assert made.seconds > 0
    assert made.peak_mib > 20
    assert 0.01 < made.page_mb < 0.1


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium on the PATH")
def test_the_time_until_a_small_page_is_usable_is_measured() -> None:
    assert page.usable(3, 2) > 0


def test_marts_are_built_of_as_many_assignments_as_are_wanted(tmp_path: Path) -> None:
    write(20, tmp_path)
    seen, last, shifts = (
        [json.loads(line) for line in file.read_text().splitlines()]
        for file in sorted(tmp_path.iterdir())
    )
    streams = TapServiceTitanDispatch(validate_config=False).streams
    assert [row["id"] for row in last] == [*range(20)]
    assert [row["id"] for row in last if not row["active"]] == [19]
    assert {(row["id"], row["status"]) for row in seen} == {
        (number, status) for number in range(0, 20, 5) for status in ("Dispatched", "Working")
    }
    fields = streams["appointment_assignments"].schema["properties"]
    assert seen[0].keys() == last[0].keys() == fields.keys()
    assert shifts[0].keys() <= streams["technician_shifts"].schema["properties"].keys()


def test_a_command_that_fails_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match="No module named nowhere"):
        timed([PYTHON, "-m", "nowhere"], {})


def test_the_pages_show_the_last_figures() -> None:
    shown = section("docs/benchmarks.md", "All figures")
    assert "\n".join(lines(RESULTS)) in shown
    assert f"Measured on {RESULTS['date']}, {RESULTS['cores']} cores" in shown
    assert RESULTS["python"].startswith("3.11.")
    assert "with Python 3.11 " in shown
    (load,) = (
        each for each in LOADS if (each["by"], each["into"]) == ("this tap", "target-postgres")
    )
    seconds, cpu = (
        statistics.median(each)
        for each in (load["seconds"], [process["tap"] for process in load["cpu"]])
    )
    told = f"Of {seconds:.0f} s for {load['rows']:,} rows into PostgreSQL"
    readme = section("README.md", "How fast it is").replace("\n", " ")
    assert f"{told}, the tap takes {cpu:.0f} s of CPU" in readme


def test_other_ways_are_measured_in_turn_and_lose_no_row(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With programs that are made up: to install real ones takes longer than all other tests."""
    asked: list[str] = []

    class Database:
        rows = "10"

        def value_of(self, sql: str) -> str:
            asked.append(sql)
            return self.rows

    @contextmanager
    def ready(folder: Path, url: str) -> Iterator[tuple[Database, dict[str, list[str]]]]:
        assert folder.is_dir()
        ways = (alternatives.TAP, alternatives.DECLARED, alternatives.TABLES)
        yield Database(), {by: [PYTHON, "-c", f"print({url!r})"] for by in ways}

    monkeypatch.setattr(alternatives, "_ready", ready)
    kept = tmp_path / "kept.json"
    options = ["--rows=10", "--runs=2", f"--json={kept}"]
    monkeypatch.setattr(sys, "argv", ["benchmarks.alternatives", *options])
    alternatives.main()
    found = json.loads(kept.read_text())
    assert capsys.readouterr().out.splitlines() == alternatives.lines(found)
    assert [len(each["seconds"]) for each in found["ways"]] == [2, 2, 2]
    assert sum(sql.startswith("drop schema loaded") for sql in asked) == 6, "each begins anew"
    monkeypatch.setattr(Database, "rows", "9")
    with pytest.raises(RuntimeError, match="9 rows of 10 have arrived"):
        alternatives.main()


def test_the_page_shows_how_dlt_was_measured() -> None:
    kept = json.loads((ROOT / "benchmarks/alternatives.json").read_text())
    text = section("docs/benchmarks.md", "Beside dlt").replace("\n", " ")
    assert f"{kept['rows']:,} rows of the feed" in text
    assert kept["packages"][1:] == [*alternatives.DLT]
    version = alternatives.DLT[0].rpartition("==")[2]
    assert f"with dlt {version} on {kept['date']} by `python -m benchmarks.alternatives`" in text
    ours, declared, tables = (statistics.median(each["seconds"]) for each in kept["ways"])
    assert tables < ours < declared, "as the page and the README say"
    readme = section("README.md", "How fast it is").replace("\n", " ")
    assert f"takes {ours / declared:.1f} times as long as dlt's `rest_api` source" in readme
    assert f"and {ours / tables:.1f} times as long as dlt with Arrow tables" in readme


# The fleet ------------------------------------------------------------------------------------


def test_a_small_fleet_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With figures that are made up, but for those of the server, whom a call is made of."""

    def run(fleet: Fleet, _: object) -> list[fleets.Took]:
        url = os.environ["TAP_SERVICETITAN_DISPATCH_API_URL"]
        for tenant in fleet.shards[0].tenants:
            requests.get(f"{url}/dispatch/v2/tenant/{tenant}/zones", timeout=30)
        return [fleets.Took(1.5, 100, 10, 1) for _ in fleet.shards]

    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setattr(fleets, "_install", lambda _: None)
    monkeypatch.setattr(fleets, "_all_shards", run)
    kept = tmp_path / "fleet.json"
    options = ["--tenants=6", "--shard=2", "--failing=1", f"--json={kept}"]
    monkeypatch.setattr(sys, "argv", ["benchmarks.fleet", *options])
    fleets.main()
    results = json.loads(kept.read_text())
    assert capsys.readouterr().out.splitlines() == fleets.lines(results)
    assert {each["calls"] for each in results["figures"]} == {2}
    assert {each["cpu_seconds"] for each in results["figures"]} == {4.5}
    assert [each["what"].replace("1 tenants", "10 tenants") for each in results["figures"]] == [
        each["what"] for each in FLEET["figures"]
    ]
    # 4.5 CPU seconds for 6 tenants: 800 in 600 of them
    assert fleets.lines(results)[-1].endswith("| 2 | 800 | 3.8 |")


def test_the_server_of_the_fleet_refuses_what_is_too_soon_and_whoever_it_is_told_to() -> None:
    with fleet_server.Server(timer=lambda: 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        told = {"token": "b", "rows": 3, "failing": [2]}
        requests.put(f"{url}/now", json=told, timeout=30)
        feed = "export/appointment-assignments"
        first, second, refused, empty = (
            requests.get(f"{url}/dispatch/v2/tenant/{path}", timeout=30)
            for path in (f"1/{feed}?from=a", f"1/{feed}?from=b", f"2/{feed}", "1/zones")
        )
        assert (len(first.json()["data"]), first.json()["continueFrom"]) == (3, "b")
        assert second.json()["data"] == empty.json()["data"] == []
        assert refused.status_code == 401
        server.recent["3"].extend([0] * 60)
        limited = requests.get(f"{url}/dispatch/v2/tenant/3/zones", timeout=30)
        assert (limited.status_code, limited.headers["Retry-After"]) == (429, "1")
        server.shutdown()
        assert server.seen == {"calls": 5, "too_soon": 1, "most_a_second": 3}


def test_the_page_of_fleets_shows_the_last_figures() -> None:
    text = section("docs/fleets.md", "How many tenants a core refreshes")
    assert "\n".join(fleets.lines(FLEET)) in text
    words = " ".join(text.split())
    assert f"{FLEET['tenants']} tenants, in shards of {FLEET['shard']}" in words
    assert f"Each of {FLEET['cores']} cores" in words.replace("two", "2")
    assert f"{fleets.AT_ONCE} requests at a time" in words
    assert f"after {fleet_server.LATENCY} s" in words
    assert f"{fleet_server.CALLS_A_SECOND} calls a second for each tenant" in words

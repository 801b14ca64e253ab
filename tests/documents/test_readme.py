from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.sandbox import Sandbox, cli
from tap_servicetitan_dispatch.streams import NAMES, ON_REQUEST
from tests.support.caller import Caller, Clock
from tests.support.vendor import definition
from tools.declared import PREFIX, own_settings
from tools.definition import operations_in
from tools.markdown import ROOT, blocks, commands, rows, section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.runs import Command

    Row = dict[str, Any]

pytestmark = pytest.mark.no_cover


SANDBOX = "from tap_servicetitan_dispatch.__main__ import sandbox; sandbox()"


def test_the_operations_are_those_that_the_vendor_defines() -> None:
    listed = [
        row.split("`")[1] for row in rows(section("docs/streams.md", "Every operation of the API"))
    ]
    assert sorted(listed) == sorted(operations_in(definition()))


def test_it_names_all_streams() -> None:
    text = section("README.md", "Streams")
    assert [name for name in (*NAMES, *ON_REQUEST) if f"`{name}`" not in text] == []


def test_one_line_loads_something() -> None:
    first, *_ = commands(section("README.md", "Try it"))
    assert first.startswith("python3 -m venv .venv && ")
    assert ".venv/bin/meltano el " in first


def test_one_line_tests_it_and_ci_begins_with_it() -> None:
    (line,) = commands(section("README.md", "Test it"))
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert re.findall(r"^run (\S+)", script, re.MULTILINE)[0] == line
    assert os.access(ROOT / line, os.X_OK)


def test_the_meltano_that_is_tried_is_the_one_that_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tools = [tool for tool in project["dependency-groups"]["dev"] if isinstance(tool, str)]
    (pin,) = (tool for tool in tools if tool.startswith("meltano="))
    first, *_ = commands(section("README.md", "Try it"))
    assert f" {pin} " in first


def test_what_is_changed_in_the_sandbox_arrives(tap: Command) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not here")
    lines = commands(section("README.md", "Change something and watch it arrive"))
    start, change, again = lines
    assert start.endswith(" invoke tap-servicetitan-dispatch:sandbox")
    port = next(option.default for option in cli.main.params if option.name == "port")
    address = f"http://127.0.0.1:{port}"
    assert again.startswith(f"{PREFIX}API_URL={address} .venv/bin/meltano el ")
    sought = again.partition('grep -h "')[2].partition('"')[0]

    with Sandbox(clock=Clock(), assignments=100) as sandbox:
        config = {"environment": "sandbox", "api_url": sandbox.url}
        before = tap.run(config, streams=("zones",))
        ours = f"{sys.executable} -c '{SANDBOX}' --port={sandbox.url.rpartition(':')[2]}"
        assert change.count(start) == 1
        script = change.replace(start, ours)
        subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True)  # noqa: S603, S607 - the README's own lines
        after = tap.run(config, before.states[-1], streams=("zones",))
    assert sought not in json.dumps(before.records)
    assert sought in json.dumps(after.records)


def test_the_demo_of_faults_uses_options_and_settings_that_there_are() -> None:
    start, *others = commands(section("docs/operations.md", "See it recover"))
    _, _, options = start.partition(" invoke tap-servicetitan-dispatch:sandbox ")
    given = cli.main.make_context("sandbox", options.split()).params
    assert (given["speed"], given["fault_rate"]) == (0, "0.15")
    exported = re.findall(rf"{PREFIX}(\w+)=", " ".join(others))
    assert set(exported) == {"API_URL", "PAGE_SIZE"}
    assert {name.lower() for name in exported} <= own_settings().keys()


@pytest.fixture
def caller() -> Iterator[Caller]:
    with Caller.of() as caller:
        yield caller


def assigned(assignments: list[Row]) -> set[tuple[int, int]]:
    """Return (appointment, technician) as the query of the documents has it."""
    (query,) = blocks(section("docs/concepts.md", "The latest assignment counts"), "sql")
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(
            'create table appointment_assignments ("id", "technicianId", "appointmentId", "active",'
            ' "modifiedOn")'
        )
        database.executemany(
            "insert into appointment_assignments values"
            " (:id, :technicianId, :appointmentId, :active, :modifiedOn)",
            [row | {"modifiedOn": sortable(row["modifiedOn"])} for row in assignments],
        )
        database.row_factory = sqlite3.Row
        found = database.execute(query).fetchall()
    return {(row["appointmentId"], row["technicianId"]) for row in found}


def sortable(instant: str) -> str:
    """Return an instant as text that sorts as a timestamp does, which SQLite does not have."""
    whole, _, fraction = instant.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<7}Z"


def test_the_query_finds_who_is_assigned_after_a_change_of_hands(caller: Caller) -> None:
    def read() -> list[Row]:
        page = caller.get("appointment-assignments", active="Any", pageSize=5000)
        assignments: list[Row] = page["data"]
        return assignments

    loaded = read()
    row = next(row for row in reversed(loaded) if row["status"] == "Scheduled" and row["active"])
    appointment = row["appointmentId"]
    technicians = {each["technicianId"] for each in loaded}
    other = min(technicians - {one for visit, one in assigned(loaded) if visit == appointment})
    path = "appointment-assignments"
    crew = {"jobAppointmentId": appointment}
    caller.send("POST", f"{path}/assign-technicians", crew | {"technicianIds": [other]})
    gone = crew | {"technicianIds": [row["technicianId"]]}
    caller.send("POST", f"{path}/unassign-technicians", gone)

    before, after = assigned(loaded), assigned(loaded + read())
    assert (appointment, row["technicianId"]) in before
    assert after - before == {(appointment, other)}
    assert before - after == {(appointment, row["technicianId"])}


def test_the_query_leaves_out_who_only_looks_assigned() -> None:
    with Caller.of(assignments=4_000) as caller:
        loaded = caller.get("appointment-assignments", active="Any", pageSize=5000)["data"]
    looks = {(row["appointmentId"], row["technicianId"]) for row in loaded if row["active"]}
    assert assigned(loaded) < looks


def test_the_query_goes_by_the_latest_row_although_an_older_one_looks_live() -> None:
    row = {"technicianId": 7, "appointmentId": 1}
    older = row | {"id": 1, "active": True, "modifiedOn": "2026-11-01T08:00:00Z"}
    latest = row | {"id": 2, "active": False, "modifiedOn": "2026-11-01T08:00:00.5Z"}
    assert assigned([older]) == {(1, 7)}
    assert assigned([latest, older]) == set()
    assert assigned([older, latest | {"technicianId": 8}]) == {(1, 7)}

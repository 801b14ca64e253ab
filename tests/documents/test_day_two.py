"""What the page of the second week shows is run, and does what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.caller import Caller
from tests.support.contents import contents
from tests.support.group import values
from tests.support.projects import Project, records_in
from tests.support.shell import run_shell
from tests.support.stored import by_jsonl, latest, stored
from tools.markdown import ROOT, blocks, commands, section

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runs import Command

pytestmark = pytest.mark.warehouse

PAGE = "docs/day-two.md"
NORTH, SOUTH = 1_000_000_001, 1_000_000_002


def config_of(caller: Caller) -> dict[str, Any]:
    return {"environment": "sandbox", "api_url": caller.sandbox.url}


def test_the_commands_of_the_page_do_what_it_says(
    installed: Path, tmp_path: Path, tap: Command
) -> None:
    (folder := tmp_path / "project").mkdir()
    project = Project.copied_to(folder, installed)
    output = project.folder / "output"
    with Caller.of(assignments=60, tenants=[NORTH, SOUTH]) as caller:
        config = config_of(caller)
        before = tap.run(config | {"tenant_id": NORTH}, streams=None).states[-1]
        group = tap.run(config | {"tenants": [NORTH, SOUTH]}, streams=None).states[-1]
        for name, state in (("day-two", before), ("group", group)):
            (output / f"{name}.json").write_text(json.dumps({"singer_state": state}))
        given = [
            f".venv/bin/meltano state set --force {name} --input-file output/{name}.json"
            for name in ("day-two", "group")
        ]
        variables = {
            "TAP_SERVICETITAN_DISPATCH_API_URL": caller.sandbox.url,
            "TAP_SERVICETITAN_DISPATCH_TENANT_ID": str(NORTH),
        }
        lines = commands((ROOT / PAGE).read_text(encoding="utf-8"))
        few = next(number for number, line in enumerate(lines) if line.endswith(" some"))
        run_shell([*given, *lines[:few]], project.folder, **variables)
        (chosen,) = blocks(section(PAGE, "Read less"), "yaml")
        project.describe(yaml.safe_load(chosen))
        run_shell(lines[few:], project.folder, **variables)
        expected = contents(caller)

    loaded = records_in(project.files("jsonl"))
    assert loaded.keys() == {"teams", "zones"}
    again, names = sorted(path for path in project.files("jsonl") if path.name.startswith("zones"))
    assert len(again.read_text().splitlines()) == len(expected["zones"])
    assert {frozenset(json.loads(line)) for line in names.read_text().splitlines()} == {
        frozenset({"id", "name", "modifiedOn"})
    }
    kept = json.loads((output / "day-two.json").read_text())["singer_state"]["bookmarks"]
    assert kept == before["bookmarks"], "of zones it is the same again"
    rest = json.loads((output / "rest.json").read_text())["singer_state"]
    assert values(rest) == {
        stream: {NORTH: each[NORTH]} if each else {} for stream, each in values(group).items()
    }
    removal = (output / "removal.txt").read_text()
    assert removal[removal.index("-- Tenant") : removal.index("end $$;")].count(str(SOUTH)) > 1


def test_a_loop_that_is_killed_loses_nothing(project: Project, tmp_path: Path) -> None:
    (loop,) = blocks(section(PAGE, "Run it without Meltano"), "bash")
    (output := tmp_path / "output").mkdir()
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (output / "target").symlink_to(project.folder / ".meltano/loaders/target-jsonl/venv")
    (output / "target.json").write_text(json.dumps({"destination_path": "output"}))
    with Caller.of(assignments=60) as caller:
        (output / "config.json").write_text(json.dumps(config_of(caller)))
        killed = subprocess.Popen(  # noqa: S603 - the document's own lines
            ["bash", "-c", loop.replace("sleep 600", "echo waits; sleep 600")],  # noqa: S607 - any will do
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert killed.stdout
        assert killed.stdout.readline() == b"waits\n"
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
        with (output / "states.jsonl").open("a") as states:
            states.write('{"bookmarks": {"zo')  # as a kill in the middle of a line leaves it
        files = {*output.glob("*-*.jsonl")}
        zone = caller.get("zones")["data"][0]
        caller.forward(hours=1)
        caller.send("PATCH", f"zones/{zone['id']}", {"name": "Edited"})
        subprocess.run(  # noqa: S603 - the document's own lines
            ["bash", "-c", loop.replace("sleep 600", "break")],  # noqa: S607 - any will do
            cwd=tmp_path,
            check=True,
        )
        first, second = (
            records_in(those) for those in (files, {*output.glob("*-*.jsonl")} - files)
        )
        assert latest([first, second]) == stored(contents(caller), by_jsonl)
    assert len(second["zones"]) < len(first["zones"])

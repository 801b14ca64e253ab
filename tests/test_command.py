"""The command line, as in any SDK tap, against the sandbox inside the tap's own process."""

from __future__ import annotations

import gc
import json
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tap_servicetitan_dispatch import __version__
from tap_servicetitan_dispatch.client.tenant_clients import TenantClients
from tap_servicetitan_dispatch.sandbox import Sandbox
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tests.support.runs import FEED_ONLY, catalog_of
from tests.support.streams import ALL_STREAMS, EXTRA, OFFERED

if TYPE_CHECKING:
    from tests.support.runs import Command

SANDBOX = {"environment": "sandbox"}


@pytest.mark.no_cover
def test_the_executable_and_the_module_are_the_taps_command() -> None:
    executable = str(Path(sys.executable).with_name("tap-servicetitan-dispatch"))
    for command in ([executable], [sys.executable, "-m", "tap_servicetitan_dispatch"]):
        ran = subprocess.run(  # noqa: S603 - our own command
            [*command, "--version"], check=True, capture_output=True, text=True
        )
        assert ran.stdout.startswith(f"tap-servicetitan-dispatch v{__version__}, Meltano SDK v")


def test_ctrl_c_while_the_tap_is_being_imported_shows_no_traceback() -> None:
    code = (
        "import os, signal, sys, tap_servicetitan_dispatch.__main__ as command;"
        "sys.modules['tap_servicetitan_dispatch.tap'] = type('', (), {'__getattr__':"
        "lambda *_: os.kill(os.getpid(), signal.SIGINT)})();"
        "command.main()"
    )
    ran = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (-signal.SIGINT, "", "")


def test_discovery_imports_only_what_it_needs_and_garbage_is_collected_afterwards() -> None:
    code = (
        "import atexit, gc, sys; from tap_servicetitan_dispatch.__main__ import main;"
        "atexit.register(lambda: print(gc.isenabled(), gc.get_freeze_count() > 0, *sorted("
        "{'fastapi', 'pendulum', 'tap_servicetitan_dispatch.client.client'} & sys.modules.keys()),"
        "file=sys.stderr)); main()"
    )
    ran = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code, "--discover"], check=True, capture_output=True, text=True
    )
    assert ran.stderr.splitlines()[-1] == "True True"


@pytest.mark.parametrize("frozen", [0, 1], ids=["a process of others", "the command's own"])
def test_no_garbage_is_looked_for_while_the_sandbox_is_made(
    monkeypatch: pytest.MonkeyPatch, frozen: int
) -> None:
    class NoSandbox:
        url = "http://127.0.0.1:9"

        def start(self) -> None:
            collected.append(gc.isenabled())

    collected: list[bool] = []
    freezes: list[int] = []
    monkeypatch.setattr(gc, "get_freeze_count", lambda: frozen)
    monkeypatch.setattr(gc, "freeze", lambda: freezes.append(1))
    monkeypatch.setattr("tap_servicetitan_dispatch.sandbox.Sandbox", NoSandbox)
    tap = TapServiceTitanDispatch(config=SANDBOX)
    clients = TenantClients(tap.config, sleep=time.sleep, max_retries=0)
    clients.of(clients.tenants[0])
    collected.append(gc.isenabled())
    assert collected == [False, True]
    # What others have made is not left out of their collections
    assert len(freezes) == frozen


@pytest.mark.no_cover
@pytest.mark.parametrize("command", ["main", "sandbox"])
def test_without_the_extra_the_sandbox_says_in_one_line_what_to_install(
    tap: Command, command: str
) -> None:
    code = (
        "import sys; sys.modules['fastapi'] = None;"
        f"from tap_servicetitan_dispatch.__main__ import {command} as run; run()"
    )
    arguments = tap.arguments(SANDBOX) if command == "main" else []
    ran = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code, *arguments], check=False, capture_output=True, text=True
    )
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert ran.stderr.count("the sandbox needs fastapi, which is not installed") == 1
    assert "install the tap with its extra sandbox" in ran.stderr.splitlines()[-1]


def test_version_is_the_packages(tap: Command) -> None:
    run = tap.run(None, None, None, "--version")
    sdk = version("singer-sdk")
    assert run.stdout == f"tap-servicetitan-dispatch v{__version__}, Meltano SDK v{sdk}\n"


def test_about_names_all_settings(tap: Command) -> None:
    run = tap.run(None, None, None, "--about", "--format", "json")
    about = json.loads(run.stdout)
    assert about["name"] == "tap-servicetitan-dispatch"
    assert {"environment", "client_secret", "start_date"} <= about["settings"]["properties"].keys()


def test_discover_needs_no_settings(tap: Command) -> None:
    catalog = tap.discover()
    assert tuple(stream["tap_stream_id"] for stream in catalog["streams"]) == OFFERED


@pytest.mark.no_cover
def test_test_reads_one_record_of_each_stream_of_the_sandbox(tap: Command) -> None:
    run = tap.run({**SANDBOX, "extra_streams": [*EXTRA]}, None, None, "--test")
    assert run.exit_code == 0
    read = [message["stream"] for message in run.messages if message["type"] == "RECORD"]
    nobody_on_the_way = {"technician_tracking"} - set(read)  # by night
    assert read == [stream for stream in ALL_STREAMS if stream not in nobody_on_the_way]


def test_in_the_sandbox_each_tenant_number_is_a_contractor_of_its_own(tap: Command) -> None:
    north, south = (
        tap.run({**SANDBOX, "tenant_id": number}, streams=("business_hours", "zones"))
        for number in ("1000000002", "1000000003")
    )
    assert (north.exit_code, south.exit_code) == (0, 0)
    assert [run.records[0]["tenantId"] for run in (north, south)] == [1000000002, 1000000003]
    assert north.records[1:] != south.records[1:]


@pytest.mark.no_cover
def test_a_run_against_the_sandbox_and_a_second_one_from_its_state(tap: Command) -> None:
    first = tap.run(SANDBOX)
    assert first.exit_code == 0
    assert 15_000 < len(first.records) < 25_000
    assert len({record["id"] for record in first.records}) == len(first.records)
    second = tap.run(SANDBOX, first.states[-1], catalog_of(*FEED_ONLY))
    assert second.exit_code == 0
    assert len(second.records) < 500
    assert second.bookmark


@pytest.mark.no_cover
def test_a_sandbox_that_runs_on_its_own_gives_the_same_rows(tap: Command) -> None:
    with Sandbox() as sandbox:
        own = tap.run({**SANDBOX, "api_url": sandbox.url})
        assert any(call.path.endswith("/export/appointment-assignments") for call in sandbox.calls)
    rows, inside = (
        {
            (record.pop("id"), record.pop("modifiedOn")): (record, record.pop("continueFrom"))[0]
            for record in run.records
        }
        for run in (own, tap.run(SANDBOX))
    )
    both = rows.keys() & inside.keys()
    assert len(rows.keys() ^ inside.keys()) < 50, "what changed in the second between the two"
    assert {key: rows[key] for key in both} == {key: inside[key] for key in both}


def test_a_file_that_is_not_json_is_said_in_one_line(tap: Command) -> None:
    path = tap.folder / "broken.json"
    path.write_text("{")
    for option in ("--config", "--state", "--catalog"):
        run = tap.run(None, None, None, option, str(path))
        assert run.exit_code == 1
        assert f"broken.json given with {option} is not JSON: " in run.errors[-1]


def test_a_file_that_is_not_there_is_said_in_one_line(tap: Command) -> None:
    run = tap.run(None, None, None, "--config", str(tap.folder / "nowhere.json"))
    assert run.exit_code == 1
    assert "nowhere.json" in run.errors[-1]
    assert "Traceback" not in run.stderr


def test_a_warning_goes_through_the_log_from_the_first_setting_on(tap: Command) -> None:
    path = tap.folder / "config.json"
    path.write_text(json.dumps(SANDBOX))
    code = (
        "import warnings; from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch as tap;"
        "tap.sync_all = lambda self: None;"
        "from tap_servicetitan_dispatch.cli import files; checked = files.settings_in;"
        "files.settings_in = lambda *given: (warnings.warn('odd'), checked(*given))[1];"
        "tap.cli()"
    )
    command = [sys.executable, "-W", "always", "-c", code, "--config", str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own command
    assert "| WARNING  | py.warnings" in ran.stderr
    assert "odd" in ran.stderr


def test_a_run_imports_no_library_that_it_does_not_need() -> None:
    """What the extra brings is for the sandbox, `rich` for the table of `--check`."""
    code = (
        "import sys, tap_servicetitan_dispatch.tap as t, tap_servicetitan_dispatch.client.client;"
        "t.TapServiceTitanDispatch(validate_config=False).catalog_dict;"
        "sys.exit(bool({'fastapi', 'uvicorn', 'starlette', 'rich'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603

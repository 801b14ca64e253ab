from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import fields
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
import requests
from click.testing import CliRunner

from tap_servicetitan_dispatch.sandbox import Behaviour, Faults, Sandbox, cli
from tests.support.caller import START, Clock
from tests.support.scripted_api import Answer, ScriptedApi
from tests.support.switches import values_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

PROGRAM = "from tap_servicetitan_dispatch.__main__ import sandbox; sandbox()"


class ImpatientEvent(Event):
    """Whoever waits for it presses Ctrl-C after a while."""

    pressed = False

    def wait(self, timeout: float | None = None) -> bool:
        if not self.pressed:
            self.pressed = True
            signal.raise_signal(signal.SIGINT)
            return False
        return super().wait(timeout)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """The options of the sandboxes that the command starts; each is interrupted once it runs."""
    options: list[dict[str, object]] = []

    def sandbox(*, clock: Callable[[], datetime], **given: object) -> Sandbox:
        options.append(given)
        return Sandbox(clock=clock, **(given | {"port": 0}))  # type: ignore[arg-type]

    monkeypatch.setattr(cli, "Sandbox", sandbox)
    monkeypatch.setattr(cli, "Event", ImpatientEvent)
    return options


@pytest.mark.no_cover
def test_a_process_serves_until_it_is_interrupted_and_ends_well() -> None:
    command = [sys.executable, "-c", PROGRAM, "--port=0", "--size=100"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stdout is not None
        guide = ""
        while "Ctrl-C" not in guide:
            guide += process.stdout.readline()
        url = guide.partition("api_url: ")[2].split()[0]
        assert requests.get(f"{url}/docs", timeout=30).status_code == 200
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=300)
    assert (process.returncode, rest) == (0, "Stopped.\n")


def test_the_guide_says_how_to_use_it(started: list[dict[str, object]]) -> None:
    result = CliRunner().invoke(cli.main, ["--size=50"])
    assert result.exit_code == 0, result.output
    assert started[0]["behaviour"] == Behaviour()
    for part in (
        "environment: sandbox",
        "api_url: http://127.0.0.1:",
        "go by",
        "/docs",
        "curl",
        "Ctrl-C",
    ):
        assert part in result.output
    assert result.output.endswith("Stopped.\n")


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not here")
def test_a_curl_command_is_printed_that_a_shell_runs_as_it_is() -> None:
    with Sandbox(clock=Clock(), assignments=50) as sandbox:
        port = sandbox.url.rpartition(":")[2]
        options = ["--port", port, "--tenants", "1000000001", "--curl", "zones"]
        printed = CliRunner().invoke(cli.main, options)
        assert printed.exit_code == 0, printed.output
        script = (
            f"""$({shlex.join(["echo", *printed.output.split()])}) --json '{{"name": "New"}}'"""
        )
        ran = subprocess.run(["bash", "-euc", script], check=True, capture_output=True)  # noqa: S603, S607 - ours
    assert b'"New"' in ran.stdout


@pytest.mark.parametrize("reply", [Answer({"no": "token"}), Answer("odd"), Answer(reset=True)])
def test_what_is_no_sandbox_gives_no_curl_command(api: ScriptedApi, reply: Answer) -> None:
    api.token_reply = lambda _: reply
    port = api.url.rpartition(":")[2]
    result = CliRunner().invoke(cli.main, ["--port", port, "--curl", "zones"])
    assert result.exit_code == 1
    assert f"No sandbox gives a token at port {port}." in result.output


def test_options_reach_the_sandbox(started: list[dict[str, object]]) -> None:
    options = [
        "--port=8322",
        "--tenants=1000000001, 1000000002",
        "--seed=7",
        "--size=50",
        "--export-page-size=10",
        "--export-order=to_the_second",
        "--empty-pages",
        "--last-page-token=null",
        "--continuation-lifetime=60",
        "--rejected-continuation=410",
        "--list-order=exact",
        "--list-filters=after_paging",
        "--deletes=hard",
        "--business-hours=list",
        "--units-without-group=40000107,40000114",
        "--bearer=required",
        "--bad-app-key-status=403",
        "--token-lifetime=10",
        "--token-serves=tenant",
        "--tokens-per-minute=3",
        "--missing-scopes=tn.dis.zones:r,tn.dis.teams:r",
        "--fault-rate=0.15",
        "--fault-kinds=reset,drip",
        "--fault-statuses=503,504",
        "--fault-at-most=0",
        "--fault-requests-per-second=none",
        "--allow-host=sandbox.test",
        "--allow-host=sandbox",
    ]
    assert CliRunner().invoke(cli.main, options).exit_code == 0
    assert started == [
        {
            "tenants": [1000000001, 1000000002],
            "seed": 7,
            "assignments": 50,
            "port": 8322,
            "behaviour": Behaviour(
                export_page_size=10,
                export_order="to_the_second",
                empty_pages=True,
                last_page_token="null",
                continuation_lifetime=60,
                rejected_continuation=410,
                list_order="exact",
                list_filters="after_paging",
                deletes="hard",
                business_hours="list",
                units_without_group=frozenset({40_000_107, 40_000_114}),
                bearer="required",
                bad_app_key_status=403,
                token_lifetime=10,
                token_serves="tenant",
                tokens_per_minute=3,
                missing_scopes=frozenset({"tn.dis.zones:r", "tn.dis.teams:r"}),
            ),
            "faults": Faults(
                rate=0.15,
                kinds=("reset", "drip"),
                statuses=(503, 504),
                at_most=0,
                requests_per_second=None,
            ),
            "allowed_hosts": ("sandbox.test", "sandbox"),
        }
    ]


def as_option(name: str, value: Any) -> str:
    """Return how a switch is set on the command line."""
    if value is True:
        return cli.option_of(name)
    parts = value if isinstance(value, frozenset | tuple) else [value]
    return f"{cli.option_of(name)}={','.join(map(str, parts))}"


@pytest.mark.parametrize("nth", [0, -1])
def test_each_switch_has_an_option(started: list[dict[str, object]], nth: int) -> None:
    values = {field.name: values_of(field.name)[nth] for field in fields(Behaviour)}
    options = [as_option(*each) for each in values.items()]
    result = CliRunner().invoke(cli.main, [*options, "--size=50"])
    assert result.exit_code == 0, result.output
    assert started[0]["behaviour"] == Behaviour(**values)


@pytest.mark.parametrize(
    ("tenants", "named", "setting"),
    [
        ("7", r"tenant 7 \(seed 2, [\d,]+ assignments\)", "tenant_id: 7"),
        ("7,8", r"tenants 7, 8 \(seed 2\)", "tenants: [7, 8]"),
        ("4,1,2,3,5", r"tenants 4, 1, 2 and 2 more \(seed 2\)", "tenants: [4, 1, 2, 3, 5]"),
    ],
)
def test_the_guide_names_the_tenants_and_the_setting(
    started: list[dict[str, object]], tenants: str, named: str, setting: str
) -> None:
    guide = CliRunner().invoke(cli.main, ["--tenants", tenants, "--seed=2"]).output
    assert re.search(rf"for {named}\.\n", guide)
    assert f"{setting}\n" in guide
    assert f" --tenants {tenants[0]} --curl zones" in guide
    assert started[0]["assignments"] is None


def test_the_tenant_that_is_there_by_default_needs_no_setting(
    started: list[dict[str, object]],
) -> None:
    guide = CliRunner().invoke(cli.main, ["--size=1"]).output
    assert "for tenant 1000000001 (seed 1, " in guide
    assert "tenant_id: " not in guide
    assert started[0]["tenants"] is None


@pytest.mark.parametrize("tenants", ["", "x", "1,,2", "0", "-1", "1,1", "9223372036854775808"])
def test_tenants_that_make_no_sense_are_said_by_their_option(tenants: str) -> None:
    result = CliRunner().invoke(cli.main, [f"--tenants={tenants}"])
    assert result.exit_code == 2
    assert "Invalid value for --tenants: " in result.output


@pytest.mark.parametrize(
    "option",
    [
        "--fault-rate=2",
        "--fault-rate=x",
        "--fault-kinds=reset,fire",
        "--fault-statuses=200,x",
        "--deletes=maybe",
        "--bad-app-key-status=500",
        "--rejected-continuation=x",
        "--token-lifetime=none",
    ],
)
def test_a_value_that_makes_no_sense_is_said_by_its_option(option: str) -> None:
    result = CliRunner().invoke(cli.main, [option])
    assert result.exit_code == 2
    assert f"Invalid value for {option.partition('=')[0]}: " in result.output


def test_a_taken_port_is_said_in_one_line() -> None:
    with Sandbox(assignments=1) as other:
        port = other.url.rpartition(":")[2]
        result = CliRunner().invoke(cli.main, [f"--port={port}", "--size=1"])
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: Port {port} cannot be used: ")
    assert result.output.count("\n") == 1


def test_speed_lets_the_clock_run_from_now_on() -> None:
    real = Clock()
    fast = cli.clock_at(60, real)
    assert fast() == START
    real.forward(minutes=1)
    assert fast() == START + timedelta(hours=1)

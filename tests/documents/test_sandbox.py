"""What the page of the sandbox says of several tenants."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest

from examples.sandbox_week import parser
from tap_servicetitan_dispatch.sandbox import REFUSALS, Access, Faults, Sandbox, cli
from tests.support.caller import Caller
from tools.markdown import ROOT, blocks, cells, commands, rows, section

TEXT = section("docs/sandbox.md", "Several tenants")


def test_one_of_the_tenants_is_in_trouble() -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not here")
    start, *switches = commands(TEXT)
    _, _, options = start.partition(" invoke tap-servicetitan-dispatch:sandbox ")
    given = cli.main.make_context("sandbox", options.split()).params
    with Caller.of(tenants=given["tenants"], assignments=1) as caller:
        port = next(option.default for option in cli.main.params if option.name == "port")
        script = "\n".join(switches).replace(f"http://127.0.0.1:{port}", caller.sandbox.url)
        subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True)  # noqa: S603, S607 - the page's own lines
        one, two, three = caller.sandbox.tenants.values()
    assert (one.access, one.faults) == (Access(), Faults())
    assert two.access == Access(refusal="not_approved")
    assert three.faults == Faults(latency=2, rate=0.5, kinds=("server_error",))


def test_the_table_has_each_refusal() -> None:
    assert {cells(row)[0].strip("`"): cells(row)[1] for row in rows(TEXT)} == REFUSALS


def test_the_options_on_the_page_exist() -> None:
    options = {"--help", "--environment"}
    options |= {option for param in cli.main.params for option in param.opts}
    options |= {*re.findall(r"--\w+", parser().format_help())}
    page = (ROOT / "docs/sandbox.md").read_text(encoding="utf-8")
    named = set(re.findall(r"[` ](--[\w-]+)", re.sub(r"(?m)^curl .*$", "", page)))
    assert len(named) > 15
    assert named <= options


def test_the_lines_of_python_do_what_the_page_says() -> None:
    (code,) = blocks(TEXT, "python")
    names: dict[str, Any] = {}
    exec(compile(code, "docs/sandbox.md", "exec"), names)  # noqa: S102 - the page's own lines
    sandbox: Sandbox = names["sandbox"]
    numbers = [1000000001, 1000000002, 1000000003, 1000000004]
    assert list(sandbox.tenants) == numbers
    assert sandbox.tenants[1000000002].credentials["client_id"] == "cid.own"
    three, four = (sandbox.tenants[number].world.zones.current for number in numbers[2:])
    assert three.keys() == four.keys()
    assert three != four

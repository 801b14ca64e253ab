from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tests.documents.declared import own_settings, shown
from tests.documents.markdown import ROOT, commands, rows, section

if TYPE_CHECKING:
    from tap_servicetitan_dispatch.streams.base import DispatchStream


def setting_row(name: str) -> str:
    setting = own_settings()[name]
    default = f"`{shown(setting['default'])}`" if "default" in setting else ""
    secret = " Secret." if setting.get("secret") else ""
    return f"| `{name}` | {default} | {setting['description']}{secret} |"


def stream_row(stream: DispatchStream) -> str:
    keys = ", ".join(f"`{key}`" for key in stream.primary_keys)
    bookmark = f"`{stream.replication_key}`" if stream.replication_key else "none: full table"
    selected = "yes" if stream.selected_by_default else "no"
    columns = (f"`{stream.name}`", f"`{stream.path}`", bookmark, keys, selected)
    return f"| {' | '.join(columns)} | `{stream.scope}` |"


def test_the_settings_table_says_what_the_settings_say() -> None:
    assert rows(section("README.md", "Settings")) == [setting_row(name) for name in own_settings()]


def test_the_streams_table_says_what_the_streams_say() -> None:
    streams = TapServiceTitanDispatch(config={"environment": "sandbox"}).discover_streams()
    assert rows(section("README.md", "Streams")) == [stream_row(stream) for stream in streams]


@pytest.mark.parametrize(
    ("heading", "tool"), [("Try it", "meltano"), ("Test it", "pytest")], ids=["load", "test"]
)
def test_one_line_does_it(heading: str, tool: str) -> None:
    first, *_ = commands(section("README.md", heading))
    assert first.startswith("python3 -m venv .venv && ")
    assert f".venv/bin/{tool} " in first


def test_the_meltano_that_is_tried_is_the_one_that_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (pin,) = (tool for tool in project["dependency-groups"]["dev"] if tool.startswith("meltano="))
    first, *_ = commands(section("README.md", "Try it"))
    assert f" {pin} " in first

from __future__ import annotations

import tomllib

import pytest

from tests.documents.declared import table
from tests.documents.markdown import ROOT, commands, rows, section


@pytest.mark.parametrize("heading", ["Settings", "Streams"])
def test_a_table_says_what_the_code_says(heading: str) -> None:
    assert rows(section("README.md", heading)) == table(heading)


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

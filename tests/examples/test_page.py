"""`examples/README.md` and `docs/marts.md` say what there is, and what they say to do works."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest
import yaml

from examples.__main__ import main
from tests.support.marts import PAGE
from tests.support.warehouses import MARTS
from tools.markdown import ROOT, blocks, commands, section

if TYPE_CHECKING:
    from tests.support.marts import Built

DRAW = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")


def test_every_mart_is_on_the_page() -> None:
    assert [mart for mart in MARTS if f"`{mart}`" not in PAGE] == []


@pytest.mark.warehouse
@pytest.mark.timeout(600)
def test_the_query_of_the_page_is_answered(
    built: Built, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = (line for line in commands(PAGE) if "--query" in line)
    _, _, _, *options = shlex.split(line)
    main([str(built.duckdb), *options])
    names, *rows = capsys.readouterr().out.splitlines()
    assert names.split()[:2] == ["status", "is_paused"]
    assert len(rows) == 5


def test_the_pages_show_the_setting_that_the_project_has_for_history() -> None:
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    [tap] = project["plugins"]["extractors"]
    for page, heading in (
        ("docs/marts.md", "Keep the history"),
        ("docs/warehouses.md", "Keep each version"),
    ):
        (block,) = blocks(section(page, heading), "yaml")
        assert yaml.safe_load(block)["config"] == tap["config"]


def test_the_variables_are_those_that_the_project_reads() -> None:
    read = {
        name
        for file in (ROOT / "transform").rglob("*")
        if file.suffix in {".sql", ".yml"} and "target" not in file.relative_to(ROOT).parts
        for name in re.findall(r"""env_var\(["'](\w+)""", file.read_text(encoding="utf-8"))
    }
    named = {name for name in read if f"| `{name}` |" in PAGE}
    assert {name for name in read - named if not name.startswith("TARGET_POSTGRES_")} == set()
    assert named


def test_the_pictures_are_made_into_where_the_documents_show_them() -> None:
    lines = [line for line in commands(DRAW) if ".venv/bin/python -m examples" in line]
    shown = re.findall(r"!\[[^\]]+\]\(\.\./(docs/images)/\w+\.svg\)", DRAW)
    assert lines[-1].endswith(f"output/day.duckdb --into {shown[0]}")
    assert lines[1] == (
        ".venv/bin/python -m examples.sandbox_week output/day --days 1 --until 2026-11-19T20:40Z"
    )

"""`docs/marts.md` says what there is."""

from __future__ import annotations

import re

import yaml

from tests.support.marts import PAGE
from tests.support.warehouses import MARTS
from tools.markdown import ROOT, blocks, section


def test_every_mart_is_on_the_page() -> None:
    assert [mart for mart in MARTS if f"`{mart}`" not in PAGE] == []


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

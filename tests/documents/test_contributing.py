from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from tests.support import vendor
from tests.support.vendor import WHERE_FROM
from tools.markdown import ROOT, commands, exists, names_of_tests, rows, section

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.no_cover


def test_each_dependency_is_explained_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = [
        *project["project"]["dependencies"],
        *chain.from_iterable(project["project"]["optional-dependencies"].values()),
        *chain.from_iterable(project["dependency-groups"].values()),
    ]
    declared = [each for each in declared if "include-group" not in each]
    names = [re.split(r"[<>=~!;\s]", requirement, maxsplit=1)[0] for requirement in declared]
    text = section("CONTRIBUTING.md", "What each dependency is for")
    explained = re.findall(r"^\| `(.+?)` \| .+ \|$", text, re.MULTILINE)
    assert sorted(explained) == sorted(names)


@pytest.mark.parametrize("line", rows(section("CONTRIBUTING.md", "What must stay true")))
def test_what_must_stay_true_names_tests_that_there_are(line: str) -> None:
    named = names_of_tests(line)
    assert named
    assert [test for test in named if not exists(test)] == []


def test_the_quick_tests_are_there() -> None:
    environment = {**os.environ, "PYTHON": "echo"}
    said = subprocess.check_output([ROOT / ".ci/quick"], env=environment, text=True)  # noqa: S603 - our own command
    paths = [each for each in said.split() if each.startswith("tests/")]
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_soak_is_started_with_options_that_it_has() -> None:
    (line,) = commands(section("CONTRIBUTING.md", "Soak"))
    _, *arguments = line.split()
    subprocess.run([sys.executable, *arguments, "--help"], cwd=ROOT, check=True)  # noqa: S603 - our own line


# The recipe -----------------------------------------------------------------------------------

RECIPE = section("CONTRIBUTING.md", "Add a stream")


def test_the_recipe_names_files_that_there_are_and_as_many_as_it_says() -> None:
    files = re.findall(r"^\d+\. `([^`]+)`", RECIPE, re.MULTILINE)
    assert [file for file in files if not (ROOT / file).exists()] == []
    assert len(files) == 8
    assert "Eight files" in RECIPE


def test_the_recipe_runs_tests_that_there_are(pytestconfig: pytest.Config) -> None:
    """To update snapshots here would take away those that other tests are about to compare."""
    begin, _, update, quickly, try_it = (line.split() for line in commands(RECIPE))
    paths = [each for each in begin + update + quickly + try_it if each.startswith("tests/")]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert pytestconfig.getoption(update[-1]) is False


# The vendor's definition ----------------------------------------------------------------------


def test_the_modules_that_skip_without_the_definition_are_named() -> None:
    named = re.findall(r"`(tests/\S+\.py)`", "".join(rows(section("CONTRIBUTING.md", WHERE_FROM))))
    importing = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if re.search(
            r"^from tests\.support(\.vendor import| import vendor)",
            path.read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    }
    assert set(named) == importing - {"tests/documents/test_contributing.py"}


def test_a_test_that_skips_without_the_definition_says_where_one_gets_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert f"`{vendor.DEFINITION.relative_to(ROOT.parent)}`" in section(
        "CONTRIBUTING.md", WHERE_FROM
    )
    monkeypatch.setattr(vendor, "DEFINITION", tmp_path / "absent.json")
    with pytest.raises(
        pytest.skip.Exception, match=f"absent.json; see CONTRIBUTING.md, {WHERE_FROM}"
    ):
        vendor.operation("zones")

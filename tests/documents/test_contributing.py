from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from itertools import chain

import pytest

from tools.markdown import ROOT, commands, exists, names_of_tests, rows, section


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


def test_the_soak_is_started_with_options_that_it_has() -> None:
    (line,) = commands(section("CONTRIBUTING.md", "Soak"))
    _, *arguments = line.split()
    subprocess.run([sys.executable, *arguments, "--help"], cwd=ROOT, check=True)  # noqa: S603 - our own line

from __future__ import annotations

import re
import tomllib
from itertools import chain

from tests.documents.markdown import ROOT, section


def test_each_dependency_is_explained_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = [
        *project["project"]["dependencies"],
        *chain.from_iterable(project["project"]["optional-dependencies"].values()),
        *chain.from_iterable(project["dependency-groups"].values()),
    ]
    names = [re.split(r"[<>=~!;\s]", requirement, maxsplit=1)[0] for requirement in declared]
    text = section("CONTRIBUTING.md", "What each dependency is for")
    explained = re.findall(r"^\| `(.+?)` \| .+ \|$", text, re.MULTILINE)
    assert sorted(explained) == sorted(names)

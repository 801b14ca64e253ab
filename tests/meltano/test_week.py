"""The command that loads a week of the sandbox, in the project's own environment for it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.projects import ROOT

if TYPE_CHECKING:
    from tests.support.projects import Project

pytestmark = pytest.mark.warehouse


def test_meltano_runs_it_with_the_folder_from_which_dbt_reads(project: Project) -> None:
    shutil.copytree(ROOT / "examples", project.folder / "examples", dirs_exist_ok=True)
    command = ("invoke", "tap-servicetitan-dispatch:week", "--help")
    said = " ".join(project.meltano("--environment=week", *command).split())
    assert "there must be no such folder yet; output/week by default" in said

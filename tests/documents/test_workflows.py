"""The workflows on GitHub, as far as they can be wrong without anybody noticing."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tap_servicetitan_dispatch import __version__
from tools.markdown import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def jobs(workflow: str) -> Any:
    text = (ROOT / ".github" / "workflows" / workflow).read_text(encoding="utf-8")
    return yaml.safe_load(text)["jobs"]


def test_the_pythons_that_the_package_promises_are_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    promised = [
        version
        for line in project["classifiers"]
        if "." in (version := line.removeprefix("Programming Language :: Python :: "))
    ]
    assert jobs("test.yml")["test"]["strategy"]["matrix"]["python"] == promised


def test_the_one_check_asks_for_all_others_but_those_that_may_fail() -> None:
    described = {
        name: job for name, job in jobs("test.yml").items() if not job.get("continue-on-error")
    }
    gate = described.pop("all")
    assert gate["needs"] == [*described]
    [step] = gate["steps"]
    assert step["env"]["RESULTS"] == " ".join(f"${{{{ needs.{job}.result }}}}" for job in described)
    assert step["run"].count("success") == len(described)


def test_the_fleet_is_tested_under_both_schedulers() -> None:
    commands = [step["run"] for step in jobs("test.yml")["schedulers"]["steps"] if "run" in step]
    assert commands == [".ci/schedulers"]
    script = (ROOT / commands[0]).read_text(encoding="utf-8")
    assert "pytest -q -n 2 -m scheduler tests/targets" in script


def test_the_lowest_versions_that_are_allowed_are_tested_on_the_oldest_python() -> None:
    job, tests = jobs("test.yml")["floors"], jobs("test.yml")["test"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/floors"]
    [python] = [step["with"]["python-version"] for step in job["steps"] if "setup" in str(step)]
    assert python == tests["strategy"]["matrix"]["python"][0]
    script = (ROOT / ".ci" / "floors").read_text(encoding="utf-8")
    assert "--resolution lowest-direct --all-extras pyproject.toml" in script


def test_the_next_sdk_is_tried_each_week_on_the_oldest_python_and_may_fail() -> None:
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    [weekly] = yaml.safe_load(text)[True]["schedule"]  # YAML takes "on" for a switch
    assert weekly["cron"].endswith("* * 1")
    job, tests = jobs("test.yml")["next"], jobs("test.yml")["test"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/next"]
    assert job["continue-on-error"] is True
    [python] = [step["with"]["python-version"] for step in job["steps"] if "setup" in str(step)]
    assert python == tests["strategy"]["matrix"]["python"][0]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with what the release looks into, the changelog apart."""
    package = tmp_path / "tap_servicetitan_dispatch"
    package.mkdir()
    shutil.copy(ROOT / package.name / "__init__.py", package)
    return tmp_path


def is_let_through(tag: str, checkout: Path, *, changelog: str) -> bool:
    (checkout / "CHANGELOG.md").write_text(f"## [Unreleased]\n\n## [{changelog}] - 2026-11-24\n")
    checks = [step["run"] for step in jobs("release.yml")["build"]["steps"] if "name" in step]
    assert len(checks) == 2
    environment = {"PATH": os.environ["PATH"], "GITHUB_REF_NAME": tag}
    command = ["/usr/bin/env", "bash", "-ec", "\n".join(checks)]
    ran = subprocess.run(command, cwd=checkout, env=environment, check=False)  # noqa: S603 - our own commands
    return ran.returncode == 0


def test_a_tag_that_is_the_version_is_released(checkout: Path) -> None:
    assert is_let_through(f"v{__version__}", checkout, changelog=__version__)


def test_a_tag_that_is_not_the_version_is_not_released(checkout: Path) -> None:
    assert not is_let_through(f"v{__version__}.1", checkout, changelog=f"{__version__}.1")


def test_a_version_that_the_changelog_does_not_have_is_not_released(checkout: Path) -> None:
    assert not is_let_through(f"v{__version__}", checkout, changelog=f"{__version__}.1")

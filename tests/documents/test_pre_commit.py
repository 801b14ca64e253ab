"""The hooks that check each commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.markdown import ROOT

CONFIG = ROOT / ".pre-commit-config.yaml"


def hooks() -> list[dict[str, Any]]:
    (ours,) = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["repos"]
    assert ours["repo"] == "local"
    found: list[dict[str, Any]] = ours["hooks"]
    return found


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: str(hook["id"]))
def test_a_hook_is_a_tool_of_the_environment_and_says_what_ci_says(hook: dict[str, Any]) -> None:
    assert hook["language"] == "system"
    assert hook["entry"].startswith(".venv/bin/")
    assert f"\nrun {hook['entry']}" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_a_commit_is_checked_without_a_network(tmp_path: Path) -> None:
    """In a repository that has one module, with the hook that looks at modules."""
    checkout, elsewhere = tmp_path / "checkout", "http://127.0.0.1:9"
    checkout.mkdir()
    (checkout / ".venv").symlink_to(sys.prefix)
    (checkout / ".gitignore").write_text(".venv\n")
    shutil.copy(CONFIG, checkout)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "HOME": str(tmp_path),
        "HTTP_PROXY": elsewhere,
        "HTTPS_PROXY": elsewhere,
        "SKIP": ",".join(hook["id"] for hook in hooks() if hook["id"] != "ruff-format"),
    }

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own command
            command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
        )

    module = checkout / "module.py"
    commit = (
        "git",
        "-c",
        "user.name=me",
        "-c",
        "user.email=me@here.example",
        "commit",
        "-qm",
        "It",
    )
    assert run("git", "init", "-q").returncode == 0
    installed = run(str(Path(sys.executable).with_name("pre-commit")), "install")
    assert installed.returncode == 0, installed.stderr

    module.write_text("number = {  }")
    run("git", "add", ".")
    refused = run(*commit)
    assert refused.returncode == 1
    assert "files were modified by this hook" in refused.stderr + refused.stdout
    assert module.read_text() == "number = {}\n"

    run("git", "add", ".")
    accepted = run(*commit)
    assert accepted.returncode == 0, accepted.stderr

"""How tests run the lines of a document."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.projects import ALL_IS_THERE, inherited
from tools.markdown import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def run_shell(script: list[str], folder: Path, **variables: str) -> str:
    """Run lines in a folder that has the checkout's `.venv`, and return what they print."""
    (folder / ".venv").symlink_to(sys.prefix)
    shutil.copy(ROOT / ".env.example", folder)
    ran = subprocess.run(  # noqa: S603 - the documents' own lines
        ["bash", "-euo", "pipefail", "-c", "\n".join(script)],  # noqa: S607 - any will do
        cwd=folder,
        env=inherited() | ALL_IS_THERE | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    for name in (".venv", ".env"):
        (folder / name).unlink(missing_ok=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout

"""A copy of the repository's Meltano project, and how tests run Meltano in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.meltano import Meltano

ROOT = Path(__file__).parents[2]
PACKAGE = "tap_servicetitan_dispatch"
INSTALLED_FROM = ("pyproject.toml", "README.md", "LICENSE", "meltano.yml", "target-log.yml")
TAP = "tap-servicetitan-dispatch"
PLUGINS = ("extractors", "loaders", "utilities")
# The settings of whoever runs the tests; coverage of Meltano; and what would have each process
# compile all that it imports, which takes longer than the rest.
UNWANTED = ("MELTANO_", "TAP_", "TARGET_", "COVERAGE_", "PYTHONDONTWRITEBYTECODE")
NO_HUB = {"MELTANO_HUB_URL": "http://127.0.0.1:9"}
"""For Meltano: nobody is there, so what asks the Hub fails."""
ALL_IS_THERE = NO_HUB | {"MELTANO_AUTO_INSTALL": "false"}
"""For Meltano in a project whose plugins are installed."""


def inherited(*unwanted: str) -> dict[str, str]:
    """Return the environment of the tests, but for what would have others try something else."""
    left_out = (*UNWANTED, *unwanted)
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


@dataclass(frozen=True)
class Project:
    """A copy of the repository's Meltano project.

    Attributes:
        folder: Where it is.
        is_installed: Whether its plugins are there; otherwise Meltano installs what a run needs.
    """

    folder: Path
    is_installed: bool = False

    @classmethod
    def copied_to(cls, folder: Path, installed: Path | None = None) -> Project:
        """Make a copy.

        Args:
            folder: Where to.
            installed: The folder of a project whose plugins it has, too; nobody writes to them.
        """
        for name in INSTALLED_FROM:
            shutil.copy(ROOT / name, folder)
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / PACKAGE, folder / PACKAGE, ignore=unwanted)
        (folder / "output").mkdir()
        shutil.copy(ROOT / "output/.gitignore", folder / "output")
        built = shutil.ignore_patterns("logs", "target")
        shutil.copytree(ROOT / "transform", folder / "transform", ignore=built)
        if installed:
            (folder / ".meltano").mkdir()
            for kind in PLUGINS:
                (folder / ".meltano" / kind).symlink_to(installed / ".meltano" / kind)
            shutil.copy(installed / ".meltano" / "meltano.db", folder / ".meltano")
        return cls(folder, is_installed=bool(installed))

    def start(self, *arguments: str, **variables: str) -> Meltano:
        """Start Meltano, with some environment variables."""
        environment = inherited() | (ALL_IS_THERE if self.is_installed else NO_HUB) | variables
        return Meltano([*arguments], self.folder, environment)

    def meltano(self, *arguments: str, **variables: str) -> str:
        """Run Meltano, with some environment variables, and return its stdout."""
        with self.start(*arguments, **variables) as process:
            stdout, stderr = process.communicate()
        assert process.returncode == 0, stdout + stderr
        return stdout

    def load(self, *options: str, **variables: str) -> dict[str, list[dict[str, Any]]]:
        """Run `meltano el` and return the records of the files that it adds, by stream."""
        before = self.files("jsonl")
        self.meltano("el", TAP, "target-jsonl", *options, **variables)
        return records_in(self.files("jsonl") - before)

    def pipe(self, lines: str, loader: str, **settings: Any) -> subprocess.CompletedProcess[str]:
        """Give lines to a loader, with the settings of meltano.yml and others, without Meltano."""
        described = self._described("loaders", loader)["settings"]
        values = {each["name"]: each["value"] for each in described if "value" in each}
        config = self.folder / f"{loader}.json"
        config.write_text(json.dumps(values | settings))
        executable = self.folder / f".meltano/loaders/{loader}/venv/bin/{loader}"
        return subprocess.run(  # noqa: S603 - our own command
            [executable, "--config", config],
            input=lines,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
        )

    @property
    def tap_config(self) -> dict[str, Any]:
        """What meltano.yml sets of the tap."""
        config: dict[str, Any] = self._described("extractors", TAP)["config"]
        return config

    def _described(self, kind: str, name: str) -> dict[str, Any]:
        content = yaml.safe_load((self.folder / "meltano.yml").read_text(encoding="utf-8"))
        [described] = [each for each in content["plugins"][kind] if each["name"] == name]
        return dict(described)

    def describe(self, addition: dict[str, Any]) -> None:
        """Add to meltano.yml what a document says: plugins, and settings of those it has."""
        path = self.folder / "meltano.yml"
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for kind, plugins in addition["plugins"].items():
            known = {plugin["name"]: plugin for plugin in content["plugins"].get(kind, [])}
            for plugin in plugins:
                known[plugin["name"]] = known.get(plugin["name"], {}) | plugin
            content["plugins"][kind] = list(known.values())
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def state(self, state_id: str) -> Any:
        return json.loads(self.meltano("state", "get", state_id))

    def files(self, ending: str) -> set[Path]:
        """Return the files that have been loaded."""
        return set(self.folder.glob(f"output/*.{ending}"))


def records_in(files: set[Path]) -> dict[str, list[dict[str, Any]]]:
    """Return the records of files of target-jsonl, by stream."""
    return {
        path.stem.rpartition("-")[0]: [
            json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()
        ]
        for path in files
    }

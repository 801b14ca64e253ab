"""Runs a command once against a server of its own, and says what it took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory, TemporaryFile
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PYTHON = sys.executable
TAP = str(Path(sys.executable).with_name("tap-servicetitan-dispatch"))


@dataclass(frozen=True)
class Took:
    """What a run took; `server` is what its server saw, see `Server.report`."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    server: dict[str, Any]


@dataclass(frozen=True)
class Given:
    """What a server has to give, see `Server`, and to how many tenants in a run."""

    rows: int = 0
    latency: float = 0
    full_lists: bool = False
    distinct: bool = False
    tenants: int | None = None
    """Of a group; else there is a single one."""
    at_once: int | None = None
    """Requests under way, if not as many as by default."""
    unlimited: bool = False
    """Whether the tap may call as often as it can, see `benchmarks.unlimited`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further ones of the tap."""
    python: str = PYTHON
    """Which Python has the tap, where it may call as often as it can."""


def timed(
    command: Sequence[str], server: dict[str, Any], output: int | IO[bytes] = subprocess.DEVNULL
) -> Took:
    """Run a command against a server whose report is to come.

    Args:
        command: What to run.
        server: Where the report will be.
        output: Where its output goes; by default, nowhere.

    Raises:
        RuntimeError: It failed.
    """
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own commands
        command, stdout=output, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr  # noqa: S101 - for mypy
        log = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed: {log.decode()[-2000:]}")
    return Took(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, server)


@contextmanager
def serving(given: Given) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the address of a server, and what will hold its report once it has ended."""
    command = [PYTHON, "-m", "benchmarks.server"]
    command += ["--rows", str(given.rows), "--latency", str(given.latency)]
    command += ["--full-lists"] * given.full_lists + ["--distinct"] * given.distinct
    report: dict[str, Any] = {}
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin  # noqa: S101 - for mypy
        assert process.stdout  # noqa: S101 - for mypy
        yield process.stdout.readline().strip(), report
        process.stdin.close()
        report.update(json.loads(process.stdout.read()))


def bare(given: Given) -> Took:
    """Run the bare loop."""
    with serving(given) as (url, report):
        return timed([PYTHON, "-m", "benchmarks.bare", url], report)


WITH_A_BOOKMARK = (
    "appointment_assignments",
    "non_job_appointments",
    "teams",
    "technician_shifts",
    "technician_skills",
    "zones",
)
EXTRA = {"appointment_assignments_list"}
"""Of the streams that are measured, those that a setting has to name."""


def tap(
    given: Given,
    streams: Sequence[str] | None = None,
    *options: str,
    output: int | IO[bytes] = subprocess.DEVNULL,
) -> Took:
    """Run the tap's executable, for some streams or for the default ones."""
    with serving(given) as (url, report), TemporaryDirectory() as name:
        folder = Path(name)
        config = settings(url)
        group = [*range(1, given.tenants + 1)] if given.tenants else None
        config |= {"tenants": group} if group else {"tenant_id": "1"}
        if given.at_once:
            config["max_concurrent_requests"] = given.at_once
        if extra := [stream for stream in streams or () if stream in EXTRA]:
            config["extra_streams"] = extra
        config |= given.settings
        (folder / "config.json").write_text(json.dumps(config))
        program = [given.python, "-m", "benchmarks.unlimited"] if given.unlimited else [TAP]
        command = [*program, "--config", str(folder / "config.json")]
        if streams is not None:
            (folder / "catalog.json").write_text(json.dumps(_catalog(streams, command)))
            command += ["--catalog", str(folder / "catalog.json")]
        return timed([*command, *options], report, output)


def state_mib(given: Given) -> float:
    """Return how many MiB of STATE the tap writes for the default streams, all with bookmarks."""
    bookmark = {"replication_key": "modifiedOn", "replication_key_value": "2026-11-01T08:00:00Z"}
    partitions = [
        {"context": {"tenantId": number}, **bookmark}
        for number in range(1, (given.tenants or 0) + 1)
    ]
    state = {"bookmarks": {stream: {"partitions": partitions} for stream in WITH_A_BOOKMARK}}
    with NamedTemporaryFile("w", suffix=".json") as file, TemporaryFile() as output:
        file.write(json.dumps(state))
        file.flush()
        tap(given, None, "--state", file.name, output=output)
        output.seek(0)
        return sum(len(line) for line in output if line.startswith(b'{"type":"STATE"')) / 2**20


def settings(url: str) -> dict[str, Any]:
    """Return the settings of the tap for a server, but for who is read."""
    return {
        "environment": "production",
        "api_url": url,
        "auth_url": f"{url}/connect/token",
        "client_id": "c",
        "client_secret": "s",
        "app_key": "k",
    }


def alone(command: Sequence[str], url: str, output: IO[bytes]) -> Took:
    """Run a tap that reads assignments from a server, its output into a file.

    Args:
        command: The tap.
        url: Of the server.
        output: Where the output goes.
    """
    with TemporaryDirectory() as name:
        return timed(command_of(command, url, Path(name)), {}, output)


def command_of(command: Sequence[str], url: str, folder: Path) -> list[str]:
    """Return the command by which a tap reads assignments from a server.

    Args:
        command: The tap.
        url: Of the server.
        folder: Where its settings and its catalog are written.
    """
    (config := folder / "config.json").write_text(json.dumps(settings(url) | {"tenant_id": "1"}))
    command = [*command, "--config", str(config)]
    (catalog := folder / "catalog.json").write_text(
        json.dumps(_catalog(["appointment_assignments"], command))
    )
    return [*command, "--catalog", str(catalog)]


def _catalog(streams: Sequence[str], command: Sequence[str]) -> dict[str, Any]:
    discovered = subprocess.run([*command, "--discover"], capture_output=True, check=True)  # noqa: S603 - our own command
    catalog: dict[str, Any] = json.loads(discovered.stdout)
    for stream in catalog["streams"]:
        root = next(entry for entry in stream["metadata"] if not entry["breadcrumb"])
        root["metadata"]["selected"] = stream["tap_stream_id"] in streams
    missing = {*streams} - {stream["tap_stream_id"] for stream in catalog["streams"]}
    assert not missing, f"there is no {missing}"  # noqa: S101 - else less is measured than is said
    return catalog

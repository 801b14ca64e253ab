"""Runs a shard once, through Meltano, and returns what it did. Knows no engine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from examples.fleet.shards import FleetError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from examples.fleet.shards import Fleet, Shard

TAP = "tap-servicetitan-dispatch"
LOG = {"MELTANO_CLI_LOG_FORMAT": "json", "MELTANO_CLI_LOG_LEVEL": "info"}
"""What Meltano is told, so that its log has the tap's figures."""
FIGURES = ("rows", "seconds", "requests", "retries", "waited_seconds", "reached", "tenants_read")


@dataclass
class Summary:
    """What a run of a shard did, taken from the tap's structured log.

    Attributes:
        tenants: Numbers of those that it was to read.
        began: When, in UTC.
        seconds: How long it took, Meltano's start included.
        streams: Figures of each stream that was read, as `FIGURES` names them.
        failed: Numbers of tenants that were not read, or not wholly.
        doubtful: Numbers of tenants of whom rows may have been missed, as the tap says itself.
        is_told: Whether the tap has said which failed, as it does at the end of a run.
        heard: Streams of which the tap has said anything, as it does of each that there is.
        unread: Streams that were read of no tenant.
        reasons: What was not read and why, and what to do.
    """

    tenants: tuple[int, ...]
    began: datetime
    seconds: float = 0
    streams: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: tuple[int, ...] = ()
    doubtful: tuple[int, ...] = ()
    is_told: bool = False
    heard: set[str] = field(default_factory=set)
    unread: tuple[str, ...] = ()
    reasons: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Of all streams."""
        return sum(figures["rows"] for figures in self.streams.values())

    @property
    def read(self) -> tuple[int, ...]:
        """Numbers of the tenants that were read wholly, as far as the tap can tell."""
        left = {*self.failed, *self.doubtful}
        return tuple(number for number in self.tenants if number not in left)

    def last_read(self, before: Mapping[int, str]) -> dict[int, str]:
        """Return when each tenant was last read wholly, by number; ISO 8601, UTC.

        Args:
            before: What was known of that before this run.
        """
        return {**before, **dict.fromkeys(self.read, self.began.isoformat(timespec="milliseconds"))}

    def take(self, line: dict[str, Any]) -> None:
        """Take a line of the log."""
        logger = str(line.get("plugin_logger", ""))
        if logger.partition(".")[0] != TAP:
            return
        _, _, stream = logger.partition(".")
        self.heard.add(stream)
        if stream and "rows" in line:
            self.streams[stream] = {name: line[name] for name in FIGURES if name in line}
        if "tenants_left_out" in line:
            self.failed, self.is_told = tuple(line["tenants_left_out"]), True
            self.doubtful = tuple(line.get("tenants_doubtful", ()))
        if line.get("level") == "warning" and line.get("tenant_id") in self.tenants:
            self.reasons.append(str(line["event"]))

    def text(self, shard: Shard) -> str:
        """Return it in a line, in which the tenants of the shard are called by their names."""
        failed = ", ".join(map(shard.called, self.failed)) or "none"
        doubtful = ", ".join(map(shard.called, self.doubtful))
        doubt = f" Rows may have been missed of: {doubtful}." if doubtful else ""
        unread = f" Read of no tenant: {', '.join(self.unread)}." if self.unread else ""
        return (
            f"{self.rows:,} rows of {len(self.read)} of {len(self.tenants)} tenants in "
            f"{self.seconds:.0f} s. Not read, or not wholly: {failed}.{doubt}{unread}"
        )


@dataclass
class Causes:
    """Why a run failed, if it does; as a target tells it only in a traceback."""

    plugins: list[str] = field(default_factory=list)
    meltano: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    _in_traceback: set[str] = field(default_factory=set)

    def take(self, line: dict[str, Any]) -> None:
        """Take a line of the log."""
        plugin, event = str(line.get("name", "")), str(line["event"]).rstrip()
        if "level" not in line:  # of a program that does not get as far as its log
            self.plain = [event] if event else self.plain
        elif "cmd_type" not in line:  # Meltano's own, some of them empty
            if line.get("level") in ("error", "critical") and event:
                self.meltano.append(event.splitlines()[0])
        elif event.startswith("Traceback "):
            self._in_traceback.add(plugin)
        elif plugin in self._in_traceback:
            if not event.startswith(" "):
                self._in_traceback.remove(plugin)
                self.plugins.append(f"{plugin}: {event}")
        elif line.get("level") in ("error", "critical"):
            self.plugins.append(event)

    def first(self, otherwise: str) -> str:
        """Return what went wrong first: what follows is mostly of that."""
        return next(iter((*self.plugins, *self.meltano, *self.plain)), otherwise)


def run_shard(fleet: Fleet, shard: Shard, tell: Callable[[str], None] = print) -> Summary:
    """Load what is new of the tenants of a shard.

    The project is the folder that MELTANO_PROJECT_ROOT names, or this one; the state is where
    MELTANO_STATE_BACKEND_URI says. A tenant that cannot be read leaves the others to be read. To
    run it again after any end is safe. Never run a shard twice at a time: the engine has to forbid
    it, as Meltano, which may run on another machine, cannot.

    Args:
        fleet: What it is a part of.
        shard: Which.
        tell: Takes each line of the log.

    Raises:
        FleetError: It failed as a whole; what has been written up to there is safe.
    """
    project = project_folder()
    settings = fleet.settings(shard, os.environ) | LOG
    state_id = (
        f"{shard.name}-to-{fleet.target}-{shard.schema}"  # what one place has, another has not
    )
    # A run that was killed left a note in Meltano's database that it is under way
    command = [*_dies_with_us(), _meltano(), "el", TAP, fleet.target, f"--state-id={state_id}"]
    summary, causes = Summary(shard.tenants, datetime.now(UTC)), Causes()
    began = time.monotonic()
    try:
        if fleet.has_folders:
            (project / "output" / shard.schema).mkdir(parents=True, exist_ok=True)
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*command, "--force"],
            cwd=project,
            env=os.environ | settings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise FleetError(f"Shard {shard.name} failed: {error}") from error
    with process:
        try:
            for text in process.stderr or ():
                line = _decoded(text)
                tell(str(line["event"]))
                summary.take(line)
                causes.take(line)
        except BaseException:
            process.terminate()
            raise
    summary.seconds = time.monotonic() - began
    if process.returncode < 0:  # the log knows nothing of that
        number = -process.returncode
        raise FleetError(
            f"Shard {shard.name} failed: signal {number} ({signal.strsignal(number)}) has ended "
            "Meltano. What to do: see whether somebody stopped it, or the machine or container has "
            "run out of memory; to run it again is safe."
        )
    if process.returncode:
        why = causes.first(f"exit code {process.returncode}")
        raise FleetError(f"Shard {shard.name} failed: {why}")
    _take_stock(fleet, shard, summary)
    return summary


def project_folder() -> Path:
    """Return the folder of the Meltano project."""
    return Path(os.environ.get("MELTANO_PROJECT_ROOT", ".")).resolve()


def _take_stock(fleet: Fleet, shard: Shard, summary: Summary) -> None:
    """Make sure that a run that ended well has read something, and has said of whom."""
    if not summary.is_told:
        raise FleetError(
            f"Shard {shard.name} was loaded, but which tenants were read is not in the log. What "
            "to do: let the tap log at level info, and take out a logging.yaml of the project."
        )
    if unheard := [each for each in fleet.streams if each not in summary.heard]:
        raise FleetError(
            f"Shard {shard.name} was loaded, but there is no stream {', '.join(unheard)}. What to "
            "do: correct streams or extra_streams in tenants.yml."
        )
    summary.unread = tuple(each for each in fleet.streams if each not in summary.streams)
    if not summary.streams:
        raise FleetError(f"Shard {shard.name} failed: no stream was read of any tenant.")


def _decoded(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        line = None
    return line if isinstance(line, dict) and "event" in line else {"event": text.rstrip()}


def _meltano() -> str:
    beside = Path(sys.executable).with_name("meltano")
    return os.environ.get("FLEET_MELTANO") or (str(beside) if beside.exists() else "meltano")


def _dies_with_us() -> list[str]:
    """Return what has Linux stop Meltano if this process is killed, before an engine retries."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []

"""The soak: the tap is killed again and again, on a bad network, while the board is edited.

The lists have odd times, too. In the end an incremental run has to have brought all but the rows
without a time, and a full read those as well.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

from tap_servicetitan_dispatch.sandbox import CREDENTIALS, FATAL, PASSING, Behaviour, Faults
from tap_servicetitan_dispatch.sandbox.world.instants import from_datetime
from tests.soak.editing import Editor
from tests.soak.odd_times import OddTimes
from tests.support.caller import Caller
from tests.support.contents import CAPACITY_SETTINGS, TRACKING_SETTINGS, as_sent, contents
from tests.support.loading import Target, key_of
from tests.support.runs import Command, catalog_of
from tests.support.streams import ALL_STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.support.loading import Key

FAULTS = Faults(
    rate=0.15,
    # A lost scope and a redirect end the run: often enough to matter, seldom enough to get on.
    kinds=(*PASSING * 25, *FATAL),
    wait=1,
    latency=0.02,
    drip_seconds=0.1,
)
SETTINGS = {
    "environment": "sandbox",
    **CAPACITY_SETTINGS,
    **TRACKING_SETTINGS,
    "request_timeout_seconds": 20,
    "overlap_seconds": 300,  # what tests.soak.odd_times stays within
}
# Other tests measure what these runs would; it takes a third of their time.
_ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")
}
PAGE_SIZES = (10, 25, 100, 1_000)
LEFT_ALONE = 0.15
MADE_ANEW = ("capacities", "technician_tracking")
"""Streams without a bookmark whose rows come and go: only the last run counts."""


@dataclass
class Figures:
    """What happened."""

    seed: int
    requests: int = 0
    writes: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    rows_received: int = 0
    rows_compared: Counter[str] = field(default_factory=Counter)
    undated: int = 0
    """Rows that the sandbox has and that say no time."""
    timeless: Counter[str] = field(default_factory=Counter)
    """Rows without a time, of which the incremental runs had not brought what they are now."""
    lost: dict[str, list[Key]] = field(default_factory=dict)
    """Keys of rows that the sandbox has and the target has not, or not as they are now."""
    surplus: dict[str, list[Key]] = field(default_factory=dict)
    """Keys of rows that the target has and the sandbox has not."""
    complaints: list[str] = field(default_factory=list)
    """What should not have happened besides: tracebacks, secrets, half a line."""

    @property
    def lines(self) -> Iterable[str]:
        def counts(counter: Counter[str]) -> str:
            return ", ".join(f"{name} {count}" for name, count in sorted(counter.items())) or "none"

        def keys(by_stream: dict[str, list[Key]]) -> str:
            return f"{sum(map(len, by_stream.values()))} {by_stream or ''}".rstrip()

        yield f"seed            {self.seed}"
        yield f"runs            {self.runs} ({counts(self.ends)})"
        yield f"kills           {self.kills.total()} ({counts(self.kills)})"
        yield f"requests        {self.requests}, of them {self.writes} writes that went well"
        yield f"faults          {self.faults.total()} ({counts(self.faults)})"
        yield f"rows received   {self.rows_received}"
        yield f"rows compared   {self.rows_compared.total()} ({counts(self.rows_compared)})"
        yield f"left to a full read  {self.timeless.total()} ({counts(+self.timeless)})"
        yield f"rows lost       {keys(self.lost)}"
        yield f"rows too many   {keys(self.surplus)}"
        yield f"complaints      {len(self.complaints)}"
        yield from self.complaints


@dataclass
class Soak:
    """A sandbox, somebody who edits its board, a target, and tap after tap.

    Args:
        folder: Where files for the tap may be written.
        seed: Decides on the tenant, the faults, the edits and the kills. Threads and processes
            meet as they like, so two soaks with a seed are alike but not the same.
        assignments: How many the tenant has, about.
        hard_deletes: Whether what is deleted is gone. Then rows stay in the target that the sandbox
            has no more, as nothing tells the tap of them.
    """

    folder: Path
    seed: int
    assignments: int
    hard_deletes: bool = False

    def __post_init__(self) -> None:
        self._random = Random(f"{self.seed}:kills")  # noqa: S311 - nothing secret
        self._target = Target()
        self._figures = Figures(self.seed)
        self._command = Command(self.folder)
        self._caller = Caller.of(
            seed=self.seed,
            assignments=self.assignments,
            behaviour=Behaviour(
                export_page_size=40,
                empty_pages=bool(self.seed % 2),
                deletes="hard" if self.hard_deletes else "soft",
            ),
            timer=time.monotonic,
        )

    def soak(self, goes_on: Callable[[Figures], bool]) -> Figures:
        """Run taps for as long as `goes_on`, given the figures so far, then compare."""
        sandbox, figures = self._caller.sandbox, self._figures
        times = OddTimes(self.seed, lambda: from_datetime(self._caller.clock()))
        with times.shown(), self._caller:
            sandbox.faults = replace(FAULTS, seed=self.seed)
            editor = Editor(self._caller, self.seed)
            editor.start()
            while goes_on(figures):
                self._run(leave_alone=self._random.random() < LEFT_ALONE)
            editor.stop()
            # To compare takes more calls than ServiceTitan would answer in a second.
            sandbox.faults = Faults(requests_per_second=None)
            # What was changed last shows in the feed a quarter of an hour later.
            self._caller.forward(minutes=16)
            self._run(leave_alone=True)
            self._compare(after_full_read=False)
            self._target.state = None
            self._run(leave_alone=True)
            calls = sandbox.calls
            self._compare(after_full_read=True)
        figures.requests = len(calls)
        figures.writes = editor.written
        figures.faults.update(call.fault for call in calls if call.fault)
        figures.rows_received = self._target.received
        return figures

    # One run ----------------------------------------------------------------------------------

    def _run(self, *, leave_alone: bool) -> None:
        config = {
            **SETTINGS,
            "api_url": self._caller.sandbox.url,
            "page_size": self._random.choice(PAGE_SIZES),
        }
        catalog = catalog_of(*ALL_STREAMS)
        arguments = self._command.arguments(config, self._target.state, catalog)
        now = self._caller.clock().isoformat()
        self._figures.runs += 1
        self._target.begin()
        log = self.folder / "log"
        with (
            log.open("w") as stderr,
            subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "tests.soak.hurried_tap", now, *arguments],
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=_ENVIRONMENT,
                text=True,
            ) as process,
        ):
            killed = None if leave_alone else self._read_and_kill(process)
            last = ""
            for last in process.stdout or ():
                self._target.take(last)
            process.wait()
        if process.returncode == 0:
            self._target.keep()
        if killed is not signal.SIGKILL and last and not last.endswith("\n"):
            self._complain("half a line on stdout")
        self._judge(process.returncode, killed, log.read_text())

    def _read_and_kill(self, process: subprocess.Popen[str]) -> signal.Signals:
        """Read lines, and kill so many lines or so much time after the first one."""
        number = self._random.choice((signal.SIGKILL, signal.SIGTERM))
        by_lines = self._random.random() < 0.5
        seconds = self._random.uniform(0, 6)
        lines = int(10 ** self._random.uniform(0, 3.5)) if by_lines else sys.maxsize
        timer = threading.Timer(60 if by_lines else seconds, process.send_signal, (number,))
        for count, line in enumerate(process.stdout or (), start=1):
            if count == 1:
                timer.start()
            self._target.take(line)
            if count == lines:
                break
        timer.cancel()
        process.send_signal(number)
        return number

    def _judge(self, code: int, killed: signal.Signals | None, log: str) -> None:
        errors = [line for line in log.splitlines() if "| ERROR" in line]
        if killed and code in {-killed, 128 + killed}:
            self._figures.kills[killed.name] += 1
            self._figures.ends["killed"] += 1
        elif code == 0:
            self._figures.ends["complete"] += 1
        elif code == 1 and all("What to do:" in line for line in errors) and errors:
            self._figures.ends["stopped by itself"] += 1
        else:
            self._complain(f"exit code {code}: {log[-2_000:]}")
        if "Traceback" in log:
            self._complain(f"traceback: {log[-2_000:]}")
        if any(CREDENTIALS[name] in log for name in ("client_secret", "app_key")):
            self._complain("a secret in the log")

    def _complain(self, complaint: str) -> None:
        self._figures.complaints.append(f"run {self._figures.runs}: {complaint}")

    # The reckoning ----------------------------------------------------------------------------

    def _compare(self, *, after_full_read: bool) -> None:
        figures = self._figures
        for stream, rows in contents(self._caller).items():
            loaded = self._target.of_this_run if stream in MADE_ANEW else self._target.rows
            expected = {key_of(stream, row): row for row in rows}
            got = {key: as_sent(stream, row) for key, row in loaded[stream].items()}
            figures.rows_compared[stream] = len(expected)
            lost = [key for key, row in expected.items() if got.get(key) != row]
            if not after_full_read:
                undated = [row for row in rows if row.get("modifiedOn", "") is None]
                figures.undated += len(undated)
                timeless = [key for key in lost if expected[key].get("modifiedOn", "") is None]
                figures.timeless[stream] = len(timeless)
                lost = [key for key in lost if key not in timeless]
            if lost:
                figures.lost.setdefault(stream, []).extend(lost)
            surplus = [key for key in got if key not in expected]
            if surplus and not self.hard_deletes:
                figures.surplus[stream] = surplus

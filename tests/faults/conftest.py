from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from tap_servicetitan_dispatch import client
from tap_servicetitan_dispatch.sandbox import CREDENTIALS, Behaviour, Faults
from tests.support.caller import START, Caller
from tests.support.contents import CAPACITY_SETTINGS, as_sent, contents
from tests.support.loading import Target
from tests.support.runs import ALL_STREAMS, Command, Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenacity import RetryCallState

    from tap_servicetitan_dispatch.sandbox import Call


@dataclass
class Victim:
    """The tap, a sandbox on which things go wrong, and a target that keeps what it gets.

    Attributes:
        waits: The seconds that the tap would have waited before it tried again, had it been let.
    """

    caller: Caller
    command: Command
    waits: list[float]
    target: Target
    begin: int

    def run(self, faults: Faults, *streams: str, resume: bool = False, **settings: object) -> Run:
        """Run the tap on these streams, on all if none are named, and load what comes."""
        config = {
            "environment": "sandbox",
            "api_url": self.caller.sandbox.url,
            "page_size": 50,
            **CAPACITY_SETTINGS,
            **settings,
        }
        self.caller.sandbox.faults = faults
        state = self.target.state if resume else None
        run = self.command.run(config, state, streams=streams or ALL_STREAMS)
        self.caller.sandbox.faults = Faults()
        self.target.begin()
        for line in run.stdout.splitlines(keepends=True):
            self.target.take(line)
        self.target.keep()
        for name in ("client_secret", "app_key"):
            assert CREDENTIALS[name] not in run.stdout + run.stderr
        return run

    @property
    def calls(self) -> list[Call]:
        """The requests of this test."""
        return self.caller.sandbox.calls[self.begin :]

    def assert_loaded(self, *streams: str) -> None:
        """All rows that the sandbox has are in the target, as they are, and no others."""
        there = contents(self.caller)
        for stream in streams or ALL_STREAMS:
            loaded = [as_sent(stream, row) for row in self.target.rows[stream].values()]
            assert in_order(loaded) == in_order(there[stream]), stream
            assert loaded, stream


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(sorted(row.items())))


@pytest.fixture
def victim(tap: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[Victim]:
    """A tap and a sandbox on the same day; the tap's clock goes on, the sandbox's stands still."""
    waits: list[float] = []
    wait = client._wait  # noqa: SLF001 - the one place where waits are made

    def note(attempt: RetryCallState) -> float:
        waits.append(wait(attempt))
        return 0

    monkeypatch.setattr(client, "_wait", note)
    with (
        time_machine.travel(START, tick=True),
        Caller.of(assignments=300, behaviour=Behaviour(export_page_size=50)) as caller,
    ):
        yield Victim(caller, tap, waits, Target(), len(caller.sandbox.calls))

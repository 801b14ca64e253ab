"""Who suffers when things go wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.sandbox import CREDENTIALS, PASSING, Faults
from tests.support.contents import CAPACITY_SETTINGS, TRACKING_SETTINGS, as_sent, contents
from tests.support.streams import ALL_STREAMS

if TYPE_CHECKING:
    from tap_servicetitan_dispatch.sandbox import Call
    from tests.support.caller import Caller
    from tests.support.loading import Target
    from tests.support.runs import Command, Run


# Two of these in a row do not pass: a new token that is rejected at once means something else.
AGAIN_AND_AGAIN = tuple(kind for kind in PASSING if kind != "revoked")
# With the default, once in many runs, all tries of one call are among those that fail by chance.
MANY_RETRIES = 50


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
            **TRACKING_SETTINGS,
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
            assert sorted_rows(loaded) == sorted_rows(there[stream]), stream
            assert loaded, stream


def sorted_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(sorted(row.items())))

"""A target that keeps rows by their keys, and loses with the tap what no STATE came after."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.support.streams import ALL_STREAMS, STREAMS

Row = dict[str, Any]
Key = tuple[Any, ...]


def key_of(stream: str, row: Row) -> Key:
    return tuple(row[name] for name in STREAMS[stream].keys)


@dataclass
class Target:
    """What has been loaded over all runs.

    Rows are kept when a STATE comes after them, or when the tap ends well, as of a target that is
    killed together with its tap: the harshest thing that the Singer specification allows.
    """

    state: dict[str, Any] | None = None
    rows: dict[str, dict[Key, Row]] = field(
        default_factory=lambda: {name: {} for name in ALL_STREAMS}
    )
    of_this_run: dict[str, dict[Key, Row]] = field(default_factory=dict)
    received: int = 0
    _pending: list[tuple[str, Row]] = field(default_factory=list)

    def begin(self) -> None:
        """Get ready for another run."""
        self._pending.clear()
        self.of_this_run = {name: {} for name in ALL_STREAMS}

    def take(self, line: str) -> None:
        """Take a line of the tap's output; what is not a whole line is left alone."""
        if not line.endswith("\n"):
            return
        message = json.loads(line)
        if message["type"] == "RECORD":
            self.received += 1
            self._pending.append((message["stream"], message["record"]))
        elif message["type"] == "STATE":
            self.keep()
            self.state = message["value"]

    def keep(self) -> None:
        """Keep what has come so far."""
        for stream, row in self._pending:
            key = key_of(stream, row)
            self.rows[stream][key] = self.of_this_run[stream][key] = row
        self._pending.clear()

"""A working day in the sandbox, loaded every ten minutes as in production, in seconds.

`python -m examples.sandbox_day FOLDER` writes the files that Meltano and target-jsonl would have
written. The day, the contractor and so the files are always the same.
"""

import contextlib
import io
import json
import logging
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tap_servicetitan_dispatch.sandbox import Faults, Sandbox
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch

ASSIGNMENTS = 4000
# A Thursday, from before anybody sets out to the early afternoon in Chicago.
FIRST_LOAD = datetime(2026, 11, 19, 12, 40, tzinfo=UTC)
LAST_LOAD = datetime(2026, 11, 19, 20, 40, tzinfo=UTC)
EVERY = timedelta(minutes=10)


@dataclass
class Clock:
    """The clock of the day."""

    now: datetime = FIRST_LOAD

    def __call__(self) -> datetime:
        """Return what it shows."""
        return self.now


def load(tap: TapServiceTitanDispatch) -> list[str]:
    """Run a tap, and return the messages that it writes."""
    written = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(written):
        tap.sync_all()
    written.seek(0)
    return list(written)


def loads(sandbox: Sandbox, clock: Any, **settings: Any) -> Iterator[list[str]]:
    """Load the day every ten minutes, and yield the messages of each load.

    Args:
        sandbox: The contractor.
        clock: Its clock, whose `now` is put forward.
        settings: Settings of the tap.
    """
    config = {"environment": "sandbox", "api_url": sandbox.url, **settings}
    state: dict[str, Any] = {}
    while clock.now <= LAST_LOAD:
        messages = load(TapServiceTitanDispatch(config=config, state=state))
        state = json.loads(messages[-1])["value"]
        yield messages
        clock.now += EVERY


def write(messages: Iterable[str], folder: Path, now: datetime) -> None:
    """Write the rows among messages the way target-jsonl does.

    Args:
        messages: The messages.
        folder: Where the files go.
        now: The time to name them by.
    """
    for message in map(json.loads, messages):
        if message["type"] == "RECORD":
            file = folder / f"{message['stream']}-{now:%Y%m%dT%H%M%S}.jsonl"
            with file.open("a", encoding="utf-8") as rows:
                rows.write(json.dumps(message["record"]) + "\n")


def load_day(folder: Path) -> None:
    """Load the day into a folder."""
    clock = Clock()
    # Runs that are ten minutes apart follow one another at once, so that their calls add up.
    unlimited = Faults(requests_per_second=None)
    with Sandbox(assignments=ASSIGNMENTS, clock=clock, faults=unlimited) as sandbox:
        for messages in loads(sandbox, clock):
            write(messages, folder, clock.now)


if __name__ == "__main__":
    logging.disable(logging.INFO)
    into = Path(sys.argv[1])
    into.mkdir(parents=True)  # files of another load would be mixed in
    load_day(into)

"""A working day in the sandbox, loaded every ten minutes as in production, in seconds.

`python -m examples.sandbox_day FOLDER` writes the files that Meltano and target-jsonl would have
written. The day, the contractor and so the files are always the same.
"""

import contextlib
import io
import json
import logging
import sys
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


def load(tap: TapServiceTitanDispatch, folder: Path, now: datetime) -> dict[str, Any]:
    """Run a tap, write its rows the way target-jsonl does, and return the state to resume from.

    Args:
        tap: The tap, with its state.
        folder: Where the files go.
        now: The time to name them by.
    """
    written = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(written):
        tap.sync_all()
    written.seek(0)
    state: dict[str, Any] = {}
    for message in map(json.loads, written):
        if message["type"] == "RECORD":
            file = folder / f"{message['stream']}-{now:%Y%m%dT%H%M%S}.jsonl"
            with file.open("a", encoding="utf-8") as rows:
                rows.write(json.dumps(message["record"]) + "\n")
        elif message["type"] == "STATE":
            state = message["value"]
    return state


def load_day(folder: Path) -> None:
    """Load the day into a folder."""
    now = FIRST_LOAD
    state: dict[str, Any] = {}
    # Runs that are ten minutes apart follow one another at once, so that their calls add up.
    unlimited = Faults(requests_per_second=None)
    with Sandbox(assignments=ASSIGNMENTS, clock=lambda: now, faults=unlimited) as sandbox:
        while now <= LAST_LOAD:
            config = {"environment": "sandbox", "api_url": sandbox.url}
            state = load(TapServiceTitanDispatch(config=config, state=state), folder, now)
            now += EVERY


if __name__ == "__main__":
    logging.disable(logging.INFO)
    into = Path(sys.argv[1])
    into.mkdir(parents=True)  # files of another load would be mixed in
    load_day(into)

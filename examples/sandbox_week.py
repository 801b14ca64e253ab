"""A week in the sandbox, loaded every ten minutes as in production, in a minute or two.

Meltano's command `tap-servicetitan-dispatch:week` writes the files that Meltano and target-jsonl
would have written in the last seven days. The tap is the ordinary one, and resumes each time from
the state of the load before. Only the clock is another: the sandbox's, which is put forward.
"""

import contextlib
import io
import json
import logging
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from tap_servicetitan_dispatch.sandbox import Faults, Sandbox
from tap_servicetitan_dispatch.sandbox.world.company import BUSINESS_UNITS
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch

Settings = dict[str, Any]

ZONE = ZoneInfo("America/Chicago")
"""Where the contractor is."""
SETTINGS: Settings = {
    "timezone": str(ZONE),
    "capacity_days_back": 1,
    "capacity_business_unit_ids": [unit.id for unit in BUSINESS_UNITS],
}
STEP = timedelta(minutes=10)
OPENS, NOON, CLOSES, SATURDAY = 7, 12, 18, 5


@dataclass
class Clock:
    """The clock of the sandbox."""

    now: datetime

    def __call__(self) -> datetime:
        """Return what it shows."""
        return self.now


def begins_an_hour(now: datetime) -> bool:
    """Return whether it is one of the first ten minutes of an hour."""
    return timedelta(minutes=now.minute) < STEP


def moments(until: datetime, days: int) -> list[datetime]:
    """Return when is loaded: every ten minutes while the office is open, every hour otherwise.

    Args:
        until: When the last load is.
        days: How long before that the first one is.
    """

    def is_due(now: datetime) -> bool:
        local = now.astimezone(ZONE)
        is_open = OPENS <= local.hour < CLOSES and local.weekday() < SATURDAY
        return is_open or begins_an_hour(now)

    first = until - timedelta(days=days)
    between = (first + STEP * number for number in range(1, timedelta(days=days) // STEP))
    return [first, *filter(is_due, between), until]


def last_busy(now: datetime) -> datetime:
    """Return the latest time up to now that was the afternoon of a working day, to the minute."""
    found = now.replace(second=0, microsecond=0)
    while not (
        NOON <= found.astimezone(ZONE).hour < CLOSES and found.astimezone(ZONE).weekday() < SATURDAY
    ):
        found -= STEP
    return found


def settings_at(now: datetime) -> Settings:
    """Return the settings of a load: the forecasts of capacity are loaded every hour."""
    hourly = ["capacities"] if begins_an_hour(now) else []
    return SETTINGS | {"extra_streams": ["sync_log", *hourly]}


def loads(
    sandbox: Sandbox,
    clock: Any,
    when: Iterable[datetime],
    settings: Callable[[datetime], Settings],
) -> Iterator[list[str]]:
    """Load again and again, and yield the messages of each load.

    Args:
        sandbox: The contractor.
        clock: Its clock, whose `now` is put forward.
        when: The times of the loads.
        settings: Tells the settings of the load at a time.
    """
    state: dict[str, Any] = {}
    for clock.now in when:
        config = {"environment": "sandbox", "api_url": sandbox.url} | settings(clock.now)
        messages = load(TapServiceTitanDispatch(config=config, state=state))
        state = json.loads(messages[-1])["value"]
        yield [by_the_clock(line, clock.now) for line in messages]


def load(tap: TapServiceTitanDispatch) -> list[str]:
    """Run a tap, and return the messages that it writes."""
    written = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(written):
        tap.sync_all()
    written.seek(0)
    return list(written)


def by_the_clock(line: str, now: datetime) -> str:
    """Return a message as if the tap's machine had the sandbox's clock: `sync_log` tells it."""
    if not line.startswith('{"type":"RECORD","stream":"sync_log"'):
        return line
    message = json.loads(line)
    for name in ("startedAt", "endedAt"):
        message["record"][name] = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    return json.dumps(message) + "\n"


def write(messages: Iterable[str], folder: Path, now: datetime) -> int:
    """Write the rows among messages the way target-jsonl does, and return how many there are.

    Args:
        messages: The messages.
        folder: Where the files go.
        now: The time to name them by.
    """
    rows: dict[str, list[str]] = {}
    for message in map(json.loads, messages):
        if message["type"] == "RECORD":
            rows.setdefault(message["stream"], []).append(json.dumps(message["record"]) + "\n")
    for stream, lines in rows.items():
        file = folder / f"{stream}-{now:%Y%m%dT%H%M%S}.jsonl"
        file.write_text("".join(lines), encoding="utf-8")
    return sum(map(len, rows.values()))


def load_days(folder: Path, when: Sequence[datetime], size: int) -> Iterator[str]:
    """Load some days into a folder, and yield after each how far it is.

    Args:
        folder: Where the files go.
        when: The times of the loads.
        size: Approximate number of the contractor's assignments.
    """
    clock = Clock(when[0])
    began = monotonic()
    done = rows = 0
    # Runs that are ten minutes apart follow one another at once, so that their calls add up.
    unlimited = Faults(requests_per_second=None)
    with Sandbox(assignments=size, clock=clock, faults=unlimited) as sandbox:
        all_loads = loads(sandbox, clock, when, settings_at)
        for day, of_day in groupby(all_loads, lambda _: clock.now.astimezone(ZONE).date()):
            for messages in of_day:
                rows += write(messages, folder, clock.now)
                done += 1
            share, seconds = done / len(when), monotonic() - began
            yield (
                f"{day:%a %Y-%m-%d}: {done} of {len(when)} loads ({share:.0%}), "
                f"{rows:,} rows, {seconds:.0f} s"
            )


def instant(text: str) -> datetime:
    """Return a time that an option names."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"not a time such as 2026-11-19T20:40Z: {text!r}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def parser() -> ArgumentParser:
    """Return what reads the command line."""
    options = ArgumentParser("week", description="Load a week of the sandbox into files.")
    options.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=os.environ.get("TARGET_JSONL_DESTINATION_PATH"),
        help="where the files go; there must be no such folder yet; %(default)s by default",
    )
    options.add_argument("--days", type=int, default=7, help="how many; %(default)s by default")
    options.add_argument(
        "--until",
        type=instant,
        help="when they end; by default now, or in the last afternoon of a working day",
    )
    options.add_argument(
        "--size",
        type=int,
        default=4000,
        help="approximate number of assignments of the contractor; %(default)s by default",
    )
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Load the days that the command line asks for."""
    options = parser()
    given = options.parse_args(arguments)
    if given.folder is None:
        options.error("name a folder for the files, or set TARGET_JSONL_DESTINATION_PATH.")
    if given.days < 1:
        options.error("--days has to be 1 or more.")
    until = given.until or last_busy(datetime.now(UTC))
    try:
        given.folder.mkdir(parents=True)
    except FileExistsError:
        options.error(
            f"{given.folder} is there already, and files of two loads would be mixed. "
            "Remove it, or name another folder."
        )
    logging.disable(logging.INFO)
    try:
        for line in load_days(given.folder, moments(until, given.days), given.size):
            sys.stderr.write(f"{line}\n")
    finally:
        logging.disable(logging.NOTSET)


if __name__ == "__main__":
    main()

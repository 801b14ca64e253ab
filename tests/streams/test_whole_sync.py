"""All streams from beginning to end, against the sandbox on a working day."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from tap_servicetitan_dispatch.sandbox import Sandbox
from tests.support.caller import SANDBOX_PREFIX, START, Clock
from tests.support.runs import Command, catalog_of
from tests.support.streams import ALL_STREAMS, PATHS, STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.runs import Run

pytestmark = pytest.mark.no_cover

SETTINGS = {
    "environment": "sandbox",
    "timezone": "America/Chicago",
    "page_size": 200,
    "tracking_lookback_days": 2,
}


@pytest.fixture(scope="module")
def run_and_calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, list[str]]]:
    """A run that reads all streams in full, and the paths that it called."""
    with time_machine.travel(START), Sandbox(assignments=2000, clock=Clock()) as sandbox:
        config = {**SETTINGS, "api_url": sandbox.url}
        run = Command(tmp_path_factory.mktemp("run")).run(config, None, catalog_of(*ALL_STREAMS))
        yield run, [call.path.removeprefix(SANDBOX_PREFIX) for call in sandbox.calls]


def records_of(run: Run, stream: str) -> list[dict[str, Any]]:
    return [
        each["record"]
        for each in run.messages
        if each["type"] == "RECORD" and each["stream"] == stream
    ]


@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_keys_are_there_and_unique(run_and_calls: tuple[Run, list[str]], stream: str) -> None:
    run, _ = run_and_calls
    assert run.exit_code == 0, run.stderr
    fields = STREAMS[stream].keys
    keys = Counter(tuple(record[field] for field in fields) for record in records_of(run, stream))
    assert keys
    assert [key for key, times in keys.items() if times > 1] == []
    assert [key for key in keys if None in key] == []


@pytest.mark.parametrize("stream", ["appointment_assignments_list", "technician_shifts"])
def test_a_list_of_several_pages_is_read_in_several_requests(
    run_and_calls: tuple[Run, list[str]], stream: str
) -> None:
    """Else the test of the keys would show little."""
    _, calls = run_and_calls
    assert calls.count(PATHS[stream]) > 3


def test_what_the_feed_gives_is_what_the_list_gives(
    run_and_calls: tuple[Run, list[str]],
) -> None:
    run, _ = run_and_calls
    feed, rows = (
        {record["id"]: {**record, "continueFrom": None} for record in records_of(run, stream)}
        for stream in ("appointment_assignments", "appointment_assignments_list")
    )
    held_back = rows.keys() - feed.keys()
    assert len(held_back) < len(rows) / 20, "what changed in the last quarter of an hour"
    same = [number for number, row in feed.items() if rows.get(number) == row]
    assert len(same) > len(rows) * 0.95

"""A feed that has nothing to give and says that there is more."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.run.signals import StopFlag
from tap_servicetitan_dispatch.walks import feed
from tap_servicetitan_dispatch.walks.page import MOST_EMPTY
from tests.support.runs import assert_fails, bookmarked
from tests.support.scripted_api import Answer, Call, ScriptedApi, page

if TYPE_CHECKING:
    from tests.support.runs import Command
    from tests.support.threads import Threads

SLOW = "asking once a second"


def numbered(api: ScriptedApi, *with_rows: int, last: int | None = None) -> Any:
    """Return a feed of ever new tokens, whose pages are empty but for some."""

    def reply(_: Call) -> Answer:
        number = len(api.api_calls)
        rows = [number] if number in with_rows else []
        return Answer(page(*rows, more=number != last, token=f"t{number}"))

    return reply


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the tap would have waited, had it been let."""
    found: list[float] = []
    monkeypatch.setattr(StopFlag, "wait", lambda _, seconds: found.append(seconds))
    return found


def test_a_feed_of_empty_pages_is_asked_more_slowly_and_ends_in_one_line(
    api: ScriptedApi, tap: Command, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_EMPTY == 1000
    monkeypatch.setattr("tap_servicetitan_dispatch.walks.feed.MOST_EMPTY", 40)
    api.reply = numbered(api)
    run = tap.run(api.config)
    assert_fails(run, "appointment_assignments: the feed gave 40 empty pages in a row")
    assert len(api.api_calls) == 40
    assert run.bookmark == "t40"
    assert pauses == [1.0] * (40 - feed.FEW_EMPTY)
    assert run.stderr.count(SLOW) == 1


def test_a_run_resumes_where_an_endless_feed_was_left(
    api: ScriptedApi, tap: Command, pauses: list[float]
) -> None:
    api.reply = numbered(api, 2, last=2)
    run = tap.run(api.config, bookmarked("t40"))
    assert (run.ids, run.bookmark, pauses) == ([2], "t2", [])
    assert api.api_calls[0].query["from"] == "t40"


def test_however_few_rows_its_empty_pages_stand_for_a_feed_is_read_to_its_end(
    api: ScriptedApi, tap: Command, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_servicetitan_dispatch.walks.feed.MOST_EMPTY", 20)
    api.reply = numbered(api, 50, last=50)
    bookmark, codes = None, []
    for _ in range(3):
        run = tap.run(api.config, bookmark and bookmarked(bookmark))
        bookmark = run.bookmark
        codes.append(run.exit_code)
    assert (codes, run.ids, bookmark) == ([1, 1, 0], [50], "t50")
    assert pauses


def test_empty_pages_between_rows_are_read_at_full_speed(
    api: ScriptedApi, tap: Command, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_servicetitan_dispatch.walks.feed.MOST_EMPTY", 20)
    with_rows = range(feed.FEW_EMPTY, 50, feed.FEW_EMPTY)
    api.reply = numbered(api, *with_rows, last=50)
    run = tap.run(api.config)
    assert (run.exit_code, run.ids, pauses) == (0, [*with_rows], [])
    assert SLOW not in run.stderr


def test_a_feed_that_had_to_be_asked_slowly_is_read_on_at_full_speed(
    api: ScriptedApi, tap: Command, pauses: list[float]
) -> None:
    late = feed.FEW_EMPTY + 5
    api.reply = numbered(api, *range(late, 20), last=20)
    run = tap.run(api.config)
    assert (run.ids, run.bookmark) == ([*range(late, 20)], "t20")
    assert pauses == [1.0] * 5
    assert "time spent waiting: 0.0 s" not in run.stderr


def test_a_signal_ends_a_pause_at_once(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch, prefetching: Threads
) -> None:
    monkeypatch.setattr(feed, "PAUSE_SECONDS", 600.0)
    pages = numbered(api)

    def reply(call: Call) -> Answer:
        if len(api.api_calls) == feed.FEW_EMPTY:
            os.kill(os.getpid(), signal.SIGTERM)
        answer: Answer = pages(call)
        return answer

    api.reply = reply
    run = tap.run(api.config)
    assert run.exit_code == 128 + signal.SIGTERM
    prefetching.assert_end()
    assert len(api.api_calls) == feed.FEW_EMPTY

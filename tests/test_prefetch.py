"""One page ahead of the reader, and never more."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from tap_servicetitan_dispatch.errors import AnswerError
from tap_servicetitan_dispatch.prefetch import Budget, Prefetch
from tap_servicetitan_dispatch.walks import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Fetched:
    """A walk of pages that says when each has been fetched."""

    def __init__(self, count: int, size: int = 0) -> None:
        self.events = [threading.Event() for _ in range(count)]
        self.size = size

    def walk(self) -> Iterator[Page]:
        for number, event in enumerate(self.events):
            event.set()
            yield Page([{"id": number}], size=self.size)


def test_the_next_page_is_fetched_while_the_current_one_is_held() -> None:
    fetched = Fetched(4)
    with Prefetch(fetched.walk()) as pages:
        for number, page in enumerate(pages):
            assert page.records == [{"id": number}]
            if number < 3:
                assert fetched.events[number + 1].wait(10)
            assert not any(event.is_set() for event in fetched.events[number + 2 :])


def test_nothing_more_is_fetched_once_the_reader_has_left() -> None:
    fetched = Fetched(4)
    with Prefetch(fetched.walk()) as pages:
        next(iter(pages))
        assert fetched.events[1].wait(10)
    for thread in threading.enumerate():
        if thread.name == "prefetch":
            thread.join(10)
            assert not thread.is_alive()
    assert [event.is_set() for event in fetched.events] == [True, True, False, False]


def test_an_error_of_the_walk_comes_after_the_pages_before_it() -> None:
    def walk() -> Iterator[Page]:
        yield Page([{"id": 1}])
        raise AnswerError("broken")

    seen: list[Page] = []
    with Prefetch(walk()) as pages, pytest.raises(AnswerError, match="broken"):
        seen.extend(pages)
    with Prefetch(walk()) as pages:
        assert next(iter(pages)).records == [{"id": 1}]


def test_a_reader_that_waits_is_asked_again_and_again_whether_to_go_on() -> None:
    hang = threading.Event()

    def walk() -> Iterator[Page]:
        hang.wait(10)
        yield Page([])

    asked: list[None] = []

    def check() -> None:
        asked.append(None)
        if len(asked) == 3:
            raise SystemExit(143)

    with Prefetch(walk(), check) as pages, pytest.raises(SystemExit):
        next(iter(pages))
    hang.set()


def test_nothing_is_fetched_ahead_while_more_bytes_are_held_than_the_budget_allows() -> None:
    budget = Budget(limit=100)
    wide, other = Fetched(3, size=100), Fetched(2, size=1)
    with Prefetch(wide.walk(), budget=budget) as pages:
        iterator = iter(pages)
        next(iterator)
        # What another walk does shows that threads get to run, and that this one holds back.
        with Prefetch(other.walk(), budget=budget) as others:
            assert [page.size for page in others] == [1, 1]
        assert not wide.events[1].is_set()
        assert [page.size for page in iterator] == [100, 100]
    assert budget.held == 0


def test_pages_that_nobody_has_read_yet_count_as_held() -> None:
    budget = Budget(limit=100)
    waiting, current = Fetched(2, size=100), Fetched(3, size=1)
    later, now = (Prefetch(each.walk(), budget=budget) for each in (waiting, current))
    with later, now:
        iterator = iter(now)
        assert waiting.events[0].wait(10)
        until(lambda: budget.held >= 100)
        for number in range(3):
            assert next(iterator).records == [{"id": number}]
        assert list(iterator) == []
        assert len(list(later)) == 2


def test_a_walk_that_was_left_holds_nothing_and_lets_the_others_go_on() -> None:
    budget = Budget(limit=100)
    left, other = Fetched(2, size=100), Fetched(2, size=1)
    ahead = Prefetch(left.walk(), budget=budget)
    until(lambda: budget.held == 100)
    with Prefetch(other.walk(), budget=budget) as pages:
        next(iter(pages))
        assert not other.events[1].is_set()
        ahead.close()
        assert other.events[1].wait(10)
    assert budget.held == 0


def test_a_page_that_comes_after_its_reader_has_left_is_not_held() -> None:
    budget = Budget(limit=100)
    reached, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def walk() -> Iterator[Page]:
        reached.set()
        go_on.wait(10)
        try:
            yield Page([], size=7)
        finally:
            done.set()

    ahead = Prefetch(walk(), budget=budget)
    assert reached.wait(10)
    ahead.close()
    go_on.set()
    del ahead
    assert done.wait(10)
    assert budget.held == 0


def until(condition: Callable[[], bool]) -> None:
    """Return once a condition holds that other threads bring about."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)

"""One page ahead of the reader, and never more."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tap_servicetitan_dispatch.errors import AnswerError
from tap_servicetitan_dispatch.walks import LookAhead, Page

if TYPE_CHECKING:
    from collections.abc import Iterator


class Fetched:
    """A walk of pages that says when each has been fetched."""

    def __init__(self, count: int) -> None:
        self.events = [threading.Event() for _ in range(count)]

    def walk(self) -> Iterator[Page]:
        for number, event in enumerate(self.events):
            event.set()
            yield Page([{"id": number}])


def test_the_next_page_is_fetched_while_the_current_one_is_held() -> None:
    fetched = Fetched(4)
    with LookAhead(fetched.walk()) as pages:
        for number, page in enumerate(pages):
            assert page.records == [{"id": number}]
            if number < 3:
                assert fetched.events[number + 1].wait(10)
            assert not any(event.is_set() for event in fetched.events[number + 2 :])


def test_nothing_more_is_fetched_once_the_reader_has_left() -> None:
    fetched = Fetched(4)
    with LookAhead(fetched.walk()) as pages:
        next(iter(pages))
        assert fetched.events[1].wait(10)
    for thread in threading.enumerate():
        if thread.name == "look-ahead":
            thread.join(10)
            assert not thread.is_alive()
    assert [event.is_set() for event in fetched.events] == [True, True, False, False]


def test_an_error_of_the_walk_comes_after_the_pages_before_it() -> None:
    def walk() -> Iterator[Page]:
        yield Page([{"id": 1}])
        raise AnswerError("broken")

    seen: list[Page] = []
    with LookAhead(walk()) as pages, pytest.raises(AnswerError, match="broken"):
        seen.extend(pages)
    with LookAhead(walk()) as pages:
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

    with LookAhead(walk(), check) as pages, pytest.raises(SystemExit):
        next(iter(pages))
    hang.set()

"""One page ahead of the reader, and never more."""

from __future__ import annotations

import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.errors import AnswerError
from tap_servicetitan_dispatch.run.parallel import ParallelCalls
from tap_servicetitan_dispatch.run.prefetch import PageSize, Prefetcher
from tap_servicetitan_dispatch.walks import Page
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.threads import Threads


class Fetched:
    """A walk of pages that says when each has been fetched."""

    def __init__(self, count: int, size: int = 0) -> None:
        self.events = [threading.Event() for _ in range(count)]
        self.size = size

    def walk(self) -> Iterator[Page]:
        for number, event in enumerate(self.events):
            event.set()
            yield Page([{"id": number}], size=self.size)


def prefetcher(*walks: Iterator[Page], threads: int = 2, **more: Any) -> Prefetcher[int]:
    """Return a prefetcher of walks of a stream each, named by their number, with one owner."""
    found: Prefetcher[int] = Prefetcher(threads, **more)
    for number, walk in enumerate(walks):
        found.add(str(number), 0, walk)
    return found


def taken(ahead: Prefetcher[int], stream: str = "0") -> Iterator[Page]:
    """Yield the pages of a stream; raise what ended it."""
    for _, arrived in ahead.pages(stream):
        if isinstance(arrived, Exception):
            raise arrived
        yield arrived


def test_the_next_page_is_fetched_while_the_current_one_is_held() -> None:
    fetched = Fetched(4)
    for number, page in enumerate(taken(prefetcher(fetched.walk()))):
        assert page.records == [{"id": number}]
        if number < 3:
            assert fetched.events[number + 1].wait(10)
        assert not any(event.is_set() for event in fetched.events[number + 2 :])


def test_nothing_more_is_fetched_once_the_reader_has_left(prefetching: Threads) -> None:
    fetched = Fetched(4)
    ahead = prefetcher(fetched.walk())
    next(taken(ahead))
    assert fetched.events[1].wait(10)
    ahead.close()
    prefetching.assert_end()
    assert [event.is_set() for event in fetched.events] == [True, True, False, False]


def test_an_error_of_the_walk_comes_after_the_pages_before_it() -> None:
    def walk() -> Iterator[Page]:
        yield Page([{"id": 1}])
        raise AnswerError("broken")

    seen: list[Page] = []
    with pytest.raises(AnswerError, match="broken"):
        seen.extend(taken(prefetcher(walk())))
    ahead = prefetcher(walk())
    assert next(taken(ahead)).records == [{"id": 1}]
    ahead.close()


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

    ahead = prefetcher(walk(), before_waiting=check)
    with pytest.raises(SystemExit):
        next(taken(ahead))
    ahead.close()
    hang.set()


def test_what_is_not_the_walks_own_is_raised_after_the_reader_was_asked() -> None:
    def walk() -> Iterator[Page]:
        yield Page([])
        raise SystemExit(143)

    asked: list[None] = []
    with pytest.raises(SystemExit):
        list(taken(prefetcher(walk(), before_waiting=lambda: asked.append(None))))
    assert asked


def test_nothing_is_fetched_ahead_while_more_bytes_are_held_than_the_budget_allows() -> None:
    wide, other = Fetched(3, size=100), Fetched(2, size=1)
    ahead = prefetcher(wide.walk(), threads=3, budget_bytes=100)
    iterator = taken(ahead)
    next(iterator)
    # What another walk does shows that threads get to run, and that this one holds back.
    ahead.add("1", 0, other.walk())
    assert other.events[0].wait(10)
    assert not wide.events[1].is_set()
    assert [page.size for page in iterator] == [100, 100]
    assert [page.size for page in taken(ahead, "1")] == [1, 1]
    assert ahead.schedule.held_bytes == 0


def test_pages_that_nobody_has_read_yet_count_as_held() -> None:
    waiting, current = Fetched(2, size=100), Fetched(3, size=1)
    ahead = prefetcher(waiting.walk(), current.walk(), budget_bytes=100)
    assert waiting.events[0].wait(10)
    until(lambda: ahead.schedule.held_bytes >= 100)
    assert [page.records for page in taken(ahead, "1")] == [[{"id": n}] for n in range(3)]
    assert len(list(taken(ahead, "0"))) == 2
    assert ahead.schedule.held_bytes == 0


def test_a_first_page_that_is_expected_to_be_large_waits_for_its_turn() -> None:
    first, second = Fetched(1, size=80), Fetched(1, size=80)
    ahead: Prefetcher[str] = Prefetcher(2, budget_bytes=100)
    ahead.add("zones", "A", first.walk(), PageSize(80))
    ahead.add("zones", "B", second.walk(), PageSize(80))
    pages = ahead.pages("zones")
    assert next(pages)[0] == "A"
    assert not second.events[0].is_set()
    assert [owner for owner, _ in pages] == ["B"]


def test_an_owner_who_is_left_holds_nothing_and_lets_the_others_go_on() -> None:
    left, other = Fetched(2, size=100), Fetched(2, size=1)
    ahead: Prefetcher[str] = Prefetcher(2, budget_bytes=100)
    ahead.add("teams", "A", left.walk())
    until(lambda: ahead.schedule.held_bytes == 100)
    ahead.add("zones", "B", other.walk(), PageSize(1))
    ahead.leave("A")
    assert other.events[0].wait(10)
    assert [arrived.size for _, arrived in ahead.pages("zones") if isinstance(arrived, Page)] == [
        1,
        1,
    ]
    assert list(ahead.pages("teams")) == []
    assert ahead.schedule.held_bytes == 0


def test_a_page_that_comes_after_its_reader_has_left_is_not_held() -> None:
    reached, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def walk() -> Iterator[Page]:
        reached.set()
        go_on.wait(10)
        try:
            yield Page([], size=7)
        finally:
            done.set()

    ahead = prefetcher(walk())
    assert reached.wait(10)
    ahead.close()
    go_on.set()
    del ahead
    assert done.wait(10)


def test_the_owner_whose_page_arrives_first_is_read_first() -> None:
    hang = threading.Event()

    def slow() -> Iterator[Page]:
        hang.wait(10)
        yield Page([{"id": 1}])

    ahead: Prefetcher[str] = Prefetcher(2)
    ahead.add("zones", "slow", slow())
    ahead.add("zones", "quick", Fetched(3).walk())
    pages = ahead.pages("zones")
    assert [next(pages)[0] for _ in range(3)] == ["quick"] * 3
    hang.set()
    assert [owner for owner, _ in pages] == ["slow"]


def test_an_owner_who_hangs_does_not_take_the_threads_of_the_others() -> None:
    hang = threading.Event()

    def hanging() -> Iterator[Page]:
        hang.wait(30)
        yield Page([])

    ahead: Prefetcher[str] = Prefetcher(3)
    streams = [str(number) for number in range(9)]
    for stream in streams:
        ahead.add(stream, "hangs", hanging())
        ahead.add(stream, "lives", Fetched(2).walk())
    for stream in streams:
        pages = ahead.pages(stream)
        assert [next(pages)[0] for _ in range(2)] == ["lives", "lives"], stream
    ahead.close()
    hang.set()


def test_there_are_no_more_threads_than_allowed() -> None:
    lock, all_are_there = threading.Lock(), threading.Barrier(4)
    under_way, most = set(), 0

    def walk(number: int) -> Iterator[Page]:
        nonlocal most
        with lock:
            under_way.add(number)
            most = max(most, len(under_way))
        all_are_there.wait(10)
        with lock:
            under_way.remove(number)
        yield Page([])

    ahead: Prefetcher[int] = Prefetcher(4)
    for number in range(60):
        ahead.add("zones", number, walk(number))
    assert sorted(owner for owner, _ in ahead.pages("zones")) == [*range(60)]
    assert most == 4


def test_a_thread_ends_where_there_is_nothing_to_fetch_and_another_takes_its_place(
    prefetching: Threads,
) -> None:
    walks = [Fetched(3) for _ in range(3)]
    ahead = prefetcher(*(each.walk() for each in walks), threads=3)
    until(lambda: all(each.events[0].is_set() for each in walks))
    prefetching.assert_end()
    for stream, fetched in enumerate(walks):
        assert len(list(taken(ahead, str(stream)))) == 3
        assert fetched.events[2].is_set()
    prefetching.assert_end()


def test_a_page_that_was_read_is_kept_by_nobody() -> None:
    pages = []

    def walk() -> Iterator[Page]:
        for _ in range(2):
            page = Page([])
            pages.append(weakref.ref(page))
            yield page
            del page

    ahead = prefetcher(walk())
    for number, page in enumerate(taken(ahead)):
        assert pages[number]() is page
    del page
    until(lambda: not any(each() for each in pages))


@pytest.mark.parametrize(
    ("sizes", "learnt"), [((), 10), ((80,), 80), ((80, 0), 40), ((0, 0, 0, 0), 0)]
)
def test_how_large_a_first_page_is_is_learnt_at_once_and_forgotten_slowly(
    sizes: tuple[int, ...], learnt: int
) -> None:
    guess = PageSize(10)
    for size in sizes:
        guess.learn(size)
    assert guess.size == learnt


def test_walks_that_are_alike_learn_from_each_other() -> None:
    alike = PageSize(1)
    walks = [Fetched(1, size=80) for _ in range(3)]
    ahead: Prefetcher[int] = Prefetcher(1, budget_bytes=100)
    for number, each in enumerate(walks):
        ahead.add("zones", number, each.walk(), alike)
    until(lambda: ahead.schedule.held_bytes == 80)
    assert [each.events[0].is_set() for each in walks] == [True, False, False]
    assert sorted(owner for owner, _ in ahead.pages("zones")) == [0, 1, 2]


def test_helpers_are_as_many_as_allowed_over_all_who_use_them_and_keep_the_order() -> None:
    helpers = ParallelCalls(3)
    under_way, most = [0], [0]
    lock, go_on = threading.Lock(), threading.Event()

    def call(number: int) -> int:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
            if under_way[0] == 4:
                go_on.set()
        go_on.wait(10)
        with lock:
            under_way[0] -= 1
        return number

    def use(found: list[int]) -> None:
        found.extend(helpers.results([partial(call, number) for number in range(8)]))

    found: tuple[list[int], list[int]] = ([], [])
    users = [threading.Thread(target=use, args=(each,)) for each in found]
    for user in users:
        user.start()
    for user in users:
        user.join(30)
    assert found == ([*range(8)], [*range(8)])
    assert 4 <= most[0] <= 5, "three helpers, and the two who use them"


def test_an_error_of_a_helper_comes_at_its_place() -> None:
    def broken() -> int:
        raise AnswerError("broken")

    found: list[int] = []
    for at_once in (1, 4):
        with pytest.raises(AnswerError, match="broken"):
            found.extend(ParallelCalls(at_once).results([lambda: 1, broken, lambda: 3]))
    assert found == [1, 1]

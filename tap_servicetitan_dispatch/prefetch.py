"""Threads: pages that are fetched before they are needed, and calls that are under way together.

It knows how many threads there may be and what may be held in memory, and nothing of what a page
means.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from tap_servicetitan_dispatch.walks import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

Owner = TypeVar("Owner", bound="Hashable")
Result = TypeVar("Result")

BUDGET_BYTES = 8 * 2**20


@dataclass(eq=False)
class _Source(Generic[Owner]):
    """A walk, and how far it has been read."""

    stream: str
    owner: Owner
    walk: Iterator[Page]
    expected_bytes: int
    """Size of the next page, as far as one can know: that of the page before."""
    is_being_read: bool = False
    is_ahead: bool = False
    """Whether a page of it has arrived that nobody is about to take."""
    arrived: int = 0


@dataclass
class _Queue(Generic[Owner]):
    """What has arrived of a stream, in the order of arrival."""

    arrived: deque[tuple[_Source[Owner], Page | BaseException]] = field(default_factory=deque)
    open: int = 0
    """How many of its walks have not ended."""


class Prefetcher(Generic[Owner]):
    """Reads walks in threads, each walk one page ahead of whoever takes the pages.

    A stream may have several walks, of different owners (tenants); whose page arrives first is
    taken first. Whatever the number of walks, there are no more threads than allowed. A free thread
    takes a walk of the stream that the reader waits for, else one of an owner with the fewest pages
    under way; among those the first that was added. It takes none that is ahead already, none whose
    owner has their share of the threads, so that one who hangs does not take them all, and none
    whose next page would exceed the budget of bytes.

    A walk is used by one thread at a time. All else is shared, under one lock.

    Args:
        max_threads: At most so many.
        before_waiting: Called by the reader when nothing has arrived yet, several times a second
            from then on, and at the end of a stream; may raise.
        budget_bytes: Of all pages that are under way, have arrived, or are in the reader's hand.
    """

    def __init__(
        self,
        max_threads: int,
        before_waiting: Callable[[], None] = lambda: None,
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        self._max_threads = max_threads
        self._before_waiting = before_waiting
        self._budget_bytes = budget_bytes
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._arrival = threading.Condition(self._lock)
        self._sources: list[_Source[Owner]] = []
        self._queues: dict[str, _Queue[Owner]] = {}
        self._under_way: Counter[Owner] = Counter()
        self._under_way_of: Counter[str] = Counter()
        self._walks_left: Counter[Owner] = Counter()
        self._waits_for = ""
        self._bytes_in_hand = 0
        self._threads = 0
        self.held_bytes = 0
        """Of the budget."""

    def add(self, stream: str, owner: Owner, walk: Iterator[Page], expected_bytes: int = 0) -> None:
        """Begin to read a walk.

        Args:
            stream: The name under which its pages are taken.
            owner: Whose pages they are.
            walk: The pages.
            expected_bytes: Size of the first page, as far as one can know.
        """
        with self._lock:
            self._sources.append(_Source(stream, owner, walk, expected_bytes))
            self._walks_left[owner] += 1
            self._queues.setdefault(stream, _Queue()).open += 1
            if self._threads < min(self._max_threads, len(self._sources)):
                self._threads += 1
                threading.Thread(target=self._read, name="prefetch", daemon=True).start()
            self._work.notify()

    def has(self, stream: str) -> bool:
        """Return whether pages of a stream can be taken."""
        return stream in self._queues

    def pages(self, stream: str) -> Iterator[tuple[Owner, Page | Exception]]:
        """Yield the pages of a stream with their owners, or what ended a walk before its end.

        Raises:
            BaseException: A walk was ended by what is not its own, such as SystemExit.
        """
        wait_seconds = 0.0
        while not self._has_ended(stream):
            taken = self._take(stream, wait_seconds)
            wait_seconds = 0.0 if taken else 0.2
            if taken is None:
                self._before_waiting()
                continue
            owner, arrived = taken
            if not isinstance(arrived, Page):
                self._before_waiting()  # it may be no more than the echo of a signal
            if not isinstance(arrived, Page | Exception):
                raise arrived
            yield owner, arrived
            self._release_hand()
        self._before_waiting()

    def _has_ended(self, stream: str) -> bool:
        with self._lock:
            queue = self._queues[stream]
            if queue.open or queue.arrived:
                return False
            del self._queues[stream]
            return True

    def _take(self, stream: str, wait_seconds: float) -> tuple[Owner, Page | BaseException] | None:
        """Return what has arrived first, if anything has; it is in the reader's hand then."""
        with self._lock:
            queue = self._queues[stream]
            if not queue.arrived:
                self._waits_for = stream
                self._work.notify()
                self._arrival.wait_for(lambda: queue.arrived or not queue.open, wait_seconds)
            if not queue.arrived:
                return None
            self._waits_for = ""
            source, arrived = queue.arrived.popleft()
            source.arrived -= 1
            source.is_ahead = source.arrived > 0
            self._bytes_in_hand = _size(arrived)
            self._work.notify()
            return source.owner, arrived

    def _release_hand(self) -> None:
        with self._lock:
            self.held_bytes -= self._bytes_in_hand
            self._bytes_in_hand = 0
            self._work.notify()

    def leave(self, owner: Owner) -> None:
        """Read nothing more for an owner; a request under way is not waited for."""
        with self._lock:
            self._leave([source for source in self._sources if source.owner == owner])

    def close(self) -> None:
        """Let the threads end; requests under way are not waited for."""
        with self._lock:
            self._leave(list(self._sources))
            self.held_bytes -= self._bytes_in_hand
            self._bytes_in_hand = 0
            self._work.notify_all()

    def _leave(self, sources: list[_Source[Owner]]) -> None:
        gone = set(sources)
        for source in sources:
            self._end(source)
        for queue in self._queues.values():
            kept = deque(each for each in queue.arrived if each[0] not in gone)
            self.held_bytes -= sum(_size(arrived) for _, arrived in queue.arrived)
            self.held_bytes += sum(_size(arrived) for _, arrived in kept)
            queue.arrived = kept

    def _end(self, source: _Source[Owner]) -> None:
        """Take a walk off the list; whoever reads it finds out by that."""
        self._sources.remove(source)
        self._walks_left[source.owner] -= 1
        self._walks_left += Counter()  # leave out who has none
        self._queues[source.stream].open -= 1
        self._arrival.notify()

    def _read(self) -> None:
        """Read pages, in a thread, until no walk is left."""
        source = self._next()
        while source is not None:
            try:
                arrived: Page | BaseException = next(source.walk)
            except BaseException as error:  # noqa: BLE001 - handed to the reader
                arrived = error
            source = self._next(source, arrived)

    def _next(
        self, read: _Source[Owner] | None = None, arrived: Page | BaseException | None = None
    ) -> _Source[Owner] | None:
        """Put what has arrived, then wait for a walk to read; nothing once no walk is left."""
        with self._lock:
            if read is not None and arrived is not None:
                self._put(read, arrived)
            self._work.wait_for(lambda: not self._sources or self._eligible())
            if not self._sources:
                self._threads -= 1
                self._work.notify()
                return None
            source = min(self._eligible(), key=self._rank)
            source.is_being_read = True
            self._under_way_of[source.stream] += 1
            self._under_way[source.owner] += 1
            self.held_bytes += source.expected_bytes
            self._work.notify()  # there may be another one for another thread
            return source

    def _put(self, source: _Source[Owner], arrived: Page | BaseException) -> None:
        source.is_being_read = False
        self._under_way_of[source.stream] -= 1
        self._under_way[source.owner] -= 1
        self.held_bytes -= source.expected_bytes
        if source not in self._sources:
            return
        if isinstance(arrived, StopIteration):
            self._end(source)
            return
        self._queues[source.stream].arrived.append((source, arrived))
        source.arrived += 1
        # To a reader who waits it is not ahead: the next one may be fetched at once.
        source.is_ahead = self._waits_for != source.stream
        if not source.is_ahead:
            self._waits_for = ""
        source.expected_bytes = _size(arrived)
        self.held_bytes += _size(arrived)
        if isinstance(arrived, BaseException):
            self._end(source)
        self._arrival.notify()

    def _eligible(self) -> list[_Source[Owner]]:
        share = -(-self._max_threads // max(1, len(self._walks_left)))
        return [
            source
            for source in self._sources
            if not source.is_being_read
            and not source.is_ahead
            and (self._is_urgent(source) or self._is_affordable(source, share))
        ]

    def _is_affordable(self, source: _Source[Owner], share: int) -> bool:
        return self._under_way[source.owner] < share and (
            not self.held_bytes or self.held_bytes + source.expected_bytes <= self._budget_bytes
        )

    def _is_urgent(self, source: _Source[Owner]) -> bool:
        """Whether the reader waits for it, and no page that would do is on its way."""
        return source.stream == self._waits_for and not self._under_way_of[source.stream]

    def _rank(self, source: _Source[Owner]) -> tuple[bool, int]:
        return not self._is_urgent(source), self._under_way[source.owner]


def _size(arrived: Page | BaseException) -> int:
    return arrived.size if isinstance(arrived, Page) else 0


class Helpers:
    """Threads that help with independent calls: no more than allowed over all who use them.

    Args:
        max_threads: At most so many.
    """

    def __init__(self, max_threads: int) -> None:
        self.max_threads = max_threads
        self._free = threading.Semaphore(max_threads)

    def results(self, calls: Iterable[Callable[[], Result]]) -> Iterator[Result]:
        """Yield what each call returns, in the order of the calls, several of them under way.

        Where no thread is free, the caller's own does the work.

        Raises:
            Exception: What the first call in this order that failed has raised.
        """
        under_way: deque[Future[Result]] = deque()
        for call in calls:
            under_way.append(self._start(call))
            if len(under_way) == self.max_threads:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()

    def _start(self, call: Callable[[], Result]) -> Future[Result]:
        future: Future[Result] = Future()

        def run() -> None:
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
                future.set_exception(error)

        def run_and_free() -> None:
            try:
                run()
            finally:
                self._free.release()

        if self._free.acquire(blocking=False):
            # A daemon: a request that hangs does not keep the process alive.
            threading.Thread(target=run_and_free, name="helper", daemon=True).start()
        else:
            run()
        return future

"""Threads that fetch pages before they are needed.

This module knows the limits of threads and memory, but not what a page means.
"""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from tap_servicetitan_dispatch.walks import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

Owner = TypeVar("Owner", bound="Hashable")
Result = TypeVar("Result")

BUDGET_BYTES = 8 * 2**20


@dataclass
class PageSize:
    """The likely size of a walk's first page, learnt from those that have arrived.

    It rises at once and falls slowly, because it protects memory.
    """

    size: int = 0

    def learn(self, size: int) -> None:
        """Take the size of a first page into account."""
        self.size = max(size, (self.size + size) // 2)


@dataclass(eq=False)
class _QueuedWalk(Generic[Owner]):
    """A walk, and how far it has been read."""

    stream: str
    owner: Owner
    walk: Iterator[Page]
    first_page: PageSize
    last_bytes: int | None = None
    """Size of the previous page."""
    reserved_bytes: int = 0
    """Part of the budget that is reserved for the page under way."""
    is_being_read: bool = False
    is_ahead: bool = False
    """Whether a page has arrived that nobody is about to take."""
    arrived: int = 0

    @property
    def expected_bytes(self) -> int:
        """Likely size of the next page."""
        return self.first_page.size if self.last_bytes is None else self.last_bytes


@dataclass
class _Queue(Generic[Owner]):
    """The pages of a stream that have arrived, in the order of arrival."""

    arrived: deque[tuple[_QueuedWalk[Owner], Page | BaseException]] = field(default_factory=deque)
    open: int = 0
    """Number of walks that have not ended."""


class Prefetcher(Generic[Owner]):
    """Reads walks in threads, each walk one page ahead of the reader.

    A stream may have several walks, with different owners (tenants). Pages are taken in the order
    of arrival. The number of threads is limited, whatever the number of walks.

    A free thread takes a walk of the stream that the reader waits for. Otherwise it takes one whose
    owner has the fewest pages under way, and among those the one that was added first. It does not
    take a walk that is already one page ahead. It does not take one whose owner has a full share of
    the threads, so that an owner who hangs does not occupy them all. It does not take one whose
    next page would exceed the budget of bytes. If there is nothing to take, the thread ends,
    because the allocator keeps some memory for each living thread.

    A walk is used by one thread at a time. Everything else is shared, under one lock.

    Args:
        max_threads: Maximum number of threads.
        before_waiting: Called by the reader if nothing has arrived yet, several times a second, and
            at the end of a stream; may raise.
        budget_bytes: Maximum size of all pages that are under way, have arrived, or are in use by
            the reader.
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
        self._arrival = threading.Condition(self._lock)
        self._sources: dict[_QueuedWalk[Owner], None] = {}  # in the order in which they were added
        self._queues: dict[str, _Queue[Owner]] = {}
        self._under_way: Counter[Owner] = Counter()
        self._under_way_of: Counter[str] = Counter()
        self._walks_left: Counter[Owner] = Counter()
        self._waits_for = ""
        self._bytes_in_hand = 0
        self._threads = 0
        self.held_bytes = 0
        """Of the budget."""

    def add(
        self, stream: str, owner: Owner, walk: Iterator[Page], first_page: PageSize | None = None
    ) -> None:
        """Begin to read a walk.

        Args:
            stream: The name under which its pages are taken.
            owner: Whose pages they are.
            walk: The pages.
            first_page: Likely size of its first page, shared by similar walks.
        """
        with self._lock:
            self._sources[_QueuedWalk(stream, owner, walk, first_page or PageSize())] = None
            self._walks_left[owner] += 1
            self._queues.setdefault(stream, _Queue()).open += 1
            self._start_threads()

    def has(self, stream: str) -> bool:
        """Return whether pages of a stream can be taken."""
        return stream in self._queues

    def pages(self, stream: str) -> Iterator[tuple[Owner, Page | Exception]]:
        """Yield the pages of a stream with their owners, or the error that ended a walk early.

        Raises:
            BaseException: A walk was ended from outside, as by SystemExit.
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
        """Return the page that arrived first, if any; from now on the reader holds it."""
        with self._lock:
            queue = self._queues[stream]
            if not queue.arrived:
                self._waits_for = stream
                self._start_threads()
                self._arrival.wait_for(lambda: queue.arrived or not queue.open, wait_seconds)
            if not queue.arrived:
                return None
            self._waits_for = ""
            source, arrived = queue.arrived.popleft()
            source.arrived -= 1
            source.is_ahead = source.arrived > 0
            self._bytes_in_hand = _size(arrived)
            self._start_threads()
            return source.owner, arrived

    def _release_hand(self) -> None:
        with self._lock:
            self.held_bytes -= self._bytes_in_hand
            self._bytes_in_hand = 0
            self._start_threads()

    def leave(self, owner: Owner) -> None:
        """Read nothing more for an owner, without waiting for a request under way."""
        with self._lock:
            self._leave([source for source in self._sources if source.owner == owner])
            self._start_threads()

    def close(self) -> None:
        """Let the threads end, without waiting for requests under way."""
        with self._lock:
            self._leave(list(self._sources))
            self.held_bytes -= self._bytes_in_hand
            self._bytes_in_hand = 0

    def _leave(self, sources: list[_QueuedWalk[Owner]]) -> None:
        gone = set(sources)
        for source in sources:
            self._end(source)
        for queue in self._queues.values():
            kept = deque(each for each in queue.arrived if each[0] not in gone)
            self.held_bytes -= sum(_size(arrived) for _, arrived in queue.arrived)
            self.held_bytes += sum(_size(arrived) for _, arrived in kept)
            queue.arrived = kept

    def _end(self, source: _QueuedWalk[Owner]) -> None:
        """Remove a walk, and let its reader know."""
        del self._sources[source]
        self._walks_left[source.owner] -= 1
        self._walks_left += Counter()  # leave out who has none
        self._queues[source.stream].open -= 1
        self._arrival.notify()

    def _start_threads(self) -> None:
        """Start a thread for each walk that may be read now, within the limit."""
        while self._threads < self._max_threads and (source := self._reserve()):
            self._threads += 1
            thread = threading.Thread(
                target=self._read, args=(source,), name="prefetch", daemon=True
            )
            thread.start()

    def _read(self, source: _QueuedWalk[Owner] | None) -> None:
        """Read pages in a thread, as long as there is a walk to read."""
        while source is not None:
            source = self._next(source, _read_page(source.walk))

    def _next(
        self, read: _QueuedWalk[Owner], arrived: Page | BaseException
    ) -> _QueuedWalk[Owner] | None:
        """Store what has arrived; return the next walk to read, if there is one."""
        with self._lock:
            self._put(read, arrived)
            source = self._reserve()
            if source is None:
                self._threads -= 1
            else:
                self._start_threads()
            return source

    def _put(self, source: _QueuedWalk[Owner], arrived: Page | BaseException) -> None:
        source.is_being_read = False
        self._under_way_of[source.stream] -= 1
        self._under_way[source.owner] -= 1
        self.held_bytes -= source.reserved_bytes
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
        if source.last_bytes is None:
            source.first_page.learn(_size(arrived))
        source.last_bytes = _size(arrived)
        self.held_bytes += _size(arrived)
        if isinstance(arrived, BaseException):
            self._end(source)
        self._arrival.notify()

    def _reserve(self) -> _QueuedWalk[Owner] | None:
        """Return the next walk that may be read, if any, and reserve memory for its page."""
        source = self._urgent() or self._affordable()
        if source is not None:
            source.is_being_read = True
            self._under_way_of[source.stream] += 1
            self._under_way[source.owner] += 1
            source.reserved_bytes = source.expected_bytes
            self.held_bytes += source.reserved_bytes
        return source

    def _urgent(self) -> _QueuedWalk[Owner] | None:
        """Return a walk that the reader waits for, unless a page for it is already under way."""
        if not self._waits_for or self._under_way_of[self._waits_for]:
            return None
        wanted = (each for each in self._sources if each.stream == self._waits_for)
        return min(wanted, key=self._count_under_way, default=None)

    def _affordable(self) -> _QueuedWalk[Owner] | None:
        share = -(-self._max_threads // max(1, len(self._walks_left)))
        left = self._budget_bytes - self.held_bytes if self.held_bytes else math.inf
        best = None
        for source in self._sources:
            if source.is_being_read or source.is_ahead or source.expected_bytes > left:
                continue
            under_way = self._count_under_way(source)
            if not under_way:
                return source
            if under_way < share and (best is None or under_way < self._count_under_way(best)):
                best = source
        return best

    def _count_under_way(self, source: _QueuedWalk[Owner]) -> int:
        return self._under_way[source.owner]


def _read_page(walk: Iterator[Page]) -> Page | BaseException:
    """Return the next page of a walk, or the error that it raises; `StopIteration` at its end."""
    try:
        return next(walk)
    except BaseException as error:  # noqa: BLE001 - handed to the reader
        return error


def _size(arrived: Page | BaseException) -> int:
    return arrived.size if isinstance(arrived, Page) else 0

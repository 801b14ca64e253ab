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


class Schedule(Generic[Owner]):
    """Which walk is read next, and the pages that have arrived; not safe for threads by itself.

    Next comes a walk of the stream that the reader waits for. Otherwise it is one whose owner has
    the fewest pages under way, and among those the one that was added first. It is never a walk
    that is already one page ahead. It is not one whose owner has a full share of the threads, so
    that an owner who hangs does not occupy them all. It is not one whose next page would exceed the
    budget of bytes. `Prefetcher` says what the limits are.
    """

    def __init__(self, max_threads: int, budget_bytes: int) -> None:
        self._max_threads = max_threads
        self._budget_bytes = budget_bytes
        self._walks: dict[_QueuedWalk[Owner], None] = {}  # in the order in which they were added
        self._under_way: Counter[Owner] = Counter()
        self._under_way_of: Counter[str] = Counter()
        self._walks_left: Counter[Owner] = Counter()
        self._bytes_in_hand = 0
        self.queues: dict[str, _Queue[Owner]] = {}
        """Of each stream that was not read to its end."""
        self.waits_for = ""
        """The stream that the reader waits for."""
        self.held_bytes = 0
        """Of the budget."""

    def add(self, walk: _QueuedWalk[Owner]) -> None:
        """Take a walk into account."""
        self._walks[walk] = None
        self._walks_left[walk.owner] += 1
        self.queues.setdefault(walk.stream, _Queue()).open += 1

    def ends(self, stream: str) -> bool:
        """Return whether all pages of a stream were taken; it is forgotten then."""
        queue = self.queues[stream]
        if queue.open or queue.arrived:
            return False
        del self.queues[stream]
        return True

    def take(self, queue: _Queue[Owner]) -> tuple[Owner, Page | BaseException] | None:
        """Return the page that arrived first, if any; from now on the reader holds it."""
        if not queue.arrived:
            return None
        self.waits_for = ""
        walk, arrived = queue.arrived.popleft()
        walk.arrived -= 1
        walk.is_ahead = walk.arrived > 0
        self._bytes_in_hand = _size(arrived)
        return walk.owner, arrived

    def release(self) -> None:
        """Note that the reader no longer holds a page."""
        self.held_bytes -= self._bytes_in_hand
        self._bytes_in_hand = 0

    def leave(self, owner: Owner | None = None) -> None:
        """Forget the walks of an owner, or all of them, and the pages that have arrived."""
        gone = {walk for walk in self._walks if owner in {None, walk.owner}}
        for walk in gone:
            self._end(walk)
        for queue in self.queues.values():
            kept = deque(each for each in queue.arrived if each[0] not in gone)
            self.held_bytes -= sum(_size(arrived) for _, arrived in queue.arrived)
            self.held_bytes += sum(_size(arrived) for _, arrived in kept)
            queue.arrived = kept

    def _end(self, walk: _QueuedWalk[Owner]) -> None:
        del self._walks[walk]
        self._walks_left[walk.owner] -= 1
        self._walks_left += Counter()  # leave out who has none
        self.queues[walk.stream].open -= 1

    def put(self, walk: _QueuedWalk[Owner], arrived: Page | BaseException) -> None:
        """Store the page of a walk, or the error that ended it; `StopIteration` if it has ended."""
        walk.is_being_read = False
        self._under_way_of[walk.stream] -= 1
        self._under_way[walk.owner] -= 1
        self.held_bytes -= walk.reserved_bytes
        if walk not in self._walks:
            return
        if isinstance(arrived, StopIteration):
            self._end(walk)
            return
        self.queues[walk.stream].arrived.append((walk, arrived))
        walk.arrived += 1
        # To a reader who waits it is not ahead: the next one may be fetched at once.
        walk.is_ahead = self.waits_for != walk.stream
        if not walk.is_ahead:
            self.waits_for = ""
        if walk.last_bytes is None:
            walk.first_page.learn(_size(arrived))
        walk.last_bytes = _size(arrived)
        self.held_bytes += _size(arrived)
        if isinstance(arrived, BaseException):
            self._end(walk)

    def reserve(self) -> _QueuedWalk[Owner] | None:
        """Return the next walk that may be read, if any, and reserve memory for its page."""
        walk = self._urgent() or self._affordable()
        if walk is not None:
            walk.is_being_read = True
            self._under_way_of[walk.stream] += 1
            self._under_way[walk.owner] += 1
            walk.reserved_bytes = walk.expected_bytes
            self.held_bytes += walk.reserved_bytes
        return walk

    def _urgent(self) -> _QueuedWalk[Owner] | None:
        """Return a walk that the reader waits for, unless a page for it is already under way."""
        if not self.waits_for or self._under_way_of[self.waits_for]:
            return None
        wanted = (each for each in self._walks if each.stream == self.waits_for)
        return min(wanted, key=self._count_under_way, default=None)

    def _affordable(self) -> _QueuedWalk[Owner] | None:
        share = -(-self._max_threads // max(1, len(self._walks_left)))
        left = self._budget_bytes - self.held_bytes if self.held_bytes else math.inf
        best = None
        for walk in self._walks:
            if walk.is_being_read or walk.is_ahead or walk.expected_bytes > left:
                continue
            under_way = self._count_under_way(walk)
            if not under_way:
                return walk
            if under_way < share and (best is None or under_way < self._count_under_way(best)):
                best = walk
        return best

    def _count_under_way(self, walk: _QueuedWalk[Owner]) -> int:
        return self._under_way[walk.owner]


class Prefetcher(Generic[Owner]):
    """Reads walks in threads, each walk one page ahead of the reader.

    A stream may have several walks, with different owners (tenants). Pages are taken in the order
    of arrival. The number of threads is limited, whatever the number of walks. A thread reads what
    the `Schedule` says. If there is nothing to read, the thread ends, because the allocator keeps
    some memory for each living thread.

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
        self.schedule: Schedule[Owner] = Schedule(max_threads, budget_bytes)
        self._max_threads = max_threads
        self._before_waiting = before_waiting
        self._arrival = threading.Condition(threading.Lock())
        """Of a page, and the lock of everything that is shared."""
        self._threads = 0

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
        with self._arrival:
            self.schedule.add(_QueuedWalk(stream, owner, walk, first_page or PageSize()))
            self._start_threads()

    def has(self, stream: str) -> bool:
        """Return whether pages of a stream can be taken."""
        return stream in self.schedule.queues

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
            with self._arrival:
                self.schedule.release()
                self._start_threads()
        self._before_waiting()

    def _has_ended(self, stream: str) -> bool:
        with self._arrival:
            return self.schedule.ends(stream)

    def _take(self, stream: str, wait_seconds: float) -> tuple[Owner, Page | BaseException] | None:
        """Return the page that arrived first, if any does in time."""
        with self._arrival:
            queue = self.schedule.queues[stream]
            if not queue.arrived:
                self.schedule.waits_for = stream
                self._start_threads()
                self._arrival.wait_for(lambda: queue.arrived or not queue.open, wait_seconds)
            taken = self.schedule.take(queue)
            self._start_threads()
            return taken

    def leave(self, owner: Owner) -> None:
        """Read nothing more for an owner, without waiting for a request under way."""
        with self._arrival:
            self.schedule.leave(owner)
            self._start_threads()

    def close(self) -> None:
        """Let the threads end, without waiting for requests under way."""
        with self._arrival:
            self.schedule.leave()
            self.schedule.release()

    def _start_threads(self) -> None:
        """Start a thread for each walk that may be read now, within the limit."""
        while self._threads < self._max_threads and (walk := self.schedule.reserve()):
            self._threads += 1
            threading.Thread(target=self._read, args=(walk,), name="prefetch", daemon=True).start()

    def _read(self, walk: _QueuedWalk[Owner] | None) -> None:
        """Read pages in a thread, as long as there is a walk to read."""
        while walk is not None:
            walk = self._next(walk, _read_page(walk.walk))

    def _next(
        self, read: _QueuedWalk[Owner], arrived: Page | BaseException
    ) -> _QueuedWalk[Owner] | None:
        """Store what has arrived; return the next walk to read, if there is one."""
        with self._arrival:
            self.schedule.put(read, arrived)
            self._arrival.notify()
            walk = self.schedule.reserve()
            if walk is None:
                self._threads -= 1
            else:
                self._start_threads()
            return walk


def _read_page(walk: Iterator[Page]) -> Page | BaseException:
    """Return the next page of a walk, or the error that it raises; `StopIteration` at its end."""
    try:
        return next(walk)
    except BaseException as error:  # noqa: BLE001 - handed to the reader
        return error


def _size(arrived: Page | BaseException) -> int:
    return arrived.size if isinstance(arrived, Page) else 0

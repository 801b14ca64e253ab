"""Threads: pages that are fetched before they are needed, and calls that are under way together.

It knows what may be held in memory, and nothing of what a page means.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Self, TypeVar

from tap_servicetitan_dispatch.walks import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

Result = TypeVar("Result")

BUDGET_BYTES = 8 * 2**20


class Budget:
    """How many bytes of pages all prefetches of a run hold: those fetched and not yet written.

    Args:
        limit: From so many bytes on, a prefetch fetches only what its reader waits for. What is
            under way then still comes on top: at most one page for each prefetch.
    """

    def __init__(self, limit: int = BUDGET_BYTES) -> None:
        self.limit = limit
        self.held = 0
        self.changed = threading.Condition()


class Prefetch:
    """Reads a walk in a thread of its own, one page ahead of whoever iterates over this.

    The thread owns the walk. What it shares with the reader (pages that have arrived, then the end
    or an error) and with other prefetches (the budget) is guarded by the budget's condition. The
    thread fetches if the reader waits, or if no page is ahead of the reader and the budget allows.

    Args:
        walk: The pages to read.
        before_waiting: Called by the reader when nothing has arrived yet, then several times a
            second, and before an error is raised; may raise.
        budget: Shared by the walks that are read at the same time.
    """

    def __init__(
        self,
        walk: Iterator[Page],
        before_waiting: Callable[[], None] = lambda: None,
        budget: Budget | None = None,
    ) -> None:
        self._walk = walk
        self._before_waiting = before_waiting
        self._budget = budget or Budget()
        self._arrived: deque[Page | BaseException] = deque()
        self._bytes_in_hand = 0
        self._is_waited_for = False
        self._is_ahead = False
        self._is_closed = False
        threading.Thread(target=self._read, name="prefetch", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the thread end; a request under way is not waited for."""
        with self._budget.changed:
            self._is_closed = True
            self._budget.held -= self._bytes_in_hand + sum(map(_size, self._arrived))
            self._bytes_in_hand = 0
            self._arrived.clear()
            self._budget.changed.notify_all()

    def __iter__(self) -> Iterator[Page]:
        while True:
            arrived = self._take(wait_seconds=0)
            while arrived is None:
                self._before_waiting()
                arrived = self._take(wait_seconds=0.2)
            if isinstance(arrived, Page):
                yield arrived
                continue
            self._before_waiting()  # it may be no more than the echo of a signal
            if isinstance(arrived, StopIteration):
                return
            raise arrived

    def _take(self, wait_seconds: float) -> Page | BaseException | None:
        """Return what has arrived, if anything has; the page before it is done with then."""
        with self._budget.changed:
            if not self._arrived:
                self._is_waited_for = True
                self._budget.changed.notify_all()
                self._budget.changed.wait_for(lambda: self._arrived, wait_seconds)
            if not self._arrived:
                return None
            arrived = self._arrived.popleft()
            self._is_ahead = bool(self._arrived)
            self._budget.held -= self._bytes_in_hand
            self._bytes_in_hand = _size(arrived)
            self._budget.changed.notify_all()
            return arrived

    def _read(self) -> None:
        try:
            while self._may_fetch():
                self._put(next(self._walk))
        except BaseException as error:  # noqa: BLE001 - handed to the reader, who raises it
            self._put(error)

    def _may_fetch(self) -> bool:
        """Wait for a reason to fetch, or for the reader to leave; return which of them it is."""
        with self._budget.changed:
            self._budget.changed.wait_for(
                lambda: (
                    self._is_closed
                    or self._is_waited_for
                    or (not self._is_ahead and self._budget.held < self._budget.limit)
                )
            )
            return not self._is_closed

    def _put(self, arrived: Page | BaseException) -> None:
        with self._budget.changed:
            if self._is_closed:
                return
            self._arrived.append(arrived)
            self._budget.held += _size(arrived)
            # To a reader who waits it is not ahead: the next one may be fetched at once.
            self._is_ahead = not self._is_waited_for
            self._is_waited_for = False
            self._budget.changed.notify_all()


def _size(arrived: Page | BaseException) -> int:
    return arrived.size if isinstance(arrived, Page) else 0


def results(calls: Iterable[Callable[[], Result]], max_concurrent: int) -> Iterator[Result]:
    """Yield what each call returns, in the order of the calls, several of them under way.

    Args:
        calls: Independent of one another.
        max_concurrent: How many of them may be under way at a time.

    Raises:
        Exception: What the first call in this order that failed has raised.
    """
    under_way: deque[Future[Result]] = deque()
    for call in calls:
        under_way.append(_start(call))
        if len(under_way) == max_concurrent:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def _start(call: Callable[[], Result]) -> Future[Result]:
    """Start a call in a thread that does not keep the process alive, and return its future."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, name="call", daemon=True).start()
    return future

"""Independent calls at the same time: windows of capacity, look-ups of tracking."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Result = TypeVar("Result")


class ParallelCalls:
    """Threads for independent calls, limited in number over the whole run.

    Args:
        max_threads: Maximum number of threads.
    """

    def __init__(self, max_threads: int) -> None:
        self.max_threads = max_threads
        self._free = threading.Semaphore(max_threads)

    def results(self, calls: Iterable[Callable[[], Result]]) -> Iterator[Result]:
        """Yield the results in the order of the calls, while several calls are under way.

        If no thread is free, the caller's own thread makes the call.

        Raises:
            Exception: The error of the first call, in this order, that failed.
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

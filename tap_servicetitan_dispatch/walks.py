"""In which order the pages of a resource are read, and when a bookmark is safe.

A walk turns "read this resource since this bookmark" into requests and yields `Page`. It knows
neither how state is stored nor what HTTP is.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from tap_servicetitan_dispatch.errors import ApiError, FeedError

if TYPE_CHECKING:
    from types import TracebackType

Record = dict[str, Any]
Fetch = Callable[[Mapping[str, str]], Any]
"""Sends one request with these query parameters and returns the decoded answer."""


@dataclass(frozen=True)
class Page:
    """Records, and the bookmark that may be stored once all of them have been written.

    A bookmark of `None` means: keep the one there is.
    """

    records: list[Record]
    bookmark: str | None = None


def feed_walk(fetch: Fetch, params: Mapping[str, str], start: str | None) -> Iterator[Page]:
    """Yield the pages of an export feed.

    An answer looks like `{"hasMore": true, "continueFrom": "…", "data": [{…}]}`. The token
    `continueFrom` is opaque: it is sent back as `from`, and compared only for being the same. The
    feed ends on `hasMore: false` and on nothing else; a page may well be empty before that.

    Args:
        fetch: Sends one request.
        params: The query parameters of every request, besides `from`.
        start: A token of an earlier run, or a date, or nothing for the beginning of history.

    Raises:
        FeedError: The answer has not the shape above, or the feed goes in a circle.
        ApiError: A request failed.
    """
    sent: set[str] = set()
    token = start
    while True:
        body = _fetch_from(fetch, params, token, is_start=token == start)
        has_more, after, records = _read_feed(body)
        if token is not None:
            sent.add(token)
        if has_more and after in sent:
            raise FeedError(
                "the feed says hasMore: true but gives a continueFrom that it has given before, "
                "so it would never end. What to do: run again; if it stays, report it to "
                "ServiceTitan. The bookmark is safe."
            )
        if has_more and not after:
            raise FeedError(
                "the feed says hasMore: true but gives no continueFrom to go on from. What to do: "
                "run again; if it stays, report it to ServiceTitan. The bookmark is safe."
            )
        token = after or token
        yield Page(records, token)
        if not has_more:
            return


def _fetch_from(
    fetch: Fetch, params: Mapping[str, str], token: str | None, *, is_start: bool
) -> Any:
    if token is None:
        return fetch(params)
    try:
        return fetch({**params, "from": token})
    except ApiError as error:
        if not is_start or error.kind not in {"bad_request", "not_found"}:
            raise
        raise FeedError(
            f"the API rejects the bookmark (or start_date) to go on from ({error.request}: "
            f"{error.detail}). Nothing was read. What to do: start the stream over with "
            "--full-refresh in Meltano or without its bookmark in the state, or put "
            '{"replication_key": "modifiedOn", "replication_key_value": "<a date before the last '
            'good run>"} there to go on from a date.'
        ) from error


def _read_feed(body: Any) -> tuple[bool, str | None, list[Record]]:
    """Return `hasMore`, `continueFrom` (nothing if empty or absent) and `data` of an answer."""
    if not isinstance(body, dict):
        raise _malformed("an object", body)
    has_more = body.get("hasMore")
    if not isinstance(has_more, bool):
        raise _malformed("hasMore: true or false", body)
    after = body.get("continueFrom")
    if after is not None and not isinstance(after, str):
        raise _malformed("a text as continueFrom", body)
    records = body.get("data")
    if not isinstance(records, list) or not all(isinstance(row, dict) for row in records):
        raise _malformed("a list of objects as data", body)
    return has_more, after or None, records


def _malformed(expected: str, body: Any) -> FeedError:
    keys = ", ".join(sorted(body)) if isinstance(body, dict) else type(body).__name__
    return FeedError(
        f"the export feed's answer should have {expected}, it has: {keys or 'nothing'}. What to "
        "do: run again; if it stays, report it. The bookmark is safe."
    )


class LookAhead:
    """Reads a walk in a thread of its own, one page ahead of whoever iterates over this.

    The thread owns the walk; pages, the end, and an error go through a queue to the reader. A
    permit is what lets the thread fetch: there is one, given back when the reader takes a page.

    Args:
        walk: The pages to read.
        check: Called by the reader, several times a second, while it waits; may raise.
    """

    def __init__(self, walk: Iterator[Page], check: Callable[[], None] = lambda: None) -> None:
        self._walk = walk
        self._check = check
        self._arrived: queue.SimpleQueue[Page | BaseException] = queue.SimpleQueue()
        self._permits = threading.Semaphore(1)
        self._closed = False
        threading.Thread(target=self._read, name="look-ahead", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the thread end; a request under way is not waited for."""
        self._closed = True
        self._permits.release()

    def __iter__(self) -> Iterator[Page]:
        while True:
            arrived = self._take()
            if isinstance(arrived, StopIteration):
                return
            if isinstance(arrived, BaseException):
                raise arrived
            self._permits.release()
            yield arrived

    def _take(self) -> Page | BaseException:
        while True:
            self._check()
            try:
                return self._arrived.get(timeout=0.2)
            except queue.Empty:
                continue

    def _read(self) -> None:
        try:
            while True:
                self._permits.acquire()
                if self._closed:
                    return
                self._arrived.put(next(self._walk))
        except BaseException as error:  # noqa: BLE001 - handed to the reader, who raises it
            self._arrived.put(error)

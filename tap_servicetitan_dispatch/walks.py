"""In which order the pages of a resource are read, and when a bookmark is safe.

A walk turns "read this resource since this bookmark" into requests and yields `Page`. It knows
neither how state is stored nor what HTTP is.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import MAXYEAR, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self, TypeVar

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.errors import AnswerError, ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from tap_servicetitan_dispatch.client import Answer

Record = dict[str, Any]
Fetch = Callable[[Mapping[str, str]], "Answer"]
"""Sends one request with these query parameters."""

Result = TypeVar("Result")

MOST_BYTES_HELD = 8 * 2**20

logger = logging.getLogger("tap-servicetitan-dispatch")


@dataclass(frozen=True)
class Page:
    """Records, and the bookmark that may be stored once all of them have been written.

    A bookmark of `None` means: keep the one there is.
    """

    records: list[Record]
    bookmark: str | None = None
    size: int = 0
    """Bytes of the answer that it came in."""

    @property
    def reached(self) -> str | None:
        """When the last of the records was modified, if it says."""
        modified = self.records[-1].get("modifiedOn") if self.records else None
        return modified if isinstance(modified, str) else None


# The export feed ------------------------------------------------------------------------------


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
        AnswerError: The answer has not the shape above, or the feed goes in a circle.
        ApiError: A request failed.
    """
    sent: set[str] = set()
    token = start
    while True:
        answer = _fetch_from(fetch, params, token, is_start=token == start)
        body = answer.body
        has_more, records = _has_more(body), _rows(body)
        after = body.get("continueFrom") or None
        if after is not None and not isinstance(after, str):
            raise malformed("a text as continueFrom", body)
        if token is not None:
            sent.add(token)
        if has_more and after in sent:
            raise AnswerError(
                "the feed says hasMore: true but gives a continueFrom that it has given before, "
                "so it would never end. What to do: run again; if it stays, report it to "
                "ServiceTitan. The bookmark is safe."
            )
        if has_more and not after:
            raise AnswerError(
                "the feed says hasMore: true but gives no continueFrom to go on from. What to do: "
                "run again; if it stays, report it to ServiceTitan. The bookmark is safe."
            )
        token = after or token
        yield Page(records, token, answer.size)
        if not has_more:
            return


def _fetch_from(
    fetch: Fetch, params: Mapping[str, str], token: str | None, *, is_start: bool
) -> Answer:
    if token is None:
        return fetch(params)
    try:
        return fetch({**params, "from": token})
    except ApiError as error:
        if not is_start or error.kind not in {"bad_request", "not_found"}:
            raise
        raise AnswerError(
            f"the API rejects the bookmark (or start_date) to go on from ({error.request}: "
            f"{error.detail}). Nothing was read. What to do: start the stream over with "
            "--full-refresh in Meltano or without its bookmark in the state, or put "
            '{"replication_key": "modifiedOn", "replication_key_value": "<a date before the last '
            'good run>"} there to go on from a date.'
        ) from error


# Lists ----------------------------------------------------------------------------------------


def numbered_walk(fetch: Fetch, params: Mapping[str, str]) -> Iterator[Page]:
    """Yield the pages of a list by their number, one after the other.

    An answer looks like `{"page": 1, "pageSize": 50, "hasMore": true, "totalCount": null,
    "data": [{…}]}`.

    Args:
        fetch: Sends one request.
        params: The query parameters of every request, besides `page`.

    Raises:
        AnswerError: The answer has not the shape above, or never ends.
        ApiError: A request failed.
    """
    before: list[Record] = []
    number, has_more = 0, True
    while has_more:
        number += 1
        answer = fetch({**params, "page": str(number)})
        has_more, rows = _has_more(answer.body), _rows(answer.body)
        if has_more and (not rows or rows == before):
            raise _endless(number)
        yield Page(rows, size=answer.size)
        before = rows


def _endless(number: int) -> AnswerError:
    return AnswerError(
        f"page {number} brings nothing new but says hasMore: true, so the list might never end. "
        "What to do: run again; if it stays, report it. The bookmark is safe."
    )


@dataclass
class ModifiedWalk:
    """Reads a list that can be sorted and filtered by `modifiedOn`, without losing a row.

    Plain page numbers lose rows while the office is at work: what is deleted on a page that has
    been read pulls a row of the next page onto it. So this pages on the value: always page 1,
    sorted by `modifiedOn`, from the latest value seen. The next request begins an `overlap` below
    that, because the server sorts only to about a second and because transactions may commit
    late; what was written already is left out by (id, modifiedOn). No clock of this machine takes
    part. Each page's latest value is a safe bookmark; the next run begins an overlap below it.

    That needs a server that honours the order, and fewer rows within an overlap than a page
    holds. Where one of them fails, the rest is read by page number in the order of ids (`_pass`).

    Args:
        fetch: Sends one request.
        params: The query parameters of every request: which rows, and the page size.
        since: The lower bound, nothing for the beginning of history.
        overlap: How far each request reaches back below the latest value seen.
    """

    fetch: Fetch
    params: Mapping[str, str]
    since: datetime | None
    overlap: timedelta
    _written: set[tuple[str, str]] = field(default_factory=set, init=False)
    _trusted: bool = field(default=False, init=False)
    _noticed: bool = field(default=False, init=False)

    def __iter__(self) -> Iterator[Page]:
        """Yield the pages.

        Raises:
            AnswerError: An answer has not the shape of a list, or a list never ends.
            ApiError: A request failed.
        """
        bound = self.since
        doubts = 0
        while True:
            answer = self._fetch(bound, sort="+ModifiedOn", page="1")
            rows = _rows(answer.body)
            self._notice_older(rows, bound)
            latest, bookmark = _latest(rows)
            if not _has_more(answer.body):
                yield Page(self._fresh(rows), bookmark, answer.size)
                return
            obstacle = self._obstacle(rows, bound)
            if obstacle == _UNCERTAIN and doubts < _MOST_DOUBTS:
                doubts += 1
                continue
            if obstacle:
                logger.info("Reading on by page number, as %s.", obstacle)
                yield from self._pass(bound, began_at=answer.served_at)
                return
            yield Page(self._fresh(rows), bookmark, answer.size)
            bound = latest - self.overlap
            self._written = {_version(row) for row in rows if modified_on(row) >= bound}

    def _obstacle(self, rows: list[Record], bound: datetime | None) -> str | None:
        """Return why the next request cannot go on from the latest of these rows, if so."""
        latest, _ = _latest(rows)
        if latest == _NEVER or (bound is not None and latest - self.overlap <= bound):
            return "more rows share a time than a page holds"
        if not self._in_order(rows):
            return _UNSORTED
        if not self._trusted:
            honoured = self._order_is_honoured(rows, bound)
            self._trusted = honoured is True
            return None if honoured else _UNCERTAIN if honoured is None else _UNSORTED
        return None

    def _pass(self, bound: datetime | None, began_at: datetime | None) -> Iterator[Page]:
        """Yield all rows from a bound on by page number, sorted by id, with a bookmark at the end.

        Ids do not move when rows are edited. What is edited behind the cursor comes with the next
        run, as the bookmark is no later than `began_at`, the server's clock before the first page.
        A hard delete behind the cursor would pull a row past it. So each page begins at or before
        the last row of the one before (`_overlapping`): as long as that row comes again, nothing
        was pulled past it. If it does not, there is no bookmark, and the next run reads all again.
        """
        most, size, number, read = 0, int(self.params["pageSize"]), 1, 0
        cursor: str | None = None
        is_whole, stale = True, 0
        latest, bookmark = _latest([])
        while True:
            answer = self._fetch(bound, sort="+Id", page=str(number), pageSize=str(size))
            rows = _rows(answer.body)
            latest, bookmark = max((latest, bookmark), _latest(rows))
            ids = [repr(row.get("id")) for row in rows]
            is_whole = is_whole and (cursor is None or cursor in ids)
            fresh = self._fresh(rows)
            if not _has_more(answer.body):
                break
            most = most or len(rows)  # the server may give less than it was asked for
            size = min(size, most)
            # What comes in ahead of the cursor moves the rest back, so a page may well be old.
            stale = 0 if fresh else stale + 1
            if (number - 1) * size + len(rows) <= read or stale == _MOST_STALE:
                raise _endless(number)
            yield Page(fresh, None, answer.size)
            self._written = set(map(_version, rows))
            read, cursor = (number - 1) * size + len(rows), ids[-1]
            size, number = _overlapping(read, most)
        if is_whole and began_at is not None:
            safe = bookmark if latest <= began_at else instants.render(began_at)
            yield Page(fresh, safe, answer.size)
            return
        logger.warning(
            "The bookmark stays where it was, and the next run reads the same rows again, as %s.",
            "the server does not tell its time"
            if is_whole
            else "rows were deleted while they were read, so that others may have been missed",
        )
        yield Page(fresh, None, answer.size)

    def _fetch(self, bound: datetime | None, **params: str) -> Answer:
        return self.fetch({**self.params, **_since(bound), **params})

    def _notice_older(self, rows: list[Record], bound: datetime | None) -> None:
        """Say once that the server ignores the bound: then it sends everything, every time."""
        if bound is None or self._noticed:
            return
        older = sum(_NEVER < modified_on(row) < bound for row in rows)
        if older:
            self._noticed = True
            logger.warning(
                "The API gave %d rows that were modified before %s, which were not asked for: it "
                "ignores modifiedOnOrAfter. Nothing is lost, but each run may read everything.",
                older,
                instants.render(bound),
            )

    def _fresh(self, rows: list[Record]) -> list[Record]:
        return [row for row in rows if _version(row) not in self._written]

    def _in_order(self, rows: list[Record]) -> bool:
        """Return whether each row is later than all before it, give or take an overlap."""
        latest = _NEVER
        for row in rows:
            modified = modified_on(row)
            if modified < latest - self.overlap:
                return False
            latest = max(latest, modified)
        return True

    def _order_is_honoured(self, rows: list[Record], bound: datetime | None) -> bool | None:
        """Return whether the server really sorts; a page may be in order by chance.

        Asked once a walk, for the same rows the other way round, none later than those seen (so
        that what is edited meanwhile stays out). A server that sorts puts the first row last; one
        that does not puts it first again. If the first row was edited or deleted in between,
        nobody can tell: nothing is returned, and the page has to be read again.
        """
        latest, _ = _latest(rows)
        before = instants.render(latest + _TICK)
        answer = self._fetch(bound, sort="-ModifiedOn", page="1", modifiedBefore=before)
        reverse = _rows(answer.body)
        first = _version(rows[0])
        if first not in map(_version, reverse):
            return None
        return (
            first != _version(reverse[0])
            and modified_on(reverse[0]) > modified_on(rows[0])
            and self._in_order(reverse[::-1])
        )


_UNSORTED = "the server does not sort by time of modification"
_UNCERTAIN = "it is not certain that the server sorts"
_MOST_DOUBTS = 5
_MOST_STALE = 10
EARLIEST_YEAR = 1970
_NEVER = instants.parse("0002-01-01")
_TICK = timedelta(microseconds=1)


def _since(bound: datetime | None) -> dict[str, str]:
    return {} if bound is None else {"modifiedOnOrAfter": instants.render(bound)}


def _version(row: Record) -> tuple[str, str]:
    return repr(row.get("id")), repr(row.get("modifiedOn"))


def modified_on(row: Record) -> datetime:
    """Return when a row was modified; long ago if it does not say, as nulls occur anywhere.

    The first and the last year there is stand for "never" in .NET, 1753 and 1900 in SQL. None of
    them may become a bookmark, which is to be a date of the API's own lifetime.
    """
    try:
        instant = instants.parse(row["modifiedOn"])
    except (KeyError, TypeError, ValueError):
        return _NEVER
    return instant if EARLIEST_YEAR <= instant.year < MAXYEAR else _NEVER


def _latest(rows: Iterable[Record]) -> tuple[datetime, str | None]:
    """Return the latest `modifiedOn` of some rows: the instant, and the text as it came."""
    latest, text = _NEVER, None
    for row in rows:
        modified = modified_on(row)
        if modified > latest:
            latest, text = modified, row["modifiedOn"]
    return latest, text


def _overlapping(read: int, most: int) -> tuple[int, int]:
    """Return size and number of the page that reaches furthest of those that overlap.

    A page overlaps if it begins at or before the last row read. With pages of a handful of rows
    there may be none; then the next page is returned, which begins right after that row.

    Args:
        read: How many rows have been read.
        most: How many rows a page can have.
    """
    size = max(range(1, most + 1), key=lambda size: (-(-read // size) * size, size))
    number = -(-read // size)
    return (size, number) if size * number > read else (size, number + 1)


def _has_more(body: Any) -> bool:
    if not isinstance(body, dict):
        raise malformed("an object", body)
    has_more = body.get("hasMore")
    if not isinstance(has_more, bool):
        raise malformed("hasMore: true or false", body)
    return has_more


def _rows(body: Any) -> list[Record]:
    rows = body.get("data") if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise malformed("a list of objects as data", body)
    return rows


def malformed(expected: str, body: Any) -> AnswerError:
    """Return the error that says what an answer should have had, and what it has."""
    keys = ", ".join(sorted(body)) if isinstance(body, dict) else type(body).__name__
    return AnswerError(
        f"the API's answer should have {expected}, it has: {keys or 'nothing'}. What to do: run "
        "again; if it stays, report it. The bookmark is safe."
    )


# Independent requests -------------------------------------------------------------------------


def in_order(calls: Iterable[Callable[[], Result]], at_once: int) -> Iterator[Result]:
    """Yield what each call returns, in the order of the calls, several of them under way.

    Raises:
        Exception: What the first call in the order that failed has raised.
    """
    under_way: deque[Future[Result]] = deque()
    for call in calls:
        under_way.append(_begun(call))
        if len(under_way) == at_once:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def _begun(call: Callable[[], Result]) -> Future[Result]:
    """Return the future of a call in a thread that does not keep the process from ending."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, name="call", daemon=True).start()
    return future


# Reading ahead --------------------------------------------------------------------------------


class Room:
    """What all walks of a tap hold together: pages that have arrived and are not written yet.

    Args:
        most: Bytes from which on a walk fetches only what its reader waits for. What is under way
            then still comes on top: at most one page a walk.
    """

    def __init__(self, most: int = MOST_BYTES_HELD) -> None:
        self.most = most
        self.held = 0
        self.changed = threading.Condition()


class LookAhead:
    """Reads a walk in a thread of its own, one page ahead of whoever iterates over this.

    The thread owns the walk. What it shares with the reader (pages that have arrived, then the end
    or an error) and with the other walks (the room) is under the room's condition. The thread
    fetches if the reader waits, or if no page is ahead of the reader and there is room.

    Args:
        walk: The pages to read.
        before_waiting: Called by the reader when nothing has arrived yet, then several times a
            second, and before an error is raised; may raise.
        room: Shared by the walks that are read at the same time.
    """

    def __init__(
        self,
        walk: Iterator[Page],
        before_waiting: Callable[[], None] = lambda: None,
        room: Room | None = None,
    ) -> None:
        self._walk = walk
        self._before_waiting = before_waiting
        self._room = room or Room()
        self._arrived: deque[Page | BaseException] = deque()
        self._in_hand = 0
        self._is_waited_for = False
        self._is_ahead = False
        self._is_closed = False
        threading.Thread(target=self._read, name="look-ahead", daemon=True).start()

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
        with self._room.changed:
            self._is_closed = True
            self._room.held -= self._in_hand + sum(map(_size, self._arrived))
            self._in_hand = 0
            self._arrived.clear()
            self._room.changed.notify_all()

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
        with self._room.changed:
            if not self._arrived:
                self._is_waited_for = True
                self._room.changed.notify_all()
                self._room.changed.wait_for(lambda: self._arrived, wait_seconds)
            if not self._arrived:
                return None
            arrived = self._arrived.popleft()
            self._is_ahead = bool(self._arrived)
            self._room.held -= self._in_hand
            self._in_hand = _size(arrived)
            self._room.changed.notify_all()
            return arrived

    def _read(self) -> None:
        try:
            while self._may_fetch():
                self._put(next(self._walk))
        except BaseException as error:  # noqa: BLE001 - handed to the reader, who raises it
            self._put(error)

    def _may_fetch(self) -> bool:
        """Wait for a reason to fetch, or for the reader to leave; return which of them it is."""
        with self._room.changed:
            self._room.changed.wait_for(
                lambda: (
                    self._is_closed
                    or self._is_waited_for
                    or (not self._is_ahead and self._room.held < self._room.most)
                )
            )
            return not self._is_closed

    def _put(self, arrived: Page | BaseException) -> None:
        with self._room.changed:
            if self._is_closed:
                return
            self._arrived.append(arrived)
            self._room.held += _size(arrived)
            # To a reader who waits it is not ahead: the next one may be fetched at once.
            self._is_ahead = not self._is_waited_for
            self._is_waited_for = False
            self._room.changed.notify_all()


def _size(arrived: Page | BaseException) -> int:
    return arrived.size if isinstance(arrived, Page) else 0

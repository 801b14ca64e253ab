"""The walks of lists: by page number, and by `modifiedOn`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import MAXYEAR, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.errors import AnswerError
from tap_servicetitan_dispatch.walks.page import Page, Record, has_more_in, rows_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_servicetitan_dispatch.client import Answer
    from tap_servicetitan_dispatch.walks.page import Fetch

logger = logging.getLogger("tap-servicetitan-dispatch")


# Lists by page number -------------------------------------------------------------------------


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
        has_more, rows = has_more_in(answer.body), rows_in(answer.body)
        if has_more and (not rows or rows == before):
            raise _endless(number)
        yield Page(rows, size=answer.size)
        before = rows


def _endless(number: int) -> AnswerError:
    return AnswerError(
        f"page {number} brings nothing new but says hasMore: true, so the list might never end. "
        "What to do: run again; if it stays, report it. The bookmark is safe."
    )


# Lists by `modifiedOn` ------------------------------------------------------------------------


@dataclass(frozen=True)
class ModifiedWalk:
    """Reads a list that can be sorted and filtered by `modifiedOn`, without losing a row.

    Page numbers lose rows while the office is at work: what is deleted on page 1 pulls the first
    row of page 2 onto it, behind our back. So this is keyset pagination: always page 1, in order of
    `modifiedOn`, of the rows at or after the latest value seen. Each request reaches back by an
    `overlap`, as the server sorts only to about a second and transactions may commit late; rows
    that come again are deduplicated. Once a walk the first page is asked for in reverse, as a
    server that sorts puts its first row last, and one that ignores the order puts it first again.
    Where the server does not sort, or more rows share an overlap than fit on a page, the rest is
    read by page number (`read_by_number`).

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

    def __iter__(self) -> Iterator[Page]:
        """Yield the pages; each one's latest `modifiedOn` is its bookmark.

        Raises:
            AnswerError: An answer has not the shape of a list, or a list never ends.
            ApiError: A request failed.
        """
        bound, written = self.since, set[Version]()
        answer, obstacle = self._first_page()
        is_filtered = True
        while True:
            rows = rows_in(answer.body)
            if is_filtered:
                is_filtered = not _warn_of_ignored_bound(rows, bound)
            if obstacle:
                logger.info("Reading on by page number, as %s.", obstacle)
                yield from read_by_number(
                    self.fetch, self.params, bound, written, began_at=answer.served_at
                )
                return
            latest, bookmark = _latest(rows)
            yield Page(_deduplicated(rows, written), bookmark, answer.size)
            if not has_more_in(answer.body):
                return
            bound = latest - self.overlap
            written = {_version(row) for row in rows if modified_on(row) >= bound}
            answer = self._fetch(bound)
            obstacle = self._obstacle(answer.body, bound)

    def _fetch(self, bound: datetime | None, **params: str) -> Answer:
        asked = {"sort": "+ModifiedOn", "page": "1", **params}
        return self.fetch({**self.params, **_since(bound), **asked})

    def _first_page(self) -> tuple[Answer, str | None]:
        """Fetch the first page; return it with the obstacle to keyset pagination, if any.

        A page can be in order by chance, so the server is asked for it in reverse as well. If the
        first row was edited in between, nobody can tell, and the page is read again.
        """
        for _ in range(_MAX_DOUBTS + 1):
            answer = self._fetch(self.since)
            obstacle = self._obstacle(answer.body, self.since)
            if obstacle or not has_more_in(answer.body):
                return answer, obstacle
            is_sorted = self._is_sorted_by_server(rows_in(answer.body))
            if is_sorted is not None:
                return answer, None if is_sorted else _UNSORTED
        return answer, "it is not certain that the server sorts"

    def _obstacle(self, body: Any, bound: datetime | None) -> str | None:
        """Return why the next request cannot continue from the latest of these rows, if so."""
        if not has_more_in(body):
            return None
        rows = rows_in(body)
        latest, _ = _latest(rows)
        if latest == _NEVER or (bound is not None and latest - self.overlap <= bound):
            return "more rows share a time than a page holds"
        return None if self._is_ascending(rows) else _UNSORTED

    def _is_ascending(self, rows: list[Record]) -> bool:
        """Return whether each row is later than all before it, give or take an overlap."""
        latest = _NEVER
        for row in rows:
            modified = modified_on(row)
            if modified < latest - self.overlap:
                return False
            latest = max(latest, modified)
        return True

    def _is_sorted_by_server(self, rows: list[Record]) -> bool | None:
        """Ask for the rows of the first page in reverse; return whether the server obeyed.

        Rows later than those seen are left out, so that what is edited meanwhile stays out. If the
        first row was edited or deleted in between, nobody can tell: `None`.
        """
        latest, _ = _latest(rows)
        before = instants.render(latest + _TICK)
        answer = self._fetch(self.since, sort="-ModifiedOn", modifiedBefore=before)
        reverse = rows_in(answer.body)
        first = _version(rows[0])
        if first not in map(_version, reverse):
            return None
        return (
            first != _version(reverse[0])
            and modified_on(reverse[0]) > modified_on(rows[0])
            and self._is_ascending(reverse[::-1])
        )


def read_by_number(
    fetch: Fetch,
    params: Mapping[str, str],
    bound: datetime | None,
    written: set[Version],
    began_at: datetime | None,
) -> Iterator[Page]:
    """Yield all rows from a bound on by page number, in order of ids, with a bookmark at the end.

    Ids do not move when rows are edited. What is edited behind the cursor comes with the next run,
    as the bookmark is no later than `began_at`. What is deleted for good behind the cursor would
    pull a row past it; so each page begins at or before the last row of the page before
    (`_overlapping`), and as long as that row comes again, nothing was pulled past it. If it does
    not, there is no bookmark, and the next run reads the same rows again.

    Args:
        fetch: Sends one request.
        params: The query parameters of every request: which rows, and the page size.
        bound: The lower bound of `modifiedOn`, nothing for the beginning of history.
        written: The versions of rows that need not come again.
        began_at: What the server's clock showed before the first page.

    Raises:
        AnswerError: An answer has not the shape of a list, or the list never ends.
        ApiError: A request failed.
    """
    most, size, number, read = 0, int(params["pageSize"]), 1, 0
    cursor: str | None = None
    is_whole, stale = True, 0
    latest, bookmark = _latest([])
    while True:
        asked = {"sort": "+Id", "page": str(number), "pageSize": str(size)}
        answer = fetch({**params, **_since(bound), **asked})
        rows = rows_in(answer.body)
        latest, bookmark = max((latest, bookmark), _latest(rows))
        ids = [repr(row.get("id")) for row in rows]
        is_whole = is_whole and (cursor is None or cursor in ids)
        fresh = _deduplicated(rows, written)
        if not has_more_in(answer.body):
            break
        most = most or len(rows)  # the server may give less than it was asked for
        size = min(size, most)
        # What comes in ahead of the cursor moves the rest back, so a page may well be old.
        stale = 0 if fresh else stale + 1
        if (number - 1) * size + len(rows) <= read or stale == _MAX_STALE:
            raise _endless(number)
        yield Page(fresh, None, answer.size)
        written = set(map(_version, rows))
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


_UNSORTED = "the server does not sort by time of modification"
_MAX_DOUBTS = 5
_MAX_STALE = 10
_NEVER = instants.parse("0002-01-01")
_TICK = timedelta(microseconds=1)


Version = tuple[str, str]
"""What tells a row from others, and from itself after an edit."""


def _version(row: Record) -> Version:
    return repr(row.get("id")), repr(row.get("modifiedOn"))


def _deduplicated(rows: list[Record], written: set[Version]) -> list[Record]:
    return [row for row in rows if _version(row) not in written]


def _since(bound: datetime | None) -> dict[str, str]:
    return {} if bound is None else {"modifiedOnOrAfter": instants.render(bound)}


def modified_on(row: Record) -> datetime:
    """Return when a row was modified; long ago if it does not say, as nulls occur anywhere.

    The first and the last year there is stand for "never" in .NET, 1753 and 1900 in SQL. None of
    them may become a bookmark, which is to be a date of the API's own lifetime.
    """
    try:
        instant = instants.parse(row["modifiedOn"])
    except (KeyError, TypeError, ValueError):
        return _NEVER
    return instant if instants.EARLIEST_YEAR <= instant.year < MAXYEAR else _NEVER


def _latest(rows: Iterable[Record]) -> tuple[datetime, str | None]:
    """Return the latest `modifiedOn` of some rows: the instant, and the text as it came."""
    latest, text = _NEVER, None
    for row in rows:
        modified = modified_on(row)
        if modified > latest:
            latest, text = modified, row["modifiedOn"]
    return latest, text


def _warn_of_ignored_bound(rows: list[Record], bound: datetime | None) -> bool:
    """Warn if the server ignores the bound, as it then sends everything; return whether it does."""
    older = 0 if bound is None else sum(_NEVER < modified_on(row) < bound for row in rows)
    if bound is not None and older:
        logger.warning(
            "The API gave %d rows that were modified before %s, which were not asked for: it "
            "ignores modifiedOnOrAfter. Nothing is lost, but each run may read everything.",
            older,
            instants.render(bound),
        )
    return older > 0


def _overlapping(read: int, most: int) -> tuple[int, int]:
    """Return size and number of the page that extends furthest of those that overlap.

    A page overlaps if it begins at or before the last row read. With pages of a handful of rows
    there may be none; then the next page is returned, which begins right after that row.

    For example, 100 rows were read, and a page can have 50. Page 3 of 50 would begin with row 101,
    one too far. Page 3 of 49 has the rows 99 to 147: it begins with the last two that were read,
    and extends further than page 3 of 48 or any other, so the answer is `(49, 3)`.

    Args:
        read: How many rows have been read.
        most: How many rows a page can have.
    """
    size = max(range(1, most + 1), key=lambda size: (-(-read // size) * size, size))
    number = -(-read // size)
    return (size, number) if size * number > read else (size, number + 1)

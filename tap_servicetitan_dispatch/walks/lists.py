"""The walks of lists: by page number, and by `modifiedOn`."""

from __future__ import annotations

import hashlib
import itertools
import logging
from dataclasses import dataclass
from datetime import MAXYEAR, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.errors import AnswerError
from tap_servicetitan_dispatch.walks.page import Page, Record, has_more_in, is_ahead, rows_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_servicetitan_dispatch.answers import Answer
    from tap_servicetitan_dispatch.progress import Log
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
    before = b""
    number, has_more = 0, True
    while has_more:
        number += 1
        answer = fetch({**params, "page": str(number)})
        has_more, rows = has_more_in(answer.body), rows_in(answer.body)
        content = _fingerprint(rows)
        if has_more and (not rows or content == before):
            raise _endless(number)
        before = content
        yield Page(rows, size=answer.size)


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
    `modifiedOn`, of the rows at or after the latest value seen, less an `overlap`, as the server
    sorts only to about a second; rows that come again as they were are left out. Once a walk the
    first page is asked for in reverse, as a server that sorts puts its first row last, and one that
    ignores the order puts it first again; where the server does not sort, or more rows share an
    overlap than fit on a page, the rest is read by page number (`read_by_number`). A page's latest
    `modifiedOn` is its bookmark, but no later than the server's clock when the walk began. So what
    changes meanwhile, or is dated in the future, cannot step over anything: the next run asks for
    all since then, and for a while before, as transactions commit late and replicas lag.

    Args:
        fetch: Sends one request.
        params: The query parameters of every request: which rows, and the page size.
        since: The lower bound, nothing for the beginning of history.
        overlap: How far each request goes back below the latest value seen.
        reread: How far `since` is below the bookmark that it comes from.
        logger: Told of what is odd.
    """

    fetch: Fetch
    params: Mapping[str, str]
    since: datetime | None
    overlap: timedelta
    reread: timedelta = timedelta(0)
    logger: Log = logger

    def __iter__(self) -> Iterator[Page]:
        """Yield the pages.

        Raises:
            AnswerError: An answer has not the shape of a list, or a list never ends.
            ApiError: A request failed.
        """
        undated = 0
        for page in self._pages():
            undated += sum(modified_on(row) == _NEVER for row in page.records)
            yield page
        if undated:
            self.logger.warning(
                "Rows that do not say when they were modified: %d. No incremental read sees a "
                "change of them; --full-refresh, now and then, does.",
                undated,
            )

    def _pages(self) -> Iterator[Page]:
        first = self._first_page()
        bound, answer, size, obstacle = first
        began_at = answer.served_at
        if began_at is None:
            self.logger.warning(
                "The bookmark stays where it was, and the next run reads the same rows again, as "
                "the server does not tell its time."
            )
        written: Written = {}
        is_filtered = True
        while True:
            rows = rows_in(answer.body)
            if is_filtered:
                is_filtered = not self._warn_of_ignored_bound(rows, bound)
            if obstacle:
                self.logger.info("Reading on by page number, as %s.", obstacle)
                yield from read_by_number(
                    self.fetch, self.params, bound, written, began_at, self.logger
                )
                return
            latest = _latest(rows)
            page = Page(_deduplicated(rows, written), _bookmark(latest, began_at), size=size)
            if not has_more_in(answer.body):
                yield page
                return
            bound = latest[0] - self.overlap
            written = _fingerprints(row for row in rows if modified_on(row) >= bound)
            yield page
            answer = self._fetch(bound)
            size = answer.size
            obstacle = self._obstacle(answer.body, bound)

    def _fetch(self, bound: datetime | None, **params: str) -> Answer:
        asked = {"sort": "+ModifiedOn", "page": "1", **params}
        return self.fetch({**self.params, **_since(bound), **asked})

    def _first_page(self) -> _First:
        """Fetch the first page, and find out whether keyset pagination can continue from it.

        A page can be in order by chance, so the server is asked for it in reverse as well. If the
        first row was edited in between, nobody can tell, and the page is read again.
        """
        since = self.since
        for _ in range(_MAX_DOUBTS + 1):
            answer = self._fetch(since)
            if since and answer.served_at and is_ahead(since + self.reread, answer, self.logger):
                since = answer.served_at - self.reread
                answer = self._fetch(since)
            obstacle = self._obstacle(answer.body, since)
            if obstacle or not has_more_in(answer.body):
                return _First(since, answer, answer.size, obstacle)
            is_sorted = self._is_sorted_by_server(rows_in(answer.body), since)
            if is_sorted is not None:
                obstacle = None if is_sorted else _UNSORTED
                return _First(since, answer, 2 * answer.size, obstacle)
        return _First(since, answer, 2 * answer.size, "it is not certain that the server sorts")

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

    def _is_sorted_by_server(self, rows: list[Record], since: datetime | None) -> bool | None:
        """Ask for the rows of the first page in reverse; return whether the server obeyed.

        Rows later than those seen are left out, so that what is edited meanwhile stays out. If the
        first row was edited or deleted in between, nobody can tell: `None`.
        """
        before = instants.render(_latest(rows)[0] + _TICK)
        answer = self._fetch(since, sort="-ModifiedOn", modifiedBefore=before)
        reverse = rows_in(answer.body)
        first = _version(rows[0])
        if first not in map(_version, reverse):
            return None
        return (
            first != _version(reverse[0])
            and modified_on(reverse[0]) > modified_on(rows[0])
            and self._is_ascending(reverse[::-1])
        )

    def _warn_of_ignored_bound(self, rows: list[Record], bound: datetime | None) -> bool:
        """Warn if the server ignores the bound, as it then sends everything; return whether."""
        older = 0 if bound is None else sum(_NEVER < modified_on(row) < bound for row in rows)
        if bound is not None and older:
            self.logger.warning(
                "The API gave %d rows that were modified before %s, which were not asked for: it "
                "ignores modifiedOnOrAfter. Nothing is lost, but each run may read everything.",
                older,
                instants.render(bound),
            )
        return older > 0


class _First(NamedTuple):
    """The first page of a walk."""

    since: datetime | None
    """The lower bound that it was asked for with."""
    answer: Answer
    size: int
    """Bytes of the answers that it took: two, where the server was asked in reverse as well."""
    obstacle: str | None
    """Why keyset pagination cannot continue from it, if so."""


def read_by_number(
    fetch: Fetch,
    params: Mapping[str, str],
    bound: datetime | None,
    written: Written,
    began_at: datetime | None,
    logger: Log = logger,
) -> Iterator[Page]:
    """Yield all rows from a bound on by page number, in order of ids, with a bookmark at the end.

    Ids do not move when rows are edited. What is edited behind the cursor comes with the next run,
    as the bookmark is no later than `began_at`. What is deleted for good behind the cursor would
    pull a row past it; so each page begins at or before the last row of the page before
    (`_overlapping`), and as long as that row comes again, nothing was pulled past it. If it does
    not, or numbers come out of order, there is no bookmark, and the next run reads the same rows
    again.

    Args:
        fetch: Sends one request.
        params: The query parameters of every request: which rows, and the page size.
        bound: The lower bound of `modifiedOn`, nothing for the beginning of history.
        written: The rows that need not come again as they are.
        began_at: What the server's clock showed when the walk began.
        logger: Told of what is odd.

    Raises:
        AnswerError: An answer has not the shape of a list, or the list never ends.
        ApiError: A request failed.
    """
    most, size, number, read = 0, int(params["pageSize"]), 1, 0
    cursor: str | None = None
    doubt, stale = "", 0
    latest = _latest(())
    while True:
        asked = {"sort": "+Id", "page": str(number), "pageSize": str(size)}
        answer = fetch({**params, **_since(bound), **asked})
        rows = rows_in(answer.body)
        latest = max(latest, _latest(rows), key=lambda each: each[0])
        ids = [repr(row.get("id")) for row in rows]
        if cursor is not None and cursor not in ids:
            doubt = "rows were deleted while they were read, so that others may have been missed"
        elif not _are_ascending([row.get("id") for row in rows]):
            doubt = "the server does not sort by id, so that rows may have been missed"
        fresh = _deduplicated(rows, written)
        if not has_more_in(answer.body):
            break
        most = most or len(rows)  # the server may give less than it was asked for
        size = min(size, most)
        # What comes in ahead of the cursor moves the rest back, so a page may well be old.
        stale = 0 if fresh else stale + 1
        if (number - 1) * size + len(rows) <= read or stale == _MAX_STALE:
            raise _endless(number)
        written = _fingerprints(rows)
        yield Page(fresh, size=answer.size)
        read, cursor = (number - 1) * size + len(rows), ids[-1]
        size, number = _overlapping(read, most)
    if doubt:
        logger.warning(
            "The bookmark stays where it was, and the next run reads the same rows again, as %s.",
            doubt,
        )
    yield Page(fresh, None if doubt else _bookmark(latest, began_at), size=answer.size)


_UNSORTED = "the server does not sort by time of modification"
_MAX_DOUBTS = 5
_MAX_STALE = 10
_NEVER = instants.parse("0002-01-01")
_TICK = timedelta(microseconds=1)

Written = dict[str, bytes]
"""The fingerprints of rows that have been written, by id."""


def _version(row: Record) -> tuple[str, str]:
    return repr(row.get("id")), repr(row.get("modifiedOn"))


def _fingerprints(rows: Iterable[Record]) -> Written:
    return {repr(row.get("id")): _fingerprint(row) for row in rows}


def _fingerprint(rows: Record | list[Record]) -> bytes:
    return hashlib.blake2b(msgspec.json.encode(rows), digest_size=16).digest()


def _deduplicated(rows: list[Record], written: Written) -> list[Record]:
    """Return the rows that have not been written as they are.

    Time alone does not tell: a clock of whole seconds gives two versions the same `modifiedOn`.
    """
    return [
        row
        for row in rows
        if (before := written.get(repr(row.get("id")))) is None or before != _fingerprint(row)
    ]


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


def _bookmark(latest: tuple[datetime, str | None], began_at: datetime | None) -> str | None:
    """Return the bookmark of some rows: no later than the server's clock when the walk began.

    Args:
        latest: When the last of them was modified, see `_latest`.
        began_at: What the clock showed; nothing if it is not known.
    """
    if began_at is None:
        return None
    instant, text = latest
    return text if instant <= began_at else instants.render(began_at)


def _are_ascending(ids: list[Any]) -> bool:
    """Return whether ids are in order; how the server sorts texts is not known."""
    if not all(isinstance(each, int) for each in ids):
        return True
    return all(one <= other for one, other in itertools.pairwise(ids))


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

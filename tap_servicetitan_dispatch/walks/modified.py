"""The walk of lists by `modifiedOn`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.log import logger
from tap_servicetitan_dispatch.walks.by_number import doubt_of_rows, read_by_number
from tap_servicetitan_dispatch.walks.page import (
    Page,
    Record,
    doubt_of_bookmark_ahead,
    has_more_in,
    is_ahead,
    rows_in,
)
from tap_servicetitan_dispatch.walks.rows import (
    UNDATED,
    Fingerprints,
    bookmark_of,
    bounded,
    deduplicated,
    fingerprints,
    latest_of,
    modified_on,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_servicetitan_dispatch.client.answers import Answer
    from tap_servicetitan_dispatch.tally import Log
    from tap_servicetitan_dispatch.walks.page import Fetch


_UNSORTED = "the server does not sort by time of modification"
_CROWDED = "more rows share a time than a page holds"
_EMPTY = "a page came without any row although there are more"
_UNDATED = "no row of a page has a modifiedOn"
_UNCERTAIN = "rows kept changing while the server's order was checked"
_MAX_DOUBTS = 5
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class ModifiedWalk:
    """Reads a list that can be sorted and filtered by `modifiedOn`, without losing a row.

    Page numbers lose rows while the office is at work: when a row on page 1 is deleted, the first
    row of page 2 moves to page 1, which has been read. So this is keyset pagination: each request
    asks for page 1, in order of `modifiedOn`, of the rows from the latest value seen on, minus an
    `overlap`, because the server sorts only to about a second. Rows that come again unchanged are
    left out.

    Once a walk, the first page is requested in reverse as well, and the order of the rows that both
    answers have is compared (`_is_sorted`). If the server does not sort, or more rows share an
    overlap than fit on a page, the rest is read by page number (`read_by_number`).

    A page's latest `modifiedOn` is its bookmark, but no later than the server's clock when the walk
    began. So neither later changes nor rows dated in the future are skipped: the next run asks for
    everything since then, and for a while before, because transactions commit late and replicas
    lag.

    Args:
        fetch: Sends one request.
        params: The query parameters of every request: which rows, and the page size.
        since: The lower bound, nothing for the beginning of history.
        overlap: How far each request goes back below the latest value seen.
        reread: How far `since` lies below the bookmark from which it was made.
        stream: The name of the list in the log.
        logger: Receives warnings.
    """

    fetch: Fetch
    params: Mapping[str, str]
    since: datetime | None
    overlap: timedelta
    reread: timedelta = timedelta(0)
    stream: str = "a list"
    logger: Log = logger

    def __iter__(self) -> Iterator[Page]:
        """Yield the pages.

        Raises:
            AnswerError: An answer does not have the shape of a list, or a list never ends.
            ApiError: A request failed.
        """
        undated = 0
        for page in self._pages():
            undated += sum(modified_on(row) == UNDATED for row in page.records)
            yield page
        if undated:
            self.logger.warning(
                "%s: rows without a valid modifiedOn: %d. Incremental reads miss their changes; a "
                "full read does not: detect_deleted_every_hours, or --full-refresh.",
                self.stream,
                undated,
            )

    def _pages(self) -> Iterator[Page]:
        first = self._first_page()
        bound, answer, size, obstacle, doubt = first
        began_at = answer.served_at
        written: Fingerprints = {}
        is_filtered = True
        while True:
            rows = rows_in(answer.body)
            if is_filtered and (older := _count_before(bound, rows)):
                is_filtered = False
                self._warn_of_ignored_bound(older, bound)
            if obstacle:
                told = "%s: reading on by page number, in the order of ids, as %s."
                self.logger.info(told, self.stream, obstacle)
                pages = read_by_number(self.fetch, self.params, bound, written, began_at)
                yield from _doubted(pages, doubt)
                return
            has_more = has_more_in(answer.body)
            if not has_more and began_at is None:
                doubt = doubt or doubt_of_rows("the server's answers have no Date")
            bookmark = bookmark_of(latest_of(rows), began_at)
            page = Page(deduplicated(rows, written), bookmark, size=size, doubt=doubt)
            if not has_more:
                yield page
                return
            bound = latest_of(rows)[0] - self.overlap
            written = fingerprints(row for row in rows if modified_on(row) >= bound)
            yield page
            answer, doubt = self._fetch(bound), ""
            size = answer.size
            obstacle = self._obstacle(answer.body, bound)

    def _fetch(self, bound: datetime | None, **params: str) -> Answer:
        asked = {"sort": "+ModifiedOn", "page": "1", **params}
        return self.fetch({**self.params, **bounded(bound), **asked})

    def _first_page(self) -> _First:
        """Fetch the first page, and find out whether keyset pagination can continue from it.

        A page can be in order by chance, so it is requested in reverse as well. If too many rows
        were edited in between, the result is unclear, and the page is read again.
        """
        since, doubt = self.since, ""
        for _ in range(_MAX_DOUBTS + 1):
            answer = self._fetch(since)
            if since and answer.served_at and is_ahead(since + self.reread, answer):
                doubt = doubt_of_bookmark_ahead(since + self.reread, answer.served_at)
                since = answer.served_at - self.reread
                answer = self._fetch(since)
            rows, has_more = rows_in(answer.body), has_more_in(answer.body)
            obstacle = self._obstacle(answer.body, since)
            if has_more and not obstacle and _is_crowded(rows, self.overlap):
                obstacle = _CROWDED
            if obstacle or not has_more:
                return _First(since, answer, answer.size, obstacle, doubt)
            reverse = self._fetch_in_reverse(rows, since)
            size = answer.size + reverse.size
            last = rows_in(reverse.body)
            if has_more_in(reverse.body) and _is_crowded(last, self.overlap):
                return _First(since, answer, size, _CROWDED, doubt)
            is_sorted = _is_sorted(rows, last, self.overlap)
            if is_sorted is not None:
                return _First(since, answer, size, None if is_sorted else _UNSORTED, doubt)
        return _First(since, answer, size, _UNCERTAIN, doubt)

    def _fetch_in_reverse(self, rows: list[Record], since: datetime | None) -> Answer:
        """Ask for the rows of the first page in reverse.

        Later rows are excluded, so that edits during the read do not disturb.
        """
        before = instants.render(latest_of(rows)[0] + _TICK)
        return self._fetch(since, sort="-ModifiedOn", modifiedBefore=before)

    def _obstacle(self, body: Any, bound: datetime | None) -> str | None:
        """Return why the next request cannot continue from the latest of these rows, if so."""
        if not has_more_in(body):
            return None
        rows = rows_in(body)
        if not rows:
            return _EMPTY
        latest, _ = latest_of(rows)
        if latest == UNDATED:
            return _UNDATED
        if bound is not None and latest - self.overlap <= bound:
            return _CROWDED
        return None if _is_ascending(rows, self.overlap) else _UNSORTED

    def _warn_of_ignored_bound(self, older: int, bound: datetime | None) -> None:
        self.logger.warning(
            "%s: the API gave %d rows that were modified before %s, which were not asked for: it "
            "ignores modifiedOnOrAfter. Nothing is lost, but each run may read everything.",
            self.stream,
            older,
            bound and instants.render(bound),
        )


def _is_crowded(rows: list[Record], overlap: timedelta) -> bool:
    """Return whether all rows share one time, within an overlap."""
    times = [modified_on(row) for row in rows]
    return bool(times) and max(times) - min(times) <= overlap


def _is_ascending(rows: list[Record], overlap: timedelta) -> bool:
    """Return whether each row is later than all before it, within an overlap."""
    latest = UNDATED
    for row in rows:
        modified = modified_on(row)
        if modified < latest - overlap:
            return False
        latest = max(latest, modified)
    return True


def _is_sorted(rows: list[Record], reverse: list[Record], overlap: timedelta) -> bool | None:
    """Return whether the server sorts, by the order of the rows that both answers have.

    Rows further apart than an overlap are in ascending order in the first answer, as was checked.
    In reverse, a server that sorts returns them in the opposite order; one that does not sort
    returns them in the same order. Rows with one time may come in any order, and many of them may
    push others off the page. If too few rows are left to tell, the answer is `None`.

    Args:
        rows: The first page, whose rows are ascending.
        reverse: The answer in reverse.
        overlap: See `ModifiedWalk`.
    """
    first = {_version(row) for row in rows}
    common = [row for row in reverse if _version(row) in first]
    dated = [row for row in common if modified_on(row) > UNDATED]
    if not dated or _is_crowded(dated, overlap):
        return None
    return _is_ascending(dated[::-1], overlap)


def _version(row: Record) -> tuple[str, str]:
    return repr(row.get("id")), repr(row.get("modifiedOn"))


def _count_before(bound: datetime | None, rows: list[Record]) -> int:
    """Return how many rows were modified before the bound, as if the server had ignored it."""
    return 0 if bound is None else sum(UNDATED < modified_on(row) < bound for row in rows)


def _doubted(pages: Iterator[Page], doubt: str) -> Iterator[Page]:
    """Yield pages, and add a doubt to the first."""
    for page in pages:
        yield replace(page, doubt=f"{doubt} {page.doubt}".strip())
        doubt = ""


class _First(NamedTuple):
    """The first page of a walk."""

    since: datetime | None
    """The lower bound of the request."""
    answer: Answer
    size: int
    """Bytes of the answers: two answers, if the page was requested in reverse as well."""
    obstacle: str | None
    """Why keyset pagination cannot continue from it; nothing if it can."""
    doubt: str
    """Why rows may be missing, because of the bound that was given."""

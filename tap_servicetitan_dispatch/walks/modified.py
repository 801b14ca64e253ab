"""The walk of lists by `modifiedOn`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.log import logger
from tap_servicetitan_dispatch.walks.by_number import read_by_number
from tap_servicetitan_dispatch.walks.page import Page, Record, has_more_in, is_ahead, rows_in
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
_MAX_DOUBTS = 5
_TICK = timedelta(microseconds=1)


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
            undated += sum(modified_on(row) == UNDATED for row in page.records)
            yield page
        if undated:
            self.logger.warning(
                "Rows that do not say when they were modified: %d. No incremental read sees a "
                "change of them; a full read does: detect_deleted_every_hours, or --full-refresh.",
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
        written: Fingerprints = {}
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
            latest = latest_of(rows)
            page = Page(deduplicated(rows, written), bookmark_of(latest, began_at), size=size)
            if not has_more_in(answer.body):
                yield page
                return
            bound = latest[0] - self.overlap
            written = fingerprints(row for row in rows if modified_on(row) >= bound)
            yield page
            answer = self._fetch(bound)
            size = answer.size
            obstacle = self._obstacle(answer.body, bound)

    def _fetch(self, bound: datetime | None, **params: str) -> Answer:
        asked = {"sort": "+ModifiedOn", "page": "1", **params}
        return self.fetch({**self.params, **bounded(bound), **asked})

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
        latest, _ = latest_of(rows)
        if latest == UNDATED or (bound is not None and latest - self.overlap <= bound):
            return "more rows share a time than a page holds"
        return None if self._is_ascending(rows) else _UNSORTED

    def _is_ascending(self, rows: list[Record]) -> bool:
        """Return whether each row is later than all before it, give or take an overlap."""
        latest = UNDATED
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
        before = instants.render(latest_of(rows)[0] + _TICK)
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
        older = 0 if bound is None else sum(UNDATED < modified_on(row) < bound for row in rows)
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


def _version(row: Record) -> tuple[str, str]:
    return repr(row.get("id")), repr(row.get("modifiedOn"))

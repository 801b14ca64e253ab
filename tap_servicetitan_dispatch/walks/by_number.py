"""The walks of lists by page number."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.errors import AnswerError
from tap_servicetitan_dispatch.walks.page import Page, has_more_in, rows_in
from tap_servicetitan_dispatch.walks.rows import (
    Fingerprints,
    bookmark_of,
    bounded,
    deduplicated,
    fingerprint,
    fingerprints,
    latest_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tap_servicetitan_dispatch.tally import Log
    from tap_servicetitan_dispatch.walks.page import Fetch

_MAX_STALE = 10

logger = logging.getLogger("tap-servicetitan-dispatch")


def numbered_walk(fetch: Fetch, params: Mapping[str, str]) -> Iterator[Page]:
    """Yield the pages of a list by their number, one after the other.

    An answer looks like `{"page": 1, "pageSize": 50, "hasMore": true, "totalCount": null,
    "data": [{…}]}`. What is deleted on one page pulls a row of the next onto it, so the walk
    vouches for a list of a single page only, and for one without any row if that was counted.

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
        content = fingerprint(rows)
        if has_more and (not rows or content == before):
            raise _endless(number)
        before = content
        total = _total_in(answer.body)
        is_all = len(rows) >= total if total is not None else bool(rows)
        yield Page(rows, size=answer.size, is_whole=number == 1 and not has_more and is_all)


def read_by_number(
    fetch: Fetch,
    params: Mapping[str, str],
    bound: datetime | None,
    written: Fingerprints,
    began_at: datetime | None,
    logger: Log = logger,
) -> Iterator[Page]:
    """Yield all rows from a bound on by page number, in order of ids, with a bookmark at the end.

    Ids do not move when rows are edited. What is edited behind the cursor comes with the next run,
    as the bookmark is no later than `began_at`. What is deleted for good behind the cursor would
    pull a row past it; so each page begins at or before the last row of the page before
    (`_overlapping`), and as long as that row comes again, nothing was pulled past it. If it does
    not, numbers come out of order, or fewer rows come than the server has counted, the walk does
    not vouch for the list and there is no bookmark, so the next run reads the same rows again. Nor
    does it vouch, unless rows were counted, for pages of texts, whose order tells nothing, and for
    no row at all.

    Args:
        fetch: Sends one request.
        params: The query parameters of every request: which rows, and the page size. The rows
            are counted if they ask for the total.
        bound: The lower bound of `modifiedOn`, nothing for the beginning of history.
        written: The rows that need not come again as they are.
        began_at: What the server's clock showed when the walk began. The walk's own first answer
            counts if it is earlier: that of the token may be of a server whose clock is ahead.
        logger: Told of what is odd.

    Raises:
        AnswerError: An answer has not the shape of a list, or the list never ends.
        ApiError: A request failed.
    """
    most, size, number, read = 0, int(params["pageSize"]), 1, 0
    cursor: str | None = None
    doubt, stale, is_counted = "", 0, False
    missing: int | None = None
    latest = latest_of(())
    while True:
        asked = {"sort": "+Id", "page": str(number), "pageSize": str(size)}
        answer = fetch({**params, **bounded(bound), **asked})
        rows = rows_in(answer.body)
        latest = max(latest, latest_of(rows), key=lambda each: each[0])
        ids = [repr(row.get("id")) for row in rows]
        if cursor is not None and cursor not in ids:
            doubt = "rows were deleted while they were read, so that others may have been missed"
        elif not _are_ascending([row.get("id") for row in rows]):
            doubt = "the server does not sort by id, so that rows may have been missed"
        if missing is None:
            total = _total_in(answer.body)
            missing, is_counted = total or 0, total is not None
            times = (began_at, answer.served_at)
            began_at = None if None in times else min(filter(None, times))
        missing -= len(rows) - (ids.index(cursor) + 1 if cursor in ids else 0)
        fresh = deduplicated(rows, written)
        if not has_more_in(answer.body):
            break
        most = most or len(rows)  # the server may give less than it was asked for
        size = min(size, most)
        # What comes in ahead of the cursor moves the rest back, so a page may well be old.
        stale = 0 if fresh else stale + 1
        if (number - 1) * size + len(rows) <= read or stale == _MAX_STALE:
            raise _endless(number)
        written = fingerprints(rows)
        yield Page(fresh, size=answer.size)
        read, cursor = (number - 1) * size + len(rows), ids[-1]
        size, number = _overlapping(read, most)
    if missing > 0:
        doubt = doubt or f"{missing} rows fewer came than the server has counted"
    if doubt:
        logger.warning(
            "The bookmark stays where it was, and the next run reads the same rows again, as %s.",
            doubt,
        )
    bookmark = None if doubt else bookmark_of(latest, began_at)
    numbers = [row.get("id") for row in rows]
    is_telling = is_counted or (bool(rows) and (number == 1 or _are_numbers(numbers)))
    yield Page(fresh, bookmark, size=answer.size, is_whole=not doubt and is_telling)


def _total_in(body: Any) -> int | None:
    """Return how many rows the server has counted; nothing if it does not say."""
    total = body.get("totalCount")
    return total if isinstance(total, int) else None


def _endless(number: int) -> AnswerError:
    return AnswerError(
        f"page {number} brings nothing new but says hasMore: true, so the list might never end",
        "run again; if it stays, report it. The bookmark is safe",
    )


def _are_ascending(ids: list[Any]) -> bool:
    """Return whether ids are in order; how the server sorts texts is not known."""
    if not _are_numbers(ids):
        return True
    return all(one <= other for one, other in itertools.pairwise(ids))


def _are_numbers(ids: list[Any]) -> bool:
    return all(isinstance(each, int) for each in ids)


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

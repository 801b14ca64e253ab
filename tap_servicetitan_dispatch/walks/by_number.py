"""The walks of lists by page number."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.errors import AnswerError
from tap_servicetitan_dispatch.walks.page import (
    MOST_EMPTY,
    Page,
    has_more_in,
    has_odd_total,
    rows_in,
    total_in,
)
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

    from tap_servicetitan_dispatch.walks.page import Fetch

MOST_STALE = 10
"""Pages in a row without a new row. Rows that are added push known rows back onto later pages."""

_DELETED = "rows were deleted during the read, so others may have been missed"
_UNSORTED = "the server does not sort by id, so rows may have been missed"
_ODD_TOTAL = "the server's totalCount is not a count, so nobody can tell whether all rows came"


def numbered_walk(fetch: Fetch, params: Mapping[str, str]) -> Iterator[Page]:
    """Yield the pages of a list by their number, one after the other.

    An answer looks like `{"page": 1, "pageSize": 50, "hasMore": true, "totalCount": null, "data":
    [{…}]}`. When a row is deleted, the rows behind it move up, past the next page number. So the
    walk guarantees all rows only for a list of a single page, or for an empty list that the server
    has counted.

    Args:
        fetch: Sends one request.
        params: The query parameters of every request, besides `page`.

    Raises:
        AnswerError: The answer does not have the shape above, or never ends.
        ApiError: A request failed.
    """
    before = b""
    number, empty, has_more = 0, 0, True
    while has_more:
        number += 1
        answer = fetch({**params, "page": str(number)})
        has_more, rows = has_more_in(answer.body), rows_in(answer.body)
        content = fingerprint(rows)
        empty = 0 if rows else empty + 1
        if has_more and (empty == MOST_EMPTY or (rows and content == before)):
            raise _endless(number)
        before = content
        doubt = "" if has_more else _doubt_of_last_page(number, rows, answer.body)
        total = total_in(answer.body)
        is_known = bool(rows) or total is not None
        is_whole = not has_more and not doubt and is_known
        yield Page(rows, size=answer.size, is_whole=is_whole, doubt=doubt)


def _doubt_of_last_page(number: int, rows: list[Any], body: Any) -> str:
    """Return why rows of a list without an order may be missing."""
    total = total_in(body)
    if number > 1:
        why = "a row that is deleted between two pages hides another. What to do: raise page_size"
    elif has_odd_total(body):
        why = _ODD_TOTAL
    elif total is not None and len(rows) < total:
        why = f"{total - len(rows)} fewer rows came than the server had counted"
    else:
        return ""
    return f"Rows may have been missed, as {why}."


def read_by_number(
    fetch: Fetch,
    params: Mapping[str, str],
    bound: datetime | None,
    written: Fingerprints,
    began_at: datetime | None,
) -> Iterator[Page]:
    """Yield all rows from a bound on by page number, in order of ids, with a bookmark at the end.

    Edits do not move ids. A row that is edited behind the cursor comes with the next run, because
    the bookmark is no later than `began_at`.

    A row that is deleted for good behind the cursor would move another row past it. So each page
    begins at or before the last row of the previous page (`_overlapping`). If that row comes again,
    no row was moved past the cursor. If it does not, if page numbers come out of order, or if fewer
    rows come than the server has counted, rows may be missing. Then there is no bookmark, and the
    next run reads the same rows again. Unless the server has counted the rows, the same holds for
    several pages with texts as ids, whose order is unknown, and for an empty list.

    A server that filters after cutting its pages returns short and empty ones in the middle. They
    are skipped. But if a page is too short for the next one to overlap, it is unknown whether a row
    was moved past it.

    Args:
        fetch: Sends one request.
        params: The query parameters of every request: which rows, and the page size. Rows are
            counted if they ask for the total.
        bound: The lower bound of `modifiedOn`, nothing for the beginning of history.
        written: The rows that need not be delivered again unless they have changed.
        began_at: The server's clock when the walk began. The time of the walk's own first answer
            counts if it is earlier: the token may have come from a server whose clock is ahead.

    Raises:
        AnswerError: An answer does not have the shape of a list, or the list never ends.
        ApiError: A request failed.
    """
    size, number = int(params["pageSize"]), 1
    most = 0
    seen = 0
    """How many rows precede the end of what has been seen, the last row seen included, at least."""
    cursor: str | None = None
    doubt, stale, empty, is_counted = "", 0, 0, False
    missing: int | None = None
    latest = latest_of(())
    while True:
        asked = {"sort": "+Id", "page": str(number), "pageSize": str(size)}
        answer = fetch({**params, **bounded(bound), **asked})
        rows, has_more = rows_in(answer.body), has_more_in(answer.body)
        latest = max(latest, latest_of(rows), key=lambda each: each[0])
        ids = [repr(row.get("id")) for row in rows]
        if missing is None:
            most = _most_of(answer.body, len(rows), size)
            size = min(size, most)
            total = total_in(answer.body)
            missing, is_counted = total or 0, total is not None
            doubt = _ODD_TOTAL if has_odd_total(answer.body) else ""
            times = (began_at, answer.served_at)
            began_at = None if None in times else min(filter(None, times))
        before = (number - 1) * size
        if cursor is not None and cursor not in ids:
            doubt = _DELETED if before < seen else _too_short(most)
        elif not _are_ascending([row.get("id") for row in rows]):
            doubt = _UNSORTED
        missing -= len(rows) - (ids.index(cursor) + 1 if cursor in ids else 0)
        fresh = deduplicated(rows, written)
        if not has_more:
            break
        empty = 0 if rows else empty + 1
        # What comes in ahead of the cursor moves the rest back, so a page may well be old.
        stale = 0 if fresh or not rows else stale + 1
        if stale == MOST_STALE or empty == MOST_EMPTY:
            raise _endless(number)
        if rows:
            written = fingerprints(rows)
            seen, cursor = before + len(rows), ids[-1]
        yield Page(fresh, size=answer.size)
        size, number = _next_page(seen, most, size, number)
    if missing > 0:
        doubt = doubt or f"{missing} fewer rows came than the server had counted"
    if began_at is None:
        doubt = doubt or "the server's answers have no Date"
    bookmark = None if doubt else bookmark_of(latest, began_at)
    numbers = [row.get("id") for row in rows]
    is_telling = is_counted or (bool(rows) and (number == 1 or _are_numbers(numbers)))
    yield Page(
        fresh,
        bookmark,
        size=answer.size,
        is_whole=not doubt and is_telling,
        doubt=doubt and doubt_of_rows(doubt),
    )


def doubt_of_rows(why: str) -> str:
    """Return the doubt of a walk after which the bookmark must not move."""
    return f"The bookmark stays where it was, and the next run reads the same rows again, as {why}."


def _endless(number: int) -> AnswerError:
    return AnswerError(
        f"page {number} brings nothing new but says hasMore: true, so the list might never end",
        "run again; if it happens again, report it. The bookmark is safe",
    )


def _too_short(most: int) -> str:
    return (
        f"the server's pages, of {most} rows at most, were too short to overlap, so nobody "
        "can tell whether rows were missed"
    )


def _most_of(body: Any, rows: int, size: int) -> int:
    """Return how many rows a page can have: the server may allow fewer than it was asked for.

    Args:
        body: The first page. Its `pageSize` is the answer, if given: a page has fewer rows if the
            server filters after cutting its pages.
        rows: Its number of rows, which counts if there is no `pageSize`.
        size: The page size that was asked for.
    """
    said = body.get("pageSize")
    if type(said) is int and max(rows, 1) <= said <= size:
        return said
    return rows or size


def _are_ascending(ids: list[Any]) -> bool:
    """Return whether ids are in order; the server's order of texts is unknown."""
    if not _are_numbers(ids):
        return True
    return all(one <= other for one, other in itertools.pairwise(ids))


def _are_numbers(ids: list[Any]) -> bool:
    return all(isinstance(each, int) for each in ids)


def _next_page(seen: int, most: int, size: int, number: int) -> tuple[int, int]:
    """Return size and number of the page to ask for next.

    Args:
        seen: Number of rows up to the last one seen, at least.
        most: Maximum number of rows on a page.
        size: Size of the previous page.
        number: Number of the previous page.
    """
    overlapping, nth = _overlapping(seen, most)
    is_further = overlapping * nth > size * number
    return (overlapping, nth) if is_further else (size, number + 1)


def _overlapping(read: int, most: int) -> tuple[int, int]:
    """Return size and number of the overlapping page that extends furthest.

    A page overlaps if it begins at or before the last row read. With pages of a handful of rows
    there may be none; then the next page is returned, which begins right after that row.

    For example, 100 rows were read, and a page can have 50. Page 3 of 50 would begin with row 101,
    one too far. Page 3 of 49 has the rows 99 to 147: it begins with the last two that were read,
    and extends further than page 3 of 48 or any other, so the answer is `(49, 3)`.

    Args:
        read: Number of rows that have been read.
        most: Maximum number of rows on a page.
    """
    size = max(range(1, most + 1), key=lambda size: (-(-read // size) * size, size))
    number = -(-read // size)
    return (size, number) if size * number > read else (size, number + 1)

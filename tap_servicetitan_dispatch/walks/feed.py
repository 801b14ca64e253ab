"""The walk of an export feed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.client.failures import ApiError
from tap_servicetitan_dispatch.errors import AnswerError
from tap_servicetitan_dispatch.log import logger
from tap_servicetitan_dispatch.walks.page import (
    MOST_EMPTY,
    Page,
    doubt_of_bookmark_ahead,
    has_more_in,
    is_ahead,
    malformed,
    rows_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_servicetitan_dispatch.client.answers import Answer
    from tap_servicetitan_dispatch.tally import Log
    from tap_servicetitan_dispatch.walks.page import Fetch


FEW_EMPTY = 10
"""A usual number of empty pages in a row: a filter leaves out their rows."""
PAUSE_SECONDS = 1.0


def feed_walk(
    fetch: Fetch,
    params: Mapping[str, str],
    start: str | datetime | None,
    pause: Callable[[float], object],
    logger: Log = logger,
) -> Iterator[Page]:
    """Yield the pages of an export feed.

    An answer looks like `{"hasMore": true, "continueFrom": "…", "data": [{…}]}`. The token
    `continueFrom` is opaque: it is sent back as `from`, and compared only for equality. The feed
    ends on `hasMore: false` and on nothing else; pages before that may be empty. After many empty
    pages in a row, the walk slows down, and finally gives up.

    Args:
        fetch: Sends one request.
        params: The query parameters of every request, besides `from`.
        start: A token of an earlier run, or an instant, or nothing for the beginning of history.
        pause: Waits for a number of seconds.
        logger: Receives warnings.

    Raises:
        AnswerError: The answer does not have the shape above, or the feed never ends.
        ApiError: A request failed.
    """
    sent: set[str] = set()
    empty = 0
    token = instants.render(start) if isinstance(start, datetime) else start
    answer = _fetch_from(fetch, params, token, is_start=True)
    doubt = ""
    if isinstance(start, datetime) and answer.served_at and is_ahead(start, answer):
        doubt = doubt_of_bookmark_ahead(start, answer.served_at)
        token = instants.render(answer.served_at)
        answer = _fetch_from(fetch, params, token, is_start=True)
    while True:
        body = answer.body
        has_more, records = has_more_in(body), rows_in(body)
        after = body.get("continueFrom") or None
        if after is not None and not isinstance(after, str):
            raise malformed("a text as continueFrom", body)
        if token is not None:
            sent.add(token)
        if has_more and after in sent:
            raise AnswerError(
                "the feed says hasMore: true but gives a continueFrom that it has given before, "
                "so it would never end",
                "run again; if it happens again, report it to ServiceTitan. The bookmark is safe",
            )
        if has_more and not after:
            raise AnswerError(
                "the feed says hasMore: true but gives no continueFrom to continue from",
                "run again; if it happens again, report it to ServiceTitan. The bookmark is safe",
            )
        token = after or token
        yield Page(records, token, size=answer.size, doubt=doubt)
        if not has_more:
            return
        doubt = ""
        empty = 0 if records else empty + 1
        if empty >= FEW_EMPTY:
            _slow_down(empty, pause, logger)
        answer = _fetch_from(fetch, params, token, is_start=False)


def _slow_down(empty: int, pause: Callable[[float], object], logger: Log) -> None:
    """Pause before the next page, after a number of empty ones in a row.

    Raises:
        AnswerError: There were too many.
    """
    if empty == MOST_EMPTY:
        raise AnswerError(
            f"the feed gave {empty:,} empty pages in a row, each with hasMore: true, so it might "
            "never end",
            "run again, which resumes there; if it happens again, report it to ServiceTitan. The "
            "bookmark is safe",
        )
    if empty == FEW_EMPTY:
        logger.warning(
            "The feed gave %d empty pages in a row, each with hasMore: true; asking once a second "
            "from here on, until there are rows again.",
            empty,
        )
    pause(PAUSE_SECONDS)


def _fetch_from(
    fetch: Fetch, params: Mapping[str, str], token: str | None, *, is_start: bool
) -> Answer:
    if token is None:
        return fetch(params)
    try:
        return fetch({**params, "from": token})
    except ApiError as error:
        if not is_start or error.kind not in {"bad_request", "not_found", "gone"}:
            raise
        raise AnswerError(
            f"the API rejects the bookmark (or start_date) to resume from ({error.request}: "
            f"{error.detail}). Nothing was read",
            "start the stream over with --full-refresh in Meltano or without its bookmark in "
            'the state, or put {"replication_key": "modifiedOn", "replication_key_value": "<a '
            'date before the last good run>"} there to resume from a date',
        ) from error

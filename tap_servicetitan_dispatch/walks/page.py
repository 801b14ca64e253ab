"""The pages that a walk yields, and the shape of the answers they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.errors import AnswerError
from tap_servicetitan_dispatch.log.redaction import part

if TYPE_CHECKING:
    from datetime import datetime

    from tap_servicetitan_dispatch.client.answers import Answer


class DecodedRow(msgspec.Struct, gc=False):
    """A row decoded by the schema of its stream: faster than a dict, and read like one.

    A subclass has a field for each property. A field that the API did not send is `UNSET`, as if it
    were not there.
    """

    def __getitem__(self, name: str) -> Any:
        value = getattr(self, name, msgspec.UNSET)
        if value is msgspec.UNSET:
            raise KeyError(name)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a field, or the default if the row does not have it."""
        value = getattr(self, name, msgspec.UNSET)
        return default if value is msgspec.UNSET else value


LARGEST_COUNT = 2**63 - 1
"""Warehouses have no larger integers."""
MOST_EMPTY = 1000
"""Maximum number of empty pages in a row that say that there is more.

How many rows a filter may leave out of a page of the feed is unknown. However few these are, the
next run reads on from there.
"""

Record = dict[str, Any] | DecodedRow
Fetch = Callable[[Mapping[str, str]], "Answer"]
"""Sends one request with these query parameters."""


@dataclass(frozen=True)
class Page:
    """Records, and the bookmark that may be stored once all of them have been written.

    A bookmark of `None` means: keep the present one. The records belong to the reader of the page,
    who may change them; the walk does not look at them again.
    """

    records: Sequence[Record]
    bookmark: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields to add to each record, by name."""
    size: int = 0
    """Bytes of the answers that it came from."""
    is_whole: bool = False
    """Whether, with this page, all rows that were asked for have certainly come."""
    doubt: str = ""
    """Why rows may be missing, as sentences for the log and for the reason in `sync_log`; empty if
    none are.
    """
    table: Any = None
    """The records as an Arrow table too, if such tables are written."""

    @property
    def last_modified_on(self) -> str | None:
        """When the last of the records was modified, if it says."""
        modified = self.records[-1].get("modifiedOn") if self.records else None
        return modified if isinstance(modified, str) else None


def has_more_in(body: Any) -> bool:
    """Return whether there are more pages.

    Raises:
        AnswerError: The answer does not say.
    """
    if not isinstance(body, dict):
        raise malformed("an object", body)
    has_more = body.get("hasMore")
    if not isinstance(has_more, bool):
        raise malformed("hasMore: true or false", body)
    return has_more


def rows_in(body: Any) -> list[Record]:
    """Return the rows of a page.

    Raises:
        AnswerError: The answer has none, not even an empty list.
    """
    rows = body.get("data") if isinstance(body, dict) else None
    if isinstance(rows, list) and all(
        issubclass(kind, dict | DecodedRow) for kind in {*map(type, rows)}
    ):
        return rows
    raise malformed("a list of objects as data", body)


def total_in(body: Any) -> int | None:
    """Return how many rows the server has counted; nothing if it gives no valid count.

    A text, a fraction, `true` and a number that no list can reach are not counts.
    """
    total = body.get("totalCount") if isinstance(body, dict) else None
    return total if type(total) is int and 0 <= total <= LARGEST_COUNT else None


def has_odd_total(body: Any) -> bool:
    """Return whether the server gives a total that is not a count."""
    said = body.get("totalCount") if isinstance(body, dict) else None
    return said is not None and total_in(body) is None


def is_ahead(bookmark: datetime, answer: Answer) -> bool:
    """Return whether a bookmark is later than the server's clock: nothing newer would be found.

    Args:
        bookmark: A date of the state, or `start_date`.
        answer: The answer to the first request.
    """
    # The header `Date` is good to a second.
    return answer.served_at is not None and bookmark > answer.served_at + timedelta(seconds=1)


def doubt_of_bookmark_ahead(bookmark: datetime, now: datetime) -> str:
    """Return the doubt about a bookmark that is ahead of the server's clock, and what to do."""
    return (
        f"The bookmark (or start_date) {instants.render(bookmark)} is later than the server's "
        f"clock, {instants.render(now)}. Reading resumes from the server's time. Changes since "
        "that bookmark was stored may be missing. What to do: read the stream again, with "
        "--full-refresh in Meltano or without its bookmark in the state."
    )


def malformed(expected: str, body: Any) -> AnswerError:
    """Return the error that says what an answer should have had, and what it has."""
    keys = ", ".join(sorted(body)) if isinstance(body, dict) else type(body).__name__
    keys = part(keys)
    return AnswerError(
        f"the API's answer should have {expected}, it has: {keys or 'nothing'}",
        "run again; if it happens again, report it. The bookmark is safe",
    )

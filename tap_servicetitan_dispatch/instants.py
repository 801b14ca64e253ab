"""Points in time as the API writes them.

The API sends UTC with a `Z` and 0 to 7 fraction digits, trailing zeros trimmed. So the texts of two
instants do not sort like the instants (`…00.5Z` < `…00Z`). Compare the results of `parse`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

EARLIEST_YEAR = 1970
"""No bookmark is earlier; earlier times stand for "never"."""


def parse(text: str) -> datetime:
    """Return the instant of a date or date-time in ISO 8601, in UTC.

    A text without a zone is taken as UTC, a date as its first moment. Digits beyond the microsecond
    are cut.

    Raises:
        ValueError: The text is neither a date nor a date-time.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        return instant.replace(tzinfo=UTC)
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def render(instant: datetime) -> str:
    """Return an instant the way the API wants it in a query: UTC, ending in `Z`.

    The API misreads `+00:00`, because a `+` in a query means a blank.
    """
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def http_date(header: str) -> datetime | None:
    """Return the HTTP date in a header, if there is one."""
    try:
        date = parsedate_to_datetime(header)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None

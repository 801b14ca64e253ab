"""The parts of a row that walks of lists use: when it was modified, whether it has changed."""

from __future__ import annotations

import hashlib
from datetime import MAXYEAR, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan_dispatch import instants

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_servicetitan_dispatch.walks.page import Record

UNDATED = instants.parse("0002-01-01")
"""The time of a row without `modifiedOn`."""

Fingerprints = dict[str, bytes]
"""The fingerprints of rows that have been written, by id."""


def fingerprints(rows: Iterable[Record]) -> Fingerprints:
    """Return the fingerprint of each row, by id."""
    return {repr(row.get("id")): fingerprint(row) for row in rows}


def fingerprint(rows: Record | list[Record]) -> bytes:
    """Return 16 bytes that differ if anything in the rows differs."""
    return hashlib.blake2b(msgspec.json.encode(rows), digest_size=16).digest()


def deduplicated(rows: list[Record], written: Fingerprints) -> list[Record]:
    """Return the rows that have not been written yet, or have changed since.

    The time alone is not enough: with a clock of whole seconds, two versions share a `modifiedOn`.
    """
    return [
        row
        for row in rows
        if (before := written.get(repr(row.get("id")))) is None or before != fingerprint(row)
    ]


def bounded(bound: datetime | None) -> dict[str, str]:
    """Return the query parameters that ask for rows from a lower bound of `modifiedOn` on."""
    return {} if bound is None else {"modifiedOnOrAfter": instants.render(bound)}


def modified_on(row: Record) -> datetime:
    """Return when a row was modified; long ago if it does not say, as nulls occur anywhere.

    The first and the last possible year stand for "never" in .NET, 1753 and 1900 in SQL. None of
    them may become a bookmark, which has to be a date within the API's lifetime.
    """
    try:
        instant = instants.parse(row["modifiedOn"])
    except (KeyError, TypeError, ValueError):
        return UNDATED
    return instant if instants.EARLIEST_YEAR <= instant.year < MAXYEAR else UNDATED


def recency(row: Record) -> tuple[datetime, bool, Any]:
    """Return a key that sorts rows by when they were modified, then by id.

    The row with the highest id counts as the latest, as in `docs/concepts.md`. Texts sort before
    numbers, as they cannot be compared.
    """
    number = row.get("id")
    is_number = type(number) is int
    return modified_on(row), is_number, number if is_number else repr(number)


def latest_of(rows: Iterable[Record]) -> tuple[datetime, str | None]:
    """Return the latest `modifiedOn` of some rows: the instant, and the text as it came."""
    latest: Record = max(rows, key=recency, default={})
    modified = modified_on(latest)
    return modified, None if modified == UNDATED else latest["modifiedOn"]


def bookmark_of(latest: tuple[datetime, str | None], began_at: datetime | None) -> str | None:
    """Return the bookmark of some rows: no later than the server's clock when the walk began.

    Args:
        latest: When the latest of them was modified, see `latest_of`.
        began_at: What the clock showed; nothing if it is not known.
    """
    if began_at is None:
        return None
    instant, text = latest
    return text if instant <= began_at else instants.render(began_at)

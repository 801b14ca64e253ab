"""A stream's part of the state: read when a run begins, and stored when a page is safe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.errors import InputError, StateError
from tap_servicetitan_dispatch.log.redaction import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping
    from datetime import datetime

KEY, VALUE = "replication_key", "replication_key_value"
FULL_READ = "full_read"
FULL_READ_ROWS = "full_read_rows"
KEEPS_HISTORY = "keeps_history"
"""Whether the key of the delivered rows includes their version."""
LARGEST_VERSION = 2**31 - 1
"""Targets store a version in 32 bits."""


class Bookmark(NamedTuple):
    """Where a run ended, as in the state; both fields are nothing if there is no bookmark."""

    key: str | None = None
    value: Any = None

    def instant(self) -> datetime:
        """Return the value as a point in time.

        Raises:
            StateError: It is not a date-time of this millennium.
        """
        try:
            instant = instants.parse(self.value)
        except (TypeError, ValueError):
            instant = None
        if instant is None or instant.year < instants.EARLIEST_YEAR:
            raise StateError(
                f"the bookmark {shown(self.value)} in the state is not a date-time",
                "correct it, or remove it to read everything again",
            )
        return instant


def bookmark_in(
    state: Mapping[str, Any], stream: str, context: Mapping[str, Any] | None = None
) -> Bookmark:
    """Return the bookmark of a stream, without the entry that the SDK would add to the state.

    Args:
        state: The state of the tap.
        stream: The name of the stream.
        context: The context of a partition; nothing if the stream has none.
    """
    entry = _entry_of(state, stream, context) or {}
    value = entry.get(VALUE)
    return Bookmark(entry.get(KEY), None if value == "" else value)


def _entry_of(
    state: Mapping[str, Any], stream: str, context: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    entry: Mapping[str, Any] | None = state.get("bookmarks", {}).get(stream)
    if context is None or entry is None:
        return entry
    partitions = entry.get("partitions") or ()
    return next((each for each in partitions if each["context"] == context), None)


def store(bookmark: Bookmark, entry: MutableMapping[str, Any]) -> bool:
    """Store a bookmark in its stream's entry in the state; return whether it is new."""
    before = entry.get(KEY), entry.get(VALUE)
    entry[KEY], entry[VALUE] = bookmark
    return before != bookmark


class FullRead(NamedTuple):
    """When a stream was last read in full, and the version that its rows got then."""

    version: int
    at: datetime


def full_read_in(state: Mapping[str, Any], stream: str) -> FullRead | None:
    """Return the last full read of a stream, of all tenants of a group; nothing if there was none.

    Raises:
        StateError: The entry in the state is not a full read.
    """
    entry = state.get("bookmarks", {}).get(stream, {}).get(FULL_READ)
    if entry is None:
        return None
    try:
        version, at = entry["version"], instants.parse(entry["at"])
    except (KeyError, TypeError, ValueError):
        version, at = None, None
    if at is None or type(version) is not int or not 0 < version < LARGEST_VERSION:
        raise StateError(
            f"the {FULL_READ} of {stream} in the state, {shown(entry)}, is not a version and a "
            "date-time",
            "correct it, or remove it to read the stream in full",
        )
    return FullRead(version, at)


def rows_of_full_read_in(
    state: Mapping[str, Any], stream: str, context: Mapping[str, Any] | None = None
) -> int:
    """Return how many rows a tenant had at the last full read.

    If the stream was read before, but never in full, the answer is one, so that an empty list
    stands out. It is zero for a tenant who is new to the state.

    Raises:
        StateError: The entry in the state is not a count.
    """
    entry = _entry_of(state, stream, context)
    if entry is None:
        return 0
    rows = entry.get(FULL_READ_ROWS, 1)
    if type(rows) is not int or rows < 0:
        raise StateError(
            f"the {FULL_READ_ROWS} of {stream} in the state, {shown(rows)}, is not a count of rows",
            "correct it, or remove it",
        )
    return rows


def store_full_read(read: FullRead, entry: MutableMapping[str, Any]) -> None:
    """Store a full read in its stream's entry in the state."""
    entry[FULL_READ] = {"version": read.version, "at": instants.render(read.at)}


def store_rows_of_full_read(rows: int, entry: MutableMapping[str, Any]) -> None:
    """Store the number of rows of a full read in its tenant's entry."""
    entry[FULL_READ_ROWS] = rows


def require_key_of(state: Mapping[str, Any], stream: str, *, keeps_history: bool) -> None:
    """Check that rows will have the same key as in earlier runs.

    Targets do not change the key of a table. A load into a table with the other key would end in
    the middle.

    Args:
        state: The state of the tap.
        stream: The name of the stream.
        keeps_history: Whether, by the settings, the key includes the version.

    Raises:
        InputError: The key differs.
    """
    entry = state.get("bookmarks", {}).get(stream)
    if entry is None or bool(entry.get(KEEPS_HISTORY)) == keeps_history:
        return
    then = "did not name it" if keeps_history else "named it"
    raise InputError(
        f"the state of {stream} is from when the setting keep_history {then}, so tables have "
        "another key than the rows would now",
        "change the setting back, or load the stream into a new table, without its part of the "
        f"state. Where there are only files, {'put' if keeps_history else 'take'} "
        f'"{KEEPS_HISTORY}": true {"into" if keeps_history else "out of"} that part',
    )


def note_key(state: MutableMapping[str, Any], stream: str) -> None:
    """Note in the state that the key of a stream's rows includes their version."""
    state.setdefault("bookmarks", {}).setdefault(stream, {})[KEEPS_HISTORY] = True


def tenants_in(state: Mapping[str, Any], streams: Iterable[str]) -> set[int]:
    """Return the numbers of a group's tenants that the state has for any of the streams.

    A stream without a bookmark has no entry for a tenant until it has versions.
    """
    entries = [state.get("bookmarks", {}).get(stream, {}) for stream in streams]
    return {
        each["context"]["tenantId"] for entry in entries for each in entry.get("partitions") or ()
    }

"""The SDK's Stream, without the behaviour that this tap replaces."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream
from singer_sdk.mapper import RemoveRecordTransform
from typing_extensions import override

from tap_servicetitan_dispatch.errors import InputError
from tap_servicetitan_dispatch.state.catalog import (
    paths_left_out,
    require_fields,
    require_keys,
    require_texts,
)
from tap_servicetitan_dispatch.streams.fields import UNKNOWN_FIELDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from singer_sdk import Tap
    from singer_sdk.helpers import types
    from singer_sdk.singerlib import Catalog


class SdkStream(Stream):
    """A stream that takes no bookmark from records, and no replication key from a catalog.

    Args:
        tap: The tap, for the SDK.
    """

    own_keys: Sequence[str]
    """The key without a catalog, which may change it."""
    version_field: str | None = None
    """The part of the key that tells the versions of a row apart, if each is kept."""
    hashed_paths: Sequence[tuple[str, ...]] = ()
    """The paths of values that are delivered as hashes."""
    sent_properties: Mapping[str, Any]
    """The properties of the schema as the API sends them."""
    added_fields: ClassVar[Collection[str]] = ()
    """Fields that the walk adds to all rows of a page."""

    def __init__(self, tap: Tap) -> None:
        self._of_tap = tap
        super().__init__(tap)
        self._own_replication_key = self.replication_key

    @property
    @override
    def logger(self) -> Any:
        """A logger that keeps `extra`; from 0.55 on, the SDK's own puts the stream's name there."""
        return self._of_tap.logger.getChild(self.name)

    @property
    @override
    def partitions(self) -> None:
        """Nothing: the tenants of a group are read together, not one after the other."""

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take selection and replication method from a catalog, but no other replication key.

        Raises:
            InputError: It was made with other settings, so that keys or fields are missing.
        """
        own_keys = self.primary_keys
        super().apply_catalog(catalog)
        self.replication_key = self._own_replication_key
        require_keys(self.name, self.primary_keys or own_keys, own_keys)
        if entry := catalog.get_stream(self.name):
            require_fields(entry, self.primary_keys, self.schema["properties"])
            require_texts(entry, self.schema, self.hashed_paths)
        fields = self.effective_schema["properties"]
        if UNKNOWN_FIELDS in self.schema["properties"] and UNKNOWN_FIELDS not in fields:
            raise InputError(
                f"the catalog has no {UNKNOWN_FIELDS} for {self.name}: it was made before the "
                "setting unknown_fields was keep",
                "make a new one with --discover",
            )

    @cached_property
    def absent_paths(self) -> Collection[tuple[str, ...]]:
        """The paths of fields that the catalog lacks."""
        return {*paths_left_out(self.schema, self.effective_schema)}

    @cached_property
    def selected_fields(self) -> Collection[str]:
        """The names of the fields that are delivered."""
        return {
            name
            for name in self.sent_properties
            if self.mask["properties", name] and (name,) not in self.absent_paths
        }

    def names_of_tables(self) -> Iterator[str]:
        """Yield the names of the tables that have each row of this stream exactly once.

        With a longer key, or none, a table keeps several versions of a row, none of which is gone.
        """
        maps = {
            name: [each for each in found if not isinstance(each, RemoveRecordTransform)]
            for name, found in self._of_tap.mapper.stream_maps.items()
        }
        used = Counter(each.stream_alias for found in maps.values() for each in found)
        for each in maps[self.name]:
            keys = each.transformed_key_properties or ()
            has_versions = {self.replication_key, self.version_field} & {*keys}
            is_longer = len(keys) > len(self.own_keys) or has_versions
            if keys and not is_longer and used[each.stream_alias] == 1:
                yield each.stream_alias

    @override
    def get_replication_key_signpost(self, context: types.Context | None = None) -> None:
        """Return nothing: bookmarks do not depend on this machine's clock."""

    @override
    def _write_starting_replication_value(self, context: types.Context | None) -> None:
        """Put nothing into the state: walks read the bookmark itself."""

    @override
    def _increment_stream_state(
        self, latest_record: types.Record, *, context: types.Context | None = None
    ) -> None:
        """Put nothing into the state: bookmarks come from pages, not from single records."""

    @override
    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        if level == logging.ERROR and sys.exception():
            level = logging.DEBUG  # "unhandled", says the SDK; the command will say what it is
        super().log(message, *args, level=level, **kwargs)

"""How the rows of a page are delivered: the selected fields, hashes, and perhaps as a table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.settings import batches
from tap_servicetitan_dispatch.streams.fields import UNKNOWN_FIELDS
from tap_servicetitan_dispatch.streams.hashing import Hasher
from tap_servicetitan_dispatch.streams.records import OddityReporter, RowDecoder, date

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tap_servicetitan_dispatch.streams.columns import Columns
    from tap_servicetitan_dispatch.streams.sdk import SdkStream
    from tap_servicetitan_dispatch.walks import Page


@dataclass(frozen=True)
class Delivery:
    """Prepares the pages of a stream; walks of several tenants may use it at the same time."""

    decoder: RowDecoder
    """What leaves out fields; the SDK would write deselected ones into BATCH files."""
    hasher: Hasher
    columns: Columns | None
    """The maker of tables, if tables are written."""
    version_field: str | None

    def page(self, page: Page, tenant: Mapping[str, Any], unknown: set[str]) -> Page:
        """Return a page with its rows as they are delivered; see `RowDecoder.outgoing`."""
        rows = self.decoder.outgoing(page, tenant, unknown)
        if self.version_field:
            date(rows, self.version_field)
        self.hasher.replace_in(rows)
        return replace(page, records=rows, table=self.columns and self.columns.table(rows))


def delivery(stream: SdkStream, *, added: Collection[str]) -> Delivery:
    """Return how the pages of a stream are delivered, to whose rows a run adds some fields."""
    keys = stream.primary_keys or ()
    in_tables = batches.are_arrow(stream.config)
    hasher = Hasher(stream.hashed_paths, str(stream.config.get("hash_salt", "")))
    reporter = OddityReporter(
        stream.name,
        stream.sent_properties,
        stream.config["unknown_fields"],
        has_place=UNKNOWN_FIELDS in stream.selected_fields,
        passes_odd_types=not in_tables,
        logger=stream.logger,
    )
    decoder = RowDecoder(
        reporter,
        keys=[key for key in keys if key != stream.version_field],
        properties=stream.sent_properties,
        selected=stream.selected_fields,
        absent=stream.absent_paths,
        added=[*added, *stream.added_fields],
    )
    columns = None
    if in_tables:
        from tap_servicetitan_dispatch.streams.columns import (  # noqa: PLC0415 - needs an extra
            Columns,
        )

        columns = Columns(
            stream.schema["properties"],
            selected=stream.selected_fields,
            absent=stream.absent_paths,
            keys=keys,
            reporter=reporter,
            hasher=hasher,
        )
    return Delivery(decoder, hasher, columns, stream.version_field)

"""How a stream is written: the records of a page, then its bookmark."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import ActivateVersionMessage
from typing_extensions import override

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.errors import advice
from tap_servicetitan_dispatch.run.summary import sum_up_stream
from tap_servicetitan_dispatch.settings.batches import files_for_their_owner
from tap_servicetitan_dispatch.state import bookmarks
from tap_servicetitan_dispatch.state.bookmarks import Bookmark
from tap_servicetitan_dispatch.streams.reading import ReadingStream
from tap_servicetitan_dispatch.streams.records import to_dict

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers import types
    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig

    from tap_servicetitan_dispatch.run.run import Run
    from tap_servicetitan_dispatch.settings.tenants import Tenant
    from tap_servicetitan_dispatch.walks import Page

RECORDS_AT_ONCE = 100
"""About as many as a pipe holds, so that a signal is heeded in between, even if the target is slow.
"""
_BEHIND = advice(
    "%s: versions follow the API's clock, which shows %s and is behind this machine's, and the "
    "state has no earlier full read. If the state was lost and the table has rows of a full read, "
    "their version may be later. Then deleted rows are not marked until the clock has passed it",
    "nothing with a new table; otherwise wait until the clock is right, or load into a new table",
)
TOP_LEVEL_DEPTH = 2
"""Length of the path of a top-level field in the metadata: `properties`, and its name."""


class WritingStream(ReadingStream):
    """A stream whose pages are written whole, or one record at a time by the SDK.

    The bookmark of a page goes into the state once all of the page's records have been written: as
    RECORD messages, right after the last one; as BATCH messages, right after the one with the last
    record. Nothing else writes state, so the state is always safe to emit.

    Args:
        tap: The tap, for the SDK.
        run: The parts of the run that streams share.
    """

    def __init__(self, tap: Tap, run: Run) -> None:
        super().__init__(tap, run)
        self._safe_bookmarks: dict[Tenant, str] = {}
        """Of tenants whose records have been written, and not stored yet."""
        self._in_batches = False

    @override
    def get_records(self, context: types.Context | None) -> Iterable[dict[str, Any]]:
        for records in self._pieces(1):
            yield from map(to_dict, records)

    @override
    def _sync_records(
        self, context: types.Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """Write whole pages, if the SDK would only write each record."""
        if not write_messages or self._needs_the_sdk:
            yield from super()._sync_records(context, write_messages=write_messages)
        else:
            self._write_pages()
        if write_messages and self.ABORT_AT_RECORD_COUNT is None:
            self._activate_version()

    def _write_pages(self) -> None:
        with self.get_record_counter() as counter, self.get_sync_timer():
            for records in self._pieces(RECORDS_AT_ONCE):
                self.run.writer.write_records(
                    self.name,
                    records,
                    version=self._stream_version,
                    time_extracted=datetime.now(UTC),
                )
                counter.increment(len(records))

    def _activate_version(self) -> None:
        """Announce that rows of earlier versions are gone, if all tenants were read completely."""
        reads, tenants = self.full_reads, self.run.clients.tenants
        if obstacle := reads.obstacle(tenants):
            self.logger.warning("%s: no row is marked as deleted, as %s.", self.name, obstacle)
        for tenant in reads.partly_read(tenants):
            why = "No row is marked as deleted, as the read was not complete."
            self.outcome_of(tenant).add_doubt(why)
        if obstacle or reads.begun is None:
            return
        if reads.is_behind:
            self.logger.warning(_BEHIND, self.name, instants.render(reads.begun.at))
        falls = [*reads.falls(tenants)]
        for fall in falls:
            if fall.is_steep:
                self._warn_of_doubt(fall.tenant, fall.told)
            else:
                fall.tenant.logger(self.logger).info("%s: %s", self.name, fall.told)
        if not any(fall.is_steep for fall in falls):
            for name in self.names_of_tables():
                self.run.writer.write_message(ActivateVersionMessage(name, reads.begun.version))
        for tenant in tenants:
            entry = self.get_context_state(tenant.context)
            bookmarks.store_rows_of_full_read(reads.rows[tenant], entry)
        bookmarks.store_full_read(reads.begun, self.stream_state)
        self.run.checkpoints.write()

    def _warn_of_doubt(self, tenant: Tenant, why: str) -> None:
        """Warn that rows of a tenant may be missing; `sync_log` says so too."""
        tenant.logger(self.logger).warning("%s: %s", self.name, why)
        self.outcome_of(tenant).add_doubt(why)

    @property
    def _needs_the_sdk(self) -> bool:
        """Whether the SDK would process the records, not just write them."""
        return (
            self.ABORT_AT_RECORD_COUNT is not None
            or any(
                type(stream_map) is not SameRecordTransform or stream_map.flattening_enabled
                for stream_map in self.stream_maps
            )
            or any(len(crumbs) > TOP_LEVEL_DEPTH and not self.mask[crumbs] for crumbs in self.mask)
        )

    def _pieces(
        self, size: int, of: Callable[[Page], Any] = attrgetter("records")
    ) -> Iterator[Any]:
        """Yield the records to write, some at a time, and store bookmarks in between.

        The caller has written a piece before asking for the next one.

        Args:
            size: Number of records at a time; nothing for whole pages.
            of: Takes the records, or their table, out of a page.
        """
        for tenant, page in self.pages():
            outcome = self.outcome_of(tenant)
            self._stream_version = self.full_reads.version
            if self.can_be_whole and tenant.is_of_group:
                self.get_context_state(tenant.context)  # the state has to know whose rows there are
            for start in range(0, len(page.records), size):
                self.run.leave_if_told_to()
                records = of(page)[start : start + size]
                yield records
                outcome.tally.add_rows(len(records), page.last_modified_on)
                self.run.progress.tell()
            if self.run.outcomes.log:
                outcome.note_written(page.records)
            self.full_reads.take(tenant, page)
            if page.doubt:
                self._warn_of_doubt(tenant, page.doubt)
            if page.bookmark is not None:
                self._safe_bookmarks[tenant] = page.bookmark
            if not self._in_batches:
                self._store_bookmarks(self._safe_bookmarks)
        if self.tally.rows and not self._in_batches:
            self.run.checkpoints.write()  # the SDK would not, after the same state

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: types.Context | None = None
    ) -> Iterable[tuple[BaseBatchFileEncoding, list[str]]]:
        self._in_batches = True
        with files_for_their_owner():
            for batch in super().get_batches(batch_config, context):
                safe = dict(self._safe_bookmarks)
                yield batch
                # Asked for the next batch: the BATCH message of this one has been written.
                self._store_bookmarks(safe)
        self._store_bookmarks(self._safe_bookmarks)

    def get_record_batches(self, context: types.Context | None) -> Iterator[Any]:  # noqa: ARG002 - of the SDK
        """Yield a table for each page; the SDK, from 0.55 on, writes them into Arrow files.

        After writing a file, the SDK may hold back rows of the last table that it has asked for,
        and of no other. The bookmark of that table's page is not yet safe.
        """
        return self._pieces(sys.maxsize, attrgetter("table"))

    def _store_bookmarks(self, safe: dict[Tenant, str]) -> None:
        if self.replication_method == "INCREMENTAL":
            for tenant, value in safe.items():
                entry = self.get_context_state(tenant.context)
                if bookmarks.store(Bookmark(self.replication_key, value), entry):
                    self.run.checkpoints.change()
        safe.clear()

    @override
    def log_sync_costs(self) -> None:
        """Log the stream's summary at the end of the run, or that it was skipped."""
        super().log_sync_costs()
        self.run.progress.end()
        if self.selected:
            tenants = len(self.run.clients.tenants)
            sum_up_stream(self.run.outcomes, self.name, tenants, self.logger)

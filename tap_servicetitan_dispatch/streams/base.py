"""What all streams share: pages are prefetched, their records go out, then a bookmark is stored."""

from __future__ import annotations

import abc
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import ActivateVersionMessage
from typing_extensions import override

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.client.failures import ApiError
from tap_servicetitan_dispatch.errors import AnswerError, TapError
from tap_servicetitan_dispatch.run.outcomes import reason_of
from tap_servicetitan_dispatch.run.run import PendingWalk
from tap_servicetitan_dispatch.settings.batches import files_for_their_owner
from tap_servicetitan_dispatch.state import bookmarks
from tap_servicetitan_dispatch.state.bookmarks import Bookmark, bookmark_in
from tap_servicetitan_dispatch.streams.full_reads import FullReads
from tap_servicetitan_dispatch.streams.records import UNKNOWN_FIELDS, RowDecoder, to_dict
from tap_servicetitan_dispatch.streams.sdk import SdkStream

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from singer_sdk import Tap
    from singer_sdk.helpers import types
    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig

    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.run.run import Run
    from tap_servicetitan_dispatch.settings.tenants import Tenant
    from tap_servicetitan_dispatch.streams.full_reads import Fall
    from tap_servicetitan_dispatch.walks import Fetch, Page, Record


FORBIDDEN = {"missing_scope", "forbidden"}
RECORDS_AT_ONCE = 100
"""As many as a pipe holds, or so: a signal is heeded in between, even if the target is slow."""
TOP_LEVEL_DEPTH = 2
"""Of the path of a field in the metadata: `properties`, and its name."""
TENANT_ID = th.Property(
    "tenantId", th.IntegerType, required=True, description="Number of the tenant."
)

_BEHIND = (
    "%s: versions go by the API's clock, which shows %s and is behind that of this machine; and "
    "the state has no earlier full read. If the table has rows of one, as the state was lost, "
    "their version may be later. Then rows that are gone are not marked until the clock has passed "
    "it. What to do: nothing with a new table; otherwise wait until the clock is right, or load "
    "into a new table."
)
UNKNOWN_FIELDS_PROPERTY = th.Property(
    UNKNOWN_FIELDS,
    th.ObjectType(additional_properties=True),
    description="What the API sent and the schema does not know, by name; null if nothing.",
)


def time_of(client: Client) -> datetime:
    """Return what the API's clock shows.

    Raises:
        AnswerError: The API does not say.
    """
    now = client.now()
    if now is None:
        raise AnswerError(
            "the server does not tell its time (its answers have no Date), so nobody knows which "
            "days to ask for. What to do: check any proxy on the way; if there is none, report it."
        )
    return now


class DispatchStream(SdkStream, abc.ABC):
    """A resource of the Dispatch API, read by a walk.

    The bookmark of a page goes into the state once the target has got all of the page's records:
    as RECORD messages right after the last of them, as a BATCH message after the one that holds
    the last of them. Nothing else writes state, so what is in the state is always safe to emit.

    Args:
        tap: Whose stream it is, for the SDK.
        run: What it shares with the other streams while it is read.
    """

    path: ClassVar[str]
    """The path of the operation under the tenant."""
    method: ClassVar[str] = "GET"
    """The HTTP method of the operation."""
    scopes: ClassVar[tuple[str, ...]]
    """The scopes that the application needs, first that of the operation itself."""

    can_be_whole: ClassVar[bool] = False
    """Whether a read from the beginning can tell which rows are gone."""

    primary_keys: Sequence[str] = ("id",)
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # values pass through untouched

    def __init__(self, tap: Tap, run: Run) -> None:
        super().__init__(tap)
        self.run = run
        if run.is_of_group:
            self._add_tenant()
        self._own_keys = self.primary_keys  # a catalog may give others
        if self.config.get("unknown_fields") == "keep":
            self._set_properties({**self.schema["properties"], **UNKNOWN_FIELDS_PROPERTY.to_dict()})
        self.tally = run.outcomes.tally_of(self.name)
        self._safe_bookmarks: dict[Tenant, str] = {}
        """Of tenants whose records have been written, and not stored yet."""
        self._in_batches = False
        self._skipped: dict[Tenant, str] = {}
        self._has_failed = False

    def _add_tenant(self) -> None:
        """Let the tenant be the first field and the first part of the key, as ids may collide."""
        self._set_properties({**TENANT_ID.to_dict(), **self.schema["properties"]})
        required = ["tenantId", *self.schema.get("required", [])]
        self.schema["required"] = list(dict.fromkeys(required))
        self.primary_keys = tuple(dict.fromkeys(("tenantId", *self.primary_keys)))

    def _set_properties(self, properties: dict[str, Any]) -> None:
        """Let this stream have a schema of its own, with these properties."""
        self.schema = {**self.schema, "properties": properties}  # type: ignore[misc] # see the class

    @abc.abstractmethod
    def walk(self, client: Client, bookmark: Bookmark) -> Iterable[Page]:
        """Return the pages since a bookmark; iterated over in a thread of its own.

        Args:
            client: Calls the API.
            bookmark: Where the last run ended.
        """

    def full_walk(self, client: Client) -> Iterable[Page]:
        """Return the pages of all rows; the last is whole if the walk vouches for that."""
        return self.walk(client, Bookmark())

    @abc.abstractmethod
    def probe(self, client: Client) -> None:
        """Ask for as little as possible, to see whether the stream can be read.

        Raises:
            TapError: It cannot.
        """

    def source_rows(self, client: Client) -> int | None:
        """Return how many rows the API counts, inactive ones too; nothing if it counts none."""

    @property
    def caution(self) -> str:
        """What the settings may cost without anything going wrong; empty if nothing."""
        return ""

    def sources(self) -> Iterator[PendingWalk]:
        """Yield the walk of each tenant from its stored bookmark.

        Everything but reading the bookmark happens when the first page is asked for, which is done
        in a thread of its own: the client, and maybe a sandbox, are made there.
        """
        if self.caution:
            self.logger.warning("%s Stream: %s.", self.caution, self.name)
        is_incremental = self.replication_method == "INCREMENTAL"
        may_be_full = self._full_reads.are_wanted  # made here, before the walks share it
        if self.run.is_of_group:
            self.tally.tenants = len(self.run.clients.tenants)
        for tenant in self.run.clients.tenants:
            bookmark = Bookmark()
            if is_incremental:
                bookmark = bookmark_in(self.tap_state, self.name, tenant.context)
            is_long = is_incremental and (bookmark.value is None or may_be_full)
            yield PendingWalk(
                self.name,
                tenant,
                self._resumed_walk(tenant, bookmark, self._decoder),
                self.run.first_page(is_long=is_long),
            )

    def _resumed_walk(
        self, tenant: Tenant, bookmark: Bookmark, decoder: RowDecoder
    ) -> Iterator[Page]:
        told = self.run.outcomes.of(self.name, tenant)
        client = self.run.clients.of(tenant).counting(told.tally, tenant.logger(self.logger))
        first = {"tenantId": tenant.number} if tenant.is_of_group else {}
        walk = told.watched(self._read(client, bookmark))
        for page in self.run.group_summary.timed(tenant, walk):
            yield replace(page, records=decoder.outgoing(page, first, told.unknown_fields))
        self.tally.add_tenant()

    def _read(self, client: Client, bookmark: Bookmark) -> Iterator[Page]:
        is_full = self._full_reads.begin(client)
        yield from self.full_walk(client) if is_full else self.walk(client, bookmark)

    @cached_property
    def _full_reads(self) -> FullReads:
        known = bookmarks.tenants_in(self.tap_state, self._of_tap.streams)
        hours = self.config.get("detect_deleted_every_hours") if self.can_be_whole else None
        return FullReads(
            hours,
            bookmarks.full_read_in(self.tap_state, self.name) if hours else None,
            known - {each.number for each in self.run.clients.tenants},
            {
                each: bookmarks.rows_of_full_read_in(self.tap_state, self.name, each.context)
                for each in (self.run.clients.tenants if hours else ())
            },
            has_bookmark=self.replication_method == "INCREMENTAL",
        )

    # How records go out ---------------------------------------------------------------------

    @override
    def get_records(self, context: types.Context | None) -> Iterable[dict[str, Any]]:
        for records in self._pieces(1):
            yield from map(to_dict, records)

    @override
    def _sync_records(
        self, context: types.Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """Write whole pages where the SDK would do nothing with a record but write it."""
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
        """Say that rows of earlier versions are gone, if the read of all tenants was whole."""
        reads, tenants = self._full_reads, self.run.clients.tenants
        if obstacle := reads.obstacle(tenants):
            self.logger.warning("%s: no row is marked as deleted, as %s.", self.name, obstacle)
        for tenant in reads.partly_read(tenants):
            self._note_doubt(tenant, "No row is marked as deleted, as the read was not whole.")
        if obstacle or reads.begun is None:
            return
        if reads.is_behind:
            self.logger.warning(_BEHIND, self.name, instants.render(reads.begun.at))
        steep = [self._tell_fall(fall) for fall in reads.falls(tenants)]
        if not any(steep):
            for name in self.names_of_tables(self._own_keys):
                self.run.writer.write_message(ActivateVersionMessage(name, reads.begun.version))
        for tenant in tenants:
            bookmarks.store_rows_of_full_read(
                reads.rows[tenant], self.get_context_state(tenant.context)
            )
        bookmarks.store_full_read(reads.begun, self.stream_state)
        self.run.checkpoints.write()

    def _tell_fall(self, fall: Fall) -> bool:
        """Log that fewer rows came than the last time; return whether that is not to be trusted."""
        fewer = (
            f"fewer rows came than at the last full read: {fall.now}, after {fall.before}, which "
            f"is {fall.before - fall.now} fewer"
        )
        if fall.is_steep:
            self._tell_doubt(
                fall.tenant,
                f"No row is marked as deleted, as {fewer}. They may be hidden rather than gone. If "
                "the next full read shows as few, they count as deleted. What to do: see whether "
                "they are gone in ServiceTitan, and whether the application may still read them.",
            )
        else:
            fall.tenant.logger(self.logger).info("%s: %s.", self.name, fewer)
        return fall.is_steep

    @property
    def _needs_the_sdk(self) -> bool:
        """Whether the SDK would look into the records, not just write them."""
        return (
            self.ABORT_AT_RECORD_COUNT is not None
            or any(
                type(stream_map) is not SameRecordTransform or stream_map.flattening_enabled
                for stream_map in self.stream_maps
            )
            or any(len(crumbs) > TOP_LEVEL_DEPTH and not self.mask[crumbs] for crumbs in self.mask)
        )

    def _pieces(self, size: int) -> Iterator[Sequence[Record]]:
        """Yield the records to write, some at a time, and store bookmarks in between.

        Whoever asks for the next piece has written the one before.
        """
        for tenant, page in self._pages():
            told = self.run.outcomes.of(self.name, tenant)
            self._stream_version = self._full_reads.version
            if self.can_be_whole and tenant.is_of_group:
                self.get_context_state(tenant.context)  # the state has to know whose rows there are
            for start in range(0, len(page.records), size):
                self.run.leave_if_told_to()
                records = page.records[start : start + size]
                yield records
                told.tally.add_rows(len(records), page.last_modified_on)
                self.run.progress.tell()
            if self.run.outcomes.are_wanted:
                told.reach(page.records)
            self._full_reads.take(tenant, page)
            if page.doubt:
                self._tell_doubt(tenant, page.doubt)
            if page.bookmark is not None:
                self._safe_bookmarks[tenant] = page.bookmark
            if not self._in_batches:
                self._store_bookmarks(self._safe_bookmarks)
        if self.tally.rows and not self._in_batches:
            self.run.checkpoints.write()  # the SDK would not, after the same state

    def _tell_doubt(self, tenant: Tenant, why: str) -> None:
        """Warn that nobody vouches for what was read of a tenant; `sync_log` says so too."""
        tenant.logger(self.logger).warning("%s: %s", self.name, why)
        self._note_doubt(tenant, why)

    def _note_doubt(self, tenant: Tenant, why: str) -> None:
        self.run.outcomes.of(self.name, tenant).add_doubt(why)
        self.run.group_summary.doubt(tenant)

    def _pages(self) -> Iterator[tuple[Tenant, Page]]:
        """Yield the pages of all tenants; what goes wrong with one of them is set aside if it can.

        Raises:
            Exception: It cannot.
        """
        self.run.progress.begin(self.name, self.tally, self.logger)
        try:
            for tenant, arrived in self.run.pages(self.name, self.sources):
                if isinstance(arrived, Exception):
                    self._fail(tenant, arrived)
                else:
                    yield tenant, arrived
            self.run.progress.tell()
        except BaseException:
            self.run.end()
            raise

    def _fail(self, tenant: Tenant, error: Exception) -> None:
        """Note that a tenant could not be read; raise what is wrong with more than that."""
        told = self.run.outcomes.of(self.name, tenant)
        if isinstance(error, ApiError) and error.kind in FORBIDDEN:
            if self.config["skip_forbidden_streams"]:
                self._skipped[tenant] = error.failure.meaning
                told.skip(f"{error.failure.meaning}. It needs {self._scopes}.")
                self.run.group_summary.leave_out(tenant)
                return
            error.hint = f"The stream needs {self._scopes}."
        if isinstance(error, TapError):
            error.stream = self.name
            error.tenant = str(tenant) if tenant.is_of_group else ""
            error.tenant_id = tenant.number
        told.fail(reason_of(error))
        if not self.run.set_aside(tenant, error):
            raise error
        self._has_failed = True

    def fetch(self, client: Client) -> Fetch:
        """Return what sends a request for a page of a list, and decodes its rows by the schema."""
        return partial(client.get, self.path, decode=self._decoder.decode)

    @cached_property
    def _decoder(self) -> RowDecoder:
        """What leaves out fields; the SDK would leave deselected ones in the files of a BATCH."""
        properties = self.schema["properties"]
        return RowDecoder(
            self.name,
            keys=[name for name in self.primary_keys if name != "tenantId"],
            properties=properties,
            selected=[name for name in properties if self.mask["properties", name]],
            unknown_fields=self.config["unknown_fields"],
            logger=self.logger,
        )

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

    def _store_bookmarks(self, safe: dict[Tenant, str]) -> None:
        if self.replication_method == "INCREMENTAL":
            for tenant, value in safe.items():
                entry = self.get_context_state(tenant.context)
                if bookmarks.store(Bookmark(self.replication_key, value), entry):
                    self.run.checkpoints.change()
        safe.clear()

    # What is told ---------------------------------------------------------------------------

    @property
    def _scopes(self) -> str:
        plural = "s" if len(self.scopes) > 1 else ""
        return f"the scope{plural} {' and '.join(self.scopes)}"

    @override
    def log_sync_costs(self) -> None:
        """Sum up the stream at the end of the run, or say that it was skipped."""
        super().log_sync_costs()
        self.run.progress.end()
        for tenant, reason in self._skipped.items():
            tenant.logger(self.logger).warning(
                "Skipped, as %s. It needs %s; its bookmark stays where it was. Stream: %s.",
                reason,
                self._scopes,
                self.name,
            )
        if not self._skipped.keys() ^ {*self.run.clients.tenants}:
            return
        if self.selected and (self.tally.tenants_read or not self._has_failed):
            figures = self.tally.figures()
            self.logger.info("%s: %s", self.name, self.tally.summary(), extra=figures)

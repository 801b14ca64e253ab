"""What all streams share: a walk is read ahead, its records go out, then its bookmark is stored."""

from __future__ import annotations

import abc
import logging
import sys
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from singer_sdk import Stream
from singer_sdk.exceptions import SyncLifecycleSignal
from singer_sdk.helpers._util import utc_now
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from typing_extensions import override

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.errors import AnswerError, ApiError, StateError, TapError
from tap_servicetitan_dispatch.progress import Tally
from tap_servicetitan_dispatch.walks import (
    EARLIEST_YEAR,
    ModifiedWalk,
    Page,
    malformed,
    numbered_walk,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from singer_sdk.helpers import types
    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
    from singer_sdk.singerlib import Catalog

    from tap_servicetitan_dispatch.client import Answer, Client
    from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
    from tap_servicetitan_dispatch.walks import Fetch, Record


FORBIDDEN = {"missing_scope", "forbidden"}
RECORDS_AT_ONCE = 100
"""As many as a pipe holds, or so: a signal is heeded in between, even if the target is slow."""
TOP_LEVEL = len(("properties", "name"))


class Bookmark(NamedTuple):
    """Where a run ended, as the state has it; both nothing if it has no bookmark."""

    key: str | None
    value: Any

    def instant(self) -> datetime:
        """Return the value as a point in time.

        Raises:
            StateError: It is no date-time of this millennium.
        """
        try:
            instant = instants.parse(self.value)
        except (TypeError, ValueError):
            instant = None
        if instant is None or instant.year < EARLIEST_YEAR:
            raise StateError(
                f"the bookmark {self.value!r} in the state is no date-time. What to do: correct "
                "it, or take it out to read everything again."
            )
        return instant


class DispatchStream(Stream, abc.ABC):
    """A resource of the Dispatch API, read by a walk.

    The bookmark of a page goes into the state once the target has got all of the page's records:
    as RECORD messages right after the last of them, as a BATCH message after the one that holds
    the last of them. Nothing else writes state, so what is in the state is always safe to emit.
    """

    path: ClassVar[str]
    """The path of the operation under the tenant."""
    method: ClassVar[str] = "GET"
    """The HTTP method of the operation."""
    scopes: ClassVar[tuple[str, ...]]
    """The scopes that the application needs, first that of the operation itself."""

    primary_keys: Sequence[str] = ("id",)
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # values pass through untouched

    def __init__(self, tap: TapServiceTitanDispatch) -> None:
        super().__init__(tap)
        self._dispatch_tap = tap
        self._reached: str | None = None
        self._in_batches = False
        self._own_replication_key = self.replication_key
        self._unknown_fields: set[str] = set()
        self._skipped_because = ""
        self.tally = Tally()

    @abc.abstractmethod
    def walk(self, client: Client, bookmark: Bookmark) -> Iterable[Page]:
        """Return the pages since a bookmark; iterated over in a thread of its own.

        Args:
            client: Calls the API.
            bookmark: Where the last run ended.
        """

    @abc.abstractmethod
    def probe(self, client: Client) -> None:
        """Ask for as little as possible, to see whether the stream can be read.

        Raises:
            TapError: It cannot.
        """

    def pages(self) -> Iterator[Page]:
        """Walk on from the stored bookmark.

        Everything but reading the bookmark happens when the first page is asked for, which is done
        in a thread of its own: the client, and maybe a sandbox, are made there.
        """
        return self._walk_on(self._stored_bookmark())

    def _walk_on(self, bookmark: Bookmark) -> Iterator[Page]:
        yield from self.walk(self._dispatch_tap.client.counting(self.tally), bookmark)

    @override
    def get_records(self, context: types.Context | None) -> Iterable[Record]:
        with self._reading() as pages:
            for page in pages:
                for record in page.records:
                    self._dispatch_tap.stop_if_told_to()
                    yield self._known(record)
                    self._progress(page, 1)
                self._reach(page.bookmark)

    @override
    def _sync_records(
        self, context: types.Context | None = None, *, write_messages: bool = True
    ) -> Generator[Record, Any, Any]:
        """Write whole pages where the SDK would do nothing with a record but write it.

        Private: the SDK has no public place to take more than one record at a time.
        """
        if write_messages:
            self._dispatch_tap.begin_reading()
        if not write_messages or self._records_are_touched:
            yield from super()._sync_records(context, write_messages=write_messages)
            return
        self._write_starting_replication_value(None)
        with self.get_record_counter() as counter, self.get_sync_timer(), self._reading() as pages:
            for page in pages:
                for start in range(0, len(page.records), RECORDS_AT_ONCE):
                    self._dispatch_tap.stop_if_told_to()
                    records = page.records[start : start + RECORDS_AT_ONCE]
                    self._write(records)
                    counter.increment(len(records))
                    self._progress(page, len(records))
                self._reach(page.bookmark)
        self._finalize_state(self.stream_state)
        self._write_state_message()

    @property
    def _records_are_touched(self) -> bool:
        """Whether the SDK would look into the records."""
        return (
            self.ABORT_AT_RECORD_COUNT is not None
            or any(
                type(stream_map) is not SameRecordTransform or stream_map.flattening_enabled
                for stream_map in self.stream_maps
            )
            or any(len(crumbs) > TOP_LEVEL and not self.mask[crumbs] for crumbs in self.mask)
        )

    def _write(self, records: Sequence[Record]) -> None:
        self._dispatch_tap.writer.write_records(
            self.name,
            self._all_known(records),
            version=self._stream_version,
            time_extracted=utc_now(),
        )

    @contextmanager
    def _reading(self) -> Iterator[Iterable[Page]]:
        """Lend the pages; what goes wrong is told with the name of the stream, or skipped."""
        try:
            self._dispatch_tap.progress.begin(self.name, self.tally, self.logger)
            with self._dispatch_tap.pages_of(self) as pages:
                yield pages
            self._dispatch_tap.progress.tell()
        except BaseException as error:
            if isinstance(error, ApiError) and error.kind in FORBIDDEN:
                if self.config["skip_forbidden_streams"]:
                    self._skipped_because = error.failure.meaning
                    return
                error.hint = f"The stream needs {self._scopes}."
            if isinstance(error, TapError):
                error.stream = self.name
            self._dispatch_tap.end_reading()
            raise

    def _progress(self, page: Page, rows: int) -> None:
        """Note that some rows of a page have gone out."""
        self.tally.rows += rows
        self.tally.reached = page.reached or self.tally.reached
        self._dispatch_tap.progress.tell()

    @property
    def _scopes(self) -> str:
        plural = "s" if len(self.scopes) > 1 else ""
        return f"the scope{plural} {' and '.join(self.scopes)}"

    @override
    def log_sync_costs(self) -> None:
        """Sum up the stream at the end of the run, or say that it was skipped."""
        super().log_sync_costs()
        self._dispatch_tap.end_reading()
        if self._skipped_because:
            self.logger.warning(
                "Skipped, as %s. It needs %s; its bookmark stays where it was. Stream: %s.",
                self._skipped_because,
                self._scopes,
                self.name,
            )
        elif self.selected:
            figures = self.tally.figures()
            self.logger.info("%s: %s", self.name, self.tally.summary(), extra=figures)

    def _stored_bookmark(self) -> Bookmark:
        # Asked for by `stream_state`, the SDK would add an entry to the state.
        bookmarks = self.tap_state.get("bookmarks", {})
        state = bookmarks.get(self.name, {}) if self.replication_method == "INCREMENTAL" else {}
        value = state.get("replication_key_value")
        return Bookmark(state.get("replication_key"), None if value == "" else value)

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take selection and replication method from a catalog, but no other replication key."""
        super().apply_catalog(catalog)
        self.replication_key = self._own_replication_key

    @override
    def compare_start_date(self, value: str, start_date_value: str) -> str:
        """Return the bookmark: `start_date` is for a first run."""
        return value

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: types.Context | None = None
    ) -> Iterable[tuple[BaseBatchFileEncoding, list[str]]]:
        self._dispatch_tap.begin_reading()
        self._in_batches = True
        for batch in super().get_batches(batch_config, context):
            reached = self._reached
            yield batch
            # Asked for the next batch: the BATCH message of this one has been written.
            self._store(reached)
        self._store(self._reached)

    def _reach(self, bookmark: str | None) -> None:
        self._reached = bookmark or self._reached
        if not self._in_batches:
            self._store(bookmark)
            self._dispatch_tap.state_writer.write_state(self.tap_state)

    def _store(self, bookmark: str | None) -> None:
        if bookmark is not None and self.replication_method == "INCREMENTAL":
            self.stream_state["replication_key"] = self.replication_key
            self.stream_state["replication_key_value"] = bookmark

    def _all_known(self, rows: Sequence[Record]) -> Sequence[Record]:
        """Return `_known` of each row, without a look at each if there is nothing to leave out."""
        fields: set[str] = set().union(*rows)
        if fields <= self._selected_fields and not any(
            None in [row.get(key) for row in rows] for key in self.primary_keys
        ):
            return rows
        return [self._known(row) for row in rows]

    def _known(self, row: Record) -> Record:
        """Leave out fields that are deselected or unknown to the schema; say the latter, once.

        Raises:
            AnswerError: The row lacks its key.
        """
        for key in self.primary_keys:
            if row.get(key) is None:
                raise AnswerError(
                    f"the API gave a row without {key}: {str(row)[:200]}. What to do: run again; "
                    "if it stays, report it. The bookmark is safe."
                )
        if not row.keys() <= self._selected_fields:
            unknown = row.keys() - self.schema["properties"].keys()
            if new := sorted(unknown - self._unknown_fields):
                self._unknown_fields.update(new)
                self.logger.warning(
                    "The API sends what the schema does not know: %s. It is left out; please "
                    "report it, so that the next version has it. Stream: %s.",
                    ", ".join(new),
                    self.name,
                )
            row = {name: value for name, value in row.items() if name in self._selected_fields}
        return row

    @cached_property
    def _selected_fields(self) -> frozenset[str]:
        """The fields to write; the SDK would leave deselected ones in the files of a BATCH."""
        names = self.schema["properties"]
        return frozenset(name for name in names if self.mask["properties", name])

    @override
    def get_replication_key_signpost(self, context: types.Context | None = None) -> None:
        """Return nothing: no clock of this machine takes part in a bookmark."""

    @override
    def _increment_stream_state(
        self, latest_record: types.Record, *, context: types.Context | None = None
    ) -> None:
        """Do nothing, where the SDK would take a bookmark from each record; pages give ours."""

    @override
    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        if level == logging.ERROR and isinstance(
            sys.exception(), TapError | SyncLifecycleSignal | BrokenPipeError
        ):
            level = (
                logging.DEBUG
            )  # "unhandled", says the SDK; the tap's command will say what it is
        super().log(message, *args, level=level, **kwargs)


class ListStream(DispatchStream):
    """A list that can be sorted and filtered by `modifiedOn`."""

    inactive_too: ClassVar[Mapping[str, str]] = {"active": "Any"}
    """How this endpoint wants to be told to give inactive rows as well."""

    replication_key = "modifiedOn"

    @override
    def walk(self, client: Client, bookmark: Bookmark) -> Iterable[Page]:
        params = {"pageSize": str(self.config["page_size"]), **self.inactive_too}
        overlap = timedelta(seconds=self.config["overlap_seconds"])
        since = self.since(bookmark, overlap)
        fetch = partial(client.get, self.path)
        if bookmark.value is None:
            fetch = partial(self._asking_for_total, fetch)
        return ModifiedWalk(fetch, params, since, overlap)

    def _asking_for_total(self, fetch: Fetch, params: Mapping[str, str]) -> Answer:
        """Fetch; with the first request of a first run, ask how many rows there are."""
        if self.tally.expected is not None:
            return fetch(params)
        answer = fetch({**params, "includeTotal": "true"})
        total = answer.body.get("totalCount") if isinstance(answer.body, dict) else None
        self.tally.expected = total if isinstance(total, int) else 0
        return answer

    @override
    def probe(self, client: Client) -> None:
        probe_list(client, self.path, self.inactive_too)

    def since(self, bookmark: Bookmark, overlap: timedelta) -> datetime | None:
        """Return the lower bound: an overlap below the bookmark, or `start_date` on a first run.

        A bookmark by another name is taken too: the other ServiceTitan tap goes by `createdOn`
        for one stream, which is never later than `modifiedOn`.

        Raises:
            StateError: The bookmark is no date-time.
        """
        if bookmark.value is None:
            start_date = self.config.get("start_date")
            return instants.parse(start_date) if start_date else None
        return bookmark.instant() - overlap


def probe_list(client: Client, path: str, params: Mapping[str, str]) -> None:
    """Ask for one row of a list."""
    next(numbered_walk(partial(client.get, path), {"pageSize": "1", **params}))


class SingleStream(DispatchStream):
    """One object a tenant, read in full; its key is the tenant."""

    primary_keys = ("tenantId",)

    @override
    def walk(self, client: Client, bookmark: Bookmark) -> Iterable[Page]:
        body = client.get(self.path, {}).body
        if isinstance(body, dict) and "data" in body:
            body = body["data"]
        rows = body if isinstance(body, list) else [body]
        if not all(isinstance(row, dict) for row in rows):
            raise malformed("an object in it", body)
        yield Page([{**row, "tenantId": client.tenant_id} for row in rows])

    @override
    def probe(self, client: Client) -> None:
        list(self.walk(client, Bookmark(None, None)))

"""What all streams share: a walk is read ahead, its records go out, then its bookmark is stored."""

from __future__ import annotations

import abc
import logging
import sys
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from singer_sdk import Stream
from singer_sdk.exceptions import SyncLifecycleSignal
from singer_sdk.helpers.conform import TypeConformanceLevel
from typing_extensions import override

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.errors import StateError, TapError
from tap_servicetitan_dispatch.walks import LookAhead, ModifiedWalk, Page, malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from singer_sdk.helpers import types
    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig

    from tap_servicetitan_dispatch.client import Client
    from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
    from tap_servicetitan_dispatch.walks import Record


class Bookmark(NamedTuple):
    """Where a run ended, as the state has it; both nothing if it has no bookmark."""

    key: str | None
    value: Any


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
        self._fields = frozenset(self.schema["properties"])
        self._unknown_fields: set[str] = set()

    @abc.abstractmethod
    def walk(self, client: Client, bookmark: Bookmark) -> Iterable[Page]:
        """Return the pages since a bookmark; iterated over in a thread of its own.

        Args:
            client: Calls the API.
            bookmark: Where the last run ended.
        """

    @override
    def get_records(self, context: types.Context | None) -> Iterable[Record]:
        check = self._dispatch_tap.stop_if_told_to
        try:
            walk = self.walk(self._dispatch_tap.client, self._stored_bookmark())
            with LookAhead(iter(walk), check) as pages:
                for page in pages:
                    for record in page.records:
                        check()
                        yield record
                    self._reach(page.bookmark)
        except TapError as error:
            error.stream = self.name
            raise

    def _stored_bookmark(self) -> Bookmark:
        state = self.stream_state if self.replication_method == "INCREMENTAL" else {}
        return Bookmark(state.get("replication_key"), state.get("replication_key_value") or None)

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: types.Context | None = None
    ) -> Iterable[tuple[BaseBatchFileEncoding, list[str]]]:
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

    @override
    def post_process(self, row: Record, context: types.Context | None = None) -> Record:
        """Leave out fields that the schema does not have, and say so once each."""
        if not row.keys() <= self._fields:
            unknown = row.keys() - self._fields
            if new := sorted(unknown - self._unknown_fields):
                self._unknown_fields.update(new)
                self.logger.warning(
                    "The API sends what the schema does not know: %s. It is left out; please "
                    "report it, so that the next version has it.",
                    ", ".join(new),
                )
            row = {name: value for name, value in row.items() if name in self._fields}
        return row

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
        return ModifiedWalk(partial(client.get, self.path), params, since, overlap)

    def since(self, bookmark: Bookmark, overlap: timedelta) -> datetime | None:
        """Return the lower bound: an overlap below the bookmark, but not before `start_date`.

        A bookmark by another name is taken too: the other ServiceTitan tap goes by `createdOn`
        for one stream, which is never later than `modifiedOn`.

        Raises:
            StateError: The bookmark is no date-time.
        """
        start_date = self.config.get("start_date")
        bounds = [instants.parse(start_date)] if start_date else []
        if bookmark.value is not None:
            try:
                bounds.append(instants.parse(bookmark.value) - overlap)
            except (TypeError, ValueError) as error:
                raise StateError(
                    f"the bookmark {bookmark.value!r} in the state is no date-time. What to do: "
                    "correct it, or take it out to read everything again."
                ) from error
        return max(bounds, default=None)


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
        yield Page([{"tenantId": client.tenant_id, **row} for row in rows])

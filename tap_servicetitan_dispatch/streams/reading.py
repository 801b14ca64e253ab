"""How a stream is read: from each tenant's bookmark on, one page ahead."""

from __future__ import annotations

import abc
from functools import cached_property, partial
from typing import TYPE_CHECKING, ClassVar

from tap_servicetitan_dispatch.client.failures import ApiError
from tap_servicetitan_dispatch.errors import TapError
from tap_servicetitan_dispatch.run.run import PendingWalk
from tap_servicetitan_dispatch.state import bookmarks
from tap_servicetitan_dispatch.state.bookmarks import Bookmark, bookmark_in
from tap_servicetitan_dispatch.streams.delivery import Delivery, delivery
from tap_servicetitan_dispatch.streams.full_reads import FullReads
from tap_servicetitan_dispatch.streams.sdk import SdkStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk import Tap

    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.run.outcomes import Outcome
    from tap_servicetitan_dispatch.run.run import Run
    from tap_servicetitan_dispatch.settings.tenants import Tenant
    from tap_servicetitan_dispatch.walks import Fetch, Page


class ReadingStream(SdkStream, abc.ABC):
    """A stream that is read by a walk for each tenant.

    Args:
        tap: The tap, for the SDK.
        run: The parts of the run that streams share.
    """

    path: ClassVar[str]
    """The path of the operation under the tenant."""
    scopes: ClassVar[tuple[str, ...]]
    """The scopes that the application needs, beginning with that of the operation."""
    can_be_whole: bool = False
    """Whether a read from the beginning can show which rows are gone."""

    def __init__(self, tap: Tap, run: Run) -> None:
        super().__init__(tap)
        self.run = run
        self.tally = run.outcomes.tally_of(self.name)

    @abc.abstractmethod
    def walk(self, client: Client, bookmark: Bookmark) -> Iterable[Page]:
        """Return the pages since a bookmark; a thread of its own iterates over them.

        Args:
            client: Calls the API.
            bookmark: Where the last run ended.
        """

    def full_walk(self, client: Client) -> Iterable[Page]:
        """Return the pages of all rows; the last page says whether the read was complete."""
        return self.walk(client, Bookmark())

    @property
    def caution(self) -> str:
        """What the settings may cost even if nothing goes wrong; empty if nothing."""
        return ""

    def outcome_of(self, tenant: Tenant) -> Outcome:
        """Return the outcome of this stream of a tenant, finished or not."""
        return self.run.outcomes.of(self.name, tenant)

    def sources(self) -> Iterator[PendingWalk]:
        """Yield the walk of each tenant from its stored bookmark.

        Only the bookmark is read at once. Everything else happens when a thread asks for the first
        page: there the client, and possibly a sandbox, are made.
        """
        if self.caution and self.name not in self.tap_state.get("bookmarks", {}):
            # A state knows each stream that was read before: it need not be told again
            self.logger.warning("%s Stream: %s.", self.caution, self.name)
        is_incremental = self.replication_method == "INCREMENTAL"
        may_be_full = self.full_reads.are_wanted  # made here, before the walks share it
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
                self._resumed_walk(tenant, bookmark, self._delivery),
                is_long,
            )

    def _resumed_walk(
        self, tenant: Tenant, bookmark: Bookmark, delivered: Delivery
    ) -> Iterator[Page]:
        outcome = self.outcome_of(tenant)
        client = self.run.clients.of(tenant).counting(outcome.tally, tenant.logger(self.logger))
        first = {"tenantId": tenant.number} if tenant.is_of_group else {}
        for page in outcome.watched(self._read(client, bookmark)):
            yield delivered.page(page, first, outcome.unknown_fields)
        self.tally.add_tenant()

    def _read(self, client: Client, bookmark: Bookmark) -> Iterator[Page]:
        is_full = self.full_reads.begin(client)
        yield from self.full_walk(client) if is_full else self.walk(client, bookmark)

    @cached_property
    def full_reads(self) -> FullReads:
        """Whether the stream is read in full, and whether that read was complete."""
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

    def pages(self) -> Iterator[tuple[Tenant, Page]]:
        """Yield the pages of all tenants; a failure of one tenant is set aside if possible.

        Raises:
            Exception: A failure that concerns more than one tenant.
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
        """Note that a tenant could not be read; raise a failure that concerns more than that."""
        if isinstance(error, ApiError) and error.failure.refuses == "scope":
            if self.config["skip_forbidden_streams"]:
                reason = f"{error.failure.meaning}. It needs {self._scopes}."
                self._name(error, tenant)
                self.run.outcomes.skip(self.outcome_of(tenant), reason, error)
                return
            error.hint = f"The stream needs {self._scopes}."
        if isinstance(error, TapError):
            self._name(error, tenant)
        if not self.run.may_go_on(self.outcome_of(tenant), error):
            raise error

    def _name(self, error: TapError, tenant: Tenant) -> None:
        """Add the tenant and the streams that it concerns to an error."""
        error.stream = self.name
        error.tenant = str(tenant) if tenant.is_of_group else ""
        error.tenant_id = tenant.number

    @property
    def _scopes(self) -> str:
        plural = "s" if len(self.scopes) > 1 else ""
        return f"the scope{plural} {' and '.join(self.scopes)}"

    def fetch(self, client: Client, path: str = "") -> Fetch:
        """Return a function that requests a page of a list, and decodes its rows by the schema."""
        return partial(client.get, path or self.path, decode=self._delivery.decoder.decode)

    @cached_property
    def _delivery(self) -> Delivery:
        return delivery(self, added=["tenantId"] if self.run.is_of_group else [])

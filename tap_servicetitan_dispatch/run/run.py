"""A run: what its streams share while they are read."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_servicetitan_dispatch.client.tenant_clients import TenantClients
from tap_servicetitan_dispatch.errors import StreamsFailedError
from tap_servicetitan_dispatch.log import logger
from tap_servicetitan_dispatch.run.checkpoints import Checkpoints
from tap_servicetitan_dispatch.run.outcomes import Outcomes, reason_of
from tap_servicetitan_dispatch.run.parallel import ParallelCalls
from tap_servicetitan_dispatch.run.prefetch import PageSize, Prefetcher
from tap_servicetitan_dispatch.run.progress import Progress, progress
from tap_servicetitan_dispatch.run.summary import failure_lines, sum_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tap_servicetitan_dispatch.run.outcomes import Outcome
    from tap_servicetitan_dispatch.run.signals import StopFlag
    from tap_servicetitan_dispatch.settings.tenants import Tenant
    from tap_servicetitan_dispatch.walks import Page
    from tap_servicetitan_dispatch.writer import LineWriter


LONG_PAGE_BYTES, LONG_PAGE_BYTES_OF_GROUP, SHORT_PAGE_BYTES = 2**20, 2**21, 2**16
"""Assumed size of a first page, until some have arrived. A single tenant has few first pages."""


class PendingWalk(NamedTuple):
    """A walk to be read."""

    stream: str
    tenant: Tenant
    walk: Iterator[Page]
    is_long: bool
    """Whether it covers all history, rather than changes since a bookmark."""


class Run:
    """What the streams of one run share: clients, prefetched pages, progress, the stop flag.

    Only `clients` and `helpers` may be used outside the main thread.

    Args:
        config: The settings, checked.
        stop_flag: Says whether a signal has come.
        writer: Writes the messages.
        write_state: Writes the present state as a STATE message.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        stop_flag: StopFlag,
        writer: LineWriter,
        write_state: Callable[[], None],
    ) -> None:
        self.config = config
        self.writer = writer
        self.checkpoints = Checkpoints(write_state)
        self.progress = Progress()
        self.outcomes = Outcomes()
        self.is_of_group = "tenants" in config
        self._stop_flag = stop_flag
        self.clients = self.new_clients(max_retries=config["max_retries"])
        self.helpers = ParallelCalls(config["max_concurrent_requests"])
        self._prefetcher: Prefetcher[Tenant] = self._new_prefetcher()
        self._long_page = PageSize(
            LONG_PAGE_BYTES_OF_GROUP if self.is_of_group else LONG_PAGE_BYTES
        )
        self._short_page = PageSize(SHORT_PAGE_BYTES)
        self._is_of_all_streams = False
        self._write_log: Callable[[], None] = lambda: None
        self._is_leaving = False

    def new_clients(
        self,
        *,
        max_retries: int,
        at_most: Mapping[str, int] | None = None,
        may_wait: Callable[[float], object] = lambda _: None,
    ) -> TenantClients:
        """Return clients for these settings.

        Args:
            max_retries: How often a call is tried again.
            at_most: Upper limits of settings, by name; a lower setting stays.
            may_wait: Called with the seconds of each wait before it begins; may raise.
        """

        def sleep(seconds: float) -> None:
            may_wait(seconds)
            self._stop_flag.wait(seconds)

        lower = {name: min(self.config[name], most) for name, most in (at_most or {}).items()}
        return TenantClients({**self.config, **lower}, sleep=sleep, max_retries=max_retries)

    def _new_prefetcher(self) -> Prefetcher[Tenant]:
        return Prefetcher(self.config["max_concurrent_requests"], self._before_waiting)

    def _begin(self, walks: Iterable[PendingWalk]) -> None:
        self._stop_flag.allow_waits()
        for stream, tenant, walk, is_long in walks:
            page = self._long_page if is_long else self._short_page
            self._prefetcher.add(stream, tenant, walk, page)

    @contextmanager
    def all_streams(
        self, walks: Sequence[PendingWalk], write_log: Callable[[], None]
    ) -> Iterator[None]:
        """Read all streams in this block: first pages are requested together, one may fail alone.

        Args:
            walks: The walks of each stream and tenant, in the order in which they are wanted.
            write_log: Writes the results of the streams, if the run ends before the last one.

        Raises:
            StreamsFailedError: At the end, if some streams or tenants failed.
        """
        self.progress = progress()
        self._stop_flag.before_leaving_at_once = self.progress.abandon
        self._is_of_all_streams = True
        self._write_log = write_log
        for each in walks:
            self.outcomes.of(each.stream, each.tenant)
        self._begin(walks)
        try:
            yield
        except Exception as error:
            if not isinstance(error, OSError):  # else stdout may be gone, in the middle of a line
                self._end_early(reason_of(error))
            if any(error is outcome.error for outcome in self.outcomes.those()):
                raise StreamsFailedError(failure_lines(self.outcomes)) from error
            raise
        finally:
            self.end()
            self.clients.close()
        sum_up(
            self.outcomes,
            len(self.clients.tenants),
            is_of_group=self.is_of_group,
            skips_failed=self.config["skip_failed_tenants"],
        )

    def may_go_on(self, outcome: Outcome, error: Exception) -> bool:
        """Note the failure of a stream of a tenant; return whether others can be read.

        If the failure concerns a whole tenant of a group, nothing more of that tenant is read.
        """
        shares = self.clients.share_credentials()
        reach = self.outcomes.fail(outcome, error, shares_credentials=shares)
        if reach == "tenant":
            self._prefetcher.leave(outcome.tenant)
        return reach != "all" and self._is_of_all_streams

    def pages(
        self, stream: str, walks: Callable[[], Iterable[PendingWalk]]
    ) -> Iterator[tuple[Tenant, Page | Exception]]:
        """Yield the pages of a stream, which may be under way already.

        Args:
            stream: The name of the stream.
            walks: Returns its walks, if none is under way.
        """
        if not self._prefetcher.has(stream):
            self._begin(walks())
        yield from self._prefetcher.pages(stream)
        self.outcomes.complete(stream)

    def end(self) -> None:
        """Drop pages that nobody will read, and stop showing progress."""
        self.progress.end()
        self._stop_flag.end_waits()
        self._prefetcher.close()
        self._prefetcher = self._new_prefetcher()

    def _before_waiting(self) -> None:
        """Write buffered lines to the target; leave if a signal has come."""
        self.checkpoints.tell()
        self.writer.flush()
        self.progress.tell()
        self.leave_if_told_to()

    def _end_early(self, reason: str) -> None:
        """Write the results of the streams, because `sync_log` will not be reached."""
        if self.outcomes.ended_early:
            return
        self.outcomes.end_early(reason)
        self.checkpoints.flush()
        self.end()
        with suppress(Exception):  # why the run ends matters more
            self._write_log()

    def leave_if_told_to(self) -> None:
        """Write the state and leave, if a signal has come; called where no line is half written.

        Raises:
            SystemExit: A signal has come.
        """
        if self._stop_flag.is_set and not self._is_leaving:
            self._is_leaving = True
            self.checkpoints.write()
            self._end_early("the run was stopped by a signal")
            self._stop_flag.cancel_last_resort()
            logger.info("Stopped by a signal; the safe state has been written.")
            raise self._stop_flag.exit

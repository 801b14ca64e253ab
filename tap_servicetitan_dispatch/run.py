"""A run: what its streams share while they are read."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch import settings
from tap_servicetitan_dispatch.auth import Credentials, TokenSource
from tap_servicetitan_dispatch.errors import NoSandboxError, StreamsFailedError, TapError
from tap_servicetitan_dispatch.prefetch import Budget, Prefetch
from tap_servicetitan_dispatch.progress import Progress, progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_servicetitan_dispatch.client import Client
    from tap_servicetitan_dispatch.signals import StopFlag
    from tap_servicetitan_dispatch.walks import Page
    from tap_servicetitan_dispatch.writer import LineWriter

logger = logging.getLogger("tap-servicetitan-dispatch")


class Run:
    """What the streams of one run share: client, prefetched pages, progress, the stop flag.

    All but `client` is for the main thread only.

    Args:
        config: The settings, checked.
        stop_flag: Says whether a signal has come.
        writer: Writes the messages.
        write_state: Writes the state as it is as a STATE message.
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
        self.write_state = write_state
        self.progress = Progress()
        self._stop_flag = stop_flag
        self._budget = Budget()
        self._prefetches: dict[str, Prefetch] = {}
        self._failures: list[TapError] | None = None
        self._making_client = threading.Lock()
        self._client: Client | None = None

    @contextmanager
    def all_streams(self, walks: Mapping[str, Iterator[Page]]) -> Iterator[None]:
        """Read all streams in here: their first pages travel together, and one may fail alone.

        Args:
            walks: The walk of each stream, by name, in the order in which they will be read.

        Raises:
            StreamsFailedError: At the end, as some streams failed.
        """
        self.progress = progress()
        self._stop_flag.before_leaving_at_once = self.progress.abandon
        self._failures = []
        self._prefetches = {stream: self._prefetch(walk) for stream, walk in walks.items()}
        try:
            yield
        finally:
            self.end()
        if self._failures:
            raise StreamsFailedError(self._failures)

    def set_aside(self, error: BaseException) -> bool:
        """Keep the failure of a stream for the end, if the others can be read; return whether."""
        if self._failures is None or not isinstance(error, TapError) or not error.of_stream:
            return False
        self._failures.append(error)
        return True

    def pages(self, stream: str, walk: Callable[[], Iterator[Page]]) -> Prefetch:
        """Return the pages of a stream, which may be on their way already.

        Args:
            stream: Its name.
            walk: Returns its walk, if none is on its way.
        """
        on_their_way = self._prefetches.pop(stream, None)
        return on_their_way or self._prefetch(walk())

    def end(self) -> None:
        """Leave the pages that nobody will read any more, and tell nothing more."""
        self.progress.end()
        while self._prefetches:
            self._prefetches.popitem()[1].close()

    def _prefetch(self, walk: Iterator[Page]) -> Prefetch:
        return Prefetch(walk, self._before_waiting, self._budget)

    def _before_waiting(self) -> None:
        """Let the target have what there is; leave, if told to."""
        self.writer.flush()
        self.progress.tell()
        self.leave_if_told_to()

    def leave_if_told_to(self) -> None:
        """Write the state and leave, if a signal has come; called where no line is half written.

        Raises:
            SystemExit: A signal has come.
        """
        if self._stop_flag.is_set:
            self.write_state()
            self._stop_flag.cancel_last_resort()
            logger.info("Stopped by a signal; the state that is safe has been written.")
            raise self._stop_flag.exit

    @property
    def client(self) -> Client:
        """The one client of this run, made when the first thread asks for it."""
        with self._making_client:
            if self._client is None:
                self._client = self.new_client(max_retries=self.config["max_retries"])
            return self._client

    def new_client(self, *, max_retries: int) -> Client:
        """Return a client for these settings; in the sandbox environment, start a sandbox for it.

        Args:
            max_retries: How often a call is sent again.

        Raises:
            NoSandboxError: A sandbox is needed, and is not installed.
        """
        from tap_servicetitan_dispatch.backoff import Backoff  # noqa: PLC0415 - see below
        from tap_servicetitan_dispatch.client import (  # noqa: PLC0415 - not needed for --discover
            Client,
            Http,
            token_request,
        )

        where = self._connection()
        http = Http(self.config["request_timeout_seconds"])
        backoff = Backoff(max_retries, self._stop_flag.wait)
        asks = token_request(where.auth_url, where.credentials)
        return Client(
            http=http,
            tokens=TokenSource(lambda: http.exchange(asks, token_endpoint=True).body, backoff),
            credentials=where.credentials,
            api_url=where.api_url,
            max_concurrent_requests=self.config["max_concurrent_requests"],
            max_requests_per_second=self.config["max_requests_per_second"],
            backoff=backoff,
        )

    def _connection(self) -> settings.Connection:
        if self.config["environment"] != settings.SANDBOX:
            return settings.connection(self.config)
        try:
            from tap_servicetitan_dispatch.sandbox import CREDENTIALS, Sandbox  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise NoSandboxError(error.name) from error

        api_url = self.config.get("api_url")
        if not api_url:
            self._sandbox = Sandbox()
            self._sandbox.start()
            api_url = self._sandbox.url
        auth_url = self.config.get("auth_url") or f"{api_url}/connect/token"
        return settings.Connection(api_url, auth_url, Credentials(**CREDENTIALS))

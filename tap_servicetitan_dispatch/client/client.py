"""One request done properly.

`Http` sends a request and reads the answer; `Client` adds what makes it a call of the API: tenant,
token, app key, request rate and retries. Both may be used from any thread: what they share is the
connection pool (urllib3's own locks), the token (`auth.TokenSource`'s lock), the rate limiter (its
own lock) and the number of requests under way (a semaphore).
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import requests

from tap_servicetitan_dispatch.client.backoff import Backoff, SharedWait, is_worth_retrying
from tap_servicetitan_dispatch.client.failures import ApiError, Kind
from tap_servicetitan_dispatch.client.rate_limiter import RateLimiter
from tap_servicetitan_dispatch.log import logger
from tap_servicetitan_dispatch.tally import Tally

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tap_servicetitan_dispatch.client.answers import Answer, Decode
    from tap_servicetitan_dispatch.client.auth import TenantTokens
    from tap_servicetitan_dispatch.client.http import Http
    from tap_servicetitan_dispatch.settings.tenants import Credentials
    from tap_servicetitan_dispatch.tally import Log


class Client:
    """Calls of the Dispatch API for one tenant.

    Args:
        http: Sends requests.
        tokens: Gives the token, anew for each attempt.
        credentials: App key and tenant.
        api_url: The root of the API, without a slash at the end.
        under_way: Limits the requests under way, over all threads and clients.
        max_requests_per_second: Limit over all threads, retries included.
        backoff: How a call is sent again.
        clock: Monotonic clock, in seconds.
    """

    def __init__(
        self,
        *,
        http: Http,
        tokens: TenantTokens,
        credentials: Credentials,
        api_url: str,
        under_way: threading.Semaphore,
        max_requests_per_second: int,
        backoff: Backoff,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._tokens = tokens
        self._app_key = credentials.app_key
        self.tenant_id = int(credentials.tenant_id)
        self._base = f"{api_url}/dispatch/v2/tenant/{self.tenant_id}"
        self._under_way = under_way
        self._limiter = RateLimiter(max_requests_per_second, clock, backoff.sleep)
        self._backoff = backoff
        self._clock = clock
        self._shared_wait = SharedWait(backoff.sleep, clock)
        self.tally = Tally()
        self.logger: Log = logger

    def counting(self, tally: Tally, logger: Log = logger) -> Client:
        """Return this client with its own tally and logger."""
        counted = copy.copy(self)
        counted.tally = tally
        counted.logger = logger
        return counted

    def log_in(self) -> None:
        """Get a token, unless there is one that lasts.

        Raises:
            ApiError: The token endpoint gave none.
        """
        self._tokens.current()

    def now(self) -> datetime | None:
        """Return the time of the API's clock, by its last answer; nothing if it is not given.

        Before the API's first answer, the clock of the token endpoint counts, which is another
        host. The clock of this machine may be days off.

        Raises:
            ApiError: The token endpoint gave none.
        """
        self._token()
        return self._http.served_at or self._http.token_served_at

    def pause(self, seconds: float) -> None:
        """Wait before the next call, and count it."""
        self._backoff.sleep(seconds)
        self.tally.add_wait(seconds, self._clock())

    def get(
        self, path: str, params: Mapping[str, str], decode: Decode = msgspec.json.decode
    ) -> Answer:
        """Return the answer to a GET.

        Args:
            path: The path under the tenant, without a slash at its start.
            params: Query parameters. Only documented ones: the API has been seen to ignore others
                and to return everything.
            decode: Decodes the JSON of the body.

        Raises:
            ApiError: The call failed for good, or too often.
        """
        url = f"{self._base}/{path}"
        return self._call(requests.Request("GET", url, params=dict(params)), decode)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Return the answer to a POST that only reads, so that it may be sent again.

        Args:
            path: The path under the tenant, without a slash at its start.
            body: What to send as JSON.

        Raises:
            ApiError: The call failed for good, or too often.
        """
        return self._call(requests.Request("POST", f"{self._base}/{path}", json=dict(body)))

    def _call(self, request: requests.Request, decode: Decode = msgspec.json.decode) -> Answer:
        return self._backoff.call(
            partial(self._attempt, request, decode),
            lambda waited: self.tally.add_retry(waited, self._clock()),
            self.logger,
        )

    def _attempt(self, request: requests.Request, decode: Decode) -> Answer:
        """Send a request once; once more if its token turns out to be invalid."""
        for _ in range(1, self._tokens.most_tries):
            try:
                return self._send(request, decode)
            except ApiError as error:
                if error.kind != Kind.UNAUTHORIZED:
                    raise
                self._tokens.refuse(request.auth.token)
        return self._send(request, decode)

    def _send(self, request: requests.Request, decode: Decode) -> Answer:
        """Send a request after any shared wait, with the token of that time."""
        while True:
            self.tally.add_wait(self._shared_wait.wait(), self._clock())
            request.auth = _TokenAuth(self._token(), self._app_key)
            with self._under_way:
                waited = self._limiter.wait()
                if self._shared_wait.seconds_left:  # another call has been told to wait meanwhile
                    continue
                self.tally.add_request(waited, self._clock())
                try:
                    return self._http.exchange(request, decode=decode)
                except ApiError as error:
                    if is_worth_retrying(error):
                        self._shared_wait.extend(error.wait_seconds or 0)
                    raise

    def _token(self) -> str:
        began, waited = self._clock(), self._tokens.waited_seconds
        token = self._tokens.current()
        if self._tokens.waited_seconds > waited:
            now = self._clock()
            self.tally.add_wait(now - began, now)
        return token


@dataclass(frozen=True)
class _TokenAuth(requests.auth.AuthBase):
    """Adds token and app key to a request."""

    token: str = field(repr=False)
    app_key: str = field(repr=False)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        request.headers["ST-App-Key"] = self.app_key
        return request


def token_request(auth_url: str, credentials: Credentials) -> requests.Request:
    """Return the request that asks for a token."""
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
    }
    return requests.Request("POST", auth_url, data=form)

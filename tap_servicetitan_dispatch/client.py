"""One request done properly.

`Http` sends a request and reads the answer; `Client` adds what makes it a call of the API: tenant,
token, app key, request rate and retries. Both may be used from any thread: what they share is the
connection pool (urllib3's own locks), the token (`auth.TokenSource`'s lock), the rate limiter (its
own lock) and the number of requests under way (a semaphore).
"""

from __future__ import annotations

import copy
import logging
import ssl
import time
from dataclasses import dataclass, field
from functools import cache, partial
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3

from tap_servicetitan_dispatch import __version__
from tap_servicetitan_dispatch.addresses import is_loopback, parts_of
from tap_servicetitan_dispatch.answers import answer_of, failure_of
from tap_servicetitan_dispatch.backoff import Backoff, Hold, is_worth_retrying
from tap_servicetitan_dispatch.failures import ApiError
from tap_servicetitan_dispatch.progress import Tally
from tap_servicetitan_dispatch.rate_limiter import RateLimiter
from tap_servicetitan_dispatch.transport import Adapter, body_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tap_servicetitan_dispatch.answers import Answer, Decode
    from tap_servicetitan_dispatch.auth import Credentials, TenantTokens
    from tap_servicetitan_dispatch.progress import Log

USER_AGENT = f"tap-servicetitan-dispatch/{__version__}"
CONNECT_TIMEOUT_SECONDS = 15
MOST_AT_ONCE = 50
"""Connections that are kept to a server; `max_concurrent_requests` cannot be more."""

logger = logging.getLogger("tap-servicetitan-dispatch")


class Http:
    """Sends one request and returns the decoded answer, or raises what went wrong.

    Redirects are not followed, cookies not kept, and no password file is read: credentials go
    where they were meant to go and nowhere else. Proxies and certificates of the environment are
    honoured, except for this machine itself.

    Args:
        timeout_seconds: How long the server may stay silent, and how long an answer may take in
            all, besides the time that its size takes on a slow line.
        clock: Seconds that only go up.

    Attributes:
        served_at: What the server's clock showed at the last good answer that said so.
    """

    def __init__(self, timeout_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.served_at: datetime | None = None
        self._timeout = (CONNECT_TIMEOUT_SECONDS, timeout_seconds)
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, Adapter(clock, pool_maxsize=MOST_AT_ONCE))
        self._session.headers["User-Agent"] = USER_AGENT
        self._session.auth = _unchanged  # else requests looks into ~/.netrc
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))

    def exchange(
        self,
        request: requests.Request,
        *,
        decode: Decode = msgspec.json.decode,
        token_endpoint: bool = False,
    ) -> Answer:
        """Return the answer to a request.

        Raises:
            ApiError: There was no answer, or not a good one.
        """
        name = f"{request.method} {urlsplit(request.url).path}"
        try:
            prepared = self._session.prepare_request(request)
            response = self._session.send(
                prepared,
                timeout=self._timeout,
                allow_redirects=False,
                **self._way_to(str(prepared.url), name),
            )
            content = body_of(response)
        except (OSError, urllib3.exceptions.HTTPError) as error:  # all of requests is an OSError
            failure = failure_of(error, name, token_endpoint=token_endpoint)
        else:
            answer = answer_of(response, content, name, decode, token_endpoint=token_endpoint)
            self.served_at = answer.served_at or self.served_at
            return answer
        raise failure  # on its own: what requests raises carries the request, with secrets

    def _way_to(self, url: str, request: str) -> dict[str, Any]:
        """Return how to get there: through which proxy, trusting whom.

        Raises:
            ApiError: The certificates to trust cannot be read.
            InvalidProxyURL: The proxy has no address.
        """
        if is_loopback(url):
            return {"proxies": {}, "stream": True}
        way = self._session.merge_environment_settings(url, {}, stream=True, verify=None, cert=None)
        proxy = requests.utils.select_proxy(url, way["proxies"])
        if proxy and parts_of(proxy if "://" in proxy else f"http://{proxy}") is None:
            raise requests.exceptions.InvalidProxyURL("the proxy's is not an address")
        if isinstance(way["verify"], str):
            try:
                _check_bundle(way["verify"])
            except (OSError, ValueError) as error:
                detail = f"{way['verify']}: {error}"
                raise ApiError("bad_bundle", request=request, detail=detail) from None
        return {**way, "stream": True}


@cache
def _check_bundle(path: str) -> None:
    """Read a file of certificates; of a folder, OpenSSL reads what it needs when it needs it."""
    if not Path(path).is_dir():
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)


class Client:
    """Calls of the Dispatch API for one tenant.

    Args:
        http: Sends requests.
        tokens: Gives the token that each attempt shows anew.
        credentials: App key and tenant.
        api_url: The root of the API, without a slash at the end.
        under_way: Bounds how many requests are under way, over all threads and clients.
        max_requests_per_second: Over all threads, retries included.
        backoff: How a call is sent again.
        clock: Seconds that only go up.
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
        self._hold = Hold(backoff.sleep, clock)
        self.tally = Tally()
        self.logger: Log = logger

    def counting(self, tally: Tally, logger: Log = logger) -> Client:
        """Return this client, but with what it does counted there, and told to a logger."""
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
        """Return what the API's clock shows, by its last answer; nothing if it does not say.

        The first answer is that with the token. The clock of this machine may be days off.

        Raises:
            ApiError: The token endpoint gave none.
        """
        self._token()
        return self._http.served_at

    def pause(self, seconds: float) -> None:
        """Wait before the next call, and count it."""
        self._backoff.sleep(seconds)
        self.tally.add_wait(seconds)

    def get(
        self, path: str, params: Mapping[str, str], decode: Decode = msgspec.json.decode
    ) -> Answer:
        """Return the answer to a GET.

        Args:
            path: The path under the tenant, without a slash at its start.
            params: Query parameters. Only documented ones: the API ignores others and returns
                everything.
            decode: Makes a body of the JSON.

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
            partial(self._attempt, request, decode), self.tally.add_retry, self.logger
        )

    def _attempt(self, request: requests.Request, decode: Decode) -> Answer:
        """Send a request once; again if the token turns out to be no good, or not any more."""
        for _ in range(1, self._tokens.most_tries):
            try:
                return self._send(request, decode)
            except ApiError as error:
                if error.kind != "unauthorized":
                    raise
                self._tokens.refuse(request.auth.token)
        return self._send(request, decode)

    def _send(self, request: requests.Request, decode: Decode) -> Answer:
        """Send a request when no call is kept waiting any more, with a token of that time."""
        while True:
            self.tally.add_wait(self._hold.wait())
            request.auth = _Badge(self._token(), self._app_key)
            with self._under_way:
                waited = self._limiter.wait()
                if self._hold.seconds_left:  # another call has been told to wait meanwhile
                    continue
                self.tally.add_request(waited)
                try:
                    return self._http.exchange(request, decode=decode)
                except ApiError as error:
                    if is_worth_retrying(error):
                        self._hold.extend(error.wait_seconds or 0)
                    raise

    def _token(self) -> str:
        began, waited = self._clock(), self._tokens.waited_seconds
        token = self._tokens.current()
        if self._tokens.waited_seconds > waited:
            self.tally.add_wait(self._clock() - began)
        return token


@dataclass(frozen=True)
class _Badge(requests.auth.AuthBase):
    """Puts token and app key on a request."""

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


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request

"""One request done properly.

`Http` sends a request and reads the answer; `Client` adds what makes it a call of the API: tenant,
token, app key, request rate and retries. Both may be used from any thread: what they share is the
connection pool (urllib3's own locks), the token (`auth.TokenSource`'s lock), the rate limiter (its
own lock) and the number of requests under way (a semaphore).
"""

from __future__ import annotations

import copy
import logging
import re
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3

from tap_servicetitan_dispatch import __version__
from tap_servicetitan_dispatch.addresses import is_loopback
from tap_servicetitan_dispatch.backoff import Backoff, Hold, is_worth_retrying
from tap_servicetitan_dispatch.errors import FAILURES, ApiError, detail_of, kind_of
from tap_servicetitan_dispatch.progress import Tally
from tap_servicetitan_dispatch.rate_limiter import RateLimiter
from tap_servicetitan_dispatch.transport import Adapter, TooLargeError, body_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from tap_servicetitan_dispatch.auth import Credentials, TenantTokens
    from tap_servicetitan_dispatch.progress import Log

USER_AGENT = f"tap-servicetitan-dispatch/{__version__}"
CONNECT_TIMEOUT_SECONDS = 15
MOST_AT_ONCE = 50
"""Connections that are kept to a server; `max_concurrent_requests` cannot be more."""
_WAIT_IN_TEXT = re.compile(r"try again in (\d+(?:\.\d+)?) (second|minute)", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,9}(\.\d+)?")
_SECONDS_IN = {"second": 1, "minute": 60}
_BAD_ADDRESS = (
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    urllib3.exceptions.LocationValueError,
    urllib3.exceptions.ProxySchemeUnsupported,
)
_REFUSED_BY_PROXY = re.compile(r"Tunnel connection failed: (\d{3})\b")
_PASSING_TLS = ("BAD_RECORD_MAC", "INTERNAL_ERROR")
"""What TLS says of a single connection; all else that it says holds for the next one too."""
_WITHOUT_ANSWER: tuple[tuple[Any, str], ...] = (
    (TooLargeError, "too_large"),
    (TimeoutError, "timed_out"),
    (ssl.SSLCertVerificationError, "untrusted"),
    ((ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError), "no_connection"),
    (ssl.SSLError, "no_tls"),
)
"""The keys in `FAILURES` of what ends a request, by the innermost reason."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

logger = logging.getLogger("tap-servicetitan-dispatch")


def asked_wait(headers: Mapping[str, str], body: str) -> float | None:
    """Return the seconds that an answer asks us to wait, or nothing if it does not.

    `Retry-After` is a number of seconds or an HTTP date, which counts from the answer's own `Date`,
    as the clock of this machine may be wrong; as it is often missing, the text of the body counts
    too ("Try again in 50 seconds.").
    """
    header = headers.get("Retry-After", "").strip()
    if _NUMBER.fullmatch(header):
        return float(header)
    date, now = _date_in(header), _date_in(headers.get("Date", ""))
    if date and now:
        return max(0.0, (date - now).total_seconds())
    found = _WAIT_IN_TEXT.search(body)
    return float(found[1]) * _SECONDS_IN[found[2].lower()] if found else None


def _date_in(header: str) -> datetime | None:
    """Return the HTTP date that a header holds, if it holds one."""
    try:
        date = parsedate_to_datetime(header)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class Answer(NamedTuple):
    """A good answer."""

    body: Any
    """The decoded JSON."""
    served_at: datetime | None
    """What the server's clock showed, to the second; nothing if it did not say."""
    size: int = 0
    """Bytes of the JSON."""


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

    def exchange(self, request: requests.Request, *, token_endpoint: bool = False) -> Answer:
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
                **self._way_to(str(prepared.url)),
            )
            content = body_of(response)
        except (
            requests.exceptions.RequestException,
            urllib3.exceptions.HTTPError,
            TooLargeError,
        ) as error:
            cause = _innermost(error)
            failure = ApiError(
                _kind_without_answer(error, cause),
                request=name,
                detail=f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__,
                token_endpoint=token_endpoint,
            )
        else:
            answer = _read(response, content, name, token_endpoint=token_endpoint)
            self.served_at = answer.served_at or self.served_at
            return answer
        raise failure  # on its own: what requests raises carries the request, with secrets

    def _way_to(self, url: str) -> dict[str, Any]:
        """Return how to get there: through which proxy, trusting whom."""
        if is_loopback(url):
            return {"proxies": {}, "stream": True}
        way = self._session.merge_environment_settings(url, {}, stream=True, verify=None, cert=None)
        return {**way, "stream": True}


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

    def get(self, path: str, params: Mapping[str, str]) -> Answer:
        """Return the answer to a GET.

        Args:
            path: The path under the tenant, without a slash at its start.
            params: Query parameters. Only documented ones: the API ignores others and returns
                everything.

        Raises:
            ApiError: The call failed for good, or too often.
        """
        return self._call(requests.Request("GET", f"{self._base}/{path}", params=dict(params)))

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Return the answer to a POST that only reads, so that it may be sent again.

        Args:
            path: The path under the tenant, without a slash at its start.
            body: What to send as JSON.

        Raises:
            ApiError: The call failed for good, or too often.
        """
        return self._call(requests.Request("POST", f"{self._base}/{path}", json=dict(body)))

    def _call(self, request: requests.Request) -> Answer:
        return self._backoff.call(
            partial(self._attempt, request), self.tally.add_retry, self.logger
        )

    def _attempt(self, request: requests.Request) -> Answer:
        """Send a request once; again if the token turns out to be no good, or not any more."""
        for _ in range(1, self._tokens.most_tries):
            try:
                return self._send(request)
            except ApiError as error:
                if error.kind != "unauthorized":
                    raise
                self._tokens.refuse(request.auth.token)
        return self._send(request)

    def _send(self, request: requests.Request) -> Answer:
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
                    return self._http.exchange(request)
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


def _read(
    response: requests.Response, content: bytes, name: str, *, token_endpoint: bool
) -> Answer:
    is_json = True
    body: Any = None
    try:
        body = msgspec.json.decode(content.removeprefix(_BYTE_ORDER_MARK))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        is_json = False
    if response.status_code == requests.codes.ok:
        if not is_json:
            raise ApiError("not_json", request=name, detail=f"{len(content)} bytes")
        return Answer(body, _date_in(response.headers.get("Date", "")), len(content))
    text = content.decode(errors="replace")
    kind = kind_of(response.status_code, text, token_endpoint=token_endpoint)
    wait = asked_wait(response.headers, text)
    detail = detail_of(response.status_code, body)
    raise ApiError(
        kind, request=name, detail=detail, wait_seconds=wait, token_endpoint=token_endpoint
    )


def _innermost(error: BaseException) -> BaseException:
    """Return the innermost reason, without the addresses of objects that the outer ones show."""
    while inner := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = inner
    return error


def _kind_without_answer(error: BaseException, cause: BaseException) -> str:
    """Return the key in `FAILURES` of what went wrong where no answer came, or not all of it.

    Args:
        error: What was raised.
        cause: The innermost reason.
    """
    if isinstance(error, _BAD_ADDRESS):
        return "bad_address"
    refusal = _REFUSED_BY_PROXY.search(str(cause))
    if refusal and not FAILURES[kind_of(int(refusal[1]), "")].retried:
        return "proxy_refused"
    if any(reason in str(cause) for reason in _PASSING_TLS):
        return "no_connection"
    return next(
        (kind for types, kind in _WITHOUT_ANSWER if isinstance(cause, types)), "no_connection"
    )

"""One request and its answer, over connections that lead only where they should.

`Http` may be used from any thread; the pool of connections has urllib3's own locks.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3

from tap_servicetitan_dispatch import NAME, __version__
from tap_servicetitan_dispatch.addresses import is_loopback, parts_of
from tap_servicetitan_dispatch.client.answers import answer_of, failure_of
from tap_servicetitan_dispatch.client.failures import ApiError, Kind
from tap_servicetitan_dispatch.client.transport import Adapter, body_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tap_servicetitan_dispatch.client.answers import Answer, Decode

    Witness = Callable[["Exchange"], object]

USER_AGENT = f"{NAME}/{__version__}"
CONNECT_TIMEOUT_SECONDS = 15
MOST_AT_ONCE = 50
"""Connections that are kept to a server; `max_concurrent_requests` cannot exceed it."""


@dataclass(frozen=True)
class Exchange:
    """What came of one request.

    Attributes:
        response: The answer, if there was one.
        content: Its body, as far as it came.
        seconds: How long all of it took.
        body_seconds: How long the body took, of these.
        failure: What went wrong, if something did.
    """

    response: requests.Response | None = field(repr=False)
    content: bytes = field(repr=False)
    seconds: float
    body_seconds: float
    failure: ApiError | None


class Http:
    """Sends one request and returns the decoded answer, or raises its failure.

    Redirects are not followed, cookies not kept, and no password file is read: credentials go only
    to the address in the settings. Proxies and certificates of the environment are honoured, except
    for this machine itself.

    Args:
        timeout_seconds: How long the server may stay silent. A whole answer may take as long, plus
            a time for its size.
        clock: Monotonic clock, in seconds.

    Attributes:
        served_at: The API's clock at the last good answer that gave it.
        token_served_at: The clock of the token endpoint, which is another host.
        witness: Called in the requesting thread with the result of each request.
        timer: Monotonic clock for the seconds that the witness gets.
    """

    def __init__(self, timeout_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.served_at: datetime | None = None
        self.token_served_at: datetime | None = None
        self.witness: Witness = _ignore
        self.timer: Callable[[], float] = time.monotonic
        self._timeout = (CONNECT_TIMEOUT_SECONDS, timeout_seconds)
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, Adapter(clock, pool_maxsize=MOST_AT_ONCE))
        self._session.headers["User-Agent"] = USER_AGENT
        self._session.auth = _unchanged  # else requests looks into ~/.netrc
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._session.close()

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
        began = headed = self.timer()
        response: requests.Response | None = None
        content = b""
        try:
            prepared = self._session.prepare_request(request)
            response = self._session.send(
                prepared,
                timeout=self._timeout,
                allow_redirects=False,
                **self._way_to(str(prepared.url), name),
            )
            headed = self.timer()
            content = body_of(response)
            answer = answer_of(response, content, name, decode, token_endpoint=token_endpoint)
        except (OSError, urllib3.exceptions.HTTPError) as error:  # all of requests is an OSError
            failure = failure_of(error, name)
        except ApiError as error:
            failure = error
        else:
            self._tell(response, content, began, headed)
            if token_endpoint:
                self.token_served_at = answer.served_at or self.token_served_at
            else:
                self.served_at = answer.served_at or self.served_at
            return answer
        self._tell(response, content, began, headed, failure)
        raise failure  # on its own: what requests raises carries the request, with secrets

    def _tell(
        self,
        response: requests.Response | None,
        content: bytes,
        began: float,
        headed: float,
        failure: ApiError | None = None,
    ) -> None:
        ended = self.timer()
        body_seconds = ended - headed if response is not None else 0.0
        self.witness(Exchange(response, content, ended - began, body_seconds, failure))

    def _way_to(self, url: str, request: str) -> dict[str, Any]:
        """Return the way to a server: the proxy, and the certificates to trust.

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
                raise ApiError(Kind.BAD_BUNDLE, request=request, detail=detail) from None
        return {**way, "stream": True}


def _ignore(_: Exchange) -> None:
    """Do nothing."""


@cache
def _check_bundle(path: str) -> None:
    """Read a file of certificates. A folder is not read: OpenSSL does so when it needs it."""
    if not Path(path).is_dir():
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request

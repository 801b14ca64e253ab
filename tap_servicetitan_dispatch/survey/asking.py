"""Asks the API, and keeps the answers, within limits of calls and time.

A call is the client's own, so it has the tap's rate, retries and token. The survey looks at the
answer itself, good or not: status, headers, size and time.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import requests

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.client.answers import Answer
from tap_servicetitan_dispatch.client.backoff import asked_wait
from tap_servicetitan_dispatch.client.client import token_request
from tap_servicetitan_dispatch.client.failures import ApiError, NoTokenError
from tap_servicetitan_dispatch.run.parallel import ParallelCalls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.client.http import Exchange
    from tap_servicetitan_dispatch.client.tenant_clients import Wire

MOST_CALLS = 150
MOST_SECONDS_OF_A_CALL = 30
MOST_SECONDS = 150.0
"""What is under way then ends within the three minutes."""
OVER = "three minutes were over"
MOST_REFUSED = 2
"""Number of 429 answers after which the survey ends."""


PASSING = {
    "server_error",
    "maintenance",
    "not_now",
    "rate_limited",
    "not_json",
    "connection_lost",
    "no_connection",
    "timed_out",
}
"""Failures that say nothing of the question, as the next answer may be another: their keys."""


_HTML = re.compile(rb"\s*<(!doctype\s+)?html\b", re.IGNORECASE)


class EnoughError(Exception):
    """The survey ends with the results so far; the text says why."""


@dataclass(frozen=True)
class Reply:
    """The reply to a call.

    Attributes:
        status: The HTTP status; 0 if there was no answer.
        body: The decoded JSON, if there was any.
        failure: A key of `failures.FAILURES`, empty if nothing went wrong.
        size: Bytes of the body.
        seconds: Duration of the last try.
        body_seconds: Duration of its body.
        wait: Seconds that a refusal asked to wait; nothing if it did not ask.
        form: The form of an error's body: `json`, `html`, `empty` or `other`.
        date: The server's clock.
        at: When the answer came, by a monotonic clock of this machine.
        headers: Its headers, names in lower case.
        of_token: Whether the token endpoint gave it.
        tries: Number of tries.
        endpoint: The endpoint, as in the API's paths; empty if the call was to none of them.
    """

    status: int
    body: Any = None
    failure: str = ""
    size: int = 0
    seconds: float = 0
    date: datetime | None = None
    at: float = 0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    of_token: bool = False
    tries: int = 1
    endpoint: str = ""
    body_seconds: float = 0
    wait: float | None = None
    form: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it is a readable 200."""
        return self.status == requests.codes.ok and self.failure in {"", "bad_value"}

    @property
    def is_told(self) -> bool:
        """Whether it says something of the question, and did not fail in passing."""
        is_server_error = self.status >= requests.codes.server_error
        return self.status > 0 and not is_server_error and self.failure not in PASSING


class Asker:
    """Asks for one tenant.

    Args:
        client: Makes the calls.
        wire: Sends requests that the client would not send.
        clock: Monotonic clock, in seconds.
        at_once: Number of independent calls at a time.

    Attributes:
        replies: The result of each request, failed tries included, in order.
        calls: Number of requests that were sent.
    """

    def __init__(
        self,
        client: Client,
        wire: Wire,
        *,
        clock: Callable[[], float] = time.monotonic,
        at_once: int = 4,
    ) -> None:
        self._client = client
        self._wire = wire
        self._clock = clock
        self._began = clock()
        self._at_once = at_once
        self._helpers = ParallelCalls(at_once)
        self._lock = threading.Lock()
        self._here = threading.local()
        self._refused = 0
        self.calls = 0
        self.replies: list[Reply] = []
        wire.http.witness = self._witness
        wire.http.timer = clock

    @property
    def seconds_left(self) -> float:
        """How long it may still ask."""
        return max(0.0, self._began + MOST_SECONDS - self._clock())

    @property
    def calls_left(self) -> int:
        """How many calls it may still make."""
        return MOST_CALLS - self.calls

    def together(self, asks: Iterable[Callable[[], Any]]) -> None:
        """Ask several independent questions at the same time."""
        if self._at_once > 1:
            list(self._helpers.results(asks))
            return
        for ask in asks:
            ask()

    def log_in(self) -> Reply:
        """Get a token as a run would.

        Raises:
            NoTokenError: There is none.
        """
        return self._reply(self._client.log_in, of_token=True)

    def get(self, path: str, params: Mapping[str, str]) -> Reply:
        """Return the reply to a GET."""
        return self._reply(lambda: self._client.get(path, params))

    def post(self, path: str, body: Mapping[str, Any]) -> Reply:
        """Return the reply to a POST that only reads."""
        return self._reply(lambda: self._client.post(path, body))

    def new_token(self) -> Reply:
        """Return the reply to one more request for a token."""
        request = token_request(self._wire.auth_url, self._wire.credentials)
        return self._reply(
            lambda: self._wire.http.exchange(request, token_endpoint=True), of_token=True
        )

    def get_as(
        self,
        token: str,
        path: str,
        *,
        prefix: str = "Bearer ",
        tenant: int | None = None,
        app_key: str | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """Return the reply to a GET, for one row by default, with the token in a given form."""
        wire = self._wire
        number = wire.credentials.tenant_id if tenant is None else tenant
        request = requests.Request(
            "GET",
            f"{wire.api_url}/dispatch/v2/tenant/{number}/{path}",
            params=params or {"page": "1", "pageSize": "1"},
            headers={
                "Authorization": f"{prefix}{token}",
                "ST-App-Key": wire.credentials.app_key if app_key is None else app_key,
            },
        )
        return self._reply(lambda: wire.http.exchange(request))

    def _reply(self, call: Callable[[], Any], *, of_token: bool = False) -> Reply:
        self._require_leave()
        self._here.last = None
        self._here.tries = 0
        failure = ""
        answer: Any = None
        try:
            answer = call()
        except NoTokenError:
            if not of_token:  # the token that was good is not any more, and there is no other
                raise EnoughError("no new token was issued") from None
            raise
        except ApiError as error:
            failure = error.kind
        last: Reply | None = self._here.last
        if last is None:
            return Reply(0, failure=failure or "no_connection", at=self._clock())
        body = answer.body if isinstance(answer, Answer) else _decoded(self._here.content)
        return replace(last, body=body, failure=failure, tries=self._here.tries)

    def _require_leave(self) -> None:
        if self.calls >= MOST_CALLS:
            raise EnoughError(f"{MOST_CALLS} calls had been made")
        if not self.seconds_left:
            raise EnoughError(OVER)
        if self._refused > MOST_REFUSED:
            raise EnoughError("the API said that its limit of calls was reached")

    def _witness(self, exchange: Exchange) -> None:
        response, content, failure = exchange.response, exchange.content, exchange.failure
        status = 0 if response is None else response.status_code
        given = {} if response is None else response.headers
        headers = {name.lower(): value for name, value in given.items()}
        url = "" if response is None else str(response.url)
        failed = status >= requests.codes.bad_request
        reply = Reply(
            status,
            None,
            failure.kind if failure else "",
            len(content),
            exchange.seconds,
            instants.http_date(headers.get("date", "")),
            self._clock(),
            headers,
            url.startswith(self._wire.auth_url),
            endpoint=_endpoint(url),
            body_seconds=exchange.body_seconds,
            wait=asked_wait(given, content.decode(errors="replace")) if failed else None,
            form=_form(content) if failed else "",
        )
        self._here.content = content
        self._here.last = reply
        self._here.tries = getattr(self._here, "tries", 0) + 1
        with self._lock:
            self.calls += 1
            self._refused += status == requests.codes.too_many_requests
            self.replies.append(reply)


def _endpoint(url: str) -> str:
    return urlsplit(url).path.rpartition("/tenant/")[2].partition("/")[2]


def _form(content: bytes) -> str:
    """Return the form of an error's body."""
    if not content.strip():
        return "empty"
    if _decoded(content) is not None:
        return "json"
    return "html" if _HTML.match(content) else "other"


def _decoded(content: bytes) -> Any:
    """Return the value of a JSON body, even one that no program should send."""
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.json.decode(content)
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(content.decode(errors="surrogateescape"))
    return None

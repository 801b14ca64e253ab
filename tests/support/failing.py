"""An API that fails, in each way that the tap tells from the others."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from typing_extensions import override

from tap_servicetitan_dispatch.client.failures import FAILURES, Kind
from tap_servicetitan_dispatch.client.http import Http
from tests.support.scripted_api import Answer, Call, ScriptedApi, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from tap_servicetitan_dispatch.client.answers import Answer as HttpAnswer

NOT_MATCHED = Answer({"message": "Unable to match incoming request to an operation."}, status=404)
NO_SCOPE = Answer({"title": "Scope validation failed: tn.dis.zones:r"}, status=403)
ANSWERS = {
    "redirected": Answer(status=302, headers={"Location": "https://elsewhere.example/"}),
    "rate_limited": Answer({"title": "Rate limit is exceeded."}, status=429),
    "not_now": Answer("", status=425),
    "server_error": Answer("<html>Bad gateway</html>", status=502),
    "maintenance": Answer({"title": "The service is suspended for maintenance."}, status=409),
    "proxy_refused": Answer("", status=407),
    "invalid_client": Answer({"error": "invalid_client"}, status=400),
    "token_refused": Answer({"error": "unauthorized_client"}, status=403),
    "bad_request": Answer({"title": "No", "errors": {"sort": ["is bad"]}}, status=400),
    "unauthorized": Answer({"title": "Unauthorized"}, status=401),
    "missing_scope": NO_SCOPE,
    "forbidden": Answer("", status=403),
    "unmatched": NOT_MATCHED,
    "not_found": Answer({"title": "Not found"}, status=404),
    "gone": Answer({"title": "Gone"}, status=410),
    "conflict": Answer({"title": "Conflict"}, status=409),
    "unexpected_status": Answer("", status=418),
    "not_json": Answer("<html>Log in to the guest network</html>"),
    "bad_value": Answer(listed({"id": 1, "name": "\ud83d"})),
    "too_large": Answer(raw=[b"HTTP/1.1 100 Continue\r\n\r\n" * 2**16]),
    "connection_lost": Answer(reset=True),
}


@contextmanager
def untrusted(api: ScriptedApi) -> Iterator[dict[str, Any]]:
    """Yield settings that lead to an API whose certificate nobody has vouched for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with api.encrypted(context) as url:
        yield api.config | {"api_url": url}


UNSENT = ("bad_address", "bad_bundle", "no_connection", "no_tls", "untrusted")
"""What goes wrong before a request is sent."""


@contextmanager
def behind_a_proxy(api: ScriptedApi, proxy: str) -> Iterator[dict[str, Any]]:
    """Yield settings that lead to an API beyond a proxy of the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("https_proxy", proxy)
        yield api.config | {"api_url": "https://a.example"}


@contextmanager
def trusting(api: ScriptedApi, bundle: str) -> Iterator[dict[str, Any]]:
    """Yield settings that lead to an API whose certificate is to be looked up in a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", bundle)
        yield api.config | {"api_url": "https://a.example"}


def _unsent(api: ScriptedApi, kind: str) -> AbstractContextManager[dict[str, Any]]:
    """Return settings with which nothing gets as far as the API."""
    if kind == "untrusted":
        return untrusted(api)
    if kind == "bad_address":
        return behind_a_proxy(api, "gopher://b.example")
    if kind == "bad_bundle":
        return trusting(api, "/no/such/bundle.pem")
    if kind == "no_connection":
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        return nullcontext(api.config | {"api_url": f"http://127.0.0.1:{port}"})
    return nullcontext(api.config | {"api_url": api.url.replace("http:", "https:")})


@contextmanager
def failing(api: ScriptedApi, kind: str) -> Iterator[dict[str, Any]]:
    """Make the API fail in a way, for good; yields the settings that lead there."""
    if kind in UNSENT:
        with _unsent(api, kind) as config:
            yield config
        return
    if kind == "timed_out":
        with silent(api) as config:
            yield config
        return
    if FAILURES[Kind(kind)].from_token_endpoint:
        api.token_reply = lambda _: ANSWERS[kind]
    else:
        api.reply = lambda _: ANSWERS[kind]
    yield api.config


@contextmanager
def silent(api: ScriptedApi) -> Iterator[dict[str, Any]]:
    """Have the API say nothing for as long as it takes; yields the settings that lead there.

    Whoever waits for zones has waited for too long as soon as the request has arrived, by a clock
    of their own.
    """
    arrived, over = threading.Semaphore(0), threading.Event()

    def reply(_: Call) -> Answer:
        arrived.release()
        over.wait(60)
        return Answer(reset=True)

    def clock() -> Iterator[float]:
        while True:
            yield 0
            arrived.acquire(timeout=60)
            yield float("inf")

    class Waiting(Http):
        def __init__(self, timeout_seconds: float) -> None:
            super().__init__(timeout_seconds)
            self._for_zones = Http(timeout_seconds, partial(next, clock()))

        @override
        def exchange(self, request: requests.Request, **more: Any) -> HttpAnswer:
            if request.url.endswith("/zones"):
                return self._for_zones.exchange(request, **more)
            return super().exchange(request, **more)

    api.reply = reply
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tap_servicetitan_dispatch.client.http.Http", Waiting)
        try:
            yield api.config
        finally:
            over.set()

"""An API that fails, in each way that the tap tells from the others."""

from __future__ import annotations

import ssl
import threading
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from tap_servicetitan_dispatch.errors import FAILURES
from tests.support.scripted_api import Answer, Call, ScriptedApi

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    "conflict": Answer({"title": "Conflict"}, status=409),
    "unexpected_status": Answer("", status=418),
    "not_json": Answer("<html>Log in to the guest network</html>"),
    "too_large": Answer(raw=[b"HTTP/1.1 100 Continue\r\n\r\n" * 2**16]),
    "no_connection": Answer(reset=True),
}


@contextmanager
def untrusted(api: ScriptedApi) -> Iterator[dict[str, Any]]:
    """Yield settings that lead to an API whose certificate nobody has vouched for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with api.encrypted(context) as url:
        yield api.config | {"api_url": url}


UNSENT = ("bad_address", "no_tls", "untrusted")
"""What goes wrong before a request is sent."""


@contextmanager
def behind_a_proxy(api: ScriptedApi, proxy: str) -> Iterator[dict[str, Any]]:
    """Yield settings that lead to an API beyond a proxy of the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("https_proxy", proxy)
        yield api.config | {"api_url": "https://a.example"}


def _unsent(api: ScriptedApi, kind: str) -> AbstractContextManager[dict[str, Any]]:
    """Return settings with which nothing gets as far as the API."""
    if kind == "untrusted":
        return untrusted(api)
    if kind == "bad_address":
        return behind_a_proxy(api, "gopher://b.example")
    return nullcontext(api.config | {"api_url": api.url.replace("http:", "https:")})


@contextmanager
def failing(api: ScriptedApi, kind: str) -> Iterator[dict[str, Any]]:
    """Make the API fail in a way, for good; yields the settings that lead there."""
    if kind in UNSENT:
        with _unsent(api, kind) as config:
            yield config
        return
    over = threading.Event()

    def reply(_: Call) -> Answer:
        if kind == "timed_out":
            over.wait(30)
            return Answer(reset=True)
        return ANSWERS[kind]

    if FAILURES[kind].from_token_endpoint:
        api.token_reply = reply
    else:
        api.reply = reply
    try:
        yield api.config
    finally:
        over.set()

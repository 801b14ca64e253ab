from __future__ import annotations

import re
import socket
from time import monotonic
from typing import TYPE_CHECKING

import pytest
import requests

from tap_servicetitan_dispatch.sandbox import CREDENTIALS, Sandbox

if TYPE_CHECKING:
    from tests.support.caller import Caller


def test_a_free_port_is_taken_and_given_back() -> None:
    sandbox = Sandbox(assignments=1)
    with sandbox:
        assert requests.get(sandbox.url + "/docs", timeout=30).status_code == 200
        port = int(sandbox.url.rpartition(":")[2])
    with Sandbox(assignments=1, port=port) as again:
        assert again.url == sandbox.url
        assert again.token_url == f"http://127.0.0.1:{port}/connect/token"
        assert again.credentials == CREDENTIALS


def test_the_docs_need_nothing_from_elsewhere() -> None:
    with Sandbox(assignments=1) as sandbox:
        page = requests.get(sandbox.url + "/docs", timeout=30).text
        parts = re.findall(r'(?:href|src|url)[=:] ?["\']([^"\']+)', page)
        assert "/openapi.json" in parts
        for part in parts:
            assert requests.get(sandbox.url + part, timeout=30).status_code == 200


def test_a_taken_port_is_an_error() -> None:
    with Sandbox(assignments=1) as first:
        second = Sandbox(assignments=1, port=int(first.url.rpartition(":")[2]))
        with pytest.raises(OSError, match="in use"):
            second.start()
        second.stop()


def test_it_stops_at_once_while_a_request_is_open() -> None:
    sandbox = Sandbox(assignments=1)
    sandbox.start()
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as half_sent:
        half_sent.sendall(
            b"POST /connect/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf"
        )
        # Answered after the request above has been read, so that one is open now.
        requests.get(sandbox.url + "/docs", timeout=30)
        begin = monotonic()
        sandbox.stop()
        assert monotonic() - begin < 2


def test_finished_calls_are_logged_without_secrets(caller: Caller) -> None:
    caller.export(from_="2026-06-01", active="Any")
    token, export = caller.sandbox.calls
    assert (token.method, token.path, token.query, token.status) == (
        "POST",
        "/connect/token",
        (),
        200,
    )
    assert (export.method, export.status) == ("GET", 200)
    assert export.path.endswith("/export/appointment-assignments")
    assert sorted(export.query) == [("active", "Any"), ("from", "2026-06-01")]
    assert token.received_at <= export.received_at <= monotonic()
    assert CREDENTIALS["client_secret"] not in repr(caller.sandbox.calls)


def test_answers_are_dated_by_the_sandboxs_clock(caller: Caller) -> None:
    caller.clock.forward(seconds=90)
    answer = caller.call("GET", "export/appointment-assignments")
    assert answer.headers["Date"] == "Thu, 18 Jun 2026 15:01:30 GMT"
    assert "Server" not in answer.headers

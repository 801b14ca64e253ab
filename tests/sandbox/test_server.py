from __future__ import annotations

import contextlib
import gc
import re
import socket
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_servicetitan_dispatch.sandbox import CREDENTIALS, Faults, Sandbox
from tests.support.caller import START

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tests.support.caller import Caller


TOKEN_REQUEST = b"POST /connect/token HTTP/1.1\r\nHost: localhost\r\n"


def connected_to(sandbox: Sandbox) -> socket.socket:
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)))


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


def test_it_stops_without_a_word_while_requests_are_open(caplog: pytest.LogCaptureFixture) -> None:
    sandbox = Sandbox(assignments=1)
    sandbox.start()
    with connected_to(sandbox) as half_sent, connected_to(sandbox) as dripping:
        half_sent.sendall(TOKEN_REQUEST + b"Content-Length: 9\r\n\r\nhalf")
        # Answered after the request above has been read, so that one is open now.
        requests.get(sandbox.url + "/docs", timeout=30)
        sandbox.faults = Faults(rate=1, kinds=("drip",), drip_seconds=300)
        dripping.sendall(TOKEN_REQUEST + b"\r\n")
        assert dripping.recv(9) == b"HTTP/1.1 "
        sandbox.stop()
    assert caplog.records == []


@contextlib.contextmanager
def busy_until_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox that answers a request, and looks at nothing else until `stop` has told it."""
    here, join = threading.current_thread(), threading.Thread.join
    busy, told_to_stop = threading.Event(), threading.Event()

    def clock() -> datetime:
        if threading.current_thread() is not here:
            busy.set()
            told_to_stop.wait()
        return START

    def joined(thread: threading.Thread) -> None:
        told_to_stop.set()
        join(thread)

    with Sandbox(assignments=1, clock=clock) as sandbox, connected_to(sandbox) as connection:
        connection.sendall(TOKEN_REQUEST + b"\r\n")
        busy.wait()
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "join", joined)
            yield sandbox


def test_all_its_connections_are_closed_when_it_has_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with warnings.catch_warnings(record=True) as caught, contextlib.ExitStack() as connections:
        warnings.simplefilter("always")
        sandbox = connections.enter_context(busy_until_told_to_stop(monkeypatch))
        for _ in range(20):
            connections.enter_context(connected_to(sandbox))
        sandbox.stop()
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


def test_it_stops_although_clients_keep_coming(monkeypatch: pytest.MonkeyPatch) -> None:
    accept, many = socket.socket.accept, 100
    connections: list[socket.socket] = []

    def accept_and_let_the_next_one_come(listener: socket.socket) -> Any:
        try:
            return accept(listener)
        except BlockingIOError:
            if len(connections) < many:
                connections.append(connected_to(sandbox))
            raise

    with busy_until_told_to_stop(monkeypatch) as sandbox:
        connections.append(connected_to(sandbox))
        monkeypatch.setattr(socket.socket, "accept", accept_and_let_the_next_one_come)
        sandbox.stop()
    for connection in connections:
        connection.close()
    assert len(connections) < many


def test_a_client_that_leaves_in_the_middle_of_its_request_is_not_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Sandbox(assignments=1) as sandbox:
        with connected_to(sandbox) as leaving:
            leaving.sendall(TOKEN_REQUEST + b"Content-Length: 9\r\n\r\nhalf")
            requests.get(sandbox.url + "/docs", timeout=30)
        requests.get(sandbox.url + "/docs", timeout=30)
    assert [call.status for call in sandbox.calls if call.method == "POST"] == [0]
    assert caplog.records == []


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
    assert token.received_at < export.received_at
    assert CREDENTIALS["client_secret"] not in repr(caller.sandbox.calls)


def test_answers_are_dated_by_the_sandboxs_clock(caller: Caller) -> None:
    caller.clock.forward(seconds=90)
    answer = caller.call("GET", "export/appointment-assignments")
    assert answer.headers["Date"] == "Thu, 18 Jun 2026 15:01:30 GMT"
    assert "Server" not in answer.headers

"""How long an answer may take and how large it may be; what comes before it is skipped."""

from __future__ import annotations

import gzip
import itertools
import json
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_servicetitan_dispatch.client import transport
from tap_servicetitan_dispatch.client.failures import ApiError
from tap_servicetitan_dispatch.client.http import Http
from tests.support.runs import assert_fails
from tests.support.scripted_api import Answer, ScriptedApi, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.support.runs import Command

TIMEOUT = 100
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
FINE = HEAD + b"Content-Length: 13\r\n\r\n" + b'{"fine":true}'


class Pace:
    """A clock that advances whenever it is read, and lets the server send its next piece then.

    Args:
        seconds: How far it advances each time.
    """

    def __init__(self, seconds: float) -> None:
        self._now = 0.0
        self._seconds = seconds
        self._reads = threading.Semaphore(0)
        self._is_over = False

    def __call__(self) -> float:
        self._now += self._seconds
        self._reads.release()
        return self._now

    def of(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield pieces, each when the clock is read, until it is stopped."""
        for piece in pieces:
            self._reads.acquire()
            if self._is_over:
                return
            yield piece

    def stop(self) -> None:
        """Let the server send no more, as nobody will read the clock again."""
        self._is_over = True
        self._reads.release()


def exchanged(api: ScriptedApi, pieces: Iterable[bytes], pace: Pace | None = None) -> Any:
    """Return the body of an answer that is sent in pieces."""
    api.reply = lambda _: Answer(raw=pieces)
    http = Http(TIMEOUT, pace) if pace else Http(TIMEOUT)
    try:
        return http.exchange(requests.Request("GET", f"{api.url}/zones")).body
    finally:
        if pace:
            pace.stop()


def assert_ends(kind: str, api: ScriptedApi, pieces: Iterable[bytes], seconds: float) -> None:
    pace = Pace(seconds)
    with pytest.raises(ApiError) as raised:
        exchanged(api, pace.of(pieces), pace)
    assert raised.value.kind == kind


def opened(head: bytes, content: bytes) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(content) + content


# What comes before an answer


@pytest.mark.parametrize("status", [100, 101, 102, 103, 199])
def test_what_comes_before_an_answer_is_skipped(api: ScriptedApi, status: int) -> None:
    before = b"HTTP/1.1 %d Not yet\r\nLink: </style.css>; rel=preload\r\n\r\n" % status
    assert exchanged(api, [before * 3 + FINE]) == {"fine": True}


ENDLESS = {
    "status line": itertools.chain([b"HTTP/1.1 200 "], itertools.repeat(b"O")),
    "headers": itertools.chain([HEAD, b"X-Long: "], itertools.repeat(b"o")),
    "100s": itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "103s": itertools.repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "body": itertools.chain([HEAD + b"Content-Length: 1000000\r\n\r\n"], itertools.repeat(b"[")),
    "body without a length": itertools.chain([HEAD + b"\r\n"], itertools.repeat(b"[")),
    "chunks": itertools.chain([CHUNKED], itertools.repeat(b"1\r\n[\r\n")),
    "a chunk": itertools.chain([CHUNKED + b"fffff\r\n"], itertools.repeat(b"[")),
    "trailers": itertools.chain([CHUNKED + b"1\r\n5\r\n0\r\n"], itertools.repeat(b"a: b\r\n")),
}


@pytest.mark.parametrize("where", ENDLESS)
def test_a_drip_that_never_ends_is_given_up(api: ScriptedApi, where: str) -> None:
    assert_ends("timed_out", api, ENDLESS[where], seconds=1)


FLOODS = {
    "100s": itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "103s": itertools.repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000),
    "headers": [HEAD, *(b"X-%d: %s\r\n" % (n, b"x" * 60_000) for n in range(50))],
    "body": itertools.chain([HEAD + b"\r\n"], itertools.repeat(b"[" * 2**20)),
    "chunks": itertools.chain([CHUNKED], itertools.repeat(b"1\r\n[\r\n" * 10_000)),
    "trailers": itertools.chain([CHUNKED, b"0\r\n"], itertools.repeat(b"a: b\r\n" * 10_000)),
    "nothing, zipped": itertools.chain(
        [HEAD + b"Content-Encoding: gzip\r\n\r\n"], itertools.repeat(gzip.compress(b"") * 10_000)
    ),
}


@pytest.mark.parametrize("where", FLOODS)
def test_a_flood_that_never_ends_is_given_up(
    api: ScriptedApi, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MOST_BYTES", 2**19)
    monkeypatch.setattr(transport, "MOST_BYTES_BEFORE_BODY", 2**18)
    with pytest.raises(ApiError) as raised:
        exchanged(api, FLOODS[where])
    assert raised.value.kind == "too_large"


# Time in proportion to size


def slow(size: int) -> list[bytes]:
    """Return an answer in pieces that an honest, slow line would bring, one a second."""
    content = json.dumps("x" * (size - 2)).encode()
    step = transport.LOWEST_BYTES_PER_SECOND
    head = HEAD + b"Content-Length: %d\r\n\r\n" % size
    return [head, *(content[start : start + step] for start in range(0, size, step))]


def test_a_large_answer_on_a_slow_line_may_take_longer_than_the_time_out(api: ScriptedApi) -> None:
    pace = Pace(seconds=1)
    size = 5 * TIMEOUT * transport.LOWEST_BYTES_PER_SECOND
    assert len(exchanged(api, pace.of(slow(size)), pace)) == size - 2


def test_silence_is_heeded_as_before_however_much_time_there_is(api: ScriptedApi) -> None:
    """The socket's own time-out runs on the real clock, so it is short here."""
    over = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield HEAD + b"Content-Length: 9000000\r\n\r\n" + b"[" * 2**20
        over.wait(10)

    api.reply = lambda _: Answer(raw=pieces())
    with pytest.raises(ApiError) as raised:
        Http(0.2).exchange(requests.Request("GET", f"{api.url}/zones"))
    over.set()
    assert raised.value.kind == "timed_out"


# Size


def test_an_answer_that_opens_to_too_much_is_refused_and_memory_stays_flat(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MOST_BYTES", 8 * 2**20)
    bomb = opened(HEAD + b"Content-Encoding: gzip\r\n", gzip.compress(b"[" * 2**27))
    assert len(bomb) < 2**18
    tracemalloc.start()
    try:
        with pytest.raises(ApiError, match="lower page_size") as raised:
            exchanged(api, [bomb])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert raised.value.kind == "too_large"
    assert peak < 3 * transport.MOST_BYTES


def test_an_answer_that_is_too_large_ends_the_run_in_one_line(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MOST_BYTES", 1000)
    api.reply = lambda _: Answer(listed({"id": 1, "name": "x" * 1000}))
    assert_fails(tap.run(api.config, streams=("zones",)), "zones: the answer is too large")
    assert len(api.api_calls) == 1


def test_an_error_that_goes_on_for_ever_is_what_its_status_says(api: ScriptedApi) -> None:
    head = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\n"
    with pytest.raises(ApiError) as raised:
        exchanged(api, itertools.chain([head], itertools.repeat(b"x" * 2**16)))
    assert (raised.value.kind, raised.value.wait_seconds) == ("server_error", 7)


def test_a_connection_is_kept_for_the_next_answer(
    api: ScriptedApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "urllib3")
    api.reply = lambda _: Answer({"fine": True})
    http = Http(TIMEOUT)
    for _ in range(3):
        http.exchange(requests.Request("GET", f"{api.url}/zones"))
    assert caplog.text.count("Starting new HTTP connection") == 1


def test_a_proxy_has_one_manager_whose_answers_are_bounded_once() -> None:
    adapter = transport.Adapter(clock=lambda: 0)
    first = adapter.proxy_manager_for("http://127.0.0.1:1")
    classes = dict(first.pool_classes_by_scheme)
    assert adapter.proxy_manager_for("http://127.0.0.1:1") is first
    assert dict(first.pool_classes_by_scheme) == classes

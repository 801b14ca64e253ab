"""One request done properly: tokens, headers, waits, retries, and what is said in the end."""

from __future__ import annotations

import logging
import socketserver
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests
import trustme

from tap_servicetitan_dispatch import __version__
from tap_servicetitan_dispatch.client import answers
from tap_servicetitan_dispatch.client.auth import TenantTokens, TokenSource
from tap_servicetitan_dispatch.client.backoff import Backoff, asked_wait
from tap_servicetitan_dispatch.client.client import Client, token_request
from tap_servicetitan_dispatch.client.failures import FAILURES, ApiError, Kind
from tap_servicetitan_dispatch.client.http import Http
from tap_servicetitan_dispatch.settings.tenants import Credentials
from tests.support.scripted_api import APP_KEY, CLIENT_SECRET, TOKEN, TOKEN_PATH, Answer, Call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.scripted_api import ScriptedApi

ONCE = Backoff(max_retries=0)
NOW = datetime(2026, 11, 1, tzinfo=UTC)


class Clock:
    """Seconds that pass only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(api: ScriptedApi, clock: Clock) -> Client:
    return client_of(api, clock, patience_seconds=30)


def client_of(api: ScriptedApi, clock: Clock, *, patience_seconds: float) -> Client:
    """Return a client that waits so long for an answer; for that to a token request, longer."""
    credentials = Credentials("cid.test", CLIENT_SECRET, APP_KEY, "1234")
    http = Http(timeout_seconds=30)
    backoff = Backoff(3, clock.sleep)
    asks = token_request(api.url + TOKEN_PATH, credentials)
    return Client(
        http=Http(patience_seconds),
        tokens=TenantTokens(
            TokenSource(lambda: http.exchange(asks, token_endpoint=True).body, backoff, clock)
        ),
        under_way=threading.Semaphore(10),
        credentials=credentials,
        api_url=api.url,
        max_requests_per_second=60,
        backoff=backoff,
        clock=clock,
    )


def one_after_the_other(*answers: Answer) -> Any:
    """Return a reply that gives each answer once, the last one for good."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


GOOD = Answer({"fine": True})


def test_a_call_carries_token_app_key_tenant_and_user_agent(
    api: ScriptedApi, client: Client
) -> None:
    api.reply = one_after_the_other(GOOD)
    assert client.get("zones", {"sort": "+Id"}).body == {"fine": True}
    [call] = api.api_calls
    assert call.path == "/dispatch/v2/tenant/1234/zones"
    assert call.query == {"sort": "+Id"}
    assert call.headers["Authorization"] == f"Bearer {TOKEN}-1"
    assert call.headers["ST-App-Key"] == APP_KEY
    assert call.headers["User-Agent"] == f"tap-servicetitan-dispatch/{__version__}"


def test_the_token_is_asked_for_as_documented(api: ScriptedApi, client: Client) -> None:
    api.reply = one_after_the_other(GOOD)
    client.get("zones", {})
    [call] = api.token_calls
    assert call.method == "POST"
    assert call.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert call.body == (
        f"grant_type=client_credentials&client_id=cid.test&client_secret={CLIENT_SECRET}"
    )
    assert "Authorization" not in call.headers


def test_a_token_serves_until_a_minute_before_its_end(
    api: ScriptedApi, client: Client, clock: Clock
) -> None:
    api.reply = one_after_the_other(GOOD)
    for now, tokens in ((1000, 1), (1839, 1), (1841, 2)):
        clock.now = now
        client.get("zones", {})
        assert len(api.token_calls) == tokens


def test_a_token_that_expires_between_two_pages_is_renewed(
    api: ScriptedApi, client: Client
) -> None:
    def reply(call: Call) -> Answer:
        return GOOD if call.headers["Authorization"].endswith("-2") else Answer({}, status=401)

    api.reply = one_after_the_other(GOOD)
    client.get("zones", {})
    api.reply = reply
    assert client.get("zones", {}).body == {"fine": True}
    assert len(api.token_calls) == 2


def test_a_token_that_expires_during_a_back_off_is_renewed(
    api: ScriptedApi, client: Client, clock: Clock
) -> None:
    api.token_lifetime = 100
    slow_down = Answer({"title": "Try again in 60 seconds."}, status=429)
    api.reply = one_after_the_other(slow_down, GOOD)
    assert client.get("zones", {}).body == {"fine": True}
    assert [call.headers["Authorization"][-2:] for call in api.api_calls] == ["-1", "-2"]
    assert [int(seconds) for seconds in clock.sleeps] == [60]


def test_a_token_rejected_twice_is_an_error_about_app_key_and_environment(
    api: ScriptedApi, client: Client
) -> None:
    api.reply = one_after_the_other(Answer({"title": "Unauthorized"}, status=401))
    with pytest.raises(ApiError, match=r"app_key.*environment") as raised:
        client.get("zones", {})
    assert raised.value.kind == "unauthorized"
    assert (len(api.token_calls), len(api.api_calls)) == (2, 2)


def test_another_threads_new_token_is_not_dropped() -> None:
    tokens = iter(["first", "second"])
    source = TokenSource(lambda: {"access_token": next(tokens), "expires_in": 900}, ONCE)
    old = source.current()
    source.drop(old)
    assert source.current() == "second"
    source.drop(old)
    assert source.current() == "second"


def test_threads_that_need_a_token_share_one_fetch() -> None:
    fetching, go_on = threading.Event(), threading.Event()
    fetched: list[str] = []

    def fetch() -> dict[str, Any]:
        fetching.set()
        go_on.wait(10)
        fetched.append("token")
        return {"access_token": "token", "expires_in": 900}

    source = TokenSource(fetch, ONCE)
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(source.current())) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert fetching.wait(10)
    go_on.set()
    for thread in threads:
        thread.join()
    assert (got, fetched) == (["token"] * 8, ["token"])


@pytest.mark.parametrize("lifetime", [None, "900", -1])
def test_a_token_of_unknown_lifetime_is_taken_to_last_as_documented(
    lifetime: Any, clock: Clock
) -> None:
    fetched: list[None] = []

    def fetch() -> dict[str, Any]:
        fetched.append(None)
        return {"access_token": "token", "expires_in": lifetime}

    source = TokenSource(fetch, ONCE, clock)
    for now, count in ((1000, 1), (1839, 1), (1841, 2)):
        clock.now = now
        source.current()
        assert len(fetched) == count


@pytest.mark.parametrize(
    "answer", [{}, {"access_token": ""}, {"access_token": 5}, {"access_token": "a b\n"}, [], "no"]
)
def test_an_answer_without_a_token_is_an_error(answer: Any) -> None:
    with pytest.raises(ApiError, match="issued no token"):
        TokenSource(lambda: answer, ONCE).current()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_the_token_endpoint_is_retried(
    api: ScriptedApi, client: Client, clock: Clock, status: int
) -> None:
    good = Answer({"access_token": TOKEN, "expires_in": 900})
    api.token_reply = one_after_the_other(Answer("", status=status), good)
    api.reply = one_after_the_other(GOOD)
    assert client.get("zones", {}).body == {"fine": True}
    assert len(clock.sleeps) == 1


def test_a_token_endpoint_that_stays_out_of_order_is_waited_for_by_itself_alone(
    api: ScriptedApi, client: Client, clock: Clock
) -> None:
    api.token_reply = lambda _: Answer("", status=503)
    with pytest.raises(ApiError, match="server error"):
        client.get("zones", {})
    assert (len(api.token_calls), len(clock.sleeps)) == (4, 3), "the call is not sent again on top"


def test_a_bad_secret_is_named_and_not_tried_again(api: ScriptedApi, client: Client) -> None:
    api.token_reply = one_after_the_other(Answer({"error": "invalid_client"}, status=400))
    with pytest.raises(ApiError, match="copy client_id and client_secret again") as raised:
        client.get("zones", {})
    assert raised.value.kind == "invalid_client"
    assert (len(api.token_calls), len(api.api_calls)) == (1, 0)


LATER = format_datetime(datetime(2026, 11, 1, 0, 0, 42, tzinfo=UTC), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "17"}, "Try again in 50 seconds.", 17),
        ({"Retry-After": LATER}, "", 42),
        ({"Retry-After": "Sat, 31 Oct 2026 00:00:00 GMT"}, "", 0),
        ({"Retry-After": "soon"}, "Rate limit is exceeded. Try again in 50 seconds.", 50),
        ({}, '{"status":429,"title":"Rate limit is exceeded. Try again in 1 second."}', 1),
        ({"Retry-After": "1.5"}, "", 1.5),
        ({"Retry-After": "Sun, 01 Nov 2026 00:00:42"}, "", 42),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2300"}, "", None),
        ({}, "Try again in 1 minute.", 60),
        ({}, "Slow down.", None),
    ],
)
def test_the_wait_that_an_answer_asks_for(
    headers: dict[str, str], body: str, seconds: float | None
) -> None:
    date = {"Date": format_datetime(NOW, usegmt=True)}
    assert asked_wait(date | headers, body) == seconds


def test_a_date_to_wait_for_says_nothing_where_the_server_does_not_tell_its_time() -> None:
    assert asked_wait({"Retry-After": LATER}, "") is None
    assert asked_wait({"Retry-After": LATER}, "Try again in 50 seconds.") == 50


@pytest.mark.parametrize(
    ("answer", "waited"),
    [
        (Answer({}, status=429, headers={"Retry-After": "7"}), 7),
        (Answer({"title": "Rate limit is exceeded. Try again in 50 seconds."}, status=429), 50),
    ],
    ids=["in the header", "in the text"],
)
def test_a_rate_limit_is_waited_for_as_long_as_it_says(
    api: ScriptedApi,
    client: Client,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    answer: Answer,
    waited: float,
) -> None:
    api.reply = one_after_the_other(answer, GOOD)
    assert client.get("zones", {}).body == {"fine": True}
    [slept] = clock.sleeps
    assert waited <= slept <= waited + 1, "spread, so that threads do not all come back at once"
    assert [record.levelno for record in caplog.records if "Waiting" in record.message] == [
        logging.WARNING
    ]
    assert f"Waiting {slept:.1f} s before try 2." in caplog.text


def test_a_rate_limit_that_names_no_time_is_waited_for_longer_and_longer(
    api: ScriptedApi, client: Client, clock: Clock
) -> None:
    api.reply = one_after_the_other(Answer({}, status=429))
    with pytest.raises(ApiError, match="rate limit is used up"):
        client.get("zones", {})
    assert len(api.api_calls) == 4
    assert [0 <= wait <= 2**turn for turn, wait in enumerate(clock.sleeps)] == [True] * 3


def test_a_wait_of_more_than_ten_minutes_is_not_begun(
    api: ScriptedApi, client: Client, clock: Clock
) -> None:
    api.reply = one_after_the_other(Answer({}, status=429, headers={"Retry-After": "601"}))
    with pytest.raises(ApiError, match="rate limit is used up"):
        client.get("zones", {})
    assert (len(api.api_calls), clock.sleeps) == (1, [])


MAINTENANCE = "The service is suspended for maintenance. Please try again later."


@pytest.mark.parametrize(
    "answer",
    [
        Answer({}, status=500),
        Answer("<html>Bad gateway</html>", status=502),
        Answer("", status=503),
        Answer("", status=504),
        Answer("", status=408),
        Answer("", status=425),
        *(Answer("error code", status=status) for status in range(520, 525)),
        Answer({"title": MAINTENANCE}, status=409),
        Answer({"fine": True}, cut_after=5),
        Answer("<html>a portal</html>"),
        Answer(reset=True),
    ],
    ids=lambda answer: f"{answer.status} {answer.body} {answer.cut_after or ''}",
)
def test_what_may_pass_is_tried_again(
    api: ScriptedApi, client: Client, clock: Clock, answer: Answer
) -> None:
    api.reply = one_after_the_other(answer, answer, GOOD)
    assert client.get("zones", {}).body == {"fine": True}
    assert len(clock.sleeps) == 2


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer({}, status=400), "bad_request"),
        (Answer({"title": "Scope validation failed"}, status=403), "missing_scope"),
        (Answer({"title": "Forbidden"}, status=403), "forbidden"),
        (
            Answer({"message": "Unable to match incoming request to an operation."}, status=404),
            "unmatched",
        ),
        (Answer({"title": "Not found"}, status=404), "not_found"),
        (Answer({"title": "Conflict"}, status=409), "conflict"),
        (Answer("", status=302, headers={"Location": "https://example.com/"}), "redirected"),
        (Answer("", status=407), "proxy_refused"),
        (Answer({}, status=418), "unexpected_status"),
        (Answer({}, status=519), "unexpected_status"),
        (Answer({}, status=525), "unexpected_status"),
        (Answer({}, status=777), "unexpected_status"),
    ],
)
def test_what_will_not_pass_is_said_at_once(
    api: ScriptedApi, client: Client, clock: Clock, answer: Answer, kind: str
) -> None:
    api.reply = one_after_the_other(answer)
    with pytest.raises(ApiError) as raised:
        client.get("zones", {})
    assert raised.value.kind == kind
    assert FAILURES[Kind(kind)].remedy in str(raised.value)
    assert (len(api.api_calls), clock.sleeps) == (1, [])


@pytest.mark.parametrize("status", [200, 418])
def test_bytes_that_are_not_text_are_an_answer_like_any_other(
    api: ScriptedApi, client: Client, status: int
) -> None:
    body = b"\xff\x00<html>"
    head = f"HTTP/1.1 {status} Odd\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    api.reply = lambda _: Answer(raw=[head.encode() + body])
    with pytest.raises(ApiError) as raised:
        client.get("zones", {})
    kind, told = {
        200: (Kind.NOT_JSON, f"{len(body)} bytes"),
        418: (Kind.UNEXPECTED_STATUS, "status 418"),
    }[status]
    assert raised.value.kind == kind
    assert told in str(raised.value)


def test_a_server_that_stays_silent_is_given_up(api: ScriptedApi, clock: Clock) -> None:
    given_up = threading.Event()

    def reply(_: Call) -> Answer:
        given_up.wait()
        return GOOD

    api.reply = reply
    try:
        with pytest.raises(ApiError) as raised:
            client_of(api, clock, patience_seconds=0.05).get("zones", {})
    finally:
        given_up.set()
    assert raised.value.kind == "timed_out"
    assert len(clock.sleeps) == 3


def test_no_server_at_all_is_a_failed_connection(
    api: ScriptedApi, client: Client, clock: Clock
) -> None:
    api.__exit__()
    try:
        with pytest.raises(ApiError, match="Connection refused") as raised:
            client.get("zones", {})
    finally:
        api.__enter__()
    assert raised.value.kind == "no_connection"
    assert len(clock.sleeps) == 3
    assert "ConnectionPool" not in str(raised.value), "only the innermost cause is shown"


def test_an_error_without_words_is_told_by_its_name() -> None:
    assert answers.failure_of(TimeoutError(), "GET zones").detail == "TimeoutError"


def test_what_an_error_does_not_come_from_is_not_its_cause() -> None:
    error = ConnectionError("reset")
    error.__context__ = TimeoutError("of something else")
    assert answers.failure_of(error, "GET zones").kind == Kind.TIMED_OUT
    error.__suppress_context__ = True
    assert answers.failure_of(error, "GET zones").detail == "ConnectionError: reset"


def test_a_certificate_that_is_not_trusted_is_said_at_once(
    api: ScriptedApi,
) -> None:
    """Anybody could have issued it; the credentials stay here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with api.encrypted(context) as url:
        stranger = requests.Request("GET", f"{url}/zones", headers={"ST-App-Key": APP_KEY})
        with pytest.raises(ApiError, match="certificate is not trusted") as raised:
            Http(timeout_seconds=5).exchange(stranger)
    assert raised.value.kind == "untrusted"
    assert not raised.value.failure.retried
    assert api.calls == []


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://a..example", ""),
        (f"https://{'a' * 64}.example", ""),
        ("https://a.example:65536", ""),
        ("https://a b.example", ""),
        ("https://*.example", ""),
        ("ftp://a.example", ""),
        ("a.example", ""),
        ("https:///zones", ""),
        ("https://a.example", "ftp://b.example:21"),
        ("https://a.example", "http://b.example:65536"),
        ("https://a.example", "http://b..example:80"),
        ("https://a.example", "http://:80"),
        ("https://a.example", "socks5://b.example:1080"),  # needs a library that is not there
    ],
)
def test_an_address_that_makes_no_sense_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, url: str, proxy: str
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    error = failure_of(url)
    assert (error.kind, error.failure.retried) == ("bad_address", False)


ALERT, FATAL = 21, 2


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no_tls"),
        (bytes([ALERT, 3, 3, 0, 2, FATAL, 40]), "no_tls"),  # no cipher that both know
        (bytes([ALERT, 3, 3, 0, 2, FATAL, 70]), "no_tls"),  # no version that both know
        (bytes([ALERT, 3, 3, 0, 2, FATAL, 112]), "no_tls"),  # no such host
        (bytes([ALERT, 3, 3, 0, 2, FATAL, 116]), "no_tls"),  # a certificate of the client is wanted
        (bytes([ALERT, 3, 3, 0, 2, FATAL, 20]), "connection_lost"),  # garbled on the way
        (bytes([ALERT, 3, 3, 0, 2, FATAL, 80]), "connection_lost"),  # "internal error"
        (b"", "connection_lost"),
    ],
)
def test_a_server_that_does_not_speak_tls_is_told_from_a_connection_that_was_lost(
    greeting: bytes, kind: str
) -> None:
    with answering(greeting) as port:
        error = failure_of(f"https://127.0.0.1:{port}")
    assert error.kind == kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "proxy_refused"), (403, "proxy_refused"), (407, "proxy_refused"), (302, "proxy_refused")]
    + [(status, "no_connection") for status in (408, 429, 502, 503, 504)],
)
def test_a_proxy_that_refuses_is_told_from_one_that_fails(
    monkeypatch: pytest.MonkeyPatch, status: int, kind: str
) -> None:
    with answering(b"HTTP/1.1 %d Reason\r\n\r\n" % status) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        error = failure_of("https://a.example")
    assert error.kind == kind


@contextmanager
def answering(greeting: bytes) -> Iterator[int]:
    """Answer whatever comes first on a connection with these bytes, and close it."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(2**16)
            self.request.sendall(greeting)

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def failure_of(url: str) -> ApiError:
    with pytest.raises(ApiError) as raised:
        Http(timeout_seconds=5).exchange(requests.Request("GET", url))
    return raised.value


def test_an_error_shows_title_field_errors_and_trace_id(api: ScriptedApi, client: Client) -> None:
    body = {
        "title": "One or more errors.",
        "errors": {"sort": ["is bad", "is odd"], "page": "is 0"},
        "traceId": "00-abc",
    }
    api.reply = one_after_the_other(Answer(body, status=400))
    with pytest.raises(ApiError) as raised:
        client.get("zones", {})
    assert (
        "(GET /dispatch/v2/tenant/1234/zones: status 400; One or more errors.; "
        "sort: is bad is odd; page: is 0; traceId 00-abc)"
    ) in str(raised.value)


def test_an_error_shows_a_bare_text(api: ScriptedApi, client: Client) -> None:
    api.reply = one_after_the_other(Answer('"No such technician"', status=400))
    with pytest.raises(ApiError, match="status 400; No such technician"):
        client.get("zones", {})


def test_cookies_are_not_kept(api: ScriptedApi, client: Client) -> None:
    api.reply = one_after_the_other(Answer({}, headers={"Set-Cookie": "route=1"}))
    client.get("zones", {})
    client.get("zones", {})
    assert all("Cookie" not in call.headers for call in api.api_calls)


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(
    api: ScriptedApi, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    api.reply = one_after_the_other(GOOD)
    assert client.get("zones", {}).body == {"fine": True}

"""What the sandbox refuses before any operation sees it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.sandbox import CREDENTIALS, Sandbox
from tests.sandbox.raw_requests import sent, status_of, with_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.caller import Caller

ZONES = f"/dispatch/v2/tenant/{CREDENTIALS['tenant_id']}/zones"


def problem_in(answer: bytes) -> dict[str, Any]:
    problem: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return problem


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(assignments=1) as sandbox:
        yield sandbox


# Hosts: a page in a browser can let its own name point to this machine ----------------------------


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"evil.example:8321",
        b"localhost.evil.example",
        b"127.0.0.1.evil.example",
        b"notlocalhost",
        b"10.0.0.1",
        b"0.0.0.0",
        b"[::2]",
        b"localhost@evil.example",
        b"evil.example#localhost",
        b"evil.example,localhost",
        b"",
    ],
)
@pytest.mark.parametrize(("method", "path"), [(b"PUT", b"/sandbox/faults"), (b"GET", b"/docs")])
def test_another_host_is_refused(sandbox: Sandbox, host: bytes, method: bytes, path: bytes) -> None:
    answer = sent(sandbox, with_host(host, method, path))
    assert status_of(answer) == 421
    assert "--allow-host" in problem_in(answer)["title"]


def test_a_request_of_http_1_0_that_names_no_host_is_refused(sandbox: Sandbox) -> None:
    assert status_of(sent(sandbox, b"GET /docs HTTP/1.0\r\n\r\n")) == 421


@pytest.mark.parametrize(
    "host",
    [b"127.0.0.1", b"127.0.0.1:8321", b"127.8.9.1", b"localhost", b"LocalHost:1", b"[::1]:80"],
)
def test_this_machine_may_be_named_in_any_way(sandbox: Sandbox, host: bytes) -> None:
    assert status_of(sent(sandbox, with_host(host))) == 200


def test_another_host_can_be_allowed() -> None:
    with Sandbox(assignments=1, allowed_hosts=["Sandbox.test"]) as sandbox:
        hosts = (b"sandbox.test:80", b"localhost", b"evil.example")
        assert [status_of(sent(sandbox, with_host(host))) for host in hosts] == [200, 200, 421]


# Bodies -------------------------------------------------------------------------------------------

TOO_LONG = 2**20 + 1


def head(*headers: str) -> bytes:
    return "\r\n".join(
        ["POST /connect/token HTTP/1.1", "Host: localhost", *headers, "", ""]
    ).encode()


def test_a_body_that_says_it_is_too_long_is_refused_unread(sandbox: Sandbox) -> None:
    answer = sent(sandbox, head(f"Content-Length: {TOO_LONG}"))
    assert status_of(answer) == 413
    assert problem_in(answer)["title"] == "The body has more than 1,048,576 bytes."


def test_a_body_that_goes_on_and_on_is_refused_once_it_is_too_long(sandbox: Sandbox) -> None:
    piece = b"10000\r\n" + b"a" * 2**16 + b"\r\n"
    answer = sent(sandbox, head("Transfer-Encoding: chunked") + piece * 17)
    assert status_of(answer) == 413


def test_the_longest_body_is_read(sandbox: Sandbox) -> None:
    body = b"a" * (TOO_LONG - 1)
    answer = sent(sandbox, head(f"Content-Length: {len(body)}", "Connection: close") + body)
    assert (status_of(answer), problem_in(answer)) == (400, {"error": "unsupported_grant_type"})


def test_a_caller_who_hangs_up_in_the_middle_of_a_body_gets_no_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Sandbox(assignments=1) as sandbox:
        assert sent(sandbox, head("Content-Length: 9") + b"half") == b""
    assert caplog.messages == []


@pytest.mark.parametrize(
    "body",
    [
        rb'{"name": "\ud83d"}',
        rb'{"name": "\udd27\ud83d"}',
        rb'{"cities": ["fine", "\uDC00"]}',
        rb'{"\udfff": 1, "name": "North"}',
        b'{"name": "\xed\xa0\xbd"}',
        b'{"name": "\xff"}',
    ],
)
def test_half_a_character_is_refused_and_not_stored(caller: Caller, body: bytes) -> None:
    before = caller.get("zones")
    answer = caller.session.post(
        caller.sandbox.url + ZONES,
        data=body,
        headers={"Content-Type": "application/json"},
        timeout=30,
    )
    assert answer.status_code == 400
    assert answer.json()["title"] == "The body is not valid text."
    assert caller.get("zones") == before


def test_a_whole_character_is_stored(caller: Caller) -> None:
    assert caller.send("POST", "zones", {"name": "Zoë 🔧"})["name"] == "Zoë 🔧"

"""Promises of SECURITY.md, and that each names tests that there are."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import requests
import trustme

from tap_servicetitan_dispatch.client.http import Http
from tap_servicetitan_dispatch.sandbox import ALL_SCOPES, CREDENTIALS, Behaviour, Sandbox
from tests.support.caller import Clock
from tests.support.runs import assert_fails, assert_no_secret, catalog_of
from tests.support.scripted_api import (
    APP_KEY,
    CLIENT_SECRET,
    SECRETS,
    TOKEN,
    TOKEN_PATH,
    Answer,
    Call,
    ScriptedApi,
    feed_of,
    page,
)
from tests.support.streams import ALL_STREAMS, OFFERED, STREAMS
from tools.markdown import exists, names_of_tests, rows, section

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runs import Command

pytestmark = pytest.mark.no_cover

ONE_PAGE = feed_of((None, page(1, more=False, token="t1")))


@pytest.mark.parametrize("promise", rows(section("SECURITY.md", "What is promised")))
def test_a_promise_names_tests_that_there_are(promise: str) -> None:
    named = names_of_tests(promise)
    assert named
    assert [test for test in named if not exists(test)] == []


# Secrets --------------------------------------------------------------------------------------


def test_secrets_that_a_server_repeats_are_not_passed_on(api: ScriptedApi, tap: Command) -> None:
    def repeat(call: Call) -> Answer:
        return Answer({"title": f"Bad: {call.headers} {call.body}"}, status=400)

    api.reply = repeat
    assert_fails(tap.run(api.config), "the API rejected the request")  # a Run searches itself
    api.token_reply = repeat
    assert_fails(tap.run(api.config), "the token endpoint issued no token")
    assert CLIENT_SECRET in api.token_calls[-1].body


def test_the_log_at_its_most_talkative_has_no_secret(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAP_SERVICETITAN_DISPATCH_LOGLEVEL", "DEBUG")
    api.reply = ONE_PAGE
    config = tap.arguments(api.config, None, catalog_of("appointment_assignments"))
    run = tap.run(None, None, None, *config)
    assert run.exit_code == 0
    assert "DEBUG" in run.stderr
    assert_no_secret(run.stderr + run.stdout)


@pytest.mark.parametrize("secret", SECRETS)
def test_the_search_finds_what_must_not_be_there(secret: str) -> None:
    with pytest.raises(AssertionError, match="secrets in the output"):
        assert_no_secret(f"Authorization: {secret}-1")


# Where credentials go -------------------------------------------------------------------------


def test_no_password_file_is_read(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login me password mine\ndefault login me password mine\n")
    monkeypatch.setenv("NETRC", str(file))
    assert requests.utils.get_netrc_auth(api.url), "requests would read it"
    api.reply = ONE_PAGE
    assert tap.run(api.config).exit_code == 0
    assert [call.headers.get("Authorization") for call in api.token_calls] == [None]
    assert [call.headers["Authorization"] for call in api.api_calls] == [f"Bearer {TOKEN}-1"]


def test_a_proxy_of_the_environment_is_used(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", api.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    api.reply = lambda _: Answer({"by": "proxy"})
    answer = Http(timeout_seconds=5).exchange(requests.Request("GET", "http://a.example/zones"))
    assert answer.body == {"by": "proxy"}
    assert [call.headers["Host"] for call in api.calls] == ["a.example"]


def test_a_ca_bundle_of_the_environment_is_used(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def here(_: object, port: int, *args: Any, **more: Any) -> Any:
        return look_up("127.0.0.1", port, *args, **more)

    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", here)
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    authority = trustme.CA()
    bundle = tmp_path / "bundle.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("a.example").configure_cert(context)
    api.reply = lambda _: Answer({"fine": True})
    with api.encrypted(context) as url:
        request = requests.Request("GET", url.replace("127.0.0.1", "a.example"))
        assert Http(timeout_seconds=5).exchange(request).body == {"fine": True}


# What is read ---------------------------------------------------------------------------------


def test_the_tap_only_reads(tap: Command) -> None:
    with Sandbox(clock=Clock(), assignments=100) as sandbox:
        config = {"environment": "sandbox", "api_url": sandbox.url}
        assert tap.run(config, streams=ALL_STREAMS).exit_code == 0
        sent = {
            (call.method, call.path.rpartition("/")[2])
            for call in sandbox.calls
            if call.path != TOKEN_PATH
        }
    assert {each for each in sent if each[0] != "GET"} == {("POST", "capacity")}


def test_the_scopes_of_the_default_streams_are_enough_and_for_reading_only(tap: Command) -> None:
    scopes = {scope for stream in OFFERED for scope in STREAMS[stream].scopes}
    assert all(scope.endswith(":r") for scope in scopes)
    behaviour = Behaviour(missing_scopes=ALL_SCOPES - scopes)
    with Sandbox(clock=Clock(), assignments=100, behaviour=behaviour) as sandbox:
        run = tap.run({"environment": "sandbox", "api_url": sandbox.url}, streams=None)
    assert run.exit_code == 0, run.stderr


# The sandbox ----------------------------------------------------------------------------------


def test_the_sandbox_listens_on_loopback_only() -> None:
    # A server that listened on all addresses would answer on this one, too.
    with Sandbox(assignments=1) as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        assert requests.get(f"{sandbox.url}/sandbox/faults", timeout=5).ok
        with pytest.raises(OSError, match=r"refused|timed out|assign|unreachable"):
            socket.create_connection(("127.0.0.2", port), timeout=1)


def test_the_sandbox_gets_none_of_your_credentials(api: ScriptedApi, tap: Command) -> None:
    api.reply = ONE_PAGE
    mine = api.config | {"environment": "sandbox"}
    tap.run(mine)
    assert CREDENTIALS["client_secret"] in api.token_calls[0].body
    shown = " ".join(f"{call.path} {call.headers} {call.body}" for call in api.calls)
    assert [name for name in (APP_KEY, CLIENT_SECRET, "cid.test") if name in shown] == []
    assert CREDENTIALS["app_key"] in shown

"""No secret is written anywhere, and credentials go where they were meant to go and nowhere else.

Each `Run` searches what it wrote for secrets as it is made; the tests here see to it that there was
something to find, in the most talkative logs there are.
"""

from __future__ import annotations

import gzip
import json
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from tap_servicetitan_dispatch import __version__
from tap_servicetitan_dispatch.streams.appointment_assignments import AppointmentAssignments
from tests.support.runs import Run, assert_fails, assert_no_secret, bookmarked
from tests.support.scripted_api import (
    APP_KEY,
    CLIENT_SECRET,
    SECRETS,
    TOKEN,
    Answer,
    Call,
    ScriptedApi,
    feed_of,
    page,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.runs import Command

    Echo = Callable[[Call, int], Answer]

pytestmark = pytest.mark.usefixtures("no_waiting")


def assert_talkative(run: Run, how: str) -> None:
    """The log has lines at level debug, in the form that was asked for."""
    if how == "structured":
        entries = [json.loads(line) for line in run.stderr.splitlines() if line.startswith("{")]
        assert "debug" in {entry["level"] for entry in entries}
    else:
        assert "| DEBUG " in run.stderr


def echo(call: Call) -> str:
    """Return all that a call has shown."""
    return f"{call.body} {call.headers} {call.method} {call.path}"


def in_title(call: Call, status: int) -> Answer:
    return Answer({"title": echo(call), "traceId": "00-ab"}, status=status)


def in_errors(call: Call, status: int) -> Answer:
    return Answer({"errors": {"headers": [echo(call)], "body": echo(call)}}, status=status)


def in_message(call: Call, status: int) -> Answer:
    return Answer(
        {"message": echo(call), "error": echo(call), "traceId": echo(call)}, status=status
    )


def in_description(call: Call, status: int) -> Answer:
    return Answer({"error": "invalid_client", "error_description": echo(call)}, status=status)


def in_bare_text(call: Call, status: int) -> Answer:
    return Answer(json.dumps(echo(call)), status=status)


def in_no_json(call: Call, status: int) -> Answer:
    return Answer(f"<pre>{echo(call)}</pre>", status=status)


def in_keys_of_a_list(call: Call, _: int) -> Answer:
    return Answer([echo(call)])


def in_a_location(call: Call, _: int) -> Answer:
    return Answer(
        "", status=302, headers={"Location": f"https://elsewhere.example/?{TOKEN}", "X": call.path}
    )


ECHOES = [in_title, in_errors, in_message, in_description, in_bare_text, in_no_json]
STATUSES = [400, 401, 403, 404, 409, 418, 429, 503]


def echoing(api: ScriptedApi, echo: Echo, status: int, *, at_token_endpoint: bool) -> None:
    """Have the API repeat what it was shown; the text says that the run got as far."""
    if at_token_endpoint:
        api.token_reply = lambda call: echo(call, status)
    else:
        api.reply = lambda call: echo(call, status)


def good(api: ScriptedApi) -> None:
    api.reply = feed_of(
        (None, page(1, more=True, token="t1")), ("t1", page(2, more=False, token="t2"))
    )


def test_the_search_finds_each_secret_in_whatever_a_run_wrote() -> None:
    for secret in SECRETS:
        with pytest.raises(AssertionError, match="secrets in the output"):
            Run(0, f"a {secret} b", "")
        with pytest.raises(AssertionError, match="secrets in the output"):
            Run(0, "", f"a {secret} b")


# What is written


def test_a_good_run_writes_no_secret(api: ScriptedApi, tap: Command, talkative: str) -> None:
    good(api)
    run = tap.run(api.config)
    assert_talkative(run, talkative)
    assert (run.exit_code, run.ids, run.states[-1]) == (0, [1, 2], bookmarked("t2"))


@pytest.mark.no_cover
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("repeat", ECHOES)
@pytest.mark.parametrize("where", ["token endpoint", "API"])
def test_an_error_that_repeats_credentials_writes_no_secret(
    api: ScriptedApi, tap: Command, talkative: str, where: str, repeat: Echo, status: int
) -> None:
    echoing(api, repeat, status, at_token_endpoint=where == "token endpoint")
    run = tap.run(api.config | {"max_retries": 1}, streams=("zones",))
    assert_talkative(run, talkative)
    assert run.exit_code == 1
    if repeat is not in_no_json:
        assert "[redacted]" in run.stderr, "what was repeated has been taken out"


@pytest.mark.no_cover
@pytest.mark.parametrize("repeat", [in_no_json, in_keys_of_a_list, in_a_location])
@pytest.mark.parametrize("where", ["token endpoint", "API"])
def test_an_odd_answer_that_repeats_credentials_writes_no_secret(
    api: ScriptedApi, tap: Command, talkative: str, where: str, repeat: Echo
) -> None:
    echoing(api, repeat, 200, at_token_endpoint=where == "token endpoint")
    run = tap.run(api.config | {"max_retries": 1}, streams=("zones",))
    assert_talkative(run, talkative)
    assert run.exit_code == 1


@pytest.mark.parametrize(
    "answer",
    [Answer(reset=True), Answer({"data": []}, cut_after=3), Answer("[" * 50_000)],
    ids=["reset", "cut short", "deep"],
)
def test_a_chain_of_exceptions_writes_no_secret(
    api: ScriptedApi, tap: Command, talkative: str, answer: Answer
) -> None:
    api.reply = lambda _: answer
    run = tap.run(api.config | {"max_retries": 1}, streams=("zones",))
    assert_talkative(run, talkative)
    assert run.exit_code == 1


def test_a_traceback_writes_no_secret(
    api: ScriptedApi, tap: Command, talkative: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(f"a bug that shows {CLIENT_SECRET}")

    good(api)
    monkeypatch.setattr(AppointmentAssignments, "walk", broken)
    run = tap.run(api.config)
    assert_talkative(run, talkative)
    assert run.exit_code == 1
    assert '"traceback"' in run.stderr or "Traceback" in run.stderr


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"tenant_id": CLIENT_SECRET}, "tenant_id: is not a tenant number"),
        ({"tenant_id": f"1234 {APP_KEY}"}, "tenant_id: is not a tenant number"),
        ({"client_id": f"{CLIENT_SECRET}\nx"}, "client_id: has a character that no"),
        ({"client_secret": f"{CLIENT_SECRET}\u200b"}, "client_secret: has a character"),
        ({"client_secret": [CLIENT_SECRET]}, "client_secret: the value is not of type string"),
        ({"app_key": {"key": APP_KEY}}, "app_key: the value is not of type string"),
        ({"api_url": f"https://user:{CLIENT_SECRET}@api.servicetitan.io"}, "api_url: must not"),
        ({"api_url": f"https://{APP_KEY}@api.servicetitan.io"}, "api_url: must not have a user"),
        ({"auth_url": f"https://auth.example/?key={APP_KEY}"}, "auth_url: must not have a user"),
        ({"auth_url": f"https://auth.example/#{APP_KEY}"}, "auth_url: must not have a user"),
        ({"api_url": f"{APP_KEY}"}, "api_url: is not an http(s) address"),
        ({"api_url": f"http://{APP_KEY}.example"}, "api_url: must be https"),
    ],
)
def test_a_secret_in_the_wrong_setting_is_not_written(
    api: ScriptedApi, tap: Command, talkative: str, wrong: dict[str, Any], text: str
) -> None:
    run = tap.run(api.config | wrong)
    assert run.exit_code == 1
    assert text in run.stderr, talkative
    assert api.calls == []


def test_client_id_and_secret_mixed_up_are_not_written(
    api: ScriptedApi, tap: Command, talkative: str
) -> None:
    api.token_reply = lambda _: Answer({"error": "invalid_client"}, status=400)
    run = tap.run(api.config | {"client_id": CLIENT_SECRET, "client_secret": "cid.test"})
    assert_talkative(run, talkative)
    assert "ServiceTitan does not know this client id and secret" in run.stderr


@pytest.mark.parametrize("how", [[], ["--format", "json"], ["--format", "markdown"]])
def test_what_the_tap_says_of_itself_has_no_secret_in_it(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch, talkative: str, how: list[str]
) -> None:
    for name in ("client_secret", "app_key"):
        monkeypatch.setenv(f"TAP_SERVICETITAN_DISPATCH_{name.upper()}", api.config[name])
    options = [*tap.arguments(api.config), "--config", "ENV", "--about", *how]
    run = tap.run(None, None, None, *options)
    assert run.exit_code == 0, talkative
    assert "client_secret" in run.stdout


def test_a_run_that_only_tests_the_connection_writes_no_secret(
    api: ScriptedApi, tap: Command, talkative: str
) -> None:
    echoing(api, in_title, 400, at_token_endpoint=False)
    run = tap.run(None, None, None, *tap.arguments(api.config), "--test")
    assert_talkative(run, talkative)
    assert run.exit_code == 1


def test_discovery_writes_no_secret(api: ScriptedApi, tap: Command, talkative: str) -> None:
    run = tap.run(None, None, None, *tap.arguments(api.config), "--discover")
    assert run.exit_code == 0, talkative
    assert "zones" in run.stdout


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("repeat", "at_token_endpoint"),
    [(None, False), (in_title, False), (in_errors, True), (in_no_json, False)],
    ids=["good", "API", "token endpoint", "no JSON"],
)
def test_a_process_of_its_own_writes_no_secret(
    api: ScriptedApi, tap: Command, talkative: str, repeat: Echo | None, *, at_token_endpoint: bool
) -> None:
    good(api)
    if repeat:
        echoing(api, repeat, 400, at_token_endpoint=at_token_endpoint)
    process = tap.start(api.config | {"max_retries": 0})
    stdout, stderr = process.communicate()
    run = Run(process.returncode, stdout, stderr)
    assert_talkative(run, talkative)
    assert run.exit_code == (1 if repeat else 0)
    assert run.bookmark == (None if repeat else "t2")


def test_what_lies_about_after_a_run_has_no_secret_in_it_but_the_config(
    api: ScriptedApi, tap: Command
) -> None:
    good(api)
    folder = tap.folder / "batches"
    folder.mkdir()
    batches = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": folder.as_uri()},
    }
    run = tap.run(api.config | {"batch_config": batches})
    assert run.exit_code == 0
    config = tap.folder / "config.json"
    written = [path for path in tap.folder.rglob("*") if path.is_file() and path != config]
    assert any(folder in path.parents for path in written)
    for path in written:
        content = path.read_bytes()
        is_zipped = content.startswith(b"\x1f\x8b")
        assert_no_secret((gzip.decompress(content) if is_zipped else content).decode())


# Where credentials go


@pytest.fixture
def elsewhere() -> Iterator[ScriptedApi]:
    with ScriptedApi() as other:
        yield other


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["token endpoint", "API"])
def test_nothing_is_sent_to_the_target_of_a_redirect(
    api: ScriptedApi, elsewhere: ScriptedApi, tap: Command, where: str, status: int
) -> None:
    def redirect(call: Call) -> Answer:
        return Answer("", status=status, headers={"Location": elsewhere.url + call.path})

    if where == "API":
        api.reply = redirect
    else:
        api.token_reply = redirect
    run = tap.run(api.config, streams=("zones",))
    assert_fails(run, "zones: the server redirects elsewhere")
    assert elsewhere.calls == []
    assert len(api.api_calls if where == "API" else api.token_calls) == 1


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1.example.com",
        "127.0.0.1.nip.io",
        "localhost.example.com",
        "localhost.",
        "notlocalhost",
        "127.0.0.1@example.com",
        "localhost:80@example.com",
        "127.0.0.1\\@example.com",
        "127.0.0.1\\.example.com",
        "example.com\\@127.0.0.1",
        "example.com#@127.0.0.1",
        "example.com?@127.0.0.1",
        "127.0.0.1%2eexample.com",
        "127.0.0.1\t.example.com",
        "128.0.0.1",
        "10.0.0.1",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "[::2]",
        "api.servicetitan.io",
        "example.com\\[::1]",
        "example.com\\[::1]:80",
        "example.com[::1]",
        "[::1].example.com",
        "[::1]\\.example.com",
        "[::1%25lo]",
        "localhost%2f.example.com",
        "%6cocalhost",
        "ⓛocalhost",
        "127.0.0.1 .example.com",
        "127.0.0.1\n.example.com",
        "127.0.0.1\0.example.com",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "localhost:99999",
        "localhost:http",
    ],
)
@pytest.mark.parametrize("setting", ["api_url", "auth_url"])
@pytest.mark.parametrize("environment", ["production", "sandbox"])
def test_credentials_do_not_travel_over_plain_http(
    api: ScriptedApi, tap: Command, host: str, setting: str, environment: str
) -> None:
    run = tap.run(api.config | {"environment": environment, setting: f"http://{host}/connect"})
    assert run.exit_code == 1
    assert [line for line in run.errors if line.startswith(f"{setting}: ")], run.stderr
    assert api.calls == []


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "url",
    [
        "https://api.servicetitan.io\\@example.com",
        "https://example.com\\@api.servicetitan.io",
        "https://example.com\\.api.servicetitan.io",
        "https://api.servicetitan.io\\..\\x",
        "https://api.servicetitan.io /x",
        "https://api.servicetitan.io/a b",
        " https://api.servicetitan.io",
        "https://api.servicetitan.io\u00a0",
        "https://api.servicetitan.io/\r\nX-Header: 1",
        "https://api.servicetitan.io\u2028",
        "https://api.servicetitan.io\x7f",
        "https://\uff41pi.servicetitan.io",
        "https://api.servicetitan.io%2f.example.com",
        "https://api.servicetitan.io:0",
        "https://api.servicetitan.io:443:443",
        "https:/api.servicetitan.io",
        "https:api.servicetitan.io",
        "https:\\\\api.servicetitan.io",
        "//api.servicetitan.io",
        "https://",
        "https://:443",
        "https://.",
        "https://*.example.com",
    ],
)
@pytest.mark.parametrize("setting", ["api_url", "auth_url"])
def test_an_address_that_two_readers_could_read_differently_is_refused(
    api: ScriptedApi, tap: Command, url: str, setting: str
) -> None:
    run = tap.run(api.config | {setting: url})
    assert run.exit_code == 1
    assert [line for line in run.errors if line.startswith(f"{setting}: ")], run.stderr
    assert api.calls == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_this_machine_may_be_reached_over_plain_http(
    api: ScriptedApi, tap: Command, host: str
) -> None:
    good(api)
    url = api.url.replace("127.0.0.1", host)
    run = tap.run(api.config | {"api_url": url, "auth_url": f"{url}/connect/token"})
    assert (run.exit_code, run.ids) == (0, [1, 2])


def test_every_call_names_tap_and_version(api: ScriptedApi, tap: Command) -> None:
    good(api)
    tap.run(api.config)
    assert (len(api.token_calls), len(api.api_calls)) == (1, 2)
    agents = {call.headers["User-Agent"] for call in api.calls}
    assert agents == {f"tap-servicetitan-dispatch/{__version__}"}


def test_a_password_file_is_not_used(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tap.folder / ".netrc"
    path.write_text("machine 127.0.0.1 login somebody password elses\ndefault login a password b\n")
    path.chmod(0o600)
    monkeypatch.setenv("HOME", str(tap.folder))
    monkeypatch.setenv("NETRC", str(path))
    good(api)
    assert tap.run(api.config).ids == [1, 2]
    assert ["Authorization" in call.headers for call in api.token_calls] == [False]
    assert {call.headers["Authorization"] for call in api.api_calls} == {f"Bearer {TOKEN}-1"}


def test_the_app_key_is_not_sent_to_the_token_endpoint_nor_the_secret_to_the_api(
    api: ScriptedApi, tap: Command
) -> None:
    good(api)
    tap.run(api.config)
    assert [APP_KEY in echo(call) for call in api.token_calls] == [False]
    assert {CLIENT_SECRET in echo(call) for call in api.api_calls} == {False}


@contextmanager
def unvouched(api: ScriptedApi) -> Iterator[str]:
    """Yield the address of an API whose certificate nobody has vouched for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with api.encrypted(context) as url:
        yield url


@pytest.mark.parametrize("setting", ["api_url", "auth_url"])
@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": ""},
        {"PYTHONHTTPSVERIFY": "0", "NODE_TLS_REJECT_UNAUTHORIZED": "0"},
        {"REQUESTS_CA_BUNDLE": "false", "TAP_SERVICETITAN_DISPATCH_VERIFY": "false"},
    ],
)
def test_a_certificate_is_verified_whatever_the_environment_and_the_settings_say(
    api: ScriptedApi,
    tap: Command,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    setting: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    good(api)
    with unvouched(api) as url:
        target = url + ("/connect/token" if setting == "auth_url" else "")
        off = {"verify": False, "verify_ssl": False, "ssl_verify": False, "insecure": True}
        run = tap.run(api.config | off | {setting: target})
    assert_fails(run, "the server's certificate is not trusted")
    assert len(api.calls) == (1 if setting == "api_url" else 0), "the token, at the most"
    assert api.api_calls == []

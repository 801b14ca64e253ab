"""What comes from elsewhere brings no secret, no line of its own and no end of it into a log."""

from __future__ import annotations

import json
import logging
import os
import re
import traceback
from base64 import b64encode, urlsafe_b64encode
from time import thread_time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_servicetitan_dispatch.client.client import token_request
from tap_servicetitan_dispatch.client.failures import ApiError
from tap_servicetitan_dispatch.client.http import Http
from tap_servicetitan_dispatch.log.redaction import LogFilter, Secrets, guard_logs, one_line
from tap_servicetitan_dispatch.settings.tenants import Credentials
from tests.support.runs import Run, assert_fails, assert_no_secret, catalog_of
from tests.support.scripted_api import (
    TOKEN_PATH,
    Answer,
    Call,
    ScriptedApi,
    feed_of,
    listed,
    page,
    row,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.runs import Command

    Repeat = Callable[[str], Answer]

pytestmark = pytest.mark.usefixtures("no_waiting")

CLIENT_SECRET = 'cs1.odd+kept/secret&of="client"=='
APP_KEY = "ak1.odd+kept/secret'of app'%41".replace(" ", "_")
TOKEN = "odd+kept/secret.of_token=="
PROXY_USER, PROXY_PASSWORD = "kept-proxy-user", "kept/proxy:pass@word"
SECRETS = (CLIENT_SECRET, APP_KEY, TOKEN, PROXY_USER, PROXY_PASSWORD)


@pytest.fixture
def odd(api: ScriptedApi) -> dict[str, Any]:
    """Settings with secrets that are written in many ways, and a token of that kind."""
    api.token_reply = lambda _: Answer({"access_token": TOKEN, "expires_in": 900})
    return api.config | {"client_secret": CLIENT_SECRET, "app_key": APP_KEY}


def lines_of(run: Run, talkative: str) -> list[str]:
    """Return what the log says, message by message."""
    lines = run.stderr.splitlines()
    if talkative == "structured":
        entries = [json.loads(line) for line in lines if line.startswith("{")]
        assert "debug" in {entry["level"] for entry in entries}
        return [entry["message"] for entry in entries]
    assert "| DEBUG " in run.stderr
    return [line.split("| ", 3)[-1] for line in lines]


# Whatever part of an answer repeats a secret --------------------------------------------------


def raw(head: str, body: str = "") -> Answer:
    return Answer(raw=[f"{head}\r\n\r\n{body}".encode()])


def in_status_line(text: str) -> Answer:
    return raw(f"HTTP/1.1 {text}")


def in_place_of_http(text: str) -> Answer:
    return raw(text)


def in_reason(text: str) -> Answer:
    return raw(f"HTTP/1.1 500 {text}\r\nContent-Length: 0")


def in_broken_header(text: str) -> Answer:
    return raw(f"HTTP/1.1 200 OK\r\n{text}\r\nContent-Length: 2", "[]")


def in_content_length(text: str) -> Answer:
    return raw(f"HTTP/1.1 200 OK\r\nContent-Length: {text}", "[]")


def in_content_encoding(text: str) -> Answer:
    return raw(f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, {text}\r\nContent-Length: 2", "[]")


def in_transfer_encoding(text: str) -> Answer:
    return raw(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {text}", "[]")


def in_chunk_size(text: str) -> Answer:
    return raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", f"{text}\r\n")


def in_location(text: str) -> Answer:
    return raw(f"HTTP/1.1 302 Found\r\nLocation: https://x.example/{text}\r\nContent-Length: 0")


def in_retry_after(text: str) -> Answer:
    return raw(f"HTTP/1.1 503 No\r\nRetry-After: {text}\r\nDate: {text}\r\nContent-Length: 0")


def in_title(text: str) -> Answer:
    return Answer({"title": text, "traceId": text, "errors": {text: [text]}}, status=400)


def in_bare_text(text: str) -> Answer:
    return Answer(json.dumps(text), status=429)


def in_key_of_an_answer(text: str) -> Answer:
    return Answer({text: 1})


def in_row_without_id(text: str) -> Answer:
    return Answer(listed({"name": text, text: 1}))


def in_unknown_field(text: str) -> Answer:
    return Answer(listed({"id": 1, text: 1}))


def in_more_rows_than_end(text: str) -> Answer:
    return Answer(listed({"id": 1, "modifiedOn": text}, more=True))


REPEATS = [value for name, value in list(globals().items()) if name.startswith("in_")]


def written(secret: str) -> list[str]:
    """Return ways in which a server might write a secret."""
    return [
        secret,
        quote(secret, safe=""),
        quote(secret, safe="").lower(),
        quote_plus(quote_plus(secret)),
        json.dumps(secret),
        repr(secret.encode()),
        b64encode(secret.encode()).decode(),
        urlsafe_b64encode(f"id:{secret}".encode()).decode(),
        quote(b64encode(f"?{secret}!".encode())),
        secret.replace("&", "&amp;").replace('"', "&quot;").replace("'", "&#39;"),
        secret.replace("+", "\\u002b").replace("/", "\\/"),
    ]


def refuse(api: ScriptedApi, where: str, answer: Answer) -> tuple[str, ...]:
    """Let an answer of the API, or its token endpoint, be bad; return the secrets it has seen."""
    if where == "API":
        api.reply = lambda _: answer
        return CLIENT_SECRET, APP_KEY, TOKEN
    api.token_reply = lambda _: answer
    return CLIENT_SECRET, APP_KEY


@pytest.mark.no_cover
@pytest.mark.parametrize("repeat", REPEATS)
@pytest.mark.parametrize("where", ["token endpoint", "API"])
def test_no_part_of_an_answer_brings_a_secret_into_the_log(
    api: ScriptedApi, tap: Command, odd: dict[str, Any], talkative: str, where: str, repeat: Repeat
) -> None:
    seen = refuse(api, where, Answer())
    refuse(api, where, repeat(" ".join([*seen, *map(quote, seen)])))
    run = tap.run(odd | {"max_retries": 0}, streams=("zones",))
    assert lines_of(run, talkative)
    assert_no_secret(run.stderr, SECRETS)


@pytest.mark.no_cover
@pytest.mark.parametrize("where", ["token endpoint", "API"])
def test_a_secret_is_not_written_in_whatever_way_a_server_writes_it(
    api: ScriptedApi, tap: Command, odd: dict[str, Any], talkative: str, where: str
) -> None:
    for secret in refuse(api, where, Answer()):
        for text in written(secret):
            refuse(api, where, in_title(f"<{text}>"))
            run = tap.run(odd | {"max_retries": 0}, streams=("zones",))
            assert text not in run.stderr
            [line] = [line for line in lines_of(run, talkative) if "status 400" in line]
            assert re.search(r"<.{0,4}\[redacted\].{0,8}>", line), line


def test_a_dropped_token_is_still_a_secret(
    api: ScriptedApi, tap: Command, odd: dict[str, Any], talkative: str
) -> None:
    tokens = iter(["first-kept-token", "second-kept-token"])
    api.token_reply = lambda _: Answer({"access_token": next(tokens), "expires_in": 900})
    shown: list[str] = []

    def reply(call: Call) -> Answer:
        shown.append(call.headers["Authorization"].removeprefix("Bearer "))
        return Answer({"title": f"not {' '.join(shown)}"}, status=401)

    api.reply = reply
    run = tap.run(odd, streams=("zones",))
    assert shown == ["first-kept-token", "second-kept-token"]
    assert [line for line in lines_of(run, talkative) if "status 401" in line]
    assert_no_secret(run.stderr, shown)


def test_names_of_people_do_not_get_into_the_log(
    api: ScriptedApi, tap: Command, odd: dict[str, Any], talkative: str
) -> None:
    person = {key: value for key, value in row(1).items() if key != "id"}
    api.reply = lambda _: Answer({"hasMore": False, "continueFrom": "t", "data": [person]})
    run = tap.run(odd)
    [line] = [line for line in lines_of(run, talkative) if "without id" in line]
    assert line.startswith(
        "appointment_assignments: the API gave a row without id, it has: active,"
    )
    assert person["technicianName"] not in run.stderr


# Proxies --------------------------------------------------------------------------------------


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "proxy",
    [
        "http://{user}:{password}@proxy.example:port",
        "http://{user}:{password}@proxy.example:99999",
        "http://{user}:{password}@",
        "http://{user}:{password}@[::1",
        "http://{user}:{password}@proxy .example",
        "ftp://{user}:{password}@proxy.example",
        "http:/{user}:{password}@proxy.example:80",
        "{user}:{password}@proxy.example:80:80",
        "http://{user}:{password}@127.0.0.1:9",
    ],
)
@pytest.mark.parametrize("quoted", [True, False])
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "all_proxy"])
def test_the_user_of_a_proxy_is_not_written(
    tap: Command,
    odd: dict[str, Any],
    talkative: str,
    monkeypatch: pytest.MonkeyPatch,
    proxy: str,
    name: str,
    quoted: bool,  # noqa: FBT001 - a parameter
) -> None:
    for each in os.environ:
        if each.lower().endswith("_proxy"):
            monkeypatch.delenv(each)
    password = quote(PROXY_PASSWORD, safe="") if quoted else PROXY_PASSWORD
    monkeypatch.setenv(name, proxy.format(user=PROXY_USER, password=password))
    away = {"api_url": "https://a.example", "auth_url": "https://a.example/connect/token"}
    run = tap.run(odd | away | {"max_retries": 0}, streams=("zones",))
    assert run.exit_code == 1
    assert lines_of(run, talkative)
    assert_no_secret(run.stderr, SECRETS)
    assert "kept/proxy" not in run.stderr


# Whatever somebody logs -----------------------------------------------------------------------


class Odd:
    def __str__(self) -> str:
        return f"an object with {TOKEN}"


def fail() -> None:
    try:
        dict[object, object]()[APP_KEY, Odd()]
    except KeyError:
        try:
            int(TOKEN)
        except ValueError as cause:
            raise RuntimeError({"of": CLIENT_SECRET}) from cause


def say_everything(name: str) -> None:
    """Write secrets into the log in every way that there is."""
    logger = logging.getLogger(name)
    logger.warning(f"formatted {TOKEN}")  # noqa: G004 - that is the point
    logger.warning("arguments %s %r", TOKEN, {"key": APP_KEY})
    logger.warning("object %s", Odd())
    logger.warning(Odd())
    logger.warning("named %(key)s", {"key": CLIENT_SECRET})
    logger.warning("misfit %s %s", TOKEN)  # noqa: PLE1206 - that is the point
    extra = {"text": TOKEN, "nested": {"list": [APP_KEY], CLIENT_SECRET: (1, TOKEN)}, "o": Odd()}
    logger.warning("extra", extra=extra)
    logger.warning("stack", stack_info=True)
    try:
        fail()
    except RuntimeError:
        logger.exception("failed")
        logger.debug("failed again", exc_info=True)


@pytest.mark.parametrize("name", ["", "urllib3.connectionpool", "of.somebody.else"])
def test_no_logger_writes_a_secret_whatever_it_is_given(
    api: ScriptedApi, tap: Command, odd: dict[str, Any], talkative: str, name: str
) -> None:
    def reply(_: Call) -> Answer:
        say_everything(name)
        return Answer(page(1, more=False, token="t1"))

    api.reply = reply
    run = tap.run(odd)
    assert run.exit_code == 0
    assert_no_secret(run.stderr, SECRETS)
    said = lines_of(run, talkative)
    assert said.count("an object with [redacted]") == 1
    for begin in ("formatted [", "arguments [", "object an", "named [", "misfit %s %s", "failed"):
        assert [line for line in said if line.startswith(begin)], begin
    assert "Logging error" not in run.stderr
    assert "in fail" in run.stderr or '"function":"fail"' in run.stderr, "where it happened"
    if talkative == "structured":
        [entry] = [json.loads(one) for one in run.stderr.splitlines() if '"message":"extra"' in one]
        assert entry["extra"]["text"] == "[redacted]"
        assert entry["extra"]["nested"] == {"list": ["[redacted]"], "[redacted]": [1, "[redacted]"]}


def test_metrics_stay_what_they_are(
    api: ScriptedApi, tap: Command, odd: dict[str, Any], talkative: str
) -> None:
    api.reply = feed_of((None, page(1, more=False, token="t1")))
    run = tap.run(odd)
    [line] = [line for line in run.stderr.splitlines() if "record_count" in line]
    if talkative == "structured":
        metric = json.loads(line)["metric_info"]
    else:
        metric = json.loads(line.partition("METRIC: ")[2])
    assert (metric["metric"], metric["value"]) == ("record_count", 1)


# What an exception carries --------------------------------------------------------------------


def chain_of(error: BaseException | None) -> list[BaseException]:
    """Return an exception, and all that it came from, told or not."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and each not in found:
            found.append(each)
            waiting += [each.__cause__, each.__context__]
    return found


@pytest.mark.parametrize(
    "answer",
    [
        Answer(reset=True),
        Answer(raw=[b"no HTTP at all\r\n\r\n"]),
        Answer({"data": []}, cut_after=3),
        Answer({"error": "invalid_client"}, status=400),
        Answer("no JSON"),
    ],
    ids=["reset", "no HTTP", "cut short", "refused", "no JSON"],
)
def test_no_exception_carries_the_client_secret(api: ScriptedApi, answer: Answer) -> None:
    api.token_reply = lambda _: answer
    request = token_request(
        api.url + TOKEN_PATH, Credentials("cid.test", CLIENT_SECRET, APP_KEY, "1234")
    )
    with pytest.raises(ApiError) as raised:
        Http(timeout_seconds=5).exchange(request, token_endpoint=True)
    for error in chain_of(raised.value):
        held = [error, *error.args, *vars(error).values()]
        held += [value for each in held for value in getattr(each, "__dict__", {}).values()]
        assert_no_secret(" ".join(map(repr, held)), SECRETS)


def test_what_was_shown_is_not_in_the_text_of_an_error_either(api: ScriptedApi) -> None:
    api.token_reply = lambda call: Answer({"title": call.body}, status=400)
    request = token_request(
        api.url + TOKEN_PATH, Credentials("cid.test", CLIENT_SECRET, APP_KEY, "1234")
    )
    with pytest.raises(ApiError) as raised:
        Http(timeout_seconds=5).exchange(request, token_endpoint=True)
    assert_no_secret("".join(traceback.format_exception(raised.value)), SECRETS)
    assert "client_id=" in str(raised.value)


# One line for each message --------------------------------------------------------------------

FORGED = "2026-11-01 08:00:00,000 | ERROR    | tap-servicetitan-dispatch      | forged"
BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\0"]
CONTROLS = ["\x1b[2J", "\x1b]0;title\x07", "\b\b\b", "\x9b2J", "\u202egnp", "\x7f"]


@pytest.mark.no_cover
@pytest.mark.parametrize("repeat", REPEATS)
def test_no_part_of_an_answer_makes_a_line_of_its_own_or_moves_the_cursor(
    api: ScriptedApi, tap: Command, talkative: str, repeat: Repeat
) -> None:
    refuse(api, "API", repeat("".join(f"a{odd}{FORGED}" for odd in [*BREAKS, *CONTROLS])))
    run = tap.run(api.config | {"max_retries": 0}, streams=("zones",))
    assert lines_of(run, talkative)
    assert not [line for line in run.stderr.splitlines() if line.startswith(FORGED[:19])]
    assert {each for each in run.stderr if not each.isprintable()} == {"\n"}


@pytest.mark.no_cover
@pytest.mark.parametrize("odd", [*BREAKS, *CONTROLS])
def test_an_odd_character_in_what_is_given_is_escaped(
    api: ScriptedApi, tap: Command, odd: str
) -> None:
    state = {"bookmarks": {"zones": {"replication_key_value": f"x{odd}{FORGED}"}}}
    run = tap.run(api.config, state, streams=("zones",))
    assert_fails(run, "is not a date-time")
    assert {each for each in run.stderr if not each.isprintable()} == {"\n"}


# Not too much ---------------------------------------------------------------------------------


@pytest.mark.no_cover
@pytest.mark.parametrize("repeat", REPEATS)
def test_a_message_has_about_a_thousand_characters_at_most(
    api: ScriptedApi, tap: Command, talkative: str, repeat: Repeat
) -> None:
    refuse(api, "API", repeat("long " * 10_000))
    run = tap.run(api.config | {"max_retries": 0}, streams=("zones",))
    assert max(map(len, lines_of(run, talkative))) < 1_100
    for line in run.errors:
        assert "What to do:" in line, "that is not what was cut off"


def test_thousands_of_unknown_fields_cost_a_few_warnings(
    api: ScriptedApi, tap: Command, talkative: str
) -> None:
    rows = [{"id": number, f"new{number}": 1} for number in range(3_000)]
    api.reply = lambda _: Answer(listed(*rows))
    run = tap.run(api.config, streams=("zones",))
    assert run.records == [{"id": number} for number in range(3_000)]
    warnings = [line for line in lines_of(run, talkative) if "not in the schema" in line]
    assert 1 < len(warnings) <= 10
    assert "new0" in warnings[0]
    assert "no more" in warnings[-1]


# Other ways out than the log ------------------------------------------------------------------


def escaped(text: str) -> str:
    return text.encode("unicode_escape").decode()


@pytest.mark.no_cover
@pytest.mark.parametrize("how", ["--check", "--check=json"])
@pytest.mark.parametrize("where", ["token endpoint", "API"])
@pytest.mark.parametrize(
    "repeat", [in_title, in_status_line, in_key_of_an_answer, in_broken_header]
)
def test_the_check_shows_no_secret_and_no_control_character(
    api: ScriptedApi, tap: Command, odd: dict[str, Any], where: str, repeat: Repeat, how: str
) -> None:
    seen = refuse(api, where, Answer())
    refuse(api, where, repeat("".join([*seen, "[bold]", *CONTROLS, "x" * 5_000])))
    run = tap.run(odd, None, catalog_of("zones"), how)
    assert run.exit_code == 1
    assert_no_secret(run.stdout + run.stderr, SECRETS)
    assert {each for each in run.stdout if not each.isprintable()} == {"\n"}
    assert len(run.stdout) < 15_000


@pytest.mark.no_cover
@pytest.mark.parametrize("how", ["--check", "--check=json", None])
@pytest.mark.parametrize(
    "wrong",
    [
        {"timezone": CLIENT_SECRET},
        {"start_date": f"\x1b[2J{APP_KEY}"},
        {"environment": f"{APP_KEY}\n{FORGED}"},
        {"page_size": CLIENT_SECRET},
        {"stream_maps": APP_KEY},
        {"stream_maps": {"zones": APP_KEY}},
        {"stream_maps": {"zones": {"id": f"{APP_KEY}("}}},
        {"capacity_business_unit_ids": [CLIENT_SECRET]},
        {"batch_config": {"storage": {"root": 5, "params": {"password": TOKEN}}}},
        {"batch_config": {"encoding": TOKEN, "storage": {"params": {"of": [{"a": [TOKEN]}]}}}},
        {"batch_config": {"encoding": 5, "storage": {"root": f"s3://{PROXY_USER}:pw@bucket"}}},
        {"timezone": "x" * 5_000},
    ],
)
def test_a_bad_setting_shows_no_secret_that_is_in_another_one(
    tap: Command, odd: dict[str, Any], wrong: dict[str, Any], how: str | None
) -> None:
    run = tap.run(odd | wrong, None, catalog_of("zones"), *([how] if how else []))
    assert run.exit_code == 1
    shown = run.stdout + run.stderr
    assert next(iter(wrong)) in shown
    assert_no_secret(shown, SECRETS)
    assert {each for each in shown if not each.isprintable()} == {"\n"}
    assert not [line for line in shown.splitlines() if line.startswith(FORGED[:19])]
    assert shown.count("x" * 200) == 0


@pytest.mark.parametrize("odd_time", ["[/x]", f"\x1b[2J{FORGED}", "x" * 5_000, TOKEN])
def test_a_time_that_is_none_is_told_as_any_text_is(
    api: ScriptedApi,
    tap: Command,
    odd: dict[str, Any],
    talkative: str,
    monkeypatch: pytest.MonkeyPatch,
    odd_time: str,
) -> None:
    monkeypatch.setattr("tap_servicetitan_dispatch.run.progress.SECONDS_BETWEEN_LINES", 0)
    api.reply = lambda _: Answer(listed({"id": 1, "modifiedOn": odd_time}))
    run = tap.run(odd, streams=("zones",))
    assert run.exit_code == 0
    told = [line for line in lines_of(run, talkative) if "so far" in line]
    assert told
    assert max(map(len, told)) < 200
    assert_no_secret(run.stderr, SECRETS)


# The rule itself ------------------------------------------------------------------------------

VISIBLE = st.characters(min_codepoint=33, max_codepoint=126)


@given(
    secret=st.text(VISIBLE, min_size=8, max_size=60),
    before=st.text(max_size=9),
    after=st.text(max_size=9),
    data=st.data(),
)
def test_a_secret_is_found_in_any_text_in_any_way(
    secret: str, before: str, after: str, data: st.DataObject
) -> None:
    ways = {*written(secret), secret.swapcase(), quote(secret.swapcase())}
    text = data.draw(st.sampled_from(sorted(ways)))
    secrets = Secrets()
    secrets.add(secret)
    shown = secrets.redacted(f"{before}{text}{after}")
    assert "[redacted]" in shown
    assert text not in shown or text in f"{before}[redacted]{after}"


@given(st.text(), st.text(VISIBLE, min_size=1, max_size=7))
def test_a_text_without_a_secret_stays_as_it_is(text: str, secret: str) -> None:
    secrets = Secrets()
    secrets.add(secret, f"{secret}{text}?")
    assert secrets.redacted(text) == text or secret.lower() in text.lower()


@pytest.mark.parametrize("short", ["abc", "x-y-z", "pass"])
def test_a_short_secret_is_a_word_of_its_own(short: str) -> None:
    secrets = Secrets()
    secrets.add(short)
    assert secrets.redacted(f"a {short}.") == "a [redacted]."
    assert secrets.redacted(f"a{short} {short}word") == f"a{short} {short}word"


@pytest.mark.parametrize("useless", ["", "a", "ab"])
def test_what_is_too_short_to_be_a_secret_leaves_texts_alone(useless: str) -> None:
    secrets = Secrets()
    secrets.add(useless)
    assert secrets.redacted("a text about ab") == "a text about ab"


def test_a_secret_that_is_a_part_of_another_leaves_none_of_that() -> None:
    secrets = Secrets()
    secrets.add("kept-secret")
    secrets.add("kept-secret-of-another", "another kept-secret")
    assert secrets.redacted("another kept-secret-of-another") == "another [redacted]"


def test_the_user_of_any_address_is_no_ones_business() -> None:
    shown = Secrets().redacted("see https://me:pw@a.example/x and ftp://you@b.example, a@b.example")
    assert shown == "see https://[redacted]@a.example/x and ftp://[redacted]@b.example, a@b.example"


def test_many_odd_characters_do_not_take_long() -> None:
    secrets = Secrets()
    secrets.add(CLIENT_SECRET, "\\" * 40, "%25" * 20, "&#0" * 20)
    for odd in ("\\", "%25", "&#0", "cs1.", "%"):
        text = odd * (100_000 // len(odd))
        began = thread_time()
        secrets.redacted(text)
        assert thread_time() - began < 5


def test_an_object_without_a_text_is_named() -> None:
    class Mute:
        def __str__(self) -> str:
            raise ZeroDivisionError

    assert one_line(Mute()) == "a Mute whose text is a ZeroDivisionError"
    record = logging.makeLogRecord({"msg": "%s", "args": (Mute(),)})
    assert LogFilter().filter(record)
    assert record.getMessage().startswith("%s (<")


@given(st.text(max_size=3_000), st.integers(50, 1_000))
def test_a_line_is_one_and_not_too_long(text: str, most: int) -> None:
    line = one_line(text, most)
    assert line.isprintable()
    assert len(line) <= most
    assert one_line(line, most) == line


def test_what_is_nested_without_end_is_cleaned_all_the_same() -> None:
    deep: list[Any] = []
    deep.append(deep)
    error = ValueError(f"{CLIENT_SECRET} 0")
    for number in range(1, 20):
        outer = ValueError(f"{CLIENT_SECRET} {number}")
        outer.__cause__, error = error, outer
    Credentials("", CLIENT_SECRET, "", "1")
    record = logging.makeLogRecord(
        {"msg": "m", "deep": deep, "exc_info": (type(error), error, error.__traceback__)}
    )
    assert LogFilter().filter(record)
    shown = logging.Formatter("%(message)s %(deep)s").format(record)
    assert "ValueError" in shown
    assert CLIENT_SECRET not in shown


def test_logs_are_guarded_where_nothing_is_the_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "lastResort", None)
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    guard_logs()
    assert any(isinstance(each, LogFilter) for each in handler.filters)

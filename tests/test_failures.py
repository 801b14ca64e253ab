"""Every row of the table of failures, through the whole command: what is tried, said and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.client.failures import FAILURES, Kind
from tests.support.failing import ANSWERS, NO_SCOPE, NOT_MATCHED, UNSENT, failing
from tests.support.runs import assert_fails, bookmarked
from tests.support.scripted_api import (
    APP_KEY,
    CLIENT_SECRET,
    MODIFIED,
    PREFIX,
    TOKEN,
    Answer,
    Call,
    ScriptedApi,
    listed,
)

if TYPE_CHECKING:
    from tests.support.runs import Command, Run

PASSING = (
    "rate_limited",
    "not_now",
    "server_error",
    "maintenance",
    "not_json",
    "timed_out",
    "connection_lost",
    "no_connection",
)
TRIES = (
    dict.fromkeys(FAILURES, 1)
    | dict.fromkeys(PASSING, 3)
    | dict.fromkeys(UNSENT, 0)
    | {"unauthorized": 2}  # once more, with a new token
)
pytestmark = [pytest.mark.no_cover, pytest.mark.usefixtures("no_waiting")]

STATES = [None, bookmarked(MODIFIED, "modifiedOn", "zones")]


def test_every_row_of_the_table_is_tried_here() -> None:
    assert {*ANSWERS, *UNSENT, "timed_out"} == FAILURES.keys()


@pytest.mark.parametrize("state", STATES, ids=["first run", "later run"])
@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_ends_the_run_in_one_line_and_moves_no_bookmark(
    api: ScriptedApi,
    tap: Command,
    kind: str,
    state: dict[str, Any] | None,
) -> None:
    with failing(api, kind) as config:
        run = tap.run(config | {"max_retries": 2}, state, streams=("zones",))
    failure = FAILURES[Kind(kind)]
    assert_fails(run, f"zones: {failure.meaning} (")
    assert f"What to do: {failure.remedy}." in run.errors[0]
    calls = api.token_calls if failure.from_token_endpoint else api.api_calls
    assert len(calls) == TRIES[kind]
    assert run.records == []
    before = (state or {}).get("bookmarks", {})
    for each in run.states:  # the SDK adds an empty entry
        assert {name: entry for name, entry in each["bookmarks"].items() if entry} == before


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind, failure in FAILURES.items()
        if not failure.from_token_endpoint and kind not in UNSENT  # nothing comes before these
    ],
)
def test_a_failure_leaves_the_bookmark_of_the_stream_before_it(
    api: ScriptedApi, tap: Command, kind: str
) -> None:
    with failing(api, kind) as config:
        fail = api.reply
        team = Answer(listed({"id": 1, "modifiedOn": MODIFIED}))
        api.reply = lambda call: team if call.path.endswith("/teams") else fail(call)
        run = tap.run(config | {"max_retries": 0}, None, streams=("teams", "zones"))
    assert_fails(run, "zones: ")
    assert run.ids == [1]
    stored = run.states[-1]["bookmarks"]
    assert stored["teams"]["replication_key_value"] == MODIFIED
    assert "replication_key_value" not in stored.get("zones", {})


# What is most often wrong: the line names it, and where in ServiceTitan it is to be found

ACCESS = "Settings > Integrations > API Application Access"
PORTAL = "developer portal > My Apps"


def door(refusal: Answer = NOT_MATCHED) -> Any:
    """Return a reply that knows one tenant, one path and one app key; others are refused."""

    def reply(call: Call) -> Answer:
        if call.path != PREFIX + "zones":
            return NOT_MATCHED
        if call.headers["ST-App-Key"] != APP_KEY:
            return refusal
        return Answer(listed({"id": 1}))

    return reply


def token_for_the_right_secret(call: Call) -> Answer:
    if f"client_secret={CLIENT_SECRET}" not in call.body.split("&"):
        return Answer({"error": "invalid_client"}, status=400)
    return Answer({"access_token": TOKEN, "expires_in": 900})


def enter(api: ScriptedApi, tap: Command, **wrong: Any) -> Run:
    api.token_reply = token_for_the_right_secret
    return tap.run(api.config | wrong, streams=("zones",))


def assert_names(run: Run, *causes: str) -> None:
    assert_fails(run, "zones: ")
    assert [cause for cause in causes if cause not in run.errors[0]] == []


def test_the_door_opens_for_the_right_settings(api: ScriptedApi, tap: Command) -> None:
    api.reply = door()
    assert enter(api, tap).ids == [1]


def test_a_wrong_secret_is_named(api: ScriptedApi, tap: Command) -> None:
    api.reply = door()
    run = enter(api, tap, client_secret="cs1.of-somebody-else")
    assert_names(run, "client_id and client_secret", "environment", ACCESS)
    assert "cs1." not in run.stderr


@pytest.mark.parametrize(
    "refusal",
    [Answer({"title": "Unauthorized"}, status=401), Answer("", status=403), NOT_MATCHED],
    ids=["401", "403", "404"],
)
def test_a_wrong_app_key_is_named_however_it_is_refused(
    api: ScriptedApi, tap: Command, refusal: Answer
) -> None:
    api.reply = door(refusal)
    run = enter(api, tap, app_key="ak1.of-somebody-else")
    assert_names(run, "app_key", PORTAL)
    assert "ak1." not in run.stderr


def test_a_wrong_tenant_is_named(api: ScriptedApi, tap: Command) -> None:
    api.reply = door()
    assert_names(enter(api, tap, tenant_id="99"), "tenant_id", ACCESS, "tenant/99/zones")


def test_a_missing_scope_is_named(api: ScriptedApi, tap: Command) -> None:
    api.reply = lambda _: NO_SCOPE
    run = enter(api, tap)
    assert_names(run, "needs the scope tn.dis.zones:r", "developer portal", ACCESS)


@pytest.mark.parametrize("path", ["/dispatch", "/dispatch/v2/", "/dispatch/v2/tenant/1234"])
def test_a_wrong_path_is_named(api: ScriptedApi, tap: Command, path: str) -> None:
    api.reply = door()
    run = enter(api, tap, api_url=api.url + path)
    assert_names(run, "api_url (it must end before /dispatch)", f"GET {path.rstrip('/')}/dispatch")


def test_the_token_endpoints_own_words_are_shown_without_secrets(
    api: ScriptedApi, tap: Command
) -> None:
    told = {"error": "invalid_grant", "error_description": f"{CLIENT_SECRET} is locked until noon"}
    api.token_reply = lambda _: Answer(told, status=400)
    run = tap.run(api.config, streams=("zones",))
    assert_names(run, "status 400; invalid_grant; [redacted] is locked until noon")


def test_a_token_endpoint_that_is_none_is_named(api: ScriptedApi, tap: Command) -> None:
    api.reply = door()
    run = enter(api, tap, auth_url=f"{api.url}/connect")
    assert_names(run, "auth_url", "POST /connect: status 404")

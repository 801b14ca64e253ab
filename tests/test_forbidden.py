"""A stream that the API refuses this application: fatal, unless it is to be skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.run import progress
from tests.support.runs import assert_fails, bookmarked
from tests.support.scripted_api import (
    FEED,
    MODIFIED,
    PREFIX,
    Answer,
    Call,
    ScriptedApi,
    listed,
    page,
    routed,
    row,
)
from tests.support.streams import ALL_STREAMS, LOG, NOTHING, PATHS, scopes_said

if TYPE_CHECKING:
    from tests.support.runs import Command, Run

NO_SCOPE = Answer({"title": "Scope validation failed: tn.dis.some:r"}, status=403)
NO_ENTRY = Answer("", status=403)
REFUSALS = {"the application lacks a scope": NO_SCOPE, "the API refuses this application": NO_ENTRY}
LATER = "2026-11-02T08:00:00Z"
THREE = ("appointment_assignments", "teams", "zones")
STATE = {
    "bookmarks": {
        **bookmarked("t0")["bookmarks"],
        **bookmarked(MODIFIED, "modifiedOn", "teams")["bookmarks"],
        **bookmarked(MODIFIED, "modifiedOn", "zones")["bookmarks"],
    }
}
BODIES = {
    PATHS["appointment_assignments"]: page(1, more=False, token="t1"),
    PATHS["teams"]: listed({"id": 2, "modifiedOn": LATER}),
    PATHS["zones"]: listed({"id": 3, "modifiedOn": LATER}),
}
REACHED = {"appointment_assignments": "t1", "teams": LATER, "zones": LATER}


def skipping(api: ScriptedApi) -> dict[str, Any]:
    return api.config | {"skip_forbidden_streams": True}


def skips(run: Run) -> list[str]:
    """Return what the log says of skipped streams, without time stamps."""
    lines = [line.split("| ", maxsplit=1)[-1] for line in run.stderr.splitlines()]
    return [line for line in lines if "Skipped, as" in line]


@pytest.mark.no_cover
@pytest.mark.parametrize("meaning", REFUSALS)
@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_a_forbidden_stream_ends_the_run_and_is_named_with_its_scopes(
    api: ScriptedApi, tap: Command, stream: str, meaning: str
) -> None:
    api.reply = lambda _: REFUSALS[meaning]
    run = tap.run(api.config, streams=(stream,))
    assert_fails(run, f"{stream}: {meaning}")
    assert f"The stream needs {scopes_said(stream)}." in run.errors[0]
    assert "deselect the stream, or set skip_forbidden_streams" in run.errors[0]
    assert "Skipped" not in run.stderr


@pytest.mark.no_cover
@pytest.mark.parametrize("meaning", REFUSALS)
@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_a_forbidden_stream_that_may_be_skipped_is_said_with_its_scopes(
    api: ScriptedApi, tap: Command, stream: str, meaning: str
) -> None:
    other = "zones" if stream == "teams" else "teams"
    is_other = PREFIX + PATHS[other]
    api.reply = lambda call: Answer(listed()) if call.path == is_other else REFUSALS[meaning]
    run = tap.run(skipping(api), streams=(stream, other))
    assert (run.exit_code, run.records, run.errors) == (0, [], [])
    [said] = skips(run)
    assert said.startswith("WARNING")
    assert f"tap-servicetitan-dispatch.{stream} | Skipped, as {meaning}" in said
    assert f"It needs {scopes_said(stream)}; its bookmark stays where it was." in said


def test_where_all_streams_are_refused_without_a_word_of_a_scope_nothing_is_skipped(
    api: ScriptedApi, tap: Command
) -> None:
    """The app key may be wrong, and then a run without a row is no success."""
    api.reply = lambda _: NO_ENTRY
    run = tap.run(skipping(api), STATE, streams=THREE)
    assert run.exit_code == 1
    assert len(run.errors) == 1, "they failed alike"
    assert "the API refuses this application" in run.errors[0]
    assert not run.states or run.states[-1] == STATE

    log = tap.run(skipping(api), streams=(*THREE, LOG))
    assert {row["outcome"] for row in log.records} == {"failed"}, "what is told, a warehouse has"

    api.reply = lambda _: NO_SCOPE  # which knows the application
    assert tap.run(skipping(api), STATE, streams=THREE).exit_code == 0


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=["missing_scope", "forbidden"])
@pytest.mark.parametrize("forbidden", THREE)
def test_the_other_streams_are_read_and_the_bookmark_of_the_skipped_one_stays(
    api: ScriptedApi, tap: Command, forbidden: str, refusal: Answer
) -> None:
    api.reply = routed({**BODIES, PATHS[forbidden]: refusal})
    run = tap.run(skipping(api), STATE, streams=THREE)
    assert run.exit_code == 0
    assert run.ids == [1 + THREE.index(name) for name in THREE if name != forbidden]
    stored = run.states[-1]["bookmarks"]
    assert stored.keys() == {*THREE}
    assert stored[forbidden] == STATE["bookmarks"][forbidden]
    reached = {name: stored[name]["replication_key_value"] for name in THREE if name != forbidden}
    assert reached == {name: REACHED[name] for name in reached}


def test_a_skipped_stream_of_a_first_run_gets_no_bookmark(api: ScriptedApi, tap: Command) -> None:
    api.reply = routed({**BODIES, PATHS["teams"]: NO_SCOPE})
    run = tap.run(skipping(api), streams=THREE)
    assert run.ids == [1, 3]
    assert "replication_key_value" not in run.states[-1]["bookmarks"].get("teams", {})


def test_a_stream_is_said_to_be_skipped_at_the_end_of_the_run(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    api.reply = routed({**BODIES, PATHS["appointment_assignments"]: NO_SCOPE})
    log = tap.run(skipping(api), streams=THREE).stderr
    assert "zones: 1 row" in log.split("Skipped, as")[0], "the last stream has been read by then"
    assert log.count("Skipped, as") == 1


def test_several_skipped_streams_are_each_said_once(api: ScriptedApi, tap: Command) -> None:
    refused = {PATHS[stream]: NO_ENTRY for stream in ("teams", "zones", "capacities")}
    api.reply = routed({**NOTHING, **refused})
    run = tap.run(skipping(api), streams=ALL_STREAMS)
    assert run.exit_code == 0
    said = [line.split("dispatch.")[1].split(" ")[0] for line in skips(run)]
    assert sorted(said) == ["capacities", "teams", "zones"]


@pytest.mark.parametrize("skip", [False, True])
def test_a_refusal_in_the_middle_of_a_stream_keeps_the_bookmark_of_the_pages_before(
    api: ScriptedApi, tap: Command, *, skip: bool
) -> None:
    def reply(call: Call) -> Answer:
        assert call.path == FEED
        return NO_SCOPE if "from" in call.query else Answer(page(1, 2, more=True, token="t1"))

    api.reply = reply
    run = tap.run(api.config | {"skip_forbidden_streams": skip})
    assert (run.exit_code, run.ids, run.bookmark) == (0 if skip else 1, [1, 2], "t1")
    assert len(run.errors) == (0 if skip else 1)


def test_a_skipped_stream_is_asked_for_once(api: ScriptedApi, tap: Command) -> None:
    api.reply = lambda _: NO_SCOPE
    tap.run(skipping(api), streams=("zones",))
    assert [call.path for call in api.api_calls] == [f"{PREFIX}zones"]


@pytest.mark.parametrize("refused", ["appointment_assignments_list", "technician_tracking"])
def test_tracking_is_skipped_whichever_of_its_scopes_is_missing(
    api: ScriptedApi, tap: Command, refused: str
) -> None:
    live = row(1, status="Working", modifiedOn=LATER)
    found = {
        PATHS["appointment_assignments_list"]: listed(live),
        PATHS["technician_tracking"]: {"technicianTrackingUrl": "https://track.example/"},
    }
    api.reply = routed(found | {PATHS[refused]: NO_SCOPE})
    run = tap.run(skipping(api), streams=("technician_tracking",))
    assert (run.exit_code, run.records) == (0, [])
    assert scopes_said("technician_tracking") in skips(run)[0]


@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_nothing_but_a_refusal_is_skipped(api: ScriptedApi, tap: Command, status: int) -> None:
    api.reply = lambda _: Answer("", status=status)
    run = tap.run(skipping(api) | {"max_retries": 0}, streams=("zones",))
    assert_fails(run, f"status {status}")


def test_a_token_endpoint_that_refuses_is_no_forbidden_stream(
    api: ScriptedApi, tap: Command
) -> None:
    api.token_reply = lambda _: Answer("", status=403)
    assert_fails(tap.run(skipping(api), streams=("zones",)), "the token endpoint issued no token")

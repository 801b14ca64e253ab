"""What is wrong with one stream does not keep the others from being read."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.client.failures import ApiError
from tap_servicetitan_dispatch.streams.teams import Teams
from tap_servicetitan_dispatch.streams.zones import Zones
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tests.support.runs import bookmarked
from tests.support.scripted_api import MODIFIED, Answer, Call, ScriptedApi, listed, page, routed
from tests.support.streams import PATHS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runs import Command, Run
    from tests.support.threads import Threads

LATER = "2026-11-02T08:00:00Z"
STREAMS = ("appointment_assignments", "teams", "zones")
BODIES = {
    PATHS["appointment_assignments"]: page(1, more=False, token="t1"),
    PATHS["teams"]: listed({"id": 2, "modifiedOn": LATER}),
    PATHS["zones"]: listed({"id": 3, "modifiedOn": LATER}),
}
REACHED = {"appointment_assignments": "t1", "teams": LATER, "zones": LATER}
OWN = {
    "bad request": Answer({"title": "No"}, status=400),
    "not found": Answer({"title": "No"}, status=404),
    "conflict": Answer({"title": "No"}, status=409),
    "scope": Answer({"title": "Scope validation failed"}, status=403),
    "teapot": Answer({"title": "No"}, status=418),
    "server error": Answer({"title": "No"}, status=500),
    "shape": Answer(["no object"]),
}
OWN_IF_ALONE = {
    "token": (Answer(status=401), "the API rejected a token"),
    "tenant": (Answer({"message": "Unable to match incoming request"}, status=404), "no such te"),
    "closed": (Answer(reset=True), "the connection was lost"),
    "cut short": (Answer(listed({"id": 1}), cut_after=9), "the connection was lost"),
    "redirect": (Answer(status=307), "the server redirects elsewhere"),
    "proxy": (Answer(status=407), "a proxy on the way refuses"),
    "not JSON": (Answer("<html>"), "the answer is not JSON"),
    "rate": (Answer(status=429), "rate limit"),
    "maintenance": (Answer({"title": "suspended for maintenance"}, status=409), "maintenance"),
}
"""What may be wrong with all that is asked for, or with one stream only, and what is said of it."""
WAYS: list[dict[str, Any]] = [{}, {"stream_maps": {stream: {"id": "id"} for stream in STREAMS}}]


def bookmarks(run: Run) -> dict[str, Any]:
    """Return the bookmark of each stream that has one."""
    stored = run.states[-1]["bookmarks"]
    return {
        name: entry["replication_key_value"]
        for name, entry in stored.items()
        if "replication_key_value" in entry
    }


def test_what_ends_a_run_ends_its_waits(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch, prefetching: Threads
) -> None:
    waits = threading.Event()

    def ask_to_wait(_: Call) -> Answer:
        waits.set()
        return Answer(status=503, headers={"Retry-After": "500"})

    def broken(*_: object) -> Any:
        waits.wait(10)
        raise RuntimeError

    monkeypatch.setattr(Teams, "walk", broken)
    api.reply = routed({**BODIES, PATHS["zones"]: ask_to_wait})
    run = tap.run(api.config, streams=("teams", "zones"))
    assert run.exit_code == 1
    prefetching.assert_end()


@pytest.mark.no_cover
@pytest.mark.parametrize("way", WAYS, ids=["whole pages", "the SDK's"])
@pytest.mark.parametrize("answer", OWN.values(), ids=OWN)
@pytest.mark.parametrize("stream", STREAMS)
def test_the_others_are_read_and_each_failure_is_one_line(
    api: ScriptedApi, tap: Command, stream: str, answer: Answer, way: dict[str, Any]
) -> None:
    api.reply = routed({**BODIES, PATHS[stream]: answer})
    run = tap.run(api.config | {"max_retries": 0} | way, streams=STREAMS)
    others = [name for name in STREAMS if name != stream]
    assert run.exit_code == 1
    assert run.ids == [1 + STREAMS.index(name) for name in others]
    assert bookmarks(run) == {name: REACHED[name] for name in others}
    [line] = run.errors
    assert line.startswith(f"{stream}: ")
    assert "What to do:" in line


def test_several_failures_are_a_line_each_and_the_rest_is_summed_up(
    api: ScriptedApi, tap: Command
) -> None:
    refused = {PATHS[stream]: OWN["bad request"] for stream in ("appointment_assignments", "zones")}
    api.reply = routed(BODIES | refused)
    run = tap.run(api.config, streams=STREAMS)
    assert [line.split(":")[0] for line in run.errors] == ["appointment_assignments", "zones"]
    assert [stream for stream in STREAMS if f"{stream}: 1 row in" in run.stderr] == ["teams"]


@pytest.mark.no_cover
@pytest.mark.parametrize("alone", STREAMS)
@pytest.mark.parametrize(("answer", "text"), OWN_IF_ALONE.values(), ids=OWN_IF_ALONE)
def test_what_is_seen_of_one_stream_alone_is_its_own_trouble(
    api: ScriptedApi, tap: Command, answer: Answer, text: str, alone: str
) -> None:
    api.reply = routed({**BODIES, PATHS[alone]: answer})
    run = tap.run(api.config | {"max_retries": 0}, streams=STREAMS)
    others = [name for name in STREAMS if name != alone]
    assert (run.exit_code, bookmarks(run)) == (1, {name: REACHED[name] for name in others})
    [line] = run.errors
    assert line.startswith(f"{alone}: ")
    assert text in line


def test_what_is_seen_of_some_streams_and_is_not_about_their_requests_is_told_once(
    api: ScriptedApi, tap: Command
) -> None:
    answer, text = OWN_IF_ALONE["token"]
    api.reply = routed({**BODIES, PATHS["teams"]: answer, PATHS["zones"]: answer})
    [line] = tap.run(api.config, streams=STREAMS).errors
    assert line.startswith(f"teams, zones: {text}")


@pytest.mark.parametrize(("answer", "text"), OWN_IF_ALONE.values(), ids=OWN_IF_ALONE)
def test_what_is_seen_of_all_streams_is_told_once(
    api: ScriptedApi, tap: Command, answer: Answer, text: str
) -> None:
    api.reply = lambda _: answer
    run = tap.run(api.config | {"max_retries": 0}, streams=STREAMS)
    assert (run.exit_code, run.records) == (1, [])
    [line] = run.errors
    assert text in line


def test_a_tenant_that_is_known_by_other_streams_is_not_blamed(
    api: ScriptedApi, tap: Command
) -> None:
    unmatched, _ = OWN_IF_ALONE["tenant"]
    api.reply = routed({**BODIES, PATHS["zones"]: unmatched})
    [line] = tap.run(api.config, streams=STREAMS).errors
    assert "other streams of this tenant could be read" in line
    assert "check tenant_id" not in line
    api.reply = lambda _: unmatched
    [line] = tap.run(api.config, streams=STREAMS).errors
    assert line.startswith("all 3 streams: ")
    assert "check tenant_id" in line


def test_an_address_that_nobody_answers_at_ends_the_run_at_once(
    api: ScriptedApi, tap: Command
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    nobody = api.config | {"api_url": f"http://127.0.0.1:{port}", "max_retries": 0}
    run = tap.run(nobody, streams=STREAMS)
    assert (run.exit_code, run.records) == (1, [])
    [line] = run.errors
    assert line.startswith("appointment_assignments: no connection could be made")


@pytest.mark.parametrize("status", [500, 404])
def test_so_does_the_token_endpoint(api: ScriptedApi, tap: Command, status: int) -> None:
    api.token_reply = lambda _: Answer({"title": "No"}, status=status)
    run = tap.run(api.config | {"max_retries": 0}, streams=STREAMS)
    assert (run.exit_code, run.records, len(run.errors)) == (1, [], 1)


def test_a_bookmark_that_makes_no_sense_leaves_the_other_streams_alone(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = routed(BODIES)
    state = bookmarked("last week", "modifiedOn", "teams")
    run = tap.run(api.config, state, streams=STREAMS)
    assert (run.exit_code, run.ids) == (1, [1, 3])
    assert bookmarks(run) == REACHED | {"teams": "last week"}
    [line] = run.errors
    assert line.startswith("teams: the bookmark 'last week' in the state is not a date-time")


def test_a_failure_in_the_middle_keeps_the_bookmark_of_the_pages_before(
    api: ScriptedApi, tap: Command
) -> None:
    feed = PATHS["appointment_assignments"]

    def later_pages_fail(call: Any) -> Any:
        return OWN["bad request"] if "from" in call.query else page(1, more=True, token="t1")

    api.reply = routed({**BODIES, feed: later_pages_fail})
    run = tap.run(api.config, streams=STREAMS)
    assert (run.exit_code, run.ids) == (1, [1, 2, 3])
    assert bookmarks(run) == REACHED


def test_in_batches_too(api: ScriptedApi, tap: Command, tmp_path: Path) -> None:
    api.reply = routed({**BODIES, PATHS["teams"]: OWN["bad request"]})
    config = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": tmp_path.as_uri()},
    }
    run = tap.run(api.config | {"batch_config": config}, streams=STREAMS)
    batches = [each["stream"] for each in run.messages if each["type"] == "BATCH"]
    assert (run.exit_code, batches) == (1, ["appointment_assignments", "zones"])
    assert bookmarks(run) == {name: REACHED[name] for name in batches}
    assert [line.split(":")[0] for line in run.errors] == ["teams"]


def test_a_bookmark_of_a_run_before_stays(api: ScriptedApi, tap: Command) -> None:
    api.reply = routed({**BODIES, PATHS["teams"]: OWN["server error"]})
    state = bookmarked(MODIFIED, "modifiedOn", "teams")
    run = tap.run(api.config | {"max_retries": 0}, state, streams=STREAMS)
    assert bookmarks(run) == REACHED | {"teams": MODIFIED}


@pytest.mark.parametrize(
    ("answer", "kind"), [(OWN["bad request"], ApiError), (RuntimeError("a bug"), RuntimeError)]
)
def test_a_stream_that_is_synced_on_its_own_raises_what_is_wrong(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch, answer: Any, kind: type[Exception]
) -> None:
    def broken(*_: object) -> Any:
        raise answer

    api.reply = routed({PATHS["zones"]: answer})
    if kind is RuntimeError:
        monkeypatch.setattr(Zones, "walk", broken)
    tap = TapServiceTitanDispatch(config=api.config)
    with pytest.raises(kind):
        tap.streams["zones"].sync()

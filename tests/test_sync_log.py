"""The stream `sync_log`: what a run says about itself, whatever becomes of it."""

from __future__ import annotations

import gzip
import json
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch import __version__, instants
from tap_servicetitan_dispatch.run.prefetch import Prefetcher
from tap_servicetitan_dispatch.writer import LineWriter
from tests.support.group import (
    ALL_READ,
    GROUP,
    LATER,
    NORTH,
    SOUTH,
    WEST,
    Group,
    bodies_of,
    group_catalog,
    read,
    values,
)
from tests.support.runs import assert_fails, assert_no_secret, catalog_of, select
from tests.support.scripted_api import APP_KEY, Answer, listed, page, routed, row
from tests.support.streams import ALL_STREAMS, LOG, NOTHING, PATHS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runs import Command, Run
    from tests.support.scripted_api import Call, ScriptedApi

ONE = 1234
THREE = ("appointment_assignments", "teams", "zones")
REFUSED = Answer({"message": "Scope validation failed: tn.dis.zones:r"}, status=403)
MAINTENANCE = Answer({"title": "The service is suspended for maintenance."}, status=409)
SUSPENDED = Answer({"statusCode": 404, "message": "Unable to match incoming request"}, status=404)


def counting(*rows: dict[str, Any], total: Any = None) -> Any:
    """Return what answers a list, and says how many rows there are if it is asked."""

    def reply(call: Call) -> Any:
        if call.query["pageSize"] != "1":
            return listed(*rows)
        return {**listed(*rows[:1]), "totalCount": len(rows) if total is None else total}

    return reply


@pytest.fixture
def answers(api: ScriptedApi) -> dict[str, Any]:
    """What the API answers, by path."""
    zones = [{"id": number, "modifiedOn": LATER} for number in (5, 6)]
    answers: dict[str, Any] = {
        **NOTHING,
        PATHS["appointment_assignments"]: page(1, 2, more=False, token="t"),
        PATHS["appointment_assignments_list"]: counting(row(1), row(2), row(3)),
        PATHS["teams"]: counting({"id": 4, "modifiedOn": LATER}),
        PATHS["zones"]: counting(*zones),
        PATHS["arrival_windows"]: counting({"id": 7}),
    }
    api.reply = routed(answers)
    return answers


def logged(run: Run) -> dict[str, dict[str, Any]]:
    """Return the rows of the log by stream."""
    return {each["record"]["stream"]: each["record"] for each in messages_of(run, "RECORD")}


def logged_of_group(run: Run) -> dict[tuple[int, str], dict[str, Any]]:
    rows = [each["record"] for each in messages_of(run, "RECORD")]
    return {(each["tenantId"], each["stream"]): each for each in rows}


def messages_of(run: Run, kind: str, stream: str = LOG) -> list[dict[str, Any]]:
    return [each for each in run.messages if (each["type"], each.get("stream")) == (kind, stream)]


def outcomes(rows: dict[Any, dict[str, Any]]) -> dict[Any, str]:
    return {key: each["outcome"] for key, each in rows.items()}


def counts_asked(api: ScriptedApi) -> list[Call]:
    return [call for call in api.api_calls if call.query.get("pageSize") == "1"]


@pytest.mark.usefixtures("answers")
def test_a_row_says_what_became_of_each_stream_after_all_others(
    api: ScriptedApi, tap: Command
) -> None:
    run = tap.run(api.config, streams=(*THREE, LOG))
    assert run.exit_code == 0, run.stderr
    rows = logged(run)
    assert list(rows) == [*THREE]
    zones = rows["zones"]
    assert instants.parse(zones["startedAt"]) <= instants.parse(zones["endedAt"])
    assert len({each["runId"] for each in rows.values()}) == 1
    assert {name: zones[name] for name in zones.keys() - {"runId", "startedAt", "endedAt"}} == {
        "tenantId": ONE,
        "tenantName": None,
        "timezone": None,
        "stream": "zones",
        "outcome": "complete",
        "reason": None,
        "rows": 2,
        "requests": 1,
        "retries": 0,
        "waitedSeconds": 0.0,
        "bookmark": LATER,
        "reached": LATER,
        "sourceRows": 2,
        "unknownFields": [],
        "tapVersion": __version__,
    }
    [schema] = [
        each for each in run.messages if (each["type"], each.get("stream")) == ("SCHEMA", LOG)
    ]
    assert [*zones] == [*schema["schema"]["properties"]]
    kinds = [(each["type"], each.get("stream")) for each in run.messages]
    last = ("RECORD", LOG)
    after = kinds[kinds.index(last) :]
    assert {kind for kind in after if kind != last} == {("STATE", None)}
    assert after[-1] == ("STATE", None)


@pytest.mark.usefixtures("answers")
def test_a_single_tenant_s_time_zone_is_told(api: ScriptedApi, tap: Command) -> None:
    run = tap.run(api.config | {"timezone": "America/Denver"}, streams=("teams", LOG))
    assert logged(run)["teams"]["timezone"] == "America/Denver"


def test_each_tenant_of_a_group_says_what_it_is_called_and_which_time_zone_it_is_in(
    api: ScriptedApi, tap: Command
) -> None:
    south = {"tenant_id": SOUTH, "name": "Acme South", "timezone": "America/Phoenix"}
    config = Group(api).config | {"tenants": [NORTH, south], "timezone": "America/Chicago"}
    rows = logged_of_group(read(tap, config, None, "teams", LOG))
    told = {number: (row["tenantName"], row["timezone"]) for (number, _), row in rows.items()}
    assert told == {
        NORTH: (None, "America/Chicago"),
        SOUTH: ("Acme South", "America/Phoenix"),
    }


@pytest.mark.usefixtures("answers")
def test_each_run_has_a_name_of_its_own(api: ScriptedApi, tap: Command) -> None:
    runs = [tap.run(api.config, streams=("teams", LOG)) for _ in range(2)]
    assert len({logged(run)["teams"]["runId"] for run in runs}) == 2


def test_rows_are_counted_as_the_api_gives_them_with_inactive_ones(
    api: ScriptedApi, tap: Command, answers: dict[str, Any]
) -> None:
    answers[PATHS["technician_shifts"]] = counting(total="many")
    streams = (*THREE, "arrival_windows", "business_hours", "technician_shifts", LOG)
    start = {"start_date": "2026-01-01"}
    run = tap.run(api.config | start, streams=streams)
    assert {stream: each["sourceRows"] for stream, each in logged(run).items()} == {
        "appointment_assignments": 3,
        "arrival_windows": 1,
        "business_hours": None,
        "teams": 1,
        "technician_shifts": None,
        "zones": 2,
    }
    since = {"modifiedOnOrAfter": "2026-01-01T00:00:00Z"}
    asked = {call.path.split("/1234/")[1]: call.query for call in counts_asked(api)}
    one = {"page": "1", "pageSize": "1", "includeTotal": "true"}
    assert asked == {
        "appointment-assignments": {**one, **since, "active": "Any"},
        "arrival-windows": {**one, "active": "Any"},
        "teams": {**one, **since, "includeInactive": "true"},
        "technician-shifts": {**one, **since, "active": "Any"},
        "zones": {**one, **since, "active": "Any"},
    }


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize("streams", [THREE, (LOG,)])
def test_nothing_is_counted_for_nobody(
    api: ScriptedApi, tap: Command, streams: tuple[str, ...]
) -> None:
    run = tap.run(api.config | {"extra_streams": [LOG]}, streams=streams)
    assert run.exit_code == 0
    assert counts_asked(api) == []
    assert logged(run) == {}
    assert len(api.api_calls) == len(set(THREE) & set(streams))


def test_what_cannot_be_counted_is_null_and_the_run_is_good(
    api: ScriptedApi, tap: Command, answers: dict[str, Any]
) -> None:
    answers[PATHS["zones"]] = lambda call: (
        Answer(status=400) if call.query["pageSize"] == "1" else listed({"id": 5})
    )
    run = tap.run(api.config, streams=("teams", "zones", LOG))
    assert run.exit_code == 0
    assert "zones: the rows of the API were not counted" in run.stderr
    rows = logged(run)
    assert {stream: each["sourceRows"] for stream, each in rows.items()} == {
        "teams": 1,
        "zones": None,
    }
    assert set(outcomes(rows).values()) == {"complete"}


def test_reached_is_the_latest_instant_not_the_last_row_nor_the_greatest_text(
    api: ScriptedApi, tap: Command, answers: dict[str, Any]
) -> None:
    first = [
        row(1, modifiedOn="2026-11-01T08:00:00.5Z"),
        row(2, modifiedOn="2026-11-01T08:00:00Z"),
        row(3, modifiedOn=None),
    ]
    second = [row(4, modifiedOn="2026-11-01T07:00:00Z")]

    def feed(call: Call) -> Any:
        is_first = "from" not in call.query
        found = first if is_first else second
        return {"hasMore": is_first, "continueFrom": "t" if is_first else "u", "data": found}

    answers[PATHS["appointment_assignments"]] = feed
    answers[PATHS["teams"]] = listed({"id": 4, "modifiedOn": None})
    run = tap.run(api.config, streams=("appointment_assignments", "teams", LOG))
    rows = logged(run)
    assert rows["appointment_assignments"]["reached"] == "2026-11-01T08:00:00.5Z"
    assert rows["appointment_assignments"]["bookmark"] == "u"
    assert rows["appointment_assignments"]["rows"] == 4
    assert rows["teams"]["reached"] is None
    assert rows["teams"]["bookmark"] is None


@pytest.mark.parametrize("setting", ["warn", "keep", "fail"])
def test_the_names_of_unknown_fields_are_told_of_the_tenant_that_has_them(
    api: ScriptedApi, tap: Command, setting: str
) -> None:
    group = Group(api)
    odd = {"id": 5, "modifiedOn": LATER, "zeal": 1, "altitude": 2}
    group.answers[SOUTH, PATHS["zones"]] = listed(odd)
    config = {**group.config, "unknown_fields": setting, "extra_streams": [LOG]}
    catalog = tap.discover("zones", LOG, **config)
    run = tap.run(config, None, catalog)
    rows = logged_of_group(run)
    assert {number: rows[number, "zones"]["unknownFields"] for number in GROUP} == {
        NORTH: [],
        SOUTH: ["altitude", "zeal"],
        WEST: [],
    }
    failed = setting == "fail"
    assert run.exit_code == (1 if failed else 0)
    assert outcomes(rows)[SOUTH, "zones"] == ("failed" if failed else "complete")
    assert rows[SOUTH, "zones"]["rows"] == (0 if failed else 1)


@pytest.mark.no_cover
def test_what_was_sent_again_and_waited_for_is_counted_by_tenant(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_servicetitan_dispatch.run.signals.StopFlag.wait", lambda *_: None)
    group = Group(api)
    answered = iter([Answer({}, status=503, headers={"Retry-After": "7"})])
    good = listed({"id": 5, "modifiedOn": LATER})
    group.answers[SOUTH, PATHS["zones"]] = lambda _: next(answered, good)
    run = read(tap, group.config, None, "zones", LOG)
    rows = logged_of_group(run)
    assert {number: rows[number, "zones"]["retries"] for number in GROUP} == {
        NORTH: 0,
        SOUTH: 1,
        WEST: 0,
    }
    assert rows[SOUTH, "zones"]["requests"] == 2
    assert rows[SOUTH, "zones"]["waitedSeconds"] >= 7
    assert rows[NORTH, "zones"]["waitedSeconds"] == 0
    assert "zones: 3 of 3 tenants, 3 rows in" in run.stderr
    assert "Requests: 4, sent again: 1" in run.stderr


# Doubt


def test_a_read_that_nobody_vouches_for_is_doubtful_and_the_reason_says_why(
    api: ScriptedApi, tap: Command, answers: dict[str, Any]
) -> None:
    """The count of the source agrees with the rows, so that nothing else would give it away."""
    pages = {"1": listed({"id": 1}, {"id": 2}, {"id": 3}, more=True), "2": listed({"id": 5})}

    def zones(call: Call) -> Any:
        if call.query["pageSize"] == "1":
            return {**listed({"id": 1}), "totalCount": 4}
        return {**pages[call.query["page"]], "pageSize": 3}

    answers[PATHS["zones"]] = zones
    run = tap.run(api.config, streams=("teams", "zones", LOG))
    assert run.exit_code == 0, run.stderr
    rows = logged(run)
    assert outcomes(rows) == {"teams": "complete", "zones": "doubtful"}
    assert rows["teams"]["reason"] is None
    why = rows["zones"]["reason"]
    assert "as rows were deleted during the read, so others may have been missed" in why
    assert f"zones: {why}" in run.stderr
    assert (rows["zones"]["rows"], rows["zones"]["sourceRows"]) == (4, 4)


def test_a_doubt_is_that_of_its_tenant(api: ScriptedApi, tap: Command) -> None:
    group = Group(api)
    two = {"1": listed({"id": 1}, more=True), "2": listed({"id": 2})}
    paths = PATHS["arrival_windows"]
    for number in GROUP:
        group.answers[number, paths] = listed({"id": 1})
    group.answers[SOUTH, paths] = lambda call: two[call.query["page"]]
    run = read(tap, group.config, None, "arrival_windows", LOG)
    assert run.exit_code == 0, run.stderr
    assert outcomes(logged_of_group(run)) == {
        (NORTH, "arrival_windows"): "complete",
        (SOUTH, "arrival_windows"): "doubtful",
        (WEST, "arrival_windows"): "complete",
    }


def test_assignments_that_nobody_vouches_for_make_what_is_tracked_doubtful(
    api: ScriptedApi, tap: Command, answers: dict[str, Any]
) -> None:
    pages = {"1": listed(row(1), row(2), row(3), more=True), "2": listed(row(5))}
    answers[PATHS["appointment_assignments_list"]] = lambda call: {
        **pages[call.query["page"]],
        "pageSize": 3,
    }
    run = tap.run(api.config, streams=("technician_tracking", LOG))
    assert outcomes(logged(run)) == {"technician_tracking": "doubtful"}
    assert "rows were deleted" in logged(run)["technician_tracking"]["reason"]


def test_a_bookmark_after_the_servers_clock_is_a_doubt_of_the_feed_too(
    api: ScriptedApi, tap: Command, answers: dict[str, Any]
) -> None:
    streams = ("appointment_assignments", "zones")
    assert answers
    value = {"replication_key": "modifiedOn", "replication_key_value": "2200-01-01T00:00:00Z"}
    state = {"bookmarks": dict.fromkeys(streams, value)}
    run = tap.run(api.config, state, streams=(*streams, LOG))
    for stream in streams:
        assert logged(run)[stream]["outcome"] == "doubtful"
        assert "is later than the server's clock" in logged(run)[stream]["reason"]


# Counts


@pytest.mark.parametrize("total", [True, 10**20, "2", 2.0, -1], ids=repr)
def test_a_count_that_is_not_a_count_does_not_get_into_the_load(
    api: ScriptedApi, tap: Command, answers: dict[str, Any], total: Any
) -> None:
    answers[PATHS["zones"]] = counting({"id": 1}, total=total)
    run = tap.run(api.config, streams=("zones", LOG))
    assert run.exit_code == 0, run.stderr
    assert logged(run)["zones"]["sourceRows"] is None


# Trouble


def test_a_tenant_that_fails_is_told_of_with_the_others(api: ScriptedApi, tap: Command) -> None:
    group = Group(api)
    group.answers[SOUTH, "*"] = SUSPENDED
    run = read(tap, group.config, None, *THREE, LOG)
    assert run.exit_code == 1
    rows = logged_of_group(run)
    assert outcomes(rows) == {
        (number, stream): "failed" if number == SOUTH else "complete"
        for number in GROUP
        for stream in THREE
    }
    for stream in THREE:
        assert rows[SOUTH, stream]["reason"].startswith("the API knows no such tenant or path")
        assert rows[SOUTH, stream]["rows"] == 0
        assert rows[NORTH, stream]["bookmark"] == ALL_READ[stream][NORTH]
        assert rows[SOUTH, stream]["bookmark"] is None
    assert rows[NORTH, "zones"]["reason"] is None
    assert {call.path.split("/")[4] for call in counts_asked(api)} == {str(NORTH), str(WEST)}
    assert next(iter(rows[NORTH, "zones"])) == "tenantId"
    [schema] = [
        each for each in run.messages if (each["type"], each.get("stream")) == ("SCHEMA", LOG)
    ]
    assert schema["key_properties"] == ["tenantId", "runId", "stream"]
    assert run.messages[-1]["type"] == "STATE"
    assert values(run.states[-1])["zones"].keys() == {NORTH, WEST}


def test_a_tenant_that_fails_later_keeps_what_was_complete(api: ScriptedApi, tap: Command) -> None:
    group = Group(api)
    group.answers[SOUTH, PATHS["teams"]] = SUSPENDED
    group.answers[SOUTH, PATHS["zones"]] = SUSPENDED
    config = {**group.config, "skip_failed_tenants": True}
    run = read(tap, config, None, *THREE, LOG)
    assert run.exit_code == 0
    found = outcomes(logged_of_group(run))
    assert [found[SOUTH, stream] for stream in THREE] == ["complete", "failed", "failed"]
    of_south = [call.path for call in counts_asked(api) if str(SOUTH) in call.path]
    assert [path.rpartition("/")[2] for path in of_south] == ["appointment-assignments"]


def test_what_is_not_even_asked_for_as_the_tenant_has_failed_is_told_of(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Group(api)
    group.answers[SOUTH, "*"] = MAINTENANCE
    is_left, leave = threading.Event(), Prefetcher.leave

    def leaving(*given: Any) -> None:
        leave(*given)
        is_left.set()

    def once_the_other_is_left(_: Call) -> Any:
        assert is_left.wait(30), "or the one thread would be at the other's zones already"
        return bodies_of(NORTH)[PATHS["zones"]]

    monkeypatch.setattr(Prefetcher, "leave", leaving)
    group.answers[NORTH, PATHS["zones"]] = once_the_other_is_left
    config = {**group.config, "max_concurrent_requests": 1, "max_retries": 0}
    run = read(tap, config, None, *THREE, LOG)
    asked = [call.path.rpartition("/")[2] for call in api.api_calls if str(SOUTH) in call.path]
    assert asked == ["appointment-assignments", "teams"], "one proves nothing, two do"
    rows = logged_of_group(run)
    zones = rows[SOUTH, "zones"]
    assert (zones["outcome"], zones["startedAt"]) == ("failed", None)
    assert zones["reason"] == rows[SOUTH, "teams"]["reason"]
    assert zones["endedAt"]
    assert {rows[NORTH, stream]["outcome"] for stream in THREE} == {"complete"}


def test_the_reason_of_one_stream_blames_no_setting_of_the_tenant(
    api: ScriptedApi, tap: Command, answers: dict[str, Any]
) -> None:
    answers[PATHS["zones"]] = SUSPENDED
    reason = logged(tap.run(api.config, streams=(*THREE, LOG)))["zones"]["reason"]
    assert "other streams of this tenant could be read" in reason
    assert "check tenant_id" not in reason


def test_a_stream_that_fails_alone_is_told_of_without_secrets(
    api: ScriptedApi, tap: Command, answers: dict[str, Any]
) -> None:
    answers[PATHS["teams"]] = Answer({"message": f"no {APP_KEY}"}, status=400)
    run = tap.run(api.config, streams=(*THREE, LOG))
    assert_fails(run, "teams")
    rows = logged(run)
    assert outcomes(rows) == {
        "appointment_assignments": "complete",
        "teams": "failed",
        "zones": "complete",
    }
    assert "the API rejected the request" in rows["teams"]["reason"]
    assert "[redacted]" in rows["teams"]["reason"]
    assert_no_secret(run.stdout)
    assert rows["teams"]["sourceRows"] is None


def test_a_stream_that_is_refused_is_skipped(
    api: ScriptedApi, tap: Command, answers: dict[str, Any]
) -> None:
    answers[PATHS["zones"]] = REFUSED
    run = tap.run({**api.config, "skip_forbidden_streams": True}, streams=("teams", "zones", LOG))
    assert run.exit_code == 0
    zones = logged(run)["zones"]
    assert zones["outcome"] == "skipped"
    assert zones["reason"].startswith(
        "the application lacks a scope that this stream needs. It needs"
    )
    assert [call.path.split("/")[-1] for call in counts_asked(api)] == ["teams"]


def test_a_run_that_ends_at_once_is_told_of_too(
    api: ScriptedApi, tap: Command, answers: dict[str, Any]
) -> None:
    denied = Answer({"error": "invalid_client"}, status=400)
    api.token_reply = lambda _: denied
    run = tap.run(api.config, streams=(*THREE, LOG))
    assert_fails(run, "does not know this client id and secret")
    rows = logged(run)
    assert outcomes(rows) == dict.fromkeys(THREE, "failed")
    assert {each["reason"] for each in rows.values()} == {rows["teams"]["reason"]}
    assert "does not know this client id and secret" in rows["teams"]["reason"]
    assert answers
    assert api.api_calls == []


def test_a_run_that_ends_in_something_unforeseen_is_told_of_too(
    api: ScriptedApi, tap: Command, answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise KeyError("surprise")

    monkeypatch.setattr("tap_servicetitan_dispatch.streams.zones.Zones.walk", broken)
    run = tap.run(api.config, streams=(*THREE, LOG))
    assert_fails(run, "Unexpected error")
    rows = logged(run)
    assert [*outcomes(rows).values()] == ["complete", "complete", "failed"]
    assert rows["zones"]["reason"] == "KeyError: 'surprise'"
    assert {each["sourceRows"] for each in rows.values()} == {None}
    assert answers


@pytest.mark.usefixtures("answers")
def test_nothing_more_is_written_where_stdout_takes_nothing(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(LineWriter, "write_records", full)
    run = tap.run(api.config, streams=(*THREE, LOG))
    assert_fails(run, "The target has gone away")
    assert {each.get("stream") for each in run.messages} == {"appointment_assignments"}


@pytest.mark.usefixtures("answers")
def test_why_a_run_fails_matters_more_than_its_log(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise KeyError("surprise")

    def broken_too(*_: Any, **__: Any) -> Any:
        raise ValueError("and another")

    monkeypatch.setattr("tap_servicetitan_dispatch.streams.zones.Zones.walk", broken)
    monkeypatch.setattr("tap_servicetitan_dispatch.streams.sync_log.SyncLog.walk", broken_too)
    run = tap.run(api.config, streams=("zones", LOG))
    assert_fails(run, "Unexpected error: KeyError: 'surprise'")
    assert logged(run) == {}


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize("ends_in", [*THREE, LOG])
def test_a_run_that_a_signal_stops_says_so(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch, ends_in: str
) -> None:
    """The signal comes with the first records of a stream, or with the log's own."""
    send_signal_after(ends_in, monkeypatch)
    run = tap.run(api.config, streams=(*THREE, LOG))
    assert run.exit_code == 128 + signal.SIGTERM
    rows = logged(run)
    assert [*rows] == [*THREE]
    done = [*THREE, LOG].index(ends_in)
    for place, stream in enumerate(THREE):
        is_complete = place < done
        assert rows[stream]["outcome"] == ("complete" if is_complete else "failed")
        reason = None if is_complete else "the run was stopped by a signal"
        assert rows[stream]["reason"] == reason
        assert (rows[stream]["sourceRows"] is None) == (ends_in != LOG)
    assert run.messages[-1]["type"] == "STATE"
    bookmarks = run.states[-1]["bookmarks"]
    kept = {name for name, each in bookmarks.items() if "replication_key_value" in each}
    assert kept >= {*THREE[:done]}


def test_a_signal_while_a_failed_run_is_told_of_is_heeded(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.token_reply = lambda _: Answer({"error": "invalid_client"}, status=400)
    send_signal_after(LOG, monkeypatch)
    run = tap.run(api.config, streams=(*THREE, LOG))
    assert run.exit_code == 128 + signal.SIGTERM
    assert len(messages_of(run, "RECORD")) == len(THREE)
    assert {each["reason"] for each in logged(run).values()} != {"the run was stopped by a signal"}


def send_signal_after(stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a signal come right after the first records of a stream have been written."""
    write = LineWriter.write_records
    signals = iter([signal.SIGTERM])

    def write_and_signal(self: LineWriter, written: str, *rest: Any, **options: Any) -> None:
        write(self, written, *rest, **options)
        if written == stream:
            for number in signals:
                os.kill(os.getpid(), number)

    monkeypatch.setattr(LineWriter, "write_records", write_and_signal)


# The SDK's own ways


@pytest.mark.usefixtures("answers")
def test_through_a_stream_map(api: ScriptedApi, tap: Command) -> None:
    maps = {LOG: {"who": "'us'", "__alias__": "runs"}}
    run = tap.run({**api.config, "stream_maps": maps}, streams=("zones", LOG))
    [record] = [
        each["record"] for each in run.messages if each.get("stream") == "runs" and "record" in each
    ]
    assert (record["stream"], record["who"], record["rows"]) == ("zones", "us", 2)


@pytest.mark.usefixtures("answers")
def test_rows_are_counted_before_a_stream_map_leaves_them_out(
    api: ScriptedApi, tap: Command
) -> None:
    maps = {"zones": {"__filter__": "id == 5"}}
    run = tap.run({**api.config, "stream_maps": maps}, streams=("zones", LOG))
    assert logged(run)["zones"]["rows"] == 2


@pytest.mark.usefixtures("answers")
def test_in_batches(api: ScriptedApi, tap: Command, tmp_path: Path) -> None:
    batch_config = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": tmp_path.as_uri()},
    }
    run = tap.run({**api.config, "batch_config": batch_config}, streams=("zones", LOG))
    assert run.exit_code == 0, run.stderr
    [path] = tmp_path.glob(f"*{LOG}*.gz")
    [record] = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert (record["stream"], record["rows"], record["bookmark"]) == ("zones", 2, LATER)
    assert run.messages[-1]["type"] == "STATE"


@pytest.mark.usefixtures("answers")
def test_its_fields_can_be_deselected(api: ScriptedApi, tap: Command) -> None:
    catalog = catalog_of("zones", LOG)
    catalog["streams"] = [
        each for each in catalog["streams"] if each["tap_stream_id"] in {"zones", LOG}
    ]
    catalog["streams"].reverse()
    select(catalog, ("properties", "tapVersion"), selected=False)
    run = tap.run(api.config, None, catalog)
    zones = logged(run)["zones"]
    assert "tapVersion" not in zones
    assert zones["rows"] == 2


@pytest.mark.usefixtures("answers")
def test_a_later_run_takes_nothing_of_the_log_away(api: ScriptedApi, tap: Command) -> None:
    first = tap.run(api.config, streams=("arrival_windows", LOG))
    assert first.exit_code == 0
    second = tap.run(api.config, first.states[-1], streams=("arrival_windows", LOG))
    assert second.exit_code == 0
    without = tap.run(api.config, first.states[-1], streams=("arrival_windows",))
    assert without.exit_code == 0


def test_the_check_asks_nothing_for_it(
    api: ScriptedApi, tap: Command, answers: dict[str, Any]
) -> None:
    config = {**api.config, "extra_streams": [LOG]}
    run = tap.run(config, None, catalog_of("zones", LOG), "--check=json")
    assert run.exit_code == 0
    assert LOG not in {step["name"] for step in json.loads(run.stdout)["steps"]}
    assert answers


def test_a_dry_run_has_it_too(api: ScriptedApi, tap: Command, answers: dict[str, Any]) -> None:
    answers[PATHS["zones"]] = counting({"id": 1}, {"id": 2})
    run = tap.run({**api.config, "extra_streams": [LOG]}, None, None, "--test=all")
    assert run.exit_code == 0, run.stderr
    assert len(messages_of(run, "RECORD")) == 1


def test_it_is_offered_on_request_only(tap: Command) -> None:
    config = {"environment": "sandbox"}
    names = [each["tap_stream_id"] for each in tap.discover(**config)["streams"]]
    assert LOG not in names
    more = tap.discover(**config, extra_streams=[LOG])["streams"]
    assert [each["tap_stream_id"] for each in more] == [*names, LOG]
    assert {*names} < {*ALL_STREAMS}


def test_a_tenant_of_a_group_whose_own_credentials_fail(api: ScriptedApi, tap: Command) -> None:
    group = Group(api)
    items = [NORTH, {"tenant_id": SOUTH, "client_id": "cid.other"}, WEST]
    denied = Answer({"error": "invalid_client"}, status=400)
    good = Answer({"access_token": "kept-secret-token-1", "expires_in": 900})
    api.token_reply = lambda call: denied if "cid.other" in call.body else good
    run = tap.run({**group.config, "tenants": items}, None, group_catalog("zones", LOG))
    assert run.exit_code == 1
    assert outcomes(logged_of_group(run)) == {
        (NORTH, "zones"): "complete",
        (SOUTH, "zones"): "failed",
        (WEST, "zones"): "complete",
    }

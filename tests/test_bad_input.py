"""Bad settings, catalogs and states: one clear line and exit code 1, or they are understood."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runs import FEED_ONLY, bookmarked, catalog_of
from tests.support.scripted_api import ScriptedApi, feed_of, page

if TYPE_CHECKING:
    from tests.support.runs import Command, Run

PREFIX = "TAP_SERVICETITAN_DISPATCH_"


def assert_one_line(run: Run, text: str) -> None:
    assert run.exit_code == 1, run.stderr
    assert "Traceback" not in run.stderr
    lines = [line for line in run.errors if line != "Config validation failed"]
    assert len(lines) == 1, run.stderr
    assert text in lines[0]
    assert not run.records


@pytest.fixture
def good(api: ScriptedApi) -> ScriptedApi:
    api.reply = feed_of(
        (None, page(1, more=False, token="t1")), ("t0", page(2, more=False, token="t1"))
    )
    return api


# Files


@pytest.mark.parametrize("option", ["--config", "--state", "--catalog"])
@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is empty. What to do: restore it, name another, or leave the option out"),
        (b" \n", "is empty. What to do: "),
        (b"{", "is not JSON"),
        (b"client_id: 5", "is not JSON"),
        (b'{"page_size": NaN}', "is not JSON: NaN is not a number"),
        (b"\xff\xfe\x00", "is not text"),
    ],
    ids=["empty", "blank", "cut short", "YAML", "no number", "binary"],
)
def test_a_file_that_is_no_json(tap: Command, option: str, content: bytes, text: str) -> None:
    path = tap.folder / "given.json"
    path.write_bytes(content)
    assert_one_line(tap.run(None, None, None, option, str(path)), text)


def test_a_config_that_is_a_folder(tap: Command) -> None:
    assert_one_line(tap.run(None, None, None, "--config", str(tap.folder)), str(tap.folder))


@pytest.mark.parametrize("content", [[], ["a"], 5, None, "text"])
def test_a_config_that_is_no_object(tap: Command, content: Any) -> None:
    path = tap.folder / "given.json"
    path.write_text(json.dumps(content))
    run = tap.run(None, None, None, "--config", str(path))
    assert_one_line(run, "given with --config is not a JSON object")


def test_a_number_is_named_as_it_was_written(tap: Command) -> None:
    path = tap.folder / "given.json"
    path.write_text('{"environment": "sandbox", "page_size": 0.30000000000000001}')
    run = tap.run(None, None, None, "--config", str(path))
    assert_one_line(run, "page_size: 0.30000000000000001 is not of type integer")


HALF = json.loads('"\\ud83d"')


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (({"timezone": HALF}, None, None), "config.json given with --config has text that is not"),
        (({HALF: 1}, None, None), "config.json given with --config has text that is not valid"),
        (
            ({}, bookmarked(HALF), None),
            "state.json given with --state has text",
        ),
        (({}, {"bookmarks": {HALF: {}}}, None), "has text that is not valid Unicode at bookmarks."),
        (
            ({}, None, {"streams": [{HALF: 1}]}),
            "catalog.json given with --catalog has text",
        ),
    ],
)
def test_half_of_a_character(
    good: ScriptedApi, tap: Command, given: tuple[Any, Any, Any], text: str
) -> None:
    config, state, catalog = given
    run = tap.run(good.config | config, state, catalog)
    assert_one_line(run, text)
    assert good.calls == []


def test_a_config_that_begins_with_a_byte_order_mark_is_understood(
    good: ScriptedApi, tap: Command
) -> None:
    path = tap.folder / "given.json"
    path.write_text(json.dumps(good.config), encoding="utf-8-sig")
    catalog = tap.arguments(None, None, catalog_of(*FEED_ONLY))
    run = tap.run(None, None, None, "--config", str(path), *catalog)
    assert (run.exit_code, run.ids) == (0, [1])


# The environment


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("PAGE_SIZE", "abc", "page_size: 'abc' is not of type integer"),
        ("PAGE_SIZE", "0", "page_size: 0 is less than 1"),
        ("EXTRA_STREAMS", "capacities, jobs", "extra_streams.1: 'jobs' is not one of "),
        ("EXTRA_STREAMS", "[capacities]", "extra_streams: '[capacities]' is not of type array"),
        ("PAGE_SIZE", "1.5", "page_size: 1.5 is not of type integer"),
        ("INCLUDE_RECENT_CHANGES", "yse", "include_recent_changes: 'yse' is not of type boolean"),
        ("CAPACITY_BUSINESS_UNIT_IDS", "one", "capacity_business_unit_ids: 'one' is not of"),
        ("CAPACITY_BUSINESS_UNIT_IDS", '["a"]', "capacity_business_unit_ids.0: 'a'"),
        ("STREAM_MAPS", "{", "stream_maps: '{' is not of type object"),
        ("ENVIRONMENT", "prod", "environment: 'prod' is not one of"),
        ("TIMEZONE", "Mars/Base", "timezone: 'Mars/Base' is not an IANA time zone"),
    ],
)
def test_a_bad_value_in_the_environment(
    good: ScriptedApi,
    tap: Command,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    text: str,
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    config = tap.arguments(good.config)
    assert_one_line(tap.run(None, None, None, *config, "--config", "ENV"), text)
    assert good.calls == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAGE_SIZE", "100"),
        ("PAGE_SIZE", "1e2"),
        ("PAGE_SIZE", ""),
        ("INCLUDE_RECENT_CHANGES", "Off"),
        ("CAPACITY_BUSINESS_UNIT_IDS", "1,2"),
        ("CAPACITY_BUSINESS_UNIT_IDS", "[1, 2]"),
        ("STREAM_MAPS", "{}"),
    ],
)
def test_a_value_in_the_environment_that_is_understood(
    good: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    arguments = tap.arguments(good.config, None, catalog_of(*FEED_ONLY))
    run = tap.run(None, None, None, *arguments, "--config", "ENV")
    assert (run.exit_code, run.ids) == (0, [1])


@pytest.mark.parametrize("exported", ["50", "many"])
def test_a_value_in_a_file_named_env_counts_more_than_one_in_the_environment(
    tap: Command, exported: str
) -> None:
    (tap.folder / ".env").write_text(f"{PREFIX}PAGE_SIZE=0\n{PREFIX}ENVIRONMENT=sandbox\n")
    # Python has no file of its own to look beside here, so that the search begins in this folder
    script = "import sys; from tap_servicetitan_dispatch.__main__ import main; main()"
    ran = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", script, "--config=ENV", "--check=json"],
        cwd=tap.folder,
        env={**os.environ, PREFIX + "PAGE_SIZE": exported},
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(ran.stdout)["steps"][0]["happened"] == "page_size: 0 is less than 1"
    assert "| WARNING" not in ran.stderr


# States


def test_the_state_that_was_given_goes_out_first(good: ScriptedApi, tap: Command) -> None:
    """So that a target has it, whatever becomes of the run."""
    run = tap.run(good.config, bookmarked("t0"))
    assert run.messages[0] == {"type": "STATE", "value": bookmarked("t0")}


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ([], "the state is not an object"),
        ([1], "the state is not an object"),
        (5, "the state is not an object"),
        ("t1", "the state is not an object"),
        ({"bookmarks": [1]}, "the state is not an object"),
        ({"bookmarks": "t1"}, 'the state is not an object with "bookmarks" in it'),
        ({"bookmarks": {"appointment_assignments": "t1"}}, "bookmark of appointment_assignments"),
        ({"bookmarks": {"appointment_assignments": None}}, "bookmark of appointment_assignments"),
        ({"bookmarks": {"somebody_elses": ["t1"]}}, "the bookmark of somebody_elses"),
        (
            {"bookmarks": {"appointment_assignments": {"partitions": [{"context": {}}]}}},
            "has partitions that are not those of a group",
        ),
        (bookmarked({}), "the bookmark {} in the state is not a text"),
        (bookmarked(["t1"]), "the bookmark ['t1'] in the state"),
        (bookmarked(0), "the bookmark 0 in the state is not a text"),
        (bookmarked([]), "the bookmark [] in the state is not a text"),
        ({"singer_state": bookmarked("t0")}, "the state has no bookmarks but: singer_state"),
        ({"appointment_assignments": "t0"}, "the state has no bookmarks but: appointment_as"),
        (bookmarked("0001-01-01T00:00:00Z", key="modifiedOn"), "in the state is not a date"),
        (bookmarked("last week", key="modifiedOn"), "'last week' in the state is not a date"),
    ],
)
def test_a_state_that_makes_no_sense(
    good: ScriptedApi, tap: Command, state: Any, text: str
) -> None:
    assert_one_line(tap.run(good.config, state), text)
    assert good.calls == []


@pytest.mark.parametrize(
    ("state", "ids"),
    [
        ({}, [1]),
        ({"bookmarks": {}}, [1]),
        ({"bookmarks": None}, [1]),
        ({"version": 7, "bookmarks": {"appointment_assignments": {}}}, [1]),
        (bookmarked(None), [1]),
        (bookmarked(""), [1]),
        (bookmarked("t0"), [2]),
        (bookmarked("t0") | {"version": 7, "currently_syncing": "zones"}, [2]),
        (
            {
                "bookmarks": {
                    "appointment_assignments": {
                        "replication_key": "continueFrom",
                        "replication_key_value": "t0",
                        "progress_markers": ["what a run leaves for itself"],
                        "replication_key_signpost": 5,
                        "of_a_future_version": {"a": 1},
                    }
                }
            },
            [2],
        ),
    ],
)
def test_a_state_that_is_understood(
    good: ScriptedApi, tap: Command, state: Any, ids: list[int]
) -> None:
    run = tap.run(good.config, state)
    assert (run.exit_code, run.ids) == (0, ids)
    assert run.states[-1] == bookmarked("t1")


@pytest.mark.parametrize(
    "entry",
    [
        {"replication_key_value": "2026-01-01", "partitions": [{"context": {}}]},
        {"partitions": "what"},
        {"partitions": None, "progress_markers": "half-way"},
        {"partitions": [5, {"progress_markers": {"Note": "half-way"}}]},
    ],
)
def test_bookmarks_of_other_taps_streams_are_kept(
    good: ScriptedApi, tap: Command, entry: dict[str, Any]
) -> None:
    theirs = {"jobs": entry}
    run = tap.run(good.config, {"bookmarks": {**theirs, **bookmarked("t0")["bookmarks"]}})
    assert run.states[-1] == {"bookmarks": {**theirs, **bookmarked("t1")["bookmarks"]}}


# Catalogs


@pytest.mark.parametrize("start_date", [None, "2026-11-01"])
@pytest.mark.parametrize("value", ["garbage", 5, "0001-01-01T00:00:00Z"])
def test_a_bookmark_of_a_list_that_makes_no_sense(
    good: ScriptedApi, tap: Command, value: Any, start_date: str | None
) -> None:
    state = {
        "bookmarks": {"zones": {"replication_key_value": value, "replication_key": "modifiedOn"}}
    }
    run = tap.run(good.config | {"start_date": start_date}, state, streams=("zones",))
    assert_one_line(run, f"the bookmark {value!r} in the state is not a date-time")
    assert good.calls == []


@pytest.mark.parametrize(
    "catalog",
    [
        [],
        5,
        "all",
        {},
        {"streams": None},
        {"streams": {"a": 1}},
        {"streams": ["appointment_assignments"]},
        {"streams": [{"schema": {}}]},
        {"streams": [{"tap_stream_id": "appointment_assignments"}]},
        {
            "streams": [
                {
                    "tap_stream_id": "appointment_assignments",
                    "schema": {"properties": {"id": {"type": "integer"}}},
                    "replication_method": "SOMETIMES",
                }
            ]
        },
        {"streams": [{"tap_stream_id": "appointment_assignments", "schema": []}]},
        {
            "streams": [
                {"tap_stream_id": "appointment_assignments", "schema": {}, "metadata": {"a": 1}}
            ]
        },
        {
            "streams": [
                {"tap_stream_id": "appointment_assignments", "schema": {}, "metadata": ["a"]}
            ]
        },
    ],
)
def test_a_catalog_that_makes_no_sense(good: ScriptedApi, tap: Command, catalog: Any) -> None:
    assert_one_line(tap.run(good.config, None, catalog), "the catalog is not well formed")
    assert good.calls == []


def test_a_stream_in_the_catalog_that_the_tap_does_not_have_is_named(
    good: ScriptedApi, tap: Command
) -> None:
    catalog = catalog_of(*FEED_ONLY)
    catalog["streams"].append({**catalog["streams"][0], "tap_stream_id": "jobs", "stream": "jobs"})
    run = tap.run(good.config, None, catalog)
    assert (run.exit_code, run.ids) == (0, [1])
    assert "The catalog has streams that this tap does not have: jobs" in run.stderr


def test_a_replication_key_of_the_catalogs_own_is_not_taken(
    good: ScriptedApi, tap: Command
) -> None:
    catalog = catalog_of(*FEED_ONLY)
    stream = next(s for s in catalog["streams"] if s["tap_stream_id"] == FEED_ONLY[0])
    stream["replication_key"] = "modifiedOn"
    run = tap.run(good.config, None, catalog)
    assert (run.exit_code, run.ids) == (0, [1])
    assert run.states[-1] == bookmarked("t1")


def test_a_stream_map_that_makes_no_sense(good: ScriptedApi, tap: Command) -> None:
    maps = {"appointment_assignments": {"id": "no_such_field + ("}}
    assert_one_line(tap.run(good.config | {"stream_maps": maps}), "")

"""Rows that were deleted for good: found by reading a list in full, and told after its last row."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.streams.full_reads import FullReads
from tap_servicetitan_dispatch.walks import ModifiedWalk, read_by_number
from tests.support.changing_list import EPOCH, SECOND, Server, World
from tests.support.group import GROUP, LATER, NORTH, SOUTH, WEST, Group, group_catalog, read
from tests.support.runs import Command, assert_fails, catalog_of
from tests.support.scripted_api import Answer, ScriptedApi, listed, page, routed
from tests.support.streams import NOTHING, PATHS
from tests.support.versioned_target import VersionedTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.walks import Fetch, Page
    from tests.support.runs import Run
    from tests.support.scripted_api import Call

EVERY_DAY = {"detect_deleted_every_hours": 24}
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WHOLE = ("arrival_windows", "business_hours", "zones")


class Board:
    """The zones and arrival windows of a contractor, and the clock of the API."""

    def __init__(self, api: ScriptedApi) -> None:
        self.api = api
        self.zones = {number: {"id": number, "modifiedOn": LATER} for number in (1, 2, 3, 4)}
        self.windows = {number: {"id": number} for number in (1, 2)}
        self.answers: dict[str, Any] = {
            **NOTHING,
            PATHS["zones"]: lambda call: self.list(call, self.zones),
            PATHS["arrival_windows"]: lambda call: self.list(call, self.windows),
            PATHS["business_hours"]: {"weekdays": []},
        }
        api.reply = routed(self.answers)
        self.now = NOON - timedelta(days=10)
        self.set_clock(NOON)

    def set_clock(self, now: datetime) -> None:
        self.api.date = format_datetime(now, usegmt=True)

    def list(self, call: Call, rows: dict[int, dict[str, Any]]) -> dict[str, Any]:
        since = instants.parse(call.query.get("modifiedOnOrAfter", "2000-01-01"))
        found = [
            row
            for row in rows.values()
            if instants.parse(row.get("modifiedOn", "2026-01-01")) >= since
        ]
        size = int(call.query["pageSize"])
        start = (int(call.query["page"]) - 1) * size
        total = len(found) if "includeTotal" in call.query else None
        body = listed(*found[start : start + size], more=start + size < len(found))
        return {**body, "totalCount": total}


@pytest.fixture
def board(api: ScriptedApi) -> Board:
    return Board(api)


@pytest.fixture
def target() -> VersionedTarget:
    return VersionedTarget()


def load(
    tap: Command,
    target: VersionedTarget,
    config: dict[str, Any],
    streams: tuple[str, ...] = ("zones",),
) -> Run:
    """Run the tap into a target, from the state that it has kept."""
    run = tap.run(config, target.state, catalog_of(*streams))
    target.take(run.messages)
    return run


def kinds(run: Run, stream: str) -> list[str]:
    """Return the types of the messages of a stream, and of STATE, without repetitions in a row."""
    found = [each["type"] for each in run.messages if each.get("stream", stream) == stream]
    return [each for place, each in enumerate(found) if found[place - 1 : place] != [each]]


def versions(run: Run, stream: str = "zones") -> set[int | None]:
    return {
        each.get("version")
        for each in run.messages
        if (each["type"], each.get("stream", "")) == ("RECORD", stream)
    }


def activated(run: Run) -> dict[str, int]:
    return {
        each["stream"]: each["version"]
        for each in run.messages
        if each["type"] == "ACTIVATE_VERSION"
    }


def full_read(run: Run, stream: str = "zones") -> Any:
    return run.states[-1]["bookmarks"][stream].get("full_read")


# When it is due


def test_what_is_gone_is_found_by_the_next_full_read_and_not_before(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    config = board.api.config | EVERY_DAY
    load(tap, target, config)
    del board.zones[2]
    board.set_clock(NOON + timedelta(hours=23))
    load(tap, target, config)
    assert target.gone["zones"] == set()
    board.set_clock(NOON + timedelta(hours=24))
    load(tap, target, config)
    assert target.gone["zones"] == {(2,)}
    assert {*target.alive("zones")} == {(1,), (3,), (4,)}


def test_a_row_that_comes_back_is_alive_again(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    config = board.api.config | EVERY_DAY
    load(tap, target, config)
    taken = board.zones.pop(2)
    board.set_clock(NOON + timedelta(hours=24))
    load(tap, target, config)
    assert target.gone["zones"] == {(2,)}
    board.zones[2] = taken | {"modifiedOn": "2026-11-21T12:30:00Z"}
    board.set_clock(NOON + timedelta(hours=25))
    load(tap, target, config)
    board.set_clock(NOON + timedelta(hours=50))
    load(tap, target, config)
    assert target.gone["zones"] == set()


def test_a_run_with_nothing_due_asks_for_what_it_would_without_the_setting(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    load(tap, target, board.api.config | EVERY_DAY)
    asked = []
    for more in ({}, EVERY_DAY):
        board.api.calls.clear()
        run = tap.run(board.api.config | more, target.state, catalog_of("zones"))
        assert run.exit_code == 0
        asked.append([(call.method, call.path, call.query) for call in board.api.calls])
    assert asked[0] == asked[1]
    assert len(asked[0]) == 2, "a token, and a page"


@pytest.mark.parametrize(
    ("later", "is_due"),
    [
        (timedelta(hours=24), True),
        (timedelta(hours=23, minutes=59), False),
        (-timedelta(minutes=1), False),
        (-timedelta(days=3), True),
    ],
    ids=["a day later", "a moment too early", "another server's clock", "a clock that was wrong"],
)
def test_the_clock_is_that_of_the_api(
    board: Board, tap: Command, target: VersionedTarget, later: timedelta, *, is_due: bool
) -> None:
    first = load(tap, target, board.api.config | EVERY_DAY)
    board.set_clock(NOON + later)
    second = load(tap, target, board.api.config | EVERY_DAY)
    assert ("zones" in activated(second)) == is_due
    if is_due:
        assert activated(second)["zones"] > activated(first)["zones"]


def test_where_the_api_tells_no_time_nothing_is_due(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    board.api.date = None
    run = load(tap, target, board.api.config | EVERY_DAY, WHOLE)
    assert run.exit_code == 0, run.stderr
    assert activated(run) == {}
    assert len(target.alive("zones")) == 4
    for stream in WHOLE:
        assert (
            f"{stream}: no row is marked as deleted, as the server's answers have no Date"
            in run.stderr
        )


@pytest.mark.parametrize(("year", "version"), [(1969, 1), (1970, 1), (2039, None), (9999, None)])
def test_a_clock_that_is_years_off_leaves_no_version_that_nobody_can_take(
    board: Board, tap: Command, target: VersionedTarget, year: int, version: int | None
) -> None:
    config = board.api.config | EVERY_DAY
    board.set_clock(datetime(year, 1, 1, tzinfo=UTC))
    run = load(tap, target, config)
    assert run.exit_code == 0, run.stderr
    assert activated(run).get("zones") == version
    assert ("zones: no row is marked as deleted" in run.stderr) == (version is None)
    board.set_clock(NOON)
    assert activated(load(tap, target, config)) == {"zones": int(NOON.timestamp())}


def test_the_largest_version_that_a_state_may_have_is_not_outgrown(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    found = {"version": 2**31 - 2, "at": "2026-11-01T00:00:00Z"}
    target.state = {"bookmarks": {"zones": {"full_read": found}}}
    for _ in range(2):
        run = load(tap, target, board.api.config | EVERY_DAY)
        assert run.exit_code == 0, run.stderr
        assert activated(run) == {}


@pytest.mark.parametrize("rows", [-1, "12", True, None])
def test_a_number_of_rows_that_is_none_is_said(board: Board, tap: Command, rows: Any) -> None:
    state = {"bookmarks": {"zones": {"full_read_rows": rows}}}
    run = tap.run(board.api.config | EVERY_DAY, state, streams=("zones",))
    assert_fails(run, "the full_read_rows of zones in the state, ")


def test_a_list_that_has_a_bookmark_and_was_never_read_in_full_is_due(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    load(tap, target, board.api.config)
    del board.zones[2]
    run = load(tap, target, board.api.config | EVERY_DAY)
    assert target.gone["zones"] == {(2,)}, "rows without a version are old ones"
    assert full_read(run) == {
        "version": int(NOON.timestamp()),
        "at": "2026-11-20T12:00:00Z",
    }


def test_off_unless_set(board: Board, tap: Command, target: VersionedTarget) -> None:
    first = load(tap, target, board.api.config, WHOLE)
    assert activated(first) == {}
    assert versions(first) == {None}
    assert "full_read" not in str(first.states)
    load(tap, target, board.api.config | EVERY_DAY)
    run = load(tap, target, board.api.config, WHOLE)
    assert versions(run) == {None}
    assert full_read(run)["version"] == int(NOON.timestamp()), "for when it is set again"


# What goes out


def test_the_version_is_told_after_the_last_row_and_before_the_state_that_knows_of_it(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    run = load(tap, target, board.api.config | EVERY_DAY)
    assert kinds(run, "zones") == ["SCHEMA", "RECORD", "STATE", "ACTIVATE_VERSION", "STATE"]
    assert [
        "full_read" in state["bookmarks"]["zones"] for state in run.states if state["bookmarks"]
    ] == [False, True]
    assert versions(run) == {*activated(run).values()} == {int(NOON.timestamp())}


def test_rows_in_between_carry_the_version_that_the_target_has(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    config = board.api.config | EVERY_DAY
    first = load(tap, target, config)
    board.zones[9] = {"id": 9, "modifiedOn": "2026-11-20T12:30:00Z"}
    board.set_clock(NOON + timedelta(hours=1))
    second = load(tap, target, config)
    assert [each["id"] for each in second.records][-1] == 9
    assert versions(second) == {activated(first)["zones"]}
    assert activated(second) == {}
    assert full_read(second) == full_read(first)


def test_streams_without_a_bookmark_tell_a_version_each_time_and_never_the_same(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    first = load(tap, target, board.api.config | EVERY_DAY, WHOLE)
    del board.windows[1]
    second = load(tap, target, board.api.config | EVERY_DAY, WHOLE)
    assert {*activated(first)} == {*WHOLE}
    assert {*activated(second)} == {"arrival_windows", "business_hours"}
    for stream in activated(second):
        assert activated(second)[stream] > activated(first)[stream], "in the same second"
        assert [each for each in kinds(second, stream) if each != "STATE"] == [
            "SCHEMA",
            "RECORD",
            "ACTIVATE_VERSION",
        ]
    assert target.gone["arrival_windows"] == {(1,)}
    assert target.gone["business_hours"] == set()


def test_a_list_that_is_always_read_in_full_tells_one_each_time_too(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    catalog = catalog_of("zones")
    for stream in catalog["streams"]:
        stream["replication_method"] = "FULL_TABLE"
    for _ in range(2):
        run = tap.run(board.api.config | EVERY_DAY, target.state, catalog)
        target.take(run.messages)
        assert "zones" in activated(run)
        del board.zones[max(board.zones)]
    assert {*target.alive("zones")} == {(1,), (2,), (3,)}


@pytest.mark.parametrize("maps", [{}, {"zones": {"id": "id", "__alias__": "areas"}}])
def test_both_ways_of_writing_tell_it(
    board: Board, tap: Command, target: VersionedTarget, maps: dict[str, Any]
) -> None:
    config = board.api.config | EVERY_DAY | {"stream_maps": maps}
    load(tap, target, config)
    del board.zones[3]
    board.set_clock(NOON + timedelta(days=1))
    load(tap, target, config)
    name = "areas" if maps else "zones"
    assert target.gone[name] == {(3,)}


def test_a_history_of_versions_and_a_stream_that_is_mapped_away_are_let_alone(
    board: Board, tap: Command
) -> None:
    maps = {
        "zones_history": {"__source__": "zones", "__key_properties__": ["id", "modifiedOn"]},
        "arrival_windows": "__NULL__",
    }
    run = tap.run(board.api.config | EVERY_DAY | {"stream_maps": maps}, None, catalog_of(*WHOLE))
    assert run.exit_code == 0, run.stderr
    assert versions(run, "zones_history") == {int(NOON.timestamp())}
    assert {*activated(run)} == {"zones", "business_hours"}


@pytest.mark.parametrize("keys", [["id", "modifiedOn"], []], ids=["longer", "none"])
@pytest.mark.parametrize("by", ["catalog", "stream map"])
def test_a_table_that_keeps_the_history_of_rows_is_let_alone(
    board: Board, tap: Command, keys: list[str], by: str
) -> None:
    config, catalog = board.api.config | EVERY_DAY, catalog_of("zones")
    if by == "stream map":
        config["stream_maps"] = {"zones": {"__key_properties__": keys}}
    else:
        for stream in catalog["streams"]:
            if stream["tap_stream_id"] == "zones":
                root = next(each for each in stream["metadata"] if not each["breadcrumb"])
                stream["key_properties"] = root["metadata"]["table-key-properties"] = keys
    run = tap.run(config, None, catalog)
    assert run.exit_code == 0, run.stderr
    assert len(run.records) == 4
    assert activated(run) == {}


def test_a_key_with_modified_on_keeps_history_in_a_group_too(group: Group, tap: Command) -> None:
    """Without the tenant it is no longer than the stream's own."""
    history = {"__source__": "zones", "__key_properties__": ["id", "modifiedOn"]}
    config = group.config | EVERY_DAY | {"stream_maps": {"zones_history": history}}
    run = read(tap, config, None, "zones")
    assert run.exit_code == 0, run.stderr
    assert {*activated(run)} == {"zones"}


def test_a_table_of_two_streams_is_let_alone(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    """The version of one would have the rows of the other count as gone."""
    board.answers[PATHS["teams"]] = listed({"id": 50, "modifiedOn": LATER})
    both = {"__alias__": "both", "id": "id", "__else__": None}
    config = board.api.config | EVERY_DAY | {"stream_maps": {"zones": both, "teams": both}}
    load(tap, target, config, ("teams",))
    board.set_clock(NOON + timedelta(hours=5))
    run = load(tap, target, config, ("teams", "zones"))
    assert run.exit_code == 0, run.stderr
    assert {*target.alive("both")} == {(1,), (2,), (3,), (4,), (50,)}


def test_streams_that_tell_of_their_deletions_or_are_never_whole_have_no_versions(
    board: Board, tap: Command
) -> None:
    board.answers[PATHS["appointment_assignments"]] = page(1, 2, more=False, token="t")
    config = board.api.config | EVERY_DAY | {"extra_streams": ["sync_log", "technician_tracking"]}
    streams = ("appointment_assignments", "sync_log", "technician_tracking", "zones")
    run = tap.run(config, None, catalog_of(*streams))
    assert run.exit_code == 0, run.stderr
    assert {*activated(run)} == {"zones"}
    assert versions(run, "appointment_assignments") == versions(run, "sync_log") == {None}


def test_a_dry_run_tells_nothing(board: Board, tap: Command) -> None:
    run = tap.run(board.api.config | EVERY_DAY, None, None, "--test")
    assert run.exit_code == 0, run.stderr
    assert run.records
    assert "ACTIVATE_VERSION" not in run.stdout


# A read that is not whole


@pytest.mark.no_cover
def test_a_run_that_ends_anywhere_marks_nothing_and_the_next_one_does(
    board: Board, tap: Command
) -> None:
    board.zones |= {number: {"id": number, "modifiedOn": LATER} for number in range(5, 25)}
    config = board.api.config | EVERY_DAY | {"page_size": 20}
    before = tap.run(config, None, catalog_of("zones")).messages
    del board.zones[2]
    board.set_clock(NOON + timedelta(days=1))
    run = tap.run(config, before[-1]["value"], catalog_of("zones"))
    told = [each["type"] for each in run.messages].index("ACTIVATE_VERSION")
    for end in range(told + 1):
        target = VersionedTarget()
        target.take(before)
        target.take(run.messages[:end])
        assert not target.gone["zones"], end
        board.set_clock(NOON + timedelta(days=1, minutes=1))
        load(tap, target, config)
        assert target.gone["zones"] == {(2,)}, end


def test_the_bookmark_of_a_long_read_goes_by_the_clock_of_the_list_not_that_of_the_token(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    """Else what is edited behind the cursor would never come."""
    ahead = format_datetime(NOON + timedelta(hours=1), usegmt=True)
    token = {"access_token": "kept-secret-token", "expires_in": 900}
    board.api.token_reply = lambda _: Answer(token, headers={"Date": ahead})
    board.zones = {number: {"id": number, "modifiedOn": LATER} for number in range(1, 31)}

    def reply(call: Call) -> dict[str, Any]:
        if len(board.api.api_calls) == 2:
            board.set_clock(NOON + timedelta(minutes=20))
            board.zones[1] = {"id": 1, "modifiedOn": "2026-11-20T12:01:00Z", "name": "edited"}
            board.zones[30] = {"id": 30, "modifiedOn": "2026-11-20T12:19:00Z"}
        return board.list(call, board.zones)

    board.answers[PATHS["zones"]] = reply
    config = board.api.config | EVERY_DAY | {"page_size": 20}
    load(tap, target, config)
    assert target.rows["zones"][1,] == {"id": 1, "modifiedOn": LATER}
    load(tap, target, config)
    assert target.rows["zones"][1,]["name"] == "edited"


def pages_of(*pages: list[int], total: int | None = None) -> Any:
    """Return what answers a list with these pages of ids, one after the other."""
    left = [*pages]

    def reply(call: Call) -> dict[str, Any]:
        ids = left.pop(0)
        rows = [{"id": number, "modifiedOn": LATER} for number in ids]
        body = {**listed(*rows, more=bool(left)), "pageSize": len(pages[0])}
        return {**body, "totalCount": total if "includeTotal" in call.query else None}

    return reply


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (pages_of([1, 2, 3], [4, 5]), "rows were deleted during the read"),
        (pages_of([3, 1, 2]), "the server does not sort by id"),
        (pages_of([1, 2, 3], [3, 4], total=5), "1 fewer rows came than the server had counted"),
    ],
    ids=["pulled past", "out of order", "fewer than counted"],
)
def test_what_the_walk_does_not_vouch_for_marks_nothing_and_is_due_again(
    board: Board, tap: Command, target: VersionedTarget, answer: Any, why: str
) -> None:
    config = board.api.config | EVERY_DAY
    load(tap, target, config)
    honest = board.answers[PATHS["zones"]]
    board.answers[PATHS["zones"]] = answer
    board.set_clock(NOON + timedelta(days=1))
    run = load(tap, target, config)
    assert run.exit_code == 0, run.stderr
    assert activated(run) == {}
    assert why in run.stderr
    assert "zones: no row is marked as deleted, as the read was not complete" in run.stderr
    bookmark = run.states[-1]["bookmarks"]["zones"]
    assert bookmark["replication_key_value"] == LATER
    assert bookmark["full_read"]["at"] == "2026-11-20T12:00:00Z"
    board.answers[PATHS["zones"]] = honest
    assert "zones" in activated(load(tap, target, config))


@pytest.mark.parametrize("is_counted", [True, False])
def test_texts_of_several_pages_are_vouched_for_only_if_they_are_counted(
    board: Board, tap: Command, target: VersionedTarget, *, is_counted: bool
) -> None:
    """A server that ignores the order gives the newest first: an edit moves a row behind us."""
    skills = {number: {"id": f"{number}_1", "modifiedOn": LATER} for number in range(1, 41)}
    edits: list[int] = []

    def reply(call: Call) -> dict[str, Any]:
        if call.query["page"] != "1" and edits:
            skills[1] = skills.pop(edits.pop())
        newest = {len(skills) - place: row for place, row in enumerate(skills.values())}
        body = board.list(call, dict(sorted(newest.items())))
        return body if is_counted else {**body, "totalCount": None}

    board.answers[PATHS["technician_skills"]] = reply
    config, streams = board.api.config | EVERY_DAY | {"page_size": 20}, ("technician_skills",)
    assert ("technician_skills" in activated(load(tap, target, config, streams))) == is_counted
    board.set_clock(NOON + timedelta(days=1))
    edits.append(1)
    load(tap, target, config, streams)
    assert target.gone["technician_skills"] == set()


@pytest.mark.parametrize("stream", WHOLE)
def test_an_empty_answer_that_was_not_counted_is_not_vouched_for(
    board: Board, tap: Command, target: VersionedTarget, stream: str
) -> None:
    config = board.api.config | EVERY_DAY
    load(tap, target, config, (stream,))
    before = target.alive(stream)
    board.answers[PATHS[stream]] = listed()
    board.set_clock(NOON + timedelta(days=1))
    run = load(tap, target, config, (stream,))
    assert activated(run) == {}
    assert f"{stream}: no row is marked as deleted" in run.stderr
    assert target.alive(stream) == before
    if stream != "business_hours":
        board.answers[PATHS[stream]] = {**listed(), "totalCount": 0}
        for days, alive in ((1, before), (2, {})):
            board.set_clock(NOON + timedelta(days=days))
            load(tap, target, config, (stream,))
            assert target.alive(stream) == alive, "an empty answer has to come twice"


def test_fewer_arrival_windows_than_the_api_counts_are_not_vouched_for(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    board.answers[PATHS["arrival_windows"]] = {**listed({"id": 1}), "totalCount": 2}
    assert activated(load(tap, target, board.api.config | EVERY_DAY, ("arrival_windows",))) == {}


def test_more_arrival_windows_than_a_page_holds_are_not_vouched_for(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    board.answers[PATHS["arrival_windows"]] = pages_of([1, 2], [3])
    run = load(tap, target, board.api.config | EVERY_DAY, ("arrival_windows",))
    assert len(run.records) == 3
    assert activated(run) == {}
    assert "arrival_windows: no row is marked as deleted" in run.stderr


def test_a_page_size_of_a_few_rows_is_not_for_arrival_windows(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    config = board.api.config | EVERY_DAY | {"page_size": 1}
    assert activated(load(tap, target, config, ("arrival_windows",)))
    assert [call.query["pageSize"] for call in board.api.api_calls] == ["5000"]


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_page_size_of_a_few_rows_is_not_for_full_reads_of_lists(
    board: Board, tap: Command, target: VersionedTarget, size: int
) -> None:
    """Pages that do not overlap would look as if rows had been deleted, in each run anew."""
    board.zones = {number: {"id": number, "modifiedOn": LATER} for number in range(1, 31)}
    run = load(tap, target, board.api.config | EVERY_DAY | {"page_size": size})
    assert "zones" in activated(run), run.stderr
    assert len(target.alive("zones")) == 30
    assert int(board.api.api_calls[0].query["pageSize"]) == 20


@pytest.mark.parametrize("skip", [False, True])
def test_a_list_that_is_refused_marks_nothing(
    board: Board, tap: Command, target: VersionedTarget, *, skip: bool
) -> None:
    config = board.api.config | EVERY_DAY | {"skip_forbidden_streams": skip}
    load(tap, target, config)
    board.answers[PATHS["zones"]] = Answer({"message": "Scope validation failed"}, status=403)
    board.set_clock(NOON + timedelta(days=1))
    run = load(tap, target, config)
    assert activated(run) == {}
    assert len(target.alive("zones")) == 4


# A fall


def test_one_empty_answer_marks_nothing_and_a_second_one_does(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    config = board.api.config | EVERY_DAY | {"extra_streams": ["sync_log"]}
    load(tap, target, config, ("zones", "sync_log"))
    zones, board.zones = board.zones, {}
    board.set_clock(NOON + timedelta(days=1))
    run = load(tap, target, config, ("zones", "sync_log"))
    assert run.exit_code == 0, run.stderr
    assert activated(run) == {}
    assert len(target.alive("zones")) == 4
    assert "zones: No row is marked as deleted, as fewer rows came" in run.stderr
    assert "0 after 4, 4 fewer" in run.stderr
    told = next(each for each in target.rows["sync_log"].values() if each["rows"] == 0)
    assert (told["outcome"], told["reason"][:28]) == ("doubtful", "No row is marked as deleted,")
    board.set_clock(NOON + timedelta(days=1, hours=1))
    assert activated(load(tap, target, config)) == {}, "the next one is not due yet"
    board.set_clock(NOON + timedelta(days=2))
    load(tap, target, config)
    assert target.alive("zones") == {}
    board.zones = zones
    board.set_clock(NOON + timedelta(days=3))
    load(tap, target, config)
    assert len(target.alive("zones")) == 4


def test_rows_that_are_back_with_the_next_full_read_were_never_marked(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    config = board.api.config | EVERY_DAY
    load(tap, target, config)
    zones, board.zones = board.zones, {4: board.zones[4]}
    board.set_clock(NOON + timedelta(days=1))
    load(tap, target, config)
    board.zones = {number: zones[number] for number in (1, 2, 3)}
    board.set_clock(NOON + timedelta(days=2))
    load(tap, target, config)
    assert target.gone["zones"] == {(4,)}


@pytest.mark.parametrize(("left", "is_marked"), [(3, True), (2, True), (1, False), (0, False)])
def test_more_than_half_of_the_rows_are_not_marked_at_once(
    board: Board, tap: Command, target: VersionedTarget, left: int, *, is_marked: bool
) -> None:
    config = board.api.config | EVERY_DAY
    load(tap, target, config)
    board.zones = {number: board.zones[number] for number in range(1, left + 1)}
    board.set_clock(NOON + timedelta(days=1))
    run = load(tap, target, config)
    assert bool(target.gone["zones"]) == is_marked
    assert f"zones: fewer rows came than at the last full read: {left} after 4" in run.stderr or (
        not is_marked
    )


def test_an_empty_first_full_read_of_what_was_read_before_marks_nothing(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    load(tap, target, board.api.config)
    board.zones = {}
    run = load(tap, target, board.api.config | EVERY_DAY)
    assert activated(run) == {}
    assert target.gone["zones"] == set()


def test_a_list_that_was_always_empty_is_no_fall(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    board.zones = {}
    run = load(tap, target, board.api.config | EVERY_DAY)
    assert {*activated(run)} == {"zones"}
    assert "fewer rows" not in run.stderr


def test_a_fall_of_one_tenant_is_seen_however_many_rows_the_others_have(
    group: Group, tap: Command, target: VersionedTarget
) -> None:
    for number in (NORTH, WEST):
        rows = [{"id": each, "modifiedOn": LATER} for each in range(50)]
        group.answers[number, PATHS["zones"]] = listed(*rows)
    target.take(read(tap, group.config | EVERY_DAY, None, "zones").messages)
    group.answers[SOUTH, PATHS["zones"]] = {**listed(), "totalCount": 0}
    group.api.date = format_datetime(NOON + timedelta(days=1), usegmt=True)
    run = read(tap, group.config | EVERY_DAY, target.state, "zones")
    target.take(run.messages)
    assert f"tenant {SOUTH}: zones: No row is marked as deleted" in run.stderr
    assert target.gone["zones"] == set()


def test_a_version_that_may_be_below_that_of_the_table_is_told_of(
    board: Board, tap: Command, target: VersionedTarget
) -> None:
    """The state was lost, and the API's clock is behind: nothing would come of the version."""
    said = "zones: versions follow the API's clock, which shows 2020-01-01T00:00:00Z and is behind"
    board.set_clock(datetime(2020, 1, 1, tzinfo=UTC))
    assert said in load(tap, target, board.api.config | EVERY_DAY).stderr
    board.set_clock(datetime(2020, 1, 2, tzinfo=UTC))
    later = load(tap, target, board.api.config | EVERY_DAY)
    assert activated(later)
    assert "versions follow" not in later.stderr, "the state has the one before"


def test_clocks_that_differ_by_seconds_are_not_told_of() -> None:
    class Api:
        def now(self) -> datetime:
            return NOON

    for seconds, is_behind in ((50, False), (70, True), (-70, False)):
        clock = partial(lambda by: NOON + timedelta(seconds=by), seconds)
        reads = FullReads(24, None, (), {}, has_bookmark=True, clock=clock)
        assert reads.begin(cast("Client", Api()))
        assert reads.is_behind is is_behind


# A group


@pytest.fixture
def group(api: ScriptedApi) -> Group:
    api.date = format_datetime(NOON, usegmt=True)
    return Group(api)


def test_a_version_covers_all_tenants_and_waits_for_each(
    group: Group, tap: Command, target: VersionedTarget
) -> None:
    config = group.config | EVERY_DAY | {"max_retries": 0}
    target.take(read(tap, config, None, "zones").messages)
    group.api.date = format_datetime(NOON + timedelta(days=1), usegmt=True)
    group.answers[NORTH, PATHS["zones"]] = listed({"id": 6, "modifiedOn": LATER})
    group.answers[SOUTH, PATHS["zones"]] = Answer(status=503)
    run = read(tap, config, target.state, "zones")
    target.take(run.messages)
    assert activated(run) == {}
    assert f"as the read of tenant {SOUTH} was not complete" in run.stderr
    assert target.gone["zones"] == set()
    del group.answers[SOUTH, PATHS["zones"]]
    group.api.date = format_datetime(NOON + timedelta(days=1, minutes=10), usegmt=True)
    run = read(tap, config, target.state, "zones")
    target.take(run.messages)
    assert target.gone["zones"] == {(NORTH, 5)}
    assert [*activated(run)] == ["zones"], "once"
    assert full_read(run)["at"] == "2026-11-21T12:10:00Z"


def test_the_first_answer_decides_for_all_tenants(group: Group, tap: Command) -> None:
    """Else some would be read in full and others not, around the moment at which it is due."""
    config = group.config | EVERY_DAY | {"max_concurrent_requests": 1}
    first = read(tap, config, None, "zones")
    moment = NOON + timedelta(days=1, seconds=-1)

    def token(_: Call) -> Answer:
        body = {"access_token": "kept-secret-token", "expires_in": 900}
        return Answer(body, headers={"Date": format_datetime(moment, usegmt=True)})

    group.api.token_reply = token
    group.api.date = format_datetime(moment + timedelta(seconds=1), usegmt=True)
    run = read(tap, config, first.states[-1], "zones")
    assert activated(run) == {}
    zones = [call for call in group.api.api_calls if call.path.endswith("zones")][-len(GROUP) :]
    assert all("modifiedOnOrAfter" in call.query for call in zones)


def test_a_tenant_who_joins_gets_the_version_that_there_is(
    group: Group, tap: Command, target: VersionedTarget
) -> None:
    config = group.config | EVERY_DAY
    first = read(tap, config | {"tenants": [NORTH, SOUTH]}, None, "zones")
    target.take(first.messages)
    second = read(tap, config, target.state, "zones")
    assert activated(second) == {}
    joined = [each for each in second.messages if each.get("record", {}).get("tenantId") == WEST]
    assert {each["version"] for each in joined} == {*activated(first).values()}


@pytest.mark.no_cover
@pytest.mark.parametrize("stream", ["zones", "business_hours"])
def test_rows_of_a_tenant_who_is_not_in_the_run_are_not_taken_for_gone(
    group: Group, tap: Command, target: VersionedTarget, stream: str
) -> None:
    config = group.config | EVERY_DAY
    for number in GROUP:
        group.answers[number, PATHS["business_hours"]] = {"weekdays": []}
    target.take(read(tap, config, None, stream).messages)
    group.api.date = format_datetime(NOON + timedelta(days=1), usegmt=True)
    fewer = config | {"tenants": [NORTH, SOUTH]}
    run = read(tap, fewer, target.state, stream)
    assert activated(run) == {}
    assert f"as the state has the tenant {WEST}, which is not in this run" in run.stderr
    last = group.api.api_calls[-2:]
    assert all("modifiedOnOrAfter" in call.query for call in last if call.path.endswith("zones"))
    state = run.states[-1]
    state["bookmarks"][stream]["partitions"] = [
        each
        for each in state["bookmarks"][stream]["partitions"]
        if each["context"]["tenantId"] != WEST
    ]
    assert stream in activated(read(tap, fewer, state, stream))


@pytest.mark.parametrize("before", [EVERY_DAY, {}], ids=["with the setting", "without"])
@pytest.mark.parametrize("stream", ["arrival_windows", "business_hours"])
def test_a_tenant_who_left_is_known_where_no_stream_has_a_bookmark(
    group: Group, tap: Command, target: VersionedTarget, stream: str, before: dict[str, Any]
) -> None:
    for number in GROUP:
        group.answers[number, PATHS["arrival_windows"]] = listed({"id": 1})
        group.answers[number, PATHS["business_hours"]] = {"weekdays": []}
    target.take(read(tap, group.config | before, None, stream).messages)
    run = read(tap, group.config | EVERY_DAY | {"tenants": [NORTH]}, target.state, stream)
    target.take(run.messages)
    assert activated(run) == {}
    assert target.gone[stream] == set()


@pytest.mark.parametrize("stream", ["arrival_windows", "business_hours"])
def test_a_tenant_who_left_before_the_setting_was_set_is_known_from_any_stream(
    group: Group, tap: Command, target: VersionedTarget, stream: str
) -> None:
    for number in GROUP:
        group.answers[number, PATHS["arrival_windows"]] = listed({"id": 1})
        group.answers[number, PATHS["business_hours"]] = {"weekdays": []}
    target.take(read(tap, group.config, None, stream, "zones").messages)
    fewer = group.config | EVERY_DAY | {"tenants": [NORTH, SOUTH]}
    run = read(tap, fewer, target.state, stream, "zones")
    target.take(run.messages)
    assert activated(run) == {}
    assert f"{stream}: no row is marked as deleted, as the state has the tenant" in run.stderr
    assert target.gone[stream] == set()


def test_the_state_of_a_group_made_of_single_ones_has_no_full_read(
    tap: Command, board: Board
) -> None:
    """Each had a version of its own."""
    single = tap.run(board.api.config | EVERY_DAY, None, catalog_of("zones"))
    (tap.folder / "one.json").write_text(json.dumps(single.states[-1]))
    run = tap.run(None, None, None, "--group-state", f"{NORTH}={tap.folder / 'one.json'}")
    assert run.exit_code == 0, run.stderr
    assert "partitions" in run.stdout
    assert "full_read" not in run.stdout


# What is refused


@pytest.mark.parametrize(
    "found",
    [
        {"version": "5", "at": "2026-11-20T12:00:00Z"},
        {"version": 0, "at": "2026-11-20T12:00:00Z"},
        {"version": 2**31, "at": "2026-11-20T12:00:00Z"},
        {"version": 5, "at": "yesterday"},
        {"version": 5},
        "yesterday",
    ],
    ids=str,
)
@pytest.mark.parametrize("stream", ["zones", "business_hours"])
def test_what_is_no_full_read_in_a_state_is_refused(
    board: Board, tap: Command, found: Any, stream: str
) -> None:
    state = {"bookmarks": {stream: {"full_read": found}}}
    run = tap.run(board.api.config | EVERY_DAY, state, catalog_of(stream))
    assert_fails(run, f"the full_read of {stream} in the state")
    assert board.api.calls == []


@pytest.mark.parametrize("stream", ["zones", "business_hours"])
def test_what_is_no_full_read_is_let_be_where_none_is_asked_for(
    board: Board, tap: Command, stream: str
) -> None:
    state = {"bookmarks": {stream: {"full_read": "yesterday"}}}
    run = tap.run(board.api.config, state, catalog_of(stream))
    assert run.exit_code == 0, run.stderr


# What a walk vouches for


def vouched_and_missed(world: World, walk: Callable[[Fetch], Iterable[Page]]) -> bool:
    """Return whether a walk vouches for a read that lacks a row which was there all the time."""
    server = Server(world)
    before = {*server.ticks}
    pages = [*walk(server.fetch)]
    read = {row["id"] for page in pages for row in page.records}
    return pages[-1].is_whole and not (before & server.ticks.keys()) <= read


def by_number(fetch: Fetch) -> Iterable[Page]:
    params = {"pageSize": "9", "active": "Any", "includeTotal": "true"}
    return read_by_number(fetch, params, None, {}, NOON)


@pytest.mark.no_cover
@settings(max_examples=1000)
@given(
    world=st.builds(
        World,
        seed=st.integers(0, 10**9),
        sorts=st.sampled_from(["exactly", "not"]),
        page_cap=st.integers(1, 9),
        rows=st.integers(0, 40),
        bulk=st.booleans(),
        hard_deletes=st.booleans(),
        busy=st.sampled_from([0.0, 0.3, 0.6]),
        nulls=st.booleans(),
        silent=st.booleans(),
        moved_back=st.sampled_from([0, 60]),
        filters=st.sampled_from(["first", "late", "late for some rows"]),
        total=st.sampled_from(["counted", "counted", None, True, 10**20, "7", 7.0]),
    )
)
def test_a_read_that_is_vouched_for_lacks_no_row_that_was_there_all_the_time(world: World) -> None:
    assert not vouched_and_missed(world, by_number)


def test_a_read_by_modified_on_could_not_be_vouched_for() -> None:
    def keyset(fetch: Fetch) -> Iterable[Page]:
        *pages, last = ModifiedWalk(fetch, {"pageSize": "9"}, None, timedelta(seconds=3))
        return [*pages, replace(last, is_whole=True)]

    assert any(vouched_and_missed(World(seed, moved_back=60), keyset) for seed in range(300))


# Whatever happens


class Offices:
    """Tenants whose zones change all the time; some are deleted for good."""

    def __init__(self, group: Group, world: World) -> None:
        self.api = group.api
        self.world = {"hard_deletes": True, "nulls": world.nulls, "silent": world.silent}
        self.servers = {
            number: Server(replace(world, seed=world.seed + number)) for number in GROUP[:2]
        }
        for number, server in self.servers.items():
            group.answers[number, PATHS["zones"]] = self._reply(server)
        self.set_clock()

    def _reply(self, server: Server) -> Any:
        def reply(call: Call) -> Answer:
            answer = server.fetch(call.query)
            assert answer.served_at
            return Answer(
                answer.body, headers={"Date": format_datetime(answer.served_at, usegmt=True)}
            )

        return reply

    def hide(self, share: float) -> None:
        """Let so many of the rows there are not be shown from now on, and all others be."""
        for server in self.servers.values():
            ids = sorted(server.ticks)
            server.hidden = {*server.chance.sample(ids, round(share * len(ids)))}

    @property
    def hidden(self) -> set[tuple[int, int]]:
        return {(number, each) for number, server in self.servers.items() for each in server.hidden}

    def wait(self, hours: float, **world: Any) -> None:
        """Let rows come, change and go for a while in which nobody reads."""
        self.change(**self.world | world)
        for server in self.servers.values():
            for _ in range(6):
                server.mutate()
            server.now += int(hours * 3600) * SECOND
            server.show(server.now)
        self.set_clock()

    def set_clock(self) -> None:
        now = max(server.now for server in self.servers.values())
        date = EPOCH + timedelta(seconds=now // SECOND)
        self.api.date = format_datetime(date, usegmt=True)

    def change(self, **world: Any) -> None:
        for server in self.servers.values():
            server.world = replace(server.world, **world)

    @property
    def rows(self) -> dict[tuple[int, int], Any]:
        return {
            (number, each): server.row(each)
            for number, server in self.servers.items()
            for each in server.ticks
        }


worlds = st.builds(
    World,
    seed=st.integers(0, 10**6),
    page_cap=st.integers(5, 9),  # pages of fewer rows may not overlap
    rows=st.integers(0, 20),
    hard_deletes=st.just(value=True),
    nulls=st.booleans(),
    silent=st.booleans(),
)
QUIET = {"busy": 0.0}
EDITED = {"busy": 0.5, "hard_deletes": False, "nulls": False, "silent": False}
DELETED = {"busy": 0.3}
"""What may happen between two requests of a run."""
runs_of_all_kinds = st.lists(
    st.tuples(
        st.sampled_from([QUIET, EDITED, DELETED]),
        st.sampled_from([0.0, 0.3, 0.6, 0.9, 1.0, 1.0, 1.0]),
        st.sampled_from([0.2, 30.0]),
        st.sampled_from([0.0, 0.0, 0.4, 1.0]),
    ),
    min_size=1,
    max_size=4,
)


def rows_of_full_read(target: VersionedTarget) -> int:
    """Return how many rows the state of a group knows of."""
    bookmarks = (target.state or {}).get("bookmarks", {})
    partitions = bookmarks.get("zones", {}).get("partitions", [])
    return sum(each.get("full_read_rows", 0) for each in partitions)


@pytest.mark.no_cover
@settings(max_examples=15)
@given(world=worlds, runs=runs_of_all_kinds)
@example(
    World(3, page_cap=5),
    [(QUIET, 1.0, 30.0, 0.0), (DELETED, 0.5, 30.0, 0.0), (EDITED, 1.0, 0.2, 0.0)],
)
@example(World(4, page_cap=6), [(QUIET, 1.0, 30.0, 0.0), (QUIET, 1.0, 30.0, 1.0)])
def test_what_is_alive_in_the_target_is_what_there_is_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory,
    world: World,
    runs: list[tuple[dict[str, Any], float, float, float]],
) -> None:
    """Rows come, change and go between any two requests, and runs are killed at any message.

    Rows that a full read is not shown may be marked until one shows them again, unless they are
    more than half of all.
    """
    with ScriptedApi() as api:
        group = Group(api)
        offices = Offices(group, world)
        tap = Command(tmp_path_factory.mktemp("run"))
        target = VersionedTarget()
        config = group.config | EVERY_DAY | {"tenants": [*offices.servers], "page_size": 9}
        catalog = group_catalog("zones")

        unseen: set[tuple[int, int]] = set()

        def load(meanwhile: dict[str, Any], share: float = 1.0, hidden: float = 0.0) -> Run:
            offices.change(**meanwhile)
            offices.hide(hidden)
            had_rows = rows_of_full_read(target) > 0
            unseen.update(offices.hidden)
            run = tap.run(config, target.state, catalog)
            assert run.exit_code == 0, run.stderr
            target.take(run.messages[: round(share * len(run.messages))])
            assert target.gone.get("zones", set()) & offices.rows.keys() <= unseen
            if hidden == 1.0 and had_rows and meanwhile is QUIET:
                assert "zones" not in activated(run)
            return run

        for meanwhile, share, hours, hidden in runs:
            load(meanwhile, share, hidden)
            offices.wait(hours)
        offices.wait(30)
        if "zones" not in activated(load(EDITED)):
            offices.wait(30, hard_deletes=False)
            assert "zones" in activated(load(EDITED)), "as few rows as before are not doubted"
        load(QUIET)
        alive = target.alive("zones")
        assert alive.keys() == offices.rows.keys()
        for key, row in offices.rows.items():
            assert {name: alive[key][name] for name in ("modifiedOn", "active")} == {
                name: row[name] for name in ("modifiedOn", "active")
            }


# The main stream, if that is asked for --------------------------------------------------------

FEED = PATHS["appointment_assignments"]
ASSIGNMENTS = ("appointment_assignments",)
OFTEN = {**EVERY_DAY, "detect_deleted_assignments": True}


class Assignments(Board):
    """The assignments of a contractor, as a list and as a feed that is silent about deletions."""

    def __init__(self, api: ScriptedApi) -> None:
        super().__init__(api)
        self.listed = {number: {"id": number, "modifiedOn": LATER} for number in (1, 2, 3)}
        self.fed = dict(self.listed)
        self.asked: list[Call] = []
        self.answers[FEED] = self.feed
        self.answers[PATHS["appointment_assignments_list"]] = lambda call: self.list(
            call, self.listed
        )

    def feed(self, call: Call) -> dict[str, Any]:
        self.asked.append(call)
        is_token = call.query.get("from", "").startswith("t")
        rows = [] if is_token else list(self.fed.values())
        return {"hasMore": False, "continueFrom": f"t{len(self.asked)}", "data": rows}


@pytest.fixture
def assignments(api: ScriptedApi) -> Assignments:
    return Assignments(api)


def test_an_assignment_that_is_gone_from_the_list_is_marked_if_that_is_asked_for(
    assignments: Assignments, tap: Command, target: VersionedTarget
) -> None:
    load(tap, target, assignments.api.config | OFTEN, ASSIGNMENTS)
    del assignments.listed[2], assignments.fed[2]
    assignments.set_clock(NOON + timedelta(days=2))
    run = load(tap, target, assignments.api.config | OFTEN, ASSIGNMENTS)
    assert run.exit_code == 0, run.stderr
    assert sorted(target.alive("appointment_assignments")) == [(1,), (3,)]


def test_what_the_list_hides_and_the_feed_has_is_not_marked(
    assignments: Assignments, tap: Command, target: VersionedTarget
) -> None:
    load(tap, target, assignments.api.config | OFTEN, ASSIGNMENTS)
    del assignments.listed[2]
    assignments.set_clock(NOON + timedelta(days=2))
    load(tap, target, assignments.api.config | OFTEN, ASSIGNMENTS)
    assert sorted(target.alive("appointment_assignments")) == [(1,), (2,), (3,)]
    assert assignments.asked[-1].query["from"] == "2026-11-21T12:00:00Z"


def test_the_bookmark_after_such_a_read_is_that_of_the_feed(
    assignments: Assignments, tap: Command, target: VersionedTarget
) -> None:
    run = load(tap, target, assignments.api.config | OFTEN, ASSIGNMENTS)
    assert run.bookmark == "t1"
    load(tap, target, assignments.api.config | OFTEN, ASSIGNMENTS)
    assert assignments.asked[-1].query["from"] == "t1"


def test_a_list_that_is_not_known_to_be_whole_marks_no_assignment(
    assignments: Assignments, tap: Command, target: VersionedTarget
) -> None:
    assignments.answers[PATHS["appointment_assignments_list"]] = lambda call: {
        **assignments.list(call, assignments.listed),
        "totalCount": 9,
    }
    run = load(tap, target, assignments.api.config | OFTEN, ASSIGNMENTS)
    assert activated(run) == {}
    assert "no row is marked as deleted" in run.stderr


def test_without_the_setting_the_list_of_assignments_is_not_asked(
    assignments: Assignments, tap: Command, target: VersionedTarget
) -> None:
    run = load(tap, target, assignments.api.config | EVERY_DAY, ASSIGNMENTS)
    assert {call.path.rpartition("/")[2] for call in assignments.api.api_calls} == {
        "appointment-assignments"
    }
    assert len(assignments.asked) == len(assignments.api.api_calls)
    assert versions(run, "appointment_assignments") == {None}

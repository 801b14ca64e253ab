"""A group of tenants in one run: rows, bookmarks and trouble of each are its own."""

from __future__ import annotations

import gzip
import itertools
import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.settings import tenants
from tests.support.group import (
    ALL_READ,
    GROUP,
    KEYS,
    LATER,
    NORTH,
    SOUTH,
    THREE,
    WEST,
    Group,
    bodies_of,
    group_catalog,
    read,
    values,
    without,
)
from tests.support.runs import Command, Run, assert_fails, catalog_of
from tests.support.scripted_api import Answer, Call, ScriptedApi, listed, row
from tests.support.streams import ALL_STREAMS, EXTRA, PATHS, STREAMS

if TYPE_CHECKING:
    from pathlib import Path

TWO = ("appointment_assignments", "zones")


@pytest.fixture
def group(api: ScriptedApi) -> Group:
    return Group(api)


# Rows, keys, state


def test_each_row_says_whose_it_is_and_each_tenant_has_its_own_bookmarks(
    group: Group, tap: Command
) -> None:
    run = read(tap, group.config)
    assert run.exit_code == 0, run.stderr
    got = {(each["tenantId"], each["id"], each.get("name")) for each in run.records}
    assert {(number, 5, f"of {number}") for number in GROUP} <= got
    assert {(number, 1, None) for number in GROUP} <= got
    assert len(run.records) == 4 * len(GROUP)
    assert {next(iter(record)) for record in run.records} == {"tenantId"}
    assert values(run.states[-1]) == ALL_READ
    for entry in run.states[-1]["bookmarks"].values():
        assert all(each.keys() <= {"context", *KEYS} for each in entry.get("partitions", []))


def test_a_tenant_number_of_a_rows_own_does_not_count(group: Group, tap: Command) -> None:
    for number in GROUP:
        own = {"id": 5, "modifiedOn": LATER, "name": "of another", "tenantId": WEST}
        group.answers[number, PATHS["zones"]] = listed(own, {"id": 6, "modifiedOn": LATER})
    run = read(tap, group.config, None, "zones")
    assert sorted(each["tenantId"] for each in run.records) == sorted([*GROUP, *GROUP])
    assert {next(iter(each)) for each in run.records} == {"tenantId"}


@pytest.mark.parametrize("maps", [{}, {"stream_maps": {"zones": {"id": "id"}}}])
def test_both_ways_of_writing_say_the_same(group: Group, tap: Command, maps: Any) -> None:
    run = read(tap, group.config | maps, None, "zones")
    records = sorted(run.records, key=lambda record: record["tenantId"])
    assert [(each["tenantId"], each["name"]) for each in records] == [
        (number, f"of {number}") for number in GROUP
    ]
    assert values(run.states[-1])["zones"] == ALL_READ["zones"]


def test_in_batches_too(group: Group, tap: Command, tmp_path: Path) -> None:
    batch_config = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": tmp_path.as_uri()},
    }
    run = read(tap, group.config | {"batch_config": batch_config}, None, "zones")
    assert run.exit_code == 0, run.stderr
    [path] = [path for path in tmp_path.iterdir() if path.suffix == ".gz"]
    records = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert sorted(each["tenantId"] for each in records) == [*GROUP]
    assert values(run.states[-1])["zones"] == ALL_READ["zones"]


def test_the_catalog_has_the_tenant_first_and_in_each_key(group: Group, tap: Command) -> None:
    run = tap.run({**group.config, "extra_streams": [*EXTRA]}, None, None, "--discover")
    streams = json.loads(run.stdout)["streams"]
    assert [stream["tap_stream_id"] for stream in streams] == [*ALL_STREAMS]
    for stream in streams:
        keys = [key for key in STREAMS[stream["tap_stream_id"]].keys if key != "tenantId"]
        assert stream["key_properties"] == ["tenantId", *keys]
        assert next(iter(stream["schema"]["properties"])) == "tenantId"


@pytest.mark.parametrize(("of_group", "word"), [(False, "set"), (True, "taken out")])
def test_a_catalog_of_the_other_kind_is_refused(
    group: Group, tap: Command, word: str, *, of_group: bool
) -> None:
    catalog = group_catalog("zones") if of_group else catalog_of("zones")
    config = group.api.config if of_group else group.config
    run = tap.run(config, None, catalog)
    assert_fails(run, f"it was made before the setting tenants was {word}")
    assert group.api.calls == []


def test_a_later_run_resumes_each_tenant_where_it_was(group: Group, tap: Command) -> None:
    first = read(tap, group.config)
    group.api.calls.clear()
    second = read(tap, group.config, first.states[-1])
    assert second.exit_code == 0
    asked = {
        (int(call.path.split("/")[4]), call.query["from"])
        for call in group.api.api_calls
        if "export" in call.path
    }
    assert asked == {(number, f"t{number}") for number in GROUP}
    lists = [call for call in group.api.api_calls if call.path.endswith(("teams", "zones"))]
    assert {call.query["modifiedOnOrAfter"] for call in lists} == {"2026-11-02T07:55:00Z"}


def test_a_tenant_that_is_added_begins_at_its_beginning_and_one_taken_out_keeps_its_bookmark(
    group: Group, tap: Command
) -> None:
    first = read(tap, group.config | {"tenants": [SOUTH, NORTH]})
    group.api.calls.clear()
    second = read(tap, group.config | {"tenants": [NORTH, WEST]}, first.states[-1])
    starts = {
        int(call.path.split("/")[4]): call.query.get("from")
        for call in group.api.api_calls
        if "export" in call.path
    }
    assert starts == {NORTH: f"t{NORTH}", WEST: None}
    assert values(second.states[-1]) == ALL_READ


def test_states_of_single_runs_become_that_of_the_group(
    group: Group, tap: Command, tmp_path: Path
) -> None:
    arguments = []
    for number in (NORTH, SOUTH):
        config = group.api.config | {"tenant_id": str(number)}
        state = tap.run(config, streams=(*THREE, "arrival_windows")).states[-1]
        state["bookmarks"]["of_another_tap"] = {"seen": number}
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps({"singer_state": state} if number == NORTH else state))
        arguments += ["--group-state", f"{number}={path}"]
    made = tap.run(None, None, None, *arguments)
    state = json.loads(made.stdout)
    windows = state["bookmarks"].pop("arrival_windows")
    assert values(state) == without(WEST)
    assert windows == {"partitions": [{"context": {"tenantId": each}} for each in (NORTH, SOUTH)]}
    group.api.calls.clear()
    run = read(tap, group.config, json.loads(made.stdout))
    assert run.exit_code == 0
    assert values(run.states[-1]) == ALL_READ | {"arrival_windows": {}}
    starts = {call.query.get("from") for call in group.api.api_calls if "export" in call.path}
    assert starts == {f"t{NORTH}", f"t{SOUTH}", None}


@pytest.mark.parametrize("given", ["north=state.json", "1000000001="])
def test_a_group_state_that_makes_no_sense(tap: Command, given: str) -> None:
    assert_fails(
        tap.run(None, None, None, "--group-state", given), f"--group-state {given}: is neither"
    )


def test_a_tenant_is_taken_out_of_the_state_and_added_again(
    group: Group, tap: Command, tmp_path: Path
) -> None:
    """With the state of the group for a start, the others stay as they are."""
    state = read(tap, group.config).states[-1]
    state["bookmarks"]["of_another_tap"] = {"partitions": [{"context": {"tenantId": SOUTH}}]}
    whole = tmp_path / "group.json"
    whole.write_text(json.dumps({"singer_state": state}))
    out = tap.run(None, None, None, "--group-state", str(whole), "--without", str(SOUTH))
    assert out.exit_code == 0, out.stderr
    rest = json.loads(out.stdout)["singer_state"]
    assert rest["bookmarks"].pop("of_another_tap") == state["bookmarks"]["of_another_tap"]
    assert values(rest) == without(SOUTH)
    assert f"= {SOUTH}'" in out.stderr

    config = group.api.config | {"tenant_id": str(SOUTH)}
    alone = tmp_path / "alone.json"
    alone.write_text(json.dumps(tap.run(config, streams=THREE).states[-1]))
    smaller = tmp_path / "smaller.json"
    smaller.write_text(json.dumps(rest))
    added = ("--group-state", f"{SOUTH}={alone}")
    made = tap.run(None, None, None, "--group-state", str(smaller), *added)
    assert values(json.loads(made.stdout)) == ALL_READ

    twice = tap.run(None, None, None, "--group-state", str(whole), *added)
    assert_fails(twice, f"the state of the group has tenant {SOUTH} already")
    two_groups = ("--group-state", str(whole), "--group-state", str(smaller))
    assert_fails(tap.run(None, None, None, *two_groups), f"--group-state {smaller}: is neither")
    nobody = ("--group-state", str(smaller), "--without", "7")
    assert_fails(tap.run(None, None, None, *nobody), "the state of the group has no tenant 7")


def test_the_state_of_a_single_tenant_is_not_taken_for_a_group_nor_the_other_way(
    group: Group, tap: Command
) -> None:
    single = {"bookmarks": {"zones": {"replication_key": "modifiedOn", KEYS[1]: LATER}}}
    assert_fails(read(tap, group.config, single), "belongs to a single tenant")
    of_group = read(tap, group.config).states[-1]
    group.api.calls.clear()
    run = tap.run(group.api.config, of_group, streams=THREE)
    assert_fails(run, "belongs to a group of tenants, but the setting tenants is not set")
    assert group.api.calls == []


BAD_PARTITIONS = [
    5,
    [5],
    [{}],
    [{"context": {"tenantId": "1"}}],
    [{"context": {"tenantId": 1, "more": 2}}],
    [{"context": {"other": 1}}],
    [{"context": {"tenantId": 1}}, {"context": {"tenantId": 1}}],
]


@pytest.mark.parametrize("partitions", BAD_PARTITIONS, ids=json.dumps)
def test_partitions_that_make_no_sense(group: Group, tap: Command, partitions: Any) -> None:
    state = {"bookmarks": {"zones": {"partitions": partitions}}}
    assert_fails(read(tap, group.config, state), "the bookmark of zones in the state has")


# One tenant's trouble


def answers_of(tenant: int, answer: Answer) -> dict[tuple[int, str], Any]:
    return {(tenant, "*"): answer}


TROUBLE = {
    "not approved": Answer("", status=403),
    "no such tenant": Answer({"message": "Unable to match incoming request"}, status=404),
    "unauthorized": Answer(status=401),
    "outage": Answer(status=503),
    "not JSON": Answer("<html>"),
    "rate": Answer(status=429),
}


@pytest.mark.no_cover
@pytest.mark.parametrize("answer", TROUBLE.values(), ids=TROUBLE)
def test_a_tenant_in_trouble_is_left_out_and_told_in_one_line(
    group: Group, tap: Command, answer: Answer
) -> None:
    group.answers = answers_of(SOUTH, answer)
    named = [NORTH, {"tenant_id": SOUTH, "name": "Acme South"}, str(WEST)]
    run = read(tap, group.config | {"tenants": named, "max_retries": 0})
    assert run.exit_code == 1
    assert values(run.states[-1]) == without(SOUTH)
    assert {each["tenantId"] for each in run.records} == {NORTH, WEST}
    [line] = run.errors
    assert line.startswith(f"Acme South ({SOUTH}), ")
    assert "What to do:" in line


def test_a_tenant_that_does_not_answer_holds_up_nobody_else(group: Group, tap: Command) -> None:
    others_are_read, waits = threading.Event(), []
    asked: set[tuple[int, str]] = set()

    def reply(number: int, path: str, _: Call) -> dict[str, Any]:
        asked.add((number, path))
        if len(asked) == 2 * len(THREE):
            others_are_read.set()
        body: dict[str, Any] = bodies_of(number)[path]
        return body

    def hang(path: str, _: Call) -> dict[str, Any]:
        waits.append(others_are_read.wait(30))
        body: dict[str, Any] = bodies_of(SOUTH)[path]
        return body

    for path in (PATHS[stream] for stream in THREE):
        group.answers[SOUTH, path] = partial(hang, path)
        for number in (NORTH, WEST):
            group.answers[number, path] = partial(reply, number, path)
    run = read(tap, group.config | {"max_concurrent_requests": 2})
    assert (run.exit_code, waits) == (0, [True] * len(THREE))
    assert values(run.states[-1]) == ALL_READ


def test_of_a_tenant_without_a_scope_only_that_stream_is_left_out(
    group: Group, tap: Command
) -> None:
    no_scope = Answer({"title": "Scope validation failed"}, status=403)
    group.answers = {(SOUTH, PATHS["zones"]): no_scope}
    run = read(tap, group.config)
    assert (run.exit_code, len(run.errors)) == (1, 1)
    assert run.errors[0].startswith(f"tenant {SOUTH}, zones: the application lacks a scope")
    assert values(run.states[-1]) == {**ALL_READ, "zones": without(SOUTH)["zones"]}
    skipping = read(tap, group.config | {"skip_forbidden_streams": True})
    assert (skipping.exit_code, skipping.errors) == (0, [])
    assert f"tenant {SOUTH}: Skipped, as the application lacks a scope" in skipping.stderr


def test_a_row_without_its_key_is_the_trouble_of_that_stream_of_that_tenant(
    group: Group, tap: Command
) -> None:
    group.answers = {(SOUTH, PATHS["zones"]): listed({"name": "keyless", "modifiedOn": LATER})}
    run = read(tap, group.config)
    assert (run.exit_code, len(run.errors)) == (1, 1)
    assert run.errors[0].startswith(f"tenant {SOUTH}, zones: the API gave a row without id")
    assert values(run.states[-1]) == {**ALL_READ, "zones": without(SOUTH)["zones"]}


def test_bookmarks_of_a_tenant_in_trouble_stay(group: Group, tap: Command) -> None:
    first = read(tap, group.config)
    group.answers = answers_of(SOUTH, TROUBLE["outage"])
    second = read(tap, group.config | {"max_retries": 0}, first.states[-1])
    assert (second.exit_code, values(second.states[-1])) == (1, ALL_READ)


def test_skip_failed_tenants_makes_it_a_warning(group: Group, tap: Command) -> None:
    group.answers = answers_of(SOUTH, TROUBLE["no such tenant"])
    run = read(tap, group.config | {"skip_failed_tenants": True})
    assert (run.exit_code, run.errors) == (0, [])
    assert values(run.states[-1]) == without(SOUTH)
    assert f"Left out, as skip_failed_tenants is set: tenant {SOUTH}" in run.stderr


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("kind", ["no such tenant", "unauthorized"])
def test_what_is_wrong_with_all_tenants_is_told_once(
    group: Group, tap: Command, kind: str, *, skip: bool
) -> None:
    for number in GROUP:
        group.answers |= answers_of(number, TROUBLE[kind])
    run = read(tap, group.config | {"skip_failed_tenants": skip})
    assert (run.exit_code, run.records) == (1, [])
    [line] = run.errors
    assert line.startswith("all 3 tenants: ")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(reset=True),
        Answer(listed({"id": 1}), cut_after=9),
        *(Answer(status=status) for status in (302, 307, 407)),
    ],
    ids=["closed", "cut short", "302", "307", "407"],
)
def test_a_connection_that_breaks_for_one_tenant_is_that_tenants_trouble(
    group: Group, tap: Command, answer: Answer
) -> None:
    group.answers = answers_of(SOUTH, answer)
    run = read(tap, group.config | {"max_retries": 0, "skip_failed_tenants": True})
    assert (run.exit_code, values(run.states[-1])) == (0, without(SOUTH))
    assert f"Left out, as skip_failed_tenants is set: tenant {SOUTH}" in run.stderr


def test_a_network_that_fails_everybody_is_told_once(group: Group, tap: Command) -> None:
    for number in GROUP:
        group.answers |= answers_of(number, Answer(reset=True))
    run = read(tap, group.config | {"max_retries": 0, "skip_failed_tenants": True})
    assert (run.exit_code, run.records) == (1, [])
    [line] = run.errors
    assert "the connection was lost" in line


def test_a_shared_pair_that_is_refused_ends_the_run_at_once(group: Group, tap: Command) -> None:
    group.api.token_reply = lambda _: Answer({"error": "invalid_client"}, status=400)
    run = read(tap, group.config)
    assert (run.exit_code, len(run.errors), len(group.api.token_calls)) == (1, 1, 1)


def test_a_pair_of_its_own_that_is_refused_is_that_tenants_trouble(
    group: Group, tap: Command
) -> None:
    good = group.api._token  # noqa: SLF001 - what it would answer

    def reply(call: Call) -> Answer:
        if "cid.south" in call.body:
            return Answer({"error": "invalid_client"}, status=400)
        group.api.token_reply = None
        answer = good(call)
        group.api.token_reply = reply
        return answer

    group.api.token_reply = reply
    south = {"tenant_id": SOUTH, "client_id": "cid.south"}
    run = read(tap, group.config | {"tenants": [NORTH, south, WEST]})
    assert run.exit_code == 1
    [line] = run.errors
    assert line.startswith(f"tenant {SOUTH}, ")
    assert "does not know this client id and secret" in line
    assert values(run.states[-1]) == without(SOUTH)


# Tokens


def test_one_token_is_shared_by_the_group(group: Group, tap: Command) -> None:
    assert read(tap, group.config).exit_code == 0
    assert len(group.api.token_calls) == 1


def test_a_tenant_that_refuses_the_shared_token_gets_one_of_its_own_and_keeps_it(
    group: Group, tap: Command
) -> None:
    """As in a world where a token is good for the tenant alone that shows it first."""
    owners: dict[str, int] = {}

    def bound(call: Call) -> Answer | None:
        tenant = int(call.path.split("/")[4])
        owner = owners.setdefault(call.headers["Authorization"], tenant)
        return None if owner == tenant else Answer(status=401)

    reply = group.reply
    group.api.reply = lambda call: bound(call) or reply(call)
    run = read(tap, group.config | {"max_concurrent_requests": 1})
    assert run.exit_code == 0, run.stderr
    assert values(run.states[-1]) == ALL_READ
    assert len(group.api.token_calls) == len(GROUP)


# Check


def test_the_check_has_a_line_for_each_tenant_and_details_only_of_what_fails(
    group: Group, tap: Command
) -> None:
    group.answers = {
        **answers_of(SOUTH, TROUBLE["no such tenant"]),
        (WEST, PATHS["zones"]): Answer({"title": "Scope validation failed"}, status=403),
    }
    run = tap.run(group.config, None, group_catalog(*THREE), "--check")
    assert run.exit_code == 1
    shown = [" ".join(line.split()) for line in run.stdout.splitlines() if line.strip()]
    assert [line for line in shown if f"tenant {NORTH}" in line and "3 of 3 selected" in line]
    assert [line for line in shown if f"tenant {SOUTH}" in line and "0 of 3 selected" in line]
    assert [line for line in shown if f"tenant {WEST}" in line and "2 of 3 selected" in line]
    assert len([line for line in shown if "app key and tenant" in line]) == 3, shown
    assert " ".join(shown).endswith(
        f"A run would fail at: tenant {SOUTH}, app key and tenant; tenant {WEST}, zones."
    )


def test_the_check_of_a_good_group_says_so_and_json_has_all(group: Group, tap: Command) -> None:
    run = tap.run(group.config, None, group_catalog(*THREE), "--check=json")
    assert run.exit_code == 0
    found = json.loads(run.stdout)
    assert found["ok"]
    of_tenants = [step for step in found["steps"] if step["tenant"]]
    assert len(of_tenants) == len(GROUP) * (1 + len(THREE))
    assert len(group.api.token_calls) == 1


def test_the_check_asks_for_several_streams_of_a_tenant_at_a_time(
    group: Group, tap: Command
) -> None:
    asked, many = itertools.count(1), threading.Event()
    seen: list[bool] = []

    def reply(path: str, _: Call) -> dict[str, Any]:
        if next(asked) == len(GROUP) + 2:
            many.set()
        seen.append(many.wait(10))
        body: dict[str, Any] = bodies_of(NORTH)[path]
        return body

    # Not the first stream: its probe is made alone, to see whether the others make sense
    for number, stream in itertools.product(GROUP, THREE[1:]):
        group.answers[number, PATHS[stream]] = partial(reply, PATHS[stream])
    config = group.config | {"max_concurrent_requests": 2 * len(GROUP)}
    assert tap.run(config, None, group_catalog(*THREE), "--check").exit_code == 0
    assert all(seen)


def test_the_check_tells_a_pair_that_is_refused_from_one_that_is_shared(
    group: Group, tap: Command
) -> None:
    group.api.token_reply = lambda _: Answer({"error": "invalid_client"}, status=400)
    run = tap.run(group.config, None, group_catalog(*THREE), "--check=json")
    failed = [
        step["name"] for step in json.loads(run.stdout)["steps"] if step["outcome"] == "failed"
    ]
    assert failed == ["token"]


# Settings


BAD_TENANTS: list[tuple[Any, str]] = [
    ([], "tenants: is empty"),
    ([NORTH, NORTH], f"tenants: {NORTH} is named 2 times"),
    ([NORTH, str(NORTH)], f"tenants: {NORTH} is named 2 times"),
    ([NORTH, f"00{NORTH}"], f"tenants: {NORTH} is named 2 times"),
    ([2**63], "tenants: item 1 has no tenant number"),
    ([NORTH, "acme"], "tenants: item 2 has no tenant number"),
    ([True], "tenants: item 1 has no tenant number"),
    ([{"name": "Acme"}], "tenants: item 1 has no tenant number"),
    ([NORTH, [SOUTH]], "tenants: item 2 has no tenant number"),
    ([NORTH, None], "tenants: item 2 has no tenant number"),
    ([1.5], "tenants: item 1 has no tenant number"),
    ([{"tenant_id": NORTH, "secret": "s3cret"}], f"tenants: item 1 ({NORTH}) has 1 unknown fields"),
    ([{"tenant_id": NORTH, "app_key": 5}], f"tenants: item 1 ({NORTH}): app_key has a"),
    ([{"tenant_id": NORTH, "app_key": "two words"}], f"tenants: item 1 ({NORTH}): app_key has"),
    (
        [{"tenant_id": NORTH, "timezone": "Mars/Base"}],
        f"tenants: item 1 ({NORTH}): timezone is not an IANA time zone, such as America/Chicago",
    ),
    ([{"tenant_id": NORTH, "timezone": 5}], f"tenants: item 1 ({NORTH}): timezone is not"),
    (5, "tenants: the value is not of type array"),
    ("acme", "tenants: the value is not of type array"),
]


@pytest.mark.parametrize(("given", "line"), BAD_TENANTS, ids=str)
def test_bad_tenants_are_refused_before_any_request(
    group: Group, tap: Command, given: Any, line: str
) -> None:
    run = read(tap, group.config | {"tenants": given})
    assert run.exit_code == 1
    assert [each for each in run.errors if each.startswith(line)], run.errors
    assert "s3cret" not in run.stderr
    assert "two words" not in run.stderr
    assert group.api.calls == []


def test_a_misspelt_field_of_a_tenant_is_told_with_the_one_that_was_meant(
    group: Group, tap: Command
) -> None:
    misspelt = {"tenant_id": NORTH, "app_kye": "s3cret", "s3cret": "x"}
    [line] = read(tap, group.config | {"tenants": [misspelt]}).errors[:1]
    assert "has 2 unknown fields" in line
    assert "Did you mean app_key by app_kye?" in line
    assert "s3cret" not in line


def test_fields_of_a_tenant_that_nobody_knows_are_told_in_order(group: Group, tap: Command) -> None:
    misspelt = {f"{name}s": "x" for name in tenants.CREDENTIALS}
    [line] = read(tap, group.config | {"tenants": [{"tenant_id": NORTH, **misspelt}]}).errors[:1]
    told = [f"Did you mean {name} by {name}s?" for name in sorted(tenants.CREDENTIALS)]
    assert line.endswith(" ".join(told))


def test_a_bad_credential_of_all_tenants_is_told_once(group: Group, tap: Command) -> None:
    errors = read(tap, group.config | {"app_key": "two words"}).errors
    assert len([line for line in errors if "app_key" in line]) == 1


def test_white_space_around_what_is_said_of_a_tenant_does_not_matter(
    group: Group, tap: Command
) -> None:
    south = {"tenant_id": f"{SOUTH}\n", "name": " Acme ", "timezone": "", "app_key": " ak1.south "}
    run = read(tap, group.config | {"tenants": [f" {NORTH} ", south]})
    assert (run.exit_code, run.errors) == (0, []), run.stderr
    assert values(run.states[-1])["zones"].keys() == {NORTH, SOUTH}
    keys = {call.headers["ST-App-Key"] for call in group.api.api_calls if str(SOUTH) in call.path}
    assert keys == {"ak1.south"}


def test_tenants_and_tenant_id_do_not_go_together(group: Group, tap: Command) -> None:
    run = read(tap, group.config | {"tenant_id": "1"})
    assert run.errors[0].startswith("tenants: cannot be used with tenant_id; ")


def test_in_the_sandbox_a_tenant_needs_no_credentials() -> None:
    config = {"tenants": [NORTH, {"tenant_id": SOUTH, "name": "Acme"}]}
    assert list(tenants.problems(config, needs_credentials=False)) == []


@pytest.mark.no_cover
def test_the_sandbox_has_a_contractor_of_another_size_for_each_tenant(tap: Command) -> None:
    config = {"environment": "sandbox", "tenants": [SOUTH, {"tenant_id": WEST, "name": "Acme"}]}
    run = read(tap, config, None, *TWO)
    assert run.exit_code == 0, run.stderr
    rows = {
        stream: Counter(
            each["record"]["tenantId"]
            for each in run.messages
            if each.get("stream") == stream and "record" in each
        )
        for stream in TWO
    }
    sizes = rows["appointment_assignments"]
    assert sizes.keys() == {SOUTH, WEST}
    assert len(set(sizes.values())) == 2
    assert rows["zones"].keys() == {SOUTH, WEST}


def test_what_an_item_lacks_has_to_be_in_the_settings(group: Group, tap: Command) -> None:
    config = {name: value for name, value in group.config.items() if name != "app_key"}
    own = {"tenant_id": SOUTH, "app_key": group.api.config["app_key"]}
    run = read(tap, config | {"tenants": [NORTH, own]})
    assert run.errors[0] == (
        f"tenants: item 1 ({NORTH}) has no app_key, and there is no setting of that name"
    )


@pytest.mark.parametrize(
    "text", ["{0},{1},{2}", "[{0},{1},{2}]", '["{0}", {{"tenant_id": {1}}}, {2}]']
)
def test_tenants_from_the_environment(
    group: Group, tap: Command, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    settings = group.config | {"tenants": text.format(*GROUP)}
    for name, value in settings.items():
        monkeypatch.setenv(f"TAP_SERVICETITAN_DISPATCH_{name.upper()}", str(value))
    run = tap.run(None, None, group_catalog(*THREE), "--config=ENV")
    assert run.exit_code == 0, run.stderr
    assert values(run.states[-1]) == ALL_READ


# Nothing is lost, stale or mixed up


class Office:
    """The feed and a list of a tenant whose rows change; ids collide with those of others."""

    def __init__(self, tenant: int, chance: random.Random) -> None:
        self.tenant, self.chance, self.version = tenant, chance, 0
        self.rows: dict[int, dict[str, Any]] = {}
        self.log: list[int] = []
        self.change(8)

    def change(self, times: int) -> None:
        for _ in range(times):
            self.version += 1
            number = self.chance.randint(1, 9)
            stamp = f"2026-11-01T08:{self.version // 60:02}:{self.version % 60:02}Z"
            self.rows[number] = row(number, modifiedOn=stamp, technicianName=f"{self.tenant}")
            self.log.append(number)

    def feed(self, call: Call) -> dict[str, Any]:
        start = int(call.query.get("from", "p0")[1:])
        end = min(start + 3, len(self.log))
        rows = [self.rows[number] for number in self.log[start:end]]
        return {"hasMore": end < len(self.log), "continueFrom": f"p{end}", "data": rows}

    def zones(self, call: Call) -> dict[str, Any]:
        asked = call.query
        since = instants.parse(asked.get("modifiedOnOrAfter", "2026-01-01"))
        before = instants.parse(asked.get("modifiedBefore", "2027-01-01"))
        found = [
            {"id": number, "modifiedOn": each["modifiedOn"], "name": each["technicianName"]}
            for number, each in self.rows.items()
            if since <= instants.parse(each["modifiedOn"]) < before
        ]
        by = "id" if asked["sort"].endswith("Id") else "modifiedOn"
        found.sort(key=itemgetter(by), reverse=asked["sort"].startswith("-"))
        size = int(asked["pageSize"])
        end = int(asked["page"]) * size
        return listed(*found[end - size : end], more=end < len(found))


Answering = Callable[[Call], Any]


def failing(answering: Answering, chance: random.Random) -> Answering:
    """Return what fails at once, or after some pages."""
    share = chance.choice([0.5, 1])

    def reply(call: Call) -> Any:
        return Answer(status=503) if chance.random() < share else answering(call)

    return reply


@dataclass
class Loaded:
    """What a target has got from runs that may have been cut off."""

    rows: dict[tuple[str, int, int], dict[str, Any]] = field(default_factory=dict)
    state: dict[str, Any] | None = None

    def take(self, run: Run, count: int) -> None:
        """Take the first messages of a run."""
        for message in run.messages[:count]:
            if message["type"] == "STATE":
                self.state = message["value"]
            elif message["type"] == "RECORD":
                self._keep(message["stream"], message["record"])
            elif message["type"] == "BATCH":
                for address in message["manifest"]:
                    with gzip.open(urlsplit(address).path, "rt", encoding="utf-8") as file:
                        for line in file:
                            self._keep(message["stream"], json.loads(line))

    def _keep(self, stream: str, record: dict[str, Any]) -> None:
        self.rows[stream, record["tenantId"], record["id"]] = record


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("way", ["quick", "maps", "batches"])
def test_nothing_is_lost_stale_or_mixed_up_whatever_fails_and_whenever_it_is_cut_off(
    group: Group, tap: Command, tmp_path: Path, seed: int, way: str
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a model, no secret
    offices = {number: Office(number, chance) for number in GROUP}
    loaded = Loaded()
    ways: dict[str, dict[str, Any]] = {
        "quick": {},
        "maps": {"stream_maps": {stream: {"mapped": "'yes'"} for stream in TWO}},
        "batches": {"batch_config": batches_in(tmp_path)},
    }
    config = group.config | ways[way]
    config |= {"max_retries": 0, "max_concurrent_requests": 3, "page_size": 6}
    for turn in range(5):
        is_last = turn == 4
        in_trouble = () if is_last else chance.sample(GROUP, 2)
        for number, office in offices.items():
            for stream, answering in zip(TWO, (office.feed, office.zones), strict=True):
                group.answers[number, PATHS[stream]] = (
                    failing(answering, chance) if number in in_trouble else answering
                )
        run = read(tap, config, loaded.state, *TWO)
        assert run.exit_code == (1 if run.errors else 0)
        assert not (is_last and run.errors)
        is_whole = is_last or chance.random() < 0.5
        loaded.take(run, len(run.messages) if is_whole else chance.randint(0, len(run.messages)))
        for office in offices.values():
            office.change(0 if is_last else chance.randint(0, 4))
    expected = {
        ("appointment_assignments", number, id_): each
        for number, office in offices.items()
        for id_, each in office.rows.items()
    }
    assert len(loaded.rows) == 2 * len(expected)
    for (stream, number, id_), fields in expected.items():
        assert {name: loaded.rows[stream, number, id_][name] for name in fields} == fields
        zone = loaded.rows["zones", number, id_]
        assert (zone["modifiedOn"], zone["name"]) == (fields["modifiedOn"], str(number))


def batches_in(folder: Path) -> dict[str, Any]:
    return {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": f"file://{folder}"},
        "batch_size": 4,
    }

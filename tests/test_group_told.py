"""What is told of a group: which tenant a line is about, how many were read, who is slow."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.run import progress
from tap_servicetitan_dispatch.run.outcomes import FAILED, SKIPPED, Outcomes
from tap_servicetitan_dispatch.run.summary import MOST_LEFT_OUT, group_summary
from tap_servicetitan_dispatch.settings.tenants import Tenant
from tap_servicetitan_dispatch.walks import Page
from tests.support.group import (
    GROUP,
    LATER,
    NORTH,
    SOUTH,
    THREE,
    WEST,
    Group,
    group_catalog,
    read,
)
from tests.support.scripted_api import Answer, Call, listed
from tests.support.streams import PATHS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_servicetitan_dispatch.run.outcomes import Outcome
    from tests.support.runs import Command
    from tests.support.scripted_api import ScriptedApi

NAMED = [NORTH, {"tenant_id": SOUTH, "name": "Acme % South"}, WEST]


@pytest.fixture
def group(api: ScriptedApi) -> Group:
    return Group(api)


def failing_once(answer: Answer, good: Any) -> Any:
    left = [answer]

    def reply(_: Call) -> Any:
        return left.pop() if left else good

    return reply


def test_what_is_told_of_a_tenant_names_it(group: Group, tap: Command) -> None:
    rows = listed({"id": 5, "modifiedOn": None})
    group.answers = {
        (SOUTH, PATHS["zones"]): failing_once(Answer(status=503), rows),
        (WEST, PATHS["teams"]): Answer({"title": "Scope validation failed"}, status=403),
    }
    run = read(tap, group.config | {"tenants": NAMED, "skip_forbidden_streams": True})
    retried, undated, skipped = [
        next(line for line in run.stderr.splitlines() if text in line)
        for text in ("before try 2", "zones: rows without a valid modifiedOn", "Skipped, as")
    ]
    assert f"dispatch.zones | Acme % South ({SOUTH}): The API answered" in retried
    assert f"dispatch.zones | Acme % South ({SOUTH}): zones: rows without a valid" in undated
    assert f"dispatch.teams | tenant {WEST}: Skipped, as" in skipped


def test_nothing_names_a_single_tenant(api: ScriptedApi, tap: Command) -> None:
    group = Group(api)
    group.answers = {(NORTH, PATHS["zones"]): listed({"id": 5, "modifiedOn": None})}
    run = tap.run(api.config | {"tenant_id": str(NORTH)}, streams=("zones",))
    assert "dispatch.zones | zones: rows without a valid modifiedOn" in run.stderr
    assert "tenants" not in run.stderr


def test_a_stream_is_summed_up_over_all_tenants(
    group: Group, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    group.answers = {(SOUTH, PATHS["zones"]): Answer(status=400)}
    run = read(tap, group.config | {"skip_failed_tenants": True})
    assert "teams: 3 of 3 tenants, 3 rows in " in run.stderr
    assert f"teams: 3 of 3 tenants, 3 rows, up to {LATER} so far." in run.stderr
    assert "zones: 2 of 3 tenants, 2 rows in " in run.stderr, "of those that could be read"


def test_of_how_many_rows_counts_those_of_all_tenants(
    group: Group, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    for number in GROUP:
        counted = listed({"id": 5, "modifiedOn": LATER}) | {"totalCount": 1}
        group.answers[number, PATHS["zones"]] = counted
    first = read(tap, group.config)
    assert "zones: 3 of 3 tenants, 3 of 3 rows in " in first.stderr
    asked = [call for call in group.api.api_calls if "includeTotal" in call.query]
    assert len(asked) == 2 * len(GROUP), "of each list and tenant"
    # Where some have a bookmark, nobody can tell of how many rows.
    for stream in first.states[-1]["bookmarks"].values():
        stream["partitions"].pop()
    second = read(tap, group.config, first.states[-1])
    assert "zones: 3 of 3 tenants, 3 rows in " in second.stderr


def test_the_end_says_who_was_left_out_and_who_is_slow(group: Group, tap: Command) -> None:
    group.answers = {
        (SOUTH, "*"): Answer(
            {"statusCode": 404, "message": "Unable to match incoming request"}, 404
        ),
        (WEST, PATHS["zones"]): Answer({"title": "Scope validation failed"}, status=403),
    }
    config = group.config | {"tenants": NAMED}
    run = read(tap, config)
    said = "1 of 3 tenants were read. Left out, as a whole or in part: "
    [line] = [line for line in run.stderr.splitlines() if said in line]
    left_out = line.split(said)[1].split(". The slowest: ")[0]
    assert sorted(left_out.split(", ")) == [f"Acme % South ({SOUTH})", f"tenant {WEST}"]
    assert f"tenant {NORTH} " in line.split("The slowest: ")[1]


@pytest.mark.parametrize("is_of_group", [True, False])
def test_a_line_about_a_tenant_keeps_its_figures_and_its_error(
    caplog: pytest.LogCaptureFixture, *, is_of_group: bool
) -> None:
    logger = Tenant(NORTH, is_of_group=is_of_group).logger(logging.getLogger())
    logger.warning("%s rows", 5, extra={"rows": 5}, exc_info=ValueError("odd"))
    [record] = caplog.records
    assert (vars(record)["rows"], vars(record)["tenant_id"]) == (5, NORTH)
    assert record.exc_info
    assert str(record.exc_info[1]) == "odd"


def test_structured_logs_carry_the_number_of_the_tenant(
    group: Group, tap: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "logs.yml"
    config.write_text(
        "version: 1\ndisable_existing_loggers: false\n"
        "formatters: {structured: {(): singer_sdk.logging.StructuredFormatter}}\n"
        "handlers: {out: {class: logging.StreamHandler, formatter: structured}}\n"
        "root: {level: INFO, handlers: [out]}\n"
    )
    monkeypatch.setenv("SINGER_SDK_LOG_CONFIG", str(config))
    no_scope = Answer({"title": "Scope validation failed"}, status=403)
    group.answers = {
        (SOUTH, PATHS["zones"]): failing_once(Answer(status=503), no_scope),
        (WEST, PATHS["zones"]): listed({"id": 5, "modifiedOn": None}),
    }
    with tap.start(group.config, catalog=group_catalog(*THREE)) as process:
        _, log = process.communicate(timeout=30)
    entries = [json.loads(line) for line in log.splitlines() if line.startswith("{")]

    def tenant_of(text: str) -> int:
        [entry] = [entry for entry in entries if text in entry["message"]]
        number: int = entry["extra"]["tenant_id"]
        return number

    assert tenant_of("before try 2") == SOUTH
    assert tenant_of("zones: the application lacks a scope") == SOUTH
    assert tenant_of("zones: rows without a valid modifiedOn") == WEST
    [summary] = [entry["extra"] for entry in entries if "tenants were read" in entry["message"]]
    assert (summary["tenants"], summary["tenants_left_out"]) == (3, [SOUTH])
    assert summary["tenants_doubtful"] == []
    assert {each["tenant_id"] for each in summary["slowest_tenants"]} == set(GROUP)
    [zones] = [entry["extra"] for entry in entries if "teams: 3 of 3" in entry["message"]]
    assert (zones["tenants"], zones["tenants_read"]) == (3, 3)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_slowest_are_those_whose_pages_took_longest_to_come() -> None:
    clock, outcomes = Clock(), Outcomes()

    def walk(seconds: float, *, fails: bool = False) -> Iterator[Page]:
        for _ in range(2):
            clock.now += seconds
            yield Page([])
        if fails:
            clock.now += seconds
            raise ValueError

    def outcome_of(stream: str, number: int) -> Outcome:
        outcome = outcomes.of(stream, Tenant(number))
        outcome.timer = clock
        return outcome

    for number in (1, 2, 3, 4):
        for _ in outcome_of("zones", number).watched(walk(number)):
            clock.now += 100  # for others to write them
    with pytest.raises(ValueError):  # noqa: PT011 - it has no text
        list(outcome_of("teams", 1).watched(walk(5, fails=True)))
    text, _ = group_summary(outcomes, 5)
    slowest = "tenant 1 17.0 s, tenant 4 8.0 s, tenant 3 6.0 s"
    assert text == f"5 of 5 tenants were read. The slowest: {slowest}."


def test_of_many_tenants_that_were_left_out_some_are_named() -> None:
    outcomes = Outcomes()
    for number in range(1, 61):
        outcomes.of("teams", Tenant(number)).end(SKIPPED)
        outcomes.of("zones", Tenant(number)).end(FAILED)
    text, figures = group_summary(outcomes, 70)
    named = ", ".join(f"tenant {number}" for number in range(1, MOST_LEFT_OUT + 1))
    assert text.startswith(
        f"10 of 70 tenants were read. Left out, as a whole or in part: {named}, 50 more."
    )
    assert figures["tenants_left_out"] == [*range(1, 61)]
    outcomes.of("zones", Tenant(61)).add_doubt("Rows may have been missed.")
    text, figures = group_summary(outcomes, 70)
    assert " Read, but rows may have been missed: tenant 61. The slowest" in text
    assert figures["tenants_doubtful"] == [61]

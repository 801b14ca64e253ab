"""A survey of another day tells more: how long a token lives, and what becomes of rows."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from tap_servicetitan_dispatch.sandbox import Behaviour
from tap_servicetitan_dispatch.sandbox.world.versions import changed
from tap_servicetitan_dispatch.survey import stages
from tap_servicetitan_dispatch.survey.facts.feed import feed_tells_deletions, token_outlives_days
from tap_servicetitan_dispatch.survey.seen import (
    ASSIGNMENTS,
    DAY,
    Memory,
    Seen,
    gone_and_withdrawn,
    written,
)
from tap_servicetitan_dispatch.survey.stages import FEED
from tests.support.surveys import NOON, found, sandbox_of, surveyed, usual_survey

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tap_servicetitan_dispatch.survey.asking import Reply
    from tests.support.runs import Command

STAGES = [
    "access",
    "a page of each list",
    "orders by time",
    "the feed",
    "since the survey before",
    "what counts",
]
Facts = dict[str, tuple[str, str, Any]]


@cache
def seen_a_day_later(
    behaviour: Behaviour,
    *,
    hours: float = 24,
    deleted: int = 3,
    only: tuple[str, ...] = ("appointment_assignments",),
) -> Facts:
    """Return the facts of a second survey, between which and the first some rows were deleted."""
    now = [NOON]
    sandbox = sandbox_of(behaviour, clock=lambda: now[0])
    before = surveyed(sandbox, stages=STAGES, only=only).kept
    assert before
    world = sandbox.tenant
    active = [row for row in world.assignments.current.values() if row.active]
    instant = world.tick()
    for row in active[len(active) - deleted :]:
        is_listed = behaviour.deletes == "soft"
        world.assignments.put(changed(row, instant, active=False, is_listed=is_listed))
    now[0] += timedelta(hours=hours)
    return found(surveyed(sandbox, stages=STAGES, only=only, before=before))


@pytest.mark.parametrize("deletes", ["soft", "hard"])
def test_how_rows_are_deleted_is_named(deletes: Any) -> None:
    facts = seen_a_day_later(Behaviour(deletes=deletes))
    outcome, _, switches = facts["deleted_how"]
    assert (outcome, switches) == ("as believed", {"deletes": deletes})


@pytest.mark.no_cover
def test_a_feed_that_does_not_tell_of_deletions_is_named() -> None:
    told = seen_a_day_later(Behaviour(deletes="hard"))["feed_tells_deletions"]
    assert told[0] == "as believed"
    assert told[1].startswith("3 rows that have gone")
    silent = Behaviour(deletes="hard", feed_withdrawn="silent")
    outcome, text, switches = seen_a_day_later(silent)["feed_tells_deletions"]
    assert (outcome, switches) == ("otherwise", {"feed_withdrawn": "silent"})
    assert text.startswith("3 of 3 rows")


@pytest.mark.parametrize("rejected", [400, 404, 410, "restart"])
def test_a_token_that_expires_is_named(rejected: Any) -> None:
    behaviour = Behaviour(continuation_lifetime=3_600, rejected_continuation=rejected)
    outcome, text, switches = seen_a_day_later(behaviour)["token_outlives_days"]
    assert outcome == "otherwise", text
    assert switches == {"continuation_lifetime": 86_000}


def test_a_token_that_is_good_for_a_day_is_as_believed() -> None:
    assert seen_a_day_later(Behaviour())["token_outlives_days"][0] == "as believed"


def test_an_hour_is_too_short_and_without_a_deletion_there_is_nothing_to_tell() -> None:
    facts = seen_a_day_later(Behaviour(), hours=0.05, deleted=0)
    assert facts["token_outlives_days"][0] == "could not tell"
    assert facts["token_outlives_days"][1] == "one of 3 min ago is taken"
    assert facts["deleted_how"][:2] == (
        "could not tell",
        "since the last survey no row was deleted",
    )


def test_without_assignments_the_lists_are_compared_all_the_same() -> None:
    facts = seen_a_day_later(Behaviour(), only=("zones", "teams"), deleted=0)
    assert facts["deleted_how"][0] == "could not tell"


def test_the_command_keeps_what_the_next_one_compares_itself_with(
    tap: Command, tmp_path: Path
) -> None:
    file = tmp_path / "memory.json"
    now = [NOON]
    with sandbox_of(assignments=1, clock=lambda: now[0]) as sandbox:
        settings = {"environment": "sandbox", "api_url": sandbox.url}
        catalog = tap.discover("appointment_assignments", **settings)

        def token_is_good(*arguments: str) -> Any:
            run = tap.run(settings, None, catalog, "--survey=json", *arguments)
            assert run.exit_code == 0, run.stderr
            facts = json.loads(run.stdout)["facts"]
            return next(each for each in facts if each["name"] == "token_outlives_days")

        assert token_is_good(f"--survey-memory={file}")["outcome"] == "could not tell"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        first = file.read_bytes()
        now[0] += timedelta(days=2)
        later = token_is_good(f"--survey-memory={file}")
        assert (later["outcome"], later["seen"]) == ("as believed", "one of 2 days ago is taken")
        assert file.read_bytes() == first, "the first one stays: its token grows older"
        token = json.loads(first)["tenants"][0]["token"]
        assert token
        assert token not in json.dumps(later)


@pytest.mark.parametrize(
    ("content", "part"),
    [("", "was not written by a survey"), ('{"tenants": 1}', "was not written by a survey")],
)
def test_another_file_is_refused_before_anything_is_asked(
    tap: Command, tmp_path: Path, content: str, part: str
) -> None:
    file = tmp_path / "memory.json"
    file.write_text(content, encoding="utf-8")
    run = tap.run({"environment": "sandbox"}, None, None, "--survey", f"--survey-memory={file}")
    assert run.exit_code == 1
    assert part in run.stderr
    assert run.stdout == ""


def test_a_folder_is_refused_in_one_line(tap: Command, tmp_path: Path) -> None:
    run = tap.run({"environment": "sandbox"}, None, None, "--survey", f"--survey-memory={tmp_path}")
    assert run.exit_code == 1
    assert "cannot be read" in run.stderr


def test_what_cannot_be_kept_is_told_after_the_survey_was_shown(
    tap: Command, tmp_path: Path
) -> None:
    with sandbox_of(assignments=1) as sandbox:
        settings = {"environment": "sandbox", "api_url": sandbox.url}
        catalog = tap.discover("zones", **settings)
        file = tmp_path / "nowhere" / "memory.json"
        run = tap.run(settings, None, catalog, "--survey", f"--survey-memory={file}")
    assert run.exit_code == 1
    assert "cannot be written" in run.stderr
    assert "What the tap believes" in run.stdout


# What can be told of some answers -----------------------------------------------------------------


def usual_and_before(**rows: bool) -> tuple[Seen, Memory]:
    """Return what a survey has seen, and an earlier one kept: assignments, by `id_…`."""
    usual = usual_survey()[1]
    known = {name.removeprefix("id_"): active for name, active in rows.items()}
    before = Memory(1, usual.began - 2 * DAY, None, {ASSIGNMENTS: known})
    return replace(usual, replies=dict(usual.replies), cache=dict(usual.cache)), before


def test_a_row_is_gone_only_if_it_would_have_been_seen() -> None:
    seen, before = usual_and_before(id_1=True, id_99999999999=True, id_x=False)
    assert gone_and_withdrawn(seen, before) == (3, 0)
    page = seen.replies[f"list:{ASSIGNMENTS}:id"]
    seen.replies[f"list:{ASSIGNMENTS}:id"] = replace(page, body={**page.body, "hasMore": True})
    seen.page_size = 1
    assert gone_and_withdrawn(seen, before) == (1, 0)
    del seen.replies[f"list:{ASSIGNMENTS}:id"]
    assert gone_and_withdrawn(seen, before) == (0, 0)


def test_nothing_is_gone_from_a_list_that_hides_inactive_rows() -> None:
    seen, before = usual_and_before(id_1=True)
    seen.cache[ASSIGNMENTS] = [row for row in seen.all_rows(ASSIGNMENTS) if row["active"]]
    assert gone_and_withdrawn(seen, before) == (0, 0)
    seen.replies[f"count:{ASSIGNMENTS}:False"] = replace(
        seen.replies[f"count:{ASSIGNMENTS}:Any"], body={"totalCount": 0, "data": []}
    )
    assert gone_and_withdrawn(seen, before) == (1, 0)


def test_nothing_is_told_of_deletions_where_ids_are_not_heeded() -> None:
    seen, before = usual_and_before()
    seen.before = before
    [own, other, *_] = seen.rows(f"list:{ASSIGNMENTS}:id")
    page = seen.replies[f"list:{ASSIGNMENTS}:id"]
    seen.replies["before:feed:0"] = replace(page, body={"hasMore": False, "data": []})
    seen.sent = {**seen.sent, "before:ids": {"ids": f"1,{own['id']}"}}
    for rows in ([own, other], [], [{"id": 1}, own]):
        seen.replies["before:ids"] = replace(page, body={"data": rows})
        assert "since the last survey" not in feed_tells_deletions.judge(seen).seen
    seen.replies["before:ids"] = replace(page, body={"data": [own]})
    assert feed_tells_deletions.judge(seen).outcome == "otherwise"


def test_one_row_whose_time_did_not_move_is_no_feed_that_begins_anew() -> None:
    seen, before = usual_and_before()
    seen.before = before
    first = seen.replies["feed:first"]
    new, old = {"modifiedOn": written(seen.began)}, {"modifiedOn": "2020-01-01T00:00:00Z"}

    def outcome(*rows: dict[str, str]) -> str:
        body = {"hasMore": False, "data": [*rows]}
        seen.replies["before:feed:0"] = replace(first, body=body)
        return token_outlives_days.judge(seen).outcome

    assert outcome(new, new, old) == outcome() == "as believed"
    assert outcome(new, old, old) == "otherwise"


class Pages:
    """Answers each request by a page of the feed after which there is more."""

    def __init__(self, page: Reply) -> None:
        self._page = page
        self.paths: list[str] = []
        self.tokens: list[str] = []

    def get(self, path: str, params: Mapping[str, str]) -> Reply:
        self.paths.append(path)
        if path != FEED:
            return self._page
        self.tokens.append(params["from"])
        token = "x" * (len(self.tokens) + 1)
        return replace(self._page, body={"hasMore": True, "continueFrom": token, "data": []})


def test_the_feed_is_read_on_by_a_few_pages_only() -> None:
    seen, before = usual_and_before()
    seen.before, seen.lists = structs.replace(before, token="x"), {}
    pages = Pages(seen.replies["feed:first"])
    (stage,) = (each for each in stages.STAGES if each.name == "since the survey before")
    stage.ask(pages, seen)  # type: ignore[arg-type]
    assert pages.tokens == ["x", "xx", "xxx", "xxxx"]
    seen.before = before
    stage.ask(pages, seen)  # type: ignore[arg-type]
    assert len(pages.tokens) == 4, "there was no token"


def test_what_is_deleted_while_it_looks_is_no_deletion_that_the_feed_lacks() -> None:
    [known, *_] = usual_survey()[1].rows(f"list:{ASSIGNMENTS}:id")
    seen, before = usual_and_before(id_1=True, **{f"id_{known['id']}": True})
    seen.before = structs.replace(before, token="x")
    pages = Pages(seen.replies["feed:first"])
    names = [each.name for each in stages.STAGES]
    stage = stages.STAGES[names.index("since the survey before")]
    stage.ask(pages, seen)  # type: ignore[arg-type]
    assert pages.paths == [ASSIGNMENTS, *[FEED] * 4], "what is gone by then is in the feed later"
    assert names.index(stage.name) < names.index("the feed"), "which has its recent changes"

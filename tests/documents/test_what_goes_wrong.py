"""Each line that the documents say you may see is seen, with the exit code that they say."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.client.client import Client
from tap_servicetitan_dispatch.walks import feed
from tests.support.runs import Run, bookmarked
from tests.support.scripted_api import Answer, Call, ScriptedApi, feed_of, listed, page, routed, row
from tests.support.streams import PATHS
from tools.markdown import cells, rows, section

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.runs import Command

    Scenario = Callable[[ScriptedApi, Command], Run]

SANDBOX = "tap_servicetitan_dispatch.sandbox"
ZONE = {"id": 1, "modifiedOn": "2026-11-01T08:00:00Z"}
STATE = bookmarked("2026-11-02T08:00:00Z", "modifiedOn", "zones")


def zones(api: ScriptedApi, tap: Command, state: Any = None, **settings: Any) -> Run:
    return tap.run(api.config | settings, state, streams=("zones",))


def bad_setting(api: ScriptedApi, tap: Command) -> Run:
    return zones(api, tap, page_size=0)


def bad_state(api: ScriptedApi, tap: Command) -> Run:
    return zones(api, tap, bookmarked("yesterday", "modifiedOn", "zones"))


def rejected_bookmark(api: ScriptedApi, tap: Command) -> Run:
    api.reply = lambda _: Answer({"title": "Bad token"}, status=400)
    return tap.run(api.config, bookmarked("old"))


def nothing_but_more(api: ScriptedApi, tap: Command) -> Run:
    def reply(_: Call) -> Answer:
        number = len(api.api_calls)
        return Answer(page(more=number <= feed.FEW_EMPTY, token=f"t{number}"))

    api.reply = reply
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed, "PAUSE_SECONDS", 0)
        return tap.run(api.config)


def another_shape(api: ScriptedApi, tap: Command) -> Run:
    api.reply = lambda _: Answer({"data": []})
    return zones(api, tap)


def row_without_key(api: ScriptedApi, tap: Command) -> Run:
    api.reply = routed({PATHS["zones"]: listed({**ZONE, "id": None})})
    return zones(api, tap)


def new_field(api: ScriptedApi, tap: Command) -> Run:
    api.reply = routed({PATHS["zones"]: listed({**ZONE, "colour": "red"})})
    return zones(api, tap)


def new_type(api: ScriptedApi, tap: Command) -> Run:
    api.reply = routed({PATHS["zones"]: listed({**ZONE, "name": 5})})
    return zones(api, tap)


def filter_ignored(api: ScriptedApi, tap: Command) -> Run:
    api.reply = routed({PATHS["zones"]: listed(ZONE)})
    return zones(api, tap, STATE)


def no_time(api: ScriptedApi, tap: Command) -> Run:
    api.date = None
    return tap.run(api.config, streams=("capacities",))


def deleted_meanwhile(api: ScriptedApi, tap: Command, **settings: Any) -> Run:
    def reply(call: Call) -> Answer:
        by_number = call.query["sort"] == "+Id"
        number = int(call.query["page"])
        body = {"hasMore": not by_number or number < 2, "totalCount": 4 - number}
        return Answer({**body, "data": [{**ZONE, "id": number}]})

    api.reply = reply
    return zones(api, tap, page_size=1, **settings)


def nothing_marked(api: ScriptedApi, tap: Command) -> Run:
    return deleted_meanwhile(api, tap, detect_deleted_every_hours=24)


def skipped(api: ScriptedApi, tap: Command) -> Run:
    api.reply = lambda _: Answer({"title": "Scope validation failed"}, status=403)
    return zones(api, tap, skip_forbidden_streams=True)


def target_gone(api: ScriptedApi, tap: Command) -> Run:
    api.reply = feed_of((None, page(*range(20_000), more=False, token="t1")))
    with tap.start(api.config) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        log = process.stderr.read()
    return Run(process.returncode, "", log)


def told_to_stop(api: ScriptedApi, tap: Command) -> Run:
    def reply(_: Call) -> Answer:
        os.kill(os.getpid(), signal.SIGTERM)
        return Answer({"hasMore": False, "continueFrom": "t1", "data": [row(1)]})

    api.reply = reply
    return tap.run(api.config)


def unforeseen(api: ScriptedApi, tap: Command) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "get", lambda *_: 1 / 0)
        return zones(api, tap)


def no_sandbox(api: ScriptedApi, tap: Command) -> Run:
    del api
    with pytest.MonkeyPatch.context() as patch:
        for name in [each for each in sys.modules if each.startswith(SANDBOX)]:
            patch.delitem(sys.modules, name)
        patch.setitem(sys.modules, "fastapi", None)
        return tap.run({"environment": "sandbox"})


SCENARIOS: dict[str, Scenario] = {
    "Config validation failed": bad_setting,
    "is not a date-time": bad_state,
    "rejects the bookmark": rejected_bookmark,
    "empty pages in a row": nothing_but_more,
    "the API's answer should have": another_shape,
    "the API gave a row without": row_without_key,
    "The API sends fields that are not in the schema": new_field,
    "The API sends another type than the schema has": new_type,
    "it ignores modifiedOnOrAfter": filter_ignored,
    "the days to ask for are unknown": no_time,
    "The bookmark stays where it was": deleted_meanwhile,
    "no row is marked as deleted": nothing_marked,
    "Skipped, as": skipped,
    "The target has gone away": target_gone,
    "Stopped by a signal": told_to_stop,
    "which is not installed": no_sandbox,
    "Unexpected error": unforeseen,
}
EXIT_CODES = {
    cells(each)[0].strip("`"): cells(each)[-1].split(", ")
    for each in rows(section("docs/operations.md", "What else you may see"))
}


def test_each_line_is_tried() -> None:
    assert SCENARIOS.keys() == EXIT_CODES.keys()


@pytest.mark.parametrize("line", SCENARIOS)
def test_it_is_seen_with_this_exit_code(api: ScriptedApi, tap: Command, line: str) -> None:
    run = SCENARIOS[line](api, tap)
    assert line in " ".join(run.stderr.split())
    assert str(run.exit_code) in EXIT_CODES[line]
    assert "Traceback" not in run.stderr


def test_an_option_that_does_not_exist_has_a_code_of_its_own(tap: Command) -> None:
    assert tap.run(None, None, None, "--nonsense").exit_code == 2

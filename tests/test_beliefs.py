"""Where two places held different beliefs of the API, they hold one now."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.sandbox import Behaviour
from tap_servicetitan_dispatch.settings.schema import LARGEST_PAGE
from tap_servicetitan_dispatch.streams.appointment_assignments import AppointmentAssignments
from tap_servicetitan_dispatch.streams.appointment_assignments_list import (
    AppointmentAssignmentsList,
)
from tap_servicetitan_dispatch.streams.lists import SORTED_TO
from tap_servicetitan_dispatch.survey import stages
from tap_servicetitan_dispatch.survey.facts import FACTS, feed
from tap_servicetitan_dispatch.survey.facts import lists as facts_of_lists
from tap_servicetitan_dispatch.survey.facts import rows as facts_of_rows
from tap_servicetitan_dispatch.survey.seen import Seen
from tap_servicetitan_dispatch.walks.page import MOST_EMPTY
from tests.support.runs import assert_fails, bookmarked
from tests.support.scripted_api import Answer, listed, routed
from tests.support.streams import NOTHING, PATHS
from tools.markdown import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan_dispatch.survey.verdicts import Fact
    from tests.support.runs import Command
    from tests.support.scripted_api import Call, ScriptedApi

LIST = PATHS["appointment_assignments_list"]


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_rejected_token_gets_the_same_advice_whatever_the_status(
    api: ScriptedApi, tap: Command, status: int
) -> None:
    api.reply = lambda _: Answer({"title": "The token is not known."}, status=status)
    assert_fails(tap.run(api.config, bookmarked("old")), "start the stream over")


def test_a_group_of_streams_that_are_all_refused_without_a_scope_is_no_success(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = lambda _: Answer({"title": "Forbidden"}, status=403)
    run = tap.run(
        api.config | {"skip_forbidden_streams": True}, streams=("appointment_assignments", "zones")
    )
    assert run.exit_code == 1
    assert "check app_key" in run.errors[0]


def test_streams_whose_scopes_are_named_may_all_be_skipped(api: ScriptedApi, tap: Command) -> None:
    api.reply = lambda _: Answer({"title": "Scope validation failed: tn.dis.x:r"}, status=403)
    run = tap.run(
        api.config | {"skip_forbidden_streams": True}, streams=("appointment_assignments", "zones")
    )
    assert run.exit_code == 0


@pytest.mark.parametrize("first", [1, 2])
def test_of_two_rows_that_changed_at_one_time_the_larger_id_counts(
    api: ScriptedApi, tap: Command, first: int
) -> None:
    pair = {"technicianId": 7, "appointmentId": 8, "modifiedOn": "2026-11-20T11:00:00Z"}
    rows = {
        1: {**pair, "id": 1, "status": "Dispatched", "active": True},
        2: {**pair, "id": 2, "status": "Dispatched", "active": False},
    }
    asked: list[Call] = []

    def track(call: Call) -> Any:
        asked.append(call)
        return {"technicianTrackingUrl": "https://x.example"}

    api.date = "Fri, 20 Nov 2026 12:00:00 GMT"
    api.reply = routed(
        {LIST: listed(rows[first], rows[3 - first]), PATHS["technician_tracking"]: track}
    )
    run = tap.run(api.config, streams=("technician_tracking",))
    assert run.exit_code == 0, run.stderr
    assert (asked, run.records) == ([], [])


def test_the_time_is_that_of_the_api_once_it_has_answered(
    api: ScriptedApi,
) -> None:
    api.date = "Fri, 20 Nov 2026 12:00:00 GMT"

    def an_hour_ahead(_: Call) -> Answer:
        body = {"access_token": "t", "expires_in": 900}
        return Answer(body, headers={"Date": "Fri, 20 Nov 2026 13:00:00 GMT"})

    api.token_reply = an_hour_ahead
    api.reply = routed(NOTHING)
    assert _now_of(api) == ["13", "12"]


def _now_of(api: ScriptedApi) -> list[str]:
    """Return the hours that a client takes for the API's, before and after its first answer."""
    from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch  # noqa: PLC0415 - one use

    made = TapServiceTitanDispatch(config=api.config)
    clients = made.streams["zones"].run.clients  # type: ignore[attr-defined] # it is one of ours
    client = clients.of(clients.tenants[0])
    hours = [f"{client.now():%H}"]
    client.get(PATHS["zones"], {})
    hours.append(f"{client.now():%H}")
    clients.close()
    return hours


@pytest.mark.parametrize(("zone", "times"), [(None, 1), ("America/Chicago", 0)])
def test_days_of_a_zone_that_nobody_has_named_are_told(
    api: ScriptedApi, tap: Command, zone: str | None, times: int
) -> None:
    api.date = "Fri, 20 Nov 2026 12:00:00 GMT"
    api.reply = routed({PATHS["capacities"]: {"availabilities": []}})
    run = tap.run(
        api.config | ({"timezone": zone} if zone else {}) | {"capacity_business_unit_ids": [7]},
        streams=("capacities",),
    )
    assert run.exit_code == 0, run.stderr
    assert run.stderr.count("timezone is not set, so days begin at midnight UTC") == times


ONE_BELIEF = {
    "docs/settings.md": (("`active`", "says both", "By default, the vendor says, they come"), ()),
    "docs/concepts.md": (
        ("As far as anyone has observed, an assignment is one row", "Until the API has answered"),
        ("are events",),
    ),
    "docs/streams.md": (("switched off or deleted",), ("False once the zone was deleted",)),
    "docs/sandbox.md": (("nobody promises of the real API",), ()),
    "transform/models/marts/_marts.yml": (
        ("when that row was loaded",),
        ("as it was then", "Latest name"),
    ),
    "transform/models/staging/_staging.yml": (("is unknown",), ("as it is now",)),
    "docs/warehouses.md": (("writes up to seven digits",), ("sorts and pages by seven digits",)),
    "CONTRIBUTING.md": (("one client takes a 404",), ()),
    ".github/hub/definition.yml": (("The vendor says that the export feed",), ("are events",)),
}
"""What pages have to say of what nobody knows, and what only one side of it would say."""


@pytest.mark.parametrize("page", ONE_BELIEF)
def test_a_page_does_not_state_what_another_doubts(page: str) -> None:
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    said, unsaid = ONE_BELIEF[page]
    assert [each for each in said if each not in text] == []
    assert [each for each in unsaid if each in text] == []


def test_the_streams_and_the_models_say_the_same_of_the_name_of_a_technician() -> None:
    assert fact_named("name_is_as_now").mark == "inferred"
    of_streams = [
        stream.schema["properties"]["technicianName"]["description"]
        for stream in (AppointmentAssignments, AppointmentAssignmentsList)
    ]
    models = yaml.safe_load((ROOT / "transform/models/staging/_staging.yml").read_text("utf-8"))
    of_models = [
        column["description"]
        for model in models["models"]
        for column in model["columns"]
        if column["name"] == "technician_name"
    ]
    assert len(of_models) == 3
    assert {*of_streams, *of_models} == {
        "Name of the technician. Whether older rows get a new name is unknown."
    }


DELAY = re.compile(r"\b(15|fifteen)[ -]minutes?\b|quarter of an hour")
WHERE_THE_DELAY_IS_TOLD = (
    "README.md",
    "meltano.yml",
    ".github/hub/definition.yml",
    "docs/*.md",
    "transform/**/*.sql",
    "transform/**/*.yml",
)
NOT_OF_THE_FEED = (
    "for fifteen minutes or more during an absence",
    "runs all tests: some fifteen minutes",
)
WITH_MARKS = "docs/survey.md"
"""Its tables say of each fact who says so."""


def told_delays() -> Iterator[tuple[str, str]]:
    """Yield each place that names the feed's delay in words, as a path and a sentence."""
    for pattern in WHERE_THE_DELAY_IS_TOLD:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            text = path.read_text(encoding="utf-8").replace("--", "")
            text = re.sub(r"interval '.*?'|^#.*$", "", text, flags=re.MULTILINE)
            for sentence in re.split(r"(?<=[.:?])\s+(?=[A-Z`\[])", " ".join(text.split())):
                if DELAY.search(sentence) and not any(each in sentence for each in NOT_OF_THE_FEED):
                    yield name, sentence


def test_the_delay_of_the_feed_is_the_vendors_word_wherever_it_is_told() -> None:
    told = [each for each in told_delays() if each[0] != WITH_MARKS]
    assert {"README.md", "docs/concepts.md", "docs/settings.md", "meltano.yml"} <= dict(told).keys()
    assert [
        (name, sentence)
        for name, sentence in told
        if "vendor" not in sentence and "#the-15-minute-delay" not in sentence
    ] == []


def test_the_sandbox_the_survey_and_the_marts_reckon_with_one_delay() -> None:
    minutes = Behaviour().feed_delay // 60
    assert Behaviour().feed_delay == feed._DELAY_SECONDS  # noqa: SLF001
    assert f"appears {minutes} minutes late" in fact_named("feed_lags_15_minutes").believed
    intervals = [
        interval
        for path in (ROOT / "transform").glob("m*/**/*.sql")
        for interval in re.findall(r"\+ interval '\d+ minutes'", path.read_text(encoding="utf-8"))
    ]
    assert len(intervals) >= 3
    assert set(intervals) == {f"+ interval '{minutes} minutes'"}


def test_how_finely_the_api_sorts_and_is_asked_is_the_same_everywhere() -> None:
    """Seven digits are what it writes; it sorts to a second or so, and is asked by six."""
    assert timedelta(microseconds=facts_of_lists._TOLERANCE / 10) == SORTED_TO  # noqa: SLF001
    assert timedelta(seconds=10) == SORTED_TO
    assert "to ten seconds" in fact_named("sorted_within_ten_seconds").believed
    page = (ROOT / "docs/warehouses.md").read_text(encoding="utf-8")
    assert "bookmarks have all seven; its requests have six" in page
    at = instants.render(datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC))
    assert len(at.partition(".")[2].removesuffix("Z")) == 6


def test_pages_have_one_largest_size() -> None:
    size = LARGEST_PAGE
    assert (size, size) == (stages.LARGEST, facts_of_rows._LARGEST_PAGE)  # noqa: SLF001
    assert (Seen().page_size, Behaviour().largest_page) == (size, size)
    assert f"Pages of {size:,} rows" in fact_named("pages_of_5000").believed


def test_the_size_of_a_page_of_the_feed_is_unknown_and_nothing_is_said_to_rest_on_it() -> None:
    fact = fact_named("feed_page_is_large")
    assert (fact.mark, fact.copes) == ("unknown", "yes")
    pages = ("docs/concepts.md", "docs/operations.md")
    concepts, operations = ((ROOT / page).read_text(encoding="utf-8") for page in pages)
    assert MOST_EMPTY == 1000
    assert "Only a thousand empty pages in a row end the read" in " ".join(concepts.split())
    assert f"After {MOST_EMPTY:,} of them the stream ends, with its bookmark safe" in operations


def fact_named(name: str) -> Fact:
    (fact,) = (each for each in FACTS if each.name == name)
    return fact

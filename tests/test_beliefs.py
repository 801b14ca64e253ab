"""Where two places held different beliefs of the API, they hold one now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runs import assert_fails, bookmarked
from tests.support.scripted_api import Answer, listed, routed
from tests.support.streams import NOTHING, PATHS
from tools.markdown import ROOT

if TYPE_CHECKING:
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
    "docs/settings.md": (("`active`", "says both"), ()),
    "docs/concepts.md": (
        ("An assignment is a row that changes", "Until the API has answered"),
        ("are events",),
    ),
    "docs/streams.md": (("switched off or deleted",), ("False once the zone was deleted",)),
    "docs/sandbox.md": (("nobody promises of the real API",), ()),
    "transform/models/marts/_marts.yml": (("when that row was loaded",), ("as it was then",)),
    "CONTRIBUTING.md": (("one client takes a 404",), ()),
    ".github/hub/definition.yml": (("By the vendor's word the export feed",), ("are events",)),
}
"""What pages have to say of what nobody knows, and what only one side of it would say."""


@pytest.mark.parametrize("page", ONE_BELIEF)
def test_a_page_does_not_state_what_another_doubts(page: str) -> None:
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    said, unsaid = ONE_BELIEF[page]
    assert [each for each in said if each not in text] == []
    assert [each for each in unsaid if each in text] == []

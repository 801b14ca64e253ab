from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.sandbox import Behaviour
from tap_servicetitan_dispatch.sandbox.api import continuation
from tap_servicetitan_dispatch.sandbox.world import instants
from tests.support.caller import Caller

if TYPE_CHECKING:
    from typing import Literal

pytestmark = pytest.mark.no_cover


def places(rows: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(instants.parse(row["modifiedOn"]), row["id"]) for row in rows]


def state(rows: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {row["id"]: row for row in rows}


@pytest.fixture(scope="module")
def paged() -> Any:
    with Caller.of(behaviour=Behaviour(export_page_size=50)) as caller:
        yield caller


@pytest.fixture
def busy() -> Any:
    """A sandbox in which something changes every few minutes."""
    with Caller.of(assignments=4_000) as caller:
        yield caller


def test_the_feed_has_each_row_once_in_the_order_of_modification(paged: Caller) -> None:
    rows, _ = paged.whole_export(active="Any")
    assert 500 < len(rows) < 800
    assert len(state(rows)) == len(rows)
    assert places(rows) == sorted(places(rows))


def test_pages_join_without_gap_or_overlap_where_rows_share_an_instant(paged: Caller) -> None:
    rows, _ = paged.whole_export(active="Any")
    assert len({instant for instant, _ in places(rows)}) < len(rows)
    with Caller.of(behaviour=Behaviour(export_page_size=7)) as small:
        assert small.whole_export(active="Any")[0] == rows


def test_active_chooses_rows_and_defaults_to_true(paged: Caller) -> None:
    everything, _ = paged.whole_export(active="any")
    active, _ = paged.whole_export()
    inactive, _ = paged.whole_export(active="False")
    assert state(active) | state(inactive) == state(everything)
    assert {row["active"] for row in active} == {True}
    assert {row["active"] for row in inactive} == {False}


def test_a_row_has_the_twelve_fields(paged: Caller) -> None:
    row = paged.export()["data"][0]
    kinds = {name: type(value) for name, value in row.items()}
    assert kinds == {
        "id": int,
        "technicianId": int,
        "technicianName": str,
        "assignedById": int,
        "assignedOn": str,
        "status": str,
        "isPaused": bool,
        "jobId": int,
        "appointmentId": int,
        "createdOn": str,
        "modifiedOn": str,
        "active": bool,
    }


def test_a_token_brings_what_changed_since(caller: Caller) -> None:
    rows, token = caller.whole_export(active="Any")
    nothing, _ = caller.whole_export(token, active="Any")
    assert nothing == []
    caller.forward(hours=1)
    changed, _ = caller.whole_export(token, active="Any")
    assert changed
    everything, _ = caller.whole_export(active="Any")
    assert state(rows) | state(changed) == state(everything)


def test_changes_show_fifteen_minutes_late(busy: Caller) -> None:
    recent, _ = busy.whole_export(active="Any", includeRecentChanges=True)
    late, _ = busy.whole_export(active="Any")
    assert state(late) != state(recent)
    busy.forward(minutes=15)
    assert busy.whole_export(active="Any")[0] == recent


def test_recent_changes_come_again_until_they_have_settled(busy: Caller) -> None:
    _, token = busy.whole_export(active="Any", includeRecentChanges=True)
    again, _ = busy.whole_export(token, active="Any", includeRecentChanges=True)
    assert again
    busy.forward(minutes=14)
    later, settled = busy.whole_export(token, active="Any", includeRecentChanges=True)
    assert {row["id"] for row in again} <= {row["id"] for row in later}
    assert busy.whole_export(settled, active="Any")[0] == []


def test_a_token_younger_than_the_delay_waits_for_it() -> None:
    behaviour = Behaviour(export_page_size=1)
    with Caller.of(assignments=4_000, behaviour=behaviour) as caller:
        _, settled = caller.whole_export("2026-06-18T14:40Z", active="Any")
        young = caller.export(from_=settled, active="Any", includeRecentChanges=True)
        assert young["hasMore"]
        answer = caller.export(from_=young["continueFrom"], active="Any")
        assert answer == {
            "hasMore": False,
            "continueFrom": young["continueFrom"],
            "data": [],
        }


@pytest.mark.parametrize("written", ["2026-06-17", "2026-06-17T13:30:00Z"])
def test_the_feed_can_begin_at_a_date(paged: Caller, written: str) -> None:
    everything, _ = paged.whole_export(active="Any")
    since, _ = paged.whole_export(written, active="Any")
    assert since == [row for row in everything if row["modifiedOn"] >= written]
    assert 0 < len(since) < len(everything)


def test_the_beginning_is_inclusive(paged: Caller) -> None:
    everything, _ = paged.whole_export(active="Any")
    since, _ = paged.whole_export(everything[-3]["modifiedOn"], active="Any")
    assert since == everything[-3:]


@pytest.mark.parametrize(
    "sent",
    [
        "yesterday",
        "2026-02-30",
        "äöü",
        "AAAA",
        continuation.write("zones", continuation.Place(5, 5)),
    ],
)
def test_what_is_neither_token_nor_date_is_refused(paged: Caller, sent: str) -> None:
    body = paged.refused("GET", "export/appointment-assignments", from_=sent)
    assert set(body) == {"type", "title", "status", "traceId", "errors", "data"}
    assert sent in body["errors"]["from"][0]


@pytest.mark.parametrize(
    ("name", "value", "title"),
    [("active", "Both", "Active"), ("includeRecentChanges", "yes", "IncludeRecentChanges")],
)
def test_a_bad_value_is_refused_by_field(paged: Caller, name: str, value: str, title: str) -> None:
    query = {name: value}
    body = paged.refused("GET", "export/appointment-assignments", **query)
    assert body["errors"] == {name: [f"The value '{value}' is not valid for {title}."]}


def test_unknown_parameters_are_ignored(paged: Caller) -> None:
    assert paged.export(activ="Any", pageSize=1) == paged.export()


def test_empty_pages_in_the_middle_lose_nothing(paged: Caller) -> None:
    everything, _ = paged.whole_export(active="Any")
    with Caller.of(behaviour=Behaviour(export_page_size=50, empty_pages=True)) as caller:
        assert caller.whole_export(active="Any")[0] == everything
        first = caller.export()
        second = caller.export(from_=first["continueFrom"])
    assert second["data"] == []
    assert second["hasMore"]
    assert second["continueFrom"] != first["continueFrom"]


@pytest.mark.parametrize(("kind", "expected"), [("empty", ""), ("null", None)])
def test_the_last_page_may_have_no_token(
    kind: Literal["empty", "null"], expected: str | None
) -> None:
    with Caller.of(behaviour=Behaviour(last_page_token=kind)) as caller:
        assert caller.export()["continueFrom"] == expected


def test_the_last_page_may_lack_the_field() -> None:
    with Caller.of(behaviour=Behaviour(last_page_token="absent")) as caller:
        assert set(caller.export()) == {"hasMore", "data"}


def test_the_last_page_may_repeat_the_token() -> None:
    with Caller.of(behaviour=Behaviour(last_page_token="same", export_page_size=500)) as caller:
        first = caller.export()
        last = caller.export(from_=first["continueFrom"])
    assert first["hasMore"]
    assert last["data"]
    assert last["continueFrom"] == first["continueFrom"]


def test_a_token_survives_a_restart(caller: Caller) -> None:
    _, token = caller.whole_export(active="Any")
    caller.forward(hours=3)
    changed = caller.whole_export(token, active="Any")
    with Caller.of(at=caller.clock.now) as restarted:
        assert restarted.whole_export(token, active="Any") == changed

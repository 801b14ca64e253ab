"""What nobody knows of the real API, as far as no other module of tests has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.sandbox import Behaviour
from tap_servicetitan_dispatch.sandbox.world.instants import SECOND, parse
from tests.support.bodies import HOURS, NEW_NON_JOB, NEW_SHIFT
from tests.support.caller import Caller
from tools import declared

if TYPE_CHECKING:
    from typing import Literal

    from tests.support.runs import Command

HEATING, PLUMBING = 40_000_107, 40_000_114
FEED = "export/appointment-assignments"


@pytest.mark.parametrize(
    ("bearer", "statuses"), [("optional", [200, 200, 401]), ("required", [200, 401, 401])]
)
def test_a_token_may_come_without_bearer_in_front(
    bearer: Literal["optional", "required"], statuses: list[int]
) -> None:
    with Caller.of(assignments=1, behaviour=Behaviour(bearer=bearer)) as caller:
        _, _, token = str(caller.session.headers["Authorization"]).partition(" ")
        found = []
        for header in (f"bearer {token}", token, f"Basic {token}"):
            caller.session.headers["Authorization"] = header
            found.append(caller.call("GET", "zones").status_code)
    assert found == statuses


@pytest.mark.parametrize(
    ("shape", "expected"), [("object", HOURS), ("data", {"data": HOURS}), ("list", [HOURS])]
)
def test_business_hours_come_in_several_shapes(
    shape: Literal["object", "data", "list"], expected: object
) -> None:
    with Caller.of(assignments=1, behaviour=Behaviour(business_hours=shape)) as caller:
        caller.send("POST", "business-hours", HOURS)
        assert caller.get("business-hours") == expected


def test_lists_may_be_filtered_after_they_are_cut_into_pages() -> None:
    pages: dict[str, list[Any]] = {}
    for filters in ("before_paging", "after_paging"):
        behaviour = Behaviour(list_filters=filters)
        with Caller.of(assignments=60, behaviour=behaviour) as caller:
            asked = {"active": "False", "pageSize": 5, "includeTotal": "true"}
            found = pages[filters] = [caller.get("appointment-assignments", page=1, **asked)]
            while found[-1]["hasMore"]:
                number = len(found) + 1
                found.append(caller.get("appointment-assignments", page=number, **asked))
    first, late = pages["before_paging"], pages["after_paging"]
    assert all(len(each["data"]) == 5 for each in first[:-1])
    assert any(len(each["data"]) < 5 for each in late[:-1]), "short, though there is more"
    assert any(not each["data"] for each in late[:-1]), "or empty"
    assert [row for each in late for row in each["data"]] == [
        row for each in first for row in each["data"]
    ]
    assert {each["totalCount"] for each in late} == {each["totalCount"] for each in first}


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_rejected_continuation_token_gets_the_status_that_was_chosen(
    status: Literal[400, 404, 410],
) -> None:
    behaviour = Behaviour(continuation_lifetime=60, rejected_continuation=status)
    with Caller.of(behaviour=behaviour, assignments=1) as caller:
        assert caller.call("GET", FEED, from_="AAAA").status_code == status
        token = caller.export()["continueFrom"]
        caller.forward(seconds=59)
        assert caller.export(from_=token)["data"] == []
        caller.forward(seconds=1)
        answer = caller.call("GET", FEED, from_=token)
    assert answer.status_code == answer.json()["status"] == status


def test_the_feed_may_begin_anew_without_a_word() -> None:
    behaviour = Behaviour(continuation_lifetime=0, rejected_continuation="restart")
    with Caller.of(behaviour=behaviour) as caller:
        first = caller.export()
        assert caller.export(from_=first["continueFrom"]) == first
        assert caller.export(from_="AAAA") == first


def test_the_feed_may_be_out_of_order_within_a_second_and_loses_nothing() -> None:
    def places(rows: list[dict[str, Any]]) -> list[tuple[int, int]]:
        return [(parse(row["modifiedOn"]), row["id"]) for row in rows]

    read = {}
    for order in ("exact", "to_the_second"):
        behaviour = Behaviour(export_order=order, export_page_size=100)
        with Caller.of(assignments=1_500, behaviour=behaviour) as caller:
            read[order], _ = caller.whole_export(active="Any")
    exact, found = places(read["exact"]), places(read["to_the_second"])
    assert found != exact
    assert sorted(found) == exact == sorted(exact)
    seconds = [instant // SECOND for instant, _ in found]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize("deletes", ["soft", "hard"])
def test_what_is_deleted_is_not_found_by_a_second_write(deletes: Literal["soft", "hard"]) -> None:
    with Caller.of(behaviour=Behaviour(deletes=deletes)) as caller:
        someone = caller.get("technician-shifts")["data"][0]["technicianId"]
        event = NEW_NON_JOB | {"technicianId": someone}
        shift = caller.send("POST", "technician-shifts", NEW_SHIFT | {"technicianIds": [someone]})
        skill = {"technicianId": someone, "name": "Welding", "active": True}
        writes: dict[str, tuple[Any, str, object]] = {
            "teams": (caller.send("POST", "teams", {"name": "x", "active": True}), "", None),
            "zones": (caller.send("POST", "zones", {"name": "x"}), "PATCH", {"name": "y"}),
            "technician-shifts": (shift["technicianShifts"][0], "PATCH", {"title": "y"}),
            "non-job-appointments": (
                caller.send("POST", "non-job-appointments", event),
                "PUT",
                event,
            ),
            "technician-skills": (caller.send("POST", "technician-skills", skill), "", None),
        }
        for path, (row, method, body) in writes.items():
            one = f"{path}/{row['id']}"
            caller.send("DELETE", one)
            left = caller.call("GET", one)
            assert left.status_code == (200 if deletes == "soft" else 404)
            for again, sent in (("DELETE", None), (method, body)):
                if again:
                    answer = caller.call(again, one, json=sent)
                    assert answer.status_code == 404
                    assert answer.json()["title"].endswith(f"{row['id']} was not found.")
            assert caller.call("GET", one).content == left.content or deletes == "hard"


def test_the_definition_asks_for_token_and_application_key_together() -> None:
    with Caller.of(assignments=1) as caller:
        url = f"{caller.sandbox.url}/openapi.json"
        definitions = [caller.session.get(url, timeout=30).json() for _ in range(2)]
    for definition in definitions:
        operations = [
            operation
            for path, methods in definition["paths"].items()
            if path.startswith("/dispatch/")
            for operation in methods.values()
        ]
        assert len(operations) == len(declared.operations())
        assert {len(one["security"]) for one in operations} == {1}
        assert {tuple(one["security"][0]) for one in operations} == {("OAuth2", "APIKeyHeader")}


def test_what_is_in_no_capacity_group_is_left_out_unless_the_tap_names_it(tap: Command) -> None:
    behaviour = Behaviour(units_without_group=frozenset({PLUMBING}))
    with Caller.of(assignments=1, behaviour=behaviour) as caller:
        config = {"environment": "sandbox", "api_url": caller.sandbox.url}
        found = []
        for units in ([], [PLUMBING], [HEATING, PLUMBING]):
            run = tap.run(config | {"capacity_business_unit_ids": units}, streams=("capacities",))
            assert run.exit_code == 0, run.stderr
            assert ("may leave out business units" in run.stderr) == (not units)
            found.append({unit for each in run.records for unit in each["businessUnitIds"]})
    everything, plumbing, both = found
    assert HEATING in everything
    assert PLUMBING not in everything
    assert plumbing == {PLUMBING}
    assert both == {HEATING, PLUMBING}

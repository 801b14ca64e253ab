"""The sandbox to a client that nobody here wrote, of which only the host is set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from servicepytan import Endpoint
from servicepytan.auth import servicepytan_connect
from servicepytan.utils import endpoint_url, request_json

from tests.support.bodies import CAPACITY
from tests.support.caller import Caller
from tests.support.good_requests import LISTS, Request, good_requests
from tools.declared import operations

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    with Caller.of(assignments=2_000) as caller:
        yield caller


@pytest.fixture(scope="module")
def conn(caller: Caller) -> Any:
    given = {name: caller.sandbox.credentials[name] for name in caller.sandbox.credentials}
    return servicepytan_connect(**given) | dict.fromkeys(
        ("api_root", "auth_root"), caller.sandbox.url
    )


def endpoint(conn: Any, path: str) -> Any:
    return Endpoint("dispatch", path, conn)


@pytest.mark.parametrize("path", LISTS)
def test_lists_are_read_to_their_end_and_row_by_row(caller: Caller, conn: Any, path: str) -> None:
    query = {"active": "Any", "includeInactive": "true"}
    rows = endpoint(conn, path).get_all({**query, "pageSize": 300})
    assert rows == caller.rows(path, **query)
    if path not in {"appointment-assignments", "non-job-appointments"}:
        assert endpoint(conn, path).get_one(rows[-1]["id"]) == rows[-1]


def test_the_feed_is_read_to_its_end(caller: Caller, conn: Any) -> None:
    rows, _ = caller.whole_export()
    assert endpoint(conn, "export").export_all("appointment-assignments") == rows


def test_capacity_is_asked_for_with_texts_in_place_of_booleans(caller: Caller, conn: Any) -> None:
    asked = endpoint(conn, "capacity").create(CAPACITY | {"skillBasedAvailability": "false"})
    assert asked == caller.send("POST", "capacity", CAPACITY)


def called(conn: Any, one: Request) -> Any:
    """Return what the library makes of the answer to a request, as all of its methods do."""
    return request_json(
        endpoint_url("dispatch", one.address, conn=conn),
        options=one.query,
        conn=conn,
        request_type=one.method.upper(),
        payload="",
        json_payload=one.body or "",
    )


def test_each_operation_is_called(conn: Any) -> None:
    with Caller.of(assignments=2_000) as fresh:
        own = conn | dict.fromkeys(("api_root", "auth_root"), fresh.sandbox.url)
        asked = good_requests(fresh)
        for one in asked:
            try:
                assert called(own, one) is not None
            except requests.JSONDecodeError:
                # The definition has no body there, and the library wants one
                assert (one.method, one.path) in {
                    ("delete", "/teams/{id}"),
                    ("delete", "/zones/{zoneId}"),
                    ("put", "/arrival-windows/{id}/activated"),
                }
    assert sorted(f"{one.method.upper()} {one.path[1:]}" for one in asked) == sorted(operations())


def test_what_the_library_gets_wrong_is_refused_as_by_any_gateway(conn: Any) -> None:
    zones = endpoint(conn, "zones")
    (zone, *_) = zones.get_many()["data"]
    with pytest.raises(requests.HTTPError, match="400"):  # it sends a form
        zones.update(zone["id"], {"name": "North"}, request_type="PATCH")
    with pytest.raises(requests.HTTPError, match="404"):  # with the method `DEL`
        zones.delete(zone["id"])
    assert zones.get_one(zone["id"]) == zone

"""Several tenants in one sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.sandbox import CREDENTIALS, Contractor, Sandbox
from tests.support.caller import Caller, Clock
from tests.support.streams import LISTS, PATHS

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE, TWO, THREE = 1000000001, 1000000002, 1000000003
UNMATCHED = {"statusCode": 404, "message": "Unable to match incoming request to an operation."}


def rows_of(caller: Caller, tenant: int, stream: str = "zones") -> list[dict[str, Any]]:
    return caller.rows(PATHS[stream], tenant=tenant, sort="+Id")


@pytest.fixture(scope="module")
def twins() -> Iterator[Caller]:
    """Two tenants who read only: same seed, same size, another staff."""
    tenants = [Contractor(ONE, seed=5), Contractor(TWO, seed=5, staff=1)]
    with Caller.of(tenants=tenants, assignments=300) as caller:
        yield caller


@pytest.fixture
def group() -> Iterator[Caller]:
    """Three tenants in a sandbox of this test's own."""
    with Caller.of(tenants=[ONE, TWO, THREE], assignments=100) as caller:
        yield caller


def test_a_path_leads_to_its_own_tenant(group: Caller) -> None:
    made = group.call("POST", "zones", tenant=TWO, json={"name": "Far North"}).json()
    holders = [
        tenant
        for tenant in (ONE, TWO, THREE)
        if made["id"] in {row["id"] for row in rows_of(group, tenant)}
    ]
    assert holders == [TWO]


@pytest.mark.parametrize("tenant", ["1000000004", "01000000002", "1000000002x", "\uff12", "-1"])
def test_a_tenant_that_is_not_there_does_not_match(group: Caller, tenant: str) -> None:
    answer = group.call("GET", "zones", tenant=tenant)
    assert (answer.status_code, answer.json()) == (404, UNMATCHED)


def test_one_pair_of_credentials_and_one_token_serve_all_tenants(group: Caller) -> None:
    statuses = {group.call("GET", "zones", tenant=tenant).status_code for tenant in (ONE, TWO)}
    assert statuses == {200}
    assert [call.path for call in group.sandbox.calls].count("/connect/token") == 1


def test_a_call_tells_its_tenant(group: Caller) -> None:
    for tenant in (TWO, ONE, 7):
        group.call("GET", "zones", tenant=tenant)
    assert [call.tenant_id for call in group.sandbox.calls] == [None, TWO, ONE, 7]


def test_a_tenant_with_a_pair_of_its_own_takes_no_other() -> None:
    own = {"client_id": "cid.own", "client_secret": "cs1.own"}
    with Caller.of(tenants=[ONE, Contractor(TWO, credentials=own)], assignments=100) as caller:
        assert caller.call("GET", "zones").status_code == 200
        assert caller.call("GET", "zones", tenant=TWO).status_code == 401
        caller.sandbox.credentials = {**CREDENTIALS, **own}
        caller.log_in()
        assert caller.call("GET", "zones").status_code == 401
        assert caller.call("GET", "zones", tenant=TWO).status_code == 200


def test_a_tenant_may_have_another_app_key() -> None:
    own = {"app_key": "ak1.own"}
    with Caller.of(tenants=[ONE, Contractor(TWO, credentials=own)], assignments=100) as caller:
        statuses = []
        for key in (CREDENTIALS["app_key"], "ak1.own"):
            caller.session.headers["ST-App-Key"] = key
            statuses += [caller.call("GET", "zones", tenant=n).status_code for n in (ONE, TWO)]
    assert statuses == [200, 401, 401, 200]


@pytest.mark.parametrize("stream", [*LISTS, "arrival_windows"])
def test_ids_of_twins_collide(twins: Caller, stream: str) -> None:
    one, two = (
        {row["id"]: row for row in twins.rows(PATHS[stream], tenant=tenant)}
        for tenant in (ONE, TWO)
    )
    both = one.keys() & two.keys()
    assert both


@pytest.mark.parametrize("stream", LISTS)
def test_rows_of_twins_that_have_the_same_id_differ(twins: Caller, stream: str) -> None:
    one, two = (
        {row["id"]: row for row in twins.rows(PATHS[stream], tenant=tenant)}
        for tenant in (ONE, TWO)
    )
    assert [id_ for id_ in one.keys() & two.keys() if one[id_] == two[id_]] == []


def test_a_tenant_does_not_depend_on_who_else_is_there() -> None:
    def rows(tenants: list[int], seed: int = 1) -> list[dict[str, Any]]:
        with Caller.of(tenants=tenants, assignments=100, seed=seed) as caller:
            return rows_of(caller, TWO, "technician_shifts")

    assert rows([TWO]) == rows([THREE, TWO, ONE]) != rows([TWO], seed=2)


@pytest.mark.no_cover
def test_tenants_are_of_different_sizes() -> None:
    sandbox = Sandbox(tenants=range(TWO, TWO + 8), clock=Clock())
    sizes = [len(tenant.world.assignments.current) for tenant in sandbox.tenants.values()]
    assert 300 <= min(sizes) < 600
    assert 1_500 < max(sizes) < 3_600
    assert len(set(sizes)) == 8


def test_a_tenant_of_a_group_is_made_when_it_is_asked_for() -> None:
    looks = 0

    def clock() -> Any:
        nonlocal looks
        looks += 1
        return Clock().now

    sandbox = Sandbox(tenants=range(1, 61), clock=clock)
    assert looks == 0
    assert sandbox.tenants[7].world is sandbox.tenants[7].world
    assert sandbox.tenants[7].credentials["tenant_id"] == "7"
    assert looks > 0


@pytest.mark.parametrize(
    ("tenants", "message"),
    [
        ([ONE, Contractor(ONE)], "There are two tenants with number 1000000001."),
        ([], "A sandbox has at least one tenant."),
        (["x"], "invalid literal"),
    ],
)
def test_tenants_that_make_no_sense_are_refused(tenants: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sandbox(tenants=tenants)

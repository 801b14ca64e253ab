"""One tenant of a group is refused, slow or down; the others are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_servicetitan_dispatch.sandbox import (
    CREDENTIALS,
    REFUSALS,
    Access,
    Behaviour,
    Contractor,
    Faults,
)
from tap_servicetitan_dispatch.sandbox.faults import middleware
from tests.support.caller import Caller
from tests.support.streams import PATHS, STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan_dispatch.sandbox import Refusal

ONE, TWO, THREE = 1000000001, 1000000002, 1000000003
OWN = {"client_id": "cid.own", "client_secret": "cs1.own"}


@pytest.fixture(scope="module")
def shared() -> Iterator[Caller]:
    with Caller.of(tenants=[ONE, TWO, THREE], assignments=100) as caller:
        yield caller


@pytest.fixture
def group(shared: Caller) -> Iterator[Caller]:
    """A group in which nothing is wrong yet, nor after the test."""
    shared.log_in()
    yield shared
    shared.sandbox.faults = Faults()
    for tenant in shared.sandbox.tenants.values():
        tenant.access, tenant.faults = Access(), None


def statuses(caller: Caller, path: str = "zones") -> list[int]:
    return [caller.call("GET", path, tenant=tenant).status_code for tenant in (ONE, TWO, THREE)]


def put(caller: Caller, path: str, body: object) -> requests.Response:
    return requests.put(f"{caller.sandbox.url}/sandbox/{path}", json=body, timeout=30)


# Access -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "status"), [("unknown", 404), ("revoked", 401), ("not_approved", 403)]
)
def test_one_tenant_is_refused_and_the_others_are_not(
    group: Caller, refusal: Refusal, status: int
) -> None:
    group.sandbox.tenants[TWO].access = Access(refusal=refusal)
    assert statuses(group) == [200, status, 200]
    group.log_in()
    assert statuses(group) == [200, status, 200]
    group.sandbox.tenants[TWO].access = Access()
    assert statuses(group) == [200, 200, 200]


@pytest.mark.parametrize("stream", STREAMS)
def test_a_tenant_that_has_not_approved_the_application_refuses_everything(
    group: Caller, stream: str
) -> None:
    group.sandbox.tenants[TWO].access = Access(refusal="not_approved")
    answer = group.call(STREAMS[stream].method, PATHS[stream], tenant=TWO, json={})
    assert answer.status_code == 403
    assert answer.json()["title"] == "The tenant has not approved the application."


def test_an_unknown_tenant_answers_as_one_that_never_was(group: Caller) -> None:
    group.sandbox.tenants[TWO].access = Access(refusal="unknown")
    never, gone = (group.call("GET", "zones", tenant=tenant) for tenant in (7, TWO))
    assert (never.status_code, never.json()) == (gone.status_code, gone.json())


def test_a_scope_is_missing_at_one_tenant(group: Caller) -> None:
    group.sandbox.tenants[TWO].access = Access(missing_scopes=frozenset({"tn.dis.zones:r"}))
    assert statuses(group) == [200, 403, 200]
    assert statuses(group, "teams") == [200, 200, 200]
    title = group.call("GET", "zones", tenant=TWO).json()["title"]
    assert title == "Scope validation failed: tn.dis.zones:r is not granted."


def test_a_scope_that_nobody_granted_is_missing_at_each_tenant() -> None:
    behaviour = Behaviour(missing_scopes=frozenset({"tn.dis.zones:r"}))
    with Caller.of(tenants=[ONE, TWO, THREE], assignments=1, behaviour=behaviour) as caller:
        caller.sandbox.tenants[TWO].access = Access(missing_scopes=frozenset({"tn.dis.teams:r"}))
        assert statuses(caller) == [403, 403, 403]
        assert statuses(caller, "teams") == [200, 403, 200]


def test_the_pair_of_one_tenant_is_revoked() -> None:
    def log_in(own: dict[str, str]) -> requests.Response:
        form = {"grant_type": "client_credentials", **CREDENTIALS, **own}
        return requests.post(caller.sandbox.token_url, data=form, timeout=30)

    with Caller.of(tenants=[ONE, Contractor(TWO, credentials=OWN)], assignments=1) as caller:
        assert log_in(OWN).status_code == 200
        caller.sandbox.tenants[TWO].access = Access(refusal="revoked")
        assert (log_in(OWN).status_code, log_in(OWN).json()) == (400, {"error": "invalid_client"})
        assert log_in({}).status_code == 200


def test_the_pair_of_a_group_is_good_until_all_its_tenants_revoke_it(group: Caller) -> None:
    for tenant in (ONE, TWO, THREE):
        group.log_in()
        group.sandbox.tenants[tenant].access = Access(refusal="revoked")
    form = {"grant_type": "client_credentials", **CREDENTIALS}
    answer = requests.post(group.sandbox.token_url, data=form, timeout=30)
    assert answer.json() == {"error": "invalid_client"}


def test_access_can_be_changed_over_http(group: Caller) -> None:
    path = f"tenants/{TWO}/access"
    wanted = {"refusal": None, "missing_scopes": ["tn.dis.zones:r"]}
    assert put(group, path, wanted).json() == wanted
    assert requests.get(f"{group.sandbox.url}/sandbox/{path}", timeout=30).json() == wanted
    assert statuses(group) == [200, 403, 200]
    assert put(group, path, {"refusal": "unknown"}).status_code == 200
    assert statuses(group) == [200, 404, 200]
    assert put(group, path, {}).status_code == 200
    assert statuses(group) == [200, 200, 200]


@pytest.mark.parametrize("wrong", [{"refusal": "no"}, {"missing_scopes": 1}, {"scopes": []}])
def test_access_that_makes_no_sense_is_refused_and_changes_nothing(
    group: Caller, wrong: dict[str, Any]
) -> None:
    before = group.sandbox.tenants[TWO].access = Access(refusal="unknown")
    answer = put(group, f"tenants/{TWO}/access", wrong)
    assert answer.status_code == 400
    assert group.sandbox.tenants[TWO].access == before


@pytest.mark.parametrize("tenant", [7, "x"])
@pytest.mark.parametrize("switch", ["access", "faults"])
def test_a_tenant_that_is_not_there_has_no_switches(
    group: Caller, switch: str, tenant: object
) -> None:
    assert put(group, f"tenants/{tenant}/{switch}", {}).status_code == 404


def test_the_docs_say_what_each_refusal_is(group: Caller) -> None:
    document = requests.get(f"{group.sandbox.url}/openapi.json", timeout=30).json()
    fields = document["components"]["schemas"]["Access"]["properties"]
    assert all(field["description"] for field in fields.values())
    assert all(f"`{refusal}`: " in fields["refusal"]["description"] for refusal in REFUSALS)


# Faults -------------------------------------------------------------------------------------------


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that answers were held back, without anybody waiting for them."""
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(middleware, "sleep", wait)
    return waited


DOWN = Faults(rate=1, kinds=("server_error",), statuses=(503,))


def test_one_tenant_is_down(group: Caller) -> None:
    group.sandbox.tenants[TWO].faults = DOWN
    assert statuses(group) == [200, 503, 200]
    group.sandbox.tenants[TWO].faults = None
    assert statuses(group) == [200, 200, 200]


def test_one_tenant_is_slow_and_another_is_down(group: Caller, pauses: list[float]) -> None:
    group.sandbox.tenants[TWO].faults = Faults(latency=9)
    group.sandbox.tenants[THREE].faults = DOWN
    assert statuses(group) == [200, 200, 503]
    assert len(pauses) == 1


def test_faults_of_a_tenant_take_the_place_of_those_of_all(group: Caller) -> None:
    group.sandbox.faults = DOWN
    group.sandbox.tenants[TWO].faults = Faults()
    assert statuses(group) == [503, 200, 503]
    assert group.sandbox.tenants[ONE].faults == DOWN
    assert group.sandbox.tenants[TWO].faults == Faults()


def test_the_clock_of_one_tenant_can_be_wrong(group: Caller) -> None:
    group.sandbox.tenants[TWO].faults = Faults(clock_skew=120)
    dates = {
        tenant: group.call("GET", "zones", tenant=tenant).headers["Date"] for tenant in (ONE, TWO)
    }
    assert dates == {
        ONE: "Thu, 18 Jun 2026 15:00:00 GMT",
        TWO: "Thu, 18 Jun 2026 15:02:00 GMT",
    }


def test_a_tenant_that_revokes_tokens_revokes_those_of_its_pair_only() -> None:
    with Caller.of(tenants=[ONE, TWO, Contractor(THREE, credentials=OWN)], assignments=1) as caller:
        caller.sandbox.tenants[THREE].faults = Faults(rate=1, kinds=("revoked",))
        assert statuses(caller) == [200, 200, 401]
        assert statuses(caller) == [200, 200, 401]
        caller.sandbox.tenants[TWO].faults = Faults(rate=1, kinds=("revoked",), at_most=1)
        assert statuses(caller) == [200, 401, 401]
        assert statuses(caller) == [401, 401, 401]


def test_faults_of_a_tenant_can_be_changed_over_http(group: Caller) -> None:
    path = f"tenants/{TWO}/faults"
    url = f"{group.sandbox.url}/sandbox/{path}"
    told = put(group, path, {"rate": 1, "kinds": ["server_error"], "statuses": [503]})
    assert told.json() == requests.get(url, timeout=30).json()
    assert group.sandbox.tenants[TWO].faults == DOWN
    assert statuses(group) == [200, 503, 200]
    assert requests.delete(url, timeout=30).json()["rate"] == 0
    assert statuses(group) == [200, 200, 200]


# Limits -------------------------------------------------------------------------------------------


def test_calls_are_counted_by_application_and_tenant() -> None:
    now = 1_000.0
    other = Contractor(THREE, credentials={"app_key": "ak1.own"})
    with Caller.of(tenants=[ONE, TWO, other], assignments=1, timer=lambda: now) as caller:
        caller.sandbox.faults = Faults(requests_per_second=2)
        assert [statuses(caller) for _ in range(3)] == [[200, 200, 401]] * 2 + [[429] * 3]
        caller.session.headers["ST-App-Key"] = "ak1.own"
        assert statuses(caller) == [401, 401, 200]
        now += 1
        assert statuses(caller) == [401, 401, 200]


def test_a_tenant_can_have_a_limit_of_its_own() -> None:
    with Caller.of(tenants=[ONE, TWO, THREE], assignments=1, timer=lambda: 1_000.0) as caller:
        caller.sandbox.tenants[TWO].faults = Faults(requests_per_second=1)
        assert [statuses(caller) for _ in range(2)] == [[200, 200, 200], [200, 429, 200]]


def test_a_call_of_no_tenant_may_be_told_that_its_token_is_revoked(group: Caller) -> None:
    group.sandbox.faults = Faults(rate=1, kinds=("revoked",))
    assert group.call("GET", "zones", tenant=9).status_code == 401
    group.sandbox.faults = Faults()
    assert statuses(group) == [200, 200, 200]

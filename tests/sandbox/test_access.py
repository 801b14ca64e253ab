from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from tap_servicetitan_dispatch.sandbox import ALL_SCOPES, CREDENTIALS, Behaviour, Contractor
from tests.support.bodies import CAPACITY
from tests.support.caller import Caller

if TYPE_CHECKING:
    from typing import Any, Literal

EXPORT = "export/appointment-assignments"
UNMATCHED = {"statusCode": 404, "message": "Unable to match incoming request to an operation."}
FORM = {
    "grant_type": "client_credentials",
    "client_id": CREDENTIALS["client_id"],
    "client_secret": CREDENTIALS["client_secret"],
}


def token_answer(
    caller: Caller, form: dict[str, str], auth: tuple[str, str] | None = None
) -> requests.Response:
    return requests.post(caller.sandbox.token_url, data=form, auth=auth, timeout=30)


def test_a_token_is_issued_for_client_id_and_secret(reader: Caller) -> None:
    answer = token_answer(reader, FORM)
    assert answer.status_code == 200
    body = answer.json()
    assert body.pop("access_token")
    assert body == {
        "expires_in": 900,
        "token_type": "Bearer",
        "scope": " ".join(sorted(ALL_SCOPES)),
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "somebody"},
        {"client_secret": "wrong"},
        {"client_secret": FORM["client_secret"] + "\n"},
        {"client_secret": ""},
    ],
)
def test_a_wrong_id_or_secret_is_an_invalid_client(reader: Caller, wrong: dict[str, str]) -> None:
    answer = token_answer(reader, FORM | wrong)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_client"})


def test_another_grant_is_refused(reader: Caller) -> None:
    answer = token_answer(reader, FORM | {"grant_type": "password"})
    assert (answer.status_code, answer.json()) == (400, {"error": "unsupported_grant_type"})


def test_the_docs_page_may_send_the_credentials_as_basic_authentication(reader: Caller) -> None:
    grant = {"grant_type": "client_credentials"}
    good = token_answer(reader, grant, (FORM["client_id"], FORM["client_secret"]))
    assert good.status_code == 200
    assert token_answer(reader, grant, (FORM["client_id"], "wrong")).status_code == 400


@pytest.mark.parametrize("header", ["Basic !", "Basic /w==", "Basic YWJj", "Digest YTpi"])
def test_an_unreadable_authorization_header_is_no_credential(reader: Caller, header: str) -> None:
    answer = requests.post(
        reader.sandbox.token_url,
        data={"grant_type": "client_credentials"},
        headers={"Authorization": header},
        timeout=30,
    )
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_client"})


def test_a_token_is_good_for_its_lifetime_by_the_sandboxs_clock(caller: Caller) -> None:
    caller.clock.forward(seconds=899)
    assert caller.call("GET", EXPORT).status_code == 200
    caller.clock.forward(seconds=1)
    answer = caller.call("GET", EXPORT)
    assert answer.status_code == 401
    assert "expired" in answer.json()["title"]
    caller.log_in()
    assert caller.call("GET", EXPORT).status_code == 200


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x", "Bearer 7f.00", "Basic x"])
def test_a_call_without_a_good_token_is_unauthorized(reader: Caller, header: str | None) -> None:
    answer = requests.get(
        f"{reader.sandbox.url}/dispatch/v2/tenant/{CREDENTIALS['tenant_id']}/{EXPORT}",
        headers={"Authorization": header, "ST-App-Key": CREDENTIALS["app_key"]},
        timeout=30,
    )
    assert answer.status_code == 401
    body = answer.json()
    assert set(body) == {"type", "title", "status", "traceId", "errors", "data"}
    assert body["status"] == 401


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_app_key_gets_the_status_that_was_chosen(status: Literal[401, 403, 404]) -> None:
    with Caller.of(behaviour=Behaviour(bad_app_key_status=status)) as caller:
        caller.session.headers["ST-App-Key"] = "wrong"
        answer = caller.call("GET", EXPORT)
    assert answer.status_code == status
    assert answer.json().get("statusCode", answer.json().get("status")) == status


def test_a_missing_scope_is_forbidden_by_name() -> None:
    missing = "tn.dis.appointmentassignments:r"
    with Caller.of(behaviour=Behaviour(missing_scopes=frozenset({missing}))) as caller:
        answer = caller.call("GET", EXPORT)
        granted = token_answer(caller, FORM).json()["scope"].split()
    assert answer.status_code == 403
    assert "Scope validation failed" in answer.json()["title"]
    assert missing in answer.json()["title"]
    assert missing not in granted


@pytest.mark.parametrize(("scope", "status"), [("write", 403), ("read", 200)])
def test_capacity_may_need_no_scope_for_writing(scope: Any, status: int) -> None:
    missing = frozenset({"tn.dis.capacity:w"})
    behaviour = Behaviour(missing_scopes=missing, capacity_scope=scope)
    with Caller.of(behaviour=behaviour, assignments=1) as caller:
        assert caller.call("POST", "capacity", json=CAPACITY).status_code == status


@pytest.mark.parametrize("tenant", ["1000000002", "abc"])
def test_another_tenant_does_not_match(reader: Caller, tenant: str) -> None:
    url = f"{reader.sandbox.url}/dispatch/v2/tenant/{tenant}/{EXPORT}"
    answer = reader.session.get(url, timeout=30)
    assert (answer.status_code, answer.json()) == (404, UNMATCHED)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "export/zones"), ("POST", EXPORT), ("GET", EXPORT + "/")]
)
def test_an_unknown_operation_does_not_match(reader: Caller, method: str, path: str) -> None:
    answer = reader.call(method, path)
    assert (answer.status_code, answer.json()) == (404, UNMATCHED)


def test_a_token_may_serve_only_the_tenant_that_it_is_first_used_for() -> None:
    def statuses() -> list[int]:
        return [caller.call("GET", "zones", tenant=tenant).status_code for tenant in (2, 1, 2)]

    behaviour = Behaviour(token_serves="tenant")
    with Caller.of(tenants=[1, 2], assignments=1, behaviour=behaviour) as caller:
        assert statuses() == [200, 401, 200]
        second = caller.session.headers["Authorization"]
        caller.log_in()
        assert caller.call("GET", "zones", tenant=1).status_code == 200
        assert statuses() == [401, 200, 401]
        caller.session.headers["Authorization"] = second
        assert statuses() == [200, 401, 200]


def test_a_token_is_not_bound_to_a_tenant_that_it_is_not_good_for() -> None:
    behaviour = Behaviour(token_serves="tenant")
    own = Contractor(2, credentials={"client_id": "cid.own"})
    with Caller.of(tenants=[1, own], assignments=1, behaviour=behaviour) as caller:
        statuses = [caller.call("GET", "zones", tenant=tenant).status_code for tenant in (3, 2, 1)]
    assert statuses == [404, 401, 200]


def test_no_more_tokens_are_issued_within_a_minute_than_the_limit_allows() -> None:
    now = 1_000.0

    def answers(count: int, form: dict[str, str] = FORM) -> list[object]:
        got = [token_answer(caller, form) for _ in range(count)]
        return [answer.json().get("title", answer.status_code) for answer in got]

    def wait(seconds: int) -> str:
        return f"Rate limit is exceeded. Try again in {seconds} seconds."

    other = {"client_id": "cid.own", "client_secret": "cs1.own"}
    with Caller.of(
        tenants=[1, Contractor(2, credentials=other)],
        assignments=1,
        behaviour=Behaviour(tokens_per_minute=3),
        timer=lambda: now,
    ) as caller:
        now += 20.5
        assert answers(2) == [200, 200]
        assert answers(1, FORM | {"client_secret": "wrong"}) == [400]
        assert answers(2) == [wait(40)] * 2
        assert token_answer(caller, FORM).json() == {"status": 429, "title": wait(40)}
        assert answers(1, FORM | other) == [200]
        now += 39.5
        assert answers(2) == [200, wait(21)]


def test_a_sandbox_with_credentials_of_its_own_takes_no_others() -> None:
    own = {
        "client_id": "cid.own",
        "client_secret": "cs1.own",
        "app_key": "ak1.own",
        "tenant_id": "7",
    }
    with Caller.of(credentials=own) as caller:
        assert caller.export()["data"]
        for name, status in (("app_key", 401), ("tenant_id", 404)):
            caller.sandbox.credentials = own | {name: CREDENTIALS[name]}
            caller.log_in()
            assert caller.call("GET", EXPORT).status_code == status
            caller.sandbox.credentials = own
        for name in ("client_id", "client_secret"):
            form = {"grant_type": "client_credentials"} | own | {name: CREDENTIALS[name]}
            answer = requests.post(caller.sandbox.token_url, data=form, timeout=30)
            assert answer.json() == {"error": "invalid_client"}

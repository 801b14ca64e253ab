"""What goes wrong on purpose, as somebody sees it who calls the sandbox."""

from __future__ import annotations

import re
from collections import Counter
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_servicetitan_dispatch.sandbox import ALL_SCOPES, KINDS, PASSING, Faults
from tap_servicetitan_dispatch.sandbox.faults import middleware
from tap_servicetitan_dispatch.sandbox.faults.options import FATAL
from tests.support.caller import START, Caller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan_dispatch.sandbox.faults.options import Body, Kind, RetryAfter

EXPORT = "export/appointment-assignments"
TITLE = "Rate limit is exceeded. Try again in 50 seconds."
NO_ANSWER = requests.exceptions.RequestException


@pytest.fixture(scope="module")
def shared() -> Iterator[Caller]:
    with Caller.of() as caller:
        yield caller


@pytest.fixture
def victim(shared: Caller) -> Iterator[Caller]:
    """A caller of a sandbox on which nothing goes wrong yet, nor after the test."""
    shared.sandbox.faults = Faults()
    shared.log_in()
    yield shared
    shared.sandbox.faults = Faults()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that answers were held back, without anybody waiting for them."""
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(middleware, "sleep", wait)
    return waited


def always(*kinds: Kind, **more: Any) -> Faults:
    return Faults(rate=1, kinds=kinds, **more)


def failed(victim: Caller, faults: Faults, path: str = EXPORT) -> requests.Response:
    victim.sandbox.faults = faults
    return victim.call("GET", path)


def fates(victim: Caller, faults: Faults, requests_sent: int = 40) -> list[Kind | None]:
    """Send requests, one after the other, and return how each was made to fail."""
    victim.sandbox.faults = faults
    begin = len(victim.sandbox.calls)
    for _ in range(requests_sent):
        try:
            victim.call("GET", "teams")
        except NO_ANSWER:
            continue
    victim.sandbox.faults = Faults()
    return [call.fault for call in victim.sandbox.calls[begin:]]


def test_nothing_goes_wrong_by_default(victim: Caller) -> None:
    assert set(fates(victim, Faults())) == {None}


@pytest.mark.parametrize(
    ("said", "header"),
    [("seconds", "50"), ("date", "Thu, 18 Jun 2026 15:00:50 GMT"), ("missing", None)],
)
def test_a_429_says_when_to_come_back(victim: Caller, said: RetryAfter, header: str | None) -> None:
    answer = failed(victim, always("rate_limited", retry_after=(said,)))
    assert (answer.status_code, answer.json()) == (429, {"status": 429, "title": TITLE})
    assert answer.headers.get("Retry-After") == header


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(
    ("body", "type_", "text"),
    [
        ("json", "application/json", '"traceId"'),
        ("html", "text/html; charset=utf-8", "</html>"),
        ("empty", None, ""),
    ],
)
def test_a_server_error_has_the_status_and_the_body_that_were_chosen(
    victim: Caller, status: int, body: Body, type_: str | None, text: str
) -> None:
    faults = always("server_error", statuses=(status,), bodies=(body,))
    answer = failed(victim, faults)
    assert (answer.status_code, answer.headers.get("Content-Type")) == (status, type_)
    assert text in answer.text
    assert bool(answer.text) is bool(text)


def test_maintenance_is_a_conflict_that_says_so(victim: Caller) -> None:
    answer = failed(victim, always("maintenance"))
    assert answer.status_code == 409
    assert answer.json()["title"].startswith("The service is suspended for maintenance.")


def test_an_answer_that_is_cut_short_ends_in_the_middle(victim: Caller) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        failed(victim, always("cut_short"))
    call = victim.sandbox.calls[-1]
    assert (call.status, call.fault) == (200, "cut_short")


def test_an_answer_without_a_body_is_cut_off_before_it_begins(victim: Caller) -> None:
    made = victim.send("POST", "teams", {"name": "Night Owls", "active": True})
    victim.sandbox.faults = always("cut_short")
    with pytest.raises(requests.exceptions.ConnectionError):
        victim.call("DELETE", f"teams/{made['id']}")
    assert victim.sandbox.calls[-1].status == 0


def test_a_reset_leaves_no_answer(victim: Caller) -> None:
    with pytest.raises(requests.exceptions.ConnectionError, match="reset"):
        failed(victim, always("reset"))
    call = victim.sandbox.calls[-1]
    assert (call.status, call.fault) == (0, "reset")


def test_a_200_may_be_anything_but_json(victim: Caller) -> None:
    victim.sandbox.faults = always("not_json")
    answers = [victim.call("GET", "teams") for _ in range(30)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 3
    for answer in answers:
        with pytest.raises(requests.exceptions.JSONDecodeError):
            answer.json()


def test_a_dripping_answer_is_the_right_one_and_ends(victim: Caller, pauses: list[float]) -> None:
    right = victim.get(EXPORT)
    dripped = failed(victim, always("drip", drip_seconds=3))
    assert dripped.json() == right
    assert sum(pauses) == pytest.approx(3)


def test_a_revoked_token_is_good_no_more_but_a_new_one_is(victim: Caller) -> None:
    answer = failed(victim, always("revoked", at_most=1))
    assert answer.status_code == 401
    assert victim.call("GET", EXPORT).status_code == 401
    assert victim.sandbox.calls[-1].fault is None
    victim.log_in()
    assert victim.call("GET", EXPORT).status_code == 200


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        (EXPORT, "tn.dis.appointmentassignments:r"),
        ("arrival-windows/configuration", "tn.dis.arrivalwindows:r"),
        ("zones/1", "tn.dis.zones:r"),
        ("somewhere/else", "the scope"),
    ],
)
def test_a_scope_that_was_taken_away_is_named(victim: Caller, path: str, scope: str) -> None:
    answer = failed(victim, always("no_scope"), path)
    assert answer.status_code == 403
    assert answer.json()["title"] == f"Scope validation failed: {scope} is not granted."


def test_a_write_lacks_the_scope_to_write(victim: Caller) -> None:
    victim.sandbox.faults = always("no_scope")
    title = victim.call("POST", "capacity", json={}).json()["title"]
    scope = title.split()[3]
    assert scope == "tn.dis.capacity:w"
    assert scope in ALL_SCOPES


def test_a_redirect_leads_to_another_host(victim: Caller) -> None:
    victim.sandbox.faults = always("redirect")
    url = f"{victim.sandbox.url}/dispatch/v2/tenant/1/zones"
    answer = victim.session.get(url, allow_redirects=False, timeout=30)
    assert answer.status_code == 302
    assert answer.headers["Location"] == "https://elsewhere.example/dispatch/v2/tenant/1/zones"


def test_the_token_endpoint_fails_in_the_ways_that_fit_it(victim: Caller) -> None:
    def status(kind: Kind) -> int:
        victim.sandbox.faults = always(kind)
        return requests.post(victim.sandbox.token_url, data={}, timeout=30).status_code

    refused = 400
    assert status("server_error") >= 500
    assert {status(kind) for kind in ("maintenance", "revoked", "no_scope")} == {refused}


def test_what_is_no_part_of_the_api_does_not_fail(victim: Caller) -> None:
    victim.sandbox.faults = always("server_error")
    for path in ("/docs", "/openapi.json", "/sandbox/faults"):
        assert requests.get(victim.sandbox.url + path, timeout=30).status_code == 200


def test_an_answer_is_late_by_up_to_the_latency(victim: Caller, pauses: list[float]) -> None:
    fates(victim, Faults(latency=7))
    assert len(pauses) == 40
    assert 0 <= min(pauses) < 1
    assert 6 < max(pauses) <= 7


def test_only_requests_with_the_text_in_their_path_are_late(
    victim: Caller, pauses: list[float]
) -> None:
    victim.sandbox.faults = Faults(latency=7, on="zones")
    victim.get("teams")
    assert pauses == []
    victim.get("zones")
    assert len(pauses) == 1


def test_no_more_calls_are_answered_within_a_second_than_the_limit_allows() -> None:
    now = 1_000.0

    def statuses(count: int) -> Counter[int]:
        return Counter(caller.call("GET", "teams").status_code for _ in range(count))

    with Caller.of(timer=lambda: now) as caller:
        caller.sandbox.faults = Faults(requests_per_second=5)
        assert statuses(2) == {200: 2}
        now += 0.5
        assert statuses(5) == {200: 3, 429: 2}
        caller.log_in()
        now += 0.499
        assert statuses(1) == {429: 1}
        now += 0.001
        assert statuses(3) == {200: 2, 429: 1}
        assert caller.sandbox.calls[-1].fault == "rate_limited"


def test_out_of_the_box_a_tenant_answers_sixty_calls_within_a_second() -> None:
    with Caller.of(timer=lambda: 1_000.0) as caller:
        statuses = [caller.call("GET", "teams").status_code for _ in range(62)]
        caller.sandbox.faults = Faults(requests_per_second=None)
        statuses += [caller.call("GET", "teams").status_code for _ in range(62)]
    assert statuses == [200] * 60 + [429] * 2 + [200] * 62


def test_the_limit_can_be_taken_away_over_http(victim: Caller) -> None:
    url = f"{victim.sandbox.url}/sandbox/faults"
    assert requests.put(url, json={}, timeout=30).json()["requests_per_second"] == 60
    unlimited = requests.put(url, json={"requests_per_second": None}, timeout=30)
    assert unlimited.json()["requests_per_second"] is None


def test_same_seed_same_faults(victim: Caller) -> None:
    def drawn(seed: int) -> list[Kind | None]:
        kinds: tuple[Kind, ...] = ("server_error", "not_json", "reset")
        return fates(victim, Faults(rate=0.5, kinds=kinds, seed=seed))

    assert drawn(1) == drawn(1) != drawn(2)


def test_a_share_of_the_requests_fails_in_the_ways_that_were_chosen(victim: Caller) -> None:
    kinds: tuple[Kind, ...] = ("server_error", "not_json", "not_json")
    counts = Counter(fates(victim, Faults(rate=0.3, kinds=kinds), 300))
    assert set(counts) == {None, *kinds}
    assert 60 < 300 - counts[None] < 120
    assert counts["server_error"] < counts["not_json"]


def test_faults_can_begin_late_and_come_to_an_end(victim: Caller) -> None:
    drawn = fates(victim, always("server_error", spare_first=2, at_most=3), 8)
    assert drawn == [None] * 2 + ["server_error"] * 3 + [None] * 3


def test_faults_can_be_kept_to_a_resource(victim: Caller) -> None:
    victim.sandbox.faults = always("server_error", on="zones")
    assert victim.call("GET", "teams").status_code == 200
    assert victim.call("GET", "zones").status_code >= 500


def test_the_clock_can_be_wrong_and_whatever_goes_by_it(caller: Caller) -> None:
    skewed = failed(caller, Faults(clock_skew=120))
    date = parsedate_to_datetime(skewed.headers["Date"])
    assert (date - START).total_seconds() == 120
    assert failed(caller, Faults(clock_skew=900)).status_code == 401


def test_the_switches_can_be_turned_while_it_runs(victim: Caller) -> None:
    url = f"{victim.sandbox.url}/sandbox/faults"
    assert requests.get(url, timeout=30).json()["rate"] == 0
    wanted = {"rate": 1, "kinds": ["maintenance"], "on": "teams"}
    told = requests.put(url, json=wanted, timeout=30)
    assert told.status_code == 200
    assert victim.sandbox.faults == always("maintenance", on="teams")
    assert requests.get(url, timeout=30).json() == told.json()
    assert victim.call("GET", "teams").status_code == 409
    assert requests.put(url, json={}, timeout=30).status_code == 200
    assert victim.call("GET", "teams").status_code == 200


@pytest.mark.parametrize("wrong", [{"rate": 2}, {"kinds": ["fire"]}, {"kinds": []}, {"rat": 1}])
def test_switches_that_make_no_sense_are_refused_and_change_nothing(
    victim: Caller, wrong: dict[str, object]
) -> None:
    before = victim.sandbox.faults = Faults(latency=0.001)
    answer = requests.put(f"{victim.sandbox.url}/sandbox/faults", json=wrong, timeout=30)
    assert answer.status_code == 400
    (field,) = wrong
    assert any(name.startswith(field) for name in answer.json()["errors"])
    assert victim.sandbox.faults == before


def test_the_docs_say_what_each_switch_does(victim: Caller) -> None:
    document = requests.get(f"{victim.sandbox.url}/openapi.json", timeout=30).json()
    assert set(document["paths"]["/sandbox/faults"]) == {"get", "put"}
    fields = document["components"]["schemas"]["Faults"]["properties"]
    assert all(field["description"] for field in fields.values())
    assert set(re.findall(r"`(\w+)`: ", fields["kinds"]["description"])) == set(KINDS)


def test_only_a_lost_scope_and_a_redirect_are_not_gone_through_by_default() -> None:
    assert set(PASSING) | set(FATAL) == set(KINDS)
    assert Faults().kinds == PASSING
    assert set(FATAL) == {"no_scope", "redirect"}

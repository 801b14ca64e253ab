"""A survey of a sandbox names the switch that is set there, whatever its value."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tap_servicetitan_dispatch.sandbox import KINDS, Behaviour, Contractor, Faults, Sandbox
from tap_servicetitan_dispatch.sandbox.like import switches_of
from tap_servicetitan_dispatch.survey import asking
from tap_servicetitan_dispatch.survey.facts import FACTS
from tests.support.surveys import NOON, SMALL, found, sandbox_of, surveyed, usual_survey
from tests.support.switches import APART, BOARDS, BUSY, IN_ORDER, SORTED, USUAL, values_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan_dispatch.survey.survey import Survey
    from tests.support.runs import Command

COMPANIONS = {"feed_versions", "touches_modified_on"}
"""Switches that show only where the feed lags so far that its delay does not."""
ASKED = ("access", "a page of each list", "tokens")


def named(survey: Survey, switch: str) -> Any:
    return switches_of(survey.as_json()).get(switch)


@cache
def survey_of(board: int) -> Survey:
    switches, size, only, stages = BOARDS[board]
    sandbox = sandbox_of(Behaviour(**switches), assignments=size)
    is_large = size > SMALL
    facts = [fact for fact in FACTS if set(fact.switches) & switches.keys() or not is_large]
    return surveyed(sandbox, only=only, stages=stages, facts=facts)


CASES = [
    (number, switch, value)
    for number, board in enumerate(BOARDS)
    for switch, value in board.switches.items()
    if switch != "feed_delay" or not board.switches.keys() & COMPANIONS
]


@pytest.fixture(scope="module")
def usual() -> Survey:
    return usual_survey()[0]


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    with sandbox_of(assignments=1) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def _as_fast_as_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tap_servicetitan_dispatch.survey.survey.CALLS_A_SECOND", 10_000)


def label(value: Any) -> str:
    """Return what a case is called, the same in each process."""
    return "+".join(sorted(map(str, value))) if isinstance(value, frozenset | tuple) else str(value)


@pytest.mark.parametrize(("board", "switch", "value"), CASES, ids=label)
def test_the_switch_is_named(board: int, switch: str, value: Any) -> None:
    got = named(survey_of(board), switch)
    if switch == "units_without_group":
        assert len(got) == len(value)
    elif isinstance(value, tuple | frozenset):
        assert set(value) <= set(got)
        if switch not in {"rows", "inactive"}:
            assert set(got) == set(value)
    elif switch in {"feed_delay", "replica_lag"}:
        assert got == pytest.approx(value, abs=900)
    else:
        assert got == value


def test_each_value_of_each_switch_is_on_a_board() -> None:
    cases = [(switch, value) for _, switch, value in CASES]
    for field in fields(Behaviour):
        if field.name not in APART:
            assert all((field.name, value) in cases for value in values_of(field.name)), field.name


def test_nothing_is_otherwise_in_the_sandbox_as_it_is(usual: Survey) -> None:
    assert [each for each in usual.findings if each.outcome == "otherwise"] == []


def test_no_other_value_is_named_in_the_sandbox_as_it_is(usual: Survey) -> None:
    switches = switches_of(usual.as_json())
    for field in fields(Behaviour):
        if field.name in switches and field.name not in {"rows", "inactive", "token_length"}:
            value, default = switches[field.name], getattr(USUAL, field.name)
            is_same = set(value) == set(default) if isinstance(value, list) else value == default
            assert is_same, field.name


def test_a_change_that_shows_late_is_named() -> None:
    now = [NOON]
    sandbox = sandbox_of(Behaviour(visible_after=600), assignments=BUSY, clock=lambda: now[0])

    def a_minute_later(request: Any) -> None:
        if "-ModifiedOn" in request.url:
            now[0] += timedelta(minutes=1)

    survey = surveyed(
        sandbox,
        stages=["access", "a page of each list", "answers that take turns"],
        only=["appointment_assignments"],
        before_each=a_minute_later,
    )
    assert named(survey, "visible_after") == pytest.approx(600, abs=120)


@pytest.mark.parametrize("serves", ["group", "tenant"])
def test_whom_a_token_serves_is_named(serves: Any) -> None:
    sandbox = sandbox_of(
        Behaviour(token_serves=serves),
        tenants=[Contractor(1000000001, assignments=1), Contractor(1000000002, assignments=1)],
    )
    survey = surveyed(sandbox, only=["zones"], tenants=[1000000001, 1000000002], stages=ASKED)
    assert named(survey, "token_serves") == serves


def test_ids_that_twins_share_are_counted() -> None:
    tenants = [Contractor(1000000001, seed=1), Contractor(1000000002, seed=1, staff=1)]
    sandbox = sandbox_of(tenants=tenants)
    survey = surveyed(sandbox, only=["zones"], tenants=[1000000001, 1000000002], stages=ASKED)
    outcome, text, _ = found(survey)["ids_may_collide"]
    assert (outcome, text) == ("as believed", "12 of 12 ids are another tenant's, too")


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        (Behaviour(token_serves="tenant"), "the call failed (status 401)"),
        (Behaviour(rows=frozenset({"zones=0"})), "there was no row"),
    ],
)
def test_ids_that_nobody_gives_are_not_compared(behaviour: Behaviour, told: str) -> None:
    tenants = [Contractor(number, assignments=1) for number in (1000000001, 1000000002)]
    sandbox = sandbox_of(behaviour, tenants=tenants)
    survey = surveyed(sandbox, only=["zones"], tenants=[1000000001, 1000000002], stages=ASKED)
    assert found(survey)["ids_may_collide"][:2] == ("could not tell", told)


@pytest.mark.parametrize(("body", "word"), [("json", "JSON"), ("html", "HTML"), ("empty", "none")])
def test_the_form_of_a_server_errors_body_is_named(body: Any, word: str) -> None:
    faults = Faults(
        rate=1,
        kinds=("server_error",),
        bodies=(body,),
        on="zones",
        at_most=1,
        requests_per_second=None,
    )
    sandbox = sandbox_of(assignments=1, faults=faults)
    survey = surveyed(sandbox, only=["zones"], stages=["access", "a page of each list"])
    _, text, switches = found(survey)["failures_pass"]
    assert f"bodies: {word}" in text
    assert switches["fault_bodies"] == [body]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_a_wrong_app_key_gets_is_named_if_it_was_asked_for(status: Any) -> None:
    sandbox = sandbox_of(Behaviour(bad_app_key_status=status), assignments=1)
    survey = surveyed(sandbox, only=["zones"], stages=ASKED, also=["wrong-key"])
    assert named(survey, "bad_app_key_status") == status
    survey = surveyed(sandbox, only=["zones"], stages=ASKED)
    assert named(survey, "bad_app_key_status") is None


def test_how_late_answers_are_is_named() -> None:
    sandbox = sandbox_of(assignments=1)
    now = [0.0]

    def half_a_second_later(_: Any) -> None:
        now[0] += 0.5

    survey = surveyed(
        sandbox,
        only=["zones"],
        stages=["access", "a page of each list"],
        before_each=half_a_second_later,
        clock=lambda: now[0],
    )
    _, text, switches = found(survey)["answers_within_100_s"]
    assert switches == {"fault_latency": 1.0}
    assert "zones: median 0.5 s, longest 0.5 s" in text


def test_a_low_limit_of_calls_is_named() -> None:
    now = [0.0]

    def a_quarter_later(_: Any) -> None:
        now[0] += 0.25

    survey = surveyed(
        sandbox_of(
            assignments=1, faults=Faults(requests_per_second=2, wait=1), timer=lambda: now[0]
        ),
        only=["zones"],
        stages=["access", "a page of each list", "what counts"],
        before_each=a_quarter_later,
        clock=lambda: now[0],
    )
    switches = found(survey)["sixty_a_second"][2]
    assert switches["fault_requests_per_second"] == 2


@pytest.mark.parametrize(
    ("kind", "fact", "part"),
    [
        ("rate_limited", "sixty_a_second", "2 calls were refused"),
        ("server_error", "failures_pass", "server errors: 1"),
        ("maintenance", "failures_pass", "answers that tell of maintenance: 1"),
        ("not_json", "failures_pass", "answers that are not JSON: 1"),
        ("revoked", "failures_pass", "tokens refused before their time: 1"),
        ("cut_short", "failures_pass", "broken connections: 1"),
        ("reset", "failures_pass", "broken connections: 1"),
        ("drip", "failures_pass", "answers that came in pieces: "),
        ("no_scope", "missing_scope_says_so", "1 scope is missing"),
        ("redirect", "hosts_answer_themselves", "1 answer redirects elsewhere"),
    ],
)
def test_what_goes_wrong_is_named(
    served: Sandbox, tap: Command, kind: Any, fact: str, part: str
) -> None:
    served.faults = Faults(
        rate=1,
        kinds=(kind,),
        on="teams",
        at_most=2 if kind == "rate_limited" else 1,
        wait=0,
        drip_seconds=1,
    )
    settings = {"environment": "sandbox", "api_url": served.url}
    run = tap.run(settings, None, tap.discover("teams", **settings), "--survey=json")
    [told] = [each for each in json.loads(run.stdout)["facts"] if each["name"] == fact]
    assert part in told["seen"], told
    alike = {"cut_short": "reset"}.get(kind, kind)
    assert fact != "failures_pass" or told["sandbox"]["fault_kinds"] == [alike]


@pytest.mark.no_cover
@pytest.mark.parametrize("skew", [900, -7_200])
def test_a_clock_that_is_wrong_is_named(skew: int) -> None:
    # Of a sandbox that begins so: one that is set back stands still until the time has caught up
    survey = surveyed(sandbox_of(assignments=1, clock=lambda: NOON + timedelta(seconds=skew)))
    outcome, text, switches = found(survey)["clocks_agree"]
    assert (outcome, switches) == ("otherwise", {"fault_clock_skew": skew})
    assert text == (
        "the API's is 15 min ahead of this machine's"
        if skew > 0
        else "the API's is 2 h behind this machine's"
    )


@pytest.mark.parametrize(("tied", "told"), [(150, "1 of 2 pages"), (1, "0 of 2 pages")])
def test_ties_at_the_ends_of_pages_are_counted(tied: int, told: str) -> None:
    behaviour = Behaviour(tied_rows=tied, largest_page=50)
    survey = surveyed(sandbox_of(behaviour), only=["appointment_assignments"], stages=IN_ORDER)
    assert f"{told} end in a tie" in found(survey)["few_share_ten_seconds"][1]


def test_each_kind_of_fault_is_named() -> None:
    [mark] = [
        each for each in test_what_goes_wrong_is_named.pytestmark if each.name == "parametrize"
    ]
    assert {case[0] for case in mark.args[1]} == {*KINDS}


def test_every_switch_has_a_fact() -> None:
    of_facts = {switch for fact in FACTS for switch in fact.switches}
    assert of_facts == {field.name for field in fields(Behaviour)}


def test_every_fact_rests_on_questions_that_are_asked(usual: Survey) -> None:
    for finding in usual.findings:
        if finding.fact.questions and finding.fact.name not in UNASKED:
            assert finding.calls, finding.fact.name


UNASKED = {
    "bad_app_key_is_told",
    "bad_secret_is_invalid_client",
    "ids_may_collide",
    "token_serves_group",
}
"""Facts whose questions are never asked, only if that is asked for, or in a group."""


OF_ORDERS = (
    "access",
    "a page of each list",
    "orders by time",
    "other orders",
    "orders of the other lists",
)
THIRTY = frozenset(f"{path}=30" for path in SORTED)


def orders_of(sort_ignored: frozenset[str]) -> tuple[Survey, list[str]]:
    """Return a survey of how lists are sorted, and what it asked for: lists and orders."""
    asked: list[str] = []

    def note(request: Any) -> None:
        parts = urlsplit(request.url)
        if sort := parse_qs(parts.query).get("sort"):
            asked.append(f"{parts.path.rpartition('/')[2]}:{sort[0]}")

    (obeyed,) = (fact for fact in FACTS if fact.name == "sort_is_obeyed")
    survey = surveyed(
        sandbox_of(Behaviour(rows=THIRTY, sort_ignored=sort_ignored)),
        stages=OF_ORDERS,
        facts=[obeyed],
        before_each=note,
    )
    return survey, asked


TOLD = [
    (path, key)
    for path in SORTED
    for key in ("Id", "CreatedOn", "ModifiedOn")
    if (path, key) != ("technician-skills", "CreatedOn")
]
"""All but one: the sandbox's skills were all created at one time, so no order shows."""


@pytest.mark.parametrize(("path", "key"), TOLD)
def test_each_list_that_ignores_a_sort_is_named(path: str, key: str) -> None:
    survey, _ = orders_of(frozenset({f"{path}:{key}"}))
    assert named(survey, "sort_ignored") == [f"{path}:{key}"]
    assert survey.findings[0].seen == f"{path} by {key} not"


def test_several_lists_that_ignore_a_sort_are_named() -> None:
    ignored = frozenset({"zones:Id", "teams:Id", "teams:CreatedOn"})
    survey, _ = orders_of(ignored)
    assert set(named(survey, "sort_ignored")) == ignored


def test_each_list_is_asked_for_each_order_up_and_down() -> None:
    survey, asked = orders_of(frozenset())
    orders = {sign + key for key in ("Id", "CreatedOn", "ModifiedOn") for sign in "+-"}
    assert set(asked) == {f"{path}:{order}" for path in SORTED for order in orders}
    (finding,) = survey.findings
    assert finding.seen == "by CreatedOn (5 lists), Id (6 lists), ModifiedOn (6 lists)"


def test_no_order_is_guessed_at_where_all_rows_have_one_time() -> None:
    survey, _ = orders_of(frozenset({"technician-skills:CreatedOn"}))
    assert named(survey, "sort_ignored") == []
    assert "CreatedOn (5 lists)" in survey.findings[0].seen


def test_lists_too_short_to_tell_are_not_asked_in_other_orders() -> None:
    survey = surveyed(
        sandbox_of(Behaviour(rows=frozenset({"zones=3"}))),
        only=["zones"],
        stages=OF_ORDERS,
    )
    assert survey.calls == 4


def test_the_orders_of_other_lists_leave_calls_for_the_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "MOST_CALLS", 24)
    asked: list[str] = []
    survey = surveyed(
        sandbox_of(assignments=1),
        only=["zones", "teams"],
        stages=["access", "a page of each list", "orders of the other lists", "tokens"],
        before_each=lambda request: asked.append(str(request.url)),
    )
    orders = sum("sort=%2BCreatedOn" in url or "sort=-" in url for url in asked)
    assert (orders, survey.ended) == (5, "")

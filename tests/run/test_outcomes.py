"""How far a failure reaches: no wider than what the run has seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tap_servicetitan_dispatch.client.failures import FAILURES, ApiError, Kind, NoTokenError
from tap_servicetitan_dispatch.errors import AnswerError, StateError
from tap_servicetitan_dispatch.run.outcomes import FAILED, UNCONNECTED, Outcomes
from tap_servicetitan_dispatch.settings.tenants import Tenant
from tap_servicetitan_dispatch.walks import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan_dispatch.errors import Reach

NORTH, SOUTH = Tenant(1, is_of_group=True), Tenant(2, is_of_group=True)
WIDE = [kind for kind, failure in FAILURES.items() if failure.reach != "stream"]
OF_TOKEN = [kind for kind in WIDE if FAILURES[kind].from_token_endpoint]
OF_TENANT = [kind for kind in WIDE if FAILURES[kind].reach == "tenant" and kind not in OF_TOKEN]


@dataclass
class Ledger:
    """A ledger whose clock a test advances."""

    outcomes: Outcomes = field(default_factory=Outcomes)
    now: float = 0.0

    def begin(self, stream: str, tenant: Tenant = NORTH) -> Iterator[Page]:
        """Begin a walk; each `next` of it is an answer, a second later."""
        outcome = self.outcomes.of(stream, tenant)
        outcome.timer = lambda: self.now
        walk = outcome.watched(self._pages())
        next(walk)  # the first answer of each is before all that a test looks at
        outcome.pages = 0
        return walk

    def _pages(self) -> Iterator[Page]:
        while True:
            self.now += 1
            yield Page([])

    def fail_an_attempt(self, stream: str, tenant: Tenant = NORTH) -> None:
        self.outcomes.of(stream, tenant).tally.add_retry(0, self.now)

    def reach(self, kind: Kind, stream: str = "zones", *, shares: bool = False) -> Reach:
        error = ApiError(kind, request="GET /zones")
        outcome = self.outcomes.of(stream, NORTH)
        return self.outcomes.fail(outcome, error, shares_credentials=shares)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.mark.parametrize("kind", [kind for kind in FAILURES if kind not in WIDE])
def test_what_is_of_a_stream_stays_there_whatever_else_fails(ledger: Ledger, kind: Kind) -> None:
    ledger.begin("teams")
    ledger.fail_an_attempt("teams")
    ledger.begin("zones")
    assert ledger.reach(kind) == "stream"


@pytest.mark.parametrize("kind", sorted(UNCONNECTED))
def test_where_no_call_can_be_sent_nothing_else_is_read(ledger: Ledger, kind: Kind) -> None:
    ledger.begin("teams", SOUTH)
    ledger.begin("zones")
    assert ledger.reach(kind) == "all"


@pytest.mark.parametrize("kind", WIDE)
def test_somebody_who_was_answered_meanwhile_is_proof_that_it_is_not_everything(
    ledger: Ledger, kind: Kind
) -> None:
    ledger.begin("zones")
    next(ledger.begin("teams"))
    assert ledger.reach(kind) == "stream"


@pytest.mark.parametrize("kind", sorted(UNCONNECTED))
def test_who_was_answered_before_is_none(ledger: Ledger, kind: Kind) -> None:
    zones, teams = ledger.begin("zones"), ledger.begin("teams")
    next(teams)
    next(zones)
    assert ledger.reach(kind) == "all"


@pytest.mark.parametrize("kind", OF_TENANT)
def test_a_tenant_is_given_up_once_two_of_its_streams_fail(ledger: Ledger, kind: Kind) -> None:
    for stream in ("zones", "teams", "technician_shifts"):
        ledger.begin(stream)
    assert ledger.reach(kind) == "stream", "alone it proves nothing"
    assert ledger.reach(kind, "teams") == "tenant"
    [left] = ledger.outcomes.those("technician_shifts")
    assert (left.result, left.reason) == (FAILED, ledger.outcomes.of("teams", NORTH).reason)


@pytest.mark.parametrize("kind", OF_TENANT)
def test_another_tenant_that_fails_is_no_proof(ledger: Ledger, kind: Kind) -> None:
    ledger.begin("zones")
    ledger.begin("teams", SOUTH)
    ledger.fail_an_attempt("teams", SOUTH)
    assert ledger.reach(kind) == "stream"


def test_a_network_is_given_up_once_other_tenants_fail_too(ledger: Ledger) -> None:
    others = [Tenant(number, is_of_group=True) for number in (3, 4, 5)]
    for tenant in (NORTH, *others):
        ledger.begin("zones", tenant)
    reached = [ledger.reach(Kind.CONNECTION_LOST)]
    for tenant in others[:2]:
        ledger.fail_an_attempt("zones", tenant)
        reached.append(ledger.reach(Kind.CONNECTION_LOST))
    assert reached == ["stream", "stream", "all"]


def test_other_streams_of_the_same_tenant_are_no_proof_of_the_network(ledger: Ledger) -> None:
    for tenant in (NORTH, SOUTH, Tenant(3, is_of_group=True), Tenant(4, is_of_group=True)):
        ledger.begin("zones", tenant)
    ledger.begin("teams")
    ledger.fail_an_attempt("teams")
    ledger.fail_an_attempt("zones", SOUTH)
    assert ledger.reach(Kind.CONNECTION_LOST) == "stream"


def test_all_tenants_there_are_will_do_if_they_are_few(ledger: Ledger) -> None:
    ledger.begin("zones")
    ledger.begin("zones", SOUTH)
    assert ledger.reach(Kind.CONNECTION_LOST) == "stream"
    ledger.fail_an_attempt("zones", SOUTH)
    assert ledger.reach(Kind.CONNECTION_LOST) == "all"


def test_a_single_tenant_is_given_up_once_two_of_its_streams_fail(ledger: Ledger) -> None:
    ledger.begin("zones")
    assert ledger.reach(Kind.CONNECTION_LOST) == "stream"
    ledger.begin("teams")
    ledger.fail_an_attempt("teams")
    assert ledger.reach(Kind.CONNECTION_LOST) == "all"


def test_an_attempt_that_was_got_over_is_no_failure(ledger: Ledger) -> None:
    teams = ledger.begin("teams")
    ledger.fail_an_attempt("teams")
    next(teams)
    ledger.begin("zones")
    assert ledger.reach(Kind.TIMED_OUT) == "stream"


@pytest.mark.parametrize(("shares", "reach"), [(True, "all"), (False, "tenant")])
@pytest.mark.parametrize("kind", [*OF_TOKEN, Kind.CONNECTION_LOST])
def test_without_a_token_nothing_is_read_of_those_who_share_it(
    ledger: Ledger, kind: Kind, reach: Reach, *, shares: bool
) -> None:
    next(ledger.begin("teams"))
    error = NoTokenError(ApiError(kind, request="POST /connect/token"))
    outcome = ledger.outcomes.of("zones", NORTH)
    assert ledger.outcomes.fail(outcome, error, shares_credentials=shares) == reach


@pytest.mark.parametrize(
    ("error", "reach"),
    [(AnswerError("odd"), "stream"), (StateError("odd"), "stream"), (KeyError("a bug"), "all")],
)
def test_what_does_not_come_from_a_call(ledger: Ledger, error: Exception, reach: Reach) -> None:
    outcome = ledger.outcomes.of("zones", NORTH)
    assert ledger.outcomes.fail(outcome, error, shares_credentials=True) == reach


def test_a_single_tenant_is_everything(ledger: Ledger) -> None:
    alone = Tenant(1)
    error = NoTokenError(ApiError(Kind.INVALID_CLIENT, request="POST /connect/token"))
    outcome = ledger.outcomes.of("zones", alone)
    assert ledger.outcomes.fail(outcome, error, shares_credentials=False) == "all"


def test_an_answer_to_another_at_the_same_moment_is_evidence_against_a_wider_reach(
    ledger: Ledger,
) -> None:
    ledger.begin("zones")
    teams = ledger.begin("teams", SOUTH)
    next(teams)
    ledger.outcomes.of("zones", NORTH)._heard_at = ledger.now  # noqa: SLF001 - the same moment
    assert ledger.reach(Kind.NO_CONNECTION) == "stream"

"""What does not pass ends the run in one line, and the next run makes up for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.sandbox import Faults
from tests.support.runs import assert_fails
from tests.support.streams import ALL_STREAMS

if TYPE_CHECKING:
    from tap_servicetitan_dispatch.sandbox.faults.options import Kind
    from tests.faults.victim import Victim
    from tests.support.runs import Run

pytestmark = pytest.mark.no_cover

FEED = "appointment_assignments"
SAID: dict[Kind, str] = {
    "rate_limited": "the API's rate limit is used up",
    "server_error": "the API answered with a server error",
    "maintenance": "ServiceTitan is under maintenance",
    "cut_short": "the connection was lost",
    "reset": "the connection was lost",
    "not_json": "the answer is not JSON",
    "revoked": "the API rejected a token that it had just issued",
    "no_scope": "the application lacks a scope that this stream needs",
    "redirect": "the server redirects elsewhere",
}
OF_THE_TOKEN_ENDPOINT: tuple[Kind, ...] = (
    "rate_limited",
    "server_error",
    "cut_short",
    "reset",
    "not_json",
    "redirect",
)


def for_good(kind: Kind, **more: Any) -> Faults:
    return Faults(rate=1, kinds=(kind,), **more)


def ids_of_the_feed(run: Run) -> set[int]:
    found = [each for each in run.messages if each["type"] == "RECORD" and each["stream"] == FEED]
    return {each["record"]["id"] for each in found}


@pytest.mark.parametrize("kind", SAID)
def test_what_stays_ends_the_run_in_one_line_with_the_bookmark_safe(
    victim: Victim, kind: Kind
) -> None:
    faults = for_good(kind, on="export/", spare_first=2)
    stopped = victim.run(faults, FEED, "teams", max_retries=2)
    assert_fails(stopped, f"{FEED}: {SAID[kind]}")
    before = ids_of_the_feed(stopped)
    assert before, "the pages before it came through"
    tries = {"no_scope": 1, "redirect": 1, "revoked": 2}.get(kind, 3)
    assert sum(call.fault == kind for call in victim.calls) == tries

    resumed = victim.run(Faults(), FEED, "teams", resume=True)
    assert resumed.exit_code == 0
    read_again = before & ids_of_the_feed(resumed)
    assert not read_again, "the bookmark stands for all pages that came through"
    victim.assert_loaded(FEED, "teams")


@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_a_stream_whose_scope_was_taken_away_is_named(victim: Victim, stream: str) -> None:
    run = victim.run(for_good("no_scope"), stream)
    assert_fails(run, f"{stream}: {SAID['no_scope']}")
    assert "Scope validation failed: tn.dis." in run.errors[0]


@pytest.mark.parametrize("kind", OF_THE_TOKEN_ENDPOINT)
def test_a_token_endpoint_that_gives_no_token_ends_the_run_in_one_line(
    victim: Victim, kind: Kind
) -> None:
    run = victim.run(for_good(kind, on="/connect/token"), FEED, max_retries=2)
    assert_fails(run, SAID[kind])
    assert run.records == []


def test_what_fails_in_one_stream_leaves_the_bookmarks_of_those_before_it(
    victim: Victim,
) -> None:
    run = victim.run(for_good("no_scope", on="/zones"))
    assert_fails(run, "zones: ")
    stored = run.states[-1]["bookmarks"]
    assert stored[FEED]["replication_key_value"]
    resumed = victim.run(Faults(), resume=True)
    assert resumed.exit_code == 0
    victim.assert_loaded()


def test_credentials_do_not_follow_a_redirect(victim: Victim) -> None:
    run = victim.run(for_good("redirect"), FEED)
    assert_fails(run, SAID["redirect"])
    assert "elsewhere.example" not in run.stdout
    assert sum(call.fault == "redirect" for call in victim.calls) == 1

"""What passes is got through: every row arrives, in one run."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain, count, repeat
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from typing_extensions import override

from tap_servicetitan_dispatch.client import http
from tap_servicetitan_dispatch.client.http import Http
from tap_servicetitan_dispatch.sandbox import Faults
from tests.faults.victim import AGAIN_AND_AGAIN, MANY_RETRIES
from tests.support.caller import START
from tests.support.streams import ALL_STREAMS

if TYPE_CHECKING:
    import requests

    from tap_servicetitan_dispatch.client.answers import Answer
    from tap_servicetitan_dispatch.sandbox.faults.options import Body, Kind, RetryAfter
    from tests.faults.victim import Victim

pytestmark = pytest.mark.no_cover

FEED = "appointment_assignments"


@pytest.mark.parametrize("kind", AGAIN_AND_AGAIN)
def test_every_stream_gets_through_a_fault_that_passes(victim: Victim, kind: Kind) -> None:
    faults = Faults(rate=0.25, kinds=(kind,), drip_seconds=0.02)
    run = victim.run(faults, max_retries=MANY_RETRIES)
    assert run.exit_code == 0, run.stderr
    assert run.errors == []
    assert sum(call.fault == kind for call in victim.calls) >= 5
    victim.assert_loaded()


def test_every_stream_gets_through_all_of_them_at_once(victim: Victim) -> None:
    faults = Faults(rate=0.3, kinds=AGAIN_AND_AGAIN, drip_seconds=0.02, latency=0.01)
    run = victim.run(faults, max_retries=MANY_RETRIES)
    assert run.exit_code == 0, run.stderr
    assert len({call.fault for call in victim.calls}) > 4
    victim.assert_loaded()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", ["json", "html", "empty"])
def test_a_server_error_passes_whatever_its_body(victim: Victim, status: int, body: Body) -> None:
    faults = Faults(
        rate=1,
        kinds=("server_error",),
        statuses=(status,),  # type: ignore[arg-type]  # one of them
        bodies=(body,),
        spare_first=2,
        at_most=3,
    )
    run = victim.run(faults, FEED)
    assert run.exit_code == 0, run.stderr
    assert [call.status for call in victim.calls if call.fault] == [status] * 3
    assert len(victim.waits) == 3
    victim.assert_loaded(FEED)


@pytest.mark.parametrize("said", ["seconds", "date", "missing"])
@pytest.mark.parametrize("minutes_ahead", [0, 3, 60, -60])
def test_a_429_is_waited_for_as_long_as_it_says_whatever_the_tap_takes_the_time_to_be(
    victim: Victim, said: RetryAfter, minutes_ahead: int
) -> None:
    faults = Faults(rate=1, kinds=("rate_limited",), retry_after=(said,), spare_first=1, at_most=1)
    with time_machine.travel(START + timedelta(minutes=minutes_ahead), tick=True):
        run = victim.run(faults, "arrival_windows")
    assert run.exit_code == 0, run.stderr
    assert victim.waits == [pytest.approx(50, abs=5)]


def test_a_request_that_drips_for_longer_than_the_time_out_is_sent_again(
    victim: Victim, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests_sent = count(1)

    class HurriedHttp(Http):
        """Its clock shows the end of the time-out once the third answer has begun to come."""

        def __init__(self, timeout_seconds: float) -> None:
            super().__init__(timeout_seconds)
            begun = chain([0.0, 0.0], repeat(timeout_seconds))
            self._of_third = Http(timeout_seconds, lambda: next(begun))

        @override
        def exchange(self, request: requests.Request, **more: Any) -> Answer:
            if next(requests_sent) == 3:
                return self._of_third.exchange(request, **more)
            return super().exchange(request, **more)

    monkeypatch.setattr(http, "Http", HurriedHttp)
    dripping = Faults(rate=1, kinds=("drip",), spare_first=2, at_most=1, drip_seconds=300)
    run = victim.run(dripping, FEED)
    assert run.exit_code == 0, run.stderr
    assert len(victim.waits) == 1
    victim.assert_loaded(FEED)


@pytest.mark.parametrize("spared", range(1, 6))
def test_a_token_that_is_revoked_at_any_request_is_renewed_and_the_request_sent_again(
    victim: Victim, spared: int
) -> None:
    revoked = Faults(rate=1, kinds=("revoked",), spare_first=spared, at_most=1)
    run = victim.run(revoked, FEED)
    assert run.exit_code == 0, run.stderr
    asked_for_tokens = [call for call in victim.calls if call.path.endswith("/token")]
    assert len(asked_for_tokens) == 2
    assert victim.waits == []
    victim.assert_loaded(FEED)


def test_a_clock_that_is_wrong_loses_no_row(victim: Victim) -> None:
    for hours in (0, 7):
        run = victim.run(Faults(clock_skew=hours * 3600), resume=True)
        assert run.exit_code == 0, run.stderr
    victim.assert_loaded(*set(ALL_STREAMS) - {"technician_tracking"})

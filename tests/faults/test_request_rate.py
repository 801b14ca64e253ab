"""Each request that the API sees has waited for its turn, whichever thread sends it, each time.

How far the turns are apart is tested in `tests/test_rate_limiter.py`.
"""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING

import pytest

from tap_servicetitan_dispatch.client import client
from tap_servicetitan_dispatch.client.rate_limiter import RateLimiter
from tap_servicetitan_dispatch.sandbox import Faults
from tests.faults.victim import AGAIN_AND_AGAIN, MANY_RETRIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.victim import Victim

pytestmark = pytest.mark.no_cover


class Turns:
    """Makes the rate limiters of the tap, and counts the turns that they give.

    Attributes:
        limits: Of the limiters that were made.
        given: The wait for each turn.
    """

    def __init__(self) -> None:
        self.limits: list[int] = []
        self.given: list[float] = []

    def limiter(self, limit: int, *_: object) -> RateLimiter:
        """Return a limiter whose turns come at once: a second passes each time it looks."""
        given = self.given

        class Limiter(RateLimiter):
            def wait(self) -> float:
                given.append(super().wait())
                return given[-1]

        self.limits.append(limit)
        return Limiter(limit, clock=count().__next__, sleep=time.sleep)


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    turns = Turns()
    monkeypatch.setattr(client, "RateLimiter", turns.limiter)
    return turns


@pytest.fixture
def timer(turns: Turns) -> Callable[[], float]:
    """The sandbox notes of each request how many turns had been given when it came."""
    return lambda: len(turns.given)


def test_each_request_has_waited_for_its_turn_over_all_threads_and_retries_included(
    victim: Victim, turns: Turns
) -> None:
    run = victim.run(
        Faults(rate=0.3, kinds=AGAIN_AND_AGAIN, drip_seconds=0.01),
        max_requests_per_second=60,
        max_retries=MANY_RETRIES,
        max_concurrent_requests=20,
        page_size=10,
    )
    assert run.exit_code == 0, run.stderr
    calls = [call for call in victim.calls if call.path.startswith("/dispatch/")]
    assert sum(call.fault is not None for call in calls) > len(calls) / 6
    assert turns.limits == [60]
    assert len(turns.given) == len(calls)
    turns_given = sorted(call.received_at for call in calls)
    assert all(come <= given for come, given in enumerate(turns_given, start=1))

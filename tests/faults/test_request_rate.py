"""The tap sends no more requests a second than it may, as the server sees it."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import pytest

from tap_servicetitan_dispatch.sandbox import Faults
from tests.faults.victim import AGAIN_AND_AGAIN

if TYPE_CHECKING:
    from tests.faults.victim import Victim

# A request is counted when it may be sent, and seen when it has arrived. In between, a thread may
# have to wait for its turn on a busy machine: requests that were sent a second apart are believed
# to arrive at least this far apart.
WINDOW_SECONDS = 0.8


def most_within(instants: list[float], seconds: float) -> int:
    """Return how many of some instants lie within so many seconds, at most."""
    instants = sorted(instants)
    return max(
        bisect_left(instants, begin + seconds) - index for index, begin in enumerate(instants)
    )


@pytest.mark.parametrize(("allowed", "page_size"), [(25, 40), (60, 10)])
def test_the_request_rate_is_kept_over_all_threads_and_retries_included(
    victim: Victim, allowed: int, page_size: int
) -> None:
    run = victim.run(
        Faults(rate=0.3, kinds=AGAIN_AND_AGAIN, drip_seconds=0.01),
        max_requests_per_second=allowed,
        max_concurrent_requests=20,
        page_size=page_size,
    )
    assert run.exit_code == 0, run.stderr
    calls = [call for call in victim.calls if call.path.startswith("/dispatch/")]
    assert len(calls) > 1.5 * allowed, "enough of them for the limit to matter"
    assert sum(call.fault is not None for call in calls) > len(calls) / 6
    assert most_within([call.received_at for call in calls], WINDOW_SECONDS) <= allowed


def test_the_busiest_window_is_found_wherever_it_begins() -> None:
    assert most_within([0, 0.5, 0.9, 1.2, 1.25, 3], 0.8) == 4
    assert most_within([0, 0.8], 0.8) == 1

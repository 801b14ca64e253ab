"""No more calls in any second than allowed, whatever the clock and the threads do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from tap_servicetitan_dispatch.client.rate_limiter import RateLimiter

# Parts of a second that add up exactly
SECONDS = st.integers(0, 2_048).map(lambda part: part / 1_024)


@dataclass
class Clock:
    """A clock that a test moves, and that sleeping moves.

    Attributes:
        oversleeps: How much later than asked somebody wakes up, each time.
    """

    now: float = 1_000_000
    oversleeps: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds + (self.oversleeps.pop() if self.oversleeps else 0)


def went(limit: int, clock: Clock, pauses: list[float]) -> list[float]:
    """Return when calls went, each of which came so many seconds after the one before had gone."""
    limiter = RateLimiter(limit, clock, clock.sleep)
    instants = []
    for pause in pauses:
        clock.now += pause
        limiter.wait()
        instants.append(clock.now)
    return instants


@given(
    limit=st.integers(1, 4),
    pauses=st.lists(SECONDS, max_size=30),
    oversleeps=st.lists(SECONDS, max_size=30),
)
def test_no_second_has_more_calls_than_allowed(
    limit: int, pauses: list[float], oversleeps: list[float]
) -> None:
    instants = went(limit, Clock(oversleeps=oversleeps), pauses)
    for first, one_too_many in zip(instants, instants[limit:], strict=False):
        assert one_too_many - first >= 1


@given(limit=st.integers(1, 4), pauses=st.lists(SECONDS, max_size=30))
def test_no_call_waits_longer_than_it_has_to(limit: int, pauses: list[float]) -> None:
    clock = Clock()
    now, expected = clock.now, [float("-inf")] * limit
    for pause in pauses:
        now = max(now + pause, expected[-limit] + 1)
        expected.append(now)
    assert went(limit, clock, pauses) == expected[limit:]


def test_the_wait_is_told() -> None:
    clock = Clock()
    limiter = RateLimiter(2, clock, clock.sleep)
    assert [limiter.wait() for _ in range(5)] == [0, 0, 1, 0, 1]


def test_all_threads_together_have_no_more_than_allowed() -> None:
    class TooFastError(Exception):
        pass

    def sleep(_: float) -> None:
        raise TooFastError

    limiter = RateLimiter(60, clock=lambda: 0, sleep=sleep)
    with ThreadPoolExecutor(20) as threads:
        calls = [threads.submit(limiter.wait) for _ in range(200)]
    assert [type(call.exception()) for call in calls].count(TooFastError) == 140

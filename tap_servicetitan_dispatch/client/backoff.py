"""Back-off: which calls wait before a request is sent again, and how long."""

from __future__ import annotations

import logging
import re
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random,
    wait_random_exponential,
)

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.client.failures import ApiError, NoTokenError
from tap_servicetitan_dispatch.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tenacity import RetryCallState

    from tap_servicetitan_dispatch.tally import Log

Result = TypeVar("Result")

_WAIT_IN_TEXT = re.compile(r"try again in (\d+(?:\.\d+)?) (second|minute)", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,9}(\.\d+)?")
_SECONDS_IN = {"second": 1, "minute": 60}
LONGEST_WAIT_SECONDS = 600
LONG_WAIT_SECONDS = 5
_jitter: Callable[[RetryCallState], float] = wait_random_exponential(multiplier=1, max=60)
_spread: Callable[[RetryCallState], float] = wait_random(0, 1)


def asked_wait(headers: Mapping[str, str], body: str) -> float | None:
    """Return the seconds that an answer asks us to wait, or nothing if it does not.

    `Retry-After` is a number of seconds, or an HTTP date, which is compared with the answer's own
    `Date`, as the clock of this machine may be wrong. The header is often missing, so the text of
    the body counts too ("Try again in 50 seconds.").
    """
    header = headers.get("Retry-After", "").strip()
    if _NUMBER.fullmatch(header):
        return float(header)
    date, now = instants.http_date(header), instants.http_date(headers.get("Date", ""))
    if date and now:
        return max(0.0, (date - now).total_seconds())
    found = _WAIT_IN_TEXT.search(body)
    return float(found[1]) * _SECONDS_IN[found[2].lower()] if found else None


class Backoff:
    """Repeats calls after passing failures.

    Args:
        max_retries: How often.
        sleep: Waits for a number of seconds; an error that it raises ends the wait.
    """

    def __init__(self, max_retries: int, sleep: Callable[[float], Any] = time.sleep) -> None:
        self.sleep = sleep
        self._retrying = Retrying(
            stop=stop_after_attempt(max_retries + 1),
            retry=retry_if_exception(is_worth_retrying),
            wait=_wait,
            reraise=True,
        )

    def call(
        self,
        function: Callable[[], Result],
        after_wait: Callable[[float], object],
        logger: Log = logger,
    ) -> Result:
        """Return the result of a function, which is called again after passing failures.

        Args:
            function: Sends a request.
            after_wait: Called with the seconds of each wait, after it.
            logger: Logs each wait.

        Raises:
            ApiError: It failed for good, or too often.
        """

        def sleep(seconds: float) -> None:
            self.sleep(seconds)
            after_wait(seconds)

        announce = partial(_announce, logger)
        return self._retrying.copy(sleep=sleep, before_sleep=announce)(function)


class SharedWait:
    """Keeps all calls of a tenant waiting while the API has asked one of them to wait.

    Its lock guards the end of the wait.

    Args:
        sleep: Waits for a number of seconds; an error that it raises ends the wait.
        clock: Monotonic clock, in seconds.
    """

    def __init__(self, sleep: Callable[[float], Any], clock: Callable[[], float]) -> None:
        self._sleep = sleep
        self._clock = clock
        self._lock = threading.Lock()
        self._ends_at = 0.0

    def extend(self, seconds: float) -> None:
        """Keep calls waiting for this long from now on, unless they already have to wait longer."""
        with self._lock:
            self._ends_at = max(self._ends_at, self._clock() + seconds)

    @property
    def seconds_left(self) -> float:
        """How long calls have to wait; 0 if they do not."""
        with self._lock:
            return max(0.0, self._ends_at - self._clock())

    def wait(self) -> float:
        """Wait until calls may be sent; return the seconds that it took."""
        waited = 0.0
        while seconds := self.seconds_left:
            self._sleep(seconds)
            waited += seconds
        return waited


def is_worth_retrying(error: BaseException) -> bool:
    """Return whether a request with this failure may be sent again after a wait."""
    return (
        isinstance(error, ApiError)
        and not isinstance(error, NoTokenError)
        and error.failure.retried
        and (error.wait_seconds or 0) <= LONGEST_WAIT_SECONDS
    )


def _wait(attempt: RetryCallState) -> float:
    """Return the seconds until the next try: as the API asks, or a random, growing time.

    A little is added to the time that the API asks for, so that threads do not all return at once.
    """
    asked = _error_of(attempt).wait_seconds
    return _jitter(attempt) if asked is None else asked + _spread(attempt)


def _announce(logger: Log, attempt: RetryCallState) -> None:
    error = _error_of(attempt)
    assert attempt.next_action is not None  # noqa: S101 - set before every sleep
    seconds = attempt.next_action.sleep
    level = logging.WARNING if seconds >= LONG_WAIT_SECONDS else logging.INFO
    logger.log(
        level,
        "%s (%s: %s). Waiting %.1f s before try %d.",
        error.failure.meaning[:1].upper() + error.failure.meaning[1:],
        error.request,
        error.detail,
        seconds,
        attempt.attempt_number + 1,
    )


def _error_of(attempt: RetryCallState) -> ApiError:
    error = attempt.outcome.exception() if attempt.outcome else None
    assert isinstance(error, ApiError)  # noqa: S101 - nothing else is retried
    return error

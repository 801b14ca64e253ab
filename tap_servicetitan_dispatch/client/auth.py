"""The token that every call carries.

ServiceTitan issues tokens of 900 seconds for a client ID and secret, without refresh tokens, and
limits the token endpoint separately. So tenants with the same pair share a token, until the API
refuses it for one of them. All threads share a tenant's token.
"""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.client.failures import ApiError, Kind, NoTokenError
from tap_servicetitan_dispatch.log.redaction import SECRETS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_servicetitan_dispatch.client.backoff import Backoff

RENEW_BEFORE_END_SECONDS = 60
FRESH_SECONDS = 30
DEFAULT_LIFETIME_SECONDS = 900
LONGEST_LIFETIME_SECONDS = 86_400
_WORD = re.compile(r"[!-~]+")


class TokenSource:
    """The current token, fetched if there is none that lasts.

    One thread asks the token endpoint, and asks again after a passing failure. All other threads
    that need a token wait for the result. If the endpoint gives no token, it is not asked again.
    The lock is held all that time; it guards everything except values that only grow.

    Args:
        fetch: Asks the token endpoint once and returns its answer.
        backoff: How the endpoint is asked again.
        clock: Monotonic clock, in seconds.

    Attributes:
        waited_seconds: Total time of waiting before the endpoint was asked again.
    """

    def __init__(
        self,
        fetch: Callable[[], Mapping[str, Any]],
        backoff: Backoff,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._backoff = backoff
        self._lock = threading.Lock()
        self._token: str | None = None
        self._began_at = self._ends_at = 0.0
        self._failure: BaseException | None = None
        self.waited_seconds = 0.0
        self._secret: tuple[str, ...] = ()

    def current(self) -> str:
        """Return a token that is good for another minute, or for half its life if that is shorter.

        Raises:
            NoTokenError: The token endpoint gave none.
        """
        with self._lock:
            if self._failure is None and (self._token is None or self._clock() >= self._ends_at):
                self._renew()
            if isinstance(self._failure, ApiError):
                raise NoTokenError(self._failure)
            if self._failure is not None:
                raise self._failure
            assert self._token is not None  # noqa: S101 - for the type checker
            return self._token

    def drop(self, token: str) -> None:
        """Drop a token that the API rejected, unless another thread has already replaced it."""
        with self._lock:
            if self._token == token:
                self._token = None

    def is_fresh(self, token: str) -> bool:
        """Return whether a token was issued just now, so that it cannot have expired."""
        with self._lock:
            return self._token == token and self._clock() - self._began_at < FRESH_SECONDS

    def _renew(self) -> None:
        try:
            self._backoff.call(self._ask, self._count_wait)
        except BaseException as error:  # noqa: BLE001 - raised for each that waits for a token
            self._failure = error

    def _ask(self) -> None:
        asked_at = self._clock()
        answer = self._fetch()
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not _WORD.fullmatch(token):
            raise ApiError(Kind.TOKEN_REFUSED, request="POST token", detail="no access_token in it")
        lifetime = answer.get("expires_in")
        if type(lifetime) is not int or lifetime <= 0:  # true is an int, too
            lifetime = DEFAULT_LIFETIME_SECONDS
        lifetime = min(lifetime, LONGEST_LIFETIME_SECONDS)
        self._keep_secret(token)
        self._token = token
        self._began_at = asked_at
        self._ends_at = asked_at + max(lifetime - RENEW_BEFORE_END_SECONDS, lifetime / 2)

    def _count_wait(self, seconds: float) -> None:
        self.waited_seconds += seconds

    def _keep_secret(self, token: str) -> None:
        """Keep this token and the one before out of all texts: that one may be under way yet."""
        SECRETS.add(token)
        self._secret, worthless = (token, *self._secret[:1]), self._secret[1:]
        for each in worthless:
            SECRETS.discard(each)


class TenantTokens:
    """The tokens of one tenant: those of its group, until the API refuses a fresh one for it.

    Whether one token serves all tenants of a group is unknown. The lock guards the choice of the
    source.

    Args:
        shared: The tokens of all tenants with the same client ID and secret.
        make_own: Returns a source for this tenant alone; nothing if no tenant shares its
            credentials.
    """

    def __init__(
        self, shared: TokenSource, make_own: Callable[[], TokenSource] | None = None
    ) -> None:
        self._source = shared
        self._make_own = make_own
        self._lock = threading.Lock()

    @property
    def most_tries(self) -> int:
        """How often a call may be sent until the last possible token has been tried."""
        return 3 if self._make_own else 2

    @property
    def waited_seconds(self) -> float:
        """Total time of waiting before the token endpoint was asked again."""
        return self._source.waited_seconds

    def current(self) -> str:
        """Return a token that lasts.

        Raises:
            NoTokenError: The token endpoint gave none.
        """
        return self._source.current()

    def refuse(self, token: str) -> None:
        """Note that the API refused a token for this tenant."""
        with self._lock:
            if self._make_own is not None and self._source.is_fresh(token):
                self._source, self._make_own = self._make_own(), None
            else:
                self._source.drop(token)

"""The token that every call carries.

ServiceTitan gives out tokens of 900 seconds for a client id and secret, without refresh tokens, and
throttles the token endpoint on its own. So there is one token a tap, shared by all its threads.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RENEW_BEFORE_END_SECONDS = 60
DEFAULT_LIFETIME_SECONDS = 900
_WORD = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Credentials:
    """What a tenant and an application show to get in; never printed."""

    client_id: str
    client_secret: str = field(repr=False)
    app_key: str = field(repr=False)
    tenant_id: str


class TokenSource:
    """The current token of one tap, fetched when there is none that lasts.

    The lock makes threads that need a new token wait for the one that fetches it; it guards
    `_token` and `_ends_at`.

    Args:
        fetch: Asks the token endpoint once and returns its answer.
        clock: Seconds that only go up.
    """

    def __init__(
        self,
        fetch: Callable[[], Mapping[str, Any]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._ends_at = 0.0

    def current(self) -> str:
        """Return a token that is good for another minute, or half its life if that is shorter.

        Raises:
            ApiError: The token endpoint gave none.
        """
        with self._lock:
            if self._token is None or self._clock() >= self._ends_at:
                self._renew()
            assert self._token is not None  # noqa: S101 - for the type checker
            return self._token

    def drop(self, token: str) -> None:
        """Forget a token that the API rejected, unless another thread has replaced it already."""
        with self._lock:
            if self._token == token:
                self._token = None

    def _renew(self) -> None:
        asked_at = self._clock()
        answer = self._fetch()
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not _WORD.fullmatch(token):
            raise ApiError("token_refused", request="POST token", detail="no access_token in it")
        lifetime = answer.get("expires_in")
        if not isinstance(lifetime, int) or lifetime <= 0:
            lifetime = DEFAULT_LIFETIME_SECONDS
        self._token = token
        self._ends_at = asked_at + max(lifetime - RENEW_BEFORE_END_SECONDS, lifetime / 2)

"""Which request fails, and how."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tap_servicetitan_dispatch.sandbox.api.access import TOKEN_PATH
from tap_servicetitan_dispatch.sandbox.faults.options import Faults, Kind
from tap_servicetitan_dispatch.sandbox.world.chance import Chance

_NOT_FOR_TOKENS: frozenset[Kind] = frozenset({"maintenance", "revoked", "no_scope"})
_API = "/dispatch/"


@dataclass
class _Progress:
    """How far the faults have got since they were set."""

    faults: Faults
    could_fail: int = 0
    failed: int = 0
    answered_at: deque[float] = field(default_factory=deque)


class Switch:
    """The faults that are on; they may be changed while requests come in.

    Args:
        faults: Those that are on at first.
        timer: Returns seconds, and never goes back.
    """

    def __init__(self, faults: Faults, timer: Callable[[], float]) -> None:
        self._progress = _Progress(faults)
        self._timer = timer

    @property
    def faults(self) -> Faults:
        """The faults that are on. Those that are set begin anew, even if they are the same."""
        return self._progress.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._progress = _Progress(faults)

    def draw(self, path: str) -> tuple[Faults, Kind | None, Chance]:
        """Return how the next request fails, if it does, and the chance to take the rest from."""
        progress = self._progress
        faults = progress.faults
        if not path.startswith((_API, TOKEN_PATH)) or faults.on not in path:
            return faults, None, Chance()
        chance = Chance(faults.seed, "fault", progress.could_fail)
        progress.could_fail += 1
        fails, kind = chance.happens(faults.rate), chance.one_of(faults.kinds)
        if (
            fails
            and progress.could_fail > faults.spare_first
            and (faults.at_most is None or progress.failed < faults.at_most)
            and not (path == TOKEN_PATH and kind in _NOT_FOR_TOKENS)
        ):
            progress.failed += 1
            return faults, kind, chance
        return faults, None, chance

    def is_too_fast(self, path: str) -> bool:
        """Return whether a call of the API is one too many within a second; else it counts."""
        progress, now = self._progress, self._timer()
        limit, answered_at = progress.faults.requests_per_second, progress.answered_at
        if limit is None or not path.startswith(_API):
            return False
        while answered_at and answered_at[0] <= now - 1:
            answered_at.popleft()
        if len(answered_at) >= limit:
            return True
        answered_at.append(now)
        return False

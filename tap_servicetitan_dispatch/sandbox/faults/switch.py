"""Decides which request fails, and how."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tap_servicetitan_dispatch.sandbox.api.access import TOKEN_PATH
from tap_servicetitan_dispatch.sandbox.faults.options import Faults, Kind
from tap_servicetitan_dispatch.sandbox.group import tenant_in
from tap_servicetitan_dispatch.sandbox.world.chance import Chance

_NOT_FOR_TOKENS: frozenset[Kind] = frozenset({"maintenance", "revoked", "no_scope"})
_API = "/dispatch/"

Caller = tuple[int | None, str | None]
"""Tenant and app key: each pair has its own limit."""


@dataclass
class _Progress:
    """How far the faults have got since they were set."""

    faults: Faults
    could_fail: int = 0
    failed: int = 0
    answered: deque[tuple[float, Caller]] = field(default_factory=deque)


class Switch:
    """The faults that are on; they may be changed while requests come in.

    Faults of a tenant replace those of all tenants. Setting faults starts them anew, even if they
    are the same.

    Args:
        faults: The initial faults of all tenants.
        timer: Monotonic clock, in seconds.
    """

    def __init__(self, faults: Faults, timer: Callable[[], float]) -> None:
        self._of_all = _Progress(faults)
        self._of_tenant: dict[int, _Progress] = {}
        self._timer = timer

    def _progress(self, tenant_id: int | None) -> _Progress:
        return self._of_tenant.get(tenant_id or 0, self._of_all)

    def faults(self, tenant_id: int | None = None) -> Faults:
        """Return the faults of a tenant, or of all tenants."""
        return self._progress(tenant_id).faults

    def turn(self, faults: Faults | None, tenant_id: int | None = None) -> None:
        """Set the faults of all tenants or of one; with `None` the tenant gets those of all."""
        if tenant_id is None:
            self._of_all = _Progress(faults or Faults())
        elif faults is None:
            self._of_tenant.pop(tenant_id, None)
        else:
            self._of_tenant[tenant_id] = _Progress(faults)

    def draw(self, path: str) -> tuple[Faults, Kind | None, Chance]:
        """Decide by chance whether and how the next request fails."""
        progress = self._progress(tenant_in(path))
        faults = progress.faults
        if not path.startswith((_API, TOKEN_PATH)) or faults.on not in path:
            return Faults(), None, Chance()
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

    def admit(self, path: str, app_key: str | None) -> bool:
        """Count a call of the API; return whether it is within the limit for a second."""
        tenant_id = tenant_in(path)
        progress, now = self._progress(tenant_id), self._timer()
        limit, answered = progress.faults.requests_per_second, progress.answered
        if limit is None or not path.startswith(_API):
            return True
        while answered and answered[0][0] <= now - 1:
            answered.popleft()
        caller = (tenant_id, app_key)
        if sum(other == caller for _, other in answered) >= limit:
            return False
        answered.append((now, caller))
        return True

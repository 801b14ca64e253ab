"""The contractors of one sandbox. Each has its own world, made when it is first asked for."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from threading import Lock
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from tap_servicetitan_dispatch.sandbox.world.chance import Chance
from tap_servicetitan_dispatch.sandbox.world.instants import from_datetime
from tap_servicetitan_dispatch.sandbox.world.tenant import EXPORT_DELAY, Tenant

CREDENTIALS: Mapping[str, str] = MappingProxyType(
    {
        "client_id": "cid.sandbox-not-a-real-client",
        "client_secret": "cs1.sandbox-not-a-real-secret",
        "app_key": "ak1.sandbox-not-a-real-app-key",
        "tenant_id": "1000000001",
    }
)

Client = tuple[str, str]
"""Client ID and secret."""

_USUAL_TENANT = int(CREDENTIALS["tenant_id"])
_USUAL_SIZE = 20_000
_SMALLEST, _LARGEST = 300, 3_000

API_ROOT = "/dispatch/v2/tenant/{tenant}"
# As the tenant itself is matched: no leading zeros, no other digits.
_TENANT_PATH = re.compile(r"/dispatch/v2/tenant/([1-9][0-9]{0,18})/")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Contractor:
    """A made-up contractor, who is a tenant of the sandbox.

    Attributes:
        tenant_id: Its number, which calls have in their path.
        seed: Another seed is another contractor. By default it is derived from the sandbox's seed
            and the number.
        assignments: Approximate number of its appointment assignments. By default the sandbox's;
            otherwise tenant 1000000001 has 20,000, and others have between 300 and 3,000, derived
            from the seed.
        staff: Another number is another staff, with other names and ids, that does the same work.
            If two contractors have the same seed and size, their rows have the same ids and
            different contents.
        credentials: Its own `client_id`, `client_secret` and `app_key`. Missing ones are those of
            the group.
    """

    tenant_id: int
    seed: int | None = None
    assignments: int | None = None
    staff: int = 0
    credentials: Mapping[str, str] = Field(default_factory=dict)


Refusal = Literal["unknown", "revoked", "not_approved"]

REFUSALS: Mapping[Refusal, str] = MappingProxyType(
    {
        "unknown": "404, as for a number that no tenant has.",
        "revoked": "401 for each token. Once all tenants of a client ID have revoked it, requests "
        "for a token get `invalid_client`.",
        "not_approved": "403 for each operation.",
    }
)


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Access:
    """What a tenant permits the application to do. Without arguments it permits everything.

    A value that is not valid raises a `pydantic.ValidationError`.
    """

    refusal: Annotated[
        Refusal | None,
        Field(
            description="How all calls are refused, if they are.\n\n"
            + "\n".join(f"- `{refusal}`: {meaning}" for refusal, meaning in REFUSALS.items())
        ),
    ] = None
    missing_scopes: Annotated[
        frozenset[str],
        Field(
            description="Scopes that it did not grant, such as tn.dis.zones:r. Their calls get 403."
        ),
    ] = frozenset()


class Member:
    """A tenant of a group.

    Attributes:
        credentials: The `client_id`, `client_secret`, `app_key` and `tenant_id` of its calls.
        access: What it permits the application to do. May be set at any time.
    """

    def __init__(
        self,
        credentials: Mapping[str, str],
        clock: Callable[[], datetime],
        make_world: Callable[[], Tenant],
    ) -> None:
        self.credentials = credentials
        self.access = Access()
        self._clock = clock
        self._make_world = make_world
        self._making = Lock()
        self._world: Tenant | None = None

    @property
    def tenant_id(self) -> int:
        """Its number."""
        return int(self.credentials["tenant_id"])

    @property
    def client(self) -> Client:
        """The client id and secret for which tokens are issued."""
        return self.credentials["client_id"], self.credentials["client_secret"]

    @property
    def world(self) -> Tenant:
        """The tenant's world; made when it is first asked for."""
        return self.make()

    def make(self) -> Tenant:
        """Make its world, unless it is made, and return it."""
        with self._making:  # the server and whoever started it may ask at the same time
            if self._world is None:
                self._world = self._make_world()
            return self._world

    @property
    def now(self) -> int:
        """The instant by the tenant's clock, never earlier than its world has shown."""
        shown = 0 if self._world is None else self._world.now
        return max(shown, from_datetime(self._clock()))


class Group(Mapping[int, Member]):
    """The tenants of one sandbox, by number.

    Args:
        tenants: A number or a `Contractor` for each.
        seed: Another seed is another group.
        assignments: Approximate number of assignments of each, unless its `Contractor` has one.
        credentials: `client_id`, `client_secret` and `app_key` of tenants without their own.
        clock: Returns the current time, aware, at a tenant; for `None`, at the token endpoint.
        export_delay: How long after a change the export feed may show the previous version.

    Raises:
        ValueError: There are no tenants, or two with the same number.
    """

    def __init__(
        self,
        tenants: Iterable[int | str | Contractor],
        *,
        seed: int,
        assignments: int | None,
        credentials: Mapping[str, str],
        clock: Callable[[int | None], datetime],
        export_delay: int = EXPORT_DELAY,
    ) -> None:
        self._export_delay = export_delay
        self._seed = seed
        self._assignments = assignments
        self._credentials = credentials
        self._clock = clock
        self._latest = 0
        self._members: dict[int, Member] = {}
        for tenant in tenants:
            contractor = tenant if isinstance(tenant, Contractor) else Contractor(int(tenant))
            if contractor.tenant_id in self._members:
                raise ValueError(f"There are two tenants with number {contractor.tenant_id}.")
            self._members[contractor.tenant_id] = self._member(contractor)
        if not self._members:
            raise ValueError("A sandbox has at least one tenant.")

    def __getitem__(self, tenant_id: int) -> Member:
        return self._members[tenant_id]

    def __iter__(self) -> Iterator[int]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def at(self, path: str) -> Member | None:
        """Return the tenant that a path names, if it is one of these."""
        return self._members.get(tenant_in(path) or 0)

    @property
    def now(self) -> int:
        """The instant at the token endpoint. It never goes back."""
        self._latest = max(self._latest, from_datetime(self._clock(None)))
        return self._latest

    def _member(self, contractor: Contractor) -> Member:
        number, seed = contractor.tenant_id, contractor.seed
        if seed is None:
            seed = self._seed + number - _USUAL_TENANT
        size = contractor.assignments or self._assignments or _size(number, seed)
        clock = partial(self._clock, number)
        return Member(
            {**self._credentials, **contractor.credentials, "tenant_id": str(number)},
            clock,
            lambda: Tenant(
                seed=seed,
                assignments=size,
                clock=clock,
                staff=contractor.staff,
                export_delay=self._export_delay,
            ),
        )


def _size(tenant_id: int, seed: int) -> int:
    if tenant_id == _USUAL_TENANT:
        return _USUAL_SIZE
    return int(_SMALLEST + (_LARGEST - _SMALLEST) * Chance(seed, "size").draw() ** 2)


def tenant_in(path: str) -> int | None:
    """Return the number of the tenant that a path names, if it names one."""
    found = _TENANT_PATH.match(path)
    return int(found[1]) if found else None

"""The clients of a run: one for each tenant, which share what belongs to all."""

from __future__ import annotations

import gc
import threading
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_servicetitan_dispatch.client.auth import TenantTokens, TokenSource
from tap_servicetitan_dispatch.errors import NoSandboxError
from tap_servicetitan_dispatch.settings import schema as settings
from tap_servicetitan_dispatch.settings.tenants import Credentials, tenants_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.client.http import Http
    from tap_servicetitan_dispatch.settings.tenants import Tenant


class Wire(NamedTuple):
    """What requests of a tenant are made of."""

    http: Http
    api_url: str
    auth_url: str
    credentials: Credentials


class TenantClients:
    """Makes the client of a tenant when it is asked for first; may be used from any thread.

    Shared by all clients: connections and the bound on requests under way. Shared by tenants with
    the same client id and secret: the token. Of each tenant alone: its rate, and its back-off.

    Args:
        config: The settings, checked.
        sleep: Waits for a number of seconds; may raise.
        max_retries: How often a call is sent again.
    """

    def __init__(
        self, config: Mapping[str, Any], *, sleep: Callable[[float], None], max_retries: int
    ) -> None:
        self._config = config
        self._sleep = sleep
        self._max_retries = max_retries
        self._lock = threading.Lock()
        self._made: dict[Tenant, Client] = {}
        self._tokens: dict[tuple[str, str], TokenSource] = {}
        self._where: settings.Connection | None = None

    def of(self, tenant: Tenant) -> Client:
        """Return the client of a tenant; in the sandbox environment, start a sandbox for it.

        Raises:
            NoSandboxError: A sandbox is needed, and is not installed.
        """
        with self._lock:
            if tenant not in self._made:
                self._made[tenant] = self._make(tenant)
            return self._made[tenant]

    def wire_of(self, tenant: Tenant) -> Wire:
        """Return what sends requests of any shape for a tenant, without retries or limits."""
        self.of(tenant)
        wire = self._wire
        credentials = tenant.credentials or wire.sandbox_credentials(tenant)
        return Wire(wire.http, wire.where.api_url, wire.where.auth_url, credentials)

    def share_credentials(self) -> bool:
        """Return whether all tenants show the same client id and secret."""
        return len(set(map(self._pair, self.tenants))) == 1

    @cached_property
    def tenants(self) -> tuple[Tenant, ...]:
        """The tenants of the settings."""
        in_sandbox = self._config["environment"] == settings.SANDBOX
        return tenants_in(self._config, with_credentials=not in_sandbox)

    @staticmethod
    def _pair(tenant: Tenant) -> tuple[str, str]:
        shown = tenant.credentials
        return (shown.client_id, shown.client_secret) if shown else ("", "")

    def _make(self, tenant: Tenant) -> Client:
        from tap_servicetitan_dispatch.client.client import Client  # noqa: PLC0415 - a run

        wire = self._wire
        credentials = tenant.credentials or wire.sandbox_credentials(tenant)
        pair = self._pair(tenant)
        if pair not in self._tokens:
            self._tokens[pair] = wire.token_source(credentials)
        is_shared = sum(self._pair(each) == pair for each in self.tenants) > 1
        return Client(
            http=wire.http,
            tokens=TenantTokens(
                self._tokens[pair], partial(wire.token_source, credentials) if is_shared else None
            ),
            credentials=credentials,
            api_url=wire.where.api_url,
            under_way=wire.under_way,
            max_requests_per_second=self._config["max_requests_per_second"],
            backoff=wire.backoff,
        )

    @cached_property
    def _wire(self) -> _Wire:
        return _Wire(self._config, self.tenants, self._sleep, self._max_retries)


class _Wire:
    """What all clients of a run share."""

    def __init__(
        self,
        config: Mapping[str, Any],
        tenants: Sequence[Tenant],
        sleep: Callable[[float], None],
        max_retries: int,
    ) -> None:
        from tap_servicetitan_dispatch.client.backoff import Backoff  # noqa: PLC0415 - not for --discover
        from tap_servicetitan_dispatch.client.http import Http  # noqa: PLC0415 - likewise

        self._tenants = tenants
        self._shown: Mapping[str, str] = {}
        self.where = self._in_sandbox(config) or settings.connection(config)
        self.http = Http(config["request_timeout_seconds"])
        self.backoff = Backoff(max_retries, sleep)
        self.under_way = threading.BoundedSemaphore(config["max_concurrent_requests"])

    def token_source(self, credentials: Credentials) -> TokenSource:
        """Return a source of tokens for a client id and secret."""
        from tap_servicetitan_dispatch.client.client import token_request  # noqa: PLC0415

        asks = token_request(self.where.auth_url, credentials)
        return TokenSource(lambda: self.http.exchange(asks, token_endpoint=True).body, self.backoff)

    def sandbox_credentials(self, tenant: Tenant) -> Credentials:
        """Return what the sandbox wants to be shown for a tenant."""
        number = {} if tenant.number is None else {"tenant_id": str(tenant.number)}
        return Credentials(**{**self._shown, **number})

    def _in_sandbox(self, config: Mapping[str, Any]) -> settings.Connection | None:
        if config["environment"] != settings.SANDBOX:
            return None
        gc.disable()  # nearly all that is made here stays, and there is much of it
        try:
            from tap_servicetitan_dispatch.sandbox import CREDENTIALS, Sandbox  # noqa: PLC0415

            self._shown = CREDENTIALS
            api_url = config.get("api_url")
            if not api_url:
                numbers = [each.number for each in self._tenants if each.number is not None]
                self._sandbox = Sandbox(tenants=numbers) if numbers else Sandbox()
                self._sandbox.start()
                api_url = self._sandbox.url
                if gc.get_freeze_count():  # as `__main__` did: the process is the command's own
                    gc.freeze()
        except ModuleNotFoundError as error:
            raise NoSandboxError(error.name) from error
        finally:
            gc.enable()
        auth_url = config.get("auth_url") or f"{api_url}/connect/token"
        return settings.Connection(api_url, auth_url)

"""The clients of a run: one for each tenant, and what they share."""

from __future__ import annotations

import gc
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_servicetitan_dispatch.client.auth import TenantTokens, TokenSource
from tap_servicetitan_dispatch.errors import NoSandboxError
from tap_servicetitan_dispatch.settings.schema import SANDBOX, Environment, environment_of
from tap_servicetitan_dispatch.settings.tenants import Credentials, tenants_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.client.http import Http
    from tap_servicetitan_dispatch.sandbox import Sandbox
    from tap_servicetitan_dispatch.settings.tenants import Tenant


class Wire(NamedTuple):
    """The parts that a tenant's requests need."""

    http: Http
    api_url: str
    auth_url: str
    credentials: Credentials


class TenantClients:
    """Makes the client of a tenant on first use; may be used from any thread.

    All clients share connections and the limit on requests under way. Tenants with the same client
    ID and secret share the token. Each tenant has its own rate and back-off.

    Args:
        config: The settings, checked.
        sleep: Waits for a number of seconds; may raise.
        max_retries: How often a call is tried again.
    """

    def __init__(
        self, config: Mapping[str, Any], *, sleep: Callable[[float], None], max_retries: int
    ) -> None:
        self._config = config
        self._sleep = sleep
        self._max_retries = max_retries
        self._under_way = threading.BoundedSemaphore(config["max_concurrent_requests"])
        self._lock = threading.Lock()
        self._made: dict[Tenant, Client] = {}
        self._tokens: dict[tuple[str, str], TokenSource] = {}
        self._sandbox: Sandbox | None = None
        self._sandbox_credentials: Mapping[str, str] = {}

    def of(self, tenant: Tenant) -> Client:
        """Return the client of a tenant; in the sandbox environment, start a sandbox for it.

        Raises:
            NoSandboxError: A sandbox is needed, but not installed.
        """
        with self._lock:
            if tenant not in self._made:
                self._made[tenant] = self._make(tenant)
            return self._made[tenant]

    def wire_of(self, tenant: Tenant) -> Wire:
        """Return a sender for any kind of request of a tenant, without retries or limits."""
        self.of(tenant)
        where = self._where
        return Wire(self._http, where.api_url, where.auth_url, self._credentials_of(tenant))

    def close(self) -> None:
        """Close the connections, and stop the sandbox if one was started; later calls fail."""
        with self._lock:
            if self._made:
                self._http.close()
            if self._sandbox is not None:
                self._sandbox.stop()

    def share_credentials(self) -> bool:
        """Return whether all tenants use the same client ID and secret."""
        return len(set(map(self._pair, self.tenants))) == 1

    @cached_property
    def tenants(self) -> tuple[Tenant, ...]:
        """The tenants of the settings."""
        return tenants_in(self._config, with_credentials=self._config["environment"] != SANDBOX)

    @staticmethod
    def _pair(tenant: Tenant) -> tuple[str, str]:
        shown = tenant.credentials
        return (shown.client_id, shown.client_secret) if shown else ("", "")

    def _make(self, tenant: Tenant) -> Client:
        from tap_servicetitan_dispatch.client.backoff import Backoff  # noqa: PLC0415 - not for --discover
        from tap_servicetitan_dispatch.client.client import Client, token_request  # noqa: PLC0415 - likewise

        where, http = self._where, self._http
        backoff = Backoff(self._max_retries, self._sleep)
        credentials = self._credentials_of(tenant)
        asks = token_request(where.auth_url, credentials)

        def token_source() -> TokenSource:
            return TokenSource(lambda: http.exchange(asks, token_endpoint=True).body, backoff)

        pair = self._pair(tenant)
        if pair not in self._tokens:
            self._tokens[pair] = token_source()
        is_shared = sum(self._pair(each) == pair for each in self.tenants) > 1
        return Client(
            http=http,
            tokens=TenantTokens(self._tokens[pair], token_source if is_shared else None),
            credentials=credentials,
            api_url=where.api_url,
            under_way=self._under_way,
            max_requests_per_second=self._config["max_requests_per_second"],
            backoff=backoff,
        )

    def _credentials_of(self, tenant: Tenant) -> Credentials:
        number = {} if tenant.number is None else {"tenant_id": str(tenant.number)}
        return tenant.credentials or Credentials(**{**self._sandbox_credentials, **number})

    @cached_property
    def _http(self) -> Http:
        from tap_servicetitan_dispatch.client.http import Http  # noqa: PLC0415 - not for --discover

        return Http(self._config["request_timeout_seconds"])

    @cached_property
    def _where(self) -> Environment:
        if self._config["environment"] != SANDBOX:
            return environment_of(self._config)
        gc.disable()  # nearly all that is made here stays, and there is much of it
        try:
            from tap_servicetitan_dispatch.sandbox import CREDENTIALS, Sandbox  # noqa: PLC0415 - an extra

            self._sandbox_credentials = CREDENTIALS
            api_url = self._config.get("api_url")
            if not api_url:
                numbers = [each.number for each in self.tenants if each.number is not None]
                self._sandbox = Sandbox(tenants=numbers) if numbers else Sandbox()
                self._sandbox.start()
                api_url = self._sandbox.url
                if gc.get_freeze_count():  # as `__main__` did: the process is the command's own
                    gc.freeze()
        except ModuleNotFoundError as error:
            raise NoSandboxError(error.name) from error
        finally:
            gc.enable()
        auth_url = self._config.get("auth_url") or f"{api_url}/connect/token"
        return Environment(api_url, auth_url)

"""A clock to set by hand, and somebody who calls the sandbox over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import requests

from tap_servicetitan_dispatch.sandbox import CREDENTIALS, Behaviour, Contractor, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

# A Thursday, in the middle of the contractor's morning.
START = datetime(2026, 6, 18, 15, 0, tzinfo=UTC)
AFTERNOON = START + timedelta(hours=4)
SANDBOX_PREFIX = f"/dispatch/v2/tenant/{CREDENTIALS['tenant_id']}/"


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Caller:
    """A sandbox with its clock, and a session that is logged in to it."""

    sandbox: Sandbox
    clock: Clock
    session: requests.Session = field(default_factory=requests.Session)
    tenant: int | None = None
    """Whom to call, if not the first tenant."""

    @classmethod
    def of(
        cls,
        *,
        tenants: Sequence[int | Contractor] | None = None,
        seed: int = 1,
        assignments: int = 600,
        at: datetime = START,
        behaviour: Behaviour | None = None,
        credentials: Mapping[str, str] = CREDENTIALS,
        timer: Callable[[], float] | None = None,
    ) -> Caller:
        """Make a sandbox. Unless it gets a timer, each look at it is a second later.

        So no call comes too soon after others, however fast the machine is.
        """
        clock = Clock(at)
        sandbox = Sandbox(
            tenants=tenants,
            seed=seed,
            assignments=assignments,
            clock=clock,
            behaviour=behaviour or Behaviour(),
            credentials=credentials,
            timer=timer or count(1.0).__next__,
        )
        return cls(sandbox, clock)

    def __enter__(self) -> Self:
        self.sandbox.start()
        self.log_in()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.session.close()
        self.sandbox.stop()

    @property
    def tenant_id(self) -> int:
        return self.tenant or int(self.sandbox.credentials["tenant_id"])

    def of_tenant(self, tenant: int) -> Caller:
        """Return somebody who calls another tenant of the same sandbox."""
        return replace(self, tenant=tenant)

    def forward(self, **time: float) -> None:
        """Let time pass, and renew the token."""
        self.clock.forward(**time)
        self.log_in()

    def log_in(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.sandbox.credentials["client_id"],
            "client_secret": self.sandbox.credentials["client_secret"],
        }
        token = self.session.post(self.sandbox.token_url, data=form, timeout=30).json()
        self.session.headers["Authorization"] = f"Bearer {token['access_token']}"
        self.session.headers["ST-App-Key"] = self.sandbox.credentials["app_key"]

    def call(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        tenant: object = None,
        **query: object,
    ) -> requests.Response:
        """Send a call of its tenant, or of another."""
        url = f"{self.sandbox.url}/dispatch/v2/tenant/{tenant or self.tenant_id}/{path}"
        params = {name.removesuffix("_"): str(value) for name, value in query.items()}
        return self.session.request(method, url, params=params, json=json, timeout=30)

    def get(self, path: str, **query: object) -> Any:
        answer = self.call("GET", path, **query)
        assert answer.status_code == 200, answer.text[:500]
        return answer.json()

    def rows(self, path: str, **query: object) -> list[dict[str, Any]]:
        """Read all pages of a list."""
        pages: list[Any] = []
        while not pages or pages[-1]["hasMore"]:
            pages.append(self.get(path, **query, page=len(pages) + 1, pageSize=5_000))
        return [row for page in pages for row in page["data"]]

    def send(self, method: str, path: str, json: object = None) -> Any:
        answer = self.call(method, path, json=json)
        assert answer.status_code == 200, answer.text[:500]
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str, *, json: object = None, **query: object) -> Any:
        answer = self.call(method, path, json=json, **query)
        assert answer.status_code == 400, answer.text[:500]
        return answer.json()

    def export(self, **query: object) -> Any:
        return self.get("export/appointment-assignments", **query)

    def whole_export(self, sent: str = "", **query: object) -> tuple[list[dict[str, Any]], str]:
        """Read the feed to its end; returns the rows and the last token."""
        rows: list[dict[str, Any]] = []
        while True:
            page = self.export(from_=sent, **query)
            rows += page["data"]
            sent = page["continueFrom"]
            if not page["hasMore"]:
                return rows, sent

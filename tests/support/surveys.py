"""Surveys of sandboxes in this process: no server, no waiting, a clock that is set by hand."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from tap_servicetitan_dispatch.client.tenant_clients import TenantClients
from tap_servicetitan_dispatch.sandbox import Behaviour, Faults, Sandbox
from tap_servicetitan_dispatch.survey import survey as module
from tap_servicetitan_dispatch.survey.facts import FACTS
from tap_servicetitan_dispatch.survey.survey import Survey, survey_tenant
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tests.support.streams import ALL_STREAMS, EXTRA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from starlette.types import ASGIApp, Message

    from tap_servicetitan_dispatch.streams.base import DispatchStream
    from tap_servicetitan_dispatch.survey.seen import Memory, Seen
    from tap_servicetitan_dispatch.survey.verdicts import Fact

NOON = datetime(2026, 6, 18, 17, 0, 5, 250_000, tzinfo=UTC)
"""A Thursday, noon in Chicago."""
UNLIMITED = Faults(requests_per_second=None)
CHICAGO = "America/Chicago"
SMALL = 300
"""Assignments of a tenant with as many rows as most facts take."""


class InProcess(BaseAdapter):
    """Answers requests by a web application in this process.

    Args:
        app: The application.
        loop: Runs it.
        before_each: Called before each request.
    """

    def __init__(
        self, app: ASGIApp, loop: asyncio.AbstractEventLoop, before_each: Any = None
    ) -> None:
        super().__init__()
        self._app = app
        self._loop = loop
        self._before_each = before_each or (lambda _: None)

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self._before_each(request)
        parts = urlsplit(str(request.url))
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        headers = {"host": parts.netloc, **{k.lower(): v for k, v in request.headers.items()}}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(k.encode(), str(v).encode()) for k, v in headers.items()],
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        self._loop.run_until_complete(self._app(scope, receive, send))
        start, *rest = sent
        response = requests.Response()
        response.status_code = start["status"]
        pairs = {k.decode(): v.decode() for k, v in start["headers"]}
        response.headers = requests.structures.CaseInsensitiveDict(pairs)
        content = b"".join(message.get("body", b"") for message in rest)
        response.raw = HTTPResponse(
            io.BytesIO(content), headers=pairs, status=start["status"], preload_content=False
        )
        response.url = str(request.url)
        response.request = request
        return response

    def close(self) -> None:
        """Have nothing to close."""


@cache
def streams() -> tuple[DispatchStream, ...]:
    """Return all streams of the tap that are read from the API."""
    config = {"environment": "sandbox", "extra_streams": [*EXTRA]}
    found = TapServiceTitanDispatch(config=config).streams.values()
    return tuple(each for each in found if each.name in ALL_STREAMS)  # type: ignore[misc]


def sandbox_of(
    behaviour: Behaviour | None = None,
    *,
    assignments: int = SMALL,
    clock: Callable[[], datetime] = lambda: NOON,
    faults: Faults = UNLIMITED,
    timer: Callable[[], float] = lambda: 0.0,
    **more: Any,
) -> Sandbox:
    """Return a sandbox whose clock stands still, unless it is given one."""
    return Sandbox(
        assignments=assignments,
        clock=clock,
        timer=timer,
        behaviour=behaviour,
        faults=faults,
        **more,
    )


def surveyed(  # noqa: PLR0913 - each has a name, most a default
    sandbox: Sandbox,
    *,
    only: Iterable[str] | None = None,
    stages: Iterable[str] | None = None,
    tenants: Iterable[int] = (),
    also: Iterable[str] = (),
    before_each: Any = None,
    clock: Any = None,
    app: ASGIApp | None = None,
    facts: Iterable[Fact] = FACTS,
    before: Memory | None = None,
) -> Survey:
    """Return a survey of a sandbox, which is not started.

    Args:
        sandbox: The sandbox.
        only: Names of the streams that are selected; all of them if it is nothing.
        stages: The names of the stages to ask.
        tenants: Numbers of a group.
        also: What to do besides.
        before_each: Called before each request.
        clock: Seconds that only go up.
        app: What answers, if not the sandbox itself.
        facts: What to judge.
        before: What an earlier survey has kept.
    """
    asked = [each for each in streams() if only is None or each.name in only]
    base = asked[0].run.config if asked else streams()[0].run.config
    config: dict[str, Any] = {
        **base,
        "api_url": "http://127.0.0.1:1",
        "max_requests_per_second": 1_000_000,
    }
    if tenants:
        config["tenants"] = [{"tenant_id": str(number)} for number in tenants]
    loop = asyncio.new_event_loop()
    try:
        adapter = InProcess(app or sandbox.app, loop, before_each)
        with patch("tap_servicetitan_dispatch.client.http.Adapter", lambda *_, **__: adapter):
            clients = TenantClients(config, sleep=lambda _: None, max_retries=1)
            return survey_tenant(
                asked,
                clients,
                clients.tenants[0],
                also=also,
                timezone=CHICAGO,
                clock=clock or (lambda: 0.0),
                wall=NOON.timestamp,
                at_once=1,
                stages=stages,
                facts=facts,
                before=before,
            )
    finally:
        loop.close()


@cache
def usual_survey() -> tuple[Survey, Seen]:
    """Return a survey of the sandbox as it is, and what it has seen."""
    kept: list[Seen] = []
    prepared = module._prepared  # noqa: SLF001 - what facts are judged by

    def keeping(*given: Any) -> Seen:
        kept.append(prepared(*given))
        return kept[-1]

    with patch.object(module, "_prepared", keeping):
        return surveyed(sandbox_of()), kept[0]


def found(survey: Survey) -> dict[str, tuple[str, str, Mapping[str, Any]]]:
    """Return outcome, what was seen and switches, by the name of the fact."""
    return {
        each.fact.name: (each.outcome, each.seen or each.why, each.sandbox)
        for each in survey.findings
    }

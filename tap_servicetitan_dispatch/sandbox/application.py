"""The sandbox as a web application."""

from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import format_datetime
from functools import cache, partial
from http import HTTPStatus
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends
from fastapi_offline import FastAPIOffline
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tap_servicetitan_dispatch.sandbox import control
from tap_servicetitan_dispatch.sandbox.api import access
from tap_servicetitan_dispatch.sandbox.api.access import Tokens
from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.api.guards import Bodies, Hosts, Queries, known_parameters
from tap_servicetitan_dispatch.sandbox.api.operations import ALL_SCOPES, ROUTERS
from tap_servicetitan_dispatch.sandbox.api.problems import HANDLERS, number_call
from tap_servicetitan_dispatch.sandbox.faults.middleware import Failing, HangUp, fault_of
from tap_servicetitan_dispatch.sandbox.faults.options import Kind
from tap_servicetitan_dispatch.sandbox.faults.switch import Switch
from tap_servicetitan_dispatch.sandbox.group import API_ROOT, Group, tenant_in
from tap_servicetitan_dispatch.sandbox.watch.site import Site
from tap_servicetitan_dispatch.sandbox.world.instants import MINUTE, to_datetime


@dataclass(frozen=True)
class Call:
    """A finished request.

    Attributes:
        received_at: Seconds on the sandbox's timer when it arrived.
        method: `GET` and so on.
        path: Without the query.
        query: Names and values in the order in which they were sent.
        tenant_id: Number of the tenant in the path, if there is one, be it known or not.
        status: HTTP status of the answer; 0 if there was none, because the client went away or
            the connection was reset.
        fault: How the request was made to fail, if it was.
    """

    received_at: float
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    tenant_id: int | None
    status: int
    fault: Kind | None = None


class CallLog:
    """Middleware that numbers and logs each call, and dates its answer by the sandbox's clock.

    Args:
        app: Answers.
        group: The tenants.
        behaviour: What to do if the real API is unknown or surprising.
        calls: Receives each call.
        read_at: Receives, by path, the time at which its rows were last given to a client.
        timer: Monotonic clock, in seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        group: Group,
        behaviour: Behaviour,
        calls: deque[Call],
        read_at: dict[str, int],
        timer: Callable[[], float],
    ) -> None:
        self._app = app
        self._group = group
        self._calls = calls
        self._read_at = read_at
        self._timer = timer
        self._behaviour = behaviour
        self._began = group.now
        self._number = count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        received_at = self._timer()
        number_call(scope, next(self._number))
        query = tuple(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        clock = self._group.at(scope["path"]) or self._group
        status = 0
        logged = False

        def log() -> None:
            nonlocal logged
            if not logged:
                logged = True
                self._calls.append(
                    Call(
                        received_at,
                        scope["method"],
                        scope["path"],
                        query,
                        tenant_in(scope["path"]),
                        status,
                        fault_of(scope),
                    )
                )

        async def send_dated(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                more = self._headers(scope["path"], clock.now)
                message["headers"] = [*message["headers"], *more]
                log()  # before the caller sees anything, so that it finds its call here
                if status == HTTPStatus.OK and scope["method"] == "GET" and not fault_of(scope):
                    self._read_at[scope["path"]] = clock.now
            await send(message)

        scope["sandbox.log"] = log
        try:
            # The sandbox is stopping, and the connection closed.
            with suppress(CancelledError):
                await self._app(scope, receive, send_dated)
        finally:
            log()

    def _headers(self, path: str, now: int) -> Iterator[tuple[bytes, bytes]]:
        behaviour = self._behaviour
        if behaviour.date == "cached":
            now = self._began
            yield b"age", b"600"
        if behaviour.date == "apart" and path == access.TOKEN_PATH:
            now += 10 * MINUTE
        if behaviour.date != "absent":
            yield b"date", format_datetime(to_datetime(now), usegmt=True).encode()
        if behaviour.cookies:
            yield b"set-cookie", b"server=1"
        if behaviour.limit_headers:
            yield b"x-ratelimit-remaining", b"59"


def _with_joint_security(definition_of: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return a definition in which a call needs all ways to log in; in FastAPI's any will do."""
    definition = definition_of()
    for methods in definition["paths"].values():
        for operation in methods.values():
            if ways := operation.get("security"):
                operation["security"] = [{name: way[name] for way in ways for name in way}]
    return definition


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Return the routes, which have no state: all sandboxes of a process share them."""
    everything = APIRouter()
    for router in (access.router, control.router, control.of_tenant):
        everything.include_router(router)
    for router in ROUTERS:
        everything.include_router(router, prefix=API_ROOT, dependencies=[Depends(known_parameters)])
    return (*everything.routes,)


def application(
    group: Group,
    credentials: Mapping[str, str],
    behaviour: Behaviour,
    calls: deque[Call],
    timer: Callable[[], float],
    switch: Switch,
    hang_up: HangUp,
    allowed_hosts: Collection[str],
) -> ASGIApp:
    """Return the web application that serves a group of tenants.

    Args:
        group: The tenants.
        credentials: Credentials that the page at /docs fills in.
        behaviour: What to do if the real API is unknown or surprising.
        calls: Receives each call.
        timer: Monotonic clock, in seconds.
        switch: The faults that are on.
        hang_up: Closes the connection of a request.
        allowed_hosts: Names in `Host` to answer to, besides those of this machine.
    """
    tokens = Tokens(behaviour, timer)
    app = FastAPIOffline(
        title="ServiceTitan Dispatch API v2 - sandbox",
        version="2",
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=HANDLERS,
        routes=[*_routes()],
        swagger_ui_init_oauth={
            "clientId": credentials["client_id"],
            "clientSecret": credentials["client_secret"],
        },
    )
    app.state.group = group
    app.state.behaviour = behaviour
    app.state.granted = ALL_SCOPES - behaviour.missing_scopes
    app.state.tokens = tokens
    app.state.switch = switch
    app.openapi = partial(_with_joint_security, app.openapi)  # type: ignore[method-assign]
    app.add_middleware(Queries, ignores_sort=behaviour.sort_refusal == "ignored")
    app.add_middleware(Bodies)
    app.add_middleware(Failing, switch=switch, group=group, tokens=tokens, hang_up=hang_up)
    app.add_middleware(Hosts, allowed=allowed_hosts)
    if behaviour.compression:
        app.add_middleware(GZipMiddleware)
    read_at: dict[str, int] = {}
    app.add_middleware(
        CallLog, group=group, behaviour=behaviour, calls=calls, read_at=read_at, timer=timer
    )
    return Site(app, group=group, behaviour=behaviour, read_at=read_at, allowed_hosts=allowed_hosts)

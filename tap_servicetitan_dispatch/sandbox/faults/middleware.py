"""Requests that fail on purpose."""

from asyncio import sleep
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from http import HTTPStatus

from fastapi import Request
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tap_servicetitan_dispatch.sandbox.api.access import Tokens
from tap_servicetitan_dispatch.sandbox.api.operations import ALL_SCOPES
from tap_servicetitan_dispatch.sandbox.api.problems import (
    Problem,
    json_response,
    problem_response,
    too_many,
)
from tap_servicetitan_dispatch.sandbox.faults.options import Faults, Kind
from tap_servicetitan_dispatch.sandbox.faults.switch import Switch
from tap_servicetitan_dispatch.sandbox.group import Group
from tap_servicetitan_dispatch.sandbox.world.chance import Chance
from tap_servicetitan_dispatch.sandbox.world.instants import to_datetime

HangUp = Callable[[Scope, bool], None]
"""Closes the connection of a request; with a reset if the second argument is true."""

_DRIPS = 10


def fault_of(scope: Scope) -> Kind | None:
    """Return how a request was made to fail, if it was."""
    kind: Kind | None = scope.get("sandbox.fault")
    return kind


class Failing:
    """Middleware that makes requests fail, and notes the fault in their scope."""

    def __init__(
        self, app: ASGIApp, *, switch: Switch, group: Group, tokens: Tokens, hang_up: HangUp
    ) -> None:
        self._app = app
        self._switch = switch
        self._group = group
        self._tokens = tokens
        self._hang_up = hang_up

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or make it fail if it is due to."""
        faults, kind, chance = self._switch.draw(scope["path"])
        if not self._switch.admit(scope["path"], _app_key(scope)):
            kind = "rate_limited"
        if faults.latency:
            await sleep(faults.latency * chance.draw())
        scope["sandbox.fault"] = kind
        match kind:
            case None:
                await self._app(scope, receive, send)
            case "reset":
                await self._leave(scope, receive, reset=True)
            case "cut_short":
                await self._cut_short(scope, receive, send)
            case "drip":
                await self._drip(scope, receive, send, faults.drip_seconds)
            case _:
                answer = self._wrong_answer(kind, faults, chance, Request(scope))
                await answer(scope, receive, send)

    async def _leave(self, scope: Scope, receive: Receive, *, reset: bool) -> None:
        scope["sandbox.log"]()
        self._hang_up(scope, reset)
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _right_answer(self, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, keep)
        start, *rest = messages
        return start, b"".join(message.get("body", b"") for message in rest)

    async def _cut_short(self, scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await self._right_answer(scope, receive)
        if body:
            await send(start)
            part = body[: len(body) // 2]
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await self._leave(scope, receive, reset=False)

    async def _drip(self, scope: Scope, receive: Receive, send: Send, seconds: float) -> None:
        start, body = await self._right_answer(scope, receive)
        await send(start)
        size = len(body) // _DRIPS + 1
        for index in range(_DRIPS):
            await sleep(seconds / _DRIPS)
            drip = body[index * size : (index + 1) * size]
            more = index + 1 < _DRIPS
            await send({"type": "http.response.body", "body": drip, "more_body": more})

    def _wrong_answer(
        self, kind: Kind, faults: Faults, chance: Chance, request: Request
    ) -> Response:
        answers: dict[Kind, Callable[[], Response]] = {
            "rate_limited": partial(self._rate_limited, faults, chance, request),
            "server_error": partial(_server_error, faults, chance, request),
            "maintenance": partial(problem_response, request, MAINTENANCE),
            "not_json": lambda: chance.one_of(_NOT_JSON),
            "revoked": partial(self._revoked, request),
            "no_scope": partial(problem_response, request, _no_scope(request)),
            "redirect": partial(_elsewhere, request),
        }
        return answers[kind]()

    def _rate_limited(self, faults: Faults, chance: Chance, request: Request) -> Response:
        answer = json_response(too_many(faults.wait), HTTPStatus.TOO_MANY_REQUESTS)
        clock = self._group.at(request.scope["path"]) or self._group
        until = to_datetime(clock.now) + timedelta(seconds=faults.wait)
        said = {"seconds": str(faults.wait), "date": format_datetime(until, usegmt=True)}
        if header := said.get(chance.one_of(faults.retry_after)):
            answer.headers["Retry-After"] = header
        return answer

    def _revoked(self, request: Request) -> Response:
        if member := self._group.at(request.scope["path"]):
            self._tokens.revoke(member.client)
        return problem_response(request, REVOKED)


def _app_key(scope: Scope) -> str | None:
    return Headers(scope=scope).get("ST-App-Key")


MAINTENANCE = Problem(
    HTTPStatus.CONFLICT, "The service is suspended for maintenance. Please try again later."
)
REVOKED = Problem(HTTPStatus.UNAUTHORIZED, "The access token has been revoked.")
_NOT_JSON = (
    HTMLResponse("<!DOCTYPE html><title>Sign in</title><p>Please sign in to continue.</p>"),
    Response('{"page": 1, "data": [', media_type="application/json"),
    Response(media_type="application/json"),
)


def _server_error(faults: Faults, chance: Chance, request: Request) -> Response:
    status = HTTPStatus(chance.one_of(faults.statuses))
    match chance.one_of(faults.bodies):
        case "json":
            return problem_response(request, Problem(status, f"{status.phrase}."))
        case "html":
            page = f"<html><body><h1>{status.value} {status.phrase}</h1></body></html>"
            return HTMLResponse(page, status)
        case _:
            return Response(status_code=status)


def _no_scope(request: Request) -> Problem:
    resource = request.url.path.replace("-", "").split("/")
    access = "r" if request.method == "GET" else "w"
    scope = next(
        (scope for scope in sorted(ALL_SCOPES) if scope[7:-2] in resource and scope[-1] == access),
        "the scope",
    )
    return Problem(HTTPStatus.FORBIDDEN, f"Scope validation failed: {scope} is not granted.")


def _elsewhere(request: Request) -> Response:
    location = f"https://elsewhere.example{request.url.path}"
    return Response(status_code=HTTPStatus.FOUND, headers={"Location": location})

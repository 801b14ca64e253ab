"""Checks before an operation sees a request."""

import json
import re
from collections.abc import Collection
from http import HTTPStatus
from ipaddress import ip_address
from typing import get_args
from urllib.parse import unquote_plus

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tap_servicetitan_dispatch.sandbox.api.listing import Sort
from tap_servicetitan_dispatch.sandbox.api.problems import Problem, problem_response
from tap_servicetitan_dispatch.sandbox.group import API_ROOT

MOST_BYTES = 2**20
"""Maximum size of a body; no operation needs more than some thousand bytes."""
_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^:\[\]]+))(?::[0-9]*)?")


class Hosts:
    """Middleware that answers only requests whose `Host` is this machine.

    A web page may let its own host name lead to 127.0.0.1 (DNS rebinding). A browser then treats
    the sandbox as part of that page.

    Args:
        app: Answers the other requests.
        allowed: Names of other hosts to answer.
    """

    def __init__(self, app: ASGIApp, *, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = {"localhost", *map(str.lower, allowed)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        answer = self._app
        if not self._is_admitted(dict(scope["headers"]).get(b"host", b"").decode("latin-1")):
            answer = problem_response(Request(scope), ANOTHER_HOST)
        await answer(scope, receive, send)

    def _is_admitted(self, header: str) -> bool:
        found = _HOST.fullmatch(header.lower())
        host = (found["v6"] or found["name"]) if found else ""
        try:
            return host in self._allowed or ip_address(host).is_loopback
        except ValueError:
            return False


class Queries:
    """Middleware that removes parameters without a value: they count as not given.

    Args:
        app: Answers the request without them.
        ignores_sort: Whether an invalid `sort` counts as not given, too.
    """

    def __init__(self, app: ASGIApp, *, ignores_sort: bool) -> None:
        self._app = app
        self._ignores_sort = ignores_sort

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        parts = scope["query_string"].split(b"&")
        scope["query_string"] = b"&".join(part for part in parts if self._counts(part))
        await self._app(scope, receive, send)

    def _counts(self, part: bytes) -> bool:
        name, _, value = part.partition(b"=")
        if self._ignores_sort and name == b"sort":
            return unquote_plus(value.decode("latin-1")) in get_args(Sort)
        return bool(value)


async def known_parameters(request: Request) -> None:
    """Refuse a parameter that the operation does not know, if the behaviour says so.

    Raises:
        Problem: There is such a parameter.
    """
    refusal = request.app.state.behaviour.unknown_parameters
    if refusal == "ignored":
        return
    operations = request.app.openapi()["paths"][f"{API_ROOT}{request.scope['route'].path}"]
    known = {each["name"] for each in operations[request.method.lower()].get("parameters", ())}
    for name in request.query_params:
        if name not in known:
            raise Problem(refusal, f"The parameter {name} is not known.")


class Bodies:
    """Middleware that refuses bodies that are too long, unread, and JSON with invalid text in it.

    JSON can contain half a character (a lone surrogate), which no answer could contain.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its whole body, or refuse it."""
        try:
            body = await _body(Request(scope, receive))
        except ClientDisconnect:
            return
        except Problem as problem:
            answer = problem_response(Request(scope), problem)
            answer.headers["Connection"] = "close"  # the rest of the body is not waited for
            await answer(scope, receive, send)
            return
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def read() -> Message:
            return messages.pop() if messages else await receive()

        await self._app(scope, read, send)


async def _body(request: Request) -> bytes:
    if int(request.headers.get("Content-Length", 0)) > MOST_BYTES:
        raise TOO_LONG
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise TOO_LONG
    if not _is_text(body):
        raise NOT_TEXT
    return bytes(body)


def _is_text(body: bytearray) -> bool:
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeError:
        return False
    except (ValueError, RecursionError):
        return True  # it is not JSON that one can read, which an operation says that wants JSON
    return True


ANOTHER_HOST = Problem(
    HTTPStatus.MISDIRECTED_REQUEST,
    "The sandbox answers to localhost and 127.0.0.1 only; others are allowed with --allow-host.",
)
TOO_LONG = Problem(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body has more than {MOST_BYTES:,} bytes."
)
NOT_TEXT = Problem(HTTPStatus.BAD_REQUEST, "The body is not valid text.")

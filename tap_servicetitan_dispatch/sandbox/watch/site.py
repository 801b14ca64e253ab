"""What a browser gets: the page at `/` and its parts. The API does not notice."""

from collections.abc import Collection, Mapping
from http import HTTPStatus
from importlib.resources import files
from json import dumps
from types import MappingProxyType

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.api.guards import Hosts
from tap_servicetitan_dispatch.sandbox.api.problems import number_call
from tap_servicetitan_dispatch.sandbox.group import API_ROOT, Group
from tap_servicetitan_dispatch.sandbox.watch.changes import latest_changes
from tap_servicetitan_dispatch.sandbox.watch.day import Day
from tap_servicetitan_dispatch.sandbox.watch.times import Times

PAGE = "/"
SHOWN = "/sandbox/board"
_FILES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        PAGE: ("board.html", "text/html"),
        f"{SHOWN}.css": ("board.css", "text/css"),
        f"{SHOWN}.js": ("board.js", "text/javascript"),
        f"{SHOWN}.svg": ("board.svg", "image/svg+xml"),
    }
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Site:
    """Answers a browser's requests for the page, and passes everything else to the API.

    It stands in front of the API, so looking is not a call: it is not logged, not counted, never
    refused, and uses no token and no fault.

    Args:
        api: Answers everything else.
        group: The tenants.
        behaviour: How their API behaves.
        read_at: When a client last read a path.
        allowed_hosts: Names in `Host` to answer to, besides those of this machine.
    """

    def __init__(
        self,
        api: ASGIApp,
        *,
        group: Group,
        behaviour: Behaviour,
        read_at: Mapping[str, int],
        allowed_hosts: Collection[str],
    ) -> None:
        self._api = api
        self._group = group
        self._behaviour = behaviour
        self._read_at = read_at
        self._own = Hosts(self._answer, allowed=allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["path"] in {*_FILES, SHOWN} and scope["method"] == "GET":
            number_call(scope, 0)
            await self._own(scope, receive, send)
        else:
            await self._api(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == SHOWN:
            answer = self._shown(Request(scope).query_params.get("tenant", ""))
        else:
            name, kind = _FILES[scope["path"]]
            content = files(__package__).joinpath(name).read_bytes()
            answer = Response(content, headers=_HEADERS, media_type=kind)
        await answer(scope, receive, send)

    def _shown(self, asked: str) -> Response:
        """Return the page of a tenant; of the first one unless another is named."""
        members = {str(number): member for number, member in self._group.items()}
        number = asked or next(iter(members))
        if number not in members:
            return _json({"tenants": [*members]}, HTTPStatus.NOT_FOUND)
        tenant = members[number].world
        tenant.advance()
        times = Times(tenant.company.calendar, tenant.now)
        root = API_ROOT.format(tenant=number)
        changes = latest_changes(
            tenant, self._behaviour, times, lambda path: self._read_at.get(f"{root}/{path}", 0)
        )
        return _json(
            {
                "tenant": number,
                "tenants": [*members],
                "now": times.now,
                "zone": times.zone,
                "board": Day(tenant, times).board(),
                "changes": changes,
            }
        )


def _json(content: object, status: int = 200) -> Response:
    # Not by msgspec, which refuses half of a character, as the API may have been told to write
    text = dumps(msgspec.to_builtins(content))
    return Response(text, status, headers=_HEADERS, media_type="application/json")

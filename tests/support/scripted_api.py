"""A real HTTP server on loopback that answers what a test scripts, token endpoint included."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

from typing_extensions import override

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator, Mapping

CLIENT_SECRET = "cs1.kept-secret-client-secret"
APP_KEY = "ak1.kept-secret-app-key"
TOKEN = "kept-secret-token"  # every token that the server gives out begins with it
SECRETS = (CLIENT_SECRET, APP_KEY, TOKEN)

PREFIX = "/dispatch/v2/tenant/1234/"
FEED = f"{PREFIX}export/appointment-assignments"
TOKEN_PATH = "/connect/token"
MODIFIED = "2026-11-01T08:00:00.1234567Z"


@dataclass(frozen=True)
class Call:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class Answer:
    """What to send back: `body` is text, or something to be made JSON of."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """Bytes of the body after which the connection is closed."""
    reset: bool = False
    """Whether to close the connection without any answer."""
    raw: Iterable[bytes] | None = None
    """What to send in place of all this, byte for byte, until the client leaves."""


class Server(ThreadingHTTPServer):
    """Leaves nothing to the next test: no connection, no thread, no word about who has left."""

    daemon_threads = False  # so that closing waits for them

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self._connections: set[Any] = set()

    @override
    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    @override
    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self._connections.discard(request)

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    @override
    def server_close(self) -> None:
        for connection in self._connections.copy():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()


@dataclass
class ScriptedApi:
    """`reply` answers calls of the API, `token_reply` those of the token endpoint."""

    reply: Callable[[Call], Answer] = lambda _: Answer(status=500)
    token_reply: Callable[[Call], Answer] | None = None
    calls: list[Call] = field(default_factory=list)
    token_lifetime: int = 900
    date: str | None = "Tue, 01 Dec 2026 12:00:00 GMT"
    """What its clock shows; nothing if it does not tell."""

    def __enter__(self) -> Self:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet an answer: no waiting for delayed acknowledgements

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                call = Call(
                    method=self.command,
                    path=urlsplit(self.path).path,
                    query=dict(parse_qsl(urlsplit(self.path).query)),
                    headers=dict(self.headers.items()),
                    body=self.rfile.read(length).decode(),
                )
                with api._lock:
                    api.calls.append(call)
                answer = api._token(call) if call.path == TOKEN_PATH else api.reply(call)
                self._send(answer)

            do_POST = do_GET  # noqa: N815 - the name is given

            def _send(self, answer: Answer) -> None:
                if answer.reset:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                if answer.raw is not None:
                    self._send_raw(answer.raw)
                    return
                body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
                content = body.encode()
                self.send_response_only(answer.status)
                date = {} if api.date is None else {"Date": api.date}
                for name, value in (date | answer.headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: answer.cut_after])
                if answer.cut_after is not None:
                    self.close_connection = True

            def _send_raw(self, pieces: Iterable[bytes]) -> None:
                self.close_connection = True
                with contextlib.suppress(OSError):  # the client has left
                    for piece in pieces:
                        self.connection.sendall(piece)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - given
                pass

        self._lock = threading.Lock()
        self._handler = Handler
        self._server = Server(Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @contextlib.contextmanager
    def encrypted(self, context: ssl.SSLContext) -> Iterator[str]:
        """Speak TLS on a port of its own; yields the address."""
        with Server(self._handler) as server:
            server.socket = context.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            yield f"https://127.0.0.1:{server.server_port}"
            server.shutdown()
            thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def api_calls(self) -> list[Call]:
        return [call for call in self.calls if call.path != TOKEN_PATH]

    @property
    def token_calls(self) -> list[Call]:
        return [call for call in self.calls if call.path == TOKEN_PATH]

    @property
    def config(self) -> dict[str, Any]:
        """Settings that lead a tap here."""
        return {
            "environment": "production",
            "api_url": self.url,
            "auth_url": self.url + TOKEN_PATH,
            "client_id": "cid.test",
            "client_secret": CLIENT_SECRET,
            "app_key": APP_KEY,
            "tenant_id": "1234",
        }

    def _token(self, call: Call) -> Answer:
        if self.token_reply is not None:
            return self.token_reply(call)
        return Answer(
            {
                "access_token": f"{TOKEN}-{len(self.token_calls)}",
                "expires_in": self.token_lifetime,
                "token_type": "Bearer",
            }
        )


def row(number: int, **fields: Any) -> dict[str, Any]:
    """Return an assignment with all twelve fields."""
    return {
        "id": number,
        "technicianId": 7,
        "technicianName": "Ada Fixit",
        "assignedById": 3,
        "assignedOn": "2026-11-01T08:00:00Z",
        "status": "Scheduled",
        "isPaused": False,
        "jobId": 11,
        "appointmentId": 12,
        "createdOn": "2026-11-01T08:00:00Z",
        "modifiedOn": MODIFIED,
        "active": True,
        **fields,
    }


def feed_of(*pages: tuple[str | None, dict[str, Any]]) -> Callable[[Call], Answer]:
    """Return a reply that finds each answer by the `from` it is asked with."""
    answers = dict(pages)

    def reply(call: Call) -> Answer:
        if call.path != FEED:
            return Answer({"statusCode": 404, "message": "Unable to match"}, status=404)
        return Answer(answers[call.query.get("from")])

    return reply


def page(*numbers: int, more: Any, token: Any) -> dict[str, Any]:
    """Return a page of the feed."""
    return {"hasMore": more, "continueFrom": token, "data": [row(number) for number in numbers]}


def listed(*rows: dict[str, Any], more: bool = False) -> dict[str, Any]:
    """Return a page of a list."""
    return {"page": 1, "pageSize": 5000, "hasMore": more, "totalCount": None, "data": list(rows)}


def routed(answers: Mapping[str, Any]) -> Callable[[Call], Answer]:
    """Return a reply that finds the body of each answer by the path; a function is asked for it."""

    def reply(call: Call) -> Answer:
        path = call.path.removeprefix(PREFIX)
        if path not in answers:
            return Answer({"message": "Unable to match incoming request"}, status=404)
        found = answers[path]
        answer = found(call) if callable(found) else found
        return answer if isinstance(answer, Answer) else Answer(answer)

    return reply

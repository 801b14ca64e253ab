"""Requests as bytes, with whatever is in their head."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_servicetitan_dispatch.sandbox import Sandbox


def sent(sandbox: Sandbox, request: bytes) -> bytes:
    """Send bytes as they are, and return the answer, until the sandbox hangs up or falls silent."""
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    with closing(socket.create_connection((host, int(port)), timeout=20)) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(2**16), b""))


def with_host(
    host: bytes | None, method: bytes = b"GET", path: bytes = b"/sandbox/faults"
) -> bytes:
    header = b"" if host is None else b"Host: %b\r\n" % host
    body = b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    return b"%b %b HTTP/1.1\r\n%bConnection: close\r\n%b" % (method, path, header, body)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])

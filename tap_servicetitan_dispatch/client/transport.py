"""How answers are received over HTTP, within limits.

requests and urllib3 limit the silence of a server, but neither the duration of an answer nor its
size. Here both are limited, at a lower level: where bytes leave the socket, and where they are
unpacked.
"""

from __future__ import annotations

import http.client
import io
from functools import partial
from typing import TYPE_CHECKING, Any

import requests
from typing_extensions import override

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from _typeshed import WriteableBuffer
    from urllib3 import PoolManager

LOWEST_BYTES_PER_SECOND = 4096
"""A slower line counts as dead."""
MOST_BYTES = 64 * 2**20
"""Maximum size of a body, both as sent and unpacked; pages have some 2 MiB."""
MOST_BYTES_BEFORE_BODY = 2**20
PIECE_BYTES = 2**20


class TooLargeError(OSError):
    """An answer exceeds the maximum size."""

    def __init__(self, most: int) -> None:
        super().__init__(f"more than {most:,} bytes")


class BoundedStream(io.RawIOBase):
    """The bytes of one answer from a socket, within limits of time and size.

    The socket's own time-out limits each silence. The whole answer may take as long, plus a second
    for every `LOWEST_BYTES_PER_SECOND`.

    Args:
        raw: The socket as a file, without a buffer.
        sock: The socket itself.
        clock: Monotonic clock, in seconds.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, clock: Callable[[], float]) -> None:
        self._raw = raw
        self._sock = sock
        self._clock = clock
        self._silence = sock.gettimeout() or 0
        self._ends_at = clock() + self._silence
        self._most = self._left = MOST_BYTES_BEFORE_BODY

    def begin_body(self) -> None:
        """Note that the body comes next."""
        self._most = self._left = MOST_BYTES

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: WriteableBuffer) -> int:
        """Receive what there is, as soon as there is something.

        Raises:
            TimeoutError: The answer takes too long.
            TooLargeError: The answer is too large.
        """
        seconds = self._ends_at - self._clock()
        if seconds <= 0:
            raise TimeoutError("the answer goes on for too long")
        self._sock.settimeout(min(seconds, self._silence))
        count = self._raw.readinto(buffer) or 0
        self._left -= count
        if self._left < 0:
            raise TooLargeError(self._most)
        self._ends_at += count / LOWEST_BYTES_PER_SECOND
        return count

    @override
    def close(self) -> None:
        super().close()
        self._raw.close()


class Response(http.client.HTTPResponse):
    """An answer received through a `BoundedStream`, without those before it (1xx)."""

    def __init__(
        self, sock: socket.socket, *args: Any, clock: Callable[[], float], **kwargs: Any
    ) -> None:
        super().__init__(sock, *args, **kwargs)
        self._stream = BoundedStream(self.fp.detach(), sock, clock)
        self.fp = io.BufferedReader(self._stream)

    @override
    def begin(self) -> None:
        super().begin()
        while self.status < http.client.OK:  # it skips 100 itself, and takes others for the answer
            self.headers = self.msg = None  # type: ignore[assignment]  # as before it began
            super().begin()
        self._stream.begin_body()


class Adapter(requests.adapters.HTTPAdapter):
    """Sends requests over connections whose answers are received as a `Response`.

    Args:
        clock: Monotonic clock, in seconds.
        **kwargs: The arguments of requests' adapter.
    """

    def __init__(self, clock: Callable[[], float], **kwargs: Any) -> None:
        self._clock = clock
        super().__init__(**kwargs)

    @override
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._bound(self.poolmanager)

    @override
    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> PoolManager:
        is_new = proxy not in self.proxy_manager
        manager: PoolManager = super().proxy_manager_for(proxy, **proxy_kwargs)
        if is_new:
            self._bound(manager)
        return manager

    def _bound(self, manager: PoolManager) -> None:
        """Make the connections of a manager, of any kind, return a `Response`."""
        response_class = staticmethod(partial(Response, clock=self._clock))
        pools: dict[str, Any] = manager.pool_classes_by_scheme
        manager.pool_classes_by_scheme = {
            scheme: _derived(
                pool, ConnectionCls=_derived(pool.ConnectionCls, response_class=response_class)
            )
            for scheme, pool in pools.items()
        }


def _derived(base: Any, **attributes: Any) -> Any:
    return type(base.__name__, (base,), attributes)


def body_of(response: requests.Response) -> bytes:
    """Return the unpacked body of an answer, and free its connection.

    Of an error only the beginning is read, which is enough to say what it is.

    Raises:
        TooLargeError: It is too large.
    """
    content = bytearray()
    with response:
        for piece in response.iter_content(PIECE_BYTES):
            content += piece
            if len(content) > MOST_BYTES:
                raise TooLargeError(MOST_BYTES)
            if len(content) >= PIECE_BYTES and response.status_code != requests.codes.ok:
                break
    return bytes(content)

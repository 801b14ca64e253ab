"""A server on loopback for a fleet: many tenants, each with a limit on its calls.

Run as a process of its own. It prints its address and serves until its stdin is closed. `PUT /now`
says what the tenants have from then on, and returns what has been seen since the last time.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections import defaultdict, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.server import EMPTY, rows_json

if TYPE_CHECKING:
    from collections.abc import Callable

LATENCY = 0.3
"""Seconds that each call takes."""
CALLS_A_SECOND = 60
"""Of a tenant; the rest get a 429."""
_TENANT = re.compile(r"^/dispatch/v2/tenant/(\d+)/(.*)")


class Server(ThreadingHTTPServer):
    """Serves a feed with some rows and empty lists to each tenant that is not refused.

    Args:
        timer: Seconds that only go up.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._timer = timer
        self.lock = threading.Lock()
        self.recent: dict[str, deque[float]] = defaultdict(deque)
        self.set(token="", rows=0, failing=[])

    def set(self, *, token: str, rows: int, failing: list[int]) -> dict[str, int]:
        """Have rows in the feed up to a token, and refuse some tenants.

        Returns:
            What was seen before: calls, those that came too soon after others, and the most that
            a tenant made within a second.
        """
        seen = getattr(self, "seen", {})
        self.token, self.page, self.failing = token, rows_json(rows), {*map(str, failing)}
        self.seen = {"calls": 0, "too_soon": 0, "most_a_second": 0}
        return seen

    def admits(self, tenant: str) -> bool:
        """Return whether a call of a tenant is within the limit, and count it."""
        now = self._timer()
        with self.lock:
            calls = self.recent[tenant]
            while calls and calls[0] <= now - 1:
                calls.popleft()
            self.seen["calls"] += 1
            if len(calls) >= CALLS_A_SECOND:
                self.seen["too_soon"] += 1
                return False
            calls.append(now)
            self.seen["most_a_second"] = max(self.seen["most_a_second"], len(calls))
            return True


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, parts = self._answer(body)
        self.send_response(status)
        if status == 429:  # noqa: PLR2004 - a status
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(sum(map(len, parts))))
        self.end_headers()
        for part in parts:
            self.wfile.write(part)
        self.wfile.flush()

    do_POST = do_PUT = do_GET  # noqa: N815 - the names are given

    def _answer(self, body: bytes) -> tuple[int, tuple[bytes, ...]]:
        if self.path == "/now":
            return 200, (json.dumps(self.server.set(**json.loads(body))).encode(),)
        time.sleep(LATENCY)
        if not (found := _TENANT.match(self.path)):
            return 200, (b'{"access_token":"t","expires_in":900,"token_type":"Bearer"}',)
        tenant, path = found.groups()
        if not self.server.admits(tenant):
            return 429, (b'{"title":"Rate limit is exceeded. Try again in 1 seconds."}',)
        if tenant in self.server.failing:
            return 401, (b'{"title":"Unauthorized"}',)
        return 200, self._feed() if path.startswith("export/") else (EMPTY,)

    def _feed(self) -> tuple[bytes, ...]:
        token = self.server.token
        known = parse_qs(urlsplit(self.path).query).get("from") == [token]
        rows = b"[]" if known else self.server.page
        return f'{{"hasMore":false,"continueFrom":"{token}","data":'.encode(), rows, b"}"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - given
        pass


def main() -> None:
    """Serve until stdin is closed."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()

"""A server on loopback with ready-made pages, so that the client is what is measured.

Every tenant has the same.

Run as a process of its own. It prints its address, serves until its stdin is closed, and then
prints what it saw, as JSON.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE_ROWS = 5000
FIRST = datetime(2026, 1, 1, 6, tzinfo=UTC)
STATUSES = ("Scheduled", "Dispatched", "Working", "Done")
LISTS = {
    "appointment-assignments",
    "non-job-appointments",
    "technician-shifts",
    "technician-skills",
}
_TENANT = re.compile(r"^/dispatch/v2/tenant/\d+/")
BODIES = {
    "/connect/token": b'{"access_token":"t","expires_in":900,"token_type":"Bearer"}',
    "capacity": b'{"timeStamp":"2026-01-01T00:00:00Z","availabilities":[]}',
    "technician-tracking": b'{"technicianTrackingUrl":"https://tracking.invalid/t"}',
}
EMPTY = b'{"page":1,"pageSize":5000,"hasMore":false,"totalCount":null,"data":[]}'


def row(number: int) -> dict[str, Any]:
    """Return an assignment; no two are the same."""
    created = FIRST + timedelta(seconds=97 * number)
    modified = created + timedelta(minutes=number % 600)
    return {
        "id": 7_000_000_000 + number,
        "technicianId": 40_000_000 + number % 83,
        "technicianName": f"Technician No. {number % 83}",
        "assignedById": 50_000_000 + number % 11,
        "assignedOn": created.isoformat().replace("+00:00", "Z"),
        "status": STATUSES[number % 4],
        "isPaused": number % 17 == 0,
        "jobId": 8_000_000_000 + number // 2,
        "appointmentId": 9_000_000_000 + number // 2,
        "createdOn": created.isoformat().replace("+00:00", "Z"),
        "modifiedOn": f"{modified:%Y-%m-%dT%H:%M:%S}.{number % 9_999_999:07d}Z",
        "active": number % 23 != 0,
    }


def rows_json(count: int, first: int = 0) -> bytes:
    """Return the JSON of the rows of a page."""
    rows = [row(number) for number in range(first, first + count)]
    return json.dumps(rows, separators=(",", ":")).encode()


class Server(ThreadingHTTPServer):
    """Serves an export feed of some rows; every list is empty, unless told otherwise.

    Args:
        rows: Of the feed.
        page_rows: Of each of its pages.
        latency: Seconds that each request takes.
        full_lists: Whether the first page of each list is full too.
        distinct: Whether no row comes twice, so that a table has as many of them; the list of
            assignments then has what the feed has. Else all pages of the feed are the same.
    """

    daemon_threads = True

    def __init__(
        self, rows: int, page_rows: int, latency: float, *, full_lists: bool, distinct: bool
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages = -(-rows // page_rows)
        self.full = rows_json(page_rows) if rows or full_lists else b"[]"
        begins = range(0, rows if distinct else 0, page_rows)
        self.distinct = [rows_json(min(page_rows, rows - first), first) for first in begins]
        self.full_lists = full_lists
        self.latency = latency
        self.seen = threading.Lock()
        self.calls: dict[str, int] = {}
        self.in_flight = 0
        self.most_in_flight = 0
        self.seconds = 0.0

    def report(self) -> dict[str, Any]:
        """What was asked for: calls by path, the most at once, seconds spent on all of them."""
        return {
            "calls": self.calls,
            "most_in_flight": self.most_in_flight,
            "seconds": self.seconds,
        }


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        began = time.perf_counter()
        server = self.server
        path = _TENANT.sub("", urlsplit(self.path).path)
        with server.seen:
            server.calls[path] = server.calls.get(path, 0) + 1
            server.in_flight += 1
            server.most_in_flight = max(server.most_in_flight, server.in_flight)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = self._body(path)
        time.sleep(server.latency)
        self.send_response(200)
        self.send_header("Content-Length", str(sum(map(len, parts))))
        self.end_headers()
        with server.seen:
            server.in_flight -= 1
        for part in parts:
            self.wfile.write(part)
        self.wfile.flush()
        with server.seen:
            server.seconds += time.perf_counter() - began

    do_POST = do_GET  # noqa: N815 - the name is given

    def _body(self, path: str) -> tuple[bytes, ...]:
        if path in BODIES:
            return (BODIES[path],)
        if path.startswith("export/"):
            return self._feed_page()
        if self.server.distinct and path == "appointment-assignments":
            return self._list_page()
        if self.server.full_lists and path in LISTS:
            return (b'{"page":1,"pageSize":5000,"hasMore":false,"data":', self.server.full, b"}")
        return (EMPTY,)

    def _feed_page(self) -> tuple[bytes, ...]:
        asked = parse_qs(urlsplit(self.path).query).get("from", ["0"])[0]
        number = int(asked) + 1 if asked.isdigit() else self.server.pages + 1  # of a date
        more = "true" if number < self.server.pages else "false"
        head = f'{{"hasMore":{more},"continueFrom":"{min(number, self.server.pages)}","data":'
        return head.encode(), self._rows(number), b"}"

    def _list_page(self) -> tuple[bytes, ...]:
        number = int(parse_qs(urlsplit(self.path).query)["page"][0])
        more = "true" if number < self.server.pages else "false"
        head = f'{{"page":{number},"pageSize":5000,"hasMore":{more},"totalCount":null,"data":'
        return head.encode(), self._rows(number), b"}"

    def _rows(self, page: int) -> bytes:
        if page > self.server.pages:
            return b"[]"
        return self.server.distinct[page - 1] if self.server.distinct else self.server.full

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - given
        pass


def main() -> None:
    """Serve until stdin is closed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--page-rows", type=int, default=PAGE_ROWS)
    parser.add_argument("--latency", type=float, default=0)
    parser.add_argument("--full-lists", action="store_true")
    parser.add_argument("--distinct", action="store_true")
    given = parser.parse_args()
    with Server(
        given.rows,
        given.page_rows,
        given.latency,
        full_lists=given.full_lists,
        distinct=given.distinct,
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201
        sys.stdin.read()
        server.shutdown()
        print(json.dumps(server.report()), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

"""A server for this machine only, which makes the pages anew when the marts have changed."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

from typing_extensions import override

from tap_servicetitan_dispatch.page.marts import Marts, MartsError, version
from tap_servicetitan_dispatch.page.site import NothingLoadedError, build, counted

HOST = "127.0.0.1"
_OWN_NAMES = {HOST, "localhost"}


class Pages:
    """The present pages of a database.

    Args:
        database: The database with the marts.
        schema: Their schema.
        folder: The folder of the pages.
        say: Shows a line to the user.
    """

    def __init__(
        self, database: str, schema: str | None, folder: Path, say: Callable[[str], Any]
    ) -> None:
        self._database = database
        self._schema = schema
        self.folder = folder
        self._say = say
        self._made_of: object = None
        self._lock = Lock()

    def make(self) -> None:
        """Make the pages if the marts have changed since.

        Raises:
            MartsError: The marts cannot be read.
            NothingLoadedError: There is no tenant in them.
            OSError: A page cannot be written.
        """
        with self._lock:
            now = version(self._database, self._schema)
            if now == self._made_of:
                return
            with Marts(self._database, self._schema) as marts:
                pages = build(marts, self.folder)
            self._made_of = now
            self._say(f"{counted(pages)} made")

    def refresh(self) -> None:
        """Make the pages if possible; while dbt builds, the previous ones stay."""
        try:
            self.make()
        except (MartsError, NothingLoadedError, OSError) as error:
            self._say(f"The pages of before stay: {error}")


class _Handler(SimpleHTTPRequestHandler):
    """Serves the folder to requests that call this machine by its own name."""

    def __init__(self, pages: Pages, *arguments: Any) -> None:
        self._pages = pages
        super().__init__(*arguments, directory=str(pages.folder))

    @override
    def do_GET(self) -> None:
        if self._is_own():
            if self.path.partition("?")[0].endswith(("/", ".html")):
                self._pages.refresh()
            super().do_GET()

    @override
    def do_HEAD(self) -> None:
        if self._is_own():
            super().do_HEAD()

    def _is_own(self) -> bool:
        """Return whether the request names this machine; another name may belong to others."""
        if self.headers.get("Host", "").rpartition(":")[0] in _OWN_NAMES:
            return True
        self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "This server is known as localhost only")
        return False

    @override
    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Do not log requests."""


def server(pages: Pages, port: int) -> ThreadingHTTPServer:
    """Return a server of pages on a port of this machine; 0 takes a free one.

    Raises:
        OSError: The port is taken.
    """
    return ThreadingHTTPServer((HOST, port), partial(_Handler, pages))

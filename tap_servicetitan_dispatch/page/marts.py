"""The marts that dbt has built, in DuckDB or in PostgreSQL."""

import re
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import duckdb
import psycopg

POSTGRES = ("postgresql://", "postgres://")
SCHEMAS = {"duckdb": "main", "postgres": "dispatch"}
Row = dict[str, Any]

# Both databases give these as the same kind of value
_CASTS = {
    "time": "cast(extract(epoch from {0}) as double precision)",
    "day": "cast({0} as text)",
    "number": "cast({0} as double precision)",
    "": "{0}",
}


_REMEDY = "What to do: load, and build the marts with dbt; wait if a build is under way."


class MartsError(Exception):
    """The marts cannot be read; the message says why, and what to do."""


class Marts:
    """A read-only connection to the marts.

    Args:
        database: The path of a file of DuckDB, or the address of a PostgreSQL database.
        schema: The schema of the marts; if not given, `main` in DuckDB, `dispatch` in PostgreSQL.

    Raises:
        MartsError: There is no such database, or it does not answer.
    """

    def __init__(self, database: str, schema: str | None = None) -> None:
        self._connection: Any
        self._name = without_password(database)
        kind = "postgres" if database.startswith(POSTGRES) else "duckdb"
        self._schema = schema or SCHEMAS[kind]
        self._mark = "%s" if kind == "postgres" else "?"
        try:
            if kind == "postgres":
                self._connection = psycopg.connect(database)
                self._connection.read_only = True
            else:
                self._connection = duckdb.connect(database, read_only=True)
        except (duckdb.Error, psycopg.Error) as error:
            raise MartsError(
                f"{self._name} cannot be opened ({_first_line(error)}). {_REMEDY}"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def rows(
        self,
        mart: str,
        *columns: str,
        where: str = "",
        values: tuple[Any, ...] = (),
        group: str = "",
    ) -> list[Row]:
        """Return rows of a mart, in no particular order.

        Args:
            mart: Its name, without `dispatch_`.
            columns: Names of columns. After `:` may follow `time`, for seconds since 1970, `day`,
                for a text, or `number`, for a float.
            where: A condition in SQL; `?` stands for a value.
            values: The values.
            group: The column to group by, if any; the other columns are then aggregates.

        Raises:
            MartsError: The mart or a column does not exist.
        """
        names = [column.partition(":") for column in columns]
        asked = ", ".join(_CASTS[kind].format(name) for name, _, kind in names)
        # Names are our own, or the user's own schema; values are passed on as such
        sql = f"select {asked} from {self._schema}.dispatch_{mart}"  # noqa: S608
        if where:
            sql += f" where {where.replace('?', self._mark)}"
        if group:
            sql += f" group by {group}"
        keys = [name for name, _, _ in names]
        return [dict(zip(keys, row, strict=True)) for row in self._fetched(mart, sql, values)]

    def identity(self, mart: str) -> int:
        """Return PostgreSQL's number of a mart, which differs for each build.

        Raises:
            MartsError: The mart does not exist.
        """
        sql = "select cast(cast(cast(%s as text) as regclass) as bigint)"
        ((number,),) = self._fetched(mart, sql, (f"{self._schema}.dispatch_{mart}",))
        return int(number)

    def _fetched(self, mart: str, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            return list(self._connection.execute(sql, values or None).fetchall())
        except (duckdb.Error, psycopg.Error) as error:
            raise MartsError(
                f"dispatch_{mart} cannot be read from the schema {self._schema} of {self._name} "
                f"({_first_line(error)}). What to do: build the marts of this version with dbt."
            ) from None


def version(database: str, schema: str | None = None) -> object:
    """Return a value that changes each time the marts are built.

    Raises:
        MartsError: There is no such database, or it does not answer.
    """
    if database.startswith(POSTGRES):
        with Marts(database, schema) as marts:
            return marts.identity("tenant_day")
    try:
        found = Path(database).stat()
    except OSError as error:
        raise MartsError(f"{database} cannot be opened ({error.strerror}). {_REMEDY}") from None
    return found.st_mtime_ns, found.st_size


def without_password(database: str) -> str:
    """Return the name of a database without its password."""
    if not database.startswith(POSTGRES):
        return database
    parts = urlsplit(database)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _first_line(error: Exception) -> str:
    """Return a database's message as one line, without the password that it may repeat."""
    line = str(error).strip().partition("\n")[0]
    return re.sub(r"(postgres(?:ql)?://)[^@\s]*@", r"\1", line)

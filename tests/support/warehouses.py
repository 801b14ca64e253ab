"""Loads by hand, as target-jsonl and target-postgres write them, and what dbt makes of them.

Each is in both databases, and whatever is built is the same in both, or building it fails.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import duckdb
import psycopg

from tests.support.dbt import Dbt
from tests.support.postgresql import PostgreSql
from tests.support.projects import ROOT
from tests.support.streams import LOG, STREAMS
from tools.declared import streams
from tools.models import type_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.dbt import Ended

Row = dict[str, Any]
DATABASES = ("duckdb", "postgres")
MODELS = ROOT / "transform" / "models"
STAGING = sorted(file.stem for file in (MODELS / "staging").glob("*.sql"))
MARTS = sorted(file.stem for file in (MODELS / "marts").glob("*.sql"))
TAP_SCHEMA, MARTS_SCHEMA = "tap_servicetitan_dispatch", "dispatch"
DUCKDB = "dispatch.duckdb"
SDC = "_sdc_sync_started_at"
HISTORIES = ("appointment_assignments_history",)
"""What a stream map keeps all versions in."""
OWN_CLOCK = {
    file.stem: "first_loaded_at"
    for file in (MODELS / "staging").glob("*.sql")
    if "all_versions" in file.read_text(encoding="utf-8")
}
"""Columns of the clock of a loader, which differs where the same rows were loaded twice."""


@cache
def _types() -> dict[str, dict[str, str]]:
    """Return what target-postgres makes of each field, by stream."""
    names = {"time": "timestamp", "number": "double precision", "json": "jsonb"}
    return {
        stream.name: {
            name: names.get(type_of(spec), type_of(spec))
            for name, spec in stream.schema["properties"].items()
        }
        for stream in streams()
    }


def comparable(value: Any) -> Any:
    """Return a value as it compares: instants as such, numbers to nine digits."""
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:", value):
        return datetime.fromisoformat(value.replace(" ", "T")).astimezone(UTC).isoformat()
    if isinstance(value, float | int) and not isinstance(value, bool):
        return float(f"{value:.9g}") if math.fabs(value) < 2**40 else value
    if isinstance(value, list):
        return [comparable(each) for each in value]
    if isinstance(value, dict):
        return {name: comparable(each) for name, each in value.items()}
    return value


def as_set(rows: list[Row], *without: str) -> list[str]:
    """Return rows in an order that is the same in each database."""
    kept = [{name: row[name] for name in row if name not in without} for row in rows]
    return sorted(json.dumps(comparable(row), sort_keys=True) for row in kept)


@dataclass
class Loads:
    """What was loaded for one test, into a folder and into a schema.

    Attributes:
        warehouses: Where it is.
        folder: Where the files are.
        schema: Where the tables are.
        variables: Environment variables of each command of dbt.
    """

    warehouses: Warehouses
    folder: Path
    schema: str = TAP_SCHEMA
    variables: dict[str, str] = field(default_factory=dict)
    _read: dict[str, list[Row]] = field(default_factory=dict, repr=False)

    def load(self, at: datetime, **rows: list[Row]) -> None:
        """Load rows, by stream, at a time; a stream map keeps versions in PostgreSQL."""
        self.load_all({at: rows})

    def load_all(self, loads: dict[datetime, dict[str, list[Row]]]) -> None:
        """Load rows, by stream, at several times, the earliest first."""
        tables: dict[str, list[Row]] = {}
        for at, rows in loads.items():
            for stream, new in rows.items():
                text = "".join(json.dumps(row) + "\n" for row in new)
                file = self.folder / f"{stream}-{at:%Y%m%dT%H%M%S}.jsonl"
                if new:  # target-jsonl makes no file for nothing
                    file.write_text(text, encoding="utf-8")
                mark = {SDC: int(at.timestamp() * 1000)}
                kept = {stream, f"{stream}_history"} & {*HISTORIES, stream}
                for table in kept:
                    tables.setdefault(table, []).extend(row | mark for row in new)
        for stream, loaded in tables.items():
            latest = {tuple(row.get(key) for key in key_of(stream)): row for row in loaded}
            self._upsert(stream, [*latest.values()])

    def _upsert(self, stream: str, rows: list[Row]) -> None:
        server, table = self.warehouses.server, f'"{self.schema}"."{stream}"'
        types = _types()[stream.removesuffix("_history")]
        names = list(dict.fromkeys(name for row in rows for name in row)) or [
            *types
        ]  # by its SCHEMA
        columns = {name: types.get(name, "bigint") for name in names}
        server.query(f'create schema if not exists "{self.schema}"')
        server.query(f"create table if not exists {table} ({SDC} bigint, _sdc_deleted_at text)")
        for name, kind in columns.items():
            server.query(f'alter table {table} add column if not exists "{name}" {kind}')
        keys = [name for name in key_of(stream) if name in columns]
        matching = " and ".join(f'old."{key}" is not distinct from new."{key}"' for key in keys)
        listed = ", ".join(f'"{name}"' for name in names)
        cut = re.sub(r"(\.\d{6})\d+Z", r"\1Z", json.dumps(rows))
        new = f"jsonb_populate_recordset(null::{table}, %s::jsonb) as new"
        server.query(f"delete from {table} as old using {new} where {matching}", cut)  # noqa: S608 - our own
        server.query(
            f"insert into {table} ({listed}) select {listed} from {new}",  # noqa: S608 - our own
            cut,
        )

    def dbt(self, database: str, *arguments: str, **variables: str) -> Ended:
        """Run a command of dbt."""
        self._read.clear()
        given = self.variables | variables
        run = self.warehouses.dbts[database]
        return run(*arguments, said=None, **given)

    def build(self, *arguments: str, **variables: str) -> list[Ended]:
        """Build in both databases, which has to be good."""
        ended = [self.dbt(each, *(arguments or ("run",)), **variables) for each in DATABASES]
        for each in ended:
            assert each.is_good, each.trouble
        return ended

    def refused(self, *arguments: str, **variables: str) -> list[str]:
        """Build in both databases, which must not be good, and return what was said."""
        ended = [self.dbt(each, *(arguments or ("run",)), **variables) for each in DATABASES]
        assert not any(each.is_good for each in ended)
        return [each.trouble for each in ended]

    def rows(self, model: str) -> list[Row]:
        """Return the rows of a model, which are the same in both databases."""
        if model not in self._read:
            in_duckdb, in_postgres = (self.rows_in(each, model) for each in DATABASES)
            assert as_set(in_duckdb) == as_set(in_postgres), model
            self._read[model] = in_duckdb
        return self._read[model]

    def rows_in(self, database: str, model: str) -> list[Row]:
        """Return the rows of a model in a database."""
        query = f"select cast(to_json(found) as text) as row from {model} as found"  # noqa: S608 - our own
        return [json.loads(row) for (row,) in self.asked(database, query)]

    def asked(self, database: str, query: str) -> list[tuple[Any, ...]]:
        """Return the answer of a database to a query of the marts."""
        if database == "duckdb":
            with duckdb.connect(str(self.folder / DUCKDB), read_only=True) as connection:
                connection.execute("set TimeZone = 'UTC'")
                return connection.execute(query).fetchall()
        with psycopg.connect(self.warehouses.server.url) as server:
            server.execute(f"set search_path = {MARTS_SCHEMA}, {self.schema}".encode())
            server.execute("set TimeZone = 'UTC'")
            return server.execute(query.encode()).fetchall()


def key_of(stream: str) -> tuple[str, ...]:
    """Return the key of a table, which of a history has the time of the version in it."""
    if stream == LOG:
        return ("runId", "stream", "tenantId")
    if stream.endswith("_history"):
        return ("tenantId", "id", "modifiedOn")
    kept = ("timeStamp",) if stream == "capacities" else ()  # by keep_history
    return ("tenantId", *STREAMS[stream].keys, *kept)


class Warehouses:
    """A PostgreSQL server, and a dbt for each of the two databases, for the length of some tests.

    Args:
        installed: A Meltano project in which both are installed.
        folder: Where all of it is written.
    """

    def __init__(self, installed: Path, folder: Path) -> None:
        self._installed = installed
        self._folder = folder
        self._loads = folder / "loads"

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.server = stack.enter_context(PostgreSql())
            self.dbts = {each: stack.enter_context(self._dbt(each)) for each in DATABASES}
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _dbt(self, database: str) -> Dbt:
        python = self._installed / f".meltano/utilities/dbt-{database}/venv/bin/python"
        where = {
            "TARGET_JSONL_DESTINATION_PATH": str(self._loads),
            "DISPATCH_DUCKDB": str(self._loads / DUCKDB),
            "DISPATCH_SCHEMA": MARTS_SCHEMA,
        }
        settings = self.server.settings | where
        return Dbt(python, ROOT / "transform", database, self._folder, **settings)

    def loads(self, **variables: str) -> Loads:
        """Return a place into which nothing has been loaded, always the same one."""
        shutil.rmtree(self._loads, ignore_errors=True)
        self._loads.mkdir()
        for schema in (TAP_SCHEMA, f"{TAP_SCHEMA}__group", MARTS_SCHEMA):
            self.server.query(f"drop schema if exists {schema} cascade")
        return Loads(self, self._loads, variables=variables)

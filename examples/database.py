"""The marts that dbt has built, in DuckDB or in PostgreSQL."""

import re
from collections import Counter
from datetime import datetime
from typing import Any, Self

import duckdb
import psycopg

POSTGRES = ("postgresql://", "postgres://")
SCHEMA = "dispatch"
Error = (duckdb.Error, psycopg.Error)
"""What goes wrong in either database."""


class NothingLoadedError(Exception):
    """There are no assignments, so there is nothing to draw."""


class Marts:
    """The marts of a tenant.

    Args:
        database: The path of a file of DuckDB, or the address of a PostgreSQL server.
        timezone: The time zone, by its IANA name, in which days and weeks begin; the tenant's own
            if not given.
        tenant: Number of the tenant; the lowest that there is if not given.

    Attributes:
        timezone: That time zone.

    Raises:
        NothingLoadedError: There is no tenant, and no time zone is given.
    """

    def __init__(self, database: str, timezone: str | None, tenant: int | None = None) -> None:
        self._connection: Any
        if database.startswith(POSTGRES):
            self._connection = psycopg.connect(database)
            self._connection.execute(f"set search_path to {SCHEMA}")
            self._parameter = r"%(\1)s"
            set_time_zone = "select set_config('TimeZone', :zone, false)"
        else:
            self._connection = duckdb.connect(database, read_only=True)
            self._parameter = r"$\1"
            set_time_zone = "set TimeZone = :zone"
        if tenant is None:
            ((tenant,),) = self.rows("select min(tenant_id) from dispatch_assignment_history")
        self._tenant = tenant
        self.timezone = timezone or self._own_time_zone()
        self._ask(set_time_zone, {"zone": self.timezone})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query; `:tenant` and `:name` in it stand for values."""
        return list(self._ask(query, values).fetchall())

    def shown(self, query: str) -> list[tuple[str, ...]]:
        """Return the names of the columns of a query, and its rows, as text."""
        answer = self._ask(query, {})
        names = tuple(column[0] for column in answer.description)
        return [names, *(tuple(map(str, row)) for row in answer.fetchall())]

    def _own_time_zone(self) -> str:
        found = self.rows("select time_zone from dispatch_tenants where tenant_id = :tenant")
        if not found:
            raise NothingLoadedError
        ((zone,),) = found
        return str(zone)

    def _ask(self, query: str, values: dict[str, Any]) -> Any:
        if ":tenant" in query:
            values = {**values, "tenant": self._tenant}
        return self._connection.execute(re.sub(r":(\w+)", self._parameter, query), values or None)


def latest_change(marts: Marts) -> datetime:
    """Return when the latest change of an assignment happened, as clocks in the time zone have it.

    Raises:
        NothingLoadedError: There are no assignments.
    """
    latest = (
        "select cast(max(last_modified_on) as timestamp) from dispatch_assignment_history "
        "where tenant_id = :tenant"
    )
    moment: datetime | None
    ((moment,),) = marts.rows(latest)
    if moment is None:
        raise NothingLoadedError
    return moment


def technicians(marts: Marts) -> dict[int, str]:
    """Return what to call technicians: their names, with the numbers where several share one."""
    names: dict[int, str] = dict(
        marts.rows(
            "select technician_id, technician_name from dispatch_technicians "
            "where tenant_id = :tenant"
        )
    )
    times = Counter(names.values())
    return {
        number: name if times[name] == 1 else f"{name} {number}" for number, name in names.items()
    }

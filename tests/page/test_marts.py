"""Reading the marts of DuckDB, and what is said if that fails; PostgreSQL is in tests/transform."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tap_servicetitan_dispatch.page.marts import Marts, MartsError, version, without_password
from tests.page.made import chicago, loads, tenant, write

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "postgresql://reader:sesame@db.example:5432/dispatch?sslmode=require"


def test_rows_come_as_plain_values(tmp_path: Path) -> None:
    file = write(tmp_path / "dispatch.duckdb", tenants=[tenant()], loads=loads("2026-10-30 08:00"))
    with Marts(str(file)) as marts:
        assert marts.rows("tenants", "tenant_id", "tenant_name", "last_complete_load:time") == [
            {"tenant_id": 1, "tenant_name": "Acme", "last_complete_load": None}
        ]
        ((value,),) = [
            row.values()
            for row in marts.rows("loads", "loaded_at:time", where="tenant_id = ?", values=(1,))
        ]
        assert marts.rows("loads", "loaded_at:time", where="tenant_id = ?", values=(2,)) == []
    assert value == datetime(2026, 10, 30, 13, tzinfo=UTC).timestamp()


def test_what_cannot_be_read_is_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(MartsError, match=r"cannot be opened .* What to do: load, and build"):
        Marts(str(tmp_path / "none.duckdb"))
    file = write(tmp_path / "dispatch.duckdb")
    with (
        Marts(str(file), "elsewhere") as marts,
        pytest.raises(MartsError, match=r"dispatch_tenants cannot .* schema elsewhere") as told,
    ):
        marts.rows("tenants", "tenant_id")
    assert "\n" not in str(told.value)


def test_a_version_is_another_after_each_build(tmp_path: Path) -> None:
    file = tmp_path / "dispatch.duckdb"
    with pytest.raises(MartsError, match="cannot be opened"):
        version(str(file))
    write(file)
    before = version(str(file))
    assert version(str(file)) == before
    write(file, tenants=[tenant(last_complete_load=chicago("2026-10-30 08:00"))])
    assert version(str(file)) != before


def test_postgresql_is_asked_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an answer that is made up; tests/transform asks a real one."""
    asked: list[Any] = []

    class Connection:
        read_only = False

        def execute(self, sql: str, values: Any) -> Connection:
            asked.append((sql, values, self.read_only))
            return self

        def fetchall(self) -> list[tuple[int]]:
            return [(17,)]

        def close(self) -> None:
            asked.append("closed")

    monkeypatch.setattr(psycopg, "connect", lambda _: Connection())
    assert version(SECRET) == 17
    with Marts(SECRET, "own") as marts:
        marts.rows("loads", "tenant_id", where="tenant_id = ?", values=(1,))
    assert [each[1:] for each in asked if each != "closed"] == [
        (("dispatch.dispatch_tenant_day",), True),
        ((1,), True),
    ]
    assert asked[2][0] == "select tenant_id from own.dispatch_loads where tenant_id = %s"
    assert asked.count("closed") == 2


def test_a_password_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(address: str) -> Any:
        raise psycopg.OperationalError(f"no: {address}\nmore")

    monkeypatch.setattr(psycopg, "connect", refuses)
    with pytest.raises(MartsError) as told:
        Marts(SECRET)
    assert "sesame" not in str(told.value)
    assert "db.example:5432/dispatch cannot be opened" in str(told.value)
    assert without_password(SECRET) == "postgresql://db.example:5432/dispatch"
    assert without_password("output/dispatch.duckdb") == "output/dispatch.duckdb"

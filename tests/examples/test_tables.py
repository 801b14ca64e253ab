from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from examples.database import STREAMS, database
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tests.examples.tables import TIMEZONE, write
from tests.support.streams import EXTRA

if TYPE_CHECKING:
    from pathlib import Path

TYPES = {"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN", "string": "VARCHAR"}


def duckdb_type(schema: dict[str, Any]) -> str:
    """Return what a field's type is called in DuckDB."""
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    (kind,) = (kind for kind in kinds if kind != "null")
    if schema.get("format") == "date-time":
        return "TIMESTAMP WITH TIME ZONE"
    if kind == "array":
        return f"{duckdb_type(schema['items'])}[]"
    if kind == "object":
        fields = schema["properties"].items()
        columns = (f'"{name}" {duckdb_type(field)}' for name, field in fields)
        return f"STRUCT({', '.join(columns)})"
    return TYPES[kind]


@pytest.mark.parametrize("stream", STREAMS)
def test_a_table_has_the_columns_of_the_stream(tmp_path: Path, stream: str) -> None:
    tap = TapServiceTitanDispatch(config={"extra_streams": [*EXTRA]}, validate_config=False)
    schema = tap.streams[stream].schema
    expected = {name: duckdb_type(field) for name, field in schema["properties"].items()}
    with database(tmp_path, TIMEZONE) as connection:
        columns = connection.execute(f"describe {stream}").fetchall()
    found = {name: kind for name, kind, *_ in columns}
    assert found.keys() == expected.keys()
    for name, kind in found.items():
        assert kind.replace('"', "") == expected[name].replace('"', "")


def test_the_rows_of_all_runs_and_no_other_stream_are_in_a_table(tmp_path: Path) -> None:
    write(tmp_path, "appointment_assignments", {"id": 1}, {"id": 2}, run="20260618T120000")
    write(tmp_path, "appointment_assignments", {"id": 1}, run="20260618T121000")
    write(tmp_path, "appointment_assignments_list", {"id": 3})
    with database(tmp_path, TIMEZONE) as connection:
        found = connection.execute("select id from appointment_assignments order by id").fetchall()
    assert found == [(1,), (1,), (2,)]

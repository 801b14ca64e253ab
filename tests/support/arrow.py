"""BATCH files in the format of Arrow, which the SDK writes from 0.55 on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyarrow as pa  # type: ignore[import-untyped] # it has no types
import pytest
from singer_sdk import Stream

from tap_servicetitan_dispatch.settings import batches
from tap_servicetitan_dispatch.settings.batches import ARROW_IS_THERE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk.helpers._batch import BatchConfig

    from tests.support.runs import Run

Row = dict[str, Any]

NEEDS_ARROW = pytest.mark.skipif(
    not ARROW_IS_THERE, reason="singer-sdk has files of Arrow from 0.55 on; .ci/next has that"
)


def arrow_into(folder: Path, **more: Any) -> dict[str, Any]:
    """Return the setting that has files of Arrow written into a folder."""
    return {
        "batch_config": {
            "encoding": {"format": "arrow"},
            "storage": {"root": folder.as_uri()},
            **more,
        }
    }


def table_in(url: str) -> pa.Table:
    with pa.ipc.open_file(Path(urlsplit(url).path)) as file:
        return file.read_all()


def do_without_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files of Arrow be written, whether the SDK can do so or not."""
    monkeypatch.setattr(batches, "ARROW_IS_THERE", True)
    monkeypatch.setattr(batches, "entry_points", lambda **_: [SimpleNamespace(name="arrow")])
    monkeypatch.setattr(Stream, "get_batches", _batches)


def _batches(
    stream: Stream, config: BatchConfig, context: Any = None
) -> Iterator[tuple[Any, list[str]]]:
    """Do what the SDK does with the tables of a stream: a stand-in for `Stream.get_batches`.

    The files are one for each table, whatever their size.
    """
    folder = Path(urlsplit(config.storage.root).path)
    folder.mkdir(exist_ok=True)
    tables: Any = stream.get_record_batches(context)  # type: ignore[attr-defined,unused-ignore] # 0.55
    for number, table in enumerate(tables):
        path = folder / f"{stream.name}-{number}.arrow"
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table)
        yield config.encoding, [path.as_uri()]


def assert_same_values(records: list[dict[str, Any]], files: Run) -> None:
    """The files have the values of the records, in the same order, where a column can hold them.

    What it cannot hold may be among the unknown fields of the files.
    """
    wanted, tables = records_of(records), tables_of(files)
    assert tables.keys() == wanted.keys()
    for stream, rows in wanted.items():
        for got, row in zip(rows_of(tables[stream]), rows, strict=True):
            if isinstance(kept := got.get("unknownFields"), dict):
                assert kept.items() >= (row["unknownFields"] or {}).items()
                row["unknownFields"] = kept
            assert got == row


def tables_of(run: Run) -> dict[str, pa.Table]:
    """Return what is in the files of each stream."""
    assert run.exit_code == 0, run.stderr
    assert run.records == []
    found: dict[str, list[pa.Table]] = {}
    for each in run.messages:
        if each["type"] == "BATCH":
            assert each["encoding"]["format"] == "arrow"
            found.setdefault(each["stream"], []).extend(map(table_in, each["manifest"]))
    return {stream: pa.concat_tables(tables) for stream, tables in found.items()}


def rows_of(table: pa.Table) -> list[Row]:
    rows: list[Row] = table.to_pylist()
    for each in rows:
        if isinstance(kept := each.get("unknownFields"), str):
            each["unknownFields"] = json.loads(kept)
    return rows


def records_of(messages: list[dict[str, Any]]) -> dict[str, list[Row]]:
    """Return the records of each stream as its columns are to have them."""
    schemas = {each["stream"]: each["schema"] for each in messages if each["type"] == "SCHEMA"}
    found: dict[str, list[Row]] = {}
    for each in messages:
        if each["type"] == "RECORD":
            wanted = held(each["record"], schemas[each["stream"]])
            found.setdefault(each["stream"], []).append(wanted)
    return found


_HOLDS: dict[str, Callable[[Any], bool]] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: type(value) is int and -(2**63) <= value < 2**63,
    "number": lambda value: type(value) is float or (type(value) is int and abs(value) <= 2**53),
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
}


def held(value: Any, schema: dict[str, Any]) -> Any:
    """Return what a column can hold of a value: null in place of what it cannot."""
    kinds = {*([schema["type"]] if isinstance(schema["type"], str) else schema["type"])}
    (kind,) = kinds - {"null"}
    if value is None or not _HOLDS[kind](value):
        return None
    if kind == "array":
        return [held(each, schema["items"]) for each in value]
    if fields := schema.get("properties"):
        return {name: held(value.get(name), field) for name, field in fields.items()}
    return time(value) if schema.get("format") == "date-time" else value


def time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)

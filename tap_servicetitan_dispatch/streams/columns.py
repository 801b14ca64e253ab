"""Pages as Arrow tables: a column for each field, of the type in the schema.

If a value does not fit its column, the column has null; `unknown_fields` decides whether the value
is reported, kept or refused. This module needs the extra `pyarrow`, and is imported only where
tables are wanted.
"""

from __future__ import annotations

from collections import defaultdict
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped] # it has no types
import pyarrow.compute as pc  # type: ignore[import-untyped] # likewise

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.errors import AnswerError
from tap_servicetitan_dispatch.streams.fields import UNKNOWN_FIELDS
from tap_servicetitan_dispatch.streams.records import Oddities, fits, to_dict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tap_servicetitan_dispatch.streams.hashing import Hasher
    from tap_servicetitan_dispatch.streams.records import OddityReporter
    from tap_servicetitan_dispatch.walks import Record

TIME = pa.timestamp("us", "UTC")
JSON = pa.json_()
"""An object whose content the schema does not describe."""
_NANOSECONDS = pa.timestamp("ns", "UTC")
_PLAIN = {
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "string": pa.string(),
}
_VALUES: Mapping[pa.DataType, Any] = {
    pa.bool_(): list[bool | None],
    pa.int64(): list[Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | None],
    pa.float64(): list[float | Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)] | None],
    pa.string(): list[str | None],
    TIME: list[str | None],
    JSON: list[Any],
}
"""msgspec's types for the values of a column that is neither a list nor a struct."""
_MISFITS = (OverflowError, TypeError, ValueError)
"""Errors for a value that does not fit its column."""


class Columns:
    """Makes tables of a stream's rows; walks of several tenants may use it at the same time.

    Args:
        properties: The properties of the stream's schema, as its rows are delivered.
        selected: The names of the selected properties.
        absent: The paths of nested fields that are not delivered.
        keys: The fields of the key, which no row may lack.
        reporter: Receives what is odd.
        hasher: Has already put the hashes into the rows.
    """

    def __init__(
        self,
        properties: Mapping[str, Mapping[str, Any]],
        *,
        selected: Collection[str],
        absent: Collection[tuple[str, ...]],
        keys: Collection[str],
        reporter: OddityReporter,
        hasher: Hasher,
    ) -> None:
        self._schema = pa.schema(
            (name, _type_of(field, (name,), absent))
            for name, field in properties.items()
            if name in selected
        )
        self._keys = keys
        self._reporter = reporter
        self._hasher = hasher

    def table(self, rows: Sequence[Record]) -> pa.Table:
        """Return rows as a table.

        Args:
            rows: All of them structs, or all of them dicts.

        Raises:
            AnswerError: A value does not fit, and it is part of the key, or `unknown_fields` says
                `fail`.
        """
        if not (rows and isinstance(rows[0], dict)):
            try:
                return self._table([_values_of(rows, name) for name in self._schema.names])
            except _MISFITS:
                pass
        return self._table([*self._fitting([to_dict(row) for row in rows]).values()])

    def _table(self, columns: Sequence[list[Any]]) -> pa.Table:
        arrays = [
            _array(values, field.type) for values, field in zip(columns, self._schema, strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=self._schema)

    def _fitting(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
        """Return the values of each column; those that do not fit are treated as unknown fields."""
        odd = Oddities(set(), set())
        columns = {name: [row.get(name) for row in rows] for name in self._schema.names}
        rest: defaultdict[int, dict[str, Any]] = defaultdict(dict)
        for field in self._schema:
            values = columns[field.name]
            if not _hold(values, field.type):
                for number, value in enumerate(values):
                    values[number], unfit = _split(value, field.type, field.name, odd)
                    if unfit is not None:
                        rest[number][field.name] = unfit
        for number, unfit in rest.items():
            if keys := sorted(unfit.keys() & {*self._keys}):
                raise _with_odd_key(self._schema.field(keys[0]))
            if kept := columns.get(UNKNOWN_FIELDS):
                hashed = {UNKNOWN_FIELDS: unfit}
                self._hasher.replace_in([hashed])
                kept[number] = _merged(kept[number], hashed[UNKNOWN_FIELDS])
        self._reporter.tell(odd)
        return columns


def _with_odd_key(key: pa.Field) -> AnswerError:
    return AnswerError(
        f"the API gave a row whose {key.name} does not fit into a column of type {key.type}",
        "report it, and have records or JSON lines written meanwhile. The bookmark is safe",
    )


def _type_of(
    schema: Mapping[str, Any], path: tuple[str, ...], absent: Collection[tuple[str, ...]]
) -> pa.DataType:
    """Return the type of a column, or of a part of it, for a schema.

    Args:
        schema: The schema of the values.
        path: The names of the fields that lead to them.
        absent: The paths of fields that are not delivered.
    """
    if "items" in schema:
        return pa.list_(_type_of(schema["items"], path, absent))
    if fields := schema.get("properties"):
        inside = {name: (*path, name) for name in fields}
        return pa.struct(
            (name, _type_of(fields[name], where, absent))
            for name, where in inside.items()
            if where not in absent
        )
    [name] = {*([schema["type"]] if isinstance(schema["type"], str) else schema["type"])} - {"null"}
    if name == "object":
        return JSON
    return TIME if schema.get("format") == "date-time" else _PLAIN[name]


def _values_of(rows: Sequence[Any], name: str) -> list[Any]:
    values = map(attrgetter(name), rows)
    return [None if each is msgspec.UNSET else each for each in values]


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Return values as a column of a type.

    Raises:
        Exception: One of `_MISFITS`, because a value does not fit.
    """
    if kind == TIME:
        return _times(values)
    if kind == JSON:
        texts = (each if each is None else msgspec.json.encode(each).decode() for each in values)
        return pa.array(texts, kind)
    return pa.array(values if kind in _VALUES else msgspec.to_builtins(values), kind)


def _times(values: list[str | None]) -> pa.Array:
    """Return times as a column, cut to the microsecond."""
    try:
        exact = pa.array(values, pa.string()).cast(_NANOSECONDS)
    except pa.ArrowInvalid:  # of years, or in forms, that only Python reads
        return pa.array([each if each is None else instants.parse(each) for each in values], TIME)
    return pc.floor_temporal(exact, unit="microsecond").cast(TIME)


def _split(value: Any, kind: pa.DataType, path: str, odd: Oddities) -> tuple[Any, Any]:
    """Return the part of a value that fits a column, and the rest; null for either that is empty.

    Args:
        value: The value.
        kind: The type of the column, or of a part of it.
        path: Where in the row it is, as `technicians[].status`.
        odd: Receives the paths of parts that do not fit.
    """
    if _hold([value], kind):
        return value, None
    if isinstance(value, dict) and pa.types.is_struct(kind):
        parts = {
            each.name: _split(value.get(each.name), each.type, f"{path}.{each.name}", odd)
            for each in kind
        }
        rest = {name: unfit for name, (_, unfit) in parts.items() if unfit is not None}
        return {name: fit for name, (fit, _) in parts.items()}, rest or None
    if isinstance(value, list) and pa.types.is_list(kind):
        elements = [_split(each, kind.value_type, f"{path}[]", odd) for each in value]
        left = [unfit for _, unfit in elements]
        return [fit for fit, _ in elements], left if left != [None] * len(left) else None
    odd.of_another_type.add(path)
    return None, value


def _hold(values: list[Any], kind: pa.DataType) -> bool:
    """Return whether all values fit a column, unless that shows only value by value."""
    if all(each is None for each in values):
        return True
    if kind not in _VALUES or not fits(values, _VALUES[kind]):
        return False
    if kind == TIME:
        try:
            [instants.parse(each) for each in values if each is not None]
        except ValueError:
            return False
    return True


def _merged(one: Any, other: Any) -> Any:
    """Return two complementary parts of a value as one."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            name: _merged(one.get(name), other.get(name)) for name in dict.fromkeys([*one, *other])
        }
    if isinstance(one, list) and isinstance(other, list):
        return [_merged(*both) for both in zip(one, other, strict=True)]
    return other if one is None else one

"""Rows: decoded by the schema of their stream; only its selected fields are delivered."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import reduce
from operator import attrgetter, or_
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec

from tap_servicetitan_dispatch.errors import AnswerError
from tap_servicetitan_dispatch.log.redaction import part
from tap_servicetitan_dispatch.streams.fields import NEVER, UNKNOWN_FIELDS
from tap_servicetitan_dispatch.walks import DecodedRow

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Mapping

    from tap_servicetitan_dispatch.walks import Page, Record

MOST_WARNINGS = 5
"""Maximum number of warnings for a stream: a broken server may send a different field in each row.
"""
_TYPES: Mapping[str, Any] = {
    "string": str,
    "integer": int,
    "number": int | float,  # as float alone, 1 would go out as 1.0
    "boolean": bool,
    "null": None,
}
"""msgspec's names for the plain types of JSON schema."""
_NOTHING = ("", None)
"""Values that may not be part of a key: a target may take an empty text for null."""


class ExtendedRow(dict[str, Any]):
    """A row of the API, and fields that the tap adds to it.

    Attributes:
        replaced: The API's fields of the same names, if their values differ.

    Args:
        row: The API's row.
        own: The tap's fields.
    """

    def __init__(self, row: Mapping[str, Any], own: Mapping[str, Any]) -> None:
        super().__init__({**row, **own})
        self.replaced = _replaced(row, own)


class Shape:
    """The type of a value and everything within it, by its schema, in msgspec's types.

    An object becomes a struct with exactly its fields, an array a list of such elements. So msgspec
    itself checks as deep as the schema goes.

    Args:
        schema: The schema of the value.
        or_null: Whether it may be null, if the schema allows that.
    """

    def __init__(self, schema: Mapping[str, Any], *, or_null: bool = True) -> None:
        self._fields = {name: Shape(each) for name, each in schema.get("properties", {}).items()}
        self._element = Shape(schema["items"]) if "items" in schema else None
        types = schema.get("type", [])
        names = [types] if isinstance(types, str) else types
        found = [self._type(name) for name in names if or_null or name != "null"]
        self.type: Any = reduce(or_, found) if found else Any

    def _type(self, name: str) -> Any:
        if name == "array":
            return list[self._element.type if self._element else Any]  # type: ignore[misc] # made here
        if name == "object":
            if not self._fields:
                return dict[str, Any]
            fields = [
                (each, shape.type | msgspec.UnsetType, msgspec.UNSET)
                for each, shape in self._fields.items()
            ]
            return msgspec.defstruct("Object", fields, forbid_unknown_fields=True, gc=False)
        return _TYPES[name]

    def split(self, value: Any, path: str, odd: Oddities) -> tuple[Any, Any]:
        """Return a value without its nested unknown fields, and these fields.

        The latter are in objects and arrays like those that they come from; nothing if there are
        none.

        Args:
            value: The value, as decoded without a type.
            path: Where in the row it is, as `technicians[].status`.
            odd: Receives the paths of odd values.
        """
        if fits(value, self.type):
            return value, None
        if isinstance(value, dict) and self._fields:
            return self._split_object(value, path, odd)
        if isinstance(value, list) and self._element:
            parts = [self._element.split(each, f"{path}[]", odd) for each in value]
            rest = [unknown for _, unknown in parts]
            return [known for known, _ in parts], rest if any(rest) else None
        odd.of_another_type.add(path)
        return value, None

    def _split_object(self, value: dict[str, Any], path: str, odd: Oddities) -> tuple[Any, Any]:
        known, rest = {}, {}
        for name, each in value.items():
            where = f"{path}.{name}"
            if name in self._fields:
                known[name], unknown = self._fields[name].split(each, where, odd)
                if unknown:
                    rest[name] = unknown
            else:
                odd.unknown.add(where)
                rest[name] = each
        return known, rest or None


class Oddities(NamedTuple):
    """Places in a row with fields that are not in the schema, or values of another type."""

    unknown: set[str]
    of_another_type: set[str]


class OddityReporter:
    """Warns once of each oddity in a stream's rows, or fails, as the setting `unknown_fields` says.

    Walks of several tenants may use it at the same time.

    Args:
        stream: The name of the stream.
        fields: The names of the fields of its schema.
        unknown_fields: The setting.
        has_place: Whether unknown fields can be kept, as their own field is selected.
        passes_odd_types: Whether a value of another type is passed on, because it may be delivered
            or the writer handles it as `unknown_fields` says.
        logger: Receives the warnings, up to a limit.

    Attributes:
        keeps: Whether unknown fields are kept.
    """

    def __init__(
        self,
        stream: str,
        fields: Collection[str],
        unknown_fields: str,
        *,
        has_place: bool,
        passes_odd_types: bool,
        logger: logging.Logger,
    ) -> None:
        self._stream = stream
        self._fields = fields
        self._fails = unknown_fields == "fail"
        self.keeps = unknown_fields == "keep" and has_place
        self._passes_odd_types = passes_odd_types
        self._logger = logger
        self._told: set[str] = set()
        self._warnings = 0
        self._lock = threading.Lock()

    def tell(self, odd: Oddities) -> None:
        """Warn of oddities that have not been reported yet.

        Raises:
            AnswerError: `unknown_fields` says `fail`.
        """
        unknown = {self._described(path) for path in odd.unknown}
        others = odd.of_another_type
        if self._fails and (unknown or others):
            found = [
                *([f"fields that are not in the schema: {_listed(unknown)}"] if unknown else []),
                *([f"another type than the schema has in {_listed(others)}"] if others else []),
            ]
            raise AnswerError(
                f"the API sends {', and '.join(found)}",
                "report it, and set unknown_fields to warn or keep meanwhile. The bookmark is safe",
            )
        with self._lock:
            fate = f"They are kept in {UNKNOWN_FIELDS}" if self.keeps else "They are left out"
            self._warn("fields that are not in the schema", unknown, fate)
            passes = "It passes as it is" if self._passes_odd_types else fate
            self._warn("another type than the schema has", others, passes)

    def _described(self, path: str) -> str:
        return f"{path} (beside the tap's own)" if path in self._fields else path

    def _warn(self, of_what: str, names: set[str], fate: str) -> None:
        new = names - self._told
        if not new or self._warnings == MOST_WARNINGS:
            return
        self._told |= new
        self._warnings += 1
        self._logger.warning(
            "The API sends %s: %s. %s; please report it, so that the next version has it.%s "
            "Stream: %s.",
            of_what,
            _listed(new),
            fate,
            " There are no more warnings of this kind." if self._warnings == MOST_WARNINGS else "",
            self._stream,
        )


class RowDecoder:
    """Decodes a stream's rows, leaves out deselected and unknown fields, and notices what is odd.

    Odd are fields that are not in the schema, and values of another type than the schema's, at any
    depth. So is a field of the API with the name of one that the tap adds, if its value differs. A
    page without anything odd is decoded into structs with the fields of the schema, which checks it
    as well. The rows of any other page are dicts, checked one by one. Walks of several tenants may
    use it at the same time.

    Args:
        reporter: Receives what is odd, and says whether unknown fields are kept.
        keys: The fields of its primary key that come from the API or from `ExtendedRow`; no row may
            lack them.
        properties: The properties of its schema, as the API sends them.
        selected: The names of the selected properties.
        absent: The paths of nested fields that are not delivered, as the catalog lacks them.
        added: The names of the fields that the tap adds to whole pages.
    """

    def __init__(
        self,
        reporter: OddityReporter,
        *,
        keys: Sequence[str],
        properties: Mapping[str, Mapping[str, Any]],
        selected: Collection[str],
        absent: Collection[tuple[str, ...]] = (),
        added: Collection[str] = (),
    ) -> None:
        self._reporter = reporter
        self._keys = keys
        self._shapes = {name: Shape(each) for name, each in properties.items()}
        self._selected = frozenset(selected)
        self._absent = [path for path in absent if len(path) > 1]
        self._deselected = [name for name in properties if name not in self._selected]
        added = {*added, *([UNKNOWN_FIELDS] if reporter.keeps else [])}

        def type_of(name: str) -> Any:
            if name in added:
                return msgspec.UnsetType  # no value of the API is that
            if name in keys:
                kind = Shape(properties[name], or_null=False).type
                return Annotated[str, msgspec.Meta(min_length=1)] if kind is str else kind
            return self._shapes[name].type if name in self._selected else Any

        fields = [
            (name, type_of(name))
            if name in keys and name not in added
            else (name, type_of(name), msgspec.UNSET)
            for name in properties
        ]
        self._usual_row = msgspec.defstruct(
            "UsualRow",
            fields,
            bases=(DecodedRow,),
            kw_only=True,
            gc=False,
            forbid_unknown_fields=True,
        )
        """All fields that are selected are of the schema's types, and the tap's own are not yet."""
        self._decoder = msgspec.json.Decoder(_list_of(self._usual_row))

    def decode(self, content: bytes) -> Any:
        """Return the body of a page of a list, its rows decoded by the schema if none is odd.

        Raises:
            DecodeError: It is not JSON.
        """
        try:
            body = self._decoder.decode(content)
        except msgspec.ValidationError:
            return msgspec.json.decode(content)
        return {
            name: value
            for name in body.__struct_fields__
            if (value := getattr(body, name)) is not msgspec.UNSET
        }

    def outgoing(
        self, page: Page, tenant: Mapping[str, Any], unknown: set[str]
    ) -> Sequence[Record]:
        """Return the records of a page as they are delivered, changed in place if possible.

        Args:
            page: Its records all come from `decode`, or are all dicts.
            tenant: The first field of each record, in a group.
            unknown: Receives the paths of fields that are not in the schema.

        Raises:
            AnswerError: A row lacks its key, or is odd although `unknown_fields` says `fail`.
        """
        kept = {UNKNOWN_FIELDS: None} if self._reporter.keeps else {}
        own = {**tenant, **page.extra, **kept}
        rows = page.records
        if rows and isinstance(rows[0], dict):
            try:
                rows = self._usual(rows)
            except msgspec.ValidationError:
                odd: list[Any] = [self._outgoing(row, tenant, own, unknown) for row in rows]
                self._drop_absent(odd)
                return odd
        for name in own.keys() & self._shapes.keys():
            _set(rows, name, own[name])
        for name in self._deselected:
            _set(rows, name, msgspec.UNSET)
        self._drop_absent(rows)
        return rows

    def _usual(self, rows: Sequence[Record]) -> list[DecodedRow]:
        """Return rows as structs.

        Raises:
            ValidationError: One of them is odd.
        """
        if any(isinstance(row, ExtendedRow) and row.replaced for row in rows):
            raise msgspec.ValidationError
        usual: list[DecodedRow] = msgspec.convert(rows, list[self._usual_row])  # type: ignore[name-defined] # made here
        return usual

    def _drop_absent(self, rows: Sequence[Record]) -> None:
        for path in self._absent:
            _drop(rows, path)

    def _outgoing(
        self, row: Any, tenant: Mapping[str, Any], own: Mapping[str, Any], seen: set[str]
    ) -> dict[str, Any]:
        whole = {**tenant, **row, **own}
        for key in self._keys:
            if whole.get(key) in _NOTHING:
                raise _without_key(key, whole)
        unknown = {name: row[name] for name in row if name not in self._shapes}
        unknown |= getattr(row, "replaced", {}) | _replaced(row, own)
        odd = Oddities({*unknown}, set())
        known = {name: row[name] for name in row if name in self._selected and name not in own}
        if not fits(known, self._usual_row):
            for name, value in known.items():
                known[name], rest = self._shapes[name].split(value, name, odd)
                if rest:
                    unknown[name] = rest
        seen |= odd.unknown
        self._reporter.tell(odd)
        kept = {UNKNOWN_FIELDS: unknown or None} if self._reporter.keeps else {}
        whole = {**tenant, **known, **own, **kept}
        return {name: value for name, value in whole.items() if name in self._selected}


def date(rows: Sequence[Record], name: str) -> None:
    """Set the time of each row that has none, or one that a target would take for none."""
    if rows and not isinstance(rows[0], dict) and all(map(attrgetter(name), rows)):
        return  # as usual, and quicker
    for row in rows:
        if not row.get(name):
            if isinstance(row, dict):
                row[name] = NEVER
            else:
                setattr(row, name, NEVER)


def to_dict(record: Record) -> dict[str, Any]:
    """Return a record as the SDK wants it."""
    return record if isinstance(record, dict) else msgspec.to_builtins(record)


def _set(rows: Sequence[Record], name: str, value: Any) -> None:
    for row in rows:
        setattr(row, name, value)


def _list_of(row: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Return the type of a page of a list, with the parts that walks use."""
    return msgspec.defstruct(
        "ListBody",
        [
            ("data", list[row]),  # type: ignore[valid-type] # made at run time
            ("hasMore", bool),
            ("continueFrom", str | None | msgspec.UnsetType, msgspec.UNSET),
            ("pageSize", Any, msgspec.UNSET),
            ("totalCount", Any, msgspec.UNSET),
        ],
    )


def _listed(paths: set[str]) -> str:
    return part(", ".join(sorted(paths)))


def _without_key(key: str, row: Mapping[str, Any]) -> AnswerError:
    has = part(", ".join(sorted(row)))
    return AnswerError(
        f"the API gave a row without {key}, it has: {has or 'nothing'}",
        "run again; if it happens again, report it. The bookmark is safe",
    )


def _replaced(row: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a row whose values differ from those that replace them."""
    return {name: row[name] for name in own if name in row and row[name] != own[name]}


def _drop(value: Any, path: tuple[str, ...]) -> None:
    """Remove a field from an object, or from each object of an array, at any depth."""
    name, *rest = path
    if isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            _drop(each, path)
    elif isinstance(value, dict) and name in value:
        if rest:
            _drop(value[name], tuple(rest))
        else:
            del value[name]
    elif isinstance(value, msgspec.Struct):
        if rest:
            _drop(getattr(value, name), tuple(rest))
        else:
            setattr(value, name, msgspec.UNSET)


def fits(value: Any, kind: Any) -> bool:
    """Return whether a value is of one of msgspec's types."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True

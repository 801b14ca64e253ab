"""Rows: decoded by the schema of their stream; what of them goes out is in it, and selected."""

from __future__ import annotations

import threading
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan_dispatch.errors import AnswerError
from tap_servicetitan_dispatch.log.redaction import part
from tap_servicetitan_dispatch.walks import DecodedRow

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Mapping, Sequence

    from tap_servicetitan_dispatch.walks import Page, Record

UNKNOWN_FIELDS = "unknownFields"
"""The field that has the others, if they are kept."""
MOST_WARNINGS = 5
"""Of what is odd in a stream: the rows of a broken server may have a field of their own each."""
_TYPES: Mapping[str, Any] = {
    "string": str,
    "integer": int,
    "number": int | float,  # as float alone, 1 would go out as 1.0
    "boolean": bool,
    "array": list[Any],
    "object": dict[str, Any],
    "null": None,
}
"""What msgspec calls the types of JSON schema."""


class RowDecoder:
    """Decodes the rows of a stream, leaves out what is deselected or unknown, tells what is odd.

    Odd is a field that the schema does not know, and a value that is not of its type there. A page
    without anything odd is decoded into structs that have the fields of the schema; that is the
    check as well. The rows of any other page are dicts, looked at one by one. Walks of several
    tenants may use it at the same time; the lock guards what has been told.

    Args:
        stream: The name of the stream.
        keys: Those fields of its primary key that come from the API; no row may lack them.
        properties: The properties of its schema.
        selected: The names of those that are selected.
        unknown_fields: What to do with others, as the setting says.
        logger: Warns, once for each field, until there are too many.
    """

    def __init__(
        self,
        stream: str,
        *,
        keys: Sequence[str],
        properties: Mapping[str, Mapping[str, Any]],
        selected: Collection[str],
        unknown_fields: str,
        logger: logging.Logger,
    ) -> None:
        self._stream = stream
        self._keys = keys
        self._types = {name: _type_of(each) for name, each in properties.items()}
        self._selected = frozenset(selected)
        self._fails = unknown_fields == "fail"
        self._keeps = unknown_fields == "keep" and UNKNOWN_FIELDS in self._selected
        self._logger = logger
        self._told: set[str] = set()
        self._warnings = 0
        self._lock = threading.Lock()
        self._deselected = [name for name in properties if name not in self._selected]
        fields = [
            (name, _type_of(each, or_null=False))
            if name in keys
            else (name, self._types[name] if name in self._selected else Any, msgspec.UNSET)
            for name, each in properties.items()
        ]
        self._usual_row = msgspec.defstruct(
            "UsualRow",
            fields,
            bases=(DecodedRow,),
            kw_only=True,
            gc=False,
            forbid_unknown_fields=True,
        )
        """All fields that are selected are of the schema's types."""
        self._known_row = msgspec.defstruct("KnownRow", fields, kw_only=True)
        """The same, but there may be others."""
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
        """Return the records of a page as they go out; they are changed in place if they can be.

        Args:
            page: Its records are all of them from `decode`, or all of them dicts.
            tenant: The first field of each of them, with a group.
            unknown: Gets the names of fields that the schema does not know.

        Raises:
            AnswerError: A row lacks its key, or is odd, and is not to be.
        """
        kept = {UNKNOWN_FIELDS: None} if self._keeps else {}
        own = {**tenant, **page.extra, **kept}
        rows = page.records
        if rows and isinstance(rows[0], dict):
            dicts: Any = [{**tenant, **row, **own} for row in rows if isinstance(row, dict)]
            try:
                rows = msgspec.convert(dicts, list[self._usual_row])  # type: ignore[name-defined] # made here
            except msgspec.ValidationError:
                return [self._outgoing(row, unknown) for row in dicts]
        else:
            for name in own.keys() & self._types.keys():
                _set(rows, name, own[name])
        for name in self._deselected:
            _set(rows, name, msgspec.UNSET)
        return rows

    def _outgoing(self, row: dict[str, Any], seen: set[str]) -> dict[str, Any]:
        for key in self._keys:
            if row.get(key) is None:
                has = part(", ".join(sorted(row)))
                raise AnswerError(
                    f"the API gave a row without {key}, it has: {has or 'nothing'}",
                    "run again; if it stays, report it. The bookmark is safe",
                )
        unknown = row.keys() - self._types.keys()
        seen |= unknown
        self._tell(unknown, self._of_another_type(row))
        if unknown and self._keeps:
            row[UNKNOWN_FIELDS] = {name: row[name] for name in row if name in unknown}
        if row.keys() <= self._selected:
            return row
        return {name: value for name, value in row.items() if name in self._selected}

    def _of_another_type(self, row: dict[str, Any]) -> set[str]:
        try:
            msgspec.convert(row, self._known_row)
        except msgspec.ValidationError:
            return {name for name, value in row.items() if not self._fits(name, value)}
        return set()

    def _fits(self, name: str, value: Any) -> bool:
        if name not in self._selected:
            return True
        try:
            msgspec.convert(value, self._types[name])
        except msgspec.ValidationError:
            return False
        return True

    def _tell(self, unknown: set[str], of_another_type: set[str]) -> None:
        """Warn of what has not been told yet, or raise it if that is wanted."""
        if self._fails and (unknown or of_another_type):
            odd = [
                *(["what the schema does not know: " + _listed(unknown)] if unknown else []),
                *(
                    ["another type than the schema has in " + _listed(of_another_type)]
                    if of_another_type
                    else []
                ),
            ]
            raise AnswerError(
                f"the API sends {', and '.join(odd)}",
                "report it, and set unknown_fields to warn or keep meanwhile. The bookmark is safe",
            )
        with self._lock:
            fate = f"It is kept in {UNKNOWN_FIELDS}" if self._keeps else "It is left out"
            self._warn("what the schema does not know", unknown, fate)
            self._warn("another type than the schema has", of_another_type, "It passes as it is")

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


def to_dict(record: Record) -> dict[str, Any]:
    """Return a record as the SDK wants it."""
    return record if isinstance(record, dict) else msgspec.to_builtins(record)


def _set(rows: Sequence[Record], name: str, value: Any) -> None:
    for row in rows:
        setattr(row, name, value)


def _list_of(row: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Return the shape of a page of a list; what else it has is of no concern to any walk."""
    return msgspec.defstruct(
        "ListBody",
        [
            ("data", list[row]),  # type: ignore[valid-type] # made at run time
            ("hasMore", bool),
            ("continueFrom", str | None | msgspec.UnsetType, msgspec.UNSET),
            ("totalCount", int | None | msgspec.UnsetType, msgspec.UNSET),
        ],
    )


def _listed(names: set[str]) -> str:
    return part(", ".join(sorted(names)))


def _type_of(schema: Mapping[str, Any], *, or_null: bool = True) -> Any:
    """Return the type of a property for msgspec; anything where the schema does not say."""
    types = schema.get("type", [])
    names = [types] if isinstance(types, str) else types
    found = [_TYPES[name] for name in names if or_null or name != "null"]
    return reduce(or_, found) if found else Any

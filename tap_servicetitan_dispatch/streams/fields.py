"""Fields, declared in a line each: name, meaning, and one of the SDK's types."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

if TYPE_CHECKING:
    from collections.abc import Container

UNKNOWN_FIELDS = "unknownFields"
"""The field that holds unknown fields, if they are kept."""
NEVER = "1900-01-01T00:00:00Z"
"""The `modifiedOn` of a row without one, if it is part of the key, which may not be null."""


def _field(
    kind: th.JSONTypeHelper[Any], name: str, description: str, *, required: bool = False
) -> th.Property[Any]:
    return th.Property(name, kind, required=required, description=description)


boolean = partial(_field, th.BooleanType())
instant = partial(_field, th.DateTimeType())
integer = partial(_field, th.IntegerType())
number = partial(_field, th.NumberType())
text = partial(_field, th.StringType())
# Elements may be null: the API sends nulls where its definition has none
integers = partial(_field, th.ArrayType(th.IntegerType(nullable=True)))
texts = partial(_field, th.ArrayType(th.StringType(nullable=True)))


def objects(name: str, description: str, *fields: th.Property[Any]) -> th.Property[Any]:
    """Return a field that is a list of objects with their own fields."""
    return _field(th.ArrayType(th.ObjectType(*fields, nullable=True)), name, description)


def schema_of(*fields: th.Property[Any]) -> dict[str, Any]:
    """Return the schema of a stream with these fields; all but the required ones may be null."""
    return th.PropertiesList(*fields).to_dict()


def time_of_version(fields: Container[str]) -> str | None:
    """Return the field that dates a version of a row; nothing if none does.

    Args:
        fields: The names of the fields of a stream.
    """
    return next((name for name in ("modifiedOn", "timeStamp") if name in fields), None)


TENANT_ID = integer("tenantId", "Number of the tenant.", required=True)
UNKNOWN_FIELDS_PROPERTY = _field(
    th.ObjectType(additional_properties=True),
    UNKNOWN_FIELDS,
    "Fields that the API sent and that are not in the schema, by name; null if there are none.",
)

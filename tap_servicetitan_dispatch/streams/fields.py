"""A field in a line: its name, what it means, and one of the SDK's types."""

from __future__ import annotations

from functools import partial
from typing import Any

from singer_sdk import typing as th

UNKNOWN_FIELDS = "unknownFields"
"""The field that has the others, if they are kept."""


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
    """Return a field that is a list of objects with fields of their own."""
    return _field(th.ArrayType(th.ObjectType(*fields, nullable=True)), name, description)


def schema_of(*fields: th.Property[Any]) -> dict[str, Any]:
    """Return the schema of a stream with these fields; all but the required ones may be null."""
    return th.PropertiesList(*fields).to_dict()


TENANT_ID = integer("tenantId", "Number of the tenant.", required=True)
UNKNOWN_FIELDS_PROPERTY = _field(
    th.ObjectType(additional_properties=True),
    UNKNOWN_FIELDS,
    "What the API sent and the schema does not know, by name; null if nothing.",
)

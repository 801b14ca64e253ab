"""The page of streams, `docs/streams.md`, made from the code."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.streams import ON_REQUEST
from tools.declared import operation_rows, request_rows, stream_rows, streams

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan_dispatch.streams.base import DispatchStream


def field_rows(schema: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield a row for each field of a stream, those of objects inside it too."""
    for name, field in schema["properties"].items():
        inner = field.get("items", field)
        yield f"| `{prefix}{name}` | {kind_of(field)} | {field.get('description', '')} |"
        if "properties" in inner:
            dots = "[]." if "items" in field else "."
            yield from field_rows(inner, f"{prefix}{name}{dots}")


def kind_of(field: dict[str, Any]) -> str:
    """Return what kind of value a field has, in words."""
    kinds = [kind for kind in [field.get("type")] if isinstance(kind, str)]
    [kind] = kinds or [kind for kind in field["type"] if kind != "null"]
    if kind == "array":
        return f"array of {kind_of(field['items'])}"
    return {"date-time": "timestamp", "date": "date"}.get(field.get("format", ""), KINDS[kind])


KINDS = {
    "boolean": "boolean",
    "integer": "integer",
    "number": "number",
    "object": "object",
    "string": "text",
}


def stream_section(stream: DispatchStream) -> str:
    """Return what the page of streams says of a stream."""
    source = f"Operation: `{stream.method} {stream.path}`." if stream.path else "No operation."
    extra = " [On request](#on-request)." if stream.name in ON_REQUEST else ""
    rows = "\n".join(field_rows(stream.schema))
    return (
        f"## {stream.name}\n\n{inspect.getdoc(type(stream))}\n\n"
        f"{source}{extra}\n\n"
        f"| Field | Kind | Meaning |\n|---|---|---|\n{rows}\n"
    )


def content() -> str:
    """Return the page of streams."""
    sections = "\n".join(stream_section(stream) for stream in streams())
    return PAGE.format(
        all_streams="\n".join(stream_rows()),
        on_request="\n".join(request_rows()),
        streams=sections,
        operations="\n".join(operation_rows()),
    )


PAGE = """\
# Streams

## All streams

| Stream | Replication key | Primary key | Scopes |
|---|---|---|---|
{all_streams}

Every field outside the primary key may be null: the API omits values even if its definition says
that it never does. Timestamps arrive as the API sends them, with up to seven digits of a second.

## On request

These streams exist only if the setting `extra_streams` names them, whatever is selected:

| Stream | What to know first |
|---|---|
{on_request}

{streams}
## Every operation of the API

| Operation | In the tap |
|---|---|
{operations}

Writes to assignments, shifts, skills, business hours and non-job appointments also change
`capacities`.
"""

"""Compares the streams, and the sandbox's operations, with the vendor's definition of the API.

For maintainers, when ServiceTitan publishes a new one: `python -m tools.definition FILE` prints
what is new, gone, or of another type, and ends with exit code 1 if anything is.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.declared import operations, streams

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan_dispatch.streams.base import DispatchStream

Definition = dict[str, Any]

ADDED: dict[str, dict[str, Any]] = {
    "appointment_assignments": {"continueFrom": "string"},  # a bookmark has to be a property
    "arrival_window_configuration": {"tenantId": "integer"},  # the key of a single object
    "business_hours": {"tenantId": "integer"},
    "capacities": {
        "businessUnitKey": "string",  # an array cannot be part of a key
        "timeStamp": "date-time",  # of the answer around the slots
    },
    "technician_tracking": {"technicianId": "integer", "appointmentId": "integer"},  # asked with
}
"""Fields that the definition does not have there."""

CHANGED: dict[str, dict[str, Any]] = {
    # Business-local times with a Z that is wrong: a target must not take them for instants.
    "capacities": {"start": "string", "end": "string"},
}
"""Fields whose type is not the definition's."""

ROWS_IN = {"capacities": "availabilities"}
"""Where an answer has its rows, if not in `data` or itself."""


def main() -> None:
    """Print the differences; exit code 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tools.definition", description=__doc__)
    parser.add_argument("file", type=Path, help="the definition, OpenAPI in JSON")
    definition = json.loads(parser.parse_args().file.read_text(encoding="utf-8"))
    found = list(differences(definition))
    print("\n".join(found) if found else "Nothing differs.")  # noqa: T201 - a command
    sys.exit(1 if found else 0)


def differences(definition: Definition) -> Iterator[str]:
    """Yield a line for each operation or field that is new, gone, or of another type."""
    theirs, ours = set(operations_in(definition)), set(operations())
    yield from (f"new operation: {each}" for each in sorted(theirs - ours))
    yield from (f"operation is gone: {each}" for each in sorted(ours - theirs))
    for stream in streams():
        if f"{stream.method} {stream.path}" in theirs:
            yield from _differences_of(stream, definition)


def operations_in(definition: Definition) -> list[str]:
    """Return the operations of a definition as `GET zones/{id}`."""
    return [
        f"{method.upper()} {path.removeprefix('/tenant/{tenant}/')}"
        for path, methods in definition["paths"].items()
        for method in methods
    ]


def _differences_of(stream: DispatchStream, definition: Definition) -> Iterator[str]:
    ours = type_of(stream.schema, definition)
    theirs = row_type(stream, definition)
    added, changed = ADDED.get(stream.name, {}), CHANGED.get(stream.name, {})
    for name in theirs | ours:
        field = f"{stream.name}.{name}"
        if name not in ours:
            yield f"new field: {field} ({_shown(theirs[name])})"
        elif name in added and name not in theirs:
            continue
        elif name not in theirs:
            yield f"field is gone: {field}"
        elif theirs[name] != ours[name] and name not in changed:
            yield f"another type: {field} is {_shown(theirs[name])}, here {_shown(ours[name])}"


def _shown(kind: Any) -> str:
    return kind if isinstance(kind, str) else json.dumps(kind)


def row_type(stream: DispatchStream, definition: Definition) -> dict[str, Any]:
    """Return the types of the fields of a row, as a definition has them."""
    methods = definition["paths"][f"/tenant/{{tenant}}/{stream.path}"]
    answer = methods[stream.method.lower()]["responses"]["200"]["content"]
    schema = resolved(next(iter(answer.values()))["schema"], definition)
    within = schema["properties"].get(ROWS_IN.get(stream.name, "data"))
    row = resolved(within["items"], definition) if within else schema
    found: dict[str, Any] = type_of(row, definition)
    return found


def type_of(schema: dict[str, Any], definition: Definition) -> Any:
    """Return the type of a field, in the same words for both sides.

    That is a word such as `integer` or `date-time`, a list of the type of its items for an array,
    and the types by name for an object.
    """
    schema = resolved(schema, definition)
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    [name] = (name for name in types if name != "null")
    if name == "array":
        return [type_of(schema["items"], definition)]
    if name == "object":
        fields = schema.get("properties", {})
        return {field: type_of(each, definition) for field, each in fields.items()}
    return "date-time" if schema.get("format") == "date-time" else name


def resolved(schema: dict[str, Any], definition: Definition) -> dict[str, Any]:
    """Return what a schema of a definition refers to; itself if it does not."""
    [schema] = schema.get("oneOf", [schema])
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rpartition("/")[2]
    found: dict[str, Any] = definition["components"]["schemas"][name]
    return found


if __name__ == "__main__":
    main()

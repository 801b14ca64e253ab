"""The form of rows in answers: as in the definition, or odd if the behaviour says so."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from starlette.responses import Response

from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.api.problems import json_response
from tap_servicetitan_dispatch.sandbox.world.assignments import Assignment
from tap_servicetitan_dispatch.sandbox.world.directory import Zone
from tap_servicetitan_dispatch.sandbox.world.instants import DAY, SECOND, parse_span
from tap_servicetitan_dispatch.sandbox.world.versions import Row

NEVER = -1
"""The `modified_on` of a row that does not give one."""

_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d+)?Z")
_NUMBERS = ("Scheduled", "Dispatched", "Working", "Done", "Normal", "OnCall", "TimeOff")
_ENUMS = {"status", "shiftType"}
_SPANS = {"duration"}
_NAMES = ("name", "title", "technicianName")
_PART = 7
"""One row in this many is odd, if not all are."""


@lru_cache(maxsize=256)
def _is_odd(behaviour: Behaviour) -> bool:
    usual = Behaviour()
    names = ("enums", "times", "nulls", "spans", "fields", "texts", "large_rows", "undated")
    odd = any(getattr(behaviour, name) != getattr(usual, name) for name in names)
    return odd or behaviour.technician_names != usual.technician_names


def written(row: Row, behaviour: Behaviour, *, in_feed: bool = False) -> dict[str, Any]:
    """Return a row as the API writes it."""
    wire = row.wire()
    if in_feed and behaviour.feed_fields == "fewer":
        wire["technicianName"] = None
    return _odd(row, wire, behaviour) if _is_odd(behaviour) else wire


def _odd(row: Row, wire: dict[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    if row.modified_on == NEVER:
        wire["modifiedOn"] = None
    if isinstance(row, Assignment) and behaviour.technician_names == "then":
        first, _, last = row.technician.name.partition(" ")
        if row.created_on // (30 * DAY) % 2 and wire["technicianName"] is not None:
            wire["technicianName"] = f"{last} {first}"
    if isinstance(row, Zone) and behaviour.large_rows:
        wire["zips"] = [f"{number:05d}" for number in range(3_000)]
    name = next((name for name in _NAMES if name in wire), None)
    if name:
        _write_text(wire, name, row, behaviour)
    if behaviour.fields == "more":
        wire["sandboxOnly"] = row.created_on // DAY
    return {key: _value(key, value, row, behaviour) for key, value in wire.items()}


def _write_text(wire: dict[str, Any], name: str, row: Row, behaviour: Behaviour) -> None:
    odd = {"half_characters": "\ud800", "null_characters": "\0"}.get(behaviour.texts)
    if odd and wire[name] is not None and _nth(row) == 0:
        wire[name] = f"{wire[name]}{odd}"
    if behaviour.fields == "fewer":
        del wire[name]


def _nth(row: Row) -> int:
    return sum(map(ord, str(row.id))) % _PART


def _value(key: str, value: Any, row: Row, behaviour: Behaviour) -> Any:
    if isinstance(value, tuple | list):
        odd = {"in_arrays": [None, *value], "arrays": None}
        return odd.get(behaviour.nulls, value)
    return _text(key, value, row, behaviour) if isinstance(value, str) else value


def _text(key: str, value: str, row: Row, behaviour: Behaviour) -> Any:
    if key in _ENUMS:
        return _NUMBERS.index(value) if behaviour.enums == "numbers" else value
    if key in _SPANS:
        return _span(value, row, behaviour)
    if behaviour.nulls == "fields" and key in _NAMES:
        return None
    found = _TIME.fullmatch(value)
    return _time(found, behaviour) if found else value


def _span(value: str, row: Row, behaviour: Behaviour) -> str:
    if behaviour.spans == "iso":
        return f"PT{parse_span(value) // SECOND}S"
    return f"-{value}" if behaviour.spans == "negative" and _nth(row) % 2 == 0 else value


def _time(found: re.Match[str], behaviour: Behaviour) -> str:
    whole, fraction = found[1], found[2] or ""
    if behaviour.times == "no_zone":
        return f"{whole}{fraction}"
    if behaviour.times == "local":
        moment = datetime.fromisoformat(whole).replace(tzinfo=UTC) - timedelta(hours=5)
        return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
    return found[0]


def page_response(content: Mapping[str, Any], behaviour: Behaviour) -> Response:
    """Return an answer with rows, which may contain half a character."""
    if behaviour.texts == "half_characters":
        return Response(json.dumps(content), media_type="application/json")
    return json_response(content)

"""Odd fields: their names, types and patterns, without values."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.survey.facts.rows import fits, type_of
from tap_servicetitan_dispatch.survey.seen import ticks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_servicetitan_dispatch.survey.seen import Seen

_NAME = re.compile(r"[A-Za-z]{1,40}", re.ASCII)
_ENUMS = {"status", "shiftType"}


def fields_of(seen: Seen) -> list[dict[str, Any]]:
    """Return an entry for each field that is unknown, missing, or of another type.

    For a time, the entry has a pattern in which each digit is a 9; for anything else, the JSON
    types.
    """
    rows: Counter[str] = Counter()
    there: Counter[tuple[str, str]] = Counter()
    types: dict[tuple[str, str], Counter[str]] = {}
    wrong: Counter[tuple[str, str]] = Counter()
    for stream, row in seen.every_row():
        rows[stream] += 1
        properties = seen.schemas[stream]
        for name, value in row.items():
            key = stream, name
            there[key] += 1
            types.setdefault(key, Counter())[type_of(value)] += 1
            if name in properties and not fits(value, properties[name]):
                wrong[key] += 1
    found = [
        _entry(key, "unknown", there[key], rows, types[key])
        for key in there
        if key[1] not in seen.schemas[key[0]]
    ]
    found += [
        _entry(key, "another type", number, rows, types[key]) for key, number in wrong.items()
    ]
    found += [
        _entry((stream, name), "missing", rows[stream] - there[stream, name], rows, Counter())
        for stream in rows
        for name in seen.schemas[stream]
        if name not in _ADDED and there[stream, name] < rows[stream]
    ]
    found += _patterns(seen)
    return sorted(found, key=lambda each: (each["stream"], each["field"], each["what"]))


_ADDED = {"tenantId", "continueFrom", "businessUnitKey", "timeStamp", "hasRequiredSkills"}


def _entry(
    key: tuple[str, str],
    what: str,
    number: int,
    rows: Mapping[str, int],
    types: Mapping[str, int],
) -> dict[str, Any]:
    stream, name = key
    return {
        "stream": stream,
        "field": name if _NAME.fullmatch(name) else "(not a plain name)",
        "what": what,
        "percent": round(100 * number / rows[stream]),
        "types": sorted(types),
    }


def _patterns(seen: Seen) -> list[dict[str, Any]]:
    """Return the unusual patterns of times."""
    found: dict[tuple[str, str, str], int] = {}
    rows: Counter[str] = Counter()
    for stream, row in seen.every_row():
        rows[stream] += 1
        for name, schema in seen.schemas[stream].items():
            value = row.get(name)
            if (
                schema.get("format") == "date-time"
                and isinstance(value, str)
                and ticks(value) is not None
            ):
                pattern = re.sub(r"\d", "9", value)
                if not re.fullmatch(r"9999-99-99T99:99:99(\.9{1,7})?Z", pattern):
                    found[stream, name, pattern] = found.get((stream, name, pattern), 0) + 1
    return [
        {
            "stream": stream,
            "field": name,
            "what": f"pattern {pattern}",
            "percent": round(100 * number / rows[stream]),
            "types": ["string"],
        }
        for (stream, name, pattern), number in found.items()
    ]

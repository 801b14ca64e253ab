"""Rows: fields, types, times, nulls."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.survey.seen import rows_in, ticks
from tap_servicetitan_dispatch.survey.verdicts import (
    ENOUGH_FOR_A_LOSS,
    Verdict,
    counted,
    differs,
    either,
    fact,
    holds,
    of_enough,
    of_rows,
    share,
    unknown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_servicetitan_dispatch.survey.seen import Row, Seen

_ROWS = "rows"
_ENUMS = {
    "status": ("Scheduled", "Dispatched", "Working", "Done"),
    "shiftType": ("Normal", "OnCall", "TimeOff"),
}
_SPANS = {"arrival_windows": ("start", "duration"), "non_job_appointments": ("duration",)}
_NET_SPAN = re.compile(r"(\d+\.)?\d{1,2}:\d{2}:\d{2}(\.\d{1,7})?", re.ASCII)
_SKILL_ID = re.compile(r"\d+_\d+", re.ASCII)
_MOST_BYTES = 64 * 2**20
_LARGEST_PAGE = 5_000
_CODES = ("timesheetCodeId",)
_JSON = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    dict: "object",
    list: "array",
}


def type_of(value: Any) -> str:
    """Return the JSON type of a value."""
    return "null" if value is None else _JSON[type(value)]


def fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether a value matches a schema, at any depth; null always does."""
    if value is None:
        return True
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    kind = type_of(value)
    if kind not in kinds and not (kind == "integer" and "number" in kinds):
        return not kinds
    if kind == "array":
        return all(fits(each, schema.get("items", {})) for each in value)
    if kind == "object":
        known = schema.get("properties", {})
        return all(fits(each, known[name]) for name, each in value.items() if name in known)
    return schema.get("format") != "date-time" or ticks(value) is not None


def _known(seen: Seen) -> Iterator[tuple[str, Row, Mapping[str, Any]]]:
    return ((stream, row, seen.schemas[stream]) for stream, row in seen.every_row())


@fact(
    _ROWS,
    "Rows have the fields of the definition, no others, and lack none.",
    "observed",
    "yes",
    "A new field is left out with a warning, or kept with `unknown_fields: keep`; one that is "
    "missing is null.",
    "The names of the fields of all rows.",
    switches=("fields",),
)
def fields_are_these(seen: Seen) -> Verdict:
    more, fewer = set(), Counter[tuple[str, str]]()
    rows = Counter[str]()
    for stream, row, properties in _known(seen):
        rows[stream] += 1
        names = set(properties) - _ADDED
        more |= {(stream, name) for name in row.keys() - set(properties)}
        fewer.update((stream, name) for name in names - row.keys())
    fewer_always = [pair for pair, number in fewer.items() if number == rows[pair[0]]]
    fewer_always = [pair for pair in fewer_always if pair[1] not in _OPTIONAL]
    if more:
        return differs(f"{counted(len(more), 'field is', 'fields are')} unknown", fields="more")
    if fewer_always:
        return differs(
            f"{counted(len(fewer_always), 'field is', 'fields are')} missing", fields="fewer"
        )
    return of_enough(rows.total(), holds("these", fields="known"))


_ADDED = {"tenantId", "continueFrom", "businessUnitKey", "timeStamp"}
"""Fields that the tap itself adds to a row."""
_OPTIONAL = {"hasRequiredSkills"}


@fact(
    _ROWS,
    "Values have the types of the definition, at any depth.",
    "documented",
    "in part",
    "The value passes, with a warning; a target may refuse it.",
    "All values, but for nulls.",
)
def types_are_these(seen: Seen) -> Verdict:
    odd: set[tuple[str, str]] = set()
    rows = 0
    for stream, row, properties in _known(seen):
        rows += 1
        for name, value in row.items():
            if name in properties and name not in _ENUMS and not fits(value, properties[name]):
                odd.add((stream, name))
    text = f"{counted(len(odd), 'field has', 'fields have')} another type"
    return differs(text) if odd else of_rows(0, rows, "rows have another type")


@fact(
    _ROWS,
    "`status` and `shiftType` are names.",
    "documented",
    "in part",
    "Numbers pass, with a warning; marts take them for unknown.",
    "The types of these values.",
    switches=("enums",),
)
def enums_are_names(seen: Seen) -> Verdict:
    kinds = Counter(
        type_of(row[name])
        for _, row, _ in _known(seen)
        for name in _ENUMS
        if row.get(name) is not None
    )
    total = sum(kinds.values())
    if kinds["integer"]:
        return differs(f"{share(kinds['integer'], total)} are numbers", enums="numbers")
    is_so = kinds["string"] == total
    return of_enough(total, either(is_so, "names", "another type", enums="names"))


@fact(
    _ROWS,
    "There are four statuses and three types of shift, those of the definition.",
    "documented",
    "in part",
    "Marts warn of a status that they do not know, and count it as none of the four.",
    "How many values are other words; the words are not reported.",
)
def four_statuses(seen: Seen) -> Verdict:
    values = [
        row[name] in known
        for _, row, _ in _known(seen)
        for name, known in _ENUMS.items()
        if isinstance(row.get(name), str)
    ]
    return of_rows(values.count(False), len(values), "values are other words")


@fact(
    _ROWS,
    "Times are in UTC and end in `Z`, with up to seven digits.",
    "observed",
    "in part",
    "A time without a zone is taken as UTC; if it is not, rows are hours off.",
    "The pattern of each time, and its most digits after the point.",
    switches=("times",),
)
def times_have_z(seen: Seen) -> Verdict:
    patterns: Counter[str] = Counter()
    digits = 0
    for _, row, properties in _known(seen):
        for name, value in row.items():
            if properties.get(name, {}).get("format") == "date-time" and isinstance(value, str):
                kind = _kind_of_time(value)
                patterns[kind] += 1
                if kind == "Z":
                    digits = max(digits, len(value.partition(".")[2]) - 1)
    total = sum(patterns.values())
    if patterns["no zone"]:
        text = f"{share(patterns['no zone'], total)} have no zone"
        return differs(text, times="no_zone")
    if patterns["another"]:
        return differs(f"{share(patterns['another'], total)} have another zone or pattern")
    if _hours_off(seen):
        return differs("the newest rows of all lists are whole hours old", times="local")
    return of_enough(total, holds(f"all of them, with {digits} digits at most", times="utc"))


def _kind_of_time(value: str) -> str:
    if ticks(value) is None:
        return "another"
    if value.endswith("Z"):
        return "Z"
    return "another" if re.search(r"[+-]\d{2}:?\d{2}$", value) else "no zone"


def _hours_off(seen: Seen) -> bool:
    """Return whether times look local: a request from a later time on still finds the row."""
    row, own = seen.cache.get("feed_row"), seen.reply("feed:from:later")
    if row is None or own is None:
        return False
    return any(
        each.get("id") == row.get("id") and each.get("modifiedOn") == row.get("modifiedOn")
        for each in rows_in(own)
    )


@fact(
    _ROWS,
    "Durations are .NET time spans, none negative.",
    "observed",
    "in part",
    "They pass as texts; the dbt project fails to read them.",
    "The pattern of each.",
    switches=("spans",),
)
def spans_are_net(seen: Seen) -> Verdict:
    kinds = Counter(
        _kind_of_span(value)
        for stream, row, _ in _known(seen)
        for name in _SPANS.get(stream, ())
        if isinstance(value := row.get(name), str)
    )
    total = sum(kinds.values())
    if kinds["iso"]:
        return differs(f"{share(kinds['iso'], total)} are of ISO 8601", spans="iso")
    if kinds["negative"]:
        return differs(f"{share(kinds['negative'], total)} are negative", spans="negative")
    return of_rows(kinds["another"], total, "are written otherwise", usual={"spans": "net"})


def _kind_of_span(value: str) -> str:
    if value.startswith("P"):
        return "iso"
    if value.startswith("-"):
        return "negative"
    return "net" if _NET_SPAN.fullmatch(value) else "another"


@fact(
    _ROWS,
    "Keys are never null.",
    "documented",
    "no",
    "The stream ends with an error, as no target can store such a row.",
    "All rows.",
)
def keys_are_never_null(seen: Seen) -> Verdict:
    rows = nulls = 0
    for stream, row in seen.every_row():
        rows += 1
        names = ("startUtc", "endUtc") if stream == "capacities" else ("id",)
        nulls += any(row.get(name) is None for name in names)
    return of_rows(nulls, rows, "rows have none", least=ENOUGH_FOR_A_LOSS)


@fact(
    _ROWS,
    "Nulls stand for some values, seldom for arrays, and not within them.",
    "observed",
    "in part",
    "All fields but keys take null. Within arrays, some targets refuse it.",
    "All rows.",
    switches=("nulls",),
)
def arrays_hold_values(seen: Seen) -> Verdict:
    inside = whole = arrays = 0
    names: Counter[bool] = Counter()
    for stream, row, properties in _known(seen):
        for name, value in row.items():
            kind = properties.get(name, {}).get("type", [])
            if "array" in kind and stream != "capacities":
                arrays += 1
                whole += value is None
                inside += isinstance(value, list) and None in value
            if name in _TEXTS:
                names[value is None] += 1
    if inside:
        return differs(f"{share(inside, arrays)} of the arrays hold nulls", nulls="in_arrays")
    if whole:
        other = {"nulls": "arrays"} if whole == arrays else {}
        return differs(f"{share(whole, arrays)} of the arrays are null", **other)
    if names and not names[False]:
        return differs("all names and titles are null", nulls="fields")
    text = "nulls in some fields, none for or within arrays"
    return of_enough(names.total(), holds(text, nulls="few"))


_TEXTS = ("technicianName", "title", "name")


@fact(
    _ROWS,
    "Ids of technicians' skills are texts, `technicianId_skillId`.",
    "documented",
    "yes",
    "They pass, with a warning.",
    "Their type and pattern.",
)
def skill_ids_are_texts(seen: Seen) -> Verdict:
    rows = seen.all_rows("technician-skills")
    right = sum(
        isinstance(id_ := row.get("id"), str)
        and bool(_SKILL_ID.fullmatch(id_))
        and id_.partition("_")[0] == str(row.get("technicianId"))
        for row in rows
    )
    return of_rows(len(rows) - right, len(rows), "have another id")


@fact(
    _ROWS,
    "`timesheetCodeId` 0 and null mean that there is none.",
    "observed",
    "yes",
    "Only the description is wrong.",
    "Shares of 0, null and other numbers.",
)
def zero_means_no_code(seen: Seen) -> Verdict:
    values = [row[name] for _, row, _ in _known(seen) for name in _CODES if name in row]
    if not values:
        return unknown("there was no such value")
    kinds = Counter(
        "0" if value == 0 else "null" if value is None else "another" for value in values
    )
    text = ", ".join(
        f"{kind}: {share(kinds[kind], len(values))}" for kind in ("0", "null", "another")
    )
    return unknown("what they mean cannot be told by reading", text)


@fact(
    _ROWS,
    "`assignedById` is a user, not a technician.",
    "inferred",
    "yes",
    "Only the description is wrong.",
    "Whether a technician has that number.",
)
def assigner_is_no_technician(seen: Seen) -> Verdict:
    rows = seen.all_rows("appointment-assignments")
    technicians = {row.get("technicianId") for row in rows}
    by = [row["assignedById"] for row in rows if row.get("assignedById") is not None]
    return of_rows(
        sum(each in technicians for each in by), len(by), "were assigned by a technician"
    )


@fact(
    _ROWS,
    "A page takes some megabytes, 64 at most.",
    "inferred",
    "in part",
    "A stream whose answer is larger fails, with advice to lower `page_size`.",
    "Bytes of the largest answer, and of 5,000 such rows.",
    switches=("large_rows",),
)
def answers_have_some_size(seen: Seen) -> Verdict:
    most, largest = 0.0, 0
    for path in seen.lists:
        reply = seen.reply(f"list:{path}:id")
        rows = len(seen.rows(f"list:{path}:id"))
        if reply and rows:
            most = max(most, reply.size / rows)
            largest = max(largest, reply.size)
    if not largest:
        return unknown("there was no row")
    whole = most * _LARGEST_PAGE
    text = f"{_size(most)} a row at most, {_size(largest)} the largest answer"
    large = most > _LARGE_ROW
    if whole > _MOST_BYTES:
        return differs(f"{text}; 5,000 such rows are too many", large_rows=large)
    return holds(text, large_rows=large)


_LARGE_ROW = 16_384


def _size(number: float) -> str:
    units = ("bytes", "KB", "MB", "GB")
    power = min(len(units) - 1, int(math.log10(max(1.0, number))) // 3)
    return f"{number / 1_000**power:.0f} {units[power]}"

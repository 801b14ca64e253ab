"""The staging models of `transform/`, made from the streams: a model for each, and what it has."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import yaml

from tools.declared import streams
from tools.markdown import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tap_servicetitan_dispatch.streams.base import DispatchStream

    Column = tuple[str, str, str, str]
    """Name in the API, name in the model, type, meaning."""

FOLDER = ROOT / "transform" / "models" / "staging"
TYPES = {"boolean": "boolean", "integer": "bigint", "number": "number", "string": "text"}
ENTITIES = {
    "appointment_assignments": "assignment",
    "appointment_assignments_list": "assignment",
    "technician_shifts": "shift",
    "technician_skills": "skill",
}
"""What a row with an `id` is, where the name of the stream without its s would not do."""
RENAMED = {
    "start": "starts_at",
    "end": "ends_at",
    "startUtc": "starts_at",
    "endUtc": "ends_at",
    "timeStamp": "computed_on",
    "rows": "rows_written",
    "timezone": "time_zone",
}
"""Names that SQL has a meaning for, or that say too little."""
LOCAL = {"start": "starts_at_local", "end": "ends_at_local"}
"""The same in `capacities`, whose `start` is a local time."""
PACKAGE = "servicetitan_dispatch"
PREFIX = "dispatch_stg_"
LEFT_OUT = {"continueFrom", "tenantId"}
SPAN = "duration"
LOGS = {"sync_log"}
"""Streams to which each run adds rows, so that all of them count."""
VERSIONED = {
    "appointment_assignments": "dispatch_stg_assignment_versions",
    "capacities": "dispatch_stg_capacities",
}
"""Streams of which each version counts that was loaded, and the model that has them."""
HISTORIES = {"appointment_assignments": ["appointment_assignments_history"]}
"""What a stream map loads versions of a stream into; forecasts have a setting that keeps them."""
NEEDED = {
    "appointment_assignments": {"technicianId", "appointmentId", "status", "modifiedOn", "active"},
    "capacities": {"totalAvailability", "openAvailability"},
    "non_job_appointments": {"technicianId", "start", "duration", "active"},
    "technician_shifts": {"shiftType", "active", "technicianId", "start", "end"},
    "sync_log": {"endedAt", "outcome"},
}
"""What the marts compute with, beside the key. What they only show may be left out of a load."""
TENANT = "Number of the tenant; 0 if only one is loaded."
FIRST_LOADED = (
    "When the first load began that brought it, as far as loads that brought it are known."
)


def snake_case(name: str) -> str:
    """Return a name such as `modifiedOn` as `modified_on`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def columns_of(stream: DispatchStream) -> Iterator[Column]:
    """Yield the columns of the model of a stream."""
    renamed = RENAMED | (LOCAL if "startUtc" in stream.schema["properties"] else {})
    entity = ENTITIES.get(stream.name, stream.name.removesuffix("s"))
    renamed |= {"id": f"{entity}_id"}
    for name, field in stream.schema["properties"].items():
        if name in LEFT_OUT:
            continue
        meaning, alias = field["description"], renamed.get(name, snake_case(name))
        yield name, alias, type_of(field), meaning
        if name == SPAN:
            yield name, f"{alias}_seconds", "seconds", f"The same in seconds: {meaning}"


def type_of(field: dict[str, Any]) -> str:
    """Return the type that a macro knows a field by."""
    kinds = [field["type"]] if isinstance(field["type"], str) else field["type"]
    [kind] = [kind for kind in kinds if kind != "null"]
    if field.get("format") == "date-time":
        return "time"
    return TYPES.get(kind, "json")


def models() -> Iterator[tuple[str, str, DispatchStream]]:
    """Yield the name of each model, the macro that its rows come from, and its stream."""
    for stream in streams():
        if stream.name in LOGS:
            yield f"{PREFIX}{stream.name}", "all_versions", stream
        elif stream.name not in VERSIONED or stream.replication_key:
            macro = "latest_rows" if stream.replication_key else "rows_of_the_latest_load"
            yield f"{PREFIX}{stream.name}", macro, stream
        if stream.name in VERSIONED:
            yield VERSIONED[stream.name], "all_versions", stream


def key_of(macro: str, stream: DispatchStream) -> list[str]:
    """Return the columns beside the tenant that a row of a model is known by."""
    names = {name: alias for name, alias, *_ in columns_of(stream)}
    key = [names[name] for name in stream.primary_keys if name in names]
    if macro != "all_versions" or stream.name in LOGS:
        return key
    return [*key, "computed_on" if stream.name == "capacities" else "modified_on"]


def needed_of(stream: DispatchStream) -> list[str]:
    """Return the fields of a stream without which no mart can be computed."""
    needed = {*stream.primary_keys, *NEEDED.get(stream.name, ())} - LEFT_OUT
    return [name for name in stream.schema["properties"] if name in needed]


def sql(macro: str, stream: DispatchStream) -> str:
    """Return the model of a stream."""
    columns = [column for column in columns_of(stream) if column[2] != "seconds"]
    listed = "\n".join(f"  ('{name}', '{alias}', '{kind}')," for name, alias, kind, _ in columns)
    source: str | list[str] = stream.name
    if macro == "all_versions":
        source = [stream.name, *HISTORIES.get(stream.name, [])]
    call = f"{PACKAGE}.{macro}({source!r}, {key_of(macro, stream)}, columns, needed)"
    seconds = [alias for _, alias, kind, _ in columns_of(stream) if kind == "seconds"]
    head = f"{{% set columns = [\n{listed}\n] %}}\n{{% set needed = {needed_of(stream)} %}}\n"
    if not seconds:
        return f"{head}{{{{ {call} }}}}\n"
    added = "".join(
        f",\n  {{{{ {PACKAGE}.seconds_of('{each.removesuffix('_seconds')}') }}}} as {each}"
        for each in seconds
    )
    return f"{head}with counted as (\n{{{{ {call} }}}}\n)\n\nselect\n  *{added}\nfrom counted\n"


def described() -> str:
    """Return what the project says of the staging models: sources, columns, tests."""
    content = {
        "version": 2,
        "models": [_described(*model) for model in models()],
    }
    return HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=90)


def sources() -> str:
    """Return what the project says of the tables and files that it reads."""
    tables = []
    for stream in streams():
        tables.append({"name": stream.name, "description": meaning_of(stream)})
        for history in HISTORIES.get(stream.name, ()):
            kept = f"Every version of `{stream.name}`, if a stream map keeps them."
            tables.append({"name": history, "description": kept})
    listed = yaml.safe_dump(tables, sort_keys=False, allow_unicode=True, width=90)
    return SOURCES + "".join(f"  {line}" for line in listed.splitlines(keepends=True))


def meaning_of(stream: DispatchStream) -> str:
    """Return what a row of a stream is, by the first line of what its class says."""
    return " ".join((inspect.getdoc(type(stream)) or "").partition("\n")[0].split())


def _described(name: str, macro: str, stream: DispatchStream) -> dict[str, Any]:
    text = meaning_of(stream)
    if macro == "all_versions" and stream.name not in LOGS:
        text = f"Every version that was loaded. {text}"
    key = ["tenant_id", *key_of(macro, stream)]
    columns = [("tenant_id", TENANT), *((column[1], column[3]) for column in columns_of(stream))]
    if macro == "all_versions":
        columns.append(("first_loaded_at", FIRST_LOADED))
    return {
        "name": name,
        "description": text,
        "data_tests": [{"dispatch_is_key": {"arguments": {"columns": key}}}],
        "columns": [{"name": alias, "description": meaning} for alias, meaning in columns],
    }


HEAD = """\
# Made from the streams of the tap by `python -m tools.generate`
"""
SOURCES = f"""\
{HEAD}version: 2
sources:
- name: servicetitan_dispatch
  description: >-
    What the loaders of meltano.yml have written: for DuckDB the files of target-jsonl, for
    PostgreSQL the tables of target-postgres. A stream that was never loaded has neither.
  # The macro table_of looks which schema it is where nobody has said so
  schema: >-
    {{{{ var('dispatch_source_schema', none) or env_var('DISPATCH_SOURCE_SCHEMA', '')
    or env_var('TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA', '') or 'tap_servicetitan_dispatch' }}}}
  tables:
"""


def files() -> dict[Path, Callable[[], str]]:
    """Return what makes the contents of each file of the staging models."""
    made: dict[Path, Callable[[], str]] = {
        FOLDER.parent / "sources.yml": sources,
        FOLDER / "_staging.yml": described,
    }
    for name, macro, stream in models():

        def content(macro: str = macro, stream: DispatchStream = stream) -> str:
            return sql(macro, stream)

        made[FOLDER / f"{name}.sql"] = content
    return made

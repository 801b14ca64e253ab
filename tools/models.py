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
    "arrival_windows": "arrival_window",
    "non_job_appointments": "non_job_appointment",
    "teams": "team",
    "technician_shifts": "shift",
    "technician_skills": "skill",
    "zones": "zone",
}
"""What a row with an `id` is."""
RENAMED = {
    "start": "starts_at",
    "end": "ends_at",
    "startUtc": "starts_at",
    "endUtc": "ends_at",
    "timeStamp": "computed_on",
}
"""Names that SQL has a meaning for, or that say too little."""
LOCAL = {"start": "starts_at_local", "end": "ends_at_local"}
"""The same in `capacities`, whose `start` is a local time."""
LEFT_OUT = {"continueFrom", "tenantId"}
SPAN = "duration"
VERSIONED = {"appointment_assignments": "stg_assignment_versions", "capacities": "stg_capacities"}
"""Streams of which each version counts that was loaded, and the model that has them."""
HISTORIES = {"appointment_assignments": ["appointment_assignments_history"]}
"""What a stream map loads versions of a stream into; forecasts have a setting that keeps them."""
TENANT = "Number of the tenant; 0 if only one is loaded."


def snake_case(name: str) -> str:
    """Return a name such as `modifiedOn` as `modified_on`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def columns_of(stream: DispatchStream) -> Iterator[Column]:
    """Yield the columns of the model of a stream."""
    renamed = RENAMED | (LOCAL if "startUtc" in stream.schema["properties"] else {})
    if stream.name in ENTITIES:
        renamed |= {"id": f"{ENTITIES[stream.name]}_id"}
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
        if stream.name not in VERSIONED or stream.replication_key:
            macro = "latest_rows" if stream.replication_key else "rows_of_the_latest_load"
            yield f"stg_{stream.name}", macro, stream
        if stream.name in VERSIONED:
            yield VERSIONED[stream.name], "all_versions", stream


def key_of(macro: str, stream: DispatchStream) -> list[str]:
    """Return the columns beside the tenant that a row of a model is known by."""
    names = {name: alias for name, alias, *_ in columns_of(stream)}
    key = [names[name] for name in stream.primary_keys if name in names]
    version = {"capacities": ["computed_on"]}.get(stream.name, ["modified_on"])
    return key + version if macro == "all_versions" else key


def sql(macro: str, stream: DispatchStream) -> str:
    """Return the model of a stream."""
    columns = [column for column in columns_of(stream) if column[2] != "seconds"]
    listed = "\n".join(f"  ('{name}', '{alias}', '{kind}')," for name, alias, kind, _ in columns)
    source: str | list[str] = stream.name
    if macro == "all_versions":
        source = [stream.name, *HISTORIES.get(stream.name, [])]
    call = f"{macro}({source!r}, {key_of(macro, stream)}, columns)"
    seconds = [alias for _, alias, kind, _ in columns_of(stream) if kind == "seconds"]
    head = f"{{% set columns = [\n{listed}\n] %}}\n"
    if not seconds:
        return f"{head}{{{{ {call} }}}}\n"
    added = "".join(
        f",\n  {{{{ seconds_of('{each.removesuffix('_seconds')}') }}}} as {each}"
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


def _described(name: str, macro: str, stream: DispatchStream) -> dict[str, Any]:
    text = " ".join((inspect.getdoc(type(stream)) or "").partition("\n")[0].split())
    if macro == "all_versions":
        text = f"Every version that was loaded. {text}"
    key = ["tenant_id", *key_of(macro, stream)]
    columns = [("tenant_id", TENANT), *((column[1], column[3]) for column in columns_of(stream))]
    return {
        "name": name,
        "description": text,
        "data_tests": [{"is_key": {"arguments": {"columns": key}}}],
        "columns": [{"name": alias, "description": meaning} for alias, meaning in columns],
    }


HEAD = """\
# Made from the streams of the tap by `python -m tools.generate`
"""


def files() -> dict[Path, Callable[[], str]]:
    """Return what makes the contents of each file of the staging models."""
    made: dict[Path, Callable[[], str]] = {FOLDER / "_staging.yml": described}
    for name, macro, stream in models():

        def content(macro: str = macro, stream: DispatchStream = stream) -> str:
            return sql(macro, stream)

        made[FOLDER / f"{name}.sql"] = content
    return made

"""What the code declares, the way the documents have it."""

from __future__ import annotations

import json
import re
from dataclasses import Field, fields
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from benchmarks import alternatives, fleet
from benchmarks.table import lines, load_lines
from tap_servicetitan_dispatch.client.failures import FAILURES
from tap_servicetitan_dispatch.sandbox import Behaviour, cli
from tap_servicetitan_dispatch.sandbox.api.operations import ROUTERS
from tap_servicetitan_dispatch.settings import schema as settings
from tap_servicetitan_dispatch.settings import tenants
from tap_servicetitan_dispatch.streams import ON_REQUEST, WITH_VERSIONS
from tap_servicetitan_dispatch.streams.base import DispatchStream
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tools.markdown import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan_dispatch.client.failures import Failure

PREFIX = "TAP_SERVICETITAN_DISPATCH_"
DATES = {"start_date"}


def own_settings() -> dict[str, Any]:
    """Return the tap's settings by name, without those that the SDK adds to every tap."""
    added: dict[str, Any] = {"properties": {}}
    TapServiceTitanDispatch.append_builtin_config(added)
    return {
        name: setting
        for name, setting in settings.schema(ON_REQUEST, WITH_VERSIONS)["properties"].items()
        if name not in added["properties"]
    }


def all_settings() -> dict[str, Any]:
    """Return the settings by name with those of the SDK, as in `batch_config.storage.root`.

    `faker_config` is left out: the tap comes without the library that it is for.
    """
    schema = settings.schema(ON_REQUEST, WITH_VERSIONS)
    TapServiceTitanDispatch.append_builtin_config(schema)
    del schema["properties"]["faker_config"]
    return dict(_leaves(schema))


def _leaves(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, setting in schema["properties"].items():
        if setting.get("properties") and setting["additionalProperties"] is True:
            yield from ((f"{name}.{inner}", leaf) for inner, leaf in _leaves(setting))
        else:  # what is in `stream_maps` is named after streams
            yield name, setting


@cache
def streams() -> tuple[Any, ...]:
    """Return all streams that a tap can offer, in their order."""
    config = {"environment": "sandbox", "extra_streams": [*ON_REQUEST]}
    return tuple(TapServiceTitanDispatch(config=config).discover_streams())


def shown(default: Any) -> str:
    """Return a default the way YAML and an environment variable have it."""
    return str(default).lower() if isinstance(default, bool) else str(default)


def setting_rows() -> list[str]:
    """Return the rows of the table of settings."""
    return [_setting_row(*setting) for setting in own_settings().items()]


def _setting_row(name: str, setting: dict[str, Any]) -> str:
    default = f"`{shown(setting['default'])}`" if "default" in setting else ""
    secret = " Secret." if setting.get("secret") else ""
    return f"| `{name}` | {default} | {setting['description']}{secret} |"


def switch_rows() -> list[str]:
    """Return the rows of the table of what is unknown about the real API."""
    schema = TypeAdapter(Behaviour).json_schema()["properties"]
    return [_switch_row(field, schema[field.name]) for field in fields(Behaviour)]


def _switch_row(field: Field[Any], schema: dict[str, Any]) -> str:
    option, default = cli.option_of(field.name), cli.default_of(field)
    others = [value for value in map(str, schema.get("enum", ())) if value != default]
    values = ", ".join(f"`{value}`" for value in (default, *others) if value)
    if schema.get("type") == "boolean":
        values = "off"
    return f"| `{option}` | {values} | {schema['description']} |"


def stream_rows() -> list[str]:
    """Return the rows of the table of streams, those last that are offered on request only."""
    by_offer = sorted(streams(), key=lambda stream: stream.name in ON_REQUEST)
    return [_stream_row(stream) for stream in by_offer]


def _stream_row(stream: DispatchStream) -> str:
    columns = (
        f"`{stream.name}`",
        bookmark_of(stream),
        ", ".join(f"`{key}`" for key in stream.primary_keys),
        ", ".join(f"`{scope}`" for scope in stream.scopes) or "none",
    )
    return f"| {' | '.join(columns)} |"


def request_rows() -> list[str]:
    """Return the rows of the table of streams that are offered on request only."""
    return [f"| `{name}` | {reason} |" for name, reason in ON_REQUEST.items()]


def counted() -> list[str]:
    """Return the streams of which the API counts the rows."""
    base = DispatchStream.source_rows
    return [each.name for each in streams() if type(each).source_rows is not base]


def bookmark_of(stream: DispatchStream) -> str:
    """Return what the bookmark of a stream is taken from, in words if there is none."""
    if stream.replication_key:
        return f"`{stream.replication_key}`"
    return "none: full table" if stream.path else "none: rows are added"


def operations() -> list[str]:
    """Return the operations of the API as `GET zones/{id}`, sorted by path.

    They are the sandbox's; tests compare them with the vendor's.
    """
    pairs = [
        (route.path.removeprefix("/"), method)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    ]
    return [f"{method} {path}" for path, method in sorted(pairs)]


def operation_rows() -> list[str]:
    """Return the rows of the table of operations: what the tap makes of each."""
    return [_operation_row(operation) for operation in operations()]


def _operation_row(operation: str) -> str:
    read = {f"{stream.method} {stream.path}": stream.name for stream in streams()}
    the_list, _, last = operation.rpartition("/")
    method, _, path = operation.partition(" ")
    if operation in read:
        fate = f"read as `{read[operation]}`"
    elif method == "GET" and last == "{id}":
        fate = f"not needed: `{read[the_list]}` has the same row"
    elif shown := shown_by(path):
        fate = "write; shows in " + " and ".join(f"`{stream}`" for stream in shown)
    else:
        fate = "write; shows in no stream, as the API does not give it back"
    return f"| `{operation}` | {fate} |"


def shown_by(path: str) -> list[str]:
    """Return the streams that show what is written at a path.

    They are those of the resource that it is below, the feed of its changes included.
    """
    resources = {stream.name: stream.path.removeprefix("export/") for stream in streams()}
    above = [each for each in resources.values() if f"{path}/".startswith(f"{each}/")]
    return [name for name, each in resources.items() if above and each == max(above, key=len)]


def failure_rows() -> list[str]:
    """Return the rows of the table of failures."""
    return [_failure_row(failure) for failure in FAILURES.values()]


def _failure_row(failure: Failure) -> str:
    names = re.compile(rf"\b({'|'.join(own_settings())})\b")
    columns = (
        failure.symptom,
        failure.meaning,
        names.sub(r"`\1`", failure.remedy),
        "yes" if failure.retried else "no",
    )
    return f"| {' | '.join(text[:1].upper() + text[1:] for text in columns[:3])} | {columns[3]} |"


def figure_rows() -> list[str]:
    """Return the rows of the table of what the benchmarks measured last."""
    return lines(figures())[2:]


FOR_THE_README = (
    "Rows a second into a file, compared with a plain SDK tap",
    "Time of `meltano el`, 300,000 rows into PostgreSQL, compared with the target's defaults",
    "`meltano el` with nothing new: CPU of all processes",
    "Time for 300,000 rows at 0.3 s a request, compared with the requests alone",
    "Peak memory, 300,000 rows",
)
"""The figures that a user notices."""


def readme_figure_rows() -> list[str]:
    """Return the rows of the README's table, a few of those of `figure_rows`."""
    by_name = {each["what"]: each for each in figures()["figures"]}
    return lines({"figures": [by_name[what] for what in FOR_THE_README]})[2:]


def fleet_rows() -> list[str]:
    """Return the rows of the table of what a fleet took when it was measured last."""
    text = (ROOT / "benchmarks/fleet.json").read_text(encoding="utf-8")
    return fleet.lines(json.loads(text))[2:]


def alternative_rows() -> list[str]:
    """Return the rows of the table of what this tap and dlt took when they were measured last."""
    text = (ROOT / "benchmarks/alternatives.json").read_text(encoding="utf-8")
    return alternatives.lines(json.loads(text))[2:]


def load_rows() -> list[str]:
    """Return the rows of the table of what loads took when the benchmarks ran last."""
    return load_lines(figures())[2:]


def figures() -> dict[str, Any]:
    """Return what the benchmarks measured last."""
    found: dict[str, Any] = json.loads((ROOT / "benchmarks/results.json").read_text())
    return found


def meltano_setting(name: str, setting: dict[str, Any]) -> dict[str, Any]:
    """Return a setting's description in Meltano's project file and on Meltano Hub."""
    kind = next(kind for kind in setting["type"] if kind != "null")
    result = {
        "name": name,
        "label": setting["title"],
        "kind": "date_iso8601" if name in DATES else kind,
        "description": setting["description"],
    }
    if values := setting.get("enum"):
        result["kind"] = "options"
        result["options"] = [{"label": value, "value": value} for value in values]
    if "default" in setting:
        result["value"] = setting["default"]
    if setting.get("secret"):
        result["sensitive"] = True
    return result


def env_lines() -> list[str]:
    """Return the lines of `.env.example` that are settings."""
    return [
        f"{'' if name in tenants.CREDENTIALS else '# '}{PREFIX}{name.upper()}="
        + shown(setting.get("default", ""))
        for name, setting in own_settings().items()
    ]

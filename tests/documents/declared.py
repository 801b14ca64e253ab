"""What the code declares, the way the documents have it.

`python -m tests.documents.declared` writes it into them; the tests compare.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml
from fastapi.routing import APIRoute

from benchmarks.table import draw, lines
from tap_servicetitan_dispatch import settings
from tap_servicetitan_dispatch.errors import FAILURES
from tap_servicetitan_dispatch.sandbox.application import ROUTERS
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tests.support.markdown import ROOT, rows, section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan_dispatch.errors import Failure
    from tap_servicetitan_dispatch.streams.base import DispatchStream

CHART = ROOT / "docs/images/speed.svg"
PREFIX = "TAP_SERVICETITAN_DISPATCH_"
DATES = {"start_date"}
TABLES = {
    "All settings": "docs/settings.md",
    "Streams": "README.md",
    "What can go wrong": "docs/operations.md",
    "How fast it is": "README.md",
}
"""The tables that are made from the code, and the documents in which they stand."""


def own_settings() -> dict[str, Any]:
    """Return the tap's settings by name, without those that the SDK adds to every tap."""
    added: dict[str, Any] = {"properties": {}}
    TapServiceTitanDispatch.append_builtin_config(added)
    return {
        name: setting
        for name, setting in settings.SCHEMA["properties"].items()
        if name not in added["properties"]
    }


def all_settings() -> dict[str, Any]:
    """Return the settings by name with those of the SDK, as in `batch_config.storage.root`.

    `faker_config` is left out: the tap comes without the library that it is for.
    """
    schema: dict[str, Any] = {"properties": dict(settings.SCHEMA["properties"])}
    TapServiceTitanDispatch.append_builtin_config(schema)
    del schema["properties"]["faker_config"]
    return dict(_leaves(schema))


def _leaves(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, setting in schema["properties"].items():
        if setting.get("properties") and setting["additionalProperties"] is True:
            yield from ((f"{name}.{inner}", leaf) for inner, leaf in _leaves(setting))
        else:  # what is in `stream_maps` is named after streams
            yield name, setting


def streams() -> list[Any]:
    """Return the streams of a tap, in their order."""
    return list(TapServiceTitanDispatch(config={"environment": "sandbox"}).discover_streams())


def shown(default: Any) -> str:
    """Return a default the way YAML and an environment variable have it."""
    return str(default).lower() if isinstance(default, bool) else str(default)


def setting_row(name: str, setting: dict[str, Any]) -> str:
    """Return a setting's row in its table."""
    default = f"`{shown(setting['default'])}`" if "default" in setting else ""
    secret = " Secret." if setting.get("secret") else ""
    return f"| `{name}` | {default} | {setting['description']}{secret} |"


def stream_row(stream: DispatchStream) -> str:
    """Return a stream's row in the README."""
    columns = (
        f"`{stream.name}`",
        f"`{stream.method} {stream.path}`",
        f"`{stream.replication_key}`" if stream.replication_key else "none: full table",
        ", ".join(f"`{key}`" for key in stream.primary_keys),
        "yes" if stream.selected_by_default else "no",
        ", ".join(f"`{scope}`" for scope in stream.scopes),
    )
    return f"| {' | '.join(columns)} |"


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


def operation_row(operation: str) -> str:
    """Return an operation's row in its table: what the tap makes of it."""
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


def failure_row(failure: Failure) -> str:
    """Return a failure's row in its table."""
    names = re.compile(rf"\b({'|'.join(own_settings())})\b")
    columns = (
        failure.sign,
        failure.meaning,
        names.sub(r"`\1`", failure.remedy),
        "yes" if failure.retried else "no",
    )
    return f"| {' | '.join(text[:1].upper() + text[1:] for text in columns[:3])} | {columns[3]} |"


def table(heading: str) -> list[str]:
    """Return the rows of the table under a heading."""
    return {
        "All settings": lambda: [setting_row(*setting) for setting in own_settings().items()],
        "Streams": lambda: [stream_row(stream) for stream in streams()],
        "What can go wrong": lambda: [failure_row(failure) for failure in FAILURES.values()],
        "How fast it is": lambda: lines(figures())[2:],
    }[heading]()


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


def meltano_select() -> list[str]:
    """Return the selection: left to itself, Meltano selects streams that the tap does not."""
    left_out = [f"!{stream.name}.*" for stream in streams() if not stream.selected_by_default]
    return ["*.*", *left_out]


def env_lines() -> list[str]:
    """Return the lines of `.env.example` that are settings."""
    return [
        f"{'' if name in settings.CREDENTIALS else '# '}{PREFIX}{name.upper()}="
        + shown(setting.get("default", ""))
        for name, setting in own_settings().items()
    ]


def _write() -> None:
    for heading, document in TABLES.items():
        path = ROOT / document
        old = section(document, heading)
        new = old.replace("\n".join(rows(old)), "\n".join(table(heading)))
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    project = ROOT / "meltano.yml"
    before, _, rest = project.read_text(encoding="utf-8").partition("    select:\n")
    _, _, after = rest.partition("  loaders:\n")
    described = {
        "select": meltano_select(),
        "settings": [meltano_setting(name, setting) for name, setting in own_settings().items()],
    }
    text = yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=90)
    indented = "".join(f"    {line}\n" for line in text.splitlines())
    project.write_text(f"{before}{indented}  loaders:\n{after}", encoding="utf-8")

    example = ROOT / ".env.example"
    head, _, _ = example.read_text(encoding="utf-8").partition(PREFIX)
    example.write_text(head + "\n".join(env_lines()) + "\n", encoding="utf-8")

    draw(figures(), CHART)

    # Both take something from here.
    from tests.documents import streams_page  # noqa: PLC0415
    from tests.hub import definition  # noqa: PLC0415

    streams_page.FILE.write_text(streams_page.content(), encoding="utf-8")

    for name, content in definition.files().items():
        (definition.FOLDER / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    _write()

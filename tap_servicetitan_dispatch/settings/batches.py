"""BATCH files: what the SDK needs to know to write them, and who may read them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import fsspec  # type: ignore[import-untyped] # it has no types
from singer_sdk import Stream

from tap_servicetitan_dispatch.log.redaction import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIELDS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", ("encoding", "storage"), ("batch_size",)),
    ("encoding", ("format",), ("compression",)),
    ("storage", ("root",), ("prefix", "params")),
)
"""Each object of a `batch_config`: its required and its optional fields."""
_MAY_BE_LEFT_OUT = () if version("singer-sdk").startswith("0.54.") else ("storage", "root")
"""Optional from SDK 0.55 on, which has a default: a folder among the system's temporary ones."""
_OF_PYARROW = {"arrow", "parquet"}
ARROW_IS_THERE = hasattr(Stream, "get_record_batches")
"""Whether the SDK can write tables into Arrow files."""


def problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a `batch_config`, of which the SDK has only checked the types.

    Args:
        config: The setting; an empty one counts as not given.
    """
    if config:
        lines = [*_misfits(config)]
        yield from lines or _unusable(config)


def _misfits(config: Mapping[str, Any]) -> Iterator[str]:
    for name, needed, optional in _FIELDS:
        given = config.get(name) if name else config
        if not isinstance(given, Mapping):
            continue  # what it is a field of says that it is missing
        path = f"batch_config.{name}" if name else "batch_config"
        yield from (f"{path}.{each}: is required" for each in needed if _is_missing(given, each))
        strange = given.keys() - {*needed, *optional}
        yield from (f"{path}.{each}: is not a setting" for each in sorted(strange))
    size = config.get("batch_size")
    if size is not None and (type(size) is not int or not 0 < size <= sys.maxsize):
        yield "batch_config.batch_size: is not a number of rows"


def _is_missing(given: Mapping[str, Any], name: str) -> bool:
    if name not in given:
        return name not in _MAY_BE_LEFT_OUT
    return given[name] is None or given[name] == ""


def _unusable(config: Mapping[str, Any]) -> Iterator[str]:
    storage = config.get("storage", {})
    if not isinstance(storage.get("params") or {}, Mapping):
        yield "batch_config.storage.params: is not an object"
        return
    root = storage.get("root", "")
    try:
        protocol, _ = fsspec.core.split_protocol(root)
        fsspec.get_filesystem_class(protocol or "file")
    except (ImportError, ValueError) as error:
        yield f"batch_config.storage.root: {error}"
    if "\0" in root:
        yield "batch_config.storage.root: has a null byte"
    name = config["encoding"]["format"]
    known = {plugin.name for plugin in entry_points(group="singer_sdk.batch_encoders")}
    if name == "arrow" and not ARROW_IS_THERE:
        yield (
            "batch_config.encoding.format: arrow needs singer-sdk 0.55 or newer; "
            f"{version('singer-sdk')} is installed"
        )
    elif name not in known:
        some = ", ".join(sorted(known))
        yield f"batch_config.encoding.format: {shown(name)} is not one of {some}"
    elif name in _OF_PYARROW and find_spec("pyarrow") is None:
        yield (
            "batch_config.encoding.format: needs pyarrow, which is not installed; the extra arrow "
            "of tap-servicetitan-dispatch has it"
        )


def are_arrow(config: Mapping[str, Any]) -> bool:
    """Return whether BATCH files are written in the Arrow format.

    Args:
        config: The settings.
    """
    encoding = (config.get("batch_config") or {}).get("encoding") or {}
    return encoding.get("format") == "arrow"


@contextmanager
def files_for_their_owner() -> Iterator[None]:
    """Keep files and folders that this process makes meanwhile private to their owner.

    The SDK leaves the mode of BATCH files to the umask. If it were narrowed afterwards, others
    could read the files for a moment.
    """
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)

"""What is given to the tap in files: settings, the state and the catalog."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers._util import load_json
from singer_sdk.singerlib import Catalog

from tap_servicetitan_dispatch.characters import place_of_lone_surrogate
from tap_servicetitan_dispatch.errors import InputError, StateError
from tap_servicetitan_dispatch.redaction import MOST_OF_A_PART, one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Mapping, Sequence

    from singer_sdk.singerlib import CatalogEntry

BOOKMARK = ("replication_key", "replication_key_value")
OF_A_STREAM = (*BOOKMARK, "full_read")

KEYS_OF_SETTINGS = {"tenantId": "tenants", "timeStamp": "capacity_keep_history"}
"""What is part of a key only if a setting says so."""

logger = logging.getLogger("tap-servicetitan-dispatch")


def content_of(path: str, option: str) -> bytes:
    """Return what is in a file.

    Args:
        path: Where it is.
        option: The option of the command line that names it.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:  # the latter if the path has a null byte
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"the file {path} given with {option} cannot be read: {why}. What to do: name another, "
            "or let this user read it."
        ) from error


def parsed(content: bytes, source: str) -> Any:
    """Return what the JSON in a file stands for.

    Args:
        content: What is in the file.
        source: What to call it.

    Raises:
        InputError: It is not JSON.
    """
    remedy = "What to do: correct it, or name another."
    try:
        value = load_json(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"{source} is not text in UTF-8: {error}. {remedy}") from error
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits
        raise InputError(f"{source} is not JSON: {_part(error)}. {remedy}") from error
    if (place := place_of_lone_surrogate(value)) is not None:
        where = ".".join(map(str, place)) or "its top"
        raise InputError(f"{source} has text that is not valid Unicode at {where}. {remedy}")
    return value


def checked_config(config: Any, source: str) -> dict[str, Any]:
    """Return the settings in a file.

    Raises:
        InputError: It holds something else.
    """
    if not isinstance(config, dict):
        raise InputError(
            f'{source} is not a JSON object. What to do: write settings as {{"name": value}}.'
        )
    return config


def checked_state(state: Any, own_streams: Container[str]) -> dict[str, Any]:
    """Return what counts of a state: bookmarks, of our streams with nothing but their value.

    What a run leaves there for itself may come from another tap; other taps' streams stay as they
    are.

    Raises:
        StateError: It is not a state, or a bookmark has another shape than ours.
    """
    remedy = "What to do: correct the state, or take it out to read everything again."
    if state is None:
        return {}
    if isinstance(state, dict) and state and "bookmarks" not in state:
        raise StateError(f"the state has no bookmarks but: {_part(', '.join(state))}. {remedy}")
    bookmarks = (state.get("bookmarks") or {}) if isinstance(state, dict) else None
    if not isinstance(bookmarks, dict):
        raise StateError(f'the state is not an object with "bookmarks" in it. {remedy}')
    checked = {}
    for name, bookmark in bookmarks.items():
        if not isinstance(bookmark, dict):
            raise StateError(
                f"the bookmark of {_part(name)} in the state is not an object. {remedy}"
            )
        if name not in own_streams:
            checked[name] = bookmark
            continue
        checked[name] = {key: value for key, value in bookmark.items() if key in OF_A_STREAM}
        if partitions := bookmark.get("partitions"):
            checked[name]["partitions"] = _checked_partitions(name, partitions, remedy)
    return {"bookmarks": checked} if checked else {}


def _checked_partitions(stream: str, partitions: Any, remedy: str) -> list[dict[str, Any]]:
    """Return the bookmarks of the tenants of a group, with nothing but their value."""
    checked = []
    for each in partitions if isinstance(partitions, list) else [None]:
        entry = each if isinstance(each, dict) else {}
        context = entry.get("context")
        number = (
            context.get("tenantId") if isinstance(context, dict) and len(context) == 1 else None
        )
        if not isinstance(number, int) or isinstance(number, bool):
            raise StateError(
                f"the bookmark of {stream} in the state has partitions that are not those of a "
                f"group of tenants. {remedy}"
            )
        value = {key: entry[key] for key in BOOKMARK if key in entry}
        checked.append({"context": {"tenantId": number}, **value})
    numbers = [each["context"]["tenantId"] for each in checked]
    if len(set(numbers)) < len(numbers):
        raise StateError(f"the bookmark of {stream} in the state has a tenant twice. {remedy}")
    return checked


def require_state_of(state: Mapping[str, Any], own_streams: Container[str], *, group: bool) -> None:
    """Make sure that a state is that of a group of tenants, or of a single one.

    Raises:
        StateError: It is the other.
    """
    for name, entry in state.get("bookmarks", {}).items():
        if name not in own_streams:
            continue
        if group and "replication_key_value" in entry:
            raise StateError(
                f"the bookmark of {name} in the state is that of a single tenant, and does not say "
                "of which. What to do: make the state of the group from those of its tenants with "
                "--group-state, or start with an empty state to read everything again."
            )
        if not group and entry.get("partitions"):
            raise StateError(
                f"the bookmark of {name} in the state is that of a group of tenants, and the "
                "setting tenants is not set. What to do: set it, with this one tenant if you like, "
                "or start with an empty state to read everything again."
            )


def require_offered(
    catalog: Catalog | None, state: Mapping[str, Any], not_offered: Collection[str]
) -> None:
    """Make sure that no stream is selected that the settings do not offer; tell of others.

    Raises:
        InputError: One is.
    """
    named = [entry for name, entry in (catalog or {}).items() if name in not_offered]
    if wanted := sorted(each.tap_stream_id for each in named if _is_selected(each)):
        raise InputError(
            f"the catalog selects {', '.join(wanted)}, which the setting extra_streams does not "
            "name, so it is not offered. What to do: name it there, or make the catalog anew with "
            "--discover."
        )
    for where, names in (
        ("catalog", sorted(each.tap_stream_id for each in named)),
        ("state", sorted(state.get("bookmarks", {}).keys() & {*not_offered})),
    ):
        if names:
            logger.info(
                "The %s names %s, which is left alone: the setting extra_streams does not name it.",
                where,
                ", ".join(names),
            )


def require_keys(stream: str, keys: Sequence[str], own_keys: Sequence[str]) -> None:
    """Make sure that a catalog was made with settings that give a stream the same key.

    Args:
        stream: Its name.
        keys: The key that the catalog has.
        own_keys: The key that it has by the settings.

    Raises:
        InputError: It was not.
    """
    for name, setting in KEYS_OF_SETTINGS.items():
        if (name in own_keys) != (name in keys):
            raise InputError(
                f"the catalog has the key {', '.join(keys)} for {stream}, where the settings want "
                f"{', '.join(own_keys)}: it was made before the setting {setting} was "
                f"{'set' if name in own_keys else 'taken out'}. What to do: make it anew with "
                "--discover."
            )


def _is_selected(entry: CatalogEntry) -> bool:
    return entry.metadata.resolve_selection()[()]


def state_of_group(states: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the state of a group of tenants, made of the checked states of single runs.

    Args:
        states: The state of each tenant, by its number.
    """
    bookmarks: dict[str, Any] = {}
    for number, state in states.items():
        for stream, entry in state.get("bookmarks", {}).items():
            if "replication_key_value" in entry:
                value = {key: entry[key] for key in BOOKMARK if key in entry}
                partition = {"context": {"tenantId": number}, **value}
                bookmarks.setdefault(stream, {"partitions": []})["partitions"].append(partition)
    return {"bookmarks": bookmarks}


def _part(text: object) -> str:
    return one_line(text, MOST_OF_A_PART)


def checked_catalog(
    catalog: Catalog | dict[str, Any] | None, own_streams: Collection[str]
) -> Catalog | None:
    """Return a catalog as the SDK wants it.

    Raises:
        InputError: It is not a catalog.
    """
    if catalog is None or isinstance(catalog, Catalog):
        return catalog
    remedy = "What to do: make it anew with --discover."
    try:
        checked = Catalog.from_dict(catalog)  # type: ignore[arg-type] # the SDK's type is narrow
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        cause = _part(f"{type(error).__name__}: {error}")
        raise InputError(f"the catalog is not well formed ({cause}). {remedy}") from error
    if not checked:
        raise InputError(f"the catalog is not well formed (it has no streams). {remedy}")
    for name, entry in checked.items():
        if name in own_streams and not entry.schema.properties:
            raise InputError(f"the catalog is not well formed ({name}: no schema). {remedy}")
        if (method := entry.replication_method) not in {None, "INCREMENTAL", "FULL_TABLE"}:
            raise InputError(f"the catalog is not well formed ({name}: {_part(method)}). {remedy}")
    if strange := ", ".join(sorted(checked.keys() - set(own_streams))):
        logger.warning("The catalog has streams that this tap does not have: %s", strange)
    return checked

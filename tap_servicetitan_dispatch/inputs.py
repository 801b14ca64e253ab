"""What is given to the tap in files: settings, the state and the catalog."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib import Catalog

from tap_servicetitan_dispatch.errors import InputError, StateError
from tap_servicetitan_dispatch.redaction import MOST_OF_A_PART, one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Container

logger = logging.getLogger("tap-servicetitan-dispatch")


def checked_config(path: str, config: Any) -> dict[str, Any]:
    """Return what a file with settings holds.

    Raises:
        InputError: It is something else.
    """
    if not isinstance(config, dict):
        raise InputError(f"the file {path} given with --config is not a JSON object.")
    _refuse_half_characters(config, f"the file {path} given with --config", "Correct it.")
    return config


def _refuse_half_characters(given: Any, name: str, remedy: str) -> None:
    """Refuse what JSON can name and UTF-8 cannot carry: half of a character, a lone surrogate."""
    try:
        json.dumps(given, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{name} has text that is not valid Unicode. {remedy}") from error


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
    _refuse_half_characters(state, "the state", remedy)
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
        if name in own_streams and bookmark.get("partitions"):
            raise StateError(
                f"the bookmark of {name} in the state is split into partitions, which this tap "
                f"does not know. {remedy}"
            )
        checked[name] = {
            key: value
            for key, value in bookmark.items()
            if name not in own_streams or key in {"replication_key", "replication_key_value"}
        }
    return {"bookmarks": checked} if checked else {}


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
    _refuse_half_characters(catalog, "the catalog", remedy)
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

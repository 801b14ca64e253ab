"""What is given to the tap on its command line, besides settings: the state and the catalog."""

from __future__ import annotations

import logging
from typing import Any

from singer_sdk.singerlib import Catalog

from tap_servicetitan_dispatch.errors import InputError, StateError
from tap_servicetitan_dispatch.streams import STREAMS

logger = logging.getLogger("tap-servicetitan-dispatch")


def checked_state(state: Any) -> dict[str, Any]:
    """Return what counts of a state: bookmarks, of our streams with nothing but their value.

    What a run leaves there for itself may come from another tap; other taps' streams stay as they
    are.

    Raises:
        StateError: It is no state, or a bookmark has another shape than ours.
    """
    remedy = "What to do: correct the state, or take it out to read everything again."
    if state is None:
        return {}
    if isinstance(state, dict) and state and "bookmarks" not in state:
        raise StateError(f"the state has no bookmarks but: {', '.join(state)}. {remedy}")
    bookmarks = (state.get("bookmarks") or {}) if isinstance(state, dict) else None
    if not isinstance(bookmarks, dict):
        raise StateError(f'the state is no object with "bookmarks" in it. {remedy}')
    checked = {}
    ours = {stream.name for stream in STREAMS}  # type: ignore[misc] # each class has its own
    for name, bookmark in bookmarks.items():
        if not isinstance(bookmark, dict):
            raise StateError(f"the bookmark of {name} in the state is no object. {remedy}")
        if name in ours and bookmark.get("partitions"):
            raise StateError(
                f"the bookmark of {name} in the state is split into partitions, which this tap "
                f"does not know. {remedy}"
            )
        checked[name] = {
            key: value
            for key, value in bookmark.items()
            if name not in ours or key in {"replication_key", "replication_key_value"}
        }
    return {"bookmarks": checked} if checked else {}


def checked_catalog(catalog: Catalog | dict[str, Any] | None) -> Catalog | None:
    """Return a catalog as the SDK wants it.

    Raises:
        InputError: It is no catalog.
    """
    if catalog is None or isinstance(catalog, Catalog):
        return catalog
    remedy = "What to do: make it anew with --discover."
    try:
        checked = Catalog.from_dict(catalog)  # type: ignore[arg-type] # the SDK's type is narrow
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        cause = f"{type(error).__name__}: {error}"
        raise InputError(f"the catalog is not well formed ({cause}). {remedy}") from error
    known = {stream.name for stream in STREAMS}  # type: ignore[misc] # each class has its own
    if not checked:
        raise InputError(f"the catalog is not well formed (it has no streams). {remedy}")
    for name, entry in checked.items():
        if name in known and not entry.schema.properties:
            raise InputError(f"the catalog is not well formed ({name}: no schema). {remedy}")
        if (method := entry.replication_method) not in {None, "INCREMENTAL", "FULL_TABLE"}:
            raise InputError(f"the catalog is not well formed ({name}: {method}). {remedy}")
    if strange := ", ".join(sorted(checked.keys() - known)):
        logger.warning("The catalog has streams that this tap does not have: %s", strange)
    return checked

"""The state that a run is given: its relevant parts, and whose it is."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.errors import InputError, StateError
from tap_servicetitan_dispatch.log.redaction import part

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

BOOKMARK = ("replication_key", "replication_key_value")
OF_A_TENANT = (*BOOKMARK, "full_read_rows")
OF_A_STREAM = (*OF_A_TENANT, "full_read", "keeps_history")


def checked_state(state: Any, own_streams: Container[str]) -> dict[str, Any]:
    """Return the relevant parts of a state: bookmarks, those of our streams with their value only.

    Other keys of our streams are dropped, because another tap may have left them. Streams of other
    taps are kept as they are.

    Raises:
        StateError: It is not a state, or a bookmark has another shape than ours.
    """
    remedy = "correct the state, or remove it to read everything again"
    if state is None:
        return {}
    if isinstance(state, dict) and state and "bookmarks" not in state:
        raise StateError(f"the state has no bookmarks but: {part(', '.join(state))}", remedy)
    bookmarks = (state.get("bookmarks") or {}) if isinstance(state, dict) else None
    if not isinstance(bookmarks, dict):
        raise StateError('the state is not an object with "bookmarks" in it', remedy)
    checked = {}
    for name, bookmark in bookmarks.items():
        if not isinstance(bookmark, dict):
            raise StateError(f"the bookmark of {part(name)} in the state is not an object", remedy)
        if name not in own_streams:
            checked[name] = bookmark
            continue
        checked[name] = {key: value for key, value in bookmark.items() if key in OF_A_STREAM}
        if partitions := bookmark.get("partitions"):
            checked[name]["partitions"] = _checked_partitions(name, partitions, remedy)
    return {"bookmarks": checked} if checked else {}


def _checked_partitions(stream: str, partitions: Any, remedy: str) -> list[dict[str, Any]]:
    """Return the bookmarks of the tenants of a group, with their value only."""
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
                "group of tenants",
                remedy,
            )
        value = {key: entry[key] for key in OF_A_TENANT if key in entry}
        checked.append({"context": {"tenantId": number}, **value})
    numbers = [each["context"]["tenantId"] for each in checked]
    if len(set(numbers)) < len(numbers):
        raise StateError(f"the bookmark of {stream} in the state has a tenant twice", remedy)
    return checked


def require_state_of(state: Mapping[str, Any], own_streams: Container[str], *, group: bool) -> None:
    """Check that a state belongs to a group of tenants, or to a single one, as expected.

    Raises:
        StateError: It belongs to the other kind.
    """
    for name, entry in state.get("bookmarks", {}).items():
        if name not in own_streams:
            continue
        if group and "replication_key_value" in entry:
            raise StateError(
                f"the bookmark of {name} in the state belongs to a single tenant, and does not "
                "say to which",
                "make the state of the group from those of its tenants with --group-state, or "
                "start with an empty state to read everything again",
            )
        if not group and entry.get("partitions"):
            raise StateError(
                f"the bookmark of {name} in the state belongs to a group of tenants, but the "
                "setting tenants is not set",
                "set it, with this one tenant if you like, or start with an empty state to read "
                "everything again",
            )


def state_of_group(
    states: Mapping[int, Mapping[str, Any]], group: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the state of a group of tenants, with states of single runs added.

    Args:
        states: The checked state of each tenant to add, by its number.
        group: The checked state of the group so far; empty if there was none.

    Raises:
        InputError: The group already has one of these tenants.
    """
    bookmarks: dict[str, Any] = copy.deepcopy(dict(group.get("bookmarks", {})))
    for number, state in states.items():
        for stream, entry in state.get("bookmarks", {}).items():
            if entry.keys() <= {*OF_A_STREAM}:  # else it is another tap's
                value = {key: entry[key] for key in BOOKMARK if key in entry}
                of_group = bookmarks.setdefault(stream, {})
                if entry.get("keeps_history") and stream not in group.get("bookmarks", {}):
                    of_group["keeps_history"] = True
                partitions = of_group.setdefault("partitions", [])
                if any(each["context"]["tenantId"] == number for each in partitions):
                    raise InputError(
                        f"the state of the group has tenant {number} already",
                        "take it out first, with --without",
                    )
                partitions.append({"context": {"tenantId": number}, **value})
    return {"bookmarks": bookmarks}


def group_without(
    number: int, state: Mapping[str, Any], own_streams: Container[str]
) -> dict[str, Any]:
    """Return the state of a group of tenants without one of them.

    Raises:
        InputError: The state does not have that tenant.
    """
    bookmarks = copy.deepcopy(state["bookmarks"])
    found = False
    for name, entry in bookmarks.items():
        if name in own_streams and "partitions" in entry:
            kept = [each for each in entry["partitions"] if each["context"]["tenantId"] != number]
            found = found or len(kept) < len(entry["partitions"])
            entry["partitions"] = kept
    if not found:
        raise InputError(
            f"the state of the group has no tenant {number}",
            "look for the number in the state, or leave the option out",
        )
    return {"bookmarks": bookmarks}

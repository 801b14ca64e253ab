"""The private memory of a survey for a later one: a token of the feed, and ids of rows."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tap_servicetitan_dispatch.errors import InputError
from tap_servicetitan_dispatch.survey.seen import Memory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_servicetitan_dispatch.survey.seen import Seen

_PRIVATE = "Private: it holds a token of the export feed and ids of rows. Do not send it."


class _File(msgspec.Struct):
    private: str
    tenants: list[Memory]


def kept_of(seen: Seen, tenant: int) -> Memory:
    """Return the part of what was seen that a later survey needs."""
    token = seen.cache.get("end")
    return Memory(
        tenant,
        seen.began,
        token if isinstance(token, str) and token else None,
        {
            path: {
                str(row.get("id")): row.get("active") is not False for row in seen.all_rows(path)
            }
            for path in seen.lists
        },
    )


def read(path: str) -> dict[int, Memory]:
    """Return the memory of each tenant in a file; nothing if there is no such file.

    Raises:
        InputError: It cannot be read, or has no memory in it.
    """
    option = "--survey-memory"
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(
            f"the file {path} given with {option} cannot be read: {error.strerror}",
            "name another, or let this user read it",
        ) from error
    try:
        found = msgspec.json.decode(content, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(
            f"the file {path} given with {option} was not written by a survey: {error}",
            "name another, or a file that is not there yet",
        ) from error
    return {each.tenant: each for each in found.tenants}


def write(path: str, memories: Iterable[Memory]) -> None:
    """Write memory into a file that only its owner may read.

    Raises:
        InputError: It cannot be written.
    """
    content = _File(_PRIVATE, list(memories))
    beside = f"{path}.new"
    try:
        with suppress(FileNotFoundError):
            Path(beside).unlink()
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(msgspec.to_builtins(content), file)
        Path(beside).replace(path)
    except OSError as error:
        raise InputError(
            f"the file {path} given with --survey-memory cannot be written: {error.strerror}",
            "name another; the survey itself is complete",
        ) from error

"""Files that the command line names: settings, the state and the catalog."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from tap_servicetitan_dispatch.errors import InputError
from tap_servicetitan_dispatch.log.redaction import part
from tap_servicetitan_dispatch.surrogates import place_of_lone_surrogate


def content_of(path: str, option: str) -> bytes:
    """Return the content of a file.

    Args:
        path: The path of the file.
        option: The option of the command line that names it.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:  # the latter if the path has a null byte
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"the file {path} given with {option} cannot be read: {why}",
            "name another, or let this user read it",
        ) from error


def parsed(content: bytes, source: str) -> Any:
    """Return the value of the JSON in a file.

    Args:
        content: The content of the file.
        source: How messages name it.

    Raises:
        InputError: It is empty, or not JSON.
    """
    remedy = "correct it, or name another"
    try:
        text = content.decode("utf-8-sig")
        if not text.strip():  # as a run that was killed, or a full disk, may have left it
            raise InputError(
                f"{source} is empty", "restore it, name another, or leave the option out"
            )
        value = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise InputError(f"{source} is not text in UTF-8: {error}", remedy) from error
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits
        raise InputError(f"{source} is not JSON: {part(error)}", remedy) from error
    # UTF-8 has no half of a character, but an escape may name one
    if "\\u" in text and (place := place_of_lone_surrogate(value)) is not None:
        where = ".".join(map(str, place)) or "its top"
        raise InputError(f"{source} has text that is not valid Unicode at {where}", remedy)
    return value


def _refuse(constant: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python's own reader would accept."""
    raise ValueError(f"{constant} is not a number")


def settings_in(path: str) -> dict[str, Any]:
    """Return the settings in a file given with --config.

    Raises:
        InputError: It cannot be read, or does not hold settings.
    """
    source = f"the file {path} given with --config"
    config = parsed(content_of(path, "--config"), source)
    if not isinstance(config, dict):
        raise InputError(f"{source} is not a JSON object", 'write settings as {"name": value}')
    return config

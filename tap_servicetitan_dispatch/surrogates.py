"""Text that is not valid Unicode: JSON can contain half a character, which UTF-8 cannot encode."""

from __future__ import annotations

from typing import Any


def place_of_lone_surrogate(value: Any) -> list[str | int] | None:
    """Return where in decoded JSON a key or a text has half a character (a lone surrogate).

    Returns:
        The keys and indices that lead there, or nothing if everything is valid.
    """
    waiting: list[tuple[list[str | int], Any]] = [([], value)]
    while waiting:
        place, each = waiting.pop()
        if isinstance(each, str) and not _is_valid(each):
            return place
        if isinstance(each, dict):
            if not all(map(_is_valid, each)):
                return place
            waiting += [([*place, key], inner) for key, inner in reversed(each.items())]
        elif isinstance(each, list):
            waiting += [([*place, index], each[index]) for index in reversed(range(len(each)))]
    return None


def _is_valid(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

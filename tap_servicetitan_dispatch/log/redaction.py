"""Makes texts from elsewhere fit to show: without secrets, on one line, and not too long.

Logs, errors and the check pass through here, whatever they contain, because a server, a proxy or a
library may repeat what it was given. Rows and state do not: they are data, in which the API shows
no secret of its callers.
"""

from __future__ import annotations

import html
import logging
import re
import threading
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from singer_sdk.metrics import Point
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_CHARACTERS = 1_000
"""Maximum length of a message."""
MOST_OF_A_PART = 300
"""Maximum length of a text from elsewhere within it, so that the advice still fits."""
MOST_OF_A_VALUE = 100
REDACTED = "[redacted]"

_SHORTEST = 3
_SHORT = 8
"""A shorter text may be part of a word, and too little of it is certain in base64."""
_USER_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@]+(?=@)")


class Secrets:
    """Finds secrets in a text, in whatever way they are written.

    May be used from any thread: the lock guards changes, and readers see the old dictionary or the
    new one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._patterns: dict[str, re.Pattern[str]] = {}

    def add(self, *secrets: str) -> None:
        """Keep secrets out of everything that is shown from now on."""
        with self._lock:
            new = {each for each in secrets if len(each) >= _SHORTEST} - self._patterns.keys()
            patterns = self._patterns | {secret: _pattern(secret) for secret in new}
            # The longest first: one may be a part of another.
            self._patterns = {each: patterns[each] for each in sorted(patterns, key=len)[::-1]}

    def discard(self, secret: str) -> None:
        """Forget a secret that is no longer valid."""
        with self._lock:
            self._patterns = {
                each: pattern for each, pattern in self._patterns.items() if each != secret
            }

    def redacted(self, text: str) -> str:
        """Return a text without its secrets, and without the user in any address."""
        for pattern in self._patterns.values():
            text = pattern.sub(REDACTED, text)
        return _USER_IN_ADDRESS.sub(REDACTED, text)


SECRETS = Secrets()
"""All secrets of this process, because it has one log."""


def _pattern(secret: str) -> re.Pattern[str]:
    ways = ["".join(map(_written, secret)), *_in_base64(secret)]
    pattern = "|".join(ways)
    return re.compile(
        pattern if len(secret) >= _SHORT else rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE
    )


def _written(character: str) -> str:
    """Return a pattern for all ways in which a character may be quoted, even several times over."""
    if character.isascii() and character.isalnum():
        return character
    code = ord(character)
    in_bytes = character.encode(errors="surrogatepass")
    ways = [
        rf"\\{{0,8}}{re.escape(character)}",
        "".join(f"%(?:25){{0,4}}{byte:02x}" for byte in in_bytes),
        rf"\\{{1,8}}(?:u{code:04x}|x{code:02x})",
        f"&#(?:0{{0,5}}{code}|x0{{0,5}}{code:x});",
        re.escape(html.escape(character)),
        *([r"\+"] if character == " " else []),
    ]
    return f"(?:{'|'.join(ways)})"


def _in_base64(secret: str) -> list[str]:
    """Return patterns for a secret within a base64 text, as in a Basic header.

    Three bytes become four characters. So the look of the secret depends on the number of bytes
    before it, and its ends depend on the text around it.
    """
    content = secret.encode(errors="surrogatepass")
    if len(content) < _SHORT:
        return []
    patterns = []
    for before in range(3):
        whole = b64encode(bytes(before) + content).decode()
        inner = whole[-(-8 * before // 6) : 8 * (before + len(content)) // 6]
        patterns.append("".join(map(_written_in_base64, inner)))
    return patterns


def _written_in_base64(character: str) -> str:
    in_addresses = {"+": "-", "/": "_"}.get(character)
    written = _written(character)
    return f"(?:{in_addresses}|{written})" if in_addresses else written


def users_of_proxies(environment: Mapping[str, str]) -> Iterable[str]:
    """Yield names and passwords of users in the addresses of proxies in an environment.

    The addresses may be malformed.
    """
    for name, address in environment.items():
        if name.lower().endswith("_proxy"):
            user_and_password, at, _ = address.rpartition("@")
            written = re.sub(r"^\w+:/+", "", user_and_password) if at else ""
            for text in (written, unquote(written)):
                user, _, password = text.partition(":")
                yield from (text, user, password, *re.split(r"[/?#\\@]", password))


def one_line(value: object, most: int = MOST_CHARACTERS) -> str:
    """Return a text without secrets, on one line, and cut.

    Characters that a terminal would not print as they are, such as line breaks, are escaped.

    Args:
        value: What to show; anything that has a text.
        most: Maximum number of characters.
    """
    try:
        text = SECRETS.redacted(value if isinstance(value, str) else str(value))
    except Exception as error:  # noqa: BLE001 - whatever an object of somebody else does
        text = f"a {type(value).__name__} whose text is a {type(error).__name__}"
    if not text.isprintable():
        text = "".join(map(_visible, text))
    if len(text) <= most:
        return text
    end = f"… ({len(text):,} characters)"
    return text[: most - len(end)] + end


def part(value: object) -> str:
    """Return a text from elsewhere as part of a message, short enough for the rest to fit."""
    return one_line(value, MOST_OF_A_PART)


def shown(value: object) -> str:
    """Return a value as in code, or the beginning of it."""
    return one_line(value if isinstance(value, Decimal) else repr(value), MOST_OF_A_VALUE)


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()


# Logs -----------------------------------------------------------------------------------------


class LogFilter(logging.Filter):
    """Cleans records of any logger, for a handler that writes them in any format."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Clean a record, and let it pass."""
        point = record.args[0] if isinstance(record.args, tuple) and record.args else None
        if isinstance(point, Point):  # which a structured log shows as such
            record.args = (replace(point, tags=_clean(point.tags)),)
        else:
            record.msg, record.args = one_line(_message_of(record)), None
        if record.exc_info and record.exc_info[1]:
            _, error, origin = record.exc_info
            clean = _clean_error(error)
            record.exc_info = (type(clean), clean, origin)
            record.exc_text = None
        if record.stack_info:
            record.stack_info = "\n".join(map(one_line, record.stack_info.split("\n")))
        for name, value in vars(record).items():
            if name not in _FIELDS:
                setattr(record, name, _clean(value))
        return True


_FIELDS = vars(logging.makeLogRecord({})).keys() | {"message", "asctime", "taskName"}
_FILTER = LogFilter()
_DEEPEST = 10


def guard_logs() -> None:
    """Make all existing handlers write clean records only."""
    loggers = [logging.getLogger(), *logging.getLogger().manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):  # a placeholder has none
            handler.addFilter(_FILTER)
    if logging.lastResort:
        logging.lastResort.addFilter(_FILTER)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - else logging would print the arguments
        return f"{record.msg} {record.args}"


def _clean(value: Any, depth: int = 0) -> Any:
    """Return the value of a record's field with all its texts cleaned."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping) and depth < _DEEPEST:
        return {one_line(key): _clean(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple) and depth < _DEEPEST:
        return [_clean(each, depth + 1) for each in value]
    return one_line(value)


def _clean_error(error: BaseException, depth: int = 0) -> BaseException:
    """Return an exception that looks like another one, causes included, but cleaned."""
    kind = type(error)
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    clean: BaseException = type(kind.__name__, (Exception,), names)(one_line(error))
    if depth < _DEEPEST:
        clean.__cause__ = error.__cause__ and _clean_error(error.__cause__, depth + 1)
        clean.__context__ = error.__context__ and _clean_error(error.__context__, depth + 1)
    clean.__suppress_context__ = error.__suppress_context__
    return clean.with_traceback(error.__traceback__)

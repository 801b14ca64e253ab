"""Answers: a good one, or the failure instead of it."""

from __future__ import annotations

import json
import re
import ssl
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import requests
import urllib3

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.client.backoff import asked_wait
from tap_servicetitan_dispatch.client.failures import FAILURES, ApiError, Kind, detail_of, kind_of
from tap_servicetitan_dispatch.client.transport import TooLargeError
from tap_servicetitan_dispatch.log.redaction import shown
from tap_servicetitan_dispatch.surrogates import place_of_lone_surrogate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    Decode = Callable[[bytes], Any]
    """Makes a body of JSON as `msgspec.json.decode` does, with the same errors."""

_BAD_ADDRESS = (
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    urllib3.exceptions.LocationValueError,
    urllib3.exceptions.ProxySchemeUnsupported,
)
_UNCONNECTED = urllib3.exceptions.ConnectTimeoutError
"""What urllib3 raises if no connection could be made, in time or at all."""
_REFUSED_BY_PROXY = re.compile(r"Tunnel connection failed: (\d{3})\b")
_PASSING_TLS = ("BAD_RECORD_MAC", "INTERNAL_ERROR")
"""TLS errors of a single connection; all others hold for the next connection too."""
_WITHOUT_ANSWER: tuple[tuple[Any, Kind], ...] = (
    (TooLargeError, Kind.TOO_LARGE),
    (TimeoutError, Kind.TIMED_OUT),
    (ssl.SSLCertVerificationError, Kind.UNTRUSTED),
    ((ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError), Kind.CONNECTION_LOST),
    (ssl.SSLError, Kind.NO_TLS),
)
"""The rows of `FAILURES` for requests without a complete answer, by the innermost cause."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Answer(NamedTuple):
    """A good answer."""

    body: Any
    """The decoded JSON."""
    served_at: datetime | None
    """The server's clock, to the second; nothing if it was not given."""
    size: int = 0
    """Bytes of the JSON."""


def answer_of(
    response: requests.Response,
    content: bytes,
    request: str,
    decode: Decode,
    *,
    token_endpoint: bool,
) -> Answer:
    """Return a good answer.

    Args:
        response: What came back.
        content: Its body.
        request: How messages name the request.
        decode: Decodes the body of a good answer.
        token_endpoint: Whether the token endpoint gave it.

    Raises:
        ApiError: It is not a good one.
    """
    content = content.removeprefix(_BYTE_ORDER_MARK)
    failure: Exception | None = None
    body: Any = None
    try:
        body = decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        failure = error
    if response.status_code == requests.codes.ok:
        if failure is not None:
            value = _bad_value(failure, content)
            kind, detail = (
                (Kind.BAD_VALUE, value) if value else (Kind.NOT_JSON, f"{len(content)} bytes")
            )
            raise ApiError(kind, request=request, detail=detail)
        return Answer(body, instants.http_date(response.headers.get("Date", "")), len(content))
    text = content.decode(errors="replace")
    kind = kind_of(response.status_code, text, token_endpoint=token_endpoint)
    wait = asked_wait(response.headers, text)
    detail = detail_of(response.status_code, body)
    raise ApiError(kind, request=request, detail=detail, wait_seconds=wait)


def _bad_value(failure: Exception, content: bytes) -> str:
    """Return what is wrong with a value in valid JSON; nothing if nothing is."""
    if isinstance(failure, msgspec.ValidationError):
        return "a number that is out of range"
    try:
        body = json.loads(content.decode(errors="surrogateescape"))
    except (ValueError, RecursionError):
        return ""
    place = place_of_lone_surrogate(body)
    if place is None:
        return ""
    row = ""
    for step in place:
        body = body[step]
        if isinstance(body, dict) and "id" in body and not row:
            row = f" of the row with id {shown(body['id'])}"
    return f"text that is not valid Unicode in {'.'.join(map(str, place)) or 'a key'}{row}"


def failure_of(error: Exception, request: str) -> ApiError:
    """Return the failure of a request without a complete answer.

    Args:
        error: What was raised.
        request: How messages name the request.
    """
    causes = [*_causes(error)]
    innermost = causes[-1]  # without the addresses of objects that the outer ones show
    name = type(innermost).__name__
    return ApiError(
        _kind_without_answer(causes),
        request=request,
        detail=f"{name}: {innermost}" if str(innermost) else name,
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes, down to the innermost."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _kind_without_answer(causes: Sequence[BaseException]) -> Kind:
    """Return the row of `FAILURES` for a request without a complete answer.

    Args:
        causes: The errors, down to the innermost cause.
    """
    if isinstance(causes[0], _BAD_ADDRESS):
        return Kind.BAD_ADDRESS
    innermost = causes[-1]
    refusal = _REFUSED_BY_PROXY.search(str(innermost))
    if refusal:
        is_passing = FAILURES[kind_of(int(refusal[1]), "")].retried
        return Kind.NO_CONNECTION if is_passing else Kind.PROXY_REFUSED
    if any(isinstance(each, _UNCONNECTED) for each in causes):
        return Kind.NO_CONNECTION
    if any(reason in str(innermost) for reason in _PASSING_TLS):
        return Kind.CONNECTION_LOST
    kinds = (kind for types, kind in _WITHOUT_ANSWER if isinstance(innermost, types))
    return next(kinds, Kind.CONNECTION_LOST)

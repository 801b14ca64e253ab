"""Faults of the network and the API, as switches."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

Kind = Literal[
    "rate_limited",
    "server_error",
    "maintenance",
    "cut_short",
    "reset",
    "not_json",
    "drip",
    "revoked",
    "no_scope",
    "redirect",
]

MEANINGS: Mapping[Kind, str] = MappingProxyType(
    {
        "rate_limited": "429 with the observed body, with or without Retry-After.",
        "server_error": "500, 502, 503 or 504, with a body of JSON or HTML or none.",
        "maintenance": "409 with the text that tells it from other conflicts.",
        "cut_short": "The connection ends in the middle of the answer's body.",
        "reset": "The connection is reset before there is an answer.",
        "not_json": "200 with a body that is not JSON: a page of HTML, half an object, or nothing.",
        "drip": "The right answer in small pieces, with pauses; it does end.",
        "revoked": "401, and every token issued so far is revoked; a new one is valid.",
        "no_scope": "403, as if the tenant had taken away the scope that the call needs.",
        "redirect": "302 to another host.",
    }
)
KINDS: tuple[Kind, ...] = tuple(MEANINGS)
FATAL: tuple[Kind, ...] = ("no_scope", "redirect")
PASSING: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind not in FATAL)

Body = Literal["json", "html", "empty"]
RetryAfter = Literal["seconds", "date", "missing"]

_YEAR = 366 * 86_400


def _parts(value: Any) -> Any:
    """Split a text at its commas, as a command line gives it."""
    return value.split(",") if isinstance(value, str) else value


def _numbers(value: Any) -> Any:
    """Split a text at its commas, and read the numbers in it."""
    parts = _parts(value)
    return parts if parts is value else [int(part) if part.isdecimal() else part for part in parts]


_Split = BeforeValidator(_parts)


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Faults:
    """The faults that are on. Without arguments there are none but the usual limit on calls.

    Which request fails, and how, is a function of `seed` and of the number of requests since the
    faults were set, of those that can fail at all: calls of the API, and requests for a token.

    The `description` of each field says what it does, at `/docs` too. A value that is not valid
    raises a `pydantic.ValidationError`.
    """

    rate: Annotated[
        float, Field(ge=0, le=1, description="Share of the requests that fail, from 0 to 1.")
    ] = 0
    kinds: Annotated[
        tuple[Kind, ...],
        _Split,
        Field(
            min_length=1,
            description="How they fail; one named twice is twice as likely. By default, in all "
            "ways that a client should get through.\n\n"
            + "\n".join(f"- `{kind}`: {meaning}" for kind, meaning in MEANINGS.items()),
        ),
    ] = PASSING
    seed: Annotated[
        int, Field(description="Same seed, same faults. Has nothing to do with the tenant's.")
    ] = 1
    on: Annotated[
        str,
        Field(
            description="Only requests with this text in their path fail or are late, as "
            "technician-shifts."
        ),
    ] = ""
    spare_first: Annotated[
        int, Field(ge=0, description="How many requests get through before the first one fails.")
    ] = 0
    at_most: Annotated[
        int | None, Field(ge=0, description="How many requests fail before the rest get through.")
    ] = None
    requests_per_second: Annotated[
        int | None,
        Field(
            ge=1,
            description="How many calls a tenant answers to an application within any second; the "
            "rest get a 429. ServiceTitan allows 60. Null, on a command line `none`, is no limit. "
            "Requests for a token do not count.",
        ),
    ] = 60
    wait: Annotated[
        int, Field(ge=0, description="Seconds that a 429 asks its client to wait; 50 is usual.")
    ] = 50
    retry_after: Annotated[
        tuple[RetryAfter, ...],
        _Split,
        Field(
            min_length=1,
            description="How a 429 says so in Retry-After; where it is missing, the text has it.",
        ),
    ] = get_args(RetryAfter)
    statuses: Annotated[
        tuple[Literal[500, 502, 503, 504], ...],
        BeforeValidator(_numbers),
        Field(min_length=1, description="Statuses of a server_error."),
    ] = (500, 502, 503, 504)
    bodies: Annotated[
        tuple[Body, ...], _Split, Field(min_length=1, description="Bodies of a server_error.")
    ] = get_args(Body)
    latency: Annotated[
        float,
        Field(ge=0, le=300, description="Maximum delay of each answer, in seconds."),
    ] = 0
    drip_seconds: Annotated[
        float, Field(ge=0, le=300, description="Seconds that a dripping answer takes.")
    ] = 1
    clock_skew: Annotated[
        float,
        Field(
            ge=-_YEAR,
            le=_YEAR,
            description="Seconds by which the API's clock is ahead of the true time. Tokens that "
            "are too old by it expire. If set back, it stands still until the time has caught up.",
        ),
    ] = 0

"""Types of query parameters, as strict and as lenient as the API reads them."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Strict, WithJsonSchema

from tap_servicetitan_dispatch.sandbox import instants


class Active(StrEnum):
    """Which rows are asked for, by whether they are active."""

    TRUE = "True"
    ANY = "Any"
    FALSE = "False"

    def admits(self, active: bool) -> bool:  # noqa: FBT001 - it is the subject
        """Return whether a row is asked for."""
        return self is Active.ANY or active is (self is Active.TRUE)


def _active(value: Any) -> Any:
    return value.capitalize() if isinstance(value, str) else value


def _boolean(value: Any) -> Any:
    words = {"true": True, "false": False}
    return words.get(value.lower(), value) if isinstance(value, str) else value


def _instant(value: Any) -> int:
    return instants.parse(str(value))


ActiveParameter = Annotated[Active, BeforeValidator(_active)]
Boolean = Annotated[bool, Strict(), BeforeValidator(_boolean)]
Instant = Annotated[
    int,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]

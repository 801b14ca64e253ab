"""Types of parameters and body fields, as strict and as lenient as the API's."""

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, WithJsonSchema
from pydantic.alias_generators import to_camel

from tap_servicetitan_dispatch.sandbox.world import instants


class Active(StrEnum):
    """Which rows are asked for: active ones, inactive ones, or both."""

    TRUE = "True"
    ANY = "Any"
    FALSE = "False"

    def matches(self, active: bool) -> bool:  # noqa: FBT001 - it is the subject
        """Return whether a row is asked for."""
        return self is Active.ANY or active is (self is Active.TRUE)


def _active(value: Any) -> Any:
    return {one.lower(): one for one in Active}.get(str(value).lower(), value)


def _boolean(value: Any) -> Any:
    return {"true": True, "false": False}.get(str(value).lower(), value)


def number(text: str) -> int:
    """Return the number in a text.

    Raises:
        ValueError: It is not a number of at most 64 bits, in plain digits.
    """
    value = int(text) if re.fullmatch("-?[0-9]{1,19}", text) else 2**63
    if not -(2**63) <= value < 2**63:
        raise ValueError(text)
    return value


def _span(value: Any) -> int:
    return instants.parse_span(str(value))


def _instant(value: Any) -> int:
    return instants.parse(str(value))


def _weekdays(value: Any) -> frozenset[int]:
    names = [name.strip().capitalize() for name in str(value).split(",")]
    return frozenset(instants.WEEKDAYS.index(name) for name in names)


ActiveParameter = Annotated[Active, BeforeValidator(_active)]
Boolean = Annotated[bool, Strict(), BeforeValidator(_boolean)]
Instant = Annotated[
    int,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Planned = Annotated[
    Instant, Field(ge=instants.parse("1900-01-01"), lt=instants.parse("2200-01-01"))
]
"""A planned time. Calendars end somewhere, and those of time zones sooner."""
Span = Annotated[
    int,
    BeforeValidator(_span),
    WithJsonSchema({"type": "string", "example": "01:30:00"}),
]
Weekdays = Annotated[frozenset[int], BeforeValidator(_weekdays, json_schema_input_type=str)]
"""Days of the week, written as `Monday, Wednesday`; 0 is Monday."""
Flag = Annotated[bool, Strict()]
Number = Annotated[int, BeforeValidator(number, json_schema_input_type=int)]
"""A number in an address."""
Quantity = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Count = Annotated[int, Strict(), Field(ge=1, lt=2**31)]
Id = Annotated[int, Strict(), Field(ge=0, lt=2**63)]


class Body(BaseModel):
    """A request body: its fields are in camel case, and unknown fields are ignored."""

    model_config = ConfigDict(alias_generator=to_camel)

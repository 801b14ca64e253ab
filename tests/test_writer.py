"""Values that no JSON has, as stream maps and catalogs can bring them along."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib.encoding.simple import RecordMessage

from tap_servicetitan_dispatch.writer import LineWriter


@pytest.mark.parametrize(
    "value",
    [
        Decimal("1.50"),
        datetime(2026, 11, 29, 8, 30, tzinfo=UTC),
        date(2026, 11, 29),
        timedelta(minutes=90),
        Fraction(1, 3),
    ],
)
def test_a_value_that_is_not_of_json_is_written_as_the_sdk_would(value: Any) -> None:
    message = RecordMessage(stream="zones", record={"value": value})
    written = LineWriter().serialize_message(message)
    assert written == MsgSpecWriter().serialize_message(message)

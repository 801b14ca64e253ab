"""What a stream logs: the figures that go along, for whoever reads the log by program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tests.support.streams import OFFERED

if TYPE_CHECKING:
    from singer_sdk import Stream


@pytest.fixture(scope="module")
def streams() -> dict[str, Stream]:
    return TapServiceTitanDispatch(config={"environment": "sandbox"}).streams


@pytest.mark.parametrize("name", OFFERED)
def test_figures_that_are_logged_with_a_line_arrive_with_it(
    streams: dict[str, Stream], caplog: pytest.LogCaptureFixture, name: str
) -> None:
    streams[name].logger.warning("a line", extra={"rows": 5})
    [record] = caplog.records
    assert (record.name, vars(record)["rows"]) == (f"tap-servicetitan-dispatch.{name}", 5)

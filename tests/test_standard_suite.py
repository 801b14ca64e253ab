"""The SDK's own test suite, offline, against the sandbox; none of its tests is switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import time_machine
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tests.support.runs import catalog_of
from tests.support.streams import ALL_STREAMS, EXTRA

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.no_cover


@pytest.fixture(scope="module", autouse=True)
def _during_work() -> Iterator[None]:
    """At night nobody is under way, and `technician_tracking` has no row."""
    with time_machine.travel("2026-11-19T18:00:00Z"):
        yield


TestTapServiceTitanDispatch = get_tap_test_class(
    TapServiceTitanDispatch,
    config={"environment": "sandbox", "extra_streams": [*EXTRA]},
    # It reads all streams, and compares their records with the schema of what is selected.
    catalog=catalog_of(*ALL_STREAMS),
    suite_config=SuiteConfig(max_records_limit=500),
)

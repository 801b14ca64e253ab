"""The SDK's own test suite, offline, against the sandbox; none of its tests is switched off."""

from __future__ import annotations

from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tests.runs import ALL_STREAMS, catalog_of

TestTapServiceTitanDispatch = get_tap_test_class(
    TapServiceTitanDispatch,
    config={"environment": "sandbox"},
    # It reads all streams, and compares their records with the schema of what is selected.
    catalog=catalog_of(*ALL_STREAMS),
    suite_config=SuiteConfig(max_records_limit=500),
)

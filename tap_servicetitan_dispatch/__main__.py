"""Run the tap with ``python -m tap_servicetitan_dispatch``."""

from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch

TapServiceTitanDispatch.cli()

"""The log: nothing secret is in it, and nothing that is routine."""

import logging

from tap_servicetitan_dispatch import NAME

logger = logging.getLogger(NAME)
"""The tap's own; that of a stream is below it."""

"""The log, without secrets and without routine messages."""

import logging

from tap_servicetitan_dispatch import NAME

logger = logging.getLogger(NAME)
"""The tap's own logger; those of streams are below it."""

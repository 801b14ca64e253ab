"""Routine lines of the log, which are shown at level debug only."""

from __future__ import annotations

import logging

from typing_extensions import override

SDK_NOISE = (
    "Beginning sync of ",
    "Config validation failed",
    "METRIC",
    "Skipping parse of env var settings",
)
"""First words of lines that the SDK writes in each run, below level error."""


class SdkNoiseFilter(logging.Filter):
    """Moves routine lines to level debug."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to show a record."""
        if record.levelno >= logging.ERROR or not str(record.msg).startswith(SDK_NOISE):
            return True
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return logging.getLogger().isEnabledFor(logging.DEBUG)


_FILTER = SdkNoiseFilter()


def quiet_logs() -> None:
    """Make the handlers of the root logger show routine lines at level debug only.

    A logger to which a log config gives its own handler, such as `singer_sdk.metrics`, shows them
    there.
    """
    for handler in logging.getLogger().handlers:
        handler.addFilter(_FILTER)

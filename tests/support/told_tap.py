"""The tap's command in a process that says on stderr when it has been told to stop.

How many seconds it has until it leaves whatever happens is its first argument.
"""

from __future__ import annotations

import os
import sys
from unittest import mock

from tap_servicetitan_dispatch.__main__ import main
from tap_servicetitan_dispatch.run import signals

TOLD = "told to stop\n"

_set = signals.StopFlag.set


def _set_and_say(flag: signals.StopFlag, signum: int) -> None:
    _set(flag, signum)
    os.write(2, TOLD.encode())


if __name__ == "__main__":
    seconds = float(sys.argv.pop(1))
    with (
        mock.patch.object(signals, "LAST_RESORT_SECONDS", seconds),
        mock.patch.object(signals.StopFlag, "set", _set_and_say),
    ):
        main()

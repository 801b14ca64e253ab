"""The tap's command in a process that waits only a little before it tries again.

Its clock begins at an instant given as the first argument, that of the sandbox's board.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import time_machine

from tap_servicetitan_dispatch import client
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch

if TYPE_CHECKING:
    from tenacity import RetryCallState

LONGEST_WAIT_SECONDS = 0.2

_wait = client._wait  # noqa: SLF001 - the one place where waits are made


def _short_wait(attempt: RetryCallState) -> float:
    return min(_wait(attempt), LONGEST_WAIT_SECONDS)


def main() -> None:
    client._wait = _short_wait  # noqa: SLF001 - likewise
    with time_machine.travel(sys.argv.pop(1), tick=True):
        TapServiceTitanDispatch.cli()


if __name__ == "__main__":
    main()

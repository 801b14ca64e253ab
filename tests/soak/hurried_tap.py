"""The tap's command in a process that waits only a little before it tries again.

Its clock begins at an instant given as the first argument, that of the sandbox's board.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import time_machine

from tap_servicetitan_dispatch.client import answers, backoff
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_WAIT_SECONDS = 0.2

_asked_wait, _jitter = backoff.asked_wait, backoff._jitter  # noqa: SLF001 - what waits come from


def _asked_less(headers: Mapping[str, str], body: str) -> float | None:
    seconds = _asked_wait(headers, body)
    return None if seconds is None else min(seconds, LONGEST_WAIT_SECONDS)


def main() -> None:
    vars(answers)["asked_wait"] = _asked_less
    backoff._jitter = lambda attempt: min(_jitter(attempt), LONGEST_WAIT_SECONDS)  # noqa: SLF001
    backoff._spread = lambda _: 0  # noqa: SLF001
    with time_machine.travel(sys.argv.pop(1), tick=True):
        TapServiceTitanDispatch.cli()


if __name__ == "__main__":
    main()

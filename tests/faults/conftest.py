from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import time_machine

from tap_servicetitan_dispatch import client
from tap_servicetitan_dispatch.sandbox import Behaviour
from tests.faults.victim import Victim
from tests.support.caller import START, Caller
from tests.support.loading import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenacity import RetryCallState

    from tests.support.runs import Command


@pytest.fixture
def victim(tap: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[Victim]:
    """A tap and a sandbox on the same day; the tap's clock goes on, the sandbox's stands still."""
    waits: list[float] = []
    wait = client._wait  # noqa: SLF001 - the one place where waits are made

    def note(attempt: RetryCallState) -> float:
        waits.append(wait(attempt))
        return 0

    monkeypatch.setattr(client, "_wait", note)
    with (
        time_machine.travel(START, tick=True),
        Caller.of(assignments=300, behaviour=Behaviour(export_page_size=50)) as caller,
    ):
        yield Victim(caller, tap, waits, Target(), len(caller.sandbox.calls))

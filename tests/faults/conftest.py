from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
import time_machine

from tap_servicetitan_dispatch.client import answers, backoff
from tap_servicetitan_dispatch.sandbox import Behaviour
from tests.faults.victim import Victim
from tests.support.caller import START, Caller
from tests.support.loading import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.support.runs import Command


@pytest.fixture
def timer() -> Callable[[], float]:
    """What the sandbox takes the time of a request from."""
    return time.monotonic


@pytest.fixture
def victim(
    tap: Command, timer: Callable[[], float], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Victim]:
    """A tap and a sandbox on the same day; the tap's clock goes on, the sandbox's stands still."""
    waits: list[float] = []
    of_others = set(threading.enumerate())  # a call under way is not waited for when its run ends
    asked_wait, jitter = backoff.asked_wait, backoff._jitter  # noqa: SLF001 - what waits come from

    def note(seconds: float) -> float:
        if threading.current_thread() not in of_others:
            waits.append(seconds)
        return 0

    def asked(headers: Mapping[str, str], body: str) -> float | None:
        seconds = asked_wait(headers, body)
        return None if seconds is None else note(seconds)

    monkeypatch.setattr(answers, "asked_wait", asked)
    monkeypatch.setattr(backoff, "_jitter", lambda attempt: note(jitter(attempt)))
    monkeypatch.setattr(backoff, "_spread", lambda _: 0)
    with (
        time_machine.travel(START, tick=True),
        Caller.of(assignments=300, behaviour=Behaviour(export_page_size=50), timer=timer) as caller,
    ):
        yield Victim(caller, tap, waits, Target(), len(caller.sandbox.calls))

"""The sandbox that the tap starts for `environment: sandbox` ends with the run."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.support.runs import catalog_of

if TYPE_CHECKING:
    from tests.support.runs import Command

SANDBOX = {"environment": "sandbox", "max_requests_per_second": 60}


def sandboxes() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name == "servicetitan-sandbox"}


@pytest.mark.parametrize("arguments", [(), ("--check",)], ids=["a run", "a check"])
def test_nothing_of_it_is_left(tap: Command, arguments: tuple[str, ...]) -> None:
    before = sandboxes()
    run = tap.run(SANDBOX, None, catalog_of("zones"), *arguments)
    assert run.exit_code == 0, run.stderr
    assert sandboxes() <= before


def test_nor_of_a_run_that_fails(tap: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("tap_servicetitan_dispatch.streams.zones.Zones.walk", broken)
    before = sandboxes()
    assert tap.run(SANDBOX, None, catalog_of("teams", "zones")).exit_code == 1
    assert sandboxes() <= before

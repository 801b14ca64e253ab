"""The sandbox that the tap starts for `environment: sandbox` ends with the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_servicetitan_dispatch.sandbox import server
from tests.support.runs import catalog_of
from tests.support.threads import Threads

if TYPE_CHECKING:
    from tests.support.runs import Command

pytestmark = pytest.mark.no_cover

SANDBOX = {"environment": "sandbox", "max_requests_per_second": 60}


@pytest.fixture
def sandboxes(monkeypatch: pytest.MonkeyPatch) -> Threads:
    """The threads of sandboxes that are started in this test."""
    return Threads(server, monkeypatch)


@pytest.mark.parametrize("arguments", [(), ("--check",)], ids=["a run", "a check"])
def test_nothing_of_it_is_left(
    tap: Command, sandboxes: Threads, arguments: tuple[str, ...]
) -> None:
    run = tap.run(SANDBOX, None, catalog_of("zones"), *arguments)
    assert run.exit_code == 0, run.stderr
    assert len(sandboxes.started) == 1
    assert not sandboxes.alive


def test_nor_of_a_run_that_fails(
    tap: Command, sandboxes: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("tap_servicetitan_dispatch.streams.zones.Zones.walk", broken)
    assert tap.run(SANDBOX, None, catalog_of("teams", "zones")).exit_code == 1
    assert len(sandboxes.started) == 1
    assert not sandboxes.alive

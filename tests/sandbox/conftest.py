from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.support.caller import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _as_quiet_as_a_process_begins(caplog: pytest.LogCaptureFixture) -> None:
    """A tap that a fixture of other modules has run in this process leaves the log at INFO."""
    caplog.set_level(logging.WARNING)


@pytest.fixture
def caller() -> Iterator[Caller]:
    """A sandbox of this test's own."""
    with Caller.of() as caller:
        yield caller


@pytest.fixture(scope="module")
def reader() -> Iterator[Caller]:
    """A sandbox that the tests of a module share: they only read, and leave its clock alone."""
    with Caller.of() as caller:
        yield caller

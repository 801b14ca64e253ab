from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.caller import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator


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

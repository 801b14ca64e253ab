from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.postgresql import PostgreSql

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSql]:
    with PostgreSql() as server:
        yield server

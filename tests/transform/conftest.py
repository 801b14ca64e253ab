from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.warehouses import Loads, Warehouses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.marts import Built


@pytest.fixture(scope="session")
def warehouses(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouses]:
    with Warehouses(built.folder, tmp_path_factory.mktemp("warehouses")) as warehouses:
        yield warehouses


@pytest.fixture
def loads(warehouses: Warehouses) -> Loads:
    return warehouses.loads(DISPATCH_TIMEZONE="America/Chicago")

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.projects import Project
from tests.support.warehouses import Loads, Warehouses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.marts import Built


@pytest.fixture(scope="session")
def warehouses(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouses]:
    with Warehouses(installed, tmp_path_factory.mktemp("warehouses")) as warehouses:
        yield warehouses


@pytest.fixture(scope="session")
def built(
    installed: Path, warehouses: Warehouses, tmp_path_factory: pytest.TempPathFactory
) -> Built:
    """What dbt makes of a working day in both databases."""

    from tests.support.marts import build  # noqa: PLC0415 - takes seconds; few tests need it

    return build(Project.copied_to(tmp_path_factory.mktemp("built"), installed), warehouses)


@pytest.fixture
def loads(warehouses: Warehouses) -> Loads:
    return warehouses.loads(DISPATCH_TIMEZONE="America/Chicago")

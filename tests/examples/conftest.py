from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from examples.sandbox_day import load_day

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def day_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the working day that the pictures in the README show."""
    folder = tmp_path_factory.mktemp("day")
    load_day(folder)
    return folder

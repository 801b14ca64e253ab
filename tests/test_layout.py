"""How the tests hang together, and how long a class may become."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

pytestmark = pytest.mark.no_cover

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "tap_servicetitan_dispatch"
MOST_LINES = 170
LONGER = {
    "Behaviour": "a table of switches, each declared with its meaning",
    "TapServiceTitanDispatch": "its methods are hooks, which the SDK looks for in the tap's class",
}
"""Classes that may be longer, with the reasons."""


def imported(module: Path) -> set[str]:
    """Return the last parts of the modules that a module imports, or imports from."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found |= {str(node.module).rpartition(".")[2], *(each.name for each in node.names)}
        elif isinstance(node, ast.Import):
            found |= {each.name.rpartition(".")[2] for each in node.names}
    return found


@pytest.mark.parametrize(
    "module", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS))
)
def test_nothing_is_imported_from_a_test_module(module: Path) -> None:
    """What several of them need is in `tests/support`, or in a module beside them."""
    test_modules = {path.stem for path in TESTS.rglob("test_*.py")} | {"conftest"}
    assert imported(module) & test_modules == set()


def test_xdist_asks_by_the_private_name_that_the_tests_override_where_a_test_belongs() -> None:
    """Else the marts would be made by each worker, and nothing but the clock would tell."""
    assert "_split_scope" in vars(LoadFileScheduling)


def test_where_measuring_of_coverage_is_paused_nothing_traces() -> None:
    """It would take three times as long, and nothing but the clock would tell."""
    assert sys.gettrace() is None


def test_a_class_is_short_enough_to_be_read_alone() -> None:
    """What has two tasks is two classes, or a class and functions."""
    found = {
        node.name
        for module in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.end_lineno
        if node.end_lineno - node.lineno >= MOST_LINES
    }
    assert found == LONGER.keys()

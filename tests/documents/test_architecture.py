from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest
from singer_sdk import Stream, Tap
from singer_sdk.mapper import CustomStreamMap

from tap_servicetitan_dispatch.streams import STREAMS
from tools.markdown import ROOT, cells, exists, names_of_tests, rows, section

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.no_cover

PACKAGE = ROOT / "tap_servicetitan_dispatch"
PARTS = "The parts"
HOOKS = rows(section("docs/architecture.md", "What the SDK does, and where the tap steps in"))

BELOW_REQUESTS = {
    "fp": "http.client.HTTPResponse.fp",
    "ConnectionCls": "urllib3.HTTPConnectionPool.ConnectionCls",
    "pool_classes_by_scheme": "urllib3.PoolManager.pool_classes_by_scheme",
}


def parts() -> list[str]:
    """Return the modules and packages that lie in the package, as the table writes them."""
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    packages = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    return sorted(modules | packages)


BASES: dict[str, type] = {
    "tap": Tap,
    "stream_maps": CustomStreamMap,
    **dict.fromkeys(("base", "reading", "writing", "sdk"), Stream),
}
"""What of the SDK the classes of a module derive from, or what it changes."""


def private_hooks() -> Iterator[str]:
    """Yield what the tap's code uses that nobody promised.

    That is what the SDK has with an underscore in front or in `contrib`, and what lies below
    requests.
    """
    for path in PACKAGE.rglob("*.py"):
        if "sandbox" in path.relative_to(PACKAGE).parts:
            continue
        base = BASES.get(path.stem)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and re.match(
                r"singer_sdk\b.*\._|singer_sdk\.contrib\b", node.module or ""
            ):
                yield from (f"{node.module}.{name.name}" for name in node.names)
            name = getattr(node, "attr", getattr(node, "name", None))
            if path.name == "transport.py" and name in BELOW_REQUESTS:
                yield BELOW_REQUESTS[name]
            own = isinstance(node, ast.Attribute | ast.FunctionDef) and isinstance(name, str)
            if base and own and re.match(r"_[^_]", str(name)) and name in of_the_sdk(base):
                yield f"{base.__name__}.{name}"


def of_the_sdk(base: type) -> set[str]:
    """Return the private names of a class of the SDK, those that its instances get included."""
    classes = base.__mro__[:-1]
    codes = [vars(each)["__init__"].__code__ for each in classes if "__init__" in vars(each)]
    return {name for code in codes for name in code.co_names} | set(dir(base))


def test_the_table_names_each_module_once() -> None:
    table = rows(section("docs/architecture.md", PARTS))
    assert sorted(cells(row)[0].strip("`") for row in table) == parts()


def test_a_folder_names_each_of_its_modules_but_those_of_single_resources() -> None:
    table = {cells(row)[0].strip("`"): row for row in rows(section("docs/architecture.md", PARTS))}
    resources = {stream.__module__.rpartition(".")[2] for stream in STREAMS}
    unnamed = [
        f"{folder}{path.stem}"
        for folder in table
        if folder.endswith("/") and folder != "sandbox/"
        for path in (PACKAGE / folder).glob("*.py")
        if path.stem not in {"__init__", *resources} and f"`{path.stem}`" not in table[folder]
    ]
    assert unnamed == []


def test_the_table_names_each_private_hook() -> None:
    named = [name for row in HOOKS for name in re.findall(r"`([\w.]+)`", cells(row)[0])]
    for_types_only = {
        "singer_sdk.helpers._batch.BaseBatchFileEncoding",
        "singer_sdk.helpers._batch.BatchConfig",
    }
    final = {"Tap.sync_all"}
    assert sorted(named) == sorted((set(private_hooks()) | final) - for_types_only)


@pytest.mark.parametrize("row", HOOKS)
def test_a_hook_names_a_test_that_there_is(row: str) -> None:
    (test,) = names_of_tests(row)
    assert exists(test)

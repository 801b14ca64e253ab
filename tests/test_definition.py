"""The streams beside the vendor's definition, and the command that compares them."""

from __future__ import annotations

import json
import subprocess
import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.streams import ALL_STREAMS
from tests.support.switches import SORTED
from tests.support.vendor import definition
from tools.declared import streams
from tools.definition import ADDED, CHANGED, differences, row_type
from tools.markdown import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.no_cover

ZONE = "Dispatch.V2.ZoneResponse"


def changed(path: str, value: Any = None) -> list[str]:
    """Return what differs once a place in the definition has another value, or none."""
    found = deepcopy(definition())
    *way, last = path.split(" > ")
    place = found
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return list(differences(found))


def test_operations_and_fields_are_the_definitions() -> None:
    assert list(differences(definition())) == []


@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_a_field_added_or_changed_differs_from_the_definition(stream: str) -> None:
    """Else it would not have to be in the lists of the module."""
    [of_stream] = [each for each in streams() if each.name == stream]
    defined = row_type(of_stream, definition())
    assert not ADDED.get(stream, {}).keys() & defined.keys()
    assert all(defined[name] != each for name, each in CHANGED.get(stream, {}).items())


def test_what_is_new_gone_or_of_another_type_is_named() -> None:
    fields = f"components > schemas > {ZONE} > properties"
    new = deepcopy(definition())
    new["components"]["schemas"][ZONE]["properties"]["colour"] = {"type": ["string", "null"]}
    new["paths"]["/tenant/{tenant}/boards"] = {"get": {}}
    assert list(differences(new)) == [
        "new operation: GET boards",
        "new field: zones.colour (string)",
    ]
    assert changed(f"{fields} > name") == ["field is gone: zones.name"]
    assert changed(f"{fields} > name", {"type": "integer"}) == [
        "another type: zones.name is integer, here string"
    ]
    assert changed(f"{fields} > zips", {"type": "array", "items": {"type": "integer"}}) == [
        'another type: zones.zips is ["integer"], here ["string"]'
    ]
    assert changed("paths > /tenant/{tenant}/zones > get") == ["operation is gone: GET zones"]


@pytest.mark.parametrize(
    ("without", "code", "said"),
    [("zips", 1, "field is gone: zones.zips"), (None, 0, "Nothing differs.")],
)
def test_the_command_ends_with_one_if_anything_differs(
    tmp_path: Path, without: str | None, code: int, said: str
) -> None:
    found = deepcopy(definition())
    if without:
        del found["components"]["schemas"][ZONE]["properties"][without]
    (tmp_path / "definition.json").write_text(json.dumps(found))
    command = [sys.executable, "-m", "tools.definition", str(tmp_path / "definition.json")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert (ran.returncode, ran.stdout) == (code, f"{said}\n")


def test_the_survey_asks_the_lists_that_take_a_sort_for_each_order() -> None:
    paths = definition()["paths"]
    assert {
        path.rpartition("/")[2]
        for path, operations in paths.items()
        for each in operations.get("get", {}).get("parameters", ())
        if each["name"] == "sort"
    } == set(SORTED)

"""The vendor's own definition of the API, which is not part of this repository."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.streams import STREAMS
from tools.markdown import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DEFINITION = ROOT.parent / "shared/reference/dispatch-v2.openapi.json"
WHERE_FROM = "The vendor's definition"
"""The section of CONTRIBUTING.md that says where one gets it."""


@cache
def _text(path: Path) -> str:
    if not path.exists():
        pytest.skip(
            f"ServiceTitan lets nobody pass its definition on, and none is at {path}; see "
            f"CONTRIBUTING.md, {WHERE_FROM}"
        )
    return path.read_text(encoding="utf-8")


def definition() -> dict[str, Any]:
    """Return the definition; skips the test if it is not there."""
    found: dict[str, Any] = json.loads(_text(DEFINITION))
    return found


def operation(stream: str) -> dict[str, Any]:
    """Return the definition of the operation that a stream reads."""
    methods = definition()["paths"][f"/tenant/{{tenant}}/{STREAMS[stream].path}"]
    found: dict[str, Any] = methods[STREAMS[stream].method.lower()]
    return found


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a schema of the definition refers to; itself if it does not."""
    [schema] = schema.get("oneOf", [schema])
    if "$ref" in schema:
        found: dict[str, Any] = definition()["components"]["schemas"][schema["$ref"][21:]]
        return found
    return schema

"""The sandbox against the vendor's own definition, which is not part of this repository."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import requests
from jsonschema import Draft202012Validator, FormatChecker

from tap_servicetitan_dispatch.sandbox import ALL_SCOPES
from tests.support import vendor
from tests.support.caller import Caller
from tests.support.good_requests import good_requests

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.no_cover

ROOT = "/tenant/{tenant}"

# Seen null in production although the definition requires a value.
NULL_ALL_THE_SAME = {"summary", "createdBy"}

formats = FormatChecker(())


@formats.checks("date-time")
def is_instant(value: object) -> bool:
    """Instants end with Z, and their fractions not with 0."""
    if not isinstance(value, str):
        return True
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,6}[1-9])?Z", value))


@formats.checks("duration")
def is_span(value: object) -> bool:
    """Durations are .NET time spans, not those of ISO 8601."""
    if not isinstance(value, str):
        return True
    return bool(re.fullmatch(r"(\d+\.)?\d\d:\d\d:\d\d(\.\d{7})?", value))


@pytest.fixture(scope="module")
def definition() -> Any:
    definition = vendor.definition()
    for schema in definition["components"]["schemas"].values():
        for name, field in schema.get("properties", {}).items():
            if name in NULL_ALL_THE_SAME and isinstance(field["type"], str):
                field["type"] = [field["type"], "null"]
    return definition


@pytest.fixture(scope="module")
def ours(reader: Caller) -> Any:
    return requests.get(f"{reader.sandbox.url}/openapi.json", timeout=30).json()


def operations(definition: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in definition["paths"].items():
        for method, operation in methods.items():
            if "/tenant/{tenant}" in path:
                yield method, path.partition("/tenant/{tenant}")[2], operation


def fields(definition: Any, operation: Any) -> Any:
    """Return name and necessity of each field of a request body."""
    if "requestBody" not in operation:
        return None
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    schema = schema.get("items", schema)
    schema = definition["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return {name: name in schema.get("required", ()) for name in schema["properties"]}


def test_every_operation_is_served_and_no_other(definition: Any, ours: Any) -> None:
    theirs = {(method, path) for method, path, _ in operations(definition)}
    assert {(method, path) for method, path, _ in operations(ours)} == theirs


def test_operations_have_the_documented_parameters(definition: Any, ours: Any) -> None:
    def parameters(of: Any) -> Any:
        return {
            (method, path): {(one["in"], one["name"]) for one in operation.get("parameters", ())}
            for method, path, operation in operations(of)
        }

    assert parameters(ours) == parameters(definition)


def test_operations_need_the_documented_scopes(definition: Any, ours: Any) -> None:
    def scopes(of: Any, scheme: str) -> Any:
        return {
            (method, path): [
                scope for one in operation["security"] for scope in one.get(scheme, ())
            ]
            for method, path, operation in operations(of)
        }

    assert scopes(ours, "OAuth2") == scopes(definition, "oauth")
    granted = {scope for needed in scopes(definition, "oauth").values() for scope in needed}
    assert granted == ALL_SCOPES


def test_request_bodies_have_the_documented_fields(definition: Any, ours: Any) -> None:
    def bodies(of: Any) -> Any:
        return {(method, path): fields(of, operation) for method, path, operation in operations(of)}

    assert bodies(ours) == bodies(definition)


def test_the_answer_of_every_operation_fits_the_definition(definition: Any) -> None:
    with Caller.of(assignments=2_000) as caller:
        asked = good_requests(caller)
        answers = [
            caller.call(one.method, one.address, json=one.body, **one.query) for one in asked
        ]
    for one, answer in zip(asked, answers, strict=True):
        assert answer.status_code == 200, (one, answer.text[:300])
        responses = definition["paths"][ROOT + one.path][one.method]["responses"]
        content = responses["200"].get("content")
        if content is None:
            assert answer.content == b""
        else:
            schema = content["application/json"]["schema"]
            document = {"components": definition["components"], **schema}
            Draft202012Validator(document, format_checker=formats).validate(answer.json())
    theirs = {(method, path) for method, path, _ in operations(definition)}
    assert {(one.method, one.path) for one in asked} == theirs

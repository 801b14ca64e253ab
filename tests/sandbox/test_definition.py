"""The sandbox against the vendor's own definition, which is not part of this repository."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import requests
from jsonschema import Draft202012Validator, FormatChecker

from tap_servicetitan_dispatch.sandbox import ALL_SCOPES
from tests.support import vendor
from tests.support.bodies import (
    CAPACITY,
    CONFIGURATIONS,
    HOURS,
    NEW_NON_JOB,
    NEW_SHIFT,
    PING,
    window,
)
from tests.support.caller import Caller
from tests.support.streams import PAGED, PATHS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = "/tenant/{tenant}"

# Seen null in production although the definition requires a value.
NULL_ALL_THE_SAME = {"summary", "createdBy"}

LISTS = [PATHS[stream] for stream in PAGED]


class Request(NamedTuple):
    method: str
    path: str
    id: object = None
    body: object = None
    query: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it


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


@pytest.fixture
def good_requests() -> Iterator[tuple[Caller, list[Request]]]:
    """A good request for each operation, in an order in which all of them succeed."""
    with Caller.of(assignments=8_000) as caller:
        today = caller.get(
            "appointment-assignments", modifiedOnOrAfter="2026-06-18", pageSize=5_000
        )
        live, other, *_ = (row for row in today["data"] if row["status"] == "Working")
        first = {
            family: caller.get(family, activeOnly=True)["data"][0]["id"]
            for family in LISTS
            if family != "appointment-assignments"
        }
        yield caller, requests_of(live, other, first)


def requests_of(
    live: dict[str, Any], other: dict[str, Any], first: dict[str, Any]
) -> list[Request]:
    someone = live["technicianId"]
    crew = {"jobAppointmentId": live["appointmentId"], "technicianIds": [someone]}
    pair = {"technicianId": other["technicianId"], "appointmentId": other["appointmentId"]}
    skill_id = int(first["technician-skills"].partition("_")[2])
    days = {"start": "2026-06-20T00:00:00Z", "end": "2026-06-23T00:00:00Z"}
    non_job = NEW_NON_JOB | {"technicianId": someone}
    shift = NEW_SHIFT | {"technicianIds": [someone]}
    skills = {"technicianId": someone, "skillIds": [skill_id], "replaceExistingSkills": False}
    skill = {"technicianId": someone, "name": "Solar", "active": True}
    everything = {"active": "Any", "includeInactive": True, "pageSize": 400, "includeTotal": True}
    return [
        *(Request("get", f"/{family}", query=everything) for family in LISTS),
        *(Request("get", f"/{family}/{{id}}", first[family]) for family in first),
        Request("get", "/export/appointment-assignments", query={"active": "Any"}),
        Request("get", "/technician-tracking", query=pair),
        Request("get", "/business-hours"),
        Request("get", "/arrival-windows/configuration"),
        Request("post", "/capacity", body=CAPACITY),
        Request("post", "/gps-provider/{gps_provider}/gps-pings", "fleet", body=[PING]),
        Request("post", "/appointment-assignments/unassign-technicians", body=crew),
        Request("post", "/appointment-assignments/assign-technicians", body=crew),
        Request("post", "/arrival-windows", body=window()),
        Request("put", "/arrival-windows/{id}", first["arrival-windows"], window()),
        Request(
            "put", "/arrival-windows/{id}/activated", first["arrival-windows"], {"isActive": True}
        ),
        Request(
            "post", "/arrival-windows/configuration", body={"configuration": CONFIGURATIONS[1]}
        ),
        Request("post", "/business-hours", body=HOURS),
        Request("post", "/non-job-appointments", body=non_job),
        Request("put", "/non-job-appointments/{id}", first["non-job-appointments"], non_job),
        Request("delete", "/non-job-appointments/{id}", first["non-job-appointments"]),
        Request("post", "/teams", body={"active": True, "name": "Solar"}),
        Request("delete", "/teams/{id}", first["teams"]),
        Request("post", "/technician-shifts", body=shift),
        Request("patch", "/technician-shifts/{id}", first["technician-shifts"], {"title": "Late"}),
        Request("delete", "/technician-shifts/{id}", first["technician-shifts"]),
        Request("post", "/technician-shifts/bulk-delete", body=days),
        Request("post", "/technician-skills", body=skill),
        Request("patch", "/technician-skills", body=skills),
        Request("delete", "/technician-skills/{id}", first["technician-skills"]),
        Request("post", "/zones", body={"name": "Harbour"}),
        Request("patch", "/zones/{zoneId}", first["zones"], {"zips": ["60999"]}),
        Request("delete", "/zones/{zoneId}", first["zones"]),
    ]


def test_the_answer_of_every_operation_fits_the_definition(
    good_requests: tuple[Caller, list[Request]], definition: Any
) -> None:
    caller, asked = good_requests
    for one in asked:
        path = re.sub(r"\{\w+\}", str(one.id), one.path)
        answer = caller.call(one.method, path[1:], json=one.body, **one.query)
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

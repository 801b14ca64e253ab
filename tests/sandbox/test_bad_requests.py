"""What no operation takes gets a 400 in the API's words, and leaves the sandbox as it was."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.bodies import CAPACITY, NEW_NON_JOB, NEW_SHIFT, PING, window
from tests.support.good_requests import LISTS
from tests.support.streams import PATHS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.caller import Caller

INVALID = "One or more validation errors occurred."
# Words of Python, or of the library that reads requests, and a list or a `None` as Python writes it
OF_PYTHON = re.compile(
    r"Error|error,|[Ii]nput|int\(\)|tuple|dict|literal|None|True|False|nan|\[|object at|Traceback"
)
ODD: tuple[object, ...] = (
    None,
    True,
    -1,
    2**64,
    1.5,
    float("nan"),
    "",
    "\u0663",
    [],
    [[]],
    {},
    {"a": None},
)
# An office may be closed on all days, and nobody may be under way.
MAY_BE_EMPTY = {"business-hours", "gps-provider/1/gps-pings"}


@pytest.fixture(scope="module")
def definition(reader: Caller) -> Any:
    return reader.session.get(f"{reader.sandbox.url}/openapi.json", timeout=30).json()


def operations(definition: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and definition of each operation of the API."""
    for path, methods in definition["paths"].items():
        _, of_tenant, rest = path.partition("/tenant/{tenant}/")
        for method, operation in methods.items() if of_tenant else ():
            yield method.upper(), re.sub(r"\{\w+\}", "1", rest), operation


def words(answer: Any) -> str:
    """Return the text of an error body of any shape, without what was sent."""
    found = [[answer]] if isinstance(answer, str) else answer["errors"].values()
    texts = (text for texts in found for text in texts)
    return " ".join(re.sub(r"The value '.*?' is", "It is", text) for text in texts)


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_no_odd_body_is_answered_in_words_of_python(
    reader: Caller, definition: Any, odd: object
) -> None:
    bodies = 0
    for method, path, operation in operations(definition):
        if "requestBody" not in operation or (odd == [] and path in MAY_BE_EMPTY):
            continue
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        name = schema.get("items", schema)["$ref"].rpartition("/")[2]
        fields = definition["components"]["schemas"][name]["properties"]
        body: Any = dict.fromkeys(fields, odd)
        url = f"{reader.sandbox.url}/dispatch/v2/tenant/1000000001/{path}"
        for sent in (body, [body], odd):
            answer = reader.session.request(
                method,
                url,
                data=json.dumps(sent),
                headers={"Content-Type": "application/json"},
                timeout=30,
            )
            assert answer.status_code in {400, 404}, (method, path, sent, answer.text)
            if answer.status_code == 400:
                assert not OF_PYTHON.search(words(answer.json())), answer.text
                bodies += 1
    assert bodies > 30


@pytest.mark.parametrize("odd", ["x", "1_0", "\u0663", "1.0", "true", str(2**63), "9" * 5_000])
def test_no_odd_parameter_is_answered_in_words_of_python(
    reader: Caller, definition: Any, odd: str
) -> None:
    refused = set()
    for method, path, operation in operations(definition):
        names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        # A bad order is all that is said, and any text may be looked for
        names = [name for name in names if name != "sort" and not name.endswith("Contains")]
        if names:
            answer = reader.refused(method, path, **dict.fromkeys(names, odd))
            assert not OF_PYTHON.search(words(answer)), answer
            refused.add(path)
    assert refused == {*LISTS, PATHS["appointment_assignments"], PATHS["technician_tracking"]}


def test_what_is_refused_is_repeated_if_it_is_a_single_value(reader: Caller) -> None:
    sent = {"name": {"a": [None]}, "zips": True, "cities": None, "businessUnits": [None]}
    assert reader.refused("PATCH", "zones/43000001", json=sent) == (
        "The value is not valid for Name. The value 'true' is not valid for Zips. "
        "The value 'null' is not valid for BusinessUnits.0."
    )


@pytest.mark.parametrize("path", ["zones", "teams", "technician-shifts", "non-job-appointments"])
def test_an_id_of_more_than_64_bits_does_not_match(reader: Caller, path: str) -> None:
    assert "statusCode" not in reader.call("GET", f"{path}/{2**63 - 1}").json()
    assert reader.call("GET", f"{path}/{2**63}").json()["statusCode"] == 404


@pytest.mark.parametrize("number", [10**12, 2**63 - 1, 2**63])
@pytest.mark.parametrize("field", ["jobAppointmentId", "technicianIds"])
def test_nobody_with_a_number_that_nobody_has_is_assigned(
    caller: Caller, field: str, number: int
) -> None:
    open_ones = caller.rows("appointment-assignments")
    *_, row = (row for row in open_ones if row["status"] == "Scheduled")
    crew = {"jobAppointmentId": row["appointmentId"], "technicianIds": [row["technicianId"]]}
    crew[field] = number if field == "jobAppointmentId" else [number]
    for change in ("assign", "unassign"):
        path = f"appointment-assignments/{change}-technicians"
        (named,) = caller.refused("POST", path, json=crew)["errors"]
        assert named.startswith(field)
    assert caller.rows("appointment-assignments") == open_ones


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "teams", {"name": "x", "active": 1}, "active"),
        ("POST", "zones", {"name": "x", "serviceDaysIds": [True]}, "serviceDaysIds.0"),
        ("POST", "zones", {"name": "x", "businessUnits": [True]}, "businessUnits.0"),
        ("POST", "arrival-windows", window(businessUnitIds=[True]), "businessUnitIds.0"),
        ("POST", "gps-provider/1/gps-pings", [PING | {"speed": True}], "0.speed"),
        (
            "POST",
            "non-job-appointments",
            NEW_NON_JOB | {"repeat": True, "frequency": "Daily", "interval": True},
            "interval",
        ),
        ("POST", "technician-shifts", NEW_SHIFT | {"timesheetCodeId": True}, "timesheetCodeId"),
    ],
)
def test_a_boolean_is_not_a_number(
    reader: Caller, method: str, path: str, body: object, field: str
) -> None:
    assert f"{field[:1].upper()}{field[1:]}." in words(reader.refused(method, path, json=body))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z"),
        ("0001-01-01T00:00:00+14:00", "0001-01-02T00:00:00+14:00"),
        ("9999-12-30T00:00:00Z", "9999-12-31T23:59:59.9999999Z"),
        ("9999-12-31T00:00:00-12:00", "9999-12-31T23:59:59.9999999-12:00"),
    ],
)
def test_years_that_no_calendar_has_are_refused(caller: Caller, start: str, end: str) -> None:
    someone = caller.get("technician-shifts")["data"][0]
    repeats = {"repeat": True, "frequency": "Daily", "endType": "Never"}
    for method, path, body in (
        ("POST", "capacity", CAPACITY | {"startsOnOrAfter": start, "endsOnOrBefore": end}),
        ("POST", "technician-shifts", NEW_SHIFT | {"start": start, "end": end}),
        ("PATCH", f"technician-shifts/{someone['id']}", {"start": start, "end": end}),
        ("POST", "non-job-appointments", NEW_NON_JOB | {"start": start}),
        ("POST", "non-job-appointments", NEW_NON_JOB | repeats | {"start": start}),
    ):
        assert caller.refused(method, path, json=body)["title"] == INVALID
    # They are fine as bounds of what is asked for
    found = caller.get("technician-shifts", startsOnOrAfter=start, endsOnOrBefore=end)
    assert found["data"] == []


@pytest.mark.parametrize("field", ["interval", "countOccurrences"])
def test_recurrence_without_end_is_refused(caller: Caller, field: str) -> None:
    someone = caller.get("technician-shifts")["data"][0]["technicianId"]
    body = NEW_NON_JOB | {"technicianId": someone, "repeat": True, "frequency": "Daily"}
    body |= {"endType": "After", "countOccurrences": 1, field: 10**30}
    assert field in caller.refused("POST", "non-job-appointments", json=body)["errors"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"active=true",
        b'{"active": tru}',
        b"[" * 100_000,
        b'{"active": ' + b"1" * 5_000 + b"}",
    ],
    ids=["cut", "form", "typo", "deep", "long"],
)
@pytest.mark.parametrize("path", ["teams", "zones"])
def test_what_is_not_json_is_said_to_be_so(reader: Caller, path: str, body: bytes) -> None:
    answer = reader.session.post(
        f"{reader.sandbox.url}/dispatch/v2/tenant/1000000001/{path}",
        data=body,
        headers={"Content-Type": "application/json"},
        timeout=30,
    )
    said = "The request body is not valid JSON."
    assert answer.status_code == 400
    if path == "zones":
        assert answer.json() == said
    else:
        assert (answer.json()["title"], answer.json()["errors"]) == (INVALID, {"": [said]})


def test_each_answer_has_a_trace_id_of_its_own(reader: Caller) -> None:
    traces = [reader.refused("GET", "zones", page=0)["traceId"] for _ in range(3)]
    assert len(set(traces)) == 3
    assert all(re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", trace) for trace in traces)


def test_a_parameter_without_a_value_is_not_given(reader: Caller, definition: Any) -> None:
    for method, path, operation in operations(definition):
        parameters = [one for one in operation.get("parameters", ()) if one["in"] == "query"]
        if parameters and not any(one["required"] for one in parameters):
            empty = {one["name"]: "" for one in parameters}
            assert reader.get(path, **empty) == reader.get(path), (method, path)
    answer = reader.refused("GET", "technician-tracking", technicianId="", appointmentId=1)
    assert answer == "The TechnicianId field is required."

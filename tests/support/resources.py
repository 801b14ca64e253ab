"""What the tests of all streams need to know of the API, and a server that is scripted by path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.scripted_api import Answer, Call, page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEFINITION = Path(__file__).parents[3] / "shared/reference/dispatch-v2.openapi.json"
PREFIX = "/dispatch/v2/tenant/1234/"
MODIFIED = "2026-11-01T08:00:00.1234567Z"

PATHS = {
    "appointment_assignments": "export/appointment-assignments",
    "appointment_assignments_list": "appointment-assignments",
    "arrival_window_configuration": "arrival-windows/configuration",
    "arrival_windows": "arrival-windows",
    "business_hours": "business-hours",
    "capacities": "capacity",
    "non_job_appointments": "non-job-appointments",
    "teams": "teams",
    "technician_shifts": "technician-shifts",
    "technician_skills": "technician-skills",
    "technician_tracking": "technician-tracking",
    "zones": "zones",
}
LISTS = (
    "appointment_assignments_list",
    "non_job_appointments",
    "teams",
    "technician_shifts",
    "technician_skills",
    "zones",
)
"""The streams that are read by `modifiedOn`."""

SCOPES = {
    "appointment_assignments": "the scope tn.dis.appointmentassignments:r",
    "appointment_assignments_list": "the scope tn.dis.appointmentassignments:r",
    "arrival_window_configuration": "the scope tn.dis.arrivalwindows:r",
    "arrival_windows": "the scope tn.dis.arrivalwindows:r",
    "business_hours": "the scope tn.dis.businesshours:r",
    "capacities": "the scope tn.dis.capacity:w",
    "non_job_appointments": "the scope tn.dis.nonjobappointments:r",
    "teams": "the scope tn.dis.teams:r",
    "technician_shifts": "the scope tn.dis.technicianshifts:r",
    "technician_skills": "the scope tn.dis.technicianskills:r",
    "technician_tracking": (
        "the scopes tn.dis.techniciantracking:r and tn.dis.appointmentassignments:r"
    ),
    "zones": "the scope tn.dis.zones:r",
}
SELECTED = (
    "appointment_assignments",
    "arrival_window_configuration",
    "arrival_windows",
    "business_hours",
    "non_job_appointments",
    "teams",
    "technician_shifts",
    "technician_skills",
    "zones",
)
"""The streams that are selected by default."""


def listed(*rows: dict[str, Any], more: bool = False) -> dict[str, Any]:
    """Return a page of a list."""
    return {"page": 1, "pageSize": 5000, "hasMore": more, "totalCount": None, "data": list(rows)}


NOTHING: Mapping[str, Any] = {
    **{PATHS[stream]: listed() for stream in (*LISTS, "arrival_windows")},
    PATHS["appointment_assignments"]: page(more=False, token="t"),
    PATHS["arrival_window_configuration"]: {"configuration": "StartTimeOfArrivalWindow"},
    PATHS["business_hours"]: {"weekdays": [], "saturday": [], "sunday": []},
    PATHS["capacities"]: {"timeStamp": MODIFIED, "availabilities": []},
}
"""What a tenant answers who has no rows, by path."""


def routed(answers: Mapping[str, Any]) -> Callable[[Call], Answer]:
    """Return a reply that finds the body of each answer by the path; a function is asked for it."""

    def reply(call: Call) -> Answer:
        path = call.path.removeprefix(PREFIX)
        if path not in answers:
            return Answer({"message": "Unable to match incoming request"}, status=404)
        found = answers[path]
        answer = found(call) if callable(found) else found
        return answer if isinstance(answer, Answer) else Answer(answer)

    return reply


def definition() -> dict[str, Any]:
    """Return the vendor's definition, which is not part of this repository."""
    if not DEFINITION.exists():
        pytest.skip(f"the vendor's definition is not at {DEFINITION}")
    found: dict[str, Any] = json.loads(DEFINITION.read_text())
    return found


def operation(stream: str) -> dict[str, Any]:
    """Return the vendor's definition of the operation that a stream reads."""
    methods = definition()["paths"][f"/tenant/{{tenant}}/{PATHS[stream]}"]
    found: dict[str, Any] = methods["post" if stream == "capacities" else "get"]
    return found


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a schema of the definition refers to; itself if it does not."""
    [schema] = schema.get("oneOf", [schema])
    if "$ref" in schema:
        found: dict[str, Any] = definition()["components"]["schemas"][schema["$ref"][21:]]
        return found
    return schema

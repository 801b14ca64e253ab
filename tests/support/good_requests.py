"""A good request for each operation of the API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.support.bodies import (
    CAPACITY,
    CONFIGURATIONS,
    HOURS,
    NEW_NON_JOB,
    NEW_SHIFT,
    PING,
    window,
)
from tests.support.streams import PAGED, PATHS

if TYPE_CHECKING:
    from tests.support.caller import Caller

LISTS = [PATHS[stream] for stream in PAGED]


class Request(NamedTuple):
    method: str
    path: str
    id: object = None
    body: object = None
    query: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it

    @property
    def address(self) -> str:
        """Its path under that of the tenant."""
        return re.sub(r"\{\w+\}", str(self.id), self.path[1:])


def good_requests(caller: Caller) -> list[Request]:
    """Return a good request for each operation, in an order in which all of them succeed."""
    today = caller.get("appointment-assignments", modifiedOnOrAfter="2026-06-18", pageSize=5_000)
    live, other, *_ = (row for row in today["data"] if row["status"] == "Working")
    first = {
        family: caller.get(family, activeOnly=True)["data"][0]["id"]
        for family in LISTS
        if family != "appointment-assignments"
    }
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

"""The streams, written down by hand: what the tap and the sandbox are held against.

A stream is one entry of `STREAMS`. Whatever else tests need to know of all streams comes from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.scripted_api import MODIFIED, listed, page

if TYPE_CHECKING:
    from collections.abc import Mapping

ANY = {"active": "Any"}


@dataclass(frozen=True)
class Expected:
    """What a stream is to be.

    Attributes:
        path: Where the API has it, after the tenant.
        scopes: What the application must have been granted.
        keys: Primary key.
        replication_key: What the bookmark is taken from; nothing if the stream is read whole.
        extra: Whether it is offered only where the setting `extra_streams` names it.
        method: How it is asked for.
        inactive_too: Parameters with which the answer has inactive rows as well, and
        active_only: those with which it has not; nothing where that is what is not asked for.
        nothing: What a tenant answers that has no rows; null if such a tenant is not asked.
    """

    path: str
    scopes: tuple[str, ...]
    keys: tuple[str, ...] = ("id",)
    replication_key: str | None = "modifiedOn"
    extra: bool = False
    method: str = "GET"
    inactive_too: Mapping[str, str] = field(default_factory=dict)
    active_only: Mapping[str, str] = field(default_factory=dict)
    nothing: Mapping[str, Any] | None = field(default_factory=listed)


STREAMS = {
    "appointment_assignments": Expected(
        "export/appointment-assignments",
        ("tn.dis.appointmentassignments:r",),
        replication_key="continueFrom",
        nothing=page(more=False, token="t"),
    ),
    "appointment_assignments_list": Expected(
        "appointment-assignments",
        ("tn.dis.appointmentassignments:r",),
        extra=True,
        inactive_too=ANY,
    ),
    "arrival_window_configuration": Expected(
        "arrival-windows/configuration",
        ("tn.dis.arrivalwindows:r",),
        keys=("tenantId",),
        replication_key=None,
        nothing={"configuration": "StartTimeOfArrivalWindow"},
    ),
    "arrival_windows": Expected(
        "arrival-windows", ("tn.dis.arrivalwindows:r",), replication_key=None, inactive_too=ANY
    ),
    "business_hours": Expected(
        "business-hours",
        ("tn.dis.businesshours:r",),
        keys=("tenantId",),
        replication_key=None,
        nothing={"weekdays": [], "saturday": [], "sunday": []},
    ),
    "capacities": Expected(
        "capacity",
        ("tn.dis.capacity:w",),
        keys=("startUtc", "endUtc", "businessUnitKey"),
        replication_key=None,
        extra=True,
        method="POST",
        nothing={"timeStamp": MODIFIED, "availabilities": []},
    ),
    "non_job_appointments": Expected(
        "non-job-appointments",
        ("tn.dis.nonjobappointments:r",),
        active_only={"activeOnly": "true"},
    ),
    "teams": Expected("teams", ("tn.dis.teams:r",), inactive_too={"includeInactive": "true"}),
    "technician_shifts": Expected(
        "technician-shifts", ("tn.dis.technicianshifts:r",), inactive_too=ANY
    ),
    "technician_skills": Expected(
        "technician-skills", ("tn.dis.technicianskills:r",), inactive_too=ANY
    ),
    "technician_tracking": Expected(
        "technician-tracking",
        ("tn.dis.techniciantracking:r", "tn.dis.appointmentassignments:r"),
        keys=("technicianId", "appointmentId"),
        replication_key=None,
        extra=True,
        nothing=None,
    ),
    "zones": Expected("zones", ("tn.dis.zones:r",), inactive_too=ANY),
}

ALL_STREAMS = tuple(STREAMS)
PATHS = {name: stream.path for name, stream in STREAMS.items()}
OFFERED = tuple(name for name, stream in STREAMS.items() if not stream.extra)
EXTRA = tuple(name for name, stream in STREAMS.items() if stream.extra)
LOG = "sync_log"
"""The stream that no operation gives: what the run says about itself."""
ON_REQUEST = (*EXTRA, LOG)
PAGED = tuple(name for name, stream in STREAMS.items() if stream.nothing == listed())
"""The streams whose answers are pages of a list, and"""
LISTS = tuple(name for name in PAGED if STREAMS[name].replication_key == "modifiedOn")
"""those of them that are read by `modifiedOn`."""
NOTHING = {stream.path: stream.nothing for stream in STREAMS.values() if stream.nothing is not None}
"""What a tenant answers that has no rows, by path."""


def scopes_said(stream: str) -> str:
    """Return how a message names the scopes that a stream needs."""
    scopes = STREAMS[stream].scopes
    return f"the scope{'s' if len(scopes) > 1 else ''} {' and '.join(scopes)}"

"""The streams: name, path and schema of each resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from tap_servicetitan_dispatch.settings import validation
from tap_servicetitan_dispatch.streams.appointment_assignments import AppointmentAssignments
from tap_servicetitan_dispatch.streams.appointment_assignments_list import (
    AppointmentAssignmentsList,
)
from tap_servicetitan_dispatch.streams.arrival_windows import (
    ArrivalWindowConfiguration,
    ArrivalWindows,
)
from tap_servicetitan_dispatch.streams.business_hours import BusinessHours
from tap_servicetitan_dispatch.streams.capacities import Capacities
from tap_servicetitan_dispatch.streams.fields import time_of_version
from tap_servicetitan_dispatch.streams.hashing import problems
from tap_servicetitan_dispatch.streams.non_job_appointments import NonJobAppointments
from tap_servicetitan_dispatch.streams.sync_log import SyncLog
from tap_servicetitan_dispatch.streams.teams import Teams
from tap_servicetitan_dispatch.streams.technician_shifts import TechnicianShifts
from tap_servicetitan_dispatch.streams.technician_skills import TechnicianSkills
from tap_servicetitan_dispatch.streams.technician_tracking import TechnicianTracking
from tap_servicetitan_dispatch.streams.zones import Zones

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_servicetitan_dispatch.streams.base import DispatchStream

STREAMS: tuple[type[DispatchStream], ...] = (
    AppointmentAssignments,
    AppointmentAssignmentsList,
    ArrivalWindowConfiguration,
    ArrivalWindows,
    BusinessHours,
    Capacities,
    NonJobAppointments,
    Teams,
    TechnicianShifts,
    TechnicianSkills,
    TechnicianTracking,
    Zones,
    SyncLog,
)
NAMES = tuple(stream.name for stream in STREAMS)  # type: ignore[misc] # each class has its own
ON_REQUEST = {
    name: each.on_request for name, each in zip(NAMES, STREAMS, strict=True) if each.on_request
}
"""The streams that are offered only if `extra_streams` names them, each with its reason."""
SCHEMAS = {
    name: cast("dict[str, Any]", each.schema) for name, each in zip(NAMES, STREAMS, strict=True)
}
"""The schema of each stream, without what settings add to it."""
WITH_VERSIONS = {
    name: time
    for name, schema in SCHEMAS.items()
    if (time := time_of_version(schema["properties"]))
}
"""The streams that can keep each version of a row, and the field that dates a version."""


def problems_of(config: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Return a line for each wrong setting, including those that name fields of streams.

    Args:
        config: The settings.
        schema: Their JSON schema.
    """
    return [*validation.problems(config, schema), *_problems_of_hashing(config)]


def _problems_of_hashing(config: Mapping[str, Any]) -> list[str]:
    """Return a line for each wrong path of `hash_fields`.

    Nothing of the run's own log is hashed.
    """
    given = config.get("hash_fields")
    keys = {name: each.primary_keys for name, each in zip(NAMES, STREAMS, strict=True) if each.path}
    schemas = {name: SCHEMAS[name] for name in keys}
    paths = [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
    return [*problems(paths, schemas, keys)]


def not_offered(config: Mapping[str, Any]) -> list[str]:
    """Return the streams that the settings, checked or not, do not offer."""
    named = config.get("extra_streams")
    return [name for name in ON_REQUEST if not isinstance(named, list) or name not in named]

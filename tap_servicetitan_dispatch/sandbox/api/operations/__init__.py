"""The operations of the API, one module per resource family."""

from fastapi import params, routing

from tap_servicetitan_dispatch.sandbox.api.operations import (
    appointment_assignments,
    arrival_windows,
    business_hours,
    capacity,
    export,
    gps_pings,
    non_job_appointments,
    teams,
    technician_shifts,
    technician_skills,
    technician_tracking,
    zones,
)

ROUTERS = (
    export.router,
    appointment_assignments.router,
    arrival_windows.router,
    business_hours.router,
    capacity.router,
    gps_pings.router,
    non_job_appointments.router,
    teams.router,
    technician_shifts.router,
    technician_skills.router,
    technician_tracking.router,
    zones.router,
    zones.plain,
)

ALL_SCOPES = frozenset(
    scope
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, routing.APIRoute)
    for needed in route.dependencies
    if isinstance(needed, params.Security)
    for scope in needed.scopes or ()
)
"""Every scope that an operation needs."""

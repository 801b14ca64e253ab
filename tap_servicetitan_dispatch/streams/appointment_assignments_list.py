"""Appointment assignments, read from their list instead of the export feed."""

from __future__ import annotations

from typing import Any, ClassVar

from singer_sdk import typing as th

from tap_servicetitan_dispatch.streams.appointment_assignments import ASSIGNMENT, LIST
from tap_servicetitan_dispatch.streams.lists import ListStream


class AppointmentAssignmentsList(ListStream):
    """Each row is an assignment of a technician to an appointment, in its present form.

    The same rows as `appointment_assignments`, without the delay of the export feed. One of the two
    streams is enough.
    """

    name = "appointment_assignments_list"
    path = LIST
    scopes = ("tn.dis.appointmentassignments:r",)
    on_request = "has the rows of `appointment_assignments` without the delay of the export feed"
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(*ASSIGNMENT).to_dict()

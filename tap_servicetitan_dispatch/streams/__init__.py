"""The streams: what each resource is called, where it is and what its rows look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_servicetitan_dispatch.streams.appointment_assignments import AppointmentAssignments

if TYPE_CHECKING:
    from tap_servicetitan_dispatch.streams.base import DispatchStream

STREAMS: tuple[type[DispatchStream], ...] = (AppointmentAssignments,)

"""Assignments and their appointments, and the events in the life of an assignment."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import msgspec

from tap_servicetitan_dispatch.sandbox.world.company import JobType, Technician
from tap_servicetitan_dispatch.sandbox.world.instants import FOREVER, text
from tap_servicetitan_dispatch.sandbox.world.versions import Row, position

State = tuple[str, bool, bool]
"""Status, whether it is paused, whether it is active."""

SCHEDULED: State = ("Scheduled", False, True)
DISPATCHED: State = ("Dispatched", False, True)
WORKING: State = ("Working", False, True)
PAUSED: State = ("Working", True, True)
DONE: State = ("Done", False, True)
WITHDRAWN: State = ("Scheduled", False, False)
CALLED_BACK: State = ("Dispatched", False, False)

Step = tuple[int, State]
"""An instant, and the state from then on."""


class Appointment(msgspec.Struct, gc=False):
    """A visit that was promised to a customer."""

    job_type: JobType
    start: int
    end: int
    booked_on: int
    cancelled_on: int = FOREVER
    id: int = 0
    job_id: int = 0
    number: str = ""


class Assignment(Row):
    """One technician on one appointment. A technician who is replaced leaves a row behind."""

    technician: Technician
    assigned_by: int
    assigned_on: int
    status: str
    paused: bool
    appointment: Appointment
    is_listed: bool = True
    """Whether the list has it; the export feed returns deleted data too."""

    @property
    def job_id(self) -> int:
        """The job that the appointment belongs to."""
        return self.appointment.job_id

    @property
    def appointment_id(self) -> int:
        """The appointment."""
        return self.appointment.id

    def wire(self) -> dict[str, Any]:
        """Return the row as the API writes it."""
        return {
            "id": self.id,
            "technicianId": self.technician.id,
            "technicianName": self.technician.name,
            "assignedById": self.assigned_by,
            "assignedOn": text(self.assigned_on),
            "status": self.status,
            "isPaused": self.paused,
            "jobId": self.job_id,
            "appointmentId": self.appointment_id,
            "createdOn": text(self.created_on),
            "modifiedOn": text(self.modified_on),
            "active": self.active,
        }


class Life(msgspec.Struct, gc=False):
    """The events of one assignment, from its creation on.

    The user who booked it assigned the technician, unless another user confirms that later.
    """

    appointment: Appointment
    technician: Technician
    assigned_by: int
    steps: list[Step]
    confirmed_by: int = 0
    confirmed_on: int = FOREVER
    id: int = 0

    @property
    def created_on(self) -> int:
        """The instant at which it begins."""
        return self.steps[0][0]

    def versions(self, settled: int) -> Iterator[Assignment]:
        """Yield the versions that had not ended by `settled`, in order."""
        for (instant, (status, paused, active)), (until, _) in pairwise([*self.steps, _END]):
            if until > settled:
                confirmed = instant >= self.confirmed_on
                yield Assignment(
                    id=self.id,
                    active=active,
                    created_on=self.created_on,
                    modified_on=instant,
                    until=until,
                    technician=self.technician,
                    assigned_by=self.confirmed_by if confirmed else self.assigned_by,
                    assigned_on=self.confirmed_on if confirmed else self.created_on,
                    status=status,
                    paused=paused,
                    appointment=self.appointment,
                )


_END: Step = (FOREVER, WITHDRAWN)


def latest(rows: Iterable[Assignment]) -> list[Assignment]:
    """Return the latest row of each technician on each appointment: older rows do not count.

    A technician who is taken off may leave a row that still looks live, and a later one that does
    not.
    """
    return list(
        {
            (row.technician.id, row.appointment_id): row for row in sorted(rows, key=position)
        }.values()
    )

"""Somebody at the office who edits the board through the API while it is being read."""

from __future__ import annotations

import threading
from random import Random
from typing import TYPE_CHECKING, Any

import requests

from tests.support.bodies import CONFIGURATIONS, HOURS, NEW_NON_JOB, NEW_SHIFT, window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.caller import Caller

Edit = tuple[str, str, Any]
"""Method, path and body of a write."""

SECONDS_BETWEEN_EDITS = 0.08
# A request that failed, an answer without a token, a table that has been emptied.
_HANDLED = (requests.exceptions.RequestException, LookupError)


class Editor(threading.Thread):
    """Writes something else every now and then, and lets the sandbox's clock go on.

    Requests of this one fail as others do; what was not written is not written again.

    Attributes:
        written: How many writes were answered well. More than these may have taken place.
    """

    def __init__(self, caller: Caller, seed: int) -> None:
        super().__init__(name="editor", daemon=True)
        self.written = 0
        self._caller = caller
        self._tenant = caller.sandbox.tenant
        self._random = Random(f"{seed}:editor")  # noqa: S311 - nothing secret
        self._enough = threading.Event()
        self._failure: Exception | None = None

    def stop(self) -> None:
        """End the edits; raises what has ended them before, if anything has."""
        self._enough.set()
        self.join()
        if self._failure:
            raise self._failure

    def run(self) -> None:
        try:
            self._edit_on()
        except Exception as error:  # noqa: BLE001 - raised by stop()
            self._failure = error

    def _edit_on(self) -> None:
        while not self._enough.wait(SECONDS_BETWEEN_EDITS):
            self._caller.clock.forward(seconds=self._random.uniform(0.5, 5))
            try:
                method, path, body = self._random.choice(self._edits)(self)
                answer = self._caller.call(method, path, json=body)
                if answer.status_code == requests.codes.unauthorized:
                    self._caller.log_in()
                self.written += answer.ok
            except _HANDLED:
                continue

    def _one_of(self, rows: Mapping[Any, Any]) -> Any:
        every = list(rows.values())
        return self._random.choice([row for row in every if row.active] or every)

    def _technician(self) -> int:
        technician: int = self._random.choice(self._tenant.company.technicians).id
        return technician

    def _text(self, kind: str) -> str:
        return f"{kind} {self._random.randrange(10**6)}"

    def _assign(self) -> Edit:
        row = self._one_of(self._tenant.assignments.current)
        body = {"jobAppointmentId": row.appointment_id, "technicianIds": [self._technician()]}
        return "POST", "appointment-assignments/assign-technicians", body

    def _unassign(self) -> Edit:
        row = self._one_of(self._tenant.assignments.current)
        body = {"jobAppointmentId": row.appointment_id, "technicianIds": [row.technician.id]}
        return "POST", "appointment-assignments/unassign-technicians", body

    def _add_window(self) -> Edit:
        start = f"{self._random.randrange(24):02}:{self._random.randrange(60):02}"
        return "POST", "arrival-windows", window(start=start)

    def _change_window(self) -> Edit:
        row = self._one_of(self._tenant.arrival_windows.current)
        start = f"{self._random.randrange(24):02}:{self._random.randrange(60):02}"
        return "PUT", f"arrival-windows/{row.id}", window(start=start)

    def _configure(self) -> Edit:
        body = {"configuration": self._random.choice(CONFIGURATIONS)}
        return "POST", "arrival-windows/configuration", body

    def _open_at_other_hours(self) -> Edit:
        hours = [{"fromHour": self._random.randrange(6, 12), "toHour": 17}]
        return "POST", "business-hours", HOURS | {"saturday": hours}

    def _add_non_job(self) -> Edit:
        body = {"technicianId": self._technician(), "name": self._text("Errand")}
        return "POST", "non-job-appointments", NEW_NON_JOB | body

    def _change_non_job(self) -> Edit:
        row = self._one_of(self._tenant.non_job_appointments.current)
        body = {"technicianId": row.technician_id, "name": self._text("Errand")}
        return "PUT", f"non-job-appointments/{row.id}", NEW_NON_JOB | body

    def _delete_non_job(self) -> Edit:
        row = self._one_of(self._tenant.non_job_appointments.current)
        return "DELETE", f"non-job-appointments/{row.id}", None

    def _add_team(self) -> Edit:
        return "POST", "teams", {"name": self._text("Team"), "active": True}

    def _delete_team(self) -> Edit:
        return "DELETE", f"teams/{self._one_of(self._tenant.teams.current).id}", None

    def _add_shift(self) -> Edit:
        body = {"technicianIds": [self._technician()], "title": self._text("Shift")}
        return "POST", "technician-shifts", NEW_SHIFT | body

    def _change_shift(self) -> Edit:
        row = self._one_of(self._tenant.shifts.current)
        return "PATCH", f"technician-shifts/{row.id}", {"title": self._text("Shift")}

    def _delete_shift(self) -> Edit:
        return "DELETE", f"technician-shifts/{self._one_of(self._tenant.shifts.current).id}", None

    def _give_skill(self) -> Edit:
        skill = self._random.choice(list(self._tenant.skills))
        body = {
            "technicianId": self._technician(),
            "skillIds": [skill],
            "replaceExistingSkills": False,
        }
        return "PATCH", "technician-skills", body

    def _add_skill(self) -> Edit:
        body = {"technicianId": self._technician(), "name": self._text("Skill"), "active": True}
        return "POST", "technician-skills", body

    def _delete_skill(self) -> Edit:
        row = self._one_of(self._tenant.technician_skills.current)
        return "DELETE", f"technician-skills/{row.id}", None

    def _add_zone(self) -> Edit:
        return "POST", "zones", {"name": self._text("Zone"), "zips": ["60999"]}

    def _change_zone(self) -> Edit:
        row = self._one_of(self._tenant.zones.current)
        return "PATCH", f"zones/{row.id}", {"name": self._text("Zone")}

    def _delete_zone(self) -> Edit:
        return "DELETE", f"zones/{self._one_of(self._tenant.zones.current).id}", None

    _edits = (
        _assign,
        _unassign,
        _add_window,
        _change_window,
        _configure,
        _open_at_other_hours,
        _add_non_job,
        _change_non_job,
        _delete_non_job,
        _add_team,
        _delete_team,
        _add_shift,
        _change_shift,
        _delete_shift,
        _give_skill,
        _add_skill,
        _delete_skill,
        _add_zone,
        _change_zone,
        _delete_zone,
    )

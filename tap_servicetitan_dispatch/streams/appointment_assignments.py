"""Appointment assignments: which technician is sent to which appointment."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th
from typing_extensions import override

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.errors import StateError
from tap_servicetitan_dispatch.log.redaction import shown
from tap_servicetitan_dispatch.streams.base import DispatchStream
from tap_servicetitan_dispatch.streams.lists import rows_counted, since_start
from tap_servicetitan_dispatch.walks import feed_walk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.state.bookmarks import Bookmark
    from tap_servicetitan_dispatch.walks import Page

LIST = "appointment-assignments"
"""The path of the same rows as a list, which can be counted."""
ASSIGNMENT = (
    th.Property("id", th.IntegerType, required=True, description="Number of the assignment."),
    th.Property("technicianId", th.IntegerType, description="Number of the technician sent."),
    th.Property(
        "technicianName", th.StringType, description="Name of the technician as it is now."
    ),
    th.Property(
        "assignedById",
        th.IntegerType,
        description="Number of the user who made the assignment; no technician number.",
    ),
    th.Property(
        "assignedOn", th.DateTimeType, description="When the technician was assigned (UTC)."
    ),
    th.Property(
        "status",
        th.StringType,
        description="How far the work is: `Scheduled`, `Dispatched`, `Working` or `Done`.",
    ),
    th.Property("isPaused", th.BooleanType, description="Whether the work is interrupted."),
    th.Property("jobId", th.IntegerType, description="Number of the job."),
    th.Property(
        "appointmentId",
        th.IntegerType,
        description="Number of the appointment; a job may have several.",
    ),
    th.Property("createdOn", th.DateTimeType, description="When the row came into being (UTC)."),
    th.Property("modifiedOn", th.DateTimeType, description="When the row last changed (UTC)."),
    th.Property(
        "active",
        th.BooleanType,
        description=(
            "False once the technician was taken off the appointment, or the row was replaced."
        ),
    ),
)


class AppointmentAssignments(DispatchStream):
    """Each row is an assignment of a technician to an appointment, as it is after a change.

    The API's export feed: pages of changed rows, each continued from the token of the page before.
    """

    name = "appointment_assignments"
    path = "export/appointment-assignments"
    scopes = ("tn.dis.appointmentassignments:r",)
    replication_key = "continueFrom"
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        *ASSIGNMENT,
        th.Property(
            "continueFrom",
            th.StringType,
            description=(
                "Token of the page that the row came with. Put into the state, it makes the feed "
                "resume after that page."
            ),
        ),
    ).to_dict()

    @override
    def walk(self, client: Client, bookmark: Bookmark) -> Iterable[Page]:
        fetch = self.fetch(client)
        start = self._start(bookmark)
        for page in feed_walk(fetch, self._params, start, client.pause, client.logger):
            yield replace(page, extra={"continueFrom": page.bookmark})

    @override
    def probe(self, client: Client) -> None:
        now = client.now()  # without it, all of history is asked for, which takes longer
        start = now and now - timedelta(hours=1)
        next(feed_walk(partial(client.get, self.path), self._params, start, client.pause))

    @override
    def source_rows(self, client: Client) -> int | None:
        """Return what the list of assignments counts, which takes the same scope."""
        params = {"active": self.config["active"], **since_start(self.config)}
        return rows_counted(client, LIST, params)

    @property
    def _params(self) -> dict[str, str]:
        recent = {"includeRecentChanges": "true"} if self.config["include_recent_changes"] else {}
        return {"active": self.config["active"], **recent}

    def _start(self, bookmark: Bookmark) -> str | datetime | None:
        """Return what to start from: a token or a date, or nothing for the beginning of history."""
        if bookmark.value is None:
            start_date = self.config.get("start_date")
            return instants.parse(start_date) if start_date else None
        if not isinstance(bookmark.value, str):
            raise StateError(
                f"the bookmark {shown(bookmark.value)} in the state is not a text",
                "correct it, or take it out to read everything again",
            )
        if bookmark.key == "modifiedOn":
            # Left by the other ServiceTitan tap, which reads this feed by date.
            return bookmark.instant()
        return bookmark.value

"""Appointment assignments: which technician is sent to which appointment."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_servicetitan_dispatch.errors import StateError
from tap_servicetitan_dispatch.log.redaction import shown
from tap_servicetitan_dispatch.settings.schema import start_of
from tap_servicetitan_dispatch.streams.base import DispatchStream
from tap_servicetitan_dispatch.streams.fields import boolean, instant, integer, schema_of, text
from tap_servicetitan_dispatch.streams.lists import page_size, rows_counted, since_start
from tap_servicetitan_dispatch.walks import Page, feed_walk, read_by_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk import Tap

    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.run.run import Run
    from tap_servicetitan_dispatch.state.bookmarks import Bookmark

LIST = "appointment-assignments"
"""The path of the list of the same rows, which can be counted."""
LOOKBACK = timedelta(days=1)
"""How much of the feed is read after a full read: far more than the feed lags or the list hides."""
ASSIGNMENT = (
    integer("id", "Number of the assignment.", required=True),
    integer("technicianId", "Number of the technician sent."),
    text(
        "technicianName",
        "Name of the technician. Whether older rows get a new name is unknown.",
    ),
    integer("assignedById", "Number of the user who made the assignment; not a technician."),
    instant("assignedOn", "When the technician was assigned (UTC)."),
    text("status", "Status of the work: `Scheduled`, `Dispatched`, `Working` or `Done`."),
    boolean("isPaused", "Whether the work is interrupted."),
    integer("jobId", "Number of the job."),
    integer("appointmentId", "Number of the appointment; a job may have several."),
    instant("createdOn", "When the row was created (UTC)."),
    instant("modifiedOn", "When the row last changed (UTC)."),
    boolean(
        "active",
        "False once the technician was taken off the appointment, or the row was replaced.",
    ),
)


class AppointmentAssignments(DispatchStream):
    """Each row is an assignment of a technician to an appointment, after its latest change.

    Read from the API's export feed: pages of changed rows, each continued by the token of the page
    before.
    """

    name = "appointment_assignments"
    path = "export/appointment-assignments"
    scopes = ("tn.dis.appointmentassignments:r",)
    replication_key = "continueFrom"
    added_fields = ("continueFrom",)
    schema = schema_of(
        *ASSIGNMENT,
        text(
            "continueFrom",
            "Token of the row's page. As the bookmark in the state, it resumes the feed after that "
            "page.",
        ),
    )

    def __init__(self, tap: Tap, run: Run) -> None:
        super().__init__(tap, run)
        self.can_be_whole = bool(self.config.get("detect_deleted_assignments"))

    @override
    def walk(self, client: Client, bookmark: Bookmark) -> Iterable[Page]:
        fetch = self.fetch(client)
        start = self._start(bookmark)
        for page in feed_walk(fetch, self._params, start, client.pause, client.logger):
            yield replace(page, extra={"continueFrom": page.bookmark})

    @override
    def full_walk(self, client: Client) -> Iterable[Page]:
        """Return the pages of the list, then those of the feed of the last day.

        The list shows which rows exist. The feed gives the bookmark, and rows that changed so
        recently that the list may hide them. An empty last page is whole if the read of the list
        was.
        """
        began_at = client.now()
        params = {
            "active": self.config["active"],
            "pageSize": page_size(self.config),
            "includeTotal": "true",
        }
        is_whole = False
        for page in read_by_number(self.fetch(client, LIST), params, None, {}, began_at):
            is_whole = page.is_whole
            yield replace(page, bookmark=None, is_whole=False, extra={"continueFrom": None})
        since = began_at and began_at - LOOKBACK
        for page in feed_walk(self.fetch(client), self._params, since, client.pause, client.logger):
            yield replace(page, extra={"continueFrom": page.bookmark})
        yield Page([], is_whole=is_whole)

    @override
    def probe(self, client: Client) -> None:
        now = client.now()  # without it, all of history is asked for, which takes longer
        start = now and now - timedelta(hours=1)
        next(feed_walk(partial(client.get, self.path), self._params, start, client.pause))

    @override
    def source_rows(self, client: Client) -> int | None:
        """Return the count of the list of assignments, which needs the same scope."""
        params = {"active": self.config["active"], **since_start(self.config)}
        return rows_counted(client, LIST, params)

    @property
    def _params(self) -> dict[str, str]:
        recent = {"includeRecentChanges": "true"} if self.config["include_recent_changes"] else {}
        return {"active": self.config["active"], **recent}

    def _start(self, bookmark: Bookmark) -> str | datetime | None:
        """Return the start: a token or a date, or nothing for the beginning of history."""
        if bookmark.value is None:
            return start_of(self.config)
        if not isinstance(bookmark.value, str):
            raise StateError(
                f"the bookmark {shown(bookmark.value)} in the state is not a text",
                "correct it, or remove it to read everything again",
            )
        if bookmark.key == "modifiedOn":
            # Left by the other ServiceTitan tap, which reads this feed by date.
            return bookmark.instant()
        return bookmark.value

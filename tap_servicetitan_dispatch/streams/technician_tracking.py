"""Technician tracking: where customers see their technician come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th
from typing_extensions import override

from tap_servicetitan_dispatch import prefetch
from tap_servicetitan_dispatch.errors import ApiError
from tap_servicetitan_dispatch.streams.appointment_assignments_list import (
    AppointmentAssignmentsList,
)
from tap_servicetitan_dispatch.streams.base import DispatchStream
from tap_servicetitan_dispatch.streams.lists import SORTED_TO, probe_list
from tap_servicetitan_dispatch.walks import ModifiedWalk, Page, malformed, modified_on

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_servicetitan_dispatch.bookmarks import Bookmark
    from tap_servicetitan_dispatch.client import Client
    from tap_servicetitan_dispatch.walks import Record

LIVE = ("Dispatched", "Working")
REFUSED = {"bad_request", "not_found"}


class TechnicianTracking(DispatchStream):
    """Each row is a technician on the way to, or at work on, an appointment.

    The API is asked once for each live assignment; these are read from the list of appointment
    assignments.
    """

    name = "technician_tracking"
    path = "technician-tracking"
    scopes = ("tn.dis.techniciantracking:r", *AppointmentAssignmentsList.scopes)
    primary_keys = ("technicianId", "appointmentId")
    selected_by_default = False
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property(
            "technicianId", th.IntegerType, required=True, description="Number of the technician."
        ),
        th.Property(
            "appointmentId", th.IntegerType, required=True, description="Number of the appointment."
        ),
        th.Property(
            "technicianTrackingUrl",
            th.StringType,
            description=(
                "Address of a page that shows the customer where the technician is. Whoever has "
                "it can see that: keep it to yourself."
            ),
        ),
    ).to_dict()

    @override
    def walk(self, client: Client, bookmark: Bookmark) -> Iterable[Page]:
        calls = [partial(self._look_up, client, *pair) for pair in self._live_pairs(client)]
        found = prefetch.results(calls, self.config["max_concurrent_requests"])
        yield Page([record for record in found if record is not None])

    @override
    def probe(self, client: Client) -> None:
        """Ask for an assignment and for a pair that is none; to be told so takes the scope."""
        probe_list(client, AppointmentAssignmentsList.path, AppointmentAssignmentsList.inactive_too)
        try:
            client.get(self.path, {"technicianId": "0", "appointmentId": "0"})
        except ApiError as error:
            if error.kind not in REFUSED:
                raise

    def _live_pairs(self, client: Client) -> list[tuple[int, int]]:
        """Return (technician, appointment) where the latest assignment is active and under way.

        Inactive rows are read too: an older row can still look live after a technician was taken
        off the appointment.
        """
        since = datetime.now(UTC) - timedelta(days=self.config["tracking_lookback_days"])
        walk = ModifiedWalk(
            partial(client.get, AppointmentAssignmentsList.path),
            {"pageSize": str(self.config["page_size"]), **AppointmentAssignmentsList.inactive_too},
            since,
            SORTED_TO,
            logger=self.logger,
        )
        rows = [row for page in walk for row in page.records]
        latest: dict[str, Record] = {str(_pair(row)): row for row in sorted(rows, key=modified_on)}
        live = [row for row in latest.values() if row.get("active") and row.get("status") in LIVE]
        pairs = [_pair(row) for row in live if all(map(_is_id, _pair(row)))]
        if len(pairs) < len(live):
            self.logger.warning(
                "%d live assignments have no number of a technician and of an appointment that "
                "could be looked up; left out.",
                len(live) - len(pairs),
            )
        return pairs

    def _look_up(self, client: Client, technician: int, appointment: int) -> Record | None:
        pair = {"technicianId": technician, "appointmentId": appointment}
        params = {name: str(value) for name, value in pair.items()}
        try:
            body = client.get(self.path, params).body
        except ApiError as error:
            if error.kind not in REFUSED:
                raise
            self.logger.warning(
                "The API does not track technician %s on the way to appointment %s; left out (%s).",
                technician,
                appointment,
                error.detail,
            )
            return None
        if not isinstance(body, dict):
            raise malformed("an object", body)
        return {**body, **pair}


def _pair(row: Record) -> tuple[Any, Any]:
    return row.get("technicianId"), row.get("appointmentId")


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str)

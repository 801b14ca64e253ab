"""Technician tracking: addresses at which customers see their technician come."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_servicetitan_dispatch.client.failures import ApiError
from tap_servicetitan_dispatch.streams.appointment_assignments_list import (
    AppointmentAssignmentsList,
)
from tap_servicetitan_dispatch.streams.base import DispatchStream, time_of
from tap_servicetitan_dispatch.streams.fields import integer, schema_of, text
from tap_servicetitan_dispatch.streams.lists import SORTED_TO, page_size, probe_list
from tap_servicetitan_dispatch.streams.records import ExtendedRow
from tap_servicetitan_dispatch.walks import ModifiedWalk, Page, malformed, recency

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.state.bookmarks import Bookmark
    from tap_servicetitan_dispatch.walks import Record

LIVE = ("Dispatched", "Working")
REFUSED = {"bad_request", "not_found"}


class TechnicianTracking(DispatchStream):
    """Each row is a technician on the way to an appointment, or at work on it.

    The tap reads the live assignments from their list, then asks the API once for each.
    """

    name = "technician_tracking"
    path = "technician-tracking"
    scopes = ("tn.dis.techniciantracking:r", *AppointmentAssignmentsList.scopes)
    on_request = (
        "has addresses at which anybody can see where a technician is, and costs a call for each "
        "live assignment"
    )
    primary_keys = ("technicianId", "appointmentId")
    schema = schema_of(
        integer("technicianId", "Number of the technician.", required=True),
        integer("appointmentId", "Number of the appointment.", required=True),
        text(
            "technicianTrackingUrl",
            "Address of a page that shows the customer where the technician is. Anybody with the "
            "address can see it: keep it secret.",
        ),
    )

    @override
    def walk(self, client: Client, bookmark: Bookmark) -> Iterable[Page]:
        pairs, doubt = self._live_pairs(client)
        calls = [partial(self._look_up, client, *pair) for pair in pairs]
        found = self.run.helpers.results(calls)
        yield Page([record for record in found if record is not None], doubt=doubt)

    @override
    def probe(self, client: Client) -> None:
        """Ask for an assignment and for a pair that does not exist; each needs its scope."""
        time_of(client)
        probe_list(client, AppointmentAssignmentsList.path, AppointmentAssignmentsList.inactive_too)
        try:
            client.get(self.path, {"technicianId": "0", "appointmentId": "0"})
        except ApiError as error:
            if error.kind not in REFUSED:
                raise

    def _live_pairs(self, client: Client) -> tuple[list[Pair], str]:
        """Return (technician, appointment) where the latest assignment is active and under way.

        Inactive rows are read too: an older row can still look live after a technician was taken
        off the appointment. The doubt of that walk is returned beside the pairs.
        """
        since = time_of(client) - timedelta(days=self.config["tracking_lookback_days"])
        walk = ModifiedWalk(
            partial(client.get, AppointmentAssignmentsList.path),
            {"pageSize": page_size(self.config), **AppointmentAssignmentsList.inactive_too},
            since,
            SORTED_TO,
            stream=self.name,
            logger=client.logger,
        )
        latest: dict[str, tuple[Any, Pair | None]] = {}
        doubts = []
        for page in walk:
            doubts.append(page.doubt)
            for row in page.records:
                when, key = recency(row), str(_pair(row))
                if key not in latest or when >= latest[key][0]:
                    latest[key] = when, _pair(row) if _is_live(row) else None
        live = [pair for _, pair in latest.values() if pair is not None]
        pairs = [pair for pair in live if all(map(_is_id, pair))]
        if len(pairs) < len(live):
            client.logger.warning(
                "%d live assignments have no valid number of a technician or an appointment; left "
                "out.",
                len(live) - len(pairs),
            )
        return pairs, " ".join(filter(None, doubts))

    def _look_up(self, client: Client, technician: int, appointment: int) -> Record | None:
        pair = {"technicianId": technician, "appointmentId": appointment}
        params = {name: str(value) for name, value in pair.items()}
        try:
            body = client.get(self.path, params).body
        except ApiError as error:
            if error.kind not in REFUSED:
                raise
            client.logger.warning(
                "The API does not track a technician who is under way; left out (%s).",
                error.failure.meaning,
            )
            return None
        if not isinstance(body, dict):
            raise malformed("an object", body)
        return ExtendedRow(body, pair)


Pair = tuple[Any, Any]
"""Numbers of a technician and an appointment, if they are numbers."""


def _pair(row: Record) -> Pair:
    return row.get("technicianId"), row.get("appointmentId")


def _is_live(row: Record) -> bool:
    return bool(row.get("active")) and row.get("status") in LIVE


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str)

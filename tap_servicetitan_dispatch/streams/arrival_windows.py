"""Arrival windows: times of day between which customers can expect a technician."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tap_servicetitan_dispatch.settings.schema import LARGEST_PAGE
from tap_servicetitan_dispatch.streams.base import DispatchStream
from tap_servicetitan_dispatch.streams.fields import (
    TENANT_ID,
    boolean,
    integer,
    integers,
    schema_of,
    text,
)
from tap_servicetitan_dispatch.streams.lists import page_size, probe_list, rows_counted
from tap_servicetitan_dispatch.streams.single import SingleStream
from tap_servicetitan_dispatch.walks import numbered_walk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.state.bookmarks import Bookmark
    from tap_servicetitan_dispatch.walks import Page


class ArrivalWindows(DispatchStream):
    """Each row is an arrival window that can be offered when a job is booked.

    Rows have no time of creation or change, so the whole table is read each time.
    """

    name = "arrival_windows"
    path = "arrival-windows"
    scopes = ("tn.dis.arrivalwindows:r",)
    can_be_whole = True
    schema = schema_of(
        integer("id", "Number of the arrival window.", required=True),
        text(
            "start",
            "Local time of day at which the window opens: a .NET time span since midnight, such as "
            "`08:00:00`.",
        ),
        text("duration", "Length of the window: a .NET time span, such as `02:00:00`."),
        integers("businessUnitIds", "Numbers of the window's business units."),
        boolean("active", "False once the window is no longer offered."),
    )

    @override
    def walk(self, client: Client, bookmark: Bookmark) -> Iterable[Page]:
        params = {"pageSize": page_size(self.config), "active": "Any"}
        return numbered_walk(self.fetch(client), params)

    @override
    def full_walk(self, client: Client) -> Iterable[Page]:
        """Return all rows as one page, because they have no order in which to read several."""
        params = {"pageSize": str(LARGEST_PAGE), "active": "Any", "includeTotal": "true"}
        return numbered_walk(self.fetch(client), params)

    @override
    def probe(self, client: Client) -> None:
        probe_list(client, self.path, {"active": "Any"})

    @override
    def source_rows(self, client: Client) -> int | None:
        return rows_counted(client, self.path, {"active": "Any"})


class ArrivalWindowConfiguration(SingleStream):
    """The only row says at which end of its arrival window a job starts."""

    name = "arrival_window_configuration"
    path = "arrival-windows/configuration"
    scopes = ("tn.dis.arrivalwindows:r",)
    schema = schema_of(
        TENANT_ID,
        text(
            "configuration",
            "Default start of a job within its arrival window: `StartTimeOfArrivalWindow` or "
            "`EndTimeOfArrivalWindow`.",
        ),
    )

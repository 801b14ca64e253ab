"""The rows that a sandbox has, by the streams that they belong to, without asking the tap."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.sandbox.world.instants import parse
from tests.support.caller import START
from tests.support.streams import PAGED, PATHS, STREAMS

if TYPE_CHECKING:
    from tests.support.caller import Caller

Row = dict[str, Any]

LIVE = {"Dispatched", "Working"}
# Days to ask for capacity, as the tap does with these settings on the day of START.
CAPACITY_SETTINGS = {"capacity_days_ahead": 3, "capacity_days_per_request": 2}
# Back to what somebody forgot to finish on the first day that the sandbox has.
TRACKING_SETTINGS = {"tracking_lookback_days": 120}
_CAPACITY_DAYS = (0, 2, 4)
_ADDED_BY_THE_TAP = {"appointment_assignments": "continueFrom", "capacities": "timeStamp"}


def contents(caller: Caller) -> dict[str, list[Row]]:
    """Return the rows of each stream; faults must be off."""
    caller.log_in()
    one = {"tenantId": caller.tenant_id}
    lists = {stream: caller.rows(PATHS[stream], **STREAMS[stream].inactive_too) for stream in PAGED}
    feed, _ = caller.whole_export(active="Any")
    return {
        **lists,
        "appointment_assignments": feed,
        "arrival_window_configuration": [one | caller.get("arrival-windows/configuration")],
        "business_hours": [one | caller.get("business-hours")],
        "capacities": _capacities(caller),
        "technician_tracking": _tracking(caller, lists["appointment_assignments_list"]),
    }


def as_sent(stream: str, row: Row) -> Row:
    """Return a record of the tap without what the API's own row does not have."""
    added = _ADDED_BY_THE_TAP.get(stream)
    return {name: value for name, value in row.items() if name != added}


def _capacities(caller: Caller) -> list[Row]:
    today = START.replace(hour=0)
    days = [(today + timedelta(days)).strftime("%Y-%m-%dT00:00:00Z") for days in _CAPACITY_DAYS]
    slots = []
    for first, end in pairwise(days):
        body = {
            "startsOnOrAfter": first,
            "endsOnOrBefore": end,
            "skillBasedAvailability": False,
        }
        slots += caller.send("POST", "capacity", body)["availabilities"]
    return [
        slot | {"businessUnitKey": ",".join(map(str, sorted(slot["businessUnitIds"])))}
        for slot in slots
    ]


def _tracking(caller: Caller, assignments: list[Row]) -> list[Row]:
    latest = {
        (row["technicianId"], row["appointmentId"]): row
        for row in sorted(assignments, key=lambda row: (parse(row["modifiedOn"]), row["id"]))
    }
    pairs = [
        {"technicianId": technician, "appointmentId": appointment}
        for (technician, appointment), row in latest.items()
        if row["active"] and row["status"] in LIVE
    ]
    return [caller.get("technician-tracking", **pair) | pair for pair in pairs]

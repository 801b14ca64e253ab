"""Streams with one row, and values that nobody would expect in it."""

from __future__ import annotations

from typing import Any

from tests.support.runs import catalog_of
from tests.support.scripted_api import listed, row
from tests.support.streams import PATHS

LOOKUP, ASSIGNMENTS = PATHS["technician_tracking"], PATHS["appointment_assignments_list"]
ONE_DAY = {"capacity_days_ahead": 0, "max_retries": 0}
Body = dict[str, Any]


def feed(*rows: Body) -> Body:
    return {"hasMore": False, "continueFrom": "t", "data": list(rows)}


def slots(*rows: Body) -> Body:
    return {"availabilities": list(rows)}


def answers(stream: str, body: Body) -> dict[str, Any]:
    """Return what the API answers, by path, where a stream has one row."""
    if stream == "technician_tracking":
        return {ASSIGNMENTS: listed(row(1, status="Working")), LOOKUP: body}
    if stream == "business_hours":
        return {PATHS[stream]: body}
    wrap = {"appointment_assignments": feed, "capacities": slots}
    return {PATHS[stream]: wrap.get(stream, listed)(body)}


KEYS: dict[str, Body] = {
    "appointment_assignments": {"id": 1},
    "arrival_windows": {"id": 1},
    "business_hours": {},
    "capacities": {"startUtc": "2026-12-01T08:00:00Z", "endUtc": "2026-12-01T09:00:00Z"},
    "technician_tracking": {},
    "zones": {"id": 1},
}
"""What a row of each kind of stream has to have, and"""
ADDED: dict[str, Body] = {
    "appointment_assignments": {"continueFrom": "t"},
    "arrival_windows": {},
    "business_hours": {"tenantId": 1234},
    "capacities": {"businessUnitKey": "none", "timeStamp": None},
    "technician_tracking": {"technicianId": 7, "appointmentId": 12},
    "zones": {},
}
"""what the tap adds to it."""


def fields_of(stream: str) -> list[str]:
    """Return the names of the fields that the API gives besides those in the key."""
    [entry] = [each for each in catalog_of(stream)["streams"] if each["tap_stream_id"] == stream]
    return [
        name for name in entry["schema"]["properties"] if name not in KEYS[stream] | ADDED[stream]
    ]


ODD_VALUES = [
    None,
    True,
    0,
    -0.5,
    "",
    "17",
    "08",
    "-1.50",
    2**53 + 1,
    2**63,
    10**25,
    "Teleported",
    "2026-11-01T08:00:00+05:30",
    "2026-11-01T08:00:00",
    "2026-11-01",
    "9999-12-31T23:59:59.9999999Z",
    "0001-01-01T00:00:00",
    "Zoë “Z” 👩‍🔧\u2028\u0000",
    [],
    [None, "a", 5],
    {},
    {"a": {"b": [1, None]}},
]

"""Good request bodies."""

from __future__ import annotations

from typing import Any

PING = {
    "unitId": "u1",
    "unitName": "Van 1",
    "eventTime": "2026-06-18T15:00:00Z",
    "latitude": 30.27,
    "longitude": -97.74,
    "speed": 12.5,
    "street": "1 Main St",
    "city": "Lakeshore",
    "region": "TX",
    "postalCode": "60001",
    "message": "",
    "externalId": "e1",
    "isNew": False,
    "statusMessage": "",
}
NEW_NON_JOB: dict[str, Any] = {
    "technicianId": 0,
    "start": "2026-06-22T14:00:00Z",
    "duration": "01:30:00",
    "name": "Ride-along",
}
NEW_SHIFT: dict[str, Any] = {
    "technicianIds": [],
    "shiftType": "Normal",
    "title": "Extra Shift",
    "start": "2026-06-28T13:00:00Z",
    "end": "2026-06-28T21:00:00Z",
    "repeatType": "Never",
}

HOURS: dict[str, Any] = {
    "weekdays": [{"fromHour": 8, "toHour": 12}, {"fromHour": 13, "toHour": 17}],
    "saturday": [],
    "sunday": [],
}
CONFIGURATIONS = ("StartTimeOfArrivalWindow", "EndTimeOfArrivalWindow")
# Monday the 22nd to Tuesday the 23rd, both whole days of the contractor.
CAPACITY: dict[str, Any] = {
    "startsOnOrAfter": "2026-06-22T05:00:00Z",
    "endsOnOrBefore": "2026-06-24T05:00:00Z",
    "skillBasedAvailability": False,
}


def window(**changes: object) -> dict[str, Any]:
    """Return an arrival window of two hours from nine on."""
    body: dict[str, Any] = {"start": "09:00", "duration": "02:00", "businessUnitIds": [40_000_107]}
    return body | changes

"""The least that must be done with a feed: fetch, decode into typed rows, write Singer lines.

It begins with a SCHEMA, so that a target takes them.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import msgspec
import requests


class Row(msgspec.Struct):
    """An assignment."""

    id: int
    technicianId: int | None  # noqa: N815 - the API's names
    technicianName: str | None  # noqa: N815
    assignedById: int | None  # noqa: N815
    assignedOn: str | None  # noqa: N815
    status: str | None
    isPaused: bool | None  # noqa: N815
    jobId: int | None  # noqa: N815
    appointmentId: int | None  # noqa: N815
    createdOn: str | None  # noqa: N815
    modifiedOn: str | None  # noqa: N815
    active: bool | None
    continueFrom: str | None = None  # noqa: N815


class Page(msgspec.Struct):
    """A page of the feed."""

    hasMore: bool  # noqa: N815 - the API's names
    continueFrom: str  # noqa: N815
    data: list[Row]


class Record(msgspec.Struct):
    """A RECORD message."""

    type: str
    stream: str
    record: Row
    time_extracted: datetime


NUMBER, TEXT, FLAG = ({"type": [kind, "null"]} for kind in ("integer", "string", "boolean"))
TIME = {**TEXT, "format": "date-time"}
SCHEMA = {
    "type": "SCHEMA",
    "stream": "appointment_assignments",
    "key_properties": ["id"],
    "schema": {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "technicianId": NUMBER,
            "technicianName": TEXT,
            "assignedById": NUMBER,
            "assignedOn": TIME,
            "status": TEXT,
            "isPaused": FLAG,
            "jobId": NUMBER,
            "appointmentId": NUMBER,
            "createdOn": TIME,
            "modifiedOn": TIME,
            "active": FLAG,
            "continueFrom": TEXT,
        },
    },
}


def main() -> None:
    """Copy the feed of the server whose address is the argument to stdout."""
    url = sys.argv[1] + "/dispatch/v2/tenant/1/export/appointment-assignments"
    decoder, encoder = msgspec.json.Decoder(Page), msgspec.json.Encoder()
    params: dict[str, str] = {}
    sys.stdout.buffer.write(encoder.encode(SCHEMA) + b"\n")
    with requests.Session() as session:
        while True:
            page = decoder.decode(session.get(url, params=params, timeout=60).content)
            now = datetime.now(UTC)
            for row in page.data:
                row.continueFrom = page.continueFrom
            lines = [Record("RECORD", "appointment_assignments", row, now) for row in page.data]
            sys.stdout.buffer.write(encoder.encode_lines(lines))
            if not page.hasMore:
                break
            params = {"from": page.continueFrom}


if __name__ == "__main__":
    main()

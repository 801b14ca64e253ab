"""Some days of a fleet with odd names, over a change of clocks, made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.page.made import chicago, day, loads, shift, state, technician_day, tenant, write

if TYPE_CHECKING:
    from pathlib import Path

ODD = "</script><script>document.title='caught'</script>"
LINES = "Line\u2028Break <b>bold</b> &amp; <a href='https://example.com'>link</a>"
HASH = "0123456789abcdef" * 4
FRIDAY, SATURDAY, SUNDAY = "2026-10-30", "2026-10-31", "2026-11-01"


def fleet(file: Path) -> Path:
    """Write the marts of four tenants: three days, stale, a first load, and never loaded."""
    return write(
        file,
        tenants=[
            tenant(1, "Acme & Sons"),
            tenant(2, "Stale <i>Ltd</i>"),
            tenant(3, None),
            tenant(4, "Revoked"),
        ],
        loads=[
            *loads(
                *(f"{FRIDAY} {clock}" for clock in ("06:00", "18:00")),
                *(f"{SUNDAY} {clock}" for clock in ("00:00", "00:45", "12:00")),
            ),
            *loads(f"{SATURDAY} 08:50", f"{SATURDAY} 09:00", tenant=2),
            *loads(f"{SUNDAY} 11:55", tenant=3),
        ],
        tenant_day=[
            day(FRIDAY, visits=2, share_measured=0.5, median_minutes_dispatch_to_done=95.0),
            day(SATURDAY, visits=1, share_measured=1.0, greatest_gap_minutes=720.0, loads=0),
            day(
                SUNDAY,
                visits=1,
                is_whole_day=False,
                appointments_withdrawn=1,
                slot_hours=20.0,
                slot_hours_sold=5.5,
            ),
            day(SATURDAY, 2, visits=3, is_stale=True),
            day(SUNDAY, 3, visits=1, is_whole_day=False),
        ],
        technicians=[
            {"technician_id": 7, "technician_name": ODD},
            {"technician_id": 8, "technician_name": LINES},
            {"technician_id": 9, "technician_name": HASH},
            {"technician_id": 5, "technician_name": "Ann Lee", "tenant_id": 3},
        ],
        current_assignments=[
            *({"assignment_id": each, "technician_id": 7, "status": "Done"} for each in (1, 2, 4)),
            {"assignment_id": 3, "technician_id": 8, "status": "Working"},
            {"assignment_id": 5, "technician_id": 9, "status": "Scheduled"},
            {"assignment_id": 6, "technician_id": 5, "status": "Done", "tenant_id": 3},
        ],
        under_way=[
            {"assignment_id": 3, "begun_on": chicago(f"{SUNDAY} 07:00"), "is_forgotten": True}
        ],
        assignment_history=[
            # Over the hour that comes twice: two and a half hours from 00:30 to 02:00
            state(1, "Dispatched", f"{SUNDAY} 00:30", f"{SUNDAY} 02:00"),
            state(1, "Working", f"{SUNDAY} 02:00", f"{SUNDAY} 03:00"),
            state(1, "Done", f"{SUNDAY} 03:00"),
            state(2, "Working", f"{FRIDAY} 08:00", f"{FRIDAY} 09:00"),
            state(2, "Working", f"{FRIDAY} 09:00", f"{FRIDAY} 09:30", is_paused=True),
            state(2, "Working", f"{FRIDAY} 09:30", f"{FRIDAY} 11:00"),
            state(2, "Done", f"{FRIDAY} 11:00"),
            state(3, "Working", f"{SUNDAY} 07:00", technician_id=8),
            state(4, "Done", f"{FRIDAY} 13:00"),
            state(6, "Done", f"{SUNDAY} 08:15", tenant_id=3, technician_id=5),
        ],
        withdrawals=[
            {
                "technician_id": 8,
                "appointment_id": 900,
                "job_id": 90,
                "withdrawn_on": chicago(f"{SUNDAY} 09:30"),
                "day": SUNDAY,
                "was_dispatched": True,
                "assigned_by_id": 40,
            },
            {
                "technician_id": 8,
                "appointment_id": 901,
                "job_id": 91,
                "withdrawn_on": chicago(f"{SUNDAY} 09:45"),
                "day": SUNDAY,
                "was_dispatched": True,
                "assigned_by_id": 40,
            },
        ],
        unassigned=[
            {
                "appointment_id": 900,
                "job_id": 90,
                "last_technician_name": LINES,
                "withdrawn_on": chicago(f"{SUNDAY} 09:30"),
            }
        ],
        stg_technician_shifts=[
            shift(7, f"{FRIDAY} 07:00", f"{FRIDAY} 16:00"),
            shift(7, f"{SUNDAY} 00:00", f"{SUNDAY} 08:00"),
            shift(8, f"{SUNDAY} 07:00", f"{SUNDAY} 15:00"),
            shift(9, f"{SUNDAY} 06:00", f"{SUNDAY} 14:00", "OnCall"),
            shift(5, f"{SUNDAY} 07:00", f"{SUNDAY} 15:00", tenant_id=3),
        ],
        time_away=[
            {
                "technician_id": 8,
                "occasion": "Training <img src=x>",
                "starts_at": chicago(f"{SUNDAY} 10:00"),
                "ends_at": chicago(f"{SUNDAY} 11:00"),
            }
        ],
        technician_day=[
            technician_day(7, FRIDAY, 2.5, 0.5, 0, 0, 0, 6.0, share_measured=0.0),
            technician_day(
                7,
                SUNDAY,
                1.0,
                0,
                2.5,
                0,
                0,
                4.5,
                share_measured=1.0,
                shift_starts_at=chicago(f"{SUNDAY} 00:00"),
                first_dispatched_on=chicago(f"{SUNDAY} 00:30"),
            ),
            technician_day(
                8,
                SUNDAY,
                0,
                0,
                0,
                0,
                1.0,
                4.0,
                visits=0,
                shift_starts_at=chicago(f"{SUNDAY} 07:00"),
            ),
        ],
        coverage=[
            {"day": FRIDAY, "done": 2, "measured": 1, "arrival_seen": 1},
            {"day": SUNDAY, "done": 1, "measured": 1, "arrival_seen": 1},
        ],
        capacity_ahead=[
            {
                "day": "2026-11-02",
                "business_unit_key": key,
                "hours": 10.0,
                "hours_open": 4.0,
                "hours_sold": 6.0,
                "forecast_on": chicago(f"{SUNDAY} 11:00"),
            }
            for key in ("5", "3,4")
        ],
        cover=[
            _cover("skill", "Plumbing <b>", SUNDAY, 2),
            _cover("skill", "Plumbing <b>", "2026-11-02", 0),
            _cover("zone", "North", SUNDAY, 0, is_served=False),
            _cover("zip", "60601", SUNDAY, 1, zones=2),
        ],
        freshness=[
            _fresh(1, "zones", "complete", None, 12, 12),
            _fresh(1, "appointment_assignments", "complete", None, 5, 4),
            _fresh(4, "zones", "failed", "401: the tenant has revoked the application", None, 0),
        ],
    )


def _cover(cover: str, key: str, date: str, technicians: int, **more: Any) -> dict[str, Any]:
    row = {"day": date, "cover": cover, "cover_key": key, "cover_name": key, "is_served": True}
    return row | {"technicians": technicians, "hours_left_by_absence": 8.0 * technicians} | more


def _fresh(
    tenant: int, stream: str, outcome: str, reason: str | None, there: int | None, here: int
) -> dict[str, Any]:
    now = chicago(f"{SUNDAY} 12:00")
    row = {"tenant_id": tenant, "stream": stream, "tried_at": now, "outcome": outcome}
    missing = None if there is None else there - here
    row |= {"complete_at": now if outcome == "complete" else None, "reason": reason}
    return row | {"source_rows": there, "loaded_rows": here, "missing_rows": missing}

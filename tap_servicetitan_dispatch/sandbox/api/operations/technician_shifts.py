"""Technician shifts: when technicians work."""

from functools import partial
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query
from pydantic import Field, model_validator
from starlette.responses import Response

from tap_servicetitan_dispatch.sandbox.api.access import BehaviourNow, TenantNow, needs
from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.api.listing import SortedByActivity, active_of, page_of
from tap_servicetitan_dispatch.sandbox.api.lookups import check_technicians, found, to_change
from tap_servicetitan_dispatch.sandbox.api.parameters import (
    Body,
    Count,
    Id,
    Instant,
    Number,
    Planned,
    Weekdays,
)
from tap_servicetitan_dispatch.sandbox.api.problems import Wrong, invalid, json_response
from tap_servicetitan_dispatch.sandbox.world.instants import FOREVER
from tap_servicetitan_dispatch.sandbox.world.recurrence import starts
from tap_servicetitan_dispatch.sandbox.world.roster import Shift
from tap_servicetitan_dispatch.sandbox.world.versions import changed

router = APIRouter(prefix="/technician-shifts", tags=["TechnicianShifts"])

ShiftType = Literal["Normal", "OnCall", "TimeOff"]
_ENDS_EARLY = "A shift ends after it starts."


class ShiftQuery(SortedByActivity):
    """A query for shifts."""

    starts_on_or_after: Instant = 0
    ends_on_or_before: Instant = FOREVER
    shift_type: ShiftType | None = None
    technician_id: Number | None = None
    title_contains: str = ""
    note_contains: str = ""

    def matches(self, row: Shift, behaviour: Behaviour) -> bool:
        """Return whether a row is asked for."""
        return (
            active_of(self.active, behaviour).matches(row.active)
            and self.starts_on_or_after <= row.start
            and row.end <= self.ends_on_or_before
            and self.shift_type in {None, row.shift_type}
            and self.technician_id in {None, row.technician_id}
            and self.title_contains.lower() in row.title.lower()
            and self.note_contains.lower() in (row.note or "").lower()
        )


class NewShifts(Body):
    """A shift for one or more technicians, which may repeat."""

    technician_ids: Annotated[list[Id], Field(min_length=1)]
    shift_type: ShiftType
    title: Annotated[str, Field(min_length=1)]
    start: Planned
    end: Planned
    note: str | None = None
    timesheet_code_id: Id | None = None
    repeat_type: Literal["Never", "Daily", "Weekly"]
    repeat_end_date: Instant | None = None
    repeat_interval: Count | None = None
    shift_days: Weekdays | None = None

    @model_validator(mode="after")
    def complete(self) -> Self:
        """Check that they end after they start, and that recurrence has an end."""
        if self.end <= self.start:
            raise Wrong(_ENDS_EARLY)
        if self.repeat_type != "Never" and self.repeat_end_date is None:
            raise Wrong("The RepeatEndDate field is required where a shift repeats.")
        return self

    def starts(self, tenant: TenantNow) -> list[int]:
        """Return when the shift begins, each time."""
        if self.repeat_type == "Never":
            return [self.start]
        return list(
            starts(
                tenant.company.calendar,
                self.start,
                self.repeat_type,
                interval=self.repeat_interval or 1,
                weekdays=self.shift_days or (),
                last=self.repeat_end_date or FOREVER,
            )
        )


class ShiftChanges(Body):
    """Fields of a shift; what is missing stays as it was."""

    shift_type: ShiftType | None = None
    title: Annotated[str, Field(min_length=1)] | None = None
    start: Planned | None = None
    end: Planned | None = None
    note: str | None = None
    timesheet_code_id: Id | None = None

    def fields(self) -> dict[str, Any]:
        """Return the fields of a row that change."""
        given = self.model_dump(exclude_unset=True)
        nullable = {"note", "timesheet_code_id"}
        return {k: v for k, v in given.items() if v is not None or k in nullable}


class Range(Body):
    """A span of time."""

    start: Instant
    end: Instant


@router.get("", dependencies=needs("technicianshifts:r"))
async def list_shifts(
    tenant: TenantNow, behaviour: BehaviourNow, query: Annotated[ShiftQuery, Query()]
) -> Response:
    """Return a page of shifts."""
    matches = partial(query.matches, behaviour=behaviour)
    return page_of(tenant, "technician-shifts", query, behaviour, matches)


@router.post("", dependencies=needs("technicianshifts:w"))
async def create_shifts(tenant: TenantNow, new: NewShifts) -> Response:
    """Create a shift for each technician and each recurrence."""
    check_technicians(tenant, new.technician_ids, "technicianIds")
    times = new.starts(tenant)
    instant = tenant.tick()
    rows = [
        Shift(
            id=tenant.new_id(),
            active=True,
            created_on=instant,
            modified_on=instant,
            technician_id=technician_id,
            shift_type=new.shift_type,
            title=new.title,
            note=new.note,
            start=start,
            end=start + new.end - new.start,
            timesheet_code_id=new.timesheet_code_id,
        )
        for start in times
        for technician_id in dict.fromkeys(new.technician_ids)
    ]
    for row in rows:
        tenant.shifts.put(row)
    return json_response({"created": bool(rows), "technicianShifts": [row.wire() for row in rows]})


@router.post("/bulk-delete", dependencies=needs("technicianshifts:w"))
async def bulk_delete_shifts(tenant: TenantNow, behaviour: BehaviourNow, span: Range) -> Response:
    """Delete the shifts that lie within a span of time."""
    if span.end <= span.start:
        raise invalid("end", "The end must be later than the start.")
    rows = [
        row
        for row in tenant.shifts.current.values()
        if row.active and span.start <= row.start and row.end <= span.end
    ]
    tenant.delete(tenant.shifts, rows, hard=behaviour.deletes == "hard")
    ids = sorted(row.id for row in rows)
    return json_response({"message": f"{len(ids)} shifts were deleted.", "deletedIds": ids})


@router.get("/{id}", dependencies=needs("technicianshifts:r"))
async def get_shift(tenant: TenantNow, id: Number) -> Response:  # noqa: A002 - its documented name
    """Return a shift."""
    return json_response(found(tenant.shifts, id).wire())


@router.patch("/{id}", dependencies=needs("technicianshifts:w"))
async def update_shift(tenant: TenantNow, id: Number, new: ShiftChanges) -> Response:  # noqa: A002 - its documented name
    """Change a shift."""
    row = changed(to_change(tenant.shifts, id), tenant.tick(), **new.fields())
    if row.end <= row.start:
        raise invalid("end", _ENDS_EARLY)
    tenant.shifts.put(row)
    return json_response({"technicianShifts": [row.wire()]})


@router.delete("/{id}", dependencies=needs("technicianshifts:w"))
async def delete_shift(tenant: TenantNow, behaviour: BehaviourNow, id: Number) -> Response:  # noqa: A002 - its documented name
    """Delete a shift."""
    tenant.delete(tenant.shifts, [to_change(tenant.shifts, id)], hard=behaviour.deletes == "hard")
    return json_response({"message": "The shift was deleted.", "id": id})

"""Arrival windows: the times of day that customers are offered."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from tap_servicetitan_dispatch.sandbox.api.access import BehaviourNow, TenantNow, needs
from tap_servicetitan_dispatch.sandbox.api.listing import Created, active_of, cut
from tap_servicetitan_dispatch.sandbox.api.lookups import found
from tap_servicetitan_dispatch.sandbox.api.parameters import (
    Active,
    ActiveParameter,
    Body,
    Flag,
    Id,
    Number,
    Span,
)
from tap_servicetitan_dispatch.sandbox.api.problems import invalid, json_response
from tap_servicetitan_dispatch.sandbox.api.shown import count_answer, listed
from tap_servicetitan_dispatch.sandbox.world.company import BUSINESS_UNITS
from tap_servicetitan_dispatch.sandbox.world.directory import ArrivalWindow
from tap_servicetitan_dispatch.sandbox.world.instants import DAY
from tap_servicetitan_dispatch.sandbox.world.versions import changed

router = APIRouter(prefix="/arrival-windows", tags=["ArrivalWindows"])

_UNITS = {unit.id for unit in BUSINESS_UNITS}


class WindowQuery(Created):
    """A query for arrival windows."""

    active: ActiveParameter = Active.TRUE


class Window(Body):
    """An arrival window; `duration` is its length, whatever the definition calls it."""

    start: Annotated[Span, Field(lt=DAY)]
    duration: Annotated[Span, Field(gt=0, le=DAY)]
    business_unit_ids: list[Id]

    def units(self) -> tuple[int, ...]:
        """Return the business units.

        Raises:
            Problem: One of them does not exist (400).
        """
        for id_ in self.business_unit_ids:
            if id_ not in _UNITS:
                raise invalid("businessUnitIds", f"There is no business unit with id {id_}.")
        return tuple(dict.fromkeys(self.business_unit_ids))


class Activation(Body):
    """Whether a window is offered."""

    is_active: Flag


class Configuration(Body):
    """Whether a job starts, by default, when its window begins or when it ends."""

    configuration: Literal["StartTimeOfArrivalWindow", "EndTimeOfArrivalWindow"]


@router.get("", dependencies=needs("arrivalwindows:r"))
async def list_arrival_windows(
    tenant: TenantNow, behaviour: BehaviourNow, query: Annotated[WindowQuery, Query()]
) -> Response:
    """Return a page of arrival windows."""
    rows = sorted(
        listed(tenant, "arrival-windows", behaviour), key=lambda row: (int(row.id), row.id)
    )
    if behaviour.windows_order == "changing":
        turn = count_answer(tenant, "windows") % max(1, len(rows))
        rows = rows[turn:] + rows[:turn]
    active = active_of(query.active, behaviour)
    return cut(
        (
            row
            for row in rows
            if active.matches(row.active)
            and query.created_on_or_after <= row.created_on < query.created_before
        ),
        query,
        behaviour,
    )


@router.get("/configuration", dependencies=needs("arrivalwindows:r"))
async def get_configuration(tenant: TenantNow) -> Response:
    """Return where in its arrival window a job starts by default."""
    return json_response({"configuration": tenant.arrival_window_configuration})


@router.post("/configuration", dependencies=needs("arrivalwindows:w"))
async def update_configuration(tenant: TenantNow, new: Configuration) -> Response:
    """Change where in its arrival window a job starts by default."""
    tenant.arrival_window_configuration = new.configuration
    return json_response({"configuration": new.configuration})


@router.post("", dependencies=needs("arrivalwindows:w"))
async def create_arrival_window(tenant: TenantNow, new: Window) -> Response:
    """Add an arrival window."""
    units = new.units()
    instant = tenant.tick()
    row = ArrivalWindow(
        id=tenant.new_id(),
        active=True,
        created_on=instant,
        modified_on=instant,
        start=new.start,
        duration=new.duration,
        business_unit_ids=units,
    )
    tenant.arrival_windows.put(row)
    return json_response(row.wire())


@router.get("/{id}", dependencies=needs("arrivalwindows:r"))
async def get_arrival_window(tenant: TenantNow, id: Number) -> Response:  # noqa: A002 - its documented name
    """Return an arrival window."""
    return json_response(found(tenant.arrival_windows, id).wire())


@router.put("/{id}", dependencies=needs("arrivalwindows:w"))
async def update_arrival_window(tenant: TenantNow, id: Number, new: Window) -> Response:  # noqa: A002 - its documented name
    """Change an arrival window."""
    row = changed(
        found(tenant.arrival_windows, id),
        tenant.tick(),
        start=new.start,
        duration=new.duration,
        business_unit_ids=new.units(),
    )
    tenant.arrival_windows.put(row)
    return json_response(row.wire())


@router.put("/{id}/activated", dependencies=needs("arrivalwindows:w"))
async def activate_arrival_window(tenant: TenantNow, id: Number, new: Activation) -> Response:  # noqa: A002 - its documented name
    """Offer an arrival window, or stop offering it."""
    row = found(tenant.arrival_windows, id)
    tenant.arrival_windows.put(changed(row, tenant.tick(), active=new.is_active))
    return Response()

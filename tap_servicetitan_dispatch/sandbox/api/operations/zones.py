"""Zones of the service area."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from tap_servicetitan_dispatch.sandbox.api.access import BehaviourNow, TenantNow, needs
from tap_servicetitan_dispatch.sandbox.api.listing import SortedByActivity, active_of, page_of
from tap_servicetitan_dispatch.sandbox.api.lookups import found, to_change
from tap_servicetitan_dispatch.sandbox.api.parameters import Body, Flag, Id, Number
from tap_servicetitan_dispatch.sandbox.api.problems import PlainErrors, invalid, json_response
from tap_servicetitan_dispatch.sandbox.world.company import DISPATCHERS
from tap_servicetitan_dispatch.sandbox.world.directory import Zone
from tap_servicetitan_dispatch.sandbox.world.versions import changed

router = APIRouter(prefix="/zones", tags=["Zone"])
# Creating and changing a zone answer a bad request with a string.
plain = APIRouter(prefix="/zones", tags=["Zone"], route_class=PlainErrors)


class ZoneChanges(Body):
    """Fields of a zone; what is missing or null stays as it was."""

    name: str | None = None
    zips: tuple[str, ...] | None = None
    cities: tuple[str, ...] | None = None
    territory_numbers: tuple[str, ...] | None = None
    locn_numbers: tuple[str, ...] | None = None
    service_days_enabled: Flag | None = None
    service_days_ids: tuple[Annotated[int, Field(strict=True, ge=0, le=6)], ...] | None = None
    business_units: tuple[Id, ...] | None = None

    def fields(self) -> dict[str, Any]:
        """Return the fields of a row that change."""
        given = self.model_dump(exclude_none=True)
        if "service_days_ids" in given:
            given["service_days"] = given.pop("service_days_ids")
        return given


@router.get("", dependencies=needs("zones:r"))
async def list_zones(
    tenant: TenantNow, behaviour: BehaviourNow, query: Annotated[SortedByActivity, Query()]
) -> Response:
    """Return a page of zones."""
    active = active_of(query.active, behaviour)
    return page_of(tenant, "zones", query, behaviour, lambda row: active.matches(row.active))


@router.get("/{id}", dependencies=needs("zones:r"))
async def get_zone(tenant: TenantNow, id: Number) -> Response:  # noqa: A002 - its documented name
    """Return a zone."""
    return json_response(found(tenant.zones, id).wire())


@plain.post("", dependencies=needs("zones:w"))
async def create_zone(tenant: TenantNow, new: ZoneChanges) -> Response:
    """Create a zone."""
    if not new.name:
        raise invalid("name", "A zone needs a name.")
    instant = tenant.tick()
    row = Zone(
        id=tenant.new_id(),
        active=True,
        created_on=instant,
        modified_on=instant,
        name=new.name,
        zips=(),
        cities=(),
        territory_numbers=(),
        locn_numbers=(),
        created_by=DISPATCHERS[0],
        service_days_enabled=False,
        service_days=(),
        business_units=(),
        technicians=(),
    )
    return _put(tenant, changed(row, instant, **new.fields()))


@plain.patch("/{zoneId}", dependencies=needs("zones:w"))
async def update_zone(tenant: TenantNow, zoneId: Number, new: ZoneChanges) -> Response:  # noqa: N803 - its documented name
    """Change a zone."""
    return _put(tenant, changed(to_change(tenant.zones, zoneId), tenant.tick(), **new.fields()))


@router.delete("/{zoneId}", dependencies=needs("zones:w"))
async def delete_zone(tenant: TenantNow, behaviour: BehaviourNow, zoneId: Number) -> Response:  # noqa: N803 - its documented name
    """Delete a zone."""
    tenant.delete(tenant.zones, [to_change(tenant.zones, zoneId)], hard=behaviour.deletes == "hard")
    return Response()


def _put(tenant: TenantNow, row: Zone) -> Response:
    tenant.zones.put(row)
    written = row.wire()
    for name in ("createdBy", "createdOn", "modifiedOn", "serviceDays", "technicians"):
        del written[name]
    return json_response(written | {"serviceDaysIds": row.service_days})

"""Teams of technicians."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from tap_servicetitan_dispatch.sandbox.api.access import BehaviourNow, TenantNow, needs
from tap_servicetitan_dispatch.sandbox.api.listing import Sorted, active_of, page_of
from tap_servicetitan_dispatch.sandbox.api.lookups import found, to_change
from tap_servicetitan_dispatch.sandbox.api.parameters import Active, Body, Boolean, Flag, Number
from tap_servicetitan_dispatch.sandbox.api.problems import json_response
from tap_servicetitan_dispatch.sandbox.world.company import DISPATCHERS
from tap_servicetitan_dispatch.sandbox.world.directory import Team

router = APIRouter(prefix="/teams", tags=["Team"])


class TeamQuery(Sorted):
    """A query for teams."""

    include_inactive: Boolean = False


class NewTeam(Body):
    """A team to create."""

    active: Flag
    name: str | None = None


@router.get("", dependencies=needs("teams:r"))
async def list_teams(
    tenant: TenantNow, behaviour: BehaviourNow, query: Annotated[TeamQuery, Query()]
) -> Response:
    """Return a page of teams."""
    asked = Active.ANY if query.include_inactive else Active.TRUE
    active = active_of(asked, behaviour)
    return page_of(tenant, "teams", query, behaviour, lambda row: active.matches(row.active))


@router.post("", dependencies=needs("teams:w"))
async def create_team(tenant: TenantNow, new: NewTeam) -> Response:
    """Create a team, unless there is one of that name."""
    for team in tenant.teams.current.values():
        if team.name == new.name:
            return json_response(team.wire() | {"created": False})
    instant = tenant.tick()
    row = Team(
        id=tenant.new_id(),
        active=new.active,
        created_on=instant,
        modified_on=instant,
        name=new.name,
        created_by=DISPATCHERS[0],
    )
    tenant.teams.put(row)
    return json_response(row.wire() | {"created": True})


@router.get("/{id}", dependencies=needs("teams:r"))
async def get_team(tenant: TenantNow, id: Number) -> Response:  # noqa: A002 - its documented name
    """Return a team."""
    return json_response(found(tenant.teams, id).wire())


@router.delete("/{id}", dependencies=needs("teams:w"))
async def delete_team(tenant: TenantNow, behaviour: BehaviourNow, id: Number) -> Response:  # noqa: A002 - its documented name
    """Delete a team."""
    tenant.delete(tenant.teams, [to_change(tenant.teams, id)], hard=behaviour.deletes == "hard")
    return Response()

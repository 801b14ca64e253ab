"""Switches of the sandbox itself, for use while it runs; not part of ServiceTitan's API."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from tap_servicetitan_dispatch.sandbox.api.access import GroupNow
from tap_servicetitan_dispatch.sandbox.api.problems import UNMATCHED, BareProblem
from tap_servicetitan_dispatch.sandbox.faults.options import Faults
from tap_servicetitan_dispatch.sandbox.faults.switch import Switch
from tap_servicetitan_dispatch.sandbox.group import Access, Member

router = APIRouter(prefix="/sandbox", tags=["The sandbox itself"])
of_tenant = APIRouter(prefix="/sandbox/tenants/{tenant_id}", tags=["The sandbox itself"])


async def _switch(request: Request) -> Switch:
    switch: Switch = request.app.state.switch
    return switch


async def _member(group: GroupNow, tenant_id: int) -> Member:
    if tenant_id not in group:
        raise BareProblem(UNMATCHED, HTTPStatus.NOT_FOUND)
    return group[tenant_id]


SwitchNow = Annotated[Switch, Depends(_switch)]
MemberNow = Annotated[Member, Depends(_member)]


@router.get("/faults")
async def get_faults(switch: SwitchNow) -> Faults:
    """Return the faults of all tenants without faults of their own."""
    return switch.faults()


@router.put("/faults")
async def set_faults(switch: SwitchNow, faults: Faults) -> Faults:
    """Set all faults at once. Those not given are off, except for the usual limit on calls."""
    switch.turn(faults)
    return faults


@of_tenant.get("/faults")
async def get_faults_of_tenant(switch: SwitchNow, member: MemberNow) -> Faults:
    """Return the faults of a tenant."""
    return switch.faults(member.tenant_id)


@of_tenant.put("/faults")
async def set_faults_of_tenant(switch: SwitchNow, member: MemberNow, faults: Faults) -> Faults:
    """Set the faults of a tenant, which replace those of all tenants."""
    switch.turn(faults, member.tenant_id)
    return faults


@of_tenant.delete("/faults")
async def forget_faults_of_tenant(switch: SwitchNow, member: MemberNow) -> Faults:
    """Give a tenant the faults of all tenants again, and return them."""
    switch.turn(None, member.tenant_id)
    return switch.faults()


@of_tenant.get("/access")
async def get_access(member: MemberNow) -> Access:
    """Return what a tenant permits the application to do."""
    return member.access


@of_tenant.put("/access")
async def set_access(member: MemberNow, access: Access) -> Access:
    """Set what a tenant permits the application to do; `{}` permits everything."""
    member.access = access
    return access

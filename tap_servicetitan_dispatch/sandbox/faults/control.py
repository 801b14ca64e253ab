"""The switches of the sandbox itself, to be turned while it runs; no part of ServiceTitan's API."""

from fastapi import APIRouter, Request

from tap_servicetitan_dispatch.sandbox.faults.options import Faults
from tap_servicetitan_dispatch.sandbox.faults.switch import Switch

router = APIRouter(prefix="/sandbox", tags=["The sandbox itself"])


def _switch(request: Request) -> Switch:
    switch: Switch = request.app.state.switch
    return switch


@router.get("/faults")
async def get_faults(request: Request) -> Faults:
    """Return the faults that are on."""
    return _switch(request).faults


@router.put("/faults")
async def set_faults(request: Request, faults: Faults) -> Faults:
    """Set all faults at once: one that is not given is off. ``{}`` turns all of them off."""
    _switch(request).faults = faults
    return faults

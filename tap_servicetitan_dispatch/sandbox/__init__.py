"""The Dispatch API v2 on localhost, with a dispatch board that moves with the clock.

Example:
    with Sandbox() as sandbox:
        print(sandbox.url, sandbox.credentials)
"""

from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.api.operations import ALL_SCOPES
from tap_servicetitan_dispatch.sandbox.application import Call
from tap_servicetitan_dispatch.sandbox.faults.options import FATAL, KINDS, PASSING, Faults
from tap_servicetitan_dispatch.sandbox.group import (
    CREDENTIALS,
    REFUSALS,
    Access,
    Contractor,
    Refusal,
)
from tap_servicetitan_dispatch.sandbox.like import NotASurveyError
from tap_servicetitan_dispatch.sandbox.server import Sandbox

__all__ = [
    "ALL_SCOPES",
    "CREDENTIALS",
    "FATAL",
    "KINDS",
    "PASSING",
    "REFUSALS",
    "Access",
    "Behaviour",
    "Call",
    "Contractor",
    "Faults",
    "NotASurveyError",
    "Refusal",
    "Sandbox",
]

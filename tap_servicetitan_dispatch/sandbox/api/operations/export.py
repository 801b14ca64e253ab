"""The export feed: rows in the order of modification, resumed from a token."""

from contextlib import suppress
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from tap_servicetitan_dispatch.sandbox.api import continuation
from tap_servicetitan_dispatch.sandbox.api.access import BehaviourNow, TenantNow, needs
from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.api.continuation import Place
from tap_servicetitan_dispatch.sandbox.api.parameters import Active, ActiveParameter, Boolean
from tap_servicetitan_dispatch.sandbox.api.problems import Problem, invalid, json_response
from tap_servicetitan_dispatch.sandbox.world import instants
from tap_servicetitan_dispatch.sandbox.world.instants import FOREVER, SECOND
from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant

FEED = "assignments"
_BEGINNING = Place(0, 0)

router = APIRouter(tags=["Export"])


@router.get(
    "/export/appointment-assignments",
    dependencies=needs("appointmentassignments:r"),
)
async def export_appointment_assignments(
    tenant: TenantNow,
    behaviour: BehaviourNow,
    active: ActiveParameter = Active.TRUE,
    sent: Annotated[str, Query(alias="from")] = "",
    include_recent_changes: Annotated[Boolean, Query(alias="includeRecentChanges")] = False,  # noqa: FBT002 - a query parameter
) -> Response:
    """Return the assignments that changed since a token or a date, in the order of modification.

    Changes appear 15 minutes late. With `includeRecentChanges` they appear at once, and again
    later: the token that ends the feed never stands for anything younger than 15 minutes.
    """
    place = _place(sent, tenant, behaviour)
    if place.pause:
        end = Place(place.instant, place.id, issued_on=tenant.now)
        return _page(behaviour, sent, end, more=True)
    as_of = tenant.now if include_recent_changes else tenant.settled
    found = (
        row
        for row in tenant.assignments.after((place.instant, place.id), as_of)
        if active.matches(row.active)
    )
    rows = list(islice(found, behaviour.export_page_size))
    more = next(found, None) is not None
    if more:
        reached, pause = (rows[-1].modified_on, rows[-1].id), behaviour.empty_pages
    else:
        reached, pause = max((tenant.settled, FOREVER), (place.instant, place.id)), False
    end = Place(*reached, pause=pause, issued_on=tenant.now)
    if behaviour.export_order == "to_the_second":
        rows.sort(key=lambda row: (row.modified_on // SECOND, row.id))
    return _page(behaviour, sent, end, more=more, data=[row.wire() for row in rows])


def _place(sent: str, tenant: Tenant, behaviour: Behaviour) -> Place:
    if not sent:
        return _BEGINNING
    with suppress(ValueError):
        return Place(instants.parse(sent), 0)
    lifetime = behaviour.continuation_lifetime
    with suppress(ValueError):
        place = continuation.read(FEED, sent)
        if lifetime is None or tenant.now < place.issued_on + lifetime * SECOND:
            return place
    match behaviour.rejected_continuation:
        case "restart":
            return _BEGINNING
        case 400:
            raise invalid("from", f"The value '{sent}' is not a continuation token or a date.")
        case status:
            raise Problem(status, "The continuation token is not known, or has expired.")


def _page(
    behaviour: Behaviour,
    sent: str,
    end: Place,
    *,
    more: bool,
    data: list[dict[str, Any]] | None = None,
) -> Response:
    token: str | None = continuation.write(FEED, end)
    if not more:
        token = {"same": sent or token, "empty": "", "null": None}.get(
            behaviour.last_page_token, token
        )
    body: dict[str, Any] = {"hasMore": more, "continueFrom": token, "data": data or []}
    if not more and behaviour.last_page_token == "absent":  # noqa: S105 - no secret
        del body["continueFrom"]
    return json_response(body)

"""The export feed: rows in the order of modification, resumed from a token."""

from contextlib import suppress
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query
from msgspec import structs
from starlette.responses import Response

from tap_servicetitan_dispatch.sandbox.api import continuation
from tap_servicetitan_dispatch.sandbox.api.access import BehaviourNow, TenantNow, needs
from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.api.continuation import Place
from tap_servicetitan_dispatch.sandbox.api.parameters import Active, ActiveParameter, Boolean
from tap_servicetitan_dispatch.sandbox.api.problems import Problem, invalid
from tap_servicetitan_dispatch.sandbox.api.shown import count_answer, fed, reshapes
from tap_servicetitan_dispatch.sandbox.api.written import NEVER, page_response, written
from tap_servicetitan_dispatch.sandbox.world import instants
from tap_servicetitan_dispatch.sandbox.world.assignments import Assignment
from tap_servicetitan_dispatch.sandbox.world.instants import DAY, FOREVER, SECOND
from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant
from tap_servicetitan_dispatch.sandbox.world.versions import position

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

    Changes appear 15 minutes late, or as late as `feed_delay` says. With `includeRecentChanges`
    they appear at once, and again later: the token at the end of the feed never covers younger
    changes.
    """
    place = _place(sent, tenant, behaviour, recent=include_recent_changes)
    bound = include_recent_changes and behaviour.token_settings == "bound"  # noqa: S105 - no secret
    end = Place(place.instant, place.id, issued_on=tenant.now, recent=bound)
    if place.pause:
        return _page(behaviour, sent, end, more=True)
    rows = _rows(tenant, behaviour, place, active, recent=include_recent_changes)
    more = len(rows) > behaviour.export_page_size
    rows = rows[: behaviour.export_page_size]
    if more:
        end = structs.replace(
            end, instant=rows[-1].modified_on, id=rows[-1].id, pause=behaviour.empty_pages
        )
    else:
        again = _HOUR if behaviour.feed_shown == "twice" else 0
        settled = tenant.now - behaviour.feed_delay * SECOND
        instant, id_ = max((settled - again, FOREVER), (place.instant - again, place.id))
        end = structs.replace(end, instant=instant, id=id_)
    if behaviour.export_order == "to_the_second":
        rows.sort(key=lambda row: (row.modified_on // SECOND, row.id))
    data = [written(row, behaviour, in_feed=True) for row in rows]
    return _page(behaviour, sent, end, more=more, data=data)


_HOUR = 3_600 * SECOND
_FEW = 50
"""One row in this many is missing if the feed has only some."""


def _rows(
    tenant: Tenant, behaviour: Behaviour, place: Place, active: Active, *, recent: bool
) -> list[Assignment]:
    """Return the rows after a place, one more than fits on a page, if there are that many."""
    as_of = tenant.now if recent else tenant.now - behaviour.feed_delay * SECOND
    start = (place.instant, place.id)
    if behaviour.feed_history_days is not None:
        start = max(start, (tenant.now - behaviour.feed_history_days * DAY, 0))
    if reshapes(behaviour) or behaviour.feed_versions == "all":
        rows = [*fed(tenant, behaviour, as_of)]
        if behaviour.feed_versions == "all":
            rows += [
                structs.replace(row, status="Scheduled", modified_on=row.created_on)
                for row in rows
                if row.status == "Done"
            ]
            rows.sort(key=position)
        found = iter([row for row in rows if start < position(row) and row.modified_on != NEVER])
    else:
        found = tenant.assignments.after(start, as_of)
    asked = {"active": Active.TRUE, "all": Active.ANY}.get(behaviour.feed_active, active)
    current = tenant.assignments.current
    there = (
        row
        for row in found
        if asked.matches(row.active)
        and (row.active or behaviour.feed_withdrawn == "told")
        and (row.id // 5 % _FEW or not row.active or behaviour.feed_rows == "all")
        and (
            behaviour.feed_versions != "held_back"
            or recent
            or row.id not in current
            or current[row.id].modified_on <= as_of
        )
    )
    return list(islice(there, behaviour.export_page_size + 1))


def _place(sent: str, tenant: Tenant, behaviour: Behaviour, *, recent: bool) -> Place:
    if not sent:
        return _BEGINNING
    with suppress(ValueError):
        instant = instants.parse(sent)
        if instant > tenant.now and behaviour.feed_future != "empty":
            raise _refused(sent)
        return Place(instant, FOREVER if behaviour.feed_from == "exclusive" else 0)
    lifetime = behaviour.continuation_lifetime
    with suppress(ValueError):
        place = continuation.read(FEED, sent)
        is_good = lifetime is None or tenant.now < place.issued_on + lifetime * SECOND
        if behaviour.token_settings == "bound" and place.recent is not recent:  # noqa: S105 - no secret
            is_good = False
        if behaviour.token_use == "once" and count_answer(tenant, sent):  # noqa: S105 - likewise
            is_good = False
        if is_good:
            return place
    match behaviour.rejected_continuation:
        case "restart":
            return _BEGINNING
        case 400:
            raise _refused(sent)
        case status:
            raise Problem(status, "The continuation token is not known, or has expired.")


def _refused(sent: str) -> Problem:
    return invalid("from", f"The value '{sent}' is not a continuation token or a date.")


def _page(
    behaviour: Behaviour,
    sent: str,
    end: Place,
    *,
    more: bool,
    data: list[dict[str, Any]] | None = None,
) -> Response:
    token: str | None = continuation.write(FEED, end).ljust(behaviour.token_length, "~")
    if more and sent and behaviour.token_moves == "not_always":  # noqa: S105 - no secret
        token = sent
    if not more:
        token = {"same": sent or token, "empty": "", "null": None}.get(
            behaviour.last_page_token, token
        )
    body: dict[str, Any] = {"hasMore": more, "continueFrom": token, "data": data or []}
    if not more and behaviour.last_page_token == "absent":  # noqa: S105 - no secret
        del body["continueFrom"]
    return page_response(body, behaviour)

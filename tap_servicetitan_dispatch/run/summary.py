"""The end of a run in words: of each stream, of each failure, and of a group."""

from __future__ import annotations

import heapq
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.client.failures import ApiError
from tap_servicetitan_dispatch.errors import Line, StreamsFailedError
from tap_servicetitan_dispatch.log import logger
from tap_servicetitan_dispatch.run.outcomes import FAILED, SKIPPED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from logging import Logger

    from tap_servicetitan_dispatch.errors import TapError
    from tap_servicetitan_dispatch.run.outcomes import Outcome, Outcomes
    from tap_servicetitan_dispatch.settings.tenants import Tenant

MOST_LEFT_OUT, MOST_SLOW = 10, 3
"""How many tenants a summary names."""


def sum_up_stream(outcomes: Outcomes, stream: str, tenants: int, log: Logger) -> None:
    """Log the summary of a stream, or that it was skipped, of so many tenants."""
    found = outcomes.those(stream)
    skipped = [each for each in found if each.result == SKIPPED]
    for each in skipped:
        each.tenant.logger(log).warning(
            "Skipped, as %s; its bookmark stays where it was. Stream: %s.",
            (each.reason or "").rstrip("."),
            stream,
        )
    tally = outcomes.tally_of(stream)
    has_failed = any(each.result == FAILED for each in found)
    if len(skipped) < tenants and (tally.tenants_read or not has_failed):
        log.info("%s: %s", stream, tally.summary(), extra=tally.figures())


def sum_up(outcomes: Outcomes, tenants: int, *, is_of_group: bool, skips_failed: bool) -> None:
    """Log the summary of a group, and its tenants that failed, if others may be read without them.

    Raises:
        StreamsFailedError: Some streams or tenants failed otherwise.
    """
    outcomes.fail_where_all_is_refused()
    if is_of_group:
        text, figures = group_summary(outcomes, tenants)
        logger.info("%s", text, extra=figures)
    if not (failed := outcomes.tenants(FAILED)):
        return
    lines = failure_lines(outcomes)
    if not (skips_failed and len(failed) < tenants):
        raise StreamsFailedError(lines)
    for line in lines:
        left_out = "Left out, as skip_failed_tenants is set: %s"
        logger.warning(left_out, line.text, extra={"tenant_id": line.tenant_id})


def failure_lines(outcomes: Outcomes) -> list[Line]:
    """Return a line for each failure; one line if all streams, or all tenants, failed alike."""
    alike: dict[tuple[Tenant, str], list[TapError]] = {}
    for outcome in outcomes.those():
        if (error := outcome.error) is None:
            continue
        outcomes.reason(outcome)
        of_tenant = outcomes.read(outcome.tenant)
        is_one = outcome.tenant.is_of_group or _is_like_all(error, of_tenant)
        is_one |= isinstance(error, ApiError) and error.failure.refuses is None
        key = outcome.tenant, error.likeness if is_one else str(error)
        alike.setdefault(key, []).append(error)
    read = outcomes.read()
    tenants = {outcome.tenant for outcome in read}
    is_of_all = all(outcome.result == FAILED for outcome in read)
    if len(alike) == len(tenants) > 1 == len({likeness for _, likeness in alike}) and is_of_all:
        [error, *_] = next(iter(alike.values()))
        return [Line(error.told_of(f"all {len(tenants)} tenants"))]
    return [_line(errors, outcomes.read(tenant)) for (tenant, _), errors in alike.items()]


def _is_like_all(error: TapError, of_tenant: Sequence[Outcome]) -> bool:
    """Return whether all streams of the tenant failed like this one, or because of it."""
    return all(
        other.result == FAILED and (other.error is None or other.error.likeness == error.likeness)
        for other in of_tenant
    )


def _line(errors: Sequence[TapError], of_tenant: Sequence[Outcome]) -> Line:
    streams = [error.stream for error in errors]
    if len(streams) > 1 and all(outcome.result == FAILED for outcome in of_tenant):
        streams = [f"all {len(of_tenant)} streams"]
    return Line(errors[0].told_of(errors[0].tenant, *streams), errors[0].tenant_id)


def group_summary(outcomes: Outcomes, tenants: int) -> tuple[str, dict[str, Any]]:
    """Return the last line of a group's log, and its fields for structured logs."""
    seconds: dict[Tenant, float] = {}
    for each in outcomes.those():
        seconds[each.tenant] = seconds.get(each.tenant, 0.0) + each.seconds
    slowest = heapq.nlargest(MOST_SLOW, seconds.items(), key=itemgetter(1))
    left_out = outcomes.tenants(SKIPPED, FAILED)
    doubtful = list(dict.fromkeys(each.tenant for each in outcomes.read() if each.doubt))
    told = _named(" Left out, as a whole or in part", left_out)
    told += _named(" Read, but rows may have been missed", doubtful)
    slow = ", ".join(f"{tenant} {took:.1f} s" for tenant, took in slowest)
    text = f"{tenants - len(left_out)} of {tenants} tenants were read.{told} The slowest: {slow}."
    return text, {
        "tenants": tenants,
        "tenants_left_out": [tenant.number for tenant in left_out],
        "tenants_doubtful": [tenant.number for tenant in doubtful],
        "slowest_tenants": [
            {"tenant_id": tenant.number, "seconds": round(took, 1)} for tenant, took in slowest
        ],
    }


def _named(what: str, tenants: Sequence[Tenant]) -> str:
    """Return a sentence that names tenants; empty if there are none."""
    named = [str(tenant) for tenant in tenants]
    if len(named) > MOST_LEFT_OUT:
        named[MOST_LEFT_OUT:] = [f"{len(named) - MOST_LEFT_OUT} more"]
    return f"{what}: {', '.join(named)}." if named else ""

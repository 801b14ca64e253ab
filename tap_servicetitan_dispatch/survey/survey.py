"""A survey: asks the questions, and judges each belief by the replies."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from tap_servicetitan_dispatch import __version__
from tap_servicetitan_dispatch.client.failures import ApiError
from tap_servicetitan_dispatch.errors import InputError
from tap_servicetitan_dispatch.streams.appointment_assignments import AppointmentAssignments
from tap_servicetitan_dispatch.streams.appointment_assignments_list import (
    AppointmentAssignmentsList,
)
from tap_servicetitan_dispatch.streams.arrival_windows import ArrivalWindows
from tap_servicetitan_dispatch.streams.lists import ListStream
from tap_servicetitan_dispatch.survey import TENANT_NUMBER, WRONG_KEY
from tap_servicetitan_dispatch.survey.asking import (
    MOST_SECONDS,
    MOST_SECONDS_OF_A_CALL,
    OVER,
    Asker,
    EnoughError,
)
from tap_servicetitan_dispatch.survey.facts import FACTS
from tap_servicetitan_dispatch.survey.fields import fields_of
from tap_servicetitan_dispatch.survey.memory import kept_of
from tap_servicetitan_dispatch.survey.seen import ASSIGNMENTS, WINDOWS, Asked, Seen
from tap_servicetitan_dispatch.survey.stages import STAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from singer_sdk import Tap

    from tap_servicetitan_dispatch.client.tenant_clients import TenantClients
    from tap_servicetitan_dispatch.settings.tenants import Tenant
    from tap_servicetitan_dispatch.streams.base import DispatchStream
    from tap_servicetitan_dispatch.survey.seen import Memory
    from tap_servicetitan_dispatch.survey.verdicts import Fact

CALLS_A_SECOND = 8
AT_ONCE = 4
VERSION = 1
_WITH_ASSIGNMENTS = {
    "appointment_assignments",
    AppointmentAssignmentsList.name,
    "technician_tracking",
}
_MOST_OTHERS = 2
MOST = ("appointment_assignments_list", "capacities", "technician_tracking")
"""Streams on request that a survey of everything needs."""
STOPPED = "it was stopped by a signal"
NO_TOKEN = "there was no token"  # noqa: S105 - no secret


@dataclass(frozen=True)
class Finding:
    """The result for one belief."""

    fact: Fact
    outcome: str
    seen: str
    why: str
    sandbox: Mapping[str, Any]
    calls: int

    def as_json(self) -> dict[str, Any]:
        """Return it as in the file."""
        return {
            "name": self.fact.name,
            "believed": self.fact.believed,
            "mark": self.fact.mark,
            "seen": self.seen,
            "outcome": self.outcome,
            "why": self.why,
            "copes": self.fact.copes,
            "consequence": self.fact.consequence,
            "sandbox": dict(self.sandbox),
            "calls": self.calls,
        }


@dataclass(frozen=True)
class Survey:
    """The result of a survey of a tenant.

    Attributes:
        findings: One for each fact.
        fields: Odd fields.
        calls: Number of requests.
        seconds: Its duration.
        ended: Why it ended before its last question; empty if it did not.
        number: The tenant's number, if that was asked for.
        kept: Memory for a later survey; nothing if this one ended early.
        failure: Why there was no token, for the log; empty if there was one.
    """

    findings: Sequence[Finding]
    fields: Sequence[Mapping[str, Any]] = ()
    calls: int = 0
    seconds: float = 0
    ended: str = ""
    number: int | None = None
    kept: Memory | None = field(default=None, repr=False)
    failure: str = field(default="", repr=False)

    @property
    def was_stopped(self) -> bool:
        """Whether a signal ended it."""
        return self.ended == STOPPED

    def as_json(self) -> dict[str, Any]:
        """Return it as in the file."""
        return {
            "survey": VERSION,
            "tap": __version__,
            **({"tenant": self.number} if self.number is not None else {}),
            "calls": self.calls,
            "seconds": round(self.seconds),
            "ended": self.ended,
            "facts": [finding.as_json() for finding in self.findings],
            "fields": list(self.fields),
        }


def survey_tenant(  # noqa: PLR0913 - each has a name, most a default
    streams: Iterable[DispatchStream],
    clients: TenantClients,
    tenant: Tenant,
    *,
    also: Iterable[str] = (),
    timezone: str = "UTC",
    clock: Callable[[], float] = time.monotonic,
    wall: Callable[[], float] = time.time,
    at_once: int = AT_ONCE,
    tell: Callable[[str, int], object] = lambda _name, _calls: None,
    stages: Iterable[str] | None = None,
    facts: Iterable[Fact] = FACTS,
    before: Memory | None = None,
) -> Survey:
    """Return the result of a survey of a tenant.

    Args:
        streams: The selected streams.
        clients: Make the calls.
        tenant: The tenant.
        also: Additional things to do, of `ALSO`.
        timezone: The setting of that name.
        clock: Monotonic clock, in seconds.
        wall: This machine's clock, in seconds since 1970.
        at_once: Number of independent calls at a time.
        tell: Called before each stage with its name, and the number of calls so far.
        stages: The names of the stages to ask; nothing for all of them.
        facts: The facts to judge.
        before: The memory of an earlier survey of the tenant.

    Raises:
        TapError: There is no token, so nothing could be asked.
    """
    seen = _prepared(list(streams), timezone)
    seen.cache["wrong_key"] = WRONG_KEY in also
    seen.cache["others"] = _others(clients, tenant)
    seen.before = before
    seen.wall = wall() - clock()
    client = clients.of(tenant)
    asker = Asker(client, clients.wire_of(tenant), clock=clock, at_once=at_once)
    seen.all = asker.replies
    began = clock()
    try:
        for stage in STAGES:
            if stages is None or stage.name in stages:
                tell(stage.name, asker.calls)
                stage.ask(asker, seen)
    except EnoughError as error:
        seen.ended = str(error)
    except KeyboardInterrupt:
        seen.ended = STOPPED
    seen.is_over = True
    findings = [_found(fact, seen) for fact in facts]
    return Survey(
        findings,
        fields_of(seen),
        asker.calls,
        clock() - began,
        seen.ended,
        client.tenant_id if TENANT_NUMBER in also else None,
        None if seen.ended else kept_of(seen, client.tenant_id),
    )


def _without_token(streams: list[DispatchStream], error: ApiError, tenant: Tenant) -> Survey:
    """Return the survey of a tenant of whom nothing could be asked."""
    seen = _prepared(streams, "UTC")
    seen.is_over, seen.ended = True, NO_TOKEN
    findings = [_found(fact, seen) for fact in FACTS]
    return Survey(findings, ended=NO_TOKEN, failure=f"{tenant}: {error}")


def _others(clients: TenantClients, tenant: Tenant) -> list[int]:
    """Return the numbers of a few tenants who have the same credentials."""
    pair = tenant.credentials
    alike = [
        each
        for each in clients.tenants
        if each != tenant
        and each.number is not None
        and (
            pair is None
            or (each.credentials is not None and each.credentials.client_id == pair.client_id)
        )
    ]
    return [cast("int", each.number) for each in alike[:_MOST_OTHERS]]


def _prepared(streams: list[DispatchStream], timezone: str) -> Seen:
    """Return what to ask about some streams."""
    names = {stream.name for stream in streams}
    seen = Seen(timezone=timezone)
    seen.schemas = {stream.name: stream.schema["properties"] for stream in streams}
    seen.cache["scopes"] = {stream.path: stream.scopes[0] for stream in streams}
    seen.cache["scopes"] |= {stream.name: stream.scopes[0] for stream in streams}
    seen.cache["scopes"]["tracking"] = "tn.dis.techniciantracking:r"
    seen.cache["scopes"]["capacity"] = "tn.dis.capacity:w"
    seen.cache["scopes"][ASSIGNMENTS] = AppointmentAssignmentsList.scopes[0]
    if names & _WITH_ASSIGNMENTS:
        seen.lists[ASSIGNMENTS] = Asked(
            AppointmentAssignmentsList.name,
            ASSIGNMENTS,
            AppointmentAssignmentsList.inactive_too,
            AppointmentAssignmentsList.schema["properties"],
        )
        for each in (AppointmentAssignments, AppointmentAssignmentsList):
            seen.schemas.setdefault(each.name, each.schema["properties"])
    for stream in streams:
        if isinstance(stream, ListStream) and stream.path not in seen.lists:
            seen.lists[stream.path] = Asked(
                stream.name, stream.path, stream.inactive_too, stream.schema["properties"]
            )
        if isinstance(stream, ArrivalWindows):
            seen.lists[WINDOWS] = Asked(
                stream.name,
                WINDOWS,
                {"active": "Any"},
                stream.schema["properties"],
                is_sorted=False,
            )
    for name, beginning in (("capacities", "capacity:"), ("technician_tracking", "tracking:")):
        if name not in names:
            seen.not_asked[beginning] = f"{name} is not selected; extra_streams offers it"
    if not names & _WITH_ASSIGNMENTS:
        seen.not_asked["feed:"] = "appointment_assignments is not selected"
        seen.not_asked[f"list:{ASSIGNMENTS}:"] = "appointment_assignments is not selected"
    return seen


def _found(fact: Fact, seen: Seen) -> Finding:
    verdict = fact.judge(seen)
    asked = (name for name in seen.replies if name.startswith(fact.questions))
    calls = sum(1 for _ in asked) if fact.questions else len(seen.all)
    return Finding(
        fact,
        verdict.outcome,
        verdict.seen,
        verdict.why,
        verdict.sandbox,
        calls,
    )


def survey(
    tap: Tap,
    *,
    also: Iterable[str] = (),
    only: Iterable[int] = (),
    calls_a_second: int | None = None,
    clock: Callable[[], float] = time.monotonic,
    wall: Callable[[], float] = time.time,
    tell: Callable[[str, int], object] = lambda _name, _calls: None,
    before: Mapping[int, Memory] | None = None,
) -> list[Survey]:
    """Survey the tenants of a tap's valid settings, one after the other.

    A tenant without a token costs the others nothing.

    Args:
        tap: The tap.
        also: Additional things to do, of `ALSO`.
        only: Numbers of the tenants of a group; empty for all.
        calls_a_second: Maximum, also limited by the settings; 8 unless given.
        clock: Monotonic clock, in seconds.
        wall: This machine's clock, in seconds since 1970.
        tell: Called before each stage with its name, and the number of calls so far.
        before: The memory of an earlier survey, by the tenant's number.

    Raises:
        TapError: There is no token for any of them, or one of `only` is not in the settings.
    """
    streams = [
        each for each in cast("list[DispatchStream]", list(tap.streams.values())) if each.path
    ]
    run = streams[0].run
    wanted = set(only)
    found: list[Survey] = []
    failure: ApiError | None = None
    ends_at = math.inf

    def require_time(seconds: float) -> None:
        if clock() + seconds > ends_at:
            raise EnoughError(OVER)

    made = run.new_clients(
        max_retries=1,
        at_most={
            "max_requests_per_second": calls_a_second or CALLS_A_SECOND,
            "request_timeout_seconds": MOST_SECONDS_OF_A_CALL,
        },
        may_wait=require_time,
    )
    with contextlib.closing(made) as clients, contextlib.suppress(KeyboardInterrupt):
        _require(wanted, clients.tenants)
        for tenant in clients.tenants:
            if wanted and tenant.number not in wanted:
                continue
            ends_at = clock() + MOST_SECONDS
            selected = [each for each in streams if each.selected]
            try:
                survey_of_tenant = survey_tenant(
                    selected,
                    clients,
                    tenant,
                    also=also,
                    timezone=tenant.timezone or "UTC",
                    clock=clock,
                    wall=wall,
                    tell=tell,
                    before=(before or {}).get(clients.of(tenant).tenant_id),
                )
            except ApiError as error:
                failure = failure or error
                survey_of_tenant = _without_token(selected, error, tenant)
            found.append(survey_of_tenant)
            if found[-1].was_stopped:
                break
    if failure and all(each.failure for each in found):
        raise failure
    return found


def _require(wanted: set[int], tenants: Sequence[Tenant]) -> None:
    """Raise an error if a tenant is not one of the settings."""
    if missing := sorted(wanted - {each.number for each in tenants if each.number is not None}):
        raise InputError(
            f"tenant {missing[0]}, given with --survey-tenant, is not in the settings",
            "give the number of one that is",
        )

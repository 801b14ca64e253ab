"""The ledger of a run: the result of each stream of each tenant, and how far a failure reaches.

The exit code, the end of the log, `sync_log` and the summary of a group are views of it.
"""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tap_servicetitan_dispatch.client.failures import ApiError, Kind, NoTokenError
from tap_servicetitan_dispatch.errors import TapError
from tap_servicetitan_dispatch.log.redaction import one_line
from tap_servicetitan_dispatch.tally import Tally
from tap_servicetitan_dispatch.walks import modified_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_servicetitan_dispatch.errors import Reach
    from tap_servicetitan_dispatch.settings.tenants import Tenant
    from tap_servicetitan_dispatch.walks import Page, Record

COMPLETE, SKIPPED, FAILED = "complete", "skipped", "failed"
MOST_BY_CHANCE = 2
"""How many other tenants (or all, if there are fewer) must fail before a failure concerns all."""
UNCONNECTED = {Kind.BAD_ADDRESS, Kind.BAD_BUNDLE, Kind.NO_TLS, Kind.UNTRUSTED, Kind.NO_CONNECTION}
"""Failures before a call is sent: one of them shows that no call can be sent."""
DOUBTFUL = "doubtful"
"""Read to its end, but the walk cannot guarantee that no row is missing."""


def _now() -> datetime:
    return datetime.now(UTC)


def reason_of(error: BaseException) -> str:
    """Return the error on one line, without secrets, with the stream and tenant it concerns."""
    if isinstance(error, TapError):
        return error.told_of()
    return one_line(f"{type(error).__name__}: {error}")


@dataclass
class Outcome:
    """The result of a stream of a tenant.

    The thread that reads the stream records what comes from the API; the main thread does the rest.

    Attributes:
        stream: The name of the stream.
        tenant: The tenant.
        tally: Its rows and costs.
        clock: The clock of this machine, in UTC; a run may end before the API's time is known.
        timer: Monotonic clock, in seconds.
        result: `complete`, `skipped` or `failed`; empty until it is known.
        error: The stream's own error, if there was one.
        refusal: Why it was skipped.
        reason: Why it is not complete, in words.
        started_at: When the first request was about to be sent; nothing if none was.
        ended_at: When its last row was written, or it was given up.
        reached: The latest `modifiedOn` that was written, as the API sent it.
        unknown_fields: The names of fields that are not in the schema.
        seconds: How long its pages took to arrive, waits included.
        pages: Number of pages that have arrived.
        doubt: Why rows may be missing although it was read to its end; otherwise empty.
    """

    stream: str
    tenant: Tenant
    tally: Tally
    clock: Callable[[], datetime] = _now
    timer: Callable[[], float] = time.monotonic
    result: str = ""
    error: TapError | None = None
    refusal: ApiError | None = None
    reason: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    reached: str | None = None
    unknown_fields: set[str] = field(default_factory=set)
    seconds: float = 0.0
    pages: int = 0
    _heard_at: float = 0.0
    """When its last page arrived, or it began."""
    _retries_then: int = 0
    doubt: str = ""

    def watched(self, walk: Iterable[Page]) -> Iterator[Page]:
        """Yield the pages of a walk; record when it began and ended, and the time of each page."""
        self.started_at = self.clock()
        self._heard_at = self.timer()
        pages, page = iter(walk), None
        while True:
            began = self.timer()
            try:
                page = next(pages, None)
            finally:
                now = self.timer()
                self.seconds += now - began
            if page is None:
                break
            self.pages += 1
            self._heard_at, self._retries_then = now, self.tally.retries
            yield page
        self.ended_at = self.clock()

    def is_failing(self) -> bool:
        """Return whether the last answer was a failure."""
        return self.result == FAILED or self.tally.retries > self._retries_then

    def was_answered_since(self, other: Outcome) -> bool:
        """Return whether a page arrived after the other's last page, or after the other began."""
        return self.pages > 0 and self._heard_at >= other._heard_at

    def note_written(self, records: Sequence[Record]) -> None:
        """Note that all records of a page have been written."""
        self.ended_at = self.clock()
        before = [{"modifiedOn": self.reached}] if self.reached else []
        latest = max((*before, *records), key=modified_on, default={})
        reached = latest.get("modifiedOn")
        self.reached = reached if isinstance(reached, str) else self.reached

    def add_doubt(self, why: str) -> None:
        """Note why rows may be missing."""
        self.doubt = f"{self.doubt} {why}".strip()

    def end(self, result: str, reason: str | None = None) -> None:
        """Note that it was skipped, or could not be read to its end."""
        self.result, self.reason = result, reason
        self.ended_at = self.clock()


class Outcomes:
    """The outcomes of a run; any thread may ask for one.

    Attributes:
        run_id: The ID of the run.
        log: The name of the stream that reports the others, if it is read.
        ended_early: Whether the run ended before its last stream.
    """

    def __init__(self) -> None:
        self.run_id = uuid.uuid4().hex
        self.log: str | None = None
        self.ended_early = False
        self._lock = threading.Lock()
        self._tallies: dict[str, Tally] = {}
        self._found: dict[tuple[str, Tenant], Outcome] = {}
        self._left: set[Tenant] = set()

    def tally_of(self, stream: str) -> Tally:
        """Return the rows and costs of a stream over all tenants."""
        return self._tallies.setdefault(stream, Tally())

    def of(self, stream: str, tenant: Tenant) -> Outcome:
        """Return the outcome of a stream of a tenant; make it if there is none yet."""
        with self._lock:
            if (stream, tenant) not in self._found:
                tally = Tally(whole=self.tally_of(stream))
                self._found[stream, tenant] = Outcome(stream, tenant, tally)
            return self._found[stream, tenant]

    def those(self, stream: str | None = None, tenant: Tenant | None = None) -> list[Outcome]:
        """Return the outcomes of one stream or all, and of one tenant or all."""
        with self._lock:
            found = list(self._found.values())
        return [
            each
            for each in found
            if stream in {None, each.stream} and tenant in {None, each.tenant}
        ]

    def read(self, tenant: Tenant | None = None) -> list[Outcome]:
        """Return the outcomes of the streams that come from the API."""
        return [each for each in self.those(tenant=tenant) if each.stream != self.log]

    def fail(self, outcome: Outcome, error: Exception, *, shares_credentials: bool) -> Reach:
        """Note the failure of a stream of a tenant; return how far it reaches.

        It reaches no further than this run has seen: it concerns the stream alone until more is
        proven.

        Args:
            outcome: The outcome so far.
            error: What went wrong.
            shares_credentials: Whether all tenants use the same client ID and secret.
        """
        reach = self._reach(outcome, error, shares_credentials=shares_credentials)
        outcome.end(FAILED, reason_of(error))
        if isinstance(error, TapError):
            outcome.error = error
        if reach == "tenant":
            self._left.add(outcome.tenant)
            self._end_open(outcome.reason, outcome.tenant)
        return reach

    def _reach(self, outcome: Outcome, error: Exception, *, shares_credentials: bool) -> Reach:
        if not isinstance(error, TapError):
            return "all"
        reach = error.reach if self._is_proven(outcome, error) else "stream"
        if isinstance(error, NoTokenError):  # without a token nothing can be asked
            reach = "all" if shares_credentials else "tenant"
        return "all" if reach == "tenant" and not outcome.tenant.is_of_group else reach

    def _is_proven(self, outcome: Outcome, error: TapError) -> bool:
        """Return whether this run has seen that a failure reaches as far as its kind may reach.

        It is proven if no call can be sent at all, or if others fail too. It is not proven if any
        of the others has been answered meanwhile.
        """
        if not isinstance(error, ApiError) or error.reach == "stream":
            return True
        of_tenant = outcome.tenant if error.reach == "tenant" else None
        others = [each for each in self.those(tenant=of_tenant) if each is not outcome]
        if any(each.was_answered_since(outcome) for each in others):
            return False
        if error.kind in UNCONNECTED:
            return True
        tenants = {each.tenant for each in others} - {outcome.tenant}
        failing = {each.tenant for each in others if each.is_failing()}
        if of_tenant or not tenants:
            return bool(failing)
        return len(failing & tenants) >= min(MOST_BY_CHANCE, len(tenants))

    def skip(self, outcome: Outcome, reason: str, error: ApiError) -> None:
        """Note that the API refused a stream, and that the run goes on without it."""
        outcome.end(SKIPPED, reason)
        outcome.refusal = error

    def fail_where_all_is_refused(self) -> None:
        """Make a tenant's skipped streams failures, if all of the tenant's streams were refused.

        A wrong app key may get the same answer as a missing scope. So a tenant without any readable
        stream is a failure, unless each answer names a scope, which shows that the API knows the
        key.
        """
        for tenant in {each.tenant for each in self.read()}:
            of_tenant = self.read(tenant)
            refusals = [each.refusal for each in of_tenant if each.result == SKIPPED]
            kinds = {error.kind for error in refusals if error}
            if len(refusals) == len(of_tenant) and kinds == {Kind.FORBIDDEN}:
                for each in of_tenant:
                    each.result, each.error = FAILED, each.refusal

    def complete(self, stream: str) -> None:
        """Note that all pages of a stream have been written, except those that failed."""
        for outcome in self.those(stream):
            outcome.result = outcome.result or COMPLETE

    def end_early(self, reason: str) -> None:
        """Note that no stream will be read any further."""
        self.ended_early = True
        self._end_open(reason)

    def _end_open(self, reason: str | None, tenant: Tenant | None = None) -> None:
        for each in self.those(tenant=tenant):
            if not each.result:
                each.end(FAILED, reason)

    def has_left(self, tenant: Tenant) -> bool:
        """Return whether a tenant was given up as a whole."""
        return tenant in self._left

    def reason(self, outcome: Outcome) -> str | None:
        """Return why a stream is not complete, as far as this run knows; nothing if it is."""
        error = outcome.error
        instead = error.failure.remedy_of_one if isinstance(error, ApiError) else ""
        if error and instead and any(each.pages for each in self.read(outcome.tenant)):
            error.remedy = instead  # no setting of a tenant is wrong, if others were answered
            outcome.reason = reason_of(error)
        return outcome.reason

    def verdict(self, outcome: Outcome) -> tuple[str, str | None]:
        """Return the result of a stream and the reason, as in `sync_log`."""
        if outcome.result == COMPLETE and outcome.doubt:
            return DOUBTFUL, outcome.doubt
        return outcome.result or FAILED, self.reason(outcome)

    def tenants(self, *results: str) -> list[Tenant]:
        """Return the tenants that have a stream with one of these results."""
        return list(dict.fromkeys(each.tenant for each in self.those() if each.result in results))

"""What became of each stream of each tenant in a run: what `sync_log` is made of."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tap_servicetitan_dispatch.errors import TapError
from tap_servicetitan_dispatch.log.redaction import one_line
from tap_servicetitan_dispatch.tally import Tally
from tap_servicetitan_dispatch.walks import modified_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_servicetitan_dispatch.settings.tenants import Tenant
    from tap_servicetitan_dispatch.walks import Page, Record

COMPLETE, SKIPPED, FAILED = "complete", "skipped", "failed"
DOUBTFUL = "doubtful"
"""Read to its end, but the walk does not vouch that all rows came."""


def _now() -> datetime:
    return datetime.now(UTC)


def reason_of(error: BaseException) -> str:
    """Return what went wrong, without secrets, on one line, and whatever it concerns."""
    if isinstance(error, TapError):
        return error.told_of()
    return one_line(f"{type(error).__name__}: {error}")


@dataclass
class Outcome:
    """What became of a stream of a tenant.

    The thread that reads it notes when it began and ended and what the API sent besides the schema;
    the main thread does the rest. Nobody looks at it before both are done with the stream.

    Attributes:
        tally: What it has brought and cost.
        clock: The clock of this machine, in UTC; a run may end before the API has told its time.
        outcome: `complete`, `skipped` or `failed`; empty as long as nobody knows.
        reason: Why, unless it is complete.
        started_at: When the first request was about to be sent; nothing if it came to none.
        ended_at: When its last row was written, or it was given up.
        reached: The latest `modifiedOn` that was written, as the API sent it.
        unknown_fields: The names of fields that the schema does not know.
        doubt: Why nobody vouches for what was read, if so.
    """

    tally: Tally
    clock: Callable[[], datetime] = _now
    outcome: str = ""
    reason: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    reached: str | None = None
    unknown_fields: set[str] = field(default_factory=set)
    doubt: str = ""

    def watched(self, walk: Iterable[Page]) -> Iterator[Page]:
        """Yield the pages of a walk, and note when it began and when it ended."""
        self.started_at = self.clock()
        yield from walk
        self.ended_at = self.clock()

    def reach(self, records: Sequence[Record]) -> None:
        """Note that all records of a page have been written."""
        self.ended_at = self.clock()
        before = [{"modifiedOn": self.reached}] if self.reached else []
        latest = max((*before, *records), key=modified_on, default={})
        reached = latest.get("modifiedOn")
        self.reached = reached if isinstance(reached, str) else self.reached

    def add_doubt(self, why: str) -> None:
        """Note why nobody vouches for what was read."""
        self.doubt = f"{self.doubt} {why}".strip()

    @property
    def told(self) -> tuple[str, str | None]:
        """What became of it, and the reason, as `sync_log` says it."""
        if self.outcome == COMPLETE and self.doubt:
            return DOUBTFUL, self.doubt
        return self.outcome or FAILED, self.reason

    def skip(self, reason: str) -> None:
        """Note that the API refused it, and that the run does without it."""
        self._end(SKIPPED, reason)

    def fail(self, reason: str) -> None:
        """Note that it could not be read, or not to its end."""
        self._end(FAILED, reason)

    def _end(self, outcome: str, reason: str) -> None:
        self.outcome, self.reason = outcome, reason
        self.ended_at = self.clock()


class Outcomes:
    """Keeps them for a run; may be asked for one from any thread.

    Attributes:
        run_id: What the run is called.
        are_wanted: Whether somebody will look at them.
        ended_early: Whether the run ended before its last stream.
    """

    def __init__(self) -> None:
        self.run_id = uuid.uuid4().hex
        self.are_wanted = False
        self.ended_early = False
        self._lock = threading.Lock()
        self._tallies: dict[str, Tally] = {}
        self._found: dict[tuple[str, Tenant], Outcome] = {}
        self._left: set[Tenant] = set()

    def tally_of(self, stream: str) -> Tally:
        """Return what a stream has brought and cost over all tenants."""
        return self._tallies.setdefault(stream, Tally())

    def of(self, stream: str, tenant: Tenant) -> Outcome:
        """Return what became of a stream of a tenant, or is about to."""
        with self._lock:
            if (stream, tenant) not in self._found:
                self._found[stream, tenant] = Outcome(Tally(whole=self.tally_of(stream)))
            return self._found[stream, tenant]

    def of_tenant(self, tenant: Tenant) -> dict[str, Outcome]:
        """Return what became of each stream of a tenant, by its name."""
        with self._lock:
            return {stream: each for (stream, of), each in self._found.items() if of == tenant}

    def has_left(self, tenant: Tenant) -> bool:
        """Return whether nothing more of a tenant could be read."""
        return tenant in self._left

    def complete(self, stream: str) -> None:
        """Note that all pages of a stream have been written, but for those that went wrong."""
        for outcome in self._open(lambda of, _: of == stream):
            outcome.outcome = COMPLETE

    def leave(self, tenant: Tenant, error: BaseException) -> None:
        """Note that nothing more of a tenant is read."""
        self._left.add(tenant)
        for outcome in self._open(lambda _, of: of == tenant):
            outcome.fail(reason_of(error))

    def end_early(self, reason: str) -> None:
        """Note that no stream is read any further."""
        self.ended_early = True
        for outcome in self._open(lambda *_: True):
            outcome.fail(reason)

    def _open(self, concerned: Callable[[str, Tenant], bool]) -> list[Outcome]:
        with self._lock:
            return [
                outcome
                for key, outcome in self._found.items()
                if not outcome.outcome and concerned(*key)
            ]

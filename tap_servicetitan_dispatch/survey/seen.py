"""The replies so far, by the name of each question, and figures made from them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_servicetitan_dispatch.survey.asking import Reply

Row = dict[str, Any]

SECOND = 10_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
SETTLED_SECONDS = 3_600
"""The office is no longer busy with a row that was changed longer ago than this."""
ASSIGNMENTS = "appointment-assignments"
WINDOWS = "arrival-windows"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?", re.ASCII
)


def ticks(value: Any) -> int | None:
    """Return a time as tenths of microseconds after 1970; nothing if it is not a time.

    A time without a zone is taken as UTC.
    """
    return _ticks(value) if isinstance(value, str) else None


@lru_cache(maxsize=2**17)  # each row is looked at by many facts
def _ticks(value: str) -> int | None:
    found = _TIME.fullmatch(value)
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    offset = "+00:00" if zone in {None, "Z"} else zone
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{offset}")
    except ValueError:
        return None
    return ticks_of(moment) + int((fraction or "0").ljust(7, "0")[:7])


def ticks_of(moment: datetime) -> int:
    """Return the same for a datetime."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 10


def written(instant: int) -> str:
    """Return an instant as the API takes it: six digits at most, and `Z`."""
    moment = _EPOCH + timedelta(microseconds=instant // 10)
    return moment.isoformat().replace("+00:00", "Z")


def rows_in(reply: Reply | None) -> list[Row]:
    """Return the rows of a page; none if it is not a page."""
    data = reply.body.get("data") if reply and isinstance(reply.body, dict) else None
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


def modified(row: Row) -> int | None:
    """Return when a row was changed."""
    return ticks(row.get("modifiedOn"))


def total_in(reply: Reply | None) -> int | None:
    """Return the number of rows that a page gives as the total."""
    total = reply.body.get("totalCount") if reply and isinstance(reply.body, dict) else None
    return total if type(total) is int else None


def more_in(reply: Reply | None) -> Any:
    """Return the `hasMore` of a page."""
    return reply.body.get("hasMore") if reply and isinstance(reply.body, dict) else None


def token_in(reply: Reply | None) -> Any:
    """Return the `continueFrom` of a page of the feed."""
    return reply.body.get("continueFrom") if reply and isinstance(reply.body, dict) else None


@dataclass(frozen=True)
class Asked:
    """A list to ask for, as its stream declares it.

    Attributes:
        stream: Name of the stream.
        path: Its path in the API.
        inactive_too: Parameters with which inactive rows come too.
        properties: The schema of its fields.
        is_sorted: Whether it takes `sort`.
    """

    stream: str
    path: str
    inactive_too: Mapping[str, str]
    properties: Mapping[str, Any]
    is_sorted: bool = True


class Memory(msgspec.Struct, frozen=True):
    """What a survey of a tenant keeps for a later one.

    Attributes:
        tenant: The tenant's number.
        at: When it was, in tenths of microseconds after 1970, by the API's clock.
        token: The token that ended the feed, if there was one.
        rows: Whether each row that was seen was active, by the path of the list and the id.
    """

    tenant: int
    at: int
    token: str | None
    rows: dict[str, dict[str, bool]]


@dataclass
class Seen:
    """What has been seen of a tenant.

    Attributes:
        lists: The lists that are asked, by path.
        schemas: Properties of the streams that are asked, by name.
        replies: The replies, by the name of the question.
        all: The result of every request, in order.
        page_size: How many rows to ask for: the most that the API gives.
        timezone: The setting of that name.
        looks: The names of the looks at the newest assignments.
        is_over: Whether everything has been asked.
        cache: Results that questions and facts share.
        ended: Why the survey ended before its last question; empty if it did not.
        sent: The parameters of each question.
        not_asked: Why something was not asked, by the beginning of the question's name.
        before: The memory of an earlier survey, if there was one.
        wall: This machine's clock, in seconds since 1970, when the survey's clock is at 0.
    """

    lists: dict[str, Asked] = field(default_factory=dict)
    schemas: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    replies: dict[str, Reply] = field(default_factory=dict)
    all: Sequence[Reply] = ()
    page_size: int = 5_000
    timezone: str = "UTC"
    ended: str = ""
    not_asked: dict[str, str] = field(default_factory=dict)
    sent: dict[str, Mapping[str, str]] = field(default_factory=dict)
    looks: list[str] = field(default_factory=list)
    is_over: bool = False
    cache: dict[str, Any] = field(default_factory=dict)
    before: Memory | None = None
    wall: float = 0

    def reply(self, name: str) -> Reply | None:
        """Return the reply to a question, if it can be read."""
        found = self.replies.get(name)
        return found if found and found.is_good else None

    def rows(self, name: str) -> list[Row]:
        """Return the rows of a page."""
        return rows_in(self.reply(name))

    def named(self, beginning: str) -> dict[str, Reply]:
        """Return the replies to questions whose names begin like this, by the rest of the name."""
        return {
            name.removeprefix(beginning): reply
            for name, reply in self.replies.items()
            if name.startswith(beginning)
        }

    def why_not(self, *names: str) -> str:
        """Return why there is no result of a question."""
        for name in names:
            for beginning, why in self.not_asked.items():
                if name.startswith(beginning):
                    return why
            reply = self.replies.get(name)
            if reply and reply.failure == "missing_scope":
                return "a scope is missing: see --check"
            if reply and not reply.is_good:
                return f"the call failed ({status_word(reply)})"
        return f"it was not asked: {self.ended}" if self.ended else "there was nothing to ask about"

    @property
    def now(self) -> int:
        """The latest time of the API's clock; questions are about the time before it."""
        return max(self._dates, default=0)

    @property
    def began(self) -> int:
        """The first time that the API's clock has shown."""
        return self._dates[0] if self._dates else 0

    @property
    def _dates(self) -> list[int]:
        dates: list[int] = self.cache.setdefault("dates", [])
        known = self.cache.get("dates_of", 0)
        for reply in self.all[known:]:
            if reply.date and not reply.of_token:
                dates.append(ticks_of(reply.date))  # noqa: PERF401 - what is known stays
        self.cache["dates_of"] = max(known, len(self.all))
        return dates

    def settled(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows that had not been changed for an hour when the survey began."""
        before = self.began - SETTLED_SECONDS * SECOND
        return [row for row in rows if (instant := modified(row)) is not None and instant < before]

    def pages(self, path: str) -> Iterator[list[Row]]:
        """Yield the pages of a list that were read by id, oldest first and newest first."""
        for side in ("id", "oldest", "newest"):
            yield self.rows(f"list:{path}:{side}")

    def all_rows(self, path: str) -> list[Row]:
        """Return the rows of a list that were seen, each once."""
        if path not in self.cache:
            found = {str(row.get("id")): row for page in self.pages(path) for row in page}
            if not self.is_over:
                return list(found.values())
            self.cache[path] = list(found.values())
        rows: list[Row] = self.cache[path]
        return rows

    def every_row(self) -> Iterator[tuple[str, Row]]:
        """Yield the rows of lists, the feed and capacity, by the name of the stream."""
        for path, asked in self.lists.items():
            yield from ((asked.stream, row) for row in self.all_rows(path))
        yield from (("appointment_assignments", row) for row in self.feed_rows)
        yield from (("capacities", slot) for slot in self.slots("fortnight"))

    @property
    def feed_pages(self) -> list[Reply]:
        """The pages of the feed that were read one after the other, whether to its end or not."""
        if self.is_over:
            if "feed_pages" not in self.cache:
                self.cache["feed_pages"] = self._feed_pages()
            pages: list[Reply] = self.cache["feed_pages"]
            return pages
        return self._feed_pages()

    def _feed_pages(self) -> list[Reply]:
        return [reply for reply in self.named("feed:walk:").values() if reply.is_good]

    @property
    def feed_rows(self) -> list[Row]:
        """The rows of these pages."""
        return [row for page in self.feed_pages for row in rows_in(page)]

    @property
    def feed_walked_on(self) -> bool:
        """Whether the API took a token that it gave."""
        return bool(self.reply("feed:walk:1")) and "feed_sent" in self.cache

    @property
    def feed_reached_end(self) -> bool:
        """Whether these pages reach the end."""
        pages = self.feed_pages
        return bool(pages) and more_in(pages[-1]) is False

    def slots(self, name: str) -> list[Row]:
        """Return the slots of a forecast."""
        reply = self.reply(f"capacity:{name}")
        slots = reply.body.get("availabilities") if reply and isinstance(reply.body, dict) else None
        return [slot for slot in slots if isinstance(slot, dict)] if isinstance(slots, list) else []

    def total(self, path: str) -> int | None:
        """Return how many rows a list has, as counted or seen, inactive ones included."""
        reply = self.reply(f"list:{path}:id")
        if reply is None:
            return None
        counted = total_in(reply)
        return counted if counted is not None else len(rows_in(reply))

    def is_one_page(self, path: str) -> bool:
        """Whether all rows of a list came on one page."""
        reply = self.reply(f"list:{path}:id")
        return reply is not None and (
            more_in(reply) is False or len(rows_in(reply)) < self.page_size
        )


def gone_and_withdrawn(seen: Seen, before: Memory) -> tuple[int, int]:
    """Return how many rows have gone from the lists since, and how many became inactive.

    If a list hides inactive rows, it is unknown whether a missing row is gone.
    """
    gone = withdrawn = 0
    for path, rows in before.rows.items():
        now: dict[str, Row] = {str(row.get("id")): row for row in seen.all_rows(path)}
        inactive = {id_ for id_, row in now.items() if row.get("active") is False}
        withdrawn += sum(was_active and id_ in inactive for id_, was_active in rows.items())
        if inactive or _has_no_inactive(seen, path):
            gone += sum(id_ not in now and _would_be_seen(seen, path, id_) for id_ in rows)
    return gone, withdrawn


def _has_no_inactive(seen: Seen, path: str) -> bool:
    """Return whether a list counts no inactive row, although it takes the parameter for them."""
    taken = seen.reply(f"count:{path}:Any")
    return taken is not None and total_in(seen.reply(f"count:{path}:False")) == 0


def _would_be_seen(seen: Seen, path: str, id_: str) -> bool:
    """Return whether a row would have been seen, if the list had it."""
    if not seen.reply(f"list:{path}:id"):
        return False
    if seen.is_one_page(path):
        return True
    largest = max(map(id_of, seen.rows(f"list:{path}:id")), default=-1)
    return id_.isdecimal() and int(id_) <= largest


def telling_pairs(rows: Sequence[Row], grain: int) -> int:
    """Count the neighbours that show whether rows are in order of time within a grain.

    Both were changed within one grain, one after the other, and their ids are in the opposite
    order.
    """
    found = 0
    for before, after in pairwise(rows):
        one, other = modified(before), modified(after)
        if one is not None and other is not None and one < other and one // grain == other // grain:
            found += id_of(before) > id_of(after)
    return found


def id_of(row: Row) -> int:
    """Return the id as a number; -1 if it is not one."""
    value = row.get("id")
    return value if type(value) is int else -1


def status_word(reply: Reply) -> str:
    """Return the answer in a word."""
    return f"status {reply.status}" if reply.status else "no answer"

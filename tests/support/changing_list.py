"""A list that changes between any two requests: rows with ticks of 100 ns, and a clock."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.client.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SECOND = 10_000_000
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
HAPPENINGS = ("insert", "edit", "edit", "deactivate", "bulk", "delete")


def text_of(tick: int) -> str:
    """Return a tick as the API writes it: up to seven fraction digits, zeros trimmed."""
    whole = (EPOCH + timedelta(seconds=tick // SECOND)).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{tick % SECOND:07}".rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


def tick_of(text: str) -> int:
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = (datetime.fromisoformat(whole).replace(tzinfo=UTC) - EPOCH).total_seconds()
    return round(seconds) * SECOND + int((fraction or "0").ljust(7, "0"))


@dataclass(frozen=True)
class World:
    """What a server is like."""

    seed: int
    sorts: str = "exactly"
    """`exactly`, `to the second` or `not`."""
    page_cap: int = 4
    rows: int = 30
    bulk: bool = False
    """Whether more rows than a page may share a tick."""
    hard_deletes: bool = False
    busy: float = 0.5
    """How likely something happens between two requests, and again."""
    clock_off_by: int = 0
    """Seconds between the server's clock and anybody else's."""
    skew: int = 0
    """Seconds by which the clock of a second server is ahead; each answer is of one of them."""
    late: int = 0
    """Seconds until a change becomes visible, at most: of its transaction, or on a replica."""
    future: bool = False
    """Whether some rows are dated in the future."""
    nulls: bool = False
    """Whether new rows may have no `modifiedOn`."""
    moved_back: int = 0
    """Seconds by which `modifiedOn` may be moved back in an edit, at most."""
    silent: bool = False
    """Whether an edit may leave `modifiedOn` as it was."""
    ties: bool = False
    """Whether fewer rows than a page holds share a tick in bulk edits, wherever the page ends."""
    filters: str = "first"
    """`first`, or after the pages were cut: `late`, or `late for some rows` only.

    Then a page may be short, or empty, although there are more.
    """
    total: Any = "counted"
    """What `totalCount` says where it is asked for; `counted` is the truth."""


@dataclass
class Server:
    world: World
    ticks: dict[int, int | None] = field(default_factory=dict)
    created: dict[int, int] = field(default_factory=dict)
    active: dict[int, bool] = field(default_factory=dict)
    edition: dict[int, int] = field(default_factory=dict)
    unseen: list[tuple[int, int | None, int]] = field(default_factory=list)
    """Changes that are not visible yet: when they will be, their `modifiedOn`, the row."""
    requests: list[Mapping[str, str]] = field(default_factory=list)
    quiet: bool = False
    hidden: set[int] = field(default_factory=set)
    """Rows that exist, but are not shown: of a replica that lags, or of a right that is gone."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.world.seed)  # noqa: S311 - a model, no secret
        self.now = (7200 + self.world.clock_off_by) * SECOND
        while len(self.ticks) < self.world.rows:
            # Were rows deleted as often as they are added, this would go on for very long.
            self.mutate(but_for="delete")

    def mutate(self, but_for: str = "") -> None:
        """Let something happen in the office."""
        calm = self.world.hard_deletes  # then no more rows than a page within an overlap
        self.now += self.chance.choice([SECOND, 2 * SECOND, 5 * SECOND + 7])
        if not calm:
            self.now -= self.chance.choice([0, SECOND - 1, SECOND - 10 * self.chance.randrange(9)])
        what = self.chance.choice([each for each in HAPPENINGS if each != but_for])
        self.show(self.now)
        ids = sorted(self.ticks)
        if self.is_odd_world and (what in {"insert", "edit"} or not ids):
            self.happen_oddly(what, ids)
        elif what == "insert" or not ids:
            new = max(ids, default=0) + self.chance.randint(1, 3)
            self.ticks[new], self.active[new] = self.now, True
            self.created[new] = self.now
        elif what == "bulk" and (self.world.bulk or self.world.ties):
            cap = self.world.page_cap
            many = self.chance.randint(1, cap) if self.world.ties else 2 * cap
            for each in self.chance.sample(ids, min(len(ids), many)):
                self.ticks[each] = self.now
        elif what == "delete" and self.world.hard_deletes:
            gone = self.chance.choice(ids)
            del self.ticks[gone], self.active[gone]
        else:
            each = self.chance.choice(ids)
            self.ticks[each] = self.now
            self.active[each] = what != "deactivate"

    @property
    def is_odd_world(self) -> bool:
        world = self.world
        odd = (world.skew, world.late, world.future, world.nulls, world.moved_back, world.silent)
        return any(odd)

    def happen_oddly(self, what: str, ids: list[int]) -> None:
        """Let a row be added or edited, with a time and a delay that only odd worlds have."""
        world, chance = self.world, self.chance
        made = {each for _, _, each in self.unseen}
        each = chance.choice(ids) if what == "edit" and ids else max({0, *ids, *made}) + 1
        tick: int | None = self.now + chance.choice([0, world.skew]) * SECOND
        if world.future and chance.random() < 0.2:
            tick = self.now + chance.choice([60, 86_400, 86_400 * 365 * 5]) * SECOND
        if world.moved_back and what == "edit":
            tick = self.now - chance.randrange(world.moved_back) * SECOND
        if world.silent and what == "edit" and chance.random() < 0.3:
            tick = self.ticks.get(each, tick)
        if world.nulls and what == "insert" and chance.random() < 0.3:
            tick = None
        self.unseen.append((self.now + chance.randint(0, world.late) * SECOND, tick, each))
        self.show(self.now)

    def show(self, now: int) -> None:
        """Let those changes be seen that are due."""
        due = [change for change in self.unseen if change[0] <= now]
        self.unseen = [change for change in self.unseen if change[0] > now]
        for _, tick, each in due:
            self.ticks[each], self.active[each] = tick, True
            self.edition[each] = self.edition.get(each, 0) + 1

    def fetch(self, params: Mapping[str, str]) -> Answer:
        """Answer a request for a list, as the API does."""
        self.requests.append(params)
        while not self.quiet and self.chance.random() < self.world.busy:
            self.mutate()
        shown = {*self._found(params)} - self.hidden
        is_late = self.world.filters == "late"
        ids = self._sorted([*(self.ticks if is_late else shown), *self._left_out], params["sort"])
        size = min(int(params["pageSize"]), self.world.page_cap)
        start = (int(params["page"]) - 1) * size
        total = len(shown) if self.world.total == "counted" else self.world.total
        body = {
            "page": int(params["page"]),
            "pageSize": size,
            "hasMore": start + size < len(ids),
            "totalCount": total if params.get("includeTotal") == "true" else None,
            "data": [self.row(each) for each in ids[start : start + size] if each in shown],
        }
        clock = self.now // SECOND + self.chance.choice([0, self.world.skew])
        return Answer(body, EPOCH + timedelta(seconds=clock))

    def _found(self, params: Mapping[str, str]) -> Iterable[int]:
        if not {"modifiedOnOrAfter", "modifiedBefore"} & params.keys():
            return self.ticks
        low = tick_of(params.get("modifiedOnOrAfter", text_of(0)))
        high = tick_of(params.get("modifiedBefore", "2099-01-01T00:00:00Z"))
        dated = {each: tick for each, tick in self.ticks.items() if tick is not None}
        return [each for each, tick in dated.items() if low <= tick < high]

    @property
    def _left_out(self) -> Iterable[int]:
        """Rows that nobody gets to see; each stands beside the one with its number."""
        if self.world.filters != "late for some rows":
            return ()
        return [-each for each in self.ticks if each % 3 == 0]

    def _sorted(self, ids: list[int], sort: str) -> list[int]:
        if self.world.sorts == "not":
            return sorted(ids, key=lambda each: (abs(each), each))
        unit = SECOND if self.world.sorts == "to the second" else 1
        scrambled = {each: each * 7919 % 101 for each in ids}
        by: Callable[[int], Any] = {
            "Id": lambda each: (abs(each), each),
            "ModifiedOn": lambda each: ((self.ticks[abs(each)] or 0) // unit, scrambled[each]),
        }[sort[1:]]
        return sorted(ids, key=by, reverse=sort[0] == "-")

    def row(self, each: int) -> dict[str, Any]:
        return {
            "id": each,
            "createdOn": text_of(self.created.get(each, 0)),
            "modifiedOn": None if (tick := self.ticks[each]) is None else text_of(tick),
            "active": self.active[each],
            **({"edition": self.edition.get(each, 0)} if self.is_odd_world else {}),
        }

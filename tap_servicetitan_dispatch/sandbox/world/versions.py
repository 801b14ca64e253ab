"""A table whose rows are known at every instant, past and planned."""

from abc import abstractmethod
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import structs

from tap_servicetitan_dispatch.sandbox.world.instants import FOREVER


class Row(msgspec.Struct, gc=False, kw_only=True):
    """One version of one row. It holds from `modified_on` until the next version, or forever."""

    id: Any
    active: bool
    created_on: int
    modified_on: int
    until: int = FOREVER

    @abstractmethod
    def wire(self) -> dict[str, Any]:
        """Return the row as the API writes it."""


RowT = TypeVar("RowT", bound=Row)


def changed(row: RowT, instant: int, **changes: object) -> RowT:
    """Return the next version of a row."""
    return structs.replace(row, modified_on=instant, until=FOREVER, **changes)


def chained(versions: Sequence[RowT]) -> Sequence[RowT]:
    """Return versions of one row, each made to end where the next begins."""
    for before, after in pairwise(versions):
        before.until = after.modified_on
    return versions


Position = tuple[int, Any]


position: Callable[[Row], Position] = attrgetter("modified_on", "id")
"""Where a version stands in the order of modification."""

_instant: Callable[[Row], int] = attrgetter("modified_on")


class Table(Generic[RowT]):
    """Versions of rows in the order of modification, read as of an instant.

    The generator adds versions ahead of time; `advance` makes them current when their instant
    comes. After a write to a row, the versions that the generator had planned for it are dropped.
    """

    def __init__(self) -> None:
        self.current: dict[Any, RowT] = {}
        self._versions: list[RowT] = []
        self._passed = 0
        self._taken_over: set[Any] = set()

    def extend(self, versions: Iterable[RowT]) -> None:
        """Add planned versions, later than the last `advance`, each with its `until` set."""
        self._versions.extend(row for row in versions if row.id not in self._taken_over)
        self._versions.sort(key=position)

    def advance(self, now: int) -> None:
        """Make those versions current whose instant has come."""
        versions, current = self._versions, self.current
        passed = self._passed
        while passed < len(versions) and versions[passed].modified_on <= now:
            row = versions[passed]
            before = current.get(row.id)
            if before is not None:  # which may have been planned to last longer
                before.until = row.modified_on
            current[row.id] = row
            passed += 1
        self._passed = passed

    @property
    def last_instant(self) -> int:
        """The instant of the latest version that is current or was; 0 in an empty table."""
        return self._versions[self._passed - 1].modified_on if self._passed else 0

    def prune(self, settled: int) -> None:
        """Forget versions that ended by `settled`."""
        kept = [row for row in self._versions[: self._passed] if row.until > settled]
        self._versions[: self._passed] = kept
        self._passed = len(kept)

    def after(self, start: Position, as_of: int) -> Iterator[RowT]:
        """Yield the rows as of an instant after a position, in the order of modification."""
        versions = self._versions
        index = bisect_right(versions, start, key=position)
        while index < len(versions) and versions[index].modified_on <= as_of:
            if versions[index].until > as_of:
                yield versions[index]
            index += 1

    def told(self, low: int) -> Sequence[RowT]:
        """Return all versions since `low`, except forgotten ones, in the order of modification."""
        first = bisect_left(self._versions, low, hi=self._passed, key=_instant)
        return self._versions[first : self._passed]

    def changed(self, low: int, high: int, *, backwards: bool = False) -> Iterator[RowT]:
        """Yield the current rows changed from `low` up to `high`, in order or backwards."""
        versions = self._versions
        first = bisect_left(versions, low, hi=self._passed, key=_instant)
        end = bisect_left(versions, high, hi=self._passed, key=_instant)
        indices = range(end - 1, first - 1, -1) if backwards else range(first, end)
        for index in indices:
            row = versions[index]
            if self.current.get(row.id) is row:
                yield row

    def put(self, row: RowT) -> None:
        """Write a row: `modified_on` must be now, and later than what others changed."""
        self._end(row.id, row.modified_on)
        insort(self._versions, row, hi=self._passed, key=position)
        self._passed += 1
        self.current[row.id] = row

    def remove(self, id_: Any, instant: int) -> None:
        """Delete a row for good."""
        self._end(id_, instant)
        del self.current[id_]

    def _end(self, id_: Any, instant: int) -> None:
        self._taken_over.add(id_)
        before = self.current.get(id_)
        if before is not None:
            before.until = instant
        self.cancel_plans(lambda row: row.id == id_)

    def cancel_plans(self, matches: Callable[[RowT], bool]) -> None:
        """Cancel all that is planned for rows with a planned version that matches."""
        plans = self._versions[self._passed :]
        self._taken_over.update(row.id for row in plans if matches(row))
        self._versions[self._passed :] = [row for row in plans if row.id not in self._taken_over]

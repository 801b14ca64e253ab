"""Days of the sandbox's boards, made once for all sandboxes of a process.

A day follows from the company and its number, and making those of three months takes most of the
time in which a sandbox begins. `sandbox/test_board.py` shows that they follow from these alone; its
tenants make their days anew.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tap_servicetitan_dispatch.sandbox.world.board import Board, DayBoard

if TYPE_CHECKING:
    from collections.abc import Iterator

make_day = Board.day

_MOST_DAYS = 3_000
_made: dict[tuple[object, ...], DayBoard] = {}


def _remembered_day(board: Board, day: int) -> DayBoard:
    company = board._roster.company  # noqa: SLF001 - this stands in for a method of the board
    names = tuple(technician.name for technician in company.technicians)
    key = (company.staff_seed, company.fill, names, day)
    found = _made.get(key)
    if found is None:
        if len(_made) >= _MOST_DAYS:
            _made.clear()
        found = _made[key] = make_day(board, day)
    return found


@contextmanager
def remembered() -> Iterator[None]:
    """Have no day of a board made twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Board, "day", _remembered_day)
        yield


@contextmanager
def made_anew() -> Iterator[None]:
    """Have each board make its days itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Board, "day", make_day)
        yield

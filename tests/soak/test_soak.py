from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_servicetitan_dispatch.sandbox import KINDS
from tests.soak.soaking import Soak
from tests.support.loading import Target
from tests.support.streams import ALL_STREAMS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.soak.soaking import Figures

pytestmark = pytest.mark.no_cover

RUNS, AT_MOST = 6, 20
KILLS = {"SIGKILL", "SIGTERM"}
BY_CHANCE = "technician_tracking"
"""The one stream that may be empty in the end, if the editor calls back all who are on the way."""


def test_taps_that_are_killed_on_a_bad_network_while_the_board_is_edited_lose_nothing(
    tmp_path: Path,
) -> None:
    def goes_on(so_far: Figures) -> bool:
        # A run may be over before it is killed.
        return so_far.runs < RUNS or (set(so_far.kills) != KILLS and so_far.runs < AT_MOST)

    figures = Soak(tmp_path, seed=4, assignments=300).soak(goes_on)
    said = "\n".join(figures.lines)
    assert not figures.lost, said
    assert not figures.surplus, said
    assert not figures.complaints, said
    assert set(figures.rows_compared) == set(ALL_STREAMS), said
    assert set(ALL_STREAMS) - set(+figures.rows_compared) <= {BY_CHANCE}, said
    assert set(figures.kills) == KILLS, said
    assert len(figures.faults) > len(KINDS) / 2, said
    assert figures.writes > 0, said
    assert figures.undated > 0, said  # whether one of them changed unseen is chance


def test_rows_that_no_state_came_after_are_lost_with_the_tap_that_was_killed() -> None:
    row = '{"type":"RECORD","stream":"teams","record":{"id":%d}}\n'
    target = Target()
    target.begin()
    for line in (row % 1, '{"type":"STATE","value":{"at":1}}\n', row % 2, '{"type":"STA'):
        target.take(line)
    target.begin()
    target.take(row % 3)
    target.keep()
    assert target.rows["teams"] == {(1,): {"id": 1}, (3,): {"id": 3}}
    assert target.of_this_run["teams"] == {(3,): {"id": 3}}
    assert target.state == {"at": 1}

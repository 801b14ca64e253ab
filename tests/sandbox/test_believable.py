"""A dispatcher would believe the board: it does not contradict itself, and odd things happen.

`python -m tools.board` shows the figures of more contractors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tools.board import __main__ as command
from tools.board.figures import FIGURES, Figure
from tools.board.seen import watch

if TYPE_CHECKING:
    from tools.board.seen import Seen

pytestmark = pytest.mark.no_cover


@pytest.fixture(scope="module", params=[1, 2, 3])
def seen(request: pytest.FixtureRequest) -> Seen:
    """What is to be seen of a contractor's days."""
    return watch(request.param)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.what)
def test_a_dispatcher_would_believe_that(figure: Figure, seen: Seen) -> None:
    assert figure.least <= figure.of(seen) <= figure.most


@pytest.mark.parametrize(("most", "code", "mark"), [(30, 0, "yes"), (29, 1, "NO")])
def test_the_command_prints_the_figures_and_tells_whether_they_are_as_they_should_be(
    monkeypatch: pytest.MonkeyPatch, most: float, code: int, mark: str
) -> None:
    days = Figure("Days", 0, most, lambda seen: len(seen.days))
    monkeypatch.setattr(command, "FIGURES", (days,))
    ran = CliRunner().invoke(command.main, ["--seeds", "2"])
    assert ran.exit_code == code
    assert ran.output.splitlines()[-1] == f"| Days | 30.0 | 30.0 to 30.0 | 0 to {most} | {mark} |"

"""Random numbers that are the same in every process and every Python version."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from tap_servicetitan_dispatch.sandbox.world.instants import SECOND

T = TypeVar("T")

# One event in ten or so was written by something that knows only seconds or milliseconds.
_RESOLUTIONS = (SECOND, 10_000, *([1] * 18))


class Chance:
    """Draws that are a function of a seed and a subject.

    Only `Random.random` is guaranteed to give the same numbers in every Python version, so all
    draws use it.
    """

    def __init__(self, *subject: object) -> None:
        self.draw = Random(":".join(map(str, subject))).random  # noqa: S311 - nothing secret

    def happens(self, probability: float) -> bool:
        """Return true with a probability."""
        return self.draw() < probability

    def below(self, end: int) -> int:
        """Return a whole number from 0 up to, but not including, `end`."""
        return int(self.draw() * end)

    def one_of(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[int(self.draw() * len(options))]

    def instant(self, low: int, high: int) -> int:
        """Return an instant from `low` up to `high`, sometimes a round one."""
        instant = low + int(self.draw() * (high - low))
        rounded = instant - instant % _RESOLUTIONS[int(self.draw() * len(_RESOLUTIONS))]
        return rounded if rounded > low else low  # noqa: FURB136 - half of a start is spent here

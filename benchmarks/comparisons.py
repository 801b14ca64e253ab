"""What the loads say beside each other."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from benchmarks.loads import BY_DEFAULT, FILE, IDLE, IDLE_IN_SANDBOX, NOTHING, POSTGRES, TAPS
from benchmarks.project import OURS, PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def spread(values: list[float]) -> dict[str, Any]:
    """Return values with their median, and the least and the most of them."""
    return {
        "median": statistics.median(values),
        "least": min(values),
        "most": max(values),
        "values": values,
    }


def comparisons(loads: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the figures that follow from the loads, in the form of the others.

    Args:
        loads: As `loads.measured` returns them.
    """
    by = {(each["by"], each["into"]): each for each in loads}
    ours, plain = TAPS[OURS], TAPS[PLAIN]
    rows = f"{by[ours, FILE]['rows']:,}"

    def ratios(one: tuple[str, str], other: tuple[str, str]) -> list[float]:
        """Return each of the first over the median of the second."""
        usual = statistics.median(by[other]["seconds"])
        return [seconds / usual for seconds in by[one]["seconds"]]

    for into in (NOTHING, FILE):
        values = [1 / ratio for ratio in ratios((ours, into), (plain, into))]
        yield _figure(
            f"Rows a second into {into}, compared with a plain SDK tap",
            values,
            "at least 3",
            1,
            "times",
        )
    yield _figure(
        f"Time of `meltano el`, {rows} rows into PostgreSQL, compared with the target's defaults",
        ratios((ours, POSTGRES), (ours, BY_DEFAULT)),
        "at most 0.33",
        2,
        "times",
    )
    for into, where in ((IDLE, ""), (IDLE_IN_SANDBOX, " in the sandbox")):
        values = [sum(cpu.values()) for cpu in by[ours, into]["cpu"]]
        yield _figure(
            f"`meltano el` with nothing new{where}: CPU of all processes", values, "", 2, "s"
        )


def _figure(
    what: str, values: list[float], goal: str, digits: int, unit: str = ""
) -> dict[str, Any]:
    return {
        "what": what,
        **spread(values),
        "unit": unit,
        "digits": digits,
        "goal": goal,
        "limit": None,
    }

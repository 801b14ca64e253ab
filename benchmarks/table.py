"""The figures as tables."""

from __future__ import annotations

from statistics import median
from typing import Any

PARTS = ("discovery", "tap", "target", "Meltano")


def lines(results: dict[str, Any]) -> list[str]:
    """Return the results as the lines of a Markdown table."""
    return [
        "| What is measured | Median | Spread | Goal |",
        "|---|---|---|---|",
        *(
            f"| {each['what']} | {_shown(each, each['median'])} | "
            f"{each['least']:.{each['digits']}f} to {_shown(each, each['most'])} | {each['goal']} |"
            for each in results["figures"]
        ),
    ]


def _shown(figure: dict[str, Any], value: float) -> str:
    return f"{value:.{figure['digits']}f} {figure['unit']}".strip()


def load_lines(results: dict[str, Any]) -> list[str]:
    """Return the loads as the lines of a Markdown table, with the share of each process."""
    return [
        f"| By | Rows | Into | Runs | Seconds | Rows/s | CPU: {' | CPU: '.join(PARTS)} |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *map(_load_line, results["loads"]),
    ]


def _load_line(load: dict[str, Any]) -> str:
    times = load["seconds"]
    seconds = median(times)
    between = f" ({min(times):.1f} to {max(times):.1f})" if len(times) > 1 else ""
    columns = [
        load["by"],
        f"{load['rows']:,}",
        load["into"],
        f"{len(times)}",
        f"{seconds:.1f}{between}",
        f"{load['rows'] / seconds:,.0f}" if load["rows"] else "",
        *(
            f"{median(cpu[part] for cpu in load['cpu']):.1f} s" if part in load["cpu"][0] else ""
            for part in PARTS
        ),
    ]
    return f"| {' | '.join(columns)} |"

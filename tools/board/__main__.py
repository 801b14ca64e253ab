"""Prints what a dispatcher would look at, of many contractors, beside what it should be.

`python -m tools.board` watches the contractors of seeds 1 to 20 for 30 days each. It ends with exit
code 1 if something of any of them is not as it should be.
"""

from __future__ import annotations

import sys
from statistics import median
from typing import TYPE_CHECKING

import click

from tools.board.figures import FIGURES
from tools.board.seen import watch

if TYPE_CHECKING:
    from tools.board.figures import Figure


def row(figure: Figure, found: list[float]) -> str:
    """Return what was found of a figure as a row of a table."""
    wanted = (
        f"{figure.least:g}"
        if figure.least == figure.most
        else f"{figure.least:g} to {figure.most:g}"
    )
    mark = "yes" if all(map(figure.fits, found)) else "NO"
    spread = f"{min(found):.1f} to {max(found):.1f}"
    return f"| {figure.what} | {median(found):.1f} | {spread} | {wanted} | {mark} |"


@click.command()
@click.option("--seeds", default=20, show_default=True, help="Contractors of seeds 1 to this.")
def main(seeds: int) -> None:
    """Print the figures of contractors, and whether all of them are as they should be."""
    found: dict[Figure, list[float]] = {figure: [] for figure in FIGURES}
    for seed in range(1, seeds + 1):
        seen = watch(seed)
        for figure in FIGURES:
            found[figure].append(figure.of(seen))
    click.echo("| Figure | Median | Spread | Wanted | Is it so |\n|---|---|---|---|---|")
    for figure in FIGURES:
        click.echo(row(figure, found[figure]))
    sys.exit(not all(figure.fits(value) for figure in FIGURES for value in found[figure]))


if __name__ == "__main__":
    main()

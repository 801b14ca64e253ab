"""python -m tests.soak --seed S --minutes M."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from tests.soak.soaking import Soak


@click.command()
@click.option("--seed", default=1, show_default=True)
@click.option("--minutes", default=8.0, show_default=True)
@click.option("--size", default=1_500, show_default=True, help="Number of assignments, about.")
@click.option("--hard-deletes", is_flag=True, help="What is deleted is gone, not inactive.")
def main(*, seed: int, minutes: float, size: int, hard_deletes: bool) -> None:
    """Soak the tap, and say what happened. The exit code is 1 if a row is lost."""
    until = time.monotonic() + minutes * 60
    with TemporaryDirectory() as folder:
        soak = Soak(Path(folder), seed=seed, assignments=size, hard_deletes=hard_deletes)
        figures = soak.soak(lambda _: time.monotonic() < until)
    click.echo("\n".join(figures.lines))
    sys.exit(bool(figures.lost or figures.surplus or figures.complaints))


main()

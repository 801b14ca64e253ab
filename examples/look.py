"""What the pictures have in common: type, colours, and files that come out the same each time."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

INK, GREY = "#222222", "#6b6b6b"
WIDTH = 12.0
# Distances of the axes from the edges, in inches.
LEFT, RIGHT, TOP, BOTTOM = 1.75, 0.8, 0.98, 0.9
AXES_WIDTH = WIDTH - LEFT - RIGHT
MARGIN = 0.2

mpl.rcParams.update(
    {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib
        "font.size": 9.5,
        "text.color": INK,
        "xtick.color": GREY,
        "ytick.color": INK,
        "hatch.linewidth": 0.8,
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": "dispatch",  # else ids are random
    }
)


def picture(rows: int, row_height: float) -> tuple[Figure, Axes]:
    """Return a picture with axes for so many rows from top to bottom, each so many inches high."""
    rows = max(rows, 1)  # a day on which nobody is there is a picture too
    height = TOP + rows * row_height + BOTTOM
    figure = Figure(figsize=(WIDTH, height), facecolor="white")
    axes = figure.add_axes(
        (LEFT / WIDTH, BOTTOM / height, AXES_WIDTH / WIDTH, rows * row_height / height)
    )
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_frame_on(False)
    axes.tick_params(length=0)
    return figure, axes


def pale(colour: str) -> tuple[float, float, float]:
    """Return a colour mixed with white."""
    red, green, blue = (1 - 0.45 * (1 - part) for part in to_rgb(colour))
    return red, green, blue


def headline(figure: Figure, title: str, subtitle: str) -> None:
    """Write a title and, in words, what is to be seen."""
    height = figure.get_figheight()
    x = MARGIN / WIDTH
    figure.text(x, 1 - 0.3 / height, title, size=15, weight="bold", va="center")
    figure.text(x, 1 - 0.57 / height, subtitle, color=GREY, va="center")


def note(figure: Figure, text: str) -> None:
    """Write something below the picture."""
    figure.text(MARGIN / WIDTH, 0.3 / figure.get_figheight(), text, color=GREY, va="center")


def legend(figure: Figure, handles: Iterable[Artist]) -> None:
    """Explain the colours below the picture."""
    figure.legend(
        handles=list(handles),
        loc="lower left",
        bbox_to_anchor=(0.05 / WIDTH, 0.05 / figure.get_figheight()),
        ncols=5,
        frameon=False,
        handlelength=1.4,
        columnspacing=1.6,
    )


def save(figure: Figure, file: Path) -> None:
    """Write a picture as SVG, without the time and the program, which would differ."""
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})

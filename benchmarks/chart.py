"""The loads as a picture: how long each takes, and how many rows that is a second."""

from __future__ import annotations

from io import StringIO
from statistics import median
from typing import Any

from benchmarks.loads import FILE, JSONL, NOTHING, POSTGRES, TAPS

PLACES = {
    NOTHING: "into nothing",
    FILE: "into a file",
    JSONL: "files, by meltano el\nand target-jsonl",
    POSTGRES: "PostgreSQL, by meltano el\nand target-postgres",
}
COLOURS = dict(zip(TAPS.values(), ("#1f6fb2", "#d98a3d", "#9aa5ae"), strict=True))
INK = "#14324a"


def chart(results: dict[str, Any]) -> str:
    """Return a picture (SVG) of seconds as bars, with rows a second beside them."""
    import matplotlib as mpl  # noqa: PLC0415 - only whoever draws needs it

    mpl.use("svg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"svg.hashsalt": "tap", "svg.fonttype": "none", "font.size": 9})
        figure = _bars(plt, results)
        picture = StringIO()
        figure.savefig(picture, metadata={"Date": None})
        plt.close(figure)
    return picture.getvalue()


def _bars(plt: Any, results: dict[str, Any]) -> Any:
    loads = {(each["by"], each["into"]): each for each in results["loads"]}
    longest = max(median(loads[by, into]["seconds"]) for into in PLACES for by in COLOURS)
    figure, axes = plt.subplots(figsize=(8, 4.6), layout="constrained")
    figure.suptitle(
        f"Seconds that {results['loads'][0]['rows']:,} assignments take, and rows a second; "
        f"{results['date']}, {results['cores']} cores",
        fontsize=9,
        x=0.01,
        horizontalalignment="left",
        color=INK,
    )
    middles = []
    for place, into in enumerate(PLACES):
        for number, (by, colour) in enumerate(COLOURS.items()):
            position = 4 * place + number
            each = loads[by, into]
            seconds = median(each["seconds"])
            axes.barh(position, seconds, height=0.8, color=colour, label="" if place else by)
            text = f"{seconds:.1f} s · {each['rows'] / seconds:,.0f} rows/s"
            axes.text(seconds + longest / 90, position, text, verticalalignment="center", color=INK)
        middles.append(4 * place + 1)
    axes.set_yticks(middles, list(PLACES.values()), color=INK)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.34 * longest)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(left=False)
    figure.legend(loc="outside lower left", ncols=3, frameon=False, labelcolor=INK)
    return figure

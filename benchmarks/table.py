"""The figures as a table and as a picture."""

from __future__ import annotations

from io import StringIO
from typing import Any


def lines(results: dict[str, Any]) -> list[str]:
    """Return the results as the lines of a Markdown table."""
    return [
        "| What is measured | Median | Spread | Goal |",
        "|---|---|---|---|",
        *(
            f"| {each['what']} | {_shown(each, each['median'])} | "
            f"{_shown(each, each['least'])} to {_shown(each, each['most'])} | {each['goal']} |"
            for each in results["figures"]
        ),
    ]


def _shown(figure: dict[str, Any], value: float) -> str:
    return f"{value:.{figure['digits']}f} {figure['unit']}".strip()


def chart(results: dict[str, Any]) -> str:
    """Return a picture (SVG) with each ratio as a bar, its spread and its goal."""
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
    bars = [each for each in results["figures"] if each["limit"]][::-1]
    figure, axes = plt.subplots(figsize=(8, 0.34 * len(bars) + 0.8), layout="constrained")
    figure.suptitle(
        f"Share of what each goal allows; {results['date']}, {results['cores']} cores",
        fontsize=9,
        x=0.01,
        horizontalalignment="left",
    )
    for position, each in enumerate(bars):
        median, least, most = (each[name] / each["limit"] for name in ("median", "least", "most"))
        axes.barh(position, median, height=0.6, color="#8fb9dc")
        axes.plot([least, most], [position] * 2, color="#14324a", linewidth=2)
        axes.text(0.01, position, _shown(each, each["median"]), verticalalignment="center")
        axes.text(1.02, position, each["goal"], verticalalignment="center", color="#9b2226")
    axes.axvline(1, color="#9b2226", linewidth=1, linestyle="--")
    axes.set_yticks(range(len(bars)), [each["what"].replace("`", "") for each in bars])
    axes.set_xlim(0, 1.4)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(left=False)
    return figure

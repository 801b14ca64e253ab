"""The figures as a table and as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


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


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw each ratio as a bar, with its spread and its goal."""
    import matplotlib as mpl  # noqa: PLC0415 - only whoever draws needs it

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "tap", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot as plt  # noqa: PLC0415

    ratios = [each for each in results["figures"] if each["limit"]][::-1]
    figure, axes = plt.subplots(figsize=(7.2, 0.36 * len(ratios) + 0.9), layout="constrained")
    for position, each in enumerate(ratios):
        share = [each[name] / each["limit"] for name in ("median", "least", "most")]
        axes.barh(position, share[0], height=0.55, color="#2a6f97")
        axes.plot(share[1:], [position] * 2, color="#012a4a", linewidth=1.5)
    axes.axvline(1, color="#9b2226", linewidth=1, linestyle="--")
    axes.set_yticks(range(len(ratios)), [each["what"] for each in ratios])
    axes.set_xlim(0, 1.15)
    axes.set_xticks([0, 0.5, 1], ["0", "half of it", "the goal"])
    axes.set_title(
        f"Share of what each goal allows ({results['date']}, {results['cores']} cores)", fontsize=9
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)

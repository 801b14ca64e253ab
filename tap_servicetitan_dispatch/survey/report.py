"""How a survey is shown: a table for people, an object for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_servicetitan_dispatch.survey.survey import Finding, Survey

MARKS = {"as believed": ("✓", "+", "green"), "otherwise": ("✗", "x", "red")}
NO_MARK = ("?", "?", "dim")
COPES = {"yes": "Yes.", "in part": "In part.", "no": "No."}
"""Whether the tap copes if a belief is wrong."""


def as_json(surveys: Sequence[Survey]) -> str:
    """Return the content of the file: an object, or a list of them for a group of tenants."""
    found = [each.as_json() for each in surveys]
    return json.dumps(found[0] if len(found) == 1 else found, indent=2)


def print_tables(surveys: Sequence[Survey], file: TextIO) -> None:
    """Print a table for each tenant, with colours on a terminal only."""
    from rich.console import Console  # noqa: PLC0415 - not needed for a run
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    encoding = file.encoding or "utf-8"
    plain = "✓✗".encode(encoding, errors="replace").decode(encoding) != "✓✗"

    def cell(text: str, style: str = "") -> Text:
        return Text(text.encode(encoding, errors="replace").decode(encoding), style)

    console = Console(file=file)
    for number, each in enumerate(surveys, start=1):
        if len(surveys) > 1:
            named = f"tenant {each.number or f'{number} of {len(surveys)}'}"
            console.print(cell(f"\n{named}", "bold"))
        table = Table(box=None, padding=(0, 2, 0, 0))
        table.add_column()
        table.add_column("What the tap believes", overflow="fold", ratio=2)
        table.add_column("What was seen", overflow="fold", ratio=2)
        table.add_column("Does the tap cope?", overflow="fold", ratio=2)
        about = ""
        for finding in each.findings:
            if finding.fact.about != about:
                about = finding.fact.about
                table.add_row("", cell(about, "bold"))
            mark, instead, colour = MARKS.get(finding.outcome, NO_MARK)
            table.add_row(
                cell(instead if plain else mark, colour),
                cell(f"{finding.fact.believed} ({finding.fact.mark})"),
                cell(seen_of(finding)),
                cell(consequence_of(finding)),
            )
        console.print(table)
        console.print(cell(f"\n{conclusion(each)}"))


def seen_of(finding: Finding) -> str:
    """Return the observation, or why there is none."""
    if finding.outcome != "could not tell":
        return finding.seen
    return "; ".join(filter(None, [f"could not tell: {finding.why}", finding.seen]))


def consequence_of(finding: Finding) -> str:
    """Return whether the tap copes, and how; nothing if it need not."""
    if finding.outcome == "as believed":
        return ""
    return f"{COPES[finding.fact.copes]} {finding.fact.consequence}"


def conclusion(survey: Survey) -> str:
    """Return the summary."""
    outcomes = [finding.outcome for finding in survey.findings]
    believed, otherwise = outcomes.count("as believed"), outcomes.count("otherwise")
    text = (
        f"{believed} as believed, {otherwise} otherwise, "
        f"{len(outcomes) - believed - otherwise} could not tell; {survey.calls} calls, "
        f"{survey.seconds:.0f} s."
    )
    return f"{text} It ended early, as {survey.ended}." if survey.ended else text

"""Writes what the code declares into the documents, and all of what is made from it alone.

`python -m tools.generate` writes. With `--check` it only names the files that would change, and
ends with exit code 1 if there are any.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import click
import yaml

from benchmarks.chart import chart
from tools import declared, hub, models, streams_page, survey_page
from tools.markdown import ROOT, rows, under

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TABLES = {
    "README.md": {"Streams": declared.stream_rows, "How fast it is": declared.figure_rows},
    "docs/fleets.md": {"How many tenants a core refreshes": declared.fleet_rows},
    "docs/operations.md": {"What can go wrong": declared.failure_rows},
    "docs/sandbox.md": {"What nobody knows": declared.switch_rows},
    "docs/warehouses.md": {"What people wait for": declared.load_rows},
    "docs/settings.md": {"All settings": declared.setting_rows},
}
"""The tables that are made from the code, by the document and the heading that they stand under."""


def with_tables(document: str) -> str:
    """Return a document with its tables as the code has them."""
    text = (ROOT / document).read_text(encoding="utf-8")
    for heading, lines in TABLES[document].items():
        old = under(text, heading)
        text = text.replace(old, old.replace("\n".join(rows(old)), "\n".join(lines())))
    return text


BEGIN, END = "    settings:\n", "  loaders:\n"
"""What the tap's settings stand between in `meltano.yml`."""


def meltano_project() -> str:
    """Return Meltano's project file with the settings of the tap."""
    before, _, rest = (ROOT / "meltano.yml").read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    described = {
        "settings": [
            declared.meltano_setting(*setting) for setting in declared.own_settings().items()
        ],
    }
    text = yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=90)
    indented = "".join(f"    {line}\n" for line in text.splitlines())
    return f"{before}{indented}{END}{after}"


def env_example() -> str:
    """Return the example of environment variables with all settings of the tap."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    head, _, _ = text.partition(declared.PREFIX)
    return head + "\n".join(declared.env_lines()) + "\n"


FILES: dict[Path, Callable[[], str]] = {
    **{ROOT / document: partial(with_tables, document) for document in TABLES},
    ROOT / "docs/streams.md": streams_page.content,
    ROOT / "docs/survey.md": survey_page.content,
    ROOT / "docs/images/speed.svg": lambda: chart(declared.figures()),
    ROOT / "meltano.yml": meltano_project,
    ROOT / ".env.example": env_example,
    **{hub.FOLDER / name: content for name, content in hub.FILES.items()},
    **models.files(),
}
"""What makes the contents of the files that come from the code, in whole or in part."""


@click.command()
@click.option("--check", is_flag=True, help="Only name the files that would change.")
def main(*, check: bool) -> None:
    """Write the files that are made from the code."""
    stale = False
    for path, make in FILES.items():
        content = make()
        if path.exists() and path.read_text(encoding="utf-8") == content:
            continue
        stale = True
        click.echo(f"{'not what the code says' if check else 'written'}: {path}")
        if not check:
            path.write_text(content, encoding="utf-8")
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main()

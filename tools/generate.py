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
from tap_servicetitan_dispatch.streams import NAMES, ON_REQUEST
from tools import declared, hub, models, streams_page, survey_page
from tools.markdown import ROOT, rows, under

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TABLES = {
    "README.md": {"How fast it is": declared.readme_figure_rows},
    "docs/benchmarks.md": {
        "All figures": declared.figure_rows,
        "Beside dlt": declared.alternative_rows,
    },
    "docs/fleets.md": {"How many tenants a core refreshes": declared.fleet_rows},
    "docs/operations.md": {"What can go wrong": declared.failure_rows},
    "docs/sandbox.md": {"What nobody knows": declared.switch_rows},
    "docs/warehouses.md": {"Where the time goes": declared.load_rows},
    "docs/settings.md": {"All settings": declared.setting_rows},
}
"""The tables that are made from the code, by the document and the heading that they stand under."""


FLEET, FRESHNESS = "examples/fleet/tenants.yml", "transform/models/marts/dispatch_freshness.sql"
UNIT_TESTS = "transform/models/marts/_unit_tests.yml"
NO_ROWS = "  # All other streams that are counted\n"
SCHEMA = "tap_servicetitan_dispatch"
"""Where target-postgres puts the rows of the tap."""


def with_tables(document: str) -> str:
    """Return a document with its tables as the code has them."""
    text = content_of(document)
    for heading, lines in TABLES[document].items():
        old = under(text, heading)
        text = text.replace(old, old.replace("\n".join(rows(old)), "\n".join(lines())))
    return text


def between(text: str, begin: str, content: str, end: str) -> str:
    """Return a text with something else between two parts of it.

    Raises:
        LookupError: One of them is not there.
    """
    before, begun, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        raise LookupError(f"there is no {begin!r}, or no {end!r} after it")
    return before + begin + content + end + after


def content_of(document: str) -> str:
    """Return what a document has now."""
    return (ROOT / document).read_text(encoding="utf-8")


def meltano_project() -> str:
    """Return Meltano's project file with the settings of the tap."""
    described = {
        "settings": [
            declared.meltano_setting(*setting) for setting in declared.own_settings().items()
        ],
    }
    text = yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=90)
    lines = "".join(f"    {line}\n" for line in text.splitlines()[1:])
    return between(content_of("meltano.yml"), "    settings:\n", lines, "  loaders:\n")


def env_example() -> str:
    """Return the example of environment variables with all settings of the tap."""
    text = content_of(".env.example")
    head, _, _ = text.partition(declared.PREFIX)
    return head + "\n".join(declared.env_lines()) + "\n"


def fleet() -> str:
    """Return the file of the fleet, which reads all streams that need not be asked for."""
    lines = "".join(f"- {name}\n" for name in NAMES if name not in ON_REQUEST)
    return between(content_of(FLEET), "\nstreams:\n", lines, "\n# Likewise")


def freshness() -> str:
    """Return the mart that compares the rows of each stream with what the API counts."""
    lines = "".join(f"  '{name}',\n" for name in declared.counted())
    return between(content_of(FRESHNESS), "{% set counted = [\n", lines, "] %}")


def unit_tests() -> str:
    """Return the tests of the marts, of which that of `freshness` has no rows of some streams."""
    text = content_of(UNIT_TESTS)
    of_freshness, _, _ = text.partition("model: dispatch_freshness\n")[2].partition(NO_ROWS)
    counted = [f"'dispatch_stg_{name}')" for name in declared.counted()]
    lines = "".join(
        f"  - input: ref('servicetitan_dispatch', {model}\n    rows: []\n"
        for model in counted
        if model not in of_freshness
    )
    return between(text, NO_ROWS, lines, "  expect:")


def operations() -> str:
    """Return the page of operations, in which a query does the same without dbt."""
    counts = [
        f"  select '{name}' as stream, count(distinct id) as loaded\n"  # noqa: S608 - our own names
        f"  from {SCHEMA}.{name} where _sdc_deleted_at is null\n"
        for name in declared.counted()
        if name not in ON_REQUEST
    ]
    page, query = with_tables("docs/operations.md"), "  union all\n".join(counts)
    return between(page, "alive as (\n", query, ")\nselect stream, in_source")


FILES: dict[Path, Callable[[], str]] = {
    **{ROOT / document: partial(with_tables, document) for document in TABLES},
    ROOT / "docs/streams.md": streams_page.content,
    ROOT / "docs/survey.md": survey_page.content,
    ROOT / "docs/images/speed.svg": lambda: chart(declared.figures()),
    ROOT / "meltano.yml": meltano_project,
    ROOT / ".env.example": env_example,
    ROOT / FLEET: fleet,
    ROOT / FRESHNESS: freshness,
    ROOT / UNIT_TESTS: unit_tests,
    ROOT / "docs/operations.md": operations,
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

# ruff: noqa: E501 - lines of a page
"""The page of the survey: what the tap believes of the API, as a survey of the sandbox shows it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from tap_servicetitan_dispatch.sandbox import Faults, Sandbox
from tap_servicetitan_dispatch.survey import report
from tap_servicetitan_dispatch.survey.facts import FACTS
from tap_servicetitan_dispatch.survey.survey import MOST, survey
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan_dispatch.survey.survey import Survey

AT = datetime(2026, 6, 18, 17, 0, 5, tzinfo=UTC)
_TIMED = "answers_within_100_s"
"""What depends on the machine."""

HEAD = """\
# The survey

Nobody who works on this tap has credentials: it rests on what the vendor documents, on what others
have observed, and on what was inferred from that. You have a tenant. So one command tells you, and
us, what is true:

```sh
.venv/bin/meltano --environment=production invoke tap-servicetitan-dispatch:survey
.venv/bin/meltano --environment=production invoke tap-servicetitan-dispatch:survey --survey=json > survey.json
```

Without Meltano it is `tap-servicetitan-dispatch --config … --survey`. It sends some 120 calls, 150 at
most, no more than 8 a second, and ends after three minutes at most, Ctrl-C or a signal, with what it
has. It reads only: nothing is written at ServiceTitan or into a target, and no bookmark moves. It
provokes nothing but a few refusals, each once: of a made-up continuation token, a parameter and a
`sort` that do not exist, too large a page, too long a forecast, tenant 0, and a token without `Bearer`.
A wrong secret is never sent.

- It asks for the streams that are selected. `capacities` and `technician_tracking` are among them
  only where `extra_streams` names them; tracking is asked for three pairs at most that are under way.
- Where a scope is missing it says so: [`--check`](operations.md#check-before-you-run) tells which to grant.
- In a group it goes from tenant to tenant; `--survey-tenant NUMBER` picks one.
- `--survey-also wrong-key` tries a made-up app key, too; `--survey-also tenant-number` puts the
  tenant's number into the file.
- The exit code is 0 if it got through, whatever it saw.

## What the file holds

`--survey=json` prints an object (`tap_servicetitan_dispatch/survey/schema.json` describes it): for each
fact what is believed, what was seen, the outcome, what follows, and the switches of a sandbox that
behaves alike; for odd fields their names, types and patterns. **No value of a row is in it**: no id, no
name, no text, no time, no token, no address, and no number of a tenant unless you ask for that. There
are counts (two digits of them), shares, lengths, durations, statuses, formats, and names of fields.
[SECURITY.md](../SECURITY.md) promises it. Look through it, then attach it to an issue, for which there
is a template: it is what we lack most.

In a group, the file holds a list, an object for each tenant.

## A sandbox that is like it

```sh
servicetitan-sandbox --like survey.json
```

It behaves as that tenant did: every switch that a fact names, how many rows each list has, and how
many of them are inactive or undated. Other options win. In Python it is `Sandbox(like="survey.json")`.

## How sure it is

- Of each row: *as believed* takes 300 rows without an exception, and 3,000 where one exception is one
  lost row. One exception makes it *otherwise*. With fewer rows it *could not tell*, and says why; it
  never guesses.
- Of what the server does with a parameter: one answer to a question that tells, such as a bound with
  rows on both sides of it.
- The office goes on working meanwhile. So rows are compared that had not changed for an hour, and
  counts are asked for twice.
- What happens while it looks, such as changes that do not move `modifiedOn`, shows only in a busy hour.
- What takes days or a deletion it could not tell by reading; the fact says how to find out.

## What the tap believes

"""
FOOT = """\
The sandbox that this table is a survey of has the switches that [its page](sandbox.md#what-nobody-knows)
lists, as they are by default, so it shows what the tap believes. *Documented* is what the vendor says,
*observed* what others saw, *inferred* what follows from either, *unknown* what the sources leave open.
"""


def content() -> str:
    """Return the page."""
    return f"{HEAD}{''.join(_sections())}{FOOT}"


@cache
def survey_of_sandbox() -> Survey:
    """Return a survey of the sandbox as it is, at a noon."""
    quick = Faults(requests_per_second=None)
    with Sandbox(clock=lambda: AT, assignments=6_000, faults=quick) as sandbox:
        config = {
            "environment": "sandbox",
            "api_url": sandbox.url,
            "extra_streams": list(MOST),
            "timezone": "America/Chicago",
        }
        tap = TapServiceTitanDispatch(config=config)
        (found,) = survey(tap, calls_a_second=60, clock=lambda: 0.0)
        return found


def _sections() -> Iterator[str]:
    found = {finding.fact.name: finding for finding in survey_of_sandbox().findings}
    for about, facts in itertools.groupby(FACTS, key=lambda fact: fact.about):
        yield f"### {about[:1].upper()}{about[1:]}\n\n"
        yield "| Fact | Believed | Mark | In the sandbox | If it is otherwise | How it is found out | Switches |\n"
        yield "|---|---|---|---|---|---|---|\n"
        for fact in facts:
            finding = found[fact.name]
            seen = (
                finding.outcome
                if fact.name == _TIMED
                else f"{finding.outcome}: {finding.seen or finding.why}"
            )
            cells = (
                f'<a id="{fact.name}"></a>`{fact.name}`',
                fact.believed,
                fact.mark,
                seen,
                f"{report.COPES[fact.copes]} {fact.consequence}",
                fact.probe,
                ", ".join(f"`{switch}`" for switch in fact.switches),
            )
            yield f"| {' | '.join(cells)} |\n"
        yield "\n"

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

Nobody who works on this tap has credentials. The tap rests on the vendor's documents, on what others
have observed, and on conclusions from both. If you have a tenant, one command finds out what is true.

```sh
.venv/bin/meltano --environment=production invoke tap-servicetitan-dispatch:survey
.venv/bin/meltano --environment=production invoke tap-servicetitan-dispatch:survey --survey=json > survey.json
```

Without Meltano: `tap-servicetitan-dispatch --config … --survey`. It sends some 120 calls, at most 150,
no more than 8 a second. It ends after at most three minutes, with the results so far. It only reads, and
moves no bookmark. It provokes a few refusals, each once: with a made-up continuation token, an unknown
parameter, an unknown `sort`, too large a page, too long a forecast, tenant 0, and a token without
`Bearer`. It never sends a wrong secret.

- It covers the selected streams. `capacities` and `technician_tracking` must be in `extra_streams`;
  tracking is asked for at most three pairs that are under way.
- It reports a missing scope; [`--check`](operations.md#check-before-you-run) says which one to grant.
- In a group it covers one tenant after the other; `--survey-tenant NUMBER` picks one. If a tenant gets
  no token, the others are surveyed; the log says why, and the exit code is 1.
- `--survey-also wrong-key` also tries a made-up app key. `--survey-also tenant-number` puts the
  tenant's number into the file.
- The exit code is 0 if the survey was completed, whatever it found. Ctrl-C ends it with 130 and SIGTERM
  with 143, after it has printed the results so far; a second signal ends it at once.

## What the file holds

`--survey=json` prints an object, described by `tap_servicetitan_dispatch/survey/schema.json`; for a
group, a list of them. **No value of a row is in it**: [SECURITY.md](../SECURITY.md) says what is. Look
through the file, then attach it to an issue; there is a form.

## A sandbox that is like it

```sh
servicetitan-sandbox --like survey.json
```

This sandbox copies every switch that a fact names, the number of rows of each list, the shares of
inactive and undated rows, the delay of answers, temporary failures, and the error of the clock. Other
options take precedence. All tenants of a sandbox behave alike: if the file is of a group, the sandbox
copies the first tenant that could be surveyed, and says which one that is. To copy another one, keep
only its object in the file. In Python: `Sandbox(like="survey.json")`.

## How sure it is

- A belief about rows is *as believed* if 300 rows have no exception (3,000 where each exception would be
  a lost row). It is *otherwise* after one exception. With fewer rows the survey *could not tell*, and
  says why.
- A belief about a parameter needs one answer that can decide it, such as that to a bound with rows on
  both sides.
- As the office goes on working, the survey compares only rows that were unchanged for an hour, and asks
  for counts twice.
- Events during the survey, such as changes that do not move `modifiedOn`, show only in a busy hour.
- Each call has 30 seconds. If the API asks for a wait longer than the time left, the survey ends.

## A second survey

How long a token lives, whether deleted rows become inactive or disappear, and whether the feed reports
each deletion shows only with time. So survey twice, a day or more apart, with the same file:

```sh
tap-servicetitan-dispatch --config config.json --survey --survey-memory memory.json
```

The first survey writes the file. Each later one compares its results with it, and leaves it unchanged,
so that its token grows older. Delete the file to begin anew. **The file is private**: it holds a token
of the export feed and ids of rows. Only you can read it, and `--survey=json` prints nothing of it.

## What the tap believes

The column "Source" says where a belief comes from: *documented* by the vendor, *observed* by others,
*inferred* from either, or *unknown*, if the sources leave it open. [The
sandbox](sandbox.md#what-nobody-knows) behaves as believed unless a switch says otherwise. The column "In
the sandbox" shows a survey of the sandbox, with all switches at their defaults.

"""


def content() -> str:
    """Return the page."""
    return f"{HEAD}{''.join(_sections())}"


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
        (found,) = survey(tap, calls_a_second=60, clock=lambda: 0.0, wall=AT.timestamp)
        return found


def _sections() -> Iterator[str]:
    found = {finding.fact.name: finding for finding in survey_of_sandbox().findings}
    for about, group in itertools.groupby(FACTS, key=lambda fact: fact.about):
        facts = list(group)
        yield f"### {about[:1].upper()}{about[1:]}\n\n"
        yield f"<details>\n<summary>{len(facts)} facts</summary>\n\n"
        yield "| Fact | Believed | Source | In the sandbox | If not, does the tap cope? | How it is found out | Switches |\n"
        yield "|---|---|---|---|---|---|---|\n"
        for fact in facts:
            finding = found[fact.name]
            told = report.seen_of(finding)
            is_untold = finding.outcome == "could not tell"
            seen = told if is_untold else f"{finding.outcome}: {told}"
            cells = (
                f'<a id="{fact.name}"></a>`{fact.name}`',
                fact.believed,
                fact.mark,
                finding.outcome if fact.name == _TIMED else seen,
                f"{report.COPES[fact.copes]} {fact.consequence}",
                fact.probe,
                ", ".join(f"`{switch}`" for switch in fact.switches),
            )
            yield f"| {' | '.join(cells)} |\n"
        yield "\n</details>\n\n"

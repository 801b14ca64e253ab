"""What is measured, and what it is compared to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks import marts, page, project, running
from benchmarks.running import PYTHON, TAP, Given
from benchmarks.server import PAGE_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FEED = ("appointment_assignments",)
LARGE = (
    *FEED,
    "appointment_assignments_list",
    "non_job_appointments",
    "technician_shifts",
    "technician_skills",
)
GROUP, AT_ONCE = 60, 20
"""Tenants, and requests under way, of a group that has nothing new."""
MOST_AT_ONCE = 50
LARGE_FLEET = (40, 60, 30)
"""Tenants, technicians of each, and days, of which a page is made."""
MANY = 400
"""Tenants whose bookmarks all stand in each STATE."""
SOME = 20
"""Tenants that share the rows."""


KEPT_AND_HASHED: Mapping[str, Mapping[str, Any]] = {
    "`keep_history`": {"keep_history": [*FEED]},
    "three hashed fields": {
        "hash_fields": [
            f"appointment_assignments.{field}"
            for field in ("technicianName", "technicianId", "assignedById")
        ],
        "hash_salt": "a salt of the benchmark, to be kept",
    },
}
"""Settings whose cost is measured, by what they are called."""


@dataclass(frozen=True)
class Scenario:
    """A figure, taken several times.

    Attributes:
        what: It is.
        once: Takes it.
        goal: What it is to be.
        limit: The goal as a number, where the figure is to be no more.
        unit: Of the figure, if it has one.
        digits: To show after the point.
        share: Of the usual number of runs.
    """

    what: str
    once: Callable[[], float]
    goal: str
    limit: float | None = None
    unit: str = ""
    digits: int = 2
    share: float = 0.6

    def times(self, runs: int) -> int:
        """Return how often it is taken where most are taken so often."""
        return max(1, round(self.share * runs))


def scenarios(rows: int, latency: float, assignments: int) -> Iterator[Scenario]:
    """Yield all of them.

    Args:
        rows: Of the feed.
        latency: Seconds that a request takes, where that matters.
        assignments: That marts are built of.
    """
    yield from _of_time(rows, latency)
    yield from _of_memory(rows)
    yield from _of_arrow(rows)
    yield from _of_a_group(rows, latency)
    yield from _of_start_up()
    yield from _of_calls(rows)
    yield Scenario(
        f"Marts of {assignments:,} assignments, built by dbt in DuckDB",
        lambda: marts.build(assignments),
        goal="below 60 s",
        limit=60,
        unit="s",
        digits=0,
    )
    yield from _of_the_page()


def _of_the_page() -> Iterator[Scenario]:
    what = "Page of {} tenants with {} technicians and {} days".format(*LARGE_FLEET)
    for name, once, limit, unit, digits in (
        (what, lambda: page.made(*LARGE_FLEET).seconds, 60, "s", 0),
        ("The same: peak memory", lambda: page.made(*LARGE_FLEET).peak_mib, 500, "MiB", 0),
        ("The same: a tenant's page", lambda: page.made(*LARGE_FLEET).page_mb, 3, "MB", 1),
    ):
        goal = f"below {limit} {unit}"
        yield Scenario(name, once, goal, limit=limit, unit=unit, digits=digits, share=0)
    yield Scenario(
        "The same page in a browser: from opening it until the day before is shown",
        lambda: page.usable(*LARGE_FLEET[1:]),
        goal="below 2 s",
        limit=2,
        unit="s",
        digits=1,
    )


def _of_time(rows: int, latency: float) -> Iterator[Scenario]:
    def throughput(rows: int) -> float:
        alone = running.tap(Given(rows, unlimited=True), FEED)
        return alone.seconds / running.bare(Given(rows)).seconds

    def cpu_with(settings: Mapping[str, Any]) -> float:
        plain = running.tap(Given(rows, unlimited=True), FEED)
        other = running.tap(Given(rows, unlimited=True, settings=settings), FEED)
        return other.cpu_seconds / plain.cpu_seconds

    def waiting() -> float:
        run = running.tap(Given(rows, latency), FEED)
        spent: float = run.server["seconds"]
        return run.seconds / spent

    def nothing_new() -> float:
        late, at_once = running.tap(Given(latency=latency)), running.tap(Given())
        return (late.seconds - at_once.seconds) / latency

    for count, limit in ((rows, 1.6), (10 * rows, 1.4)):
        yield Scenario(
            f"Time for {count:,} rows, compared with a bare loop",
            partial(throughput, count),
            goal=f"at most {limit}",
            limit=limit,
            unit="times",
            share=3,
        )
    for what, settings in KEPT_AND_HASHED.items():
        yield Scenario(
            f"CPU for {rows:,} rows with {what}, compared with a run without",
            partial(cpu_with, settings),
            goal="at most 1.5",
            limit=1.5,
            unit="times",
            share=3,
        )
    yield Scenario(
        f"Time for {rows:,} rows at {latency} s a request, compared with the requests alone",
        waiting,
        goal="at most 1.1",
        limit=1.1,
        unit="times",
    )
    yield Scenario(
        f"Time of a run with nothing new at {latency} s a request, compared with one request",
        nothing_new,
        goal="at most 3",
        unit="times",
        limit=3,
        share=1,
    )


def _of_memory(rows: int) -> Iterator[Scenario]:
    def peak(given: Given, streams: tuple[str, ...] = FEED) -> float:
        return running.tap(given, streams).peak_mib

    for what, once, goal in (
        (f"{rows:,} rows", partial(peak, Given(rows)), "below 120 MiB"),
        (f"{10 * rows:,} rows", partial(peak, Given(10 * rows)), "the same"),
        (
            "five streams with full pages",
            partial(peak, Given(rows, full_lists=True), LARGE),
            "below 120 MiB",
        ),
    ):
        yield Scenario(f"Peak memory, {what}", once, goal, limit=120, unit="MiB", digits=0)


def _of_arrow(rows: int) -> Iterator[Scenario]:
    """Yield what files of Arrow cost, with the SDK that has them."""

    def runs(rows: int, *, alone: bool) -> Iterator[running.Took]:
        with TemporaryDirectory() as folder:
            given = Given(rows, unlimited=True, python=project.with_next_sdk(Path(folder, "sdk")))
            storage = {"root": Path(folder, "files").as_uri()}
            files = {"batch_config": {"encoding": {"format": "arrow"}, "storage": storage}}
            yield running.tap(replace(given, settings=files), FEED)
            if not alone:
                yield running.tap(given, FEED)

    def cpu() -> float:
        files, records = runs(rows, alone=False)
        return files.cpu_seconds / records.cpu_seconds

    def peak(rows: int) -> float:
        [files] = runs(rows, alone=True)
        return files.peak_mib

    yield Scenario(
        f"CPU for {rows:,} rows into Arrow files, compared with records",
        cpu,
        goal="at most 2",
        limit=2,
        unit="times",
    )
    for count, goal in ((rows, "below 150 MiB"), (10 * rows, "the same")):
        yield Scenario(
            f"Peak memory, {count:,} rows into Arrow files",
            partial(peak, count),
            goal,
            limit=150,
            unit="MiB",
            digits=0,
        )


def _of_a_group(rows: int, latency: float) -> Iterator[Scenario]:
    quiet = Given(latency=latency, tenants=GROUP, at_once=AT_ONCE)
    full = Given(PAGE_ROWS, full_lists=True, tenants=GROUP, at_once=AT_ONCE)

    def waiting() -> float:
        run = running.tap(quiet)
        spent: float = sum(run.server["calls"].values()) * latency / AT_ONCE
        return run.seconds / spent

    def cpu() -> float:
        alone = running.tap(Given(latency=latency))
        return running.tap(quiet).cpu_seconds / (GROUP * alone.cpu_seconds)

    def throughput() -> float:
        alone = running.tap(Given(rows, unlimited=True), FEED)
        several = running.tap(Given(rows // SOME, tenants=SOME, unlimited=True), FEED)
        return alone.seconds / several.seconds

    yield Scenario(
        f"Time of {GROUP} tenants with nothing new, {AT_ONCE} requests at a time, compared with "
        "the requests alone",
        waiting,
        goal="at most 1.25",
        limit=1.25,
        unit="times",
    )
    yield Scenario(
        f"The same: CPU, compared with {GROUP} runs of a single tenant",
        cpu,
        goal="at most 0.067",
        limit=0.067,
        unit="times",
        digits=3,
    )
    for what, once in (
        ("The same: peak memory", lambda: running.tap(quiet).peak_mib),
        (
            f"Peak memory, {GROUP} tenants with full first pages of five streams",
            lambda: running.tap(full, LARGE).peak_mib,
        ),
    ):
        yield Scenario(what, once, "below 150 MiB", limit=150, unit="MiB", digits=0)
    yield Scenario(
        f"STATE of {MANY} tenants with nothing new, {AT_ONCE} requests at a time",
        lambda: running.state_mib(Given(tenants=MANY, at_once=AT_ONCE)),
        goal="below 10 MiB",
        limit=10,
        unit="MiB",
        digits=0,
        share=0,
    )
    yield Scenario(
        f"Rows a second of {SOME} tenants, compared with one tenant that has as many rows",
        throughput,
        goal="at least 0.9",
        unit="times",
    )
    yield Scenario(
        f"Check of {GROUP} tenants, {MOST_AT_ONCE} requests at a time",
        lambda: running.tap(replace(quiet, at_once=MOST_AT_ONCE), None, "--check").seconds,
        goal="below 6 s",
        limit=6,
        unit="s",
        digits=1,
    )


def _of_start_up() -> Iterator[Scenario]:
    def start_up(option: str) -> float:
        floor = running.timed([PYTHON, "-c", "import singer_sdk"], {})
        return running.timed([TAP, option], {}).seconds / floor.seconds

    for option in ("--version", "--discover"):
        yield Scenario(
            f"Time of `{option}`, compared with `import singer_sdk`",
            partial(start_up, option),
            goal="below 1.3",
            limit=1.3,
            unit="times",
            share=1,
        )


def _of_calls(rows: int) -> Iterator[Scenario]:
    def calls(given: Given) -> float:
        made: dict[str, int] = running.tap(given, FEED if given.rows else None).server["calls"]
        return sum(made.values())

    pages = -(-rows // PAGE_ROWS)
    for what, given, goal in (
        (f"Calls for {pages} pages of the feed", Given(rows), f"{pages} and one for a token"),
        (
            "Calls of a run with nothing new",
            Given(),
            "one for each stream and one for a token",
        ),
    ):
        yield Scenario(what, partial(calls, given), goal, digits=0, share=0)

"""What somebody waits for: from the API into nothing, a file, files of a target, a warehouse."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks import postgresql, running
from benchmarks.project import ADDRESS, BARE, COMMANDS, OURS, PLAIN, Load, Project, tools
from benchmarks.running import Given

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.postgresql import Server

TAPS = {OURS: "this tap", PLAIN: "plain SDK tap", BARE: "bare loop"}
NOTHING, FILE = "nothing", "a file"
JSONL, POSTGRES, DUCKDB = "target-jsonl", "target-postgres", "target-duckdb"
BY_DEFAULT = "target-postgres, as it is by default"
IDLE, IDLE_IN_SANDBOX = "nothing new", "nothing new, in the sandbox"
DEFAULTS = {
    "TARGET_POSTGRES_VALIDATE_RECORDS": "true",
    "TARGET_POSTGRES_USE_COPY": "false",
    "TARGET_POSTGRES_BATCH_SIZE_ROWS": "10000",
}
"""What target-postgres does where nothing is set."""
SANDBOX = {
    ADDRESS: "http://127.0.0.1:9",  # where nobody is
    "TAP_SERVICETITAN_DISPATCH_ENVIRONMENT": "sandbox",
    "TAP_SERVICETITAN_DISPATCH_API_URL": "",
    "TAP_SERVICETITAN_DISPATCH_AUTH_URL": "",
    "TAP_SERVICETITAN_DISPATCH_TENANT_ID": "1000000001",  # the large one
}
TIMES = {
    (OURS, NOTHING): 3,
    (PLAIN, NOTHING): 2,
    (BARE, NOTHING): 3,
    (OURS, FILE): 3,
    (PLAIN, FILE): 2,
    (BARE, FILE): 3,
    (OURS, JSONL): 2,
    (PLAIN, JSONL): 1,
    (BARE, JSONL): 1,
    (OURS, POSTGRES): 3,
    (PLAIN, POSTGRES): 1,
    (BARE, POSTGRES): 1,
    (OURS, BY_DEFAULT): 2,
    (OURS, DUCKDB): 1,
}
"""How often each is run of three rounds; what takes long and is far from any limit, once."""
ROUNDS = max(TIMES.values())


class Place(Protocol):
    """Loads by a tap, from the server at an address, and sees that all rows have arrived."""

    def __call__(self, tap: str, address: str, rows: int) -> Load:  # noqa: D102 - as the class
        ...


@dataclass
class Loads:
    """Loads of the same rows by one tap into one place; `cpu` has the shares of each run."""

    by: str
    into: str
    rows: int
    seconds: list[float] = field(default_factory=list)
    cpu: list[dict[str, float]] = field(default_factory=list)

    def add(self, load: Load) -> None:
        """Add one more."""
        self.seconds.append(load.seconds)
        self.cpu.append(load.cpu)
        print(f"{self.by}, {self.rows:,} rows, {self.into}: {load.seconds:.2f} s", file=sys.stderr)  # noqa: T201


def measured(rows: int) -> list[dict[str, Any]]:
    """Return all loads, and those with nothing new, of which `rows` is 0.

    Args:
        rows: Of the feed, and of the list that the plain tap reads.
    """
    loads = {what: Loads(TAPS[what[0]], what[1], rows) for what in TIMES}
    idle = {into: Loads(TAPS[OURS], into, 0) for into in (IDLE, IDLE_IN_SANDBOX)}
    with TemporaryDirectory() as name, _places(Path(name)) as (project, places):
        with running.serving(Given(rows, distinct=True)) as (url, _):
            for number in range(ROUNDS):
                for (tap, into), each in loads.items():
                    if number < TIMES[tap, into]:
                        each.add(places[into](tap, url, rows))
        with running.serving(Given()) as (url, _):
            for into, each in idle.items():
                variables = SANDBOX if into == IDLE_IN_SANDBOX else {}
                run = partial(project.load, OURS, JSONL, {ADDRESS: url, **variables}, into)
                run()  # which reads everything
                for _ in range(ROUNDS):
                    each.add(run())
    return [asdict(each) for each in (*loads.values(), *idle.values())]


@contextmanager
def _places(folder: Path) -> Iterator[tuple[Project, dict[str, Place]]]:
    programs = tools(folder / "tools")
    project = Project(folder, programs)
    (package,) = programs.parent.glob(f"lib/python*/site-packages/{postgresql.PACKAGE}")
    with postgresql.Server(package) as server:
        yield (
            project,
            {
                NOTHING: partial(by_itself, Path(os.devnull)),
                FILE: partial(by_itself, folder / "file"),
                JSONL: partial(into_files, project),
                POSTGRES: partial(into_postgres, project, server, {}),
                BY_DEFAULT: partial(into_postgres, project, server, DEFAULTS),
                DUCKDB: partial(into_duckdb, project),
            },
        )


def by_itself(file: Path, tap: str, address: str, rows: int) -> Load:
    """Run a tap without Meltano and a target, its output into a file."""
    with file.open("wb") as output:
        if tap == BARE:
            run = running.timed([*COMMANDS[BARE], address], {}, output)
        else:
            run = running.alone(COMMANDS[tap], address, output)
    if file.is_file():
        all_there(rows, _lines(file, b'"RECORD"'))
    return Load(run.seconds, {"tap": run.cpu_seconds})


def into_files(project: Project, tap: str, address: str, rows: int) -> Load:
    """Load by target-jsonl."""
    with TemporaryDirectory() as folder:
        variables = {ADDRESS: address, "TARGET_JSONL_DESTINATION_PATH": folder}
        load = project.load(tap, JSONL, variables)
        (file,) = Path(folder).iterdir()
        all_there(rows, _lines(file))
    return load


def into_postgres(
    project: Project, server: Server, settings: dict[str, str], tap: str, address: str, rows: int
) -> Load:
    """Load by target-postgres into a schema that is not there yet."""
    schema = {"TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": "loaded"}
    load = project.load(tap, POSTGRES, {ADDRESS: address, **server.settings, **settings, **schema})
    all_there(rows, int(server.value_of("select count(*) from loaded.appointment_assignments")))
    server.value_of("drop schema loaded cascade")
    return load


def into_duckdb(project: Project, tap: str, address: str, rows: int) -> Load:
    """Load by target-duckdb into a new file."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "warehouse.duckdb"
        variables = {
            ADDRESS: address,
            "TARGET_DUCKDB_FILEPATH": str(file),
            "TARGET_DUCKDB_DEFAULT_TARGET_SCHEMA": "loaded",
        }
        load = project.load(tap, DUCKDB, variables)
        counted = project.duckdb(file, "select count(*) from loaded.appointment_assignments")
        all_there(rows, int(counted))
    return load


def _lines(file: Path, word: bytes = b"") -> int:
    """Return how many lines of a file have a word in them."""
    with file.open("rb") as lines:
        return sum(word in line for line in lines)


def all_there(wanted: int, found: int) -> None:
    """Refuse a load that lacks rows."""
    if found != wanted:
        raise RuntimeError(f"{found} rows of {wanted} have arrived.")

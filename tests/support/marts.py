"""A working day in both databases, with all that dbt makes of it: built once, then looked at."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg

from examples.sandbox_week import loads, write
from tap_servicetitan_dispatch.page.marts import version
from tests.support.caller import Caller
from tests.support.projects import ROOT, TAP, Project
from tests.support.warehouses import DATABASES, MARTS, STAGING, TAP_SCHEMA
from tools.markdown import blocks, commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.postgresql import PostgreSql
    from tests.support.warehouses import Warehouses

    Row = dict[str, Any]
    Load = tuple[datetime, list[str]]

ASSIGNMENTS = 4000
# A Thursday, from before anybody sets out to the early afternoon in Chicago
FIRST_LOAD = datetime(2026, 11, 19, 12, 40, tzinfo=UTC)
LAST_LOAD = datetime(2026, 11, 19, 20, 40, tzinfo=UTC)
EVERY = timedelta(minutes=10)
LOADS = [FIRST_LOAD + EVERY * number for number in range((LAST_LOAD - FIRST_LOAD) // EVERY + 1)]
TIMEZONE = "America/Chicago"
GROUP = (5, 6)
"""Of a group each has the rows of the single tenant."""
LATE = 20
"""The load whose rows come after all others, some of assignments of which later ones were there."""
CAPACITY = {
    "extra_streams": ["capacities", "sync_log"],
    "timezone": TIMEZONE,
    "capacity_days_back": 1,
    "capacity_days_ahead": 1,
    "keep_history": ["appointment_assignments", "capacities"],
}
PAGE = (ROOT / "docs" / "marts.md").read_text(encoding="utf-8")
QUESTIONS = blocks(PAGE, "sql")


def asked_on_the_day(question: str) -> str:
    """Return a question as if it were asked on the day that was loaded."""
    today = f"date '{LAST_LOAD:%Y-%m-%d}'"
    return question.strip().removesuffix(";").replace("current_date", today)


@dataclass(frozen=True)
class Built:
    """What was built.

    Attributes:
        folder: Where it all is.
    """

    folder: Path

    @property
    def duckdb(self) -> Path:
        return self.folder / "output" / "dispatch.duckdb"

    def rows(self, model: str, database: str = "duckdb") -> list[Row]:
        """Return the rows of a model in a database; those of the group are in others, `…-group`."""
        file = self.folder / database / f"{model}.json"
        found: list[Row] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def answers(self, database: str) -> list[list[list[str]]]:
        """Return what the questions of the page get, with the names of the columns."""
        file = self.folder / database / "answers.json"
        found: list[list[list[str]]] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def shown(self, database: str) -> list[str]:
        """Return what dbt shows of the technicians who are free, and of a query in the command."""
        file = self.folder / database / "shown.json"
        found: list[str] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def page(self, database: str) -> Path:
        """Return the folder with the page that was made of a database."""
        return self.folder / "output" / f"page-{database}"

    def versions(self) -> list[int]:
        """Return what PostgreSQL calls the marts, and after they were built of the group."""
        found: list[int] = json.loads((self.folder / "versions.json").read_text(encoding="utf-8"))
        return found

    def sql(self, model: str) -> str:
        """Return a model as dbt has compiled it for DuckDB."""
        compiled = self.folder / "transform/target/duckdb/compiled/servicetitan_dispatch/models"
        (file,) = compiled.glob(f"*/{model}.sql")
        return file.read_text(encoding="utf-8")


def build(project: Project, warehouses: Warehouses) -> Built:
    """Load the day, build the marts in both databases, and keep what is in them.

    What comes last is loaded by the commands that the documents show.

    Args:
        project: A Meltano project in which all is installed, for this alone.
        warehouses: Where the marts of a group are built, by a dbt that has been started.
    """
    built = Built(project.folder)
    files = project.folder / "output"
    caller = Caller.of(assignments=ASSIGNMENTS, at=FIRST_LOAD)
    warehouses.loads()  # away with what others have loaded
    server = warehouses.server
    with caller:
        variables = server.settings | {"TAP_SERVICETITAN_DISPATCH_API_URL": caller.sandbox.url}
        on_time: list[Load] = []
        late: list[Load] = []
        all_loads = loads(caller.sandbox, caller.clock, LOADS, lambda _: CAPACITY)
        for number, messages in enumerate(all_loads):
            (late if number == LATE else on_time).append((caller.clock.now, messages))
        caller.clock.now = LAST_LOAD

        for now, messages in (*on_time, *late):
            write(messages, files, now)
        _load_into(server, project, [line for _, all_of in (*on_time, *late) for line in all_of])
        for database, *plugins in (
            ("duckdb", "target-jsonl", "dbt-duckdb:build", "dispatch-page:build"),
            ("postgres", "target-postgres", "dbt-postgres:build", "dispatch-page:build-postgres"),
        ):
            into = {"DISPATCH_PAGE_INTO": str(built.page(database))}
            project.meltano("run", TAP, *plugins, **variables, **into)
        shown = {each: _show(project, each, variables) for each in DATABASES}

        for name, where in zip(DATABASES, (str(built.duckdb), server.url), strict=True):
            _keep(where, project.folder / name)
            (project.folder / name / "shown.json").write_text(json.dumps(shown[name]))
        first = version(server.url, None)
        _build_of_group(warehouses, project)
        versions = [first, version(server.url, None)]
        (project.folder / "versions.json").write_text(json.dumps(versions), encoding="utf-8")
    return built


def _build_of_group(warehouses: Warehouses, project: Project) -> None:
    """Build the models once more, of a group of which each tenant has the same rows."""
    server, single = warehouses.server, "single"
    server.query(f"alter schema {TAP_SCHEMA} rename to {single}")
    group = warehouses.loads(DISPATCH_TIMEZONE=TIMEZONE)
    server.query(f"create schema {TAP_SCHEMA}")
    for table in server.names_of_tables(single):
        copy = f"""
            create table {TAP_SCHEMA}.{table} as table {single}.{table};
            alter table {TAP_SCHEMA}.{table} add column if not exists "tenantId" bigint;
            create temporary table other as table {TAP_SCHEMA}.{table};
            update {TAP_SCHEMA}.{table} set "tenantId" = {GROUP[0]};
            update other set "tenantId" = {GROUP[1]};
            insert into {TAP_SCHEMA}.{table} table other
        """  # noqa: S608 - our own
        server.query(copy)
    server.query(f"drop schema {single} cascade")
    for file in project.files("jsonl"):
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        lines = [json.dumps(row | {"tenantId": number}) for number in GROUP for row in rows]
        text = "".join(f"{line}\n" for line in lines)
        (group.folder / file.name).write_text(text, encoding="utf-8")
    group.build()
    for database in DATABASES:
        (folder := project.folder / f"{database}-group").mkdir()
        for model in (*STAGING, *MARTS):
            found = json.dumps(group.rows_in(database, model))
            (folder / f"{model}.json").write_text(found, encoding="utf-8")


def _load_into(server: PostgreSql, project: Project, messages: list[str]) -> None:
    """Have target-postgres load messages of many runs in one."""
    schema = {"TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": TAP.replace("-", "_")}
    target = project.folder / ".meltano/loaders/target-postgres/venv/bin/target-postgres"
    ran = subprocess.run(  # noqa: S603 - our own command
        [target, "--config=ENV"],
        input="".join(messages),
        env={**os.environ, **server.settings, "PGTZ": "UTC", **schema},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def _show(project: Project, database: str, variables: dict[str, str]) -> list[str]:
    """Return the tables that dbt shows by the commands of the page."""
    tomorrow = json.dumps({"dispatch_tomorrow": f"{LAST_LOAD + timedelta(days=1):%Y-%m-%d}"})
    command = ("invoke", f"dbt-{database}:hours-tomorrow", "--vars", tomorrow)
    (line,) = (each for each in commands(PAGE) if f"dbt-{database} show" in each)
    # In this order dbt parses the project once: other vars have it do so again
    asked = project.meltano(*shlex.split(line)[1:], **variables)
    return [project.meltano(*command, **variables), asked]


def _keep(where: str, folder: Path) -> None:
    """Write what is in a database into files: rows and answers."""
    folder.mkdir()
    with _asked(where) as ask:
        for model in (*STAGING, *MARTS):
            query = f"select cast(to_json(found) as text) from {model} as found"  # noqa: S608 - our own
            rows = [json.loads(row) for (row,) in ask(query).fetchall()]
            (folder / f"{model}.json").write_text(json.dumps(rows), encoding="utf-8")
        answers = []
        for question in QUESTIONS:
            answer = ask(asked_on_the_day(question))
            names = [column[0] for column in answer.description]
            answers.append([names, *([*map(str, row)] for row in answer.fetchall())])
        (folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")


@contextmanager
def _asked(where: str) -> Iterator[Callable[[str], Any]]:
    """Connect to a database, and give what asks it."""
    connection: Any
    if where.startswith("postgresql://"):
        connection = psycopg.connect(where)
        connection.execute("set search_path to dispatch; set time zone 'UTC'")
    else:
        connection = duckdb.connect(where, read_only=True)
        connection.execute("set TimeZone = 'UTC'")
    with connection:
        yield connection.execute

"""A working day in both databases, with all that dbt makes of it: built once, then looked at."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import yaml

from examples.__main__ import main
from examples.database import Marts
from examples.sandbox_day import ASSIGNMENTS, FIRST_LOAD, LAST_LOAD, loads, write
from tests.support.caller import Caller
from tests.support.postgresql import PostgreSql
from tests.support.projects import ROOT, TAP, Project
from tools.markdown import blocks, commands

if TYPE_CHECKING:
    from pathlib import Path

    Row = dict[str, Any]
    Load = tuple[datetime, list[str]]

TIMEZONE = "America/Chicago"
DATABASES = ("duckdb", "postgres")
OTHER_TENANT = 5
"""In the files there is a second tenant with the same rows."""
GROUP = (OTHER_TENANT, 6)
"""Of a group in PostgreSQL each has the rows of the single tenant there."""
LATE = 20
"""The load whose rows come after all others, some of assignments of which later ones were there."""
CAPACITY = {
    "extra_streams": ["capacities", "sync_log"],
    "timezone": TIMEZONE,
    "capacity_days_back": 1,
    "capacity_days_ahead": 1,
    "capacity_keep_history": True,
}
PAGE = (ROOT / "docs" / "marts.md").read_text(encoding="utf-8")
QUESTIONS = blocks(PAGE, "sql")
MODELS = ROOT / "transform" / "models"
STAGING = sorted(file.stem for file in (MODELS / "staging").glob("*.sql"))
MARTS = sorted(file.stem for file in (MODELS / "marts").glob("*.sql"))


def history_maps() -> dict[str, Any]:
    """Return the stream maps that the project has for whoever uncomments them."""
    project = (ROOT / "meltano.yml").read_text(encoding="utf-8")
    (commented,) = re.findall(r"^    # config:\n((?:    #   .*\n)+)", project, re.MULTILINE)
    config = yaml.safe_load(re.sub(r"^    # ", "", commented, flags=re.MULTILINE))
    maps: dict[str, Any] = config["stream_maps"]
    return maps


def asked_on_the_day(question: str) -> str:
    """Return a question as if it were asked on the day that was loaded, of the first tenant."""
    today = f"date '{LAST_LOAD:%Y-%m-%d}'"
    asked = question.strip().removesuffix(";").replace("current_date", today)
    own = rf"from (select * from \1 where tenant_id <> {OTHER_TENANT}) as \1"  # noqa: S608 - our own
    return re.sub(r"from (\w+)", own, asked)


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
        """Return the rows of a model, those of the other tenant left out."""
        found = self.all_rows(model, database)
        return [row for row in found if row["tenant_id"] != OTHER_TENANT]

    def all_rows(self, model: str, database: str) -> list[Row]:
        """Return the rows of a model in a database, or of the group in PostgreSQL."""
        file = self.folder / database / f"{model}.json"
        found: list[Row] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def rows_of_the_other_tenant(self, model: str) -> list[Row]:
        found = self.all_rows(model, "duckdb")
        return [row for row in found if row["tenant_id"] == OTHER_TENANT]

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

    def pictures(self, database: str) -> Path:
        return self.folder / database

    def sql(self, model: str) -> str:
        """Return a model as dbt has compiled it for DuckDB."""
        compiled = self.folder / "transform/target/duckdb/compiled/dispatch/models"
        (file,) = compiled.glob(f"*/{model}.sql")
        return file.read_text(encoding="utf-8")


def build(project: Project) -> Built:
    """Load the day, build the marts in both databases, and keep what is in them.

    The histories are built twice: when some of the day has been loaded, and in the end. What comes
    last is loaded by the commands that the documents show.
    """
    built = Built(project.folder)
    project.meltano("install", TAP, "target-jsonl", "target-postgres", "dbt-duckdb", "dbt-postgres")
    files = project.folder / "output"
    files.mkdir(exist_ok=True)
    caller = Caller.of(assignments=ASSIGNMENTS, at=FIRST_LOAD)
    with PostgreSql() as server, caller:
        variables = server.settings | {"TAP_SERVICETITAN_DISPATCH_API_URL": caller.sandbox.url}
        earlier: list[Load] = []
        late: list[Load] = []
        later: list[Load] = []
        maps = {"stream_maps": history_maps()}
        for number, messages in enumerate(loads(caller.sandbox, caller.clock, **CAPACITY, **maps)):
            part = late if number == LATE else later if number > 2 * LATE else earlier
            part.append((caller.clock.now, messages))
        caller.clock.now = LAST_LOAD

        for parts in (earlier, [*later, *late]):
            for now, messages in parts:
                _write_for_two_tenants(messages, files, now)
            _load_into(server, project, [line for _, messages in parts for line in messages])
            if parts is earlier:
                for database in DATABASES:
                    select = ("--select", "+assignment_history", "--exclude-resource-type=test")
                    target = () if database == "duckdb" else ("--target", database)
                    command = ("invoke", f"dbt-{database}", "build", *target, *select)
                    project.meltano(*command, **variables)
        for database, loader in zip(DATABASES, ("target-jsonl", "target-postgres"), strict=True):
            project.meltano("run", TAP, loader, f"dbt-{database}:build", **variables)

        project.meltano("invoke", "dbt-duckdb:freshness", **variables)  # which warns at most
        shown = {each: _show(project, each, variables) for each in DATABASES}

        for name, where in zip(DATABASES, (str(built.duckdb), server.url), strict=True):
            _keep(where, project.folder / name)
            (project.folder / name / "shown.json").write_text(json.dumps(shown[name]))
        _build_of_group(server, project, variables)
    return built


def _build_of_group(server: PostgreSql, project: Project, variables: dict[str, str]) -> None:
    """Build the models once more, of tables as a group has them, with the rows of each tenant."""
    single, group, marts = TAP.replace("-", "_"), "of_group", "dispatch_of_group"
    server.query(f"create schema {group}")
    for table in server.names_of_tables(single):
        copy = f"""
            create table {group}.{table} as table {single}.{table};
            alter table {group}.{table} add column if not exists "tenantId" bigint;
            create temporary table other as table {group}.{table};
            update {group}.{table} set "tenantId" = {GROUP[0]};
            update other set "tenantId" = {GROUP[1]};
            insert into {group}.{table} table other
        """  # noqa: S608 - our own
        server.query(copy)
    schemas = {"DISPATCH_SOURCE_SCHEMA": group, "DISPATCH_SCHEMA": marts}
    project.meltano("invoke", "dbt-postgres", "run", "--target=postgres", **variables, **schemas)
    folder = project.folder / "group"
    folder.mkdir()
    for model in (*STAGING, *MARTS):
        found = server.query(f"select to_json(found) as row from {marts}.{model} as found")  # noqa: S608 - our own
        rows = json.dumps([each["row"] for each in found])
        (folder / f"{model}.json").write_text(rows, encoding="utf-8")


def _write_for_two_tenants(messages: list[str], folder: Path, now: datetime) -> None:
    """Write the files of a load, and once more as a group's run would for another tenant."""
    of_streams = [line for line in messages if '_history"' not in line[:60]]
    write(of_streams, folder, now)
    others = []
    for message in map(json.loads, of_streams):
        if message["type"] == "RECORD":
            message["record"]["tenantId"] = OTHER_TENANT
            others.append(json.dumps(message))
    write(others, folder, now + timedelta(seconds=1))


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
    tomorrow = json.dumps({"tomorrow": f"date '{LAST_LOAD:%Y-%m-%d}' + 1"})
    command = ("invoke", f"dbt-{database}:free-tomorrow", "--vars", tomorrow)
    (line,) = (each for each in commands(PAGE) if f"dbt-{database} show" in each)
    return [
        project.meltano(*arguments, **variables)
        for arguments in (command, tuple(shlex.split(line)[1:]))
    ]


def _keep(where: str, folder: Path) -> None:
    """Write what is in a database into files: rows, answers, pictures."""
    folder.mkdir()
    with Marts(where, "UTC") as marts:
        for model in (*STAGING, *MARTS):
            query = f"select cast(to_json(found) as text) from {model} as found"  # noqa: S608 - our own
            rows = [json.loads(row) for (row,) in marts.rows(query)]
            (folder / f"{model}.json").write_text(json.dumps(rows), encoding="utf-8")
        answers = [marts.shown(asked_on_the_day(question)) for question in QUESTIONS]
        (folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
    main([where, "--into", str(folder)])


def made(built: Built, folder: Path) -> Path:
    """Return a database of the models that the pictures need, made of files in a folder."""
    streams = (
        "appointment_assignments",
        "technician_shifts",
        "non_job_appointments",
    )
    for stream in streams:
        (folder / f"{stream}-.jsonl").touch()  # DuckDB takes none for an error
    database = folder / "dispatch.duckdb"
    database.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"attach '{built.duckdb}' as built (read_only)")
        connection.execute("set TimeZone = 'UTC'")
        for model in (
            "stg_appointment_assignments",
            "stg_assignment_versions",
            "stg_technician_shifts",
            "stg_non_job_appointments",
            "technicians",
            "time_away",
            "current_assignments",
            "assignment_history",
            "technician_availability",
        ):
            sql = built.sql(model).replace("'output/", f"'{folder}/")
            connection.execute(f"create table {model} as from built.{model} limit 0")
            connection.execute(f"insert into {model} {sql}")
    return database

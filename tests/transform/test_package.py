"""The models in somebody else's dbt project, which has some of the same names."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.projects import ROOT
from tests.support.warehouses import DATABASES
from tests.transform.rows import assignment, at, of_tenant
from tools.markdown import blocks, section

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.warehouses import Loads

pytestmark = pytest.mark.warehouse

THEIRS = {
    **{
        f"models/{name}.sql": "select 'theirs' as whose"
        for name in ("technicians", "freshness", "time_away", "current_assignments", "tenants")
    },
    "models/report.sql": (
        "select whose, (select count(*) from {{ ref('dispatch_technicians') }}) as technicians "
        "from {{ ref('technicians') }}"
    ),
    "macros/theirs.sql": "".join(
        f"{{% macro {name} %}}theirs{{% endmacro %}}\n"
        for name in (
            "rows_of(stream)",
            "latest_rows()",
            "day_of(x)",
            "each_day(a, b)",
            "seconds_of(x)",
            "duckdb__each_day(a, b)",
            "postgres__each_day(a, b)",
            "quoted(x)",
            "shown(x)",
        )
    ),
    "tests/generic/is_key.sql": "{% test is_key(model) %}select 1{% endtest %}",
}
VARS: dict[str, Any] = {
    "dispatch_timezone": "America/Chicago",
    "dispatch_tenants": {5: {"name": "D'Arcy", "timezone": "Asia/Tokyo"}},
    "dispatch_streams_off": ["technician_tracking"],
    "dispatch_source_schema": "of_theirs",
    "dispatch_longest_visit_hours": 1,
    "dispatch_appointments": (
        '(select 5 as whose, 100 as id, null as "jobId", null as "start", null as "end", '
        "'2026-06-18T12:00:00Z' as begins, '2026-06-18T14:00:00Z' as \"arrivalWindowEnd\", "
        "timestamp '2026-06-18 11:00:00' as \"modifiedOn\") as jobs"
    ),
    "dispatch_appointments_columns": {"tenant_id": "whose", "window_starts_at": "begins"},
}
SCHEMAS = {"duckdb": "main", "postgres": "dispatch"}
LOCAL, GIT = (
    yaml.safe_load(text)
    for text in blocks(section("docs/marts.md", "In a dbt project of your own"), "yaml")[:2]
)


@pytest.fixture(params=DATABASES)
def theirs(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """A project that has ours as a package: a folder for DuckDB, a repository for PostgreSQL."""
    project = tmp_path / "theirs"
    packages, described = (dict(each["packages"][0]) for each in (LOCAL, GIT))
    ignored = shutil.ignore_patterns("target", "logs", "dbt_packages")
    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "transform", clone / "transform", ignore=ignored)
    if request.param == "duckdb":
        packages["local"] = packages["local"].replace("../tap-servicetitan-dispatch", str(clone))
    else:
        git = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(clone))
        for command in (
            ("init", "-q"),
            ("add", "."),
            ("commit", "-qm", "all"),
            ("tag", described["revision"]),
        ):
            subprocess.run([*git, *command], check=True)  # noqa: S603 - our own command
        packages = described | {"git": f"file://{clone}"}
    files = THEIRS | {
        "packages.yml": yaml.safe_dump({"packages": [packages]}),
        "dbt_project.yml": yaml.safe_dump(
            {
                "name": "theirs",
                "profile": "servicetitan_dispatch",
                "vars": VARS,
                "models": {"servicetitan_dispatch": {"+schema": "dispatch_models"}},
            }
        ),
        "profiles.yml": (ROOT / "transform/profiles.yml").read_text(encoding="utf-8"),
    }
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    return request.param, project


def test_the_package_builds_beside_models_and_macros_of_the_same_names(
    loads: Loads, theirs: tuple[str, Path]
) -> None:
    database, project = theirs
    loads.schema = VARS["dispatch_source_schema"]
    loads.load(
        at("12:00"),
        appointment_assignments=[
            *of_tenant(5, assignment(1)),
            *of_tenant(6, assignment(1, technicianName="Ben Ito")),
            *of_tenant(6, assignment(2, status="Dispatched", technicianName="Ben Ito")),
        ],
        technician_tracking=of_tenant(5, {"technicianId": 7, "appointmentId": 100}),
    )
    moved = {"dispatch_folder": str(loads.folder)}
    elsewhere = {"TARGET_JSONL_DESTINATION_PATH": "/nobody", "DISPATCH_SOURCE_SCHEMA": "nobody"}
    dbt = loads.warehouses.dbts[database]
    for command in (("deps",), ("build", "--exclude", "tag:dispatch_unit_test")):
        ended = dbt(*command, said=moved, **elsewhere, **dbt.project(project))
        assert ended.is_good, ended.trouble
    assert "unit test" not in ended.text.partition("Finished")[2]
    own = SCHEMAS[database]
    assert loads.asked(database, f"select * from {own}.report") == [("theirs", 2)]  # noqa: S608 - our own
    asked = f"select {{}} from {own}_dispatch_models.{{}} order by 1".format  # noqa: S608 - our own
    tenants = loads.asked(database, asked("tenant_id, tenant_name, time_zone", "dispatch_tenants"))
    assert tenants == [(5, "D'Arcy", "Asia/Tokyo"), (6, None, "America/Chicago")]
    assert loads.asked(database, asked("technician_id", "dispatch_stg_technician_tracking")) == []
    forgotten = loads.asked(database, asked("forgotten_because", "dispatch_under_way"))
    assert forgotten == [("too long ago",)]
    windows = "tenant_id, appointment_id, window_ends_at - window_starts_at, modified_on"
    (promised,) = loads.asked(database, asked(windows, "dispatch_promised"))
    assert promised == (5, 100, timedelta(hours=2), at("11:00"))
    loads.warehouses.server.query(f"drop schema {loads.schema} cascade")

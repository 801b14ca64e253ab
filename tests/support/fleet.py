"""The fleet of examples/fleet on workers with folders of their own, as containers have them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from examples.fleet.shards import TENANTS_YML, Fleet
from tap_servicetitan_dispatch.sandbox import CREDENTIALS, Contractor
from tests.support.contents import contents
from tests.support.projects import ALL_IS_THERE, PLUGINS, ROOT, Project, inherited
from tests.support.stored import by_postgres, latest, stored
from tests.support.streams import OFFERED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.caller import Caller
    from tests.support.postgresql import PostgreSql

PER_SHARD = ("client_id", "client_secret", "app_key")
NEIGHBOURS = (1_000_000_003, 1_000_000_004)
"""Of these two, in different shards, rows have the same ids and say something else."""


def contractors(fleet: Fleet) -> list[Contractor]:
    """Return small contractors for all tenants of a fleet."""
    numbers = [number for shard in fleet.shards for number in shard.tenants]
    return [
        Contractor(
            number, seed=99 if number in NEIGHBOURS else None, assignments=40, staff=number % 2
        )
        for number in numbers
    ]


def tenants_yml(folder: Path, **changed: Any) -> Path:
    """Write the fleet of the example, with something changed, and return the file."""
    content = yaml.safe_load(TENANTS_YML.read_text(encoding="utf-8"))
    path = folder / "tenants.yml"
    path.write_text(yaml.safe_dump(content | changed), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Worker:
    """A machine: a folder of its own with an installed project, and what it shares with others."""

    folder: Path
    variables: dict[str, str]

    @classmethod
    def copied_from(cls, project: Project, folder: Path, variables: dict[str, str]) -> Worker:
        """Return a new one, as from an image in which the project is installed."""
        folder.mkdir()
        for name in ("meltano.yml", "target-log.yml"):
            shutil.copy(project.folder / name, folder)
        (folder / ".meltano").mkdir()
        for name in PLUGINS:
            (folder / ".meltano" / name).symlink_to(project.folder / ".meltano" / name)
        shutil.copy(project.folder / ".meltano" / "meltano.db", folder / ".meltano")
        return cls(folder, variables)

    def start(self, *command: str, **variables: str) -> subprocess.Popen[str]:
        own = {"MELTANO_PROJECT_ROOT": str(self.folder), **ALL_IS_THERE}
        return subprocess.Popen(  # noqa: S603 - our own command
            command,
            cwd=ROOT,
            env=inherited("DAGSTER_", "FLEET_") | self.variables | own | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def shared(
    folder: Path, fleet: Fleet, caller: Caller, server: PostgreSql, file: Path
) -> dict[str, str]:
    """Return what all workers have in their environment."""
    secrets = json.dumps({name: CREDENTIALS[name] for name in PER_SHARD})
    named = {shard.credentials for shard in fleet.shards}
    named |= {
        item["credentials"]
        for shard in fleet.shards
        for item in shard.items
        if "credentials" in item
    }
    return (
        server.settings
        | dict.fromkeys(named, secrets)
        | {
            "FLEET_TENANTS": str(file),
            "FLEET_MELTANO": str(Path(sys.executable).with_name("meltano")),
            "MELTANO_ENVIRONMENT": "production",
            "MELTANO_STATE_BACKEND_URI": f"file://{folder}/state",
            "TAP_SERVICETITAN_DISPATCH_API_URL": caller.sandbox.url,
            "TAP_SERVICETITAN_DISPATCH_AUTH_URL": caller.sandbox.token_url,
            "TAP_SERVICETITAN_DISPATCH_MAX_RETRIES": "2",
        }
    )


def expected(caller: Caller, tenants: Iterable[int]) -> dict[str, dict[Any, dict[str, Any]]]:
    """Return what PostgreSQL has to have of some tenants, by stream and key."""
    found: dict[str, dict[Any, dict[str, Any]]] = {stream: {} for stream in OFFERED}
    for number in tenants:
        rows = contents(caller.of_tenant(number))
        for row in chain.from_iterable(rows.values()):
            row["tenantId"] = number
        for stream, those in stored(rows, by_postgres).items():
            found[stream] |= {(number, key): row for key, row in those.items()}
    return found


def loaded(server: PostgreSql, schema: str, tenants: Iterable[int]) -> Any:
    """Return what it has of them."""
    tables = server.tables(schema)
    return {
        stream: {
            (number, key): row
            for number in tenants
            for key, row in latest(
                [{stream: [row for row in tables[stream] if row["tenantId"] == number]}]
            )[stream].items()
        }
        for stream in OFFERED
    }


def counted(server: PostgreSql, fleet: Fleet) -> int:
    """Return how many rows there are in all shards."""
    return sum(len(rows) for shard in fleet.shards for rows in server.tables(shard.schema).values())


def edit(caller: Caller) -> None:
    """Add a zone of a tenant, edit one, and delete one."""
    first, second, *_ = caller.get("zones")["data"]
    caller.send("POST", "zones", {"name": f"New at {caller.tenant_id}"})
    caller.send("PATCH", f"zones/{first['id']}", {"name": f"Edited at {caller.tenant_id}"})
    caller.send("DELETE", f"zones/{second['id']}")


def finish(*processes: subprocess.Popen[str]) -> list[str]:
    """Wait for processes, and return what each printed; all have to end well."""
    said = [process.communicate()[0] for process in processes]
    for process, text in zip(processes, said, strict=True):
        assert process.returncode == 0, text
    return said

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_servicetitan_dispatch.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
INSTALLED_FROM = ("pyproject.toml", "README.md", "LICENSE", "meltano.yml")
PACKAGE = "tap_servicetitan_dispatch"


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: datetime = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Project:
    """A copy of the repository's Meltano project, in which nothing is installed yet."""

    folder: Path
    api_url: str

    def meltano(self, *arguments: str) -> str:
        """Run Meltano and return its stdout."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MELTANO_", "TAP_", "TARGET_"))
        }
        environment = inherited | {
            "MELTANO_HUB_URL": "http://127.0.0.1:9",  # nobody there: whoever asks the Hub fails
            "TAP_SERVICETITAN_DISPATCH_API_URL": self.api_url,
        }
        ran = subprocess.run(  # noqa: S603 - our own command
            [Path(sys.executable).with_name("meltano"), *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def load(self, *options: str) -> list[dict[str, Any]]:
        """Run `meltano el` and return the records of the file that it adds."""
        before = self._files()
        self.meltano(
            "el", "tap-servicetitan-dispatch", "target-jsonl", "--state-id", "test", *options
        )
        (added,) = self._files() - before
        return [json.loads(line) for line in added.read_text(encoding="utf-8").splitlines()]

    @property
    def state(self) -> Any:
        return json.loads(self.meltano("state", "get", "test"))

    def _files(self) -> set[Path]:
        return set(self.folder.glob("output/*.jsonl"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock, assignments=500) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Project:
    for name in INSTALLED_FROM:
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(
        ROOT / PACKAGE, tmp_path / PACKAGE, ignore=shutil.ignore_patterns("__pycache__")
    )
    return Project(tmp_path, sandbox.url)


def feed(sandbox: Sandbox, start: str | None = None) -> list[dict[str, Any]]:
    """Return what the export feed gives from a token on, read without the tap."""
    form = {"grant_type": "client_credentials", **sandbox.credentials}
    token = requests.post(sandbox.token_url, data=form, timeout=10).json()["access_token"]
    address = f"{sandbox.url}/dispatch/v2/tenant/{sandbox.credentials['tenant_id']}"
    records: list[dict[str, Any]] = []
    more = True
    while more:
        page = requests.get(
            f"{address}/export/appointment-assignments",
            params={"active": "Any", "from": start},
            headers={
                "Authorization": f"Bearer {token}",
                "ST-App-Key": sandbox.credentials["app_key"],
            },
            timeout=10,
        ).json()
        start, more = page["continueFrom"], page["hasMore"]
        records += [{**record, "continueFrom": start} for record in page["data"]]
    return records


def stored(token: str) -> dict[str, Any]:
    bookmark = {"replication_key": "continueFrom", "replication_key_value": token}
    return {"singer_state": {"bookmarks": {"appointment_assignments": bookmark}}}


@pytest.mark.timeout(300)  # Meltano installs the tap and the target
def test_meltano_loads_everything_once_then_what_changed_and_everything_when_told(
    project: Project, sandbox: Sandbox, clock: Clock
) -> None:
    description = (project.folder / "meltano.yml").read_bytes()

    first = project.load()
    assert len(first) > 400
    assert first == feed(sandbox)
    token = first[-1]["continueFrom"]
    assert project.state == stored(token)

    clock.now += timedelta(hours=1)
    second = project.load()
    assert 0 < len(second) < 100
    assert second == feed(sandbox, token)
    assert project.state == stored(second[-1]["continueFrom"])

    assert project.load("--full-refresh") == feed(sandbox)

    assert (project.folder / "meltano.yml").read_bytes() == description

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_servicetitan_dispatch.sandbox import Sandbox
from tests.support.projects import Project
from tests.support.streams import EXTRA, OFFERED, PAGED, PATHS, STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = pytest.mark.warehouse


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still at the start of the test.

    The tap reads some resources for the days around the present, so it has to be today.
    """
    return Clock(datetime.now(UTC))


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock, assignments=500) as running:
        yield running


class Api:
    """The sandbox, read without the tap."""

    def __init__(self, sandbox: Sandbox) -> None:
        form = {"grant_type": "client_credentials", **sandbox.credentials}
        token = requests.post(sandbox.token_url, data=form, timeout=10).json()["access_token"]
        self._address = f"{sandbox.url}/dispatch/v2/tenant/{sandbox.credentials['tenant_id']}"
        self._headers = {
            "Authorization": f"Bearer {token}",
            "ST-App-Key": sandbox.credentials["app_key"],
        }

    def get(self, path: str, **params: Any) -> Any:
        answer = requests.get(
            f"{self._address}/{path}", params=params, headers=self._headers, timeout=10
        )
        return answer.json() if answer.ok else None

    def rows(self, path: str, **params: Any) -> list[dict[str, Any]]:
        pages: list[Any] = []
        while not pages or pages[-1]["hasMore"]:
            pages.append(self.get(path, **params, page=len(pages) + 1, pageSize=5000))
        return [row for page in pages for row in page["data"]]

    def feed(self, start: str | None = None) -> list[dict[str, Any]]:
        """Return what the export feed gives from a token on, as the tap should write it."""
        records: list[dict[str, Any]] = []
        more = True
        while more:
            page = self.get("export/appointment-assignments", active="Any", **{"from": start})
            start, more = page["continueFrom"], page["hasMore"]
            records += [{**record, "continueFrom": start} for record in page["data"]]
        return records

    def capacity(self, day: datetime, days: int) -> list[dict[str, Any]]:
        body = {
            "startsOnOrAfter": f"{day:%Y-%m-%d}T00:00:00Z",
            "endsOnOrBefore": f"{day + timedelta(days=days):%Y-%m-%d}T00:00:00Z",
            "skillBasedAvailability": False,
        }
        answer = requests.post(
            f"{self._address}/capacity", json=body, headers=self._headers, timeout=10
        ).json()
        slots: list[dict[str, Any]] = answer["availabilities"]
        return slots


def token_in(state: Any) -> Any:
    bookmark = state["singer_state"]["bookmarks"]["appointment_assignments"]
    assert bookmark.keys() == {"replication_key", "replication_key_value", "keeps_history"}
    assert bookmark["replication_key"] == "continueFrom"
    return bookmark["replication_key_value"]


def test_meltano_loads_everything_once_then_what_changed_and_everything_when_told(
    tmp_path: Path, sandbox: Sandbox, clock: Clock
) -> None:
    project = Project.copied_to(tmp_path)
    description = (project.folder / "meltano.yml").read_bytes()

    def load(*options: str) -> list[dict[str, Any]]:
        loaded = project.load(
            "--state-id", "test", *options, TAP_SERVICETITAN_DISPATCH_API_URL=sandbox.url
        )
        return loaded["appointment_assignments"]

    first = load()
    assert len(first) > 400
    assert first == Api(sandbox).feed()
    token = first[-1]["continueFrom"]
    project = replace(project, is_installed=True)
    assert token_in(project.state("test")) == token

    clock.now += timedelta(days=3)  # however late, and over any weekend, something happens
    second = load()
    assert 0 < len(second) < 100
    assert second == Api(sandbox).feed(token)
    assert token_in(project.state("test")) == second[-1]["continueFrom"]

    assert load("--full-refresh") == Api(sandbox).feed()

    assert (project.folder / "meltano.yml").read_bytes() == description


def test_meltano_loads_all_streams_when_the_extra_ones_are_named(
    project: Project, sandbox: Sandbox, clock: Clock
) -> None:
    loaded = project.load(
        TAP_SERVICETITAN_DISPATCH_API_URL=sandbox.url,
        TAP_SERVICETITAN_DISPATCH_EXTRA_STREAMS=json.dumps(EXTRA),
        # Back to what somebody forgot to finish on the first day that the sandbox has
        TAP_SERVICETITAN_DISPATCH_TRACKING_LOOKBACK_DAYS="120",
    )

    api = Api(sandbox)
    assignments = api.rows("appointment-assignments", active="Any")
    live = {
        (row["technicianId"], row["appointmentId"])
        for row in assignments
        if row["active"] and row["status"] in {"Dispatched", "Working"}
    }
    tracked = [
        pair
        for pair in live
        if api.get("technician-tracking", technicianId=pair[0], appointmentId=pair[1])
    ]
    today = clock.now.replace(hour=0)
    expected = {
        "appointment_assignments": len(api.feed()),
        "arrival_window_configuration": 1,
        "business_hours": 1,
        "capacities": len(api.capacity(today, 7) + api.capacity(today + timedelta(days=7), 8)),
        "technician_tracking": len(tracked),
        **{
            stream: len(api.rows(PATHS[stream], **STREAMS[stream].inactive_too)) for stream in PAGED
        },
    }
    assert {stream: len(rows) for stream, rows in loaded.items()} == {
        stream: count for stream, count in expected.items() if count
    }
    assert set(expected) - set(loaded) <= {"technician_tracking"}, "nobody is under way by night"


def test_meltano_checks_with_the_settings_of_the_project(
    project: Project, sandbox: Sandbox
) -> None:
    command = ("invoke", "tap-servicetitan-dispatch:check", "--check=json")
    shown = json.loads(project.meltano(*command, TAP_SERVICETITAN_DISPATCH_API_URL=sandbox.url))
    assert shown["ok"]
    assert len(sandbox.calls) == 1 + len(OFFERED) == 1 + len(shown["steps"][3:]), "one is a token"

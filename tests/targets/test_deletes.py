"""Rows that are deleted for good leave the warehouse, or are marked there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.sandbox import Behaviour
from tap_servicetitan_dispatch.sandbox.world.versions import changed
from tests.support.caller import Caller
from tests.support.contents import contents
from tests.support.projects import TAP
from tests.support.stored import by_postgres, counts, latest, stored
from tests.support.streams import LOG, OFFERED, STREAMS
from tools.markdown import blocks, section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.postgresql import PostgreSql
    from tests.support.projects import Project
    from tests.support.runs import Command

# The first one has Meltano install all plugins
pytestmark = pytest.mark.warehouse

FAMILIES = {
    "non_job_appointments": "non-job-appointments",
    "teams": "teams",
    "technician_shifts": "technician-shifts",
    "technician_skills": "technician-skills",
    "zones": "zones",
}
COUNTS = blocks(section("docs/operations.md", "See that everything is there"), "sql")[1]


@pytest.fixture
def board() -> Iterator[Caller]:
    with Caller.of(assignments=150, behaviour=Behaviour(deletes="hard")) as caller:
        yield caller


def keys(stream: str, rows: list[dict[str, Any]]) -> set[Any]:
    return {tuple(row[name] for name in STREAMS[stream].keys) for row in rows}


def delete_some(board: Caller) -> dict[str, set[Any]]:
    """Delete a row of each list; return their keys by stream."""
    gone = {}
    for stream, family in FAMILIES.items():
        everything = {"active": "Any", "includeInactive": True, "pageSize": 5_000}
        rows = board.get(family, **everything)["data"]
        row = next(each for each in rows[len(rows) // 2 :] if each["active"])
        board.send("DELETE", f"{family}/{row['id']}")
        gone[stream] = {(row["id"],)}
    return gone


@pytest.mark.parametrize("removes", [False, True], ids=["marks", "removes"])
def test_postgres_has_the_rows_that_there_are_and_no_others(
    project: Project, board: Caller, server: PostgreSql, tap: Command, *, removes: bool
) -> None:
    schema = f"deletes_{'hard' if removes else 'soft'}"
    config = {
        "environment": "sandbox",
        "api_url": board.sandbox.url,
        "detect_deleted_every_hours": 24,
        "extra_streams": [LOG],
    }
    settings = {"default_target_schema": schema, "hard_delete": removes, **server.target_settings}
    state: dict[str, Any] = {}

    def load() -> None:
        read = tap.run(config, state, streams=None)
        assert not read.exit_code, read.stderr
        written = project.pipe(read.stdout, "target-postgres", **settings)
        assert not written.returncode, written.stderr
        state.update(json.loads(written.stdout.splitlines()[-1]))

    def rows(stream: str, condition: str) -> list[dict[str, Any]]:
        sql = f'select * from "{schema}"."{stream}" where _sdc_deleted_at is {condition}'  # noqa: S608 - our own name
        return [
            {name: value for name, value in row.items() if not name.startswith("_sdc_")}
            for row in server.query(sql)
        ]

    def assert_alive_are_those_of_the_sandbox() -> None:
        alive = {stream: rows(stream, "null") for stream in OFFERED}
        assert latest([alive]) == stored(contents(board), by_postgres)
        assert counts(alive) == {stream: len(found) for stream, found in latest([alive]).items()}
        counted = server.query(COUNTS.replace(f"{TAP.replace('-', '_')}.", f"{schema}."))
        missing = {each["stream"]: each["missing"] for each in counted}
        assert {stream: missing[stream] for stream in FAMILIES} == dict.fromkeys(FAMILIES, 0)

    load()
    assert_alive_are_those_of_the_sandbox()

    zones = board.sandbox.tenant.zones
    kept = dict(zones.current)
    gone = delete_some(board)
    load()
    for stream, expected in gone.items():
        assert not keys(stream, rows(stream, "not null")), "nothing is due yet"
        assert expected <= keys(stream, rows(stream, "null"))

    board.forward(hours=25)
    load()
    for stream in OFFERED:
        marked = keys(stream, rows(stream, "not null"))
        assert marked == (set() if removes else gone.get(stream, set())), stream
    assert_alive_are_those_of_the_sandbox()

    [(number,)] = gone["zones"]
    zones.put(changed(kept[number], board.sandbox.tenant.tick()))
    load()
    assert not keys("zones", rows("zones", "not null"))
    assert_alive_are_those_of_the_sandbox()

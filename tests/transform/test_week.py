"""A week of a contractor, loaded every hour, on one day every ten minutes, against SQL of its own.

What the feed would have given each load is taken from the sandbox's board. The judge reads these
rows as they are and shares nothing with the models, neither files nor tables nor SQL.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tap_servicetitan_dispatch.sandbox.world.board import LEAD_DAYS, Board
from tap_servicetitan_dispatch.sandbox.world.instants import from_datetime, to_datetime
from tap_servicetitan_dispatch.sandbox.world.roster import Roster
from tap_servicetitan_dispatch.sandbox.world.tenant import EXPORT_DELAY, Tenant
from tests.support.warehouses import MARTS, STAGING
from tests.transform.rows import hours, log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.warehouses import Loads, Warehouses

    Row = dict[str, Any]

pytestmark = [pytest.mark.warehouse, pytest.mark.timeout(600)]  # the first one installs dbt

ASSIGNMENTS = 12_000
TENANT = 1_000_000_001
FIRST = datetime(2026, 11, 16, 6, tzinfo=UTC)  # a Monday, at midnight in Chicago
OFTEN = FIRST + timedelta(days=3)
LAST = FIRST + timedelta(days=7)


def moments() -> Iterator[datetime]:
    """Yield when is loaded."""
    now = FIRST
    while now <= LAST:
        yield now
        now += timedelta(minutes=10 if OFTEN <= now < OFTEN + timedelta(days=1) else 60)


WHEN = [*moments()]


@pytest.fixture(scope="module")
def tenant() -> Tenant:
    """The contractor, as it is in the end."""
    return Tenant(seed=1, assignments=ASSIGNMENTS, clock=lambda: LAST)


@pytest.fixture(scope="module")
def brought(tenant: Tenant) -> dict[datetime, list[Row]]:
    """By load, the versions of assignments that the feed had and had not given before."""
    board = Board(Roster(tenant.company))
    shown = [from_datetime(now) - EXPORT_DELAY for now in WHEN]
    found: dict[datetime, list[Row]] = {now: [] for now in WHEN}
    today = tenant.company.calendar.day_of(tenant.now)
    for day in range(today - 21, today + LEAD_DAYS + 1):
        for version in board.versions(day, shown[0]):
            place = bisect_left(shown, version.modified_on)
            if place < len(shown) and shown[place] < version.until:
                found[WHEN[place]].append(version.wire() | {"continueFrom": "a token"})
    return found


@pytest.fixture(scope="module")
def week(warehouses: Warehouses, brought: dict[datetime, list[Row]], tenant: Tenant) -> Loads:
    """The marts of the week."""
    loads = warehouses.loads(DISPATCH_TIMEZONE="America/Chicago")
    whole: dict[datetime, dict[str, list[Row]]] = {
        now: {
            "appointment_assignments": rows,
            "business_hours": [hours(TENANT)],
            "sync_log": [log(f"{now:%d%H%M}", f"{now:%Y-%m-%dT%H:%M:%SZ}", TENANT)],
        }
        for now, rows in brought.items()
    }
    whole[LAST] |= {
        "technician_shifts": [row.wire() for row in tenant.shifts.current.values()],
        "non_job_appointments": [
            row.wire() for row in tenant.non_job_appointments.current.values()
        ],
    }
    loads.load_all(whole)
    loads.build()
    return loads


@pytest.fixture(scope="module")
def judge(brought: dict[datetime, list[Row]]) -> Iterator[duckdb.DuckDBPyConnection]:
    """All that came in the week, in tables of the judge's own."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'America/Chicago'")
        connection.execute(
            "create table came (load timestamptz, id bigint, technician bigint, visit bigint, "
            "status text, paused boolean, live boolean, edited timestamptz)"
        )
        connection.executemany(
            "insert into came values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (now, row["id"], row["technicianId"], row["appointmentId"], row["status"],
                 row["isPaused"], row["active"], row["modifiedOn"])
                for now, rows in brought.items()
                for row in rows
            ],
        )  # fmt: skip
        connection.execute("create table loads (load timestamptz)")
        connection.executemany("insert into loads values (?)", [(now,) for now in WHEN])
        yield connection


def test_the_week_is_one_that_is_worth_judging(brought: dict[datetime, list[Row]]) -> None:
    rows = [row for new in brought.values() for row in new]
    assert len(WHEN) == 7 * 24 + 1 + 24 * 5
    assert len(rows) > 1000
    assert len({row["id"] for row in rows}) < len(rows)


def test_both_databases_agree_on_every_model(week: Loads) -> None:
    for model in (*STAGING, *MARTS):
        week.rows(model)


NOW = """
select arg_max(id, (edited, id)), arg_max(status, (edited, id))
from came
group by technician, visit
having arg_max(live, (edited, id))
order by 1
"""


def test_who_is_assigned(week: Loads, judge: duckdb.DuckDBPyConnection) -> None:
    found = week.asked(
        "postgres", "select assignment_id, status from dispatch_current_assignments order by 1"
    )
    assert found == judge.execute(NOW).fetchall()
    assert len(found) > 100


STEPS = """
with done as (
  select id, technician, max(edited) as done
  from came
  group by id, technician
  having arg_max(status, edited) = 'Done' and arg_max(live, edited)
),
-- A later edit leaves it done: the first of the last stretch counts
ended as (
  select done.id, done.technician, (
    select min(c.edited) from came c
    where c.id = done.id and c.status = 'Done' and c.live and not exists (
      select 1 from came d
      where d.id = c.id and d.edited > c.edited and (d.status <> 'Done' or not d.live or d.paused)
    )
  ) as done
  from done
)
select
  ended.id, ended.technician, ended.done,
  (select min(edited) from came where came.id = ended.id and status = 'Dispatched') as dispatched,
  (select min(edited) from came where came.id = ended.id and status = 'Working') as working
from ended
"""


def test_when_what_is_done_was_dispatched_and_how_far_apart_the_loads_were(
    week: Loads, judge: duckdb.DuckDBPyConnection
) -> None:
    gap = """
      (select min(load) from loads where load >= {0} + interval 15 minute)
      - (select max(load) from loads where load <= {0} + interval 15 minute)
    """
    gaps = ", ".join(map(gap.format, ("dispatched", "working", "done")))
    expected = judge.execute(
        f"with steps as ({STEPS}) "  # noqa: S608 - our own
        f"select id, dispatched, working, done, date_part('epoch', greatest({gaps})) / 60 "
        "from steps where dispatched < done order by id"
    ).fetchall()
    found = week.asked(
        "postgres",
        "select assignment_id, dispatched_on, working_on, done_on, greatest_gap_minutes "
        "from dispatch_to_done order by assignment_id",
    )
    assert found == expected
    assert {row[4] for row in found} >= {10, 60}


def test_how_much_of_a_day_was_seen(week: Loads, judge: duckdb.DuckDBPyConnection) -> None:
    expected = judge.execute(
        f"with steps as ({STEPS}) "  # noqa: S608 - our own
        "select technician, cast(done as date), count(*), count(*) filter (dispatched < done) "
        "from steps group by 1, 2 order by 1, 2"
    ).fetchall()
    found = week.asked(
        "postgres",
        "select technician_id, day, done, measured from dispatch_coverage order by 1, 2",
    )
    assert found == expected
    of_days: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
    for _, day, done, measured in found:
        if FIRST.date() <= day < LAST.date():
            of_days[day == OFTEN.date()].append((done, measured))
    often, hourly = (
        sum(measured for _, measured in days) / sum(done for done, _ in days)
        for days in (of_days[True], of_days[False])
    )
    assert often > 0.9, "every ten minutes"
    assert 0.3 < hourly < 0.7, "every hour: about half"


AT_WORK = """
with minutes as (
  select distinct technician, unnest(range(begins, ends, interval 1 minute)) as minute
  from spans
  where kind = 'Normal' and begins >= '2026-11-16' and ends < '2026-11-22'
)
select technician, cast(minute as date), count(*) / 60, count(*) filter (not exists (
  select 1 from spans as away
  where away.technician = minutes.technician and away.kind in ('TimeOff', 'Meeting')
    and minute >= away.begins and minute < away.ends
)) / 60
from minutes
group by 1, 2
order by 1, 2
"""


def test_what_is_left_of_the_shifts(
    week: Loads, judge: duckdb.DuckDBPyConnection, tenant: Tenant
) -> None:
    """Minute by minute."""
    spans = [
        (row.technician_id, row.shift_type, to_datetime(row.start), to_datetime(row.end))
        for row in tenant.shifts.current.values()
        if row.active
    ]
    spans += [
        (
            row.technician_id,
            "Meeting",
            to_datetime(row.start),
            to_datetime(row.start + row.duration),
        )
        for row in tenant.non_job_appointments.current.values()
        if row.active
    ]
    judge.execute(
        "create table spans (technician bigint, kind text, begins timestamptz, ends timestamptz)"
    )
    judge.executemany("insert into spans values (?, ?, ?, ?)", spans)
    expected = judge.execute(AT_WORK).fetchall()
    found = week.asked(
        "postgres",
        "select technician_id, day, shift_hours, hours_for_jobs "
        "from dispatch_technician_availability "
        "where day >= date '2026-11-16' and day < date '2026-11-22' order by 1, 2",
    )
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    for row, true in zip(found, expected, strict=True):
        assert row[2:] == pytest.approx(true[2:], abs=2 / 60)
    assert len(found) > 50

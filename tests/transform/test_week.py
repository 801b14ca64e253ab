"""A week of a contractor, loaded every hour, on one day every ten minutes, against SQL of its own.

What the feed would have given each load is taken from the sandbox's board. The judge reads these
rows as they are and shares nothing with the models, neither files nor tables nor SQL.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tap_servicetitan_dispatch.sandbox.world.instants import to_datetime
from tests.support.warehouses import DATABASES, MARTS, STAGING
from tests.transform.happened import day_of, hours, instant, midnight
from tests.transform.rows import hours as opening_hours
from tests.transform.rows import log
from tests.transform.week import FIRST, FORECASTS, LAST, OFTEN, WHEN, happened, promised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan_dispatch.sandbox.world.versions import Table
    from tests.support.warehouses import Loads, Warehouses
    from tests.transform.happened import Happened

    Row = dict[str, Any]

pytestmark = pytest.mark.warehouse

TENANT = 1_000_000_001


@pytest.fixture(scope="module")
def truth() -> Happened:
    return happened()


@pytest.fixture(scope="module")
def week(warehouses: Warehouses, truth: Happened) -> Loads:
    """The marts of the week."""
    loads = warehouses.loads(DISPATCH_TIMEZONE="America/Chicago")
    whole: dict[datetime, dict[str, list[Row]]] = {
        now: {
            "appointment_assignments": [
                row.wire() | {"continueFrom": "a token"} for row in truth.brought[now]
            ],
            "business_hours": [opening_hours(TENANT)],
            "capacities": truth.forecasts.get(now, []),
            "sync_log": [log(f"{now:%d%H%M}", f"{now:%Y-%m-%dT%H:%M:%SZ}", TENANT)],
        }
        for now in WHEN
    }
    tenant = truth.tenant
    tables: dict[str, Table[Any]] = {
        "technician_shifts": tenant.shifts,
        "non_job_appointments": tenant.non_job_appointments,
        "technician_skills": tenant.technician_skills,
        "zones": tenant.zones,
    }
    whole[LAST] |= {
        stream: [row.wire() for row in table.current.values()] for stream, table in tables.items()
    }
    loads.load_all(whole)
    sources = _load_appointments(loads, [promised(each) for each in truth.appointments.values()])
    for database in DATABASES:
        ended = loads.dbt(database, "run", DISPATCH_APPOINTMENTS=sources[database])
        assert ended.is_good, ended.trouble
    return loads


def _load_appointments(loads: Loads, rows: list[Row]) -> dict[str, str]:
    """Load rows as another tap would, and return what to call them in each database."""
    folder, server = loads.folder / "jobs", loads.warehouses.server
    folder.mkdir()
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "appointments-20261123T210000.jsonl").write_text(lines, encoding="utf-8")
    columns = ", ".join(
        f'"{name}" {"bigint" if isinstance(value, int) else "timestamp"}'
        for name, value in rows[0].items()
    )
    server.query("drop schema if exists tap_servicetitan cascade")
    server.query("create schema tap_servicetitan")
    cut = re.sub(r"(\.\d{6})\d+Z", r"\1Z", json.dumps(rows))
    found = f"select * from jsonb_to_recordset(%s::jsonb) as row ({columns})"  # noqa: S608 - our own
    server.query(f"create table tap_servicetitan.appointments as {found}", cut)
    return {
        "duckdb": f"read_json('{folder}/appointments-*.jsonl')",
        "postgres": "tap_servicetitan.appointments",
    }


@pytest.fixture(scope="module")
def judge(truth: Happened) -> Iterator[duckdb.DuckDBPyConnection]:
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
                (now, row.id, row.technician.id, row.appointment_id, row.status,
                 row.paused, row.active, to_datetime(row.modified_on))
                for now, rows in truth.brought.items()
                for row in rows
            ],
        )  # fmt: skip
        connection.execute("create table loads (load timestamptz)")
        connection.executemany("insert into loads values (?)", [(now,) for now in WHEN])
        yield connection


def test_the_week_is_one_that_is_worth_judging(truth: Happened) -> None:
    rows = [row for new in truth.brought.values() for row in new]
    assert len(WHEN) == 7 * 24 + 15 + 1 + 24 * 5
    assert len(rows) > 1000
    assert len({row.id for row in rows}) < len(rows)


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


def by(rows: list[Row], *names: str) -> dict[Any, Row]:
    """Return rows by some of their columns."""
    return {tuple(row[name] for name in names) if names[1:] else row[names[0]]: row for row in rows}


def test_what_absences_leave_of_the_shifts(week: Loads, truth: Happened) -> None:
    rows = by(week.rows("dispatch_technician_availability"), "technician_id", "day")
    for day in (FIRST.date() + timedelta(days=days) for days in range(15)):
        expected = truth.on_shift_on(day)
        assert {one for one, each in rows if each == str(day)} == expected.keys()
        for technician, (shift, left) in expected.items():
            row = rows[technician, str(day)]
            assert row["shift_hours"] == pytest.approx(shift)
            assert row["hours_left_by_absence"] == pytest.approx(left, abs=1e-6)
    assert min(row["share_left_by_absence"] for row in rows.values()) < 0.8


def test_what_each_technician_is_at_now(week: Loads, truth: Happened) -> None:
    board = by(week.rows("dispatch_board_now"), "technician_id")
    found = {
        technician: (
            row["state"],
            instant(row["since"]),
            row["appointment_id"],
            row["next_appointment_id"] if row["is_sent_on"] else None,
            row["is_on_shift"],
            instant(row["away_until"]),
        )
        for technician, row in board.items()
    }
    assert found == truth.board()
    states = {row["state"] for row in board.values()}
    assert states >= {"on site", "on the way", "nothing under way"}
    assert {instant(row["as_of"]) for row in board.values()} == {LAST}
    assert {row["gap_minutes"] for row in board.values()} == {60}
    starts = {visit: to_datetime(each.start) for visit, each in truth.appointments.items()}
    planned: dict[int, list[datetime]] = {}
    for held in truth.current:
        start = starts[held.appointment_id]
        if held.status == "Scheduled" and start >= midnight(day_of(LAST)):
            planned.setdefault(held.technician.id, []).append(start)
    for technician, row in board.items():
        if not row["is_sent_on"]:
            first = min(planned.get(technician, []), default=None)
            assert instant(row["next_starts_at"]) == first


def test_who_is_under_way_and_who_was_forgotten(week: Loads, truth: Happened) -> None:
    rows = by(week.rows("dispatch_under_way"), "assignment_id")
    found = {key: (instant(row["begun_on"]), row["is_forgotten"]) for key, row in rows.items()}
    assert found == {key: each[1:] for key, each in truth.under_way.items()}
    assert {row["is_forgotten"] for row in rows.values()} == {True, False}
    really = {*truth.really_at_work().items()}
    said = {
        row["is_forgotten"]: {
            (each["technician_id"], each["appointment_id"])
            for each in rows.values()
            if each["status"] == "Working" and each["is_forgotten"] == row["is_forgotten"]
        }
        for row in rows.values()
    }
    assert not really & said[True], "whoever really is at work was not forgotten"
    assert really
    assert really <= said[False]


def test_appointments_whose_technicians_were_all_withdrawn(week: Loads, truth: Happened) -> None:
    assigned = {row.appointment_id for row in truth.current}
    expected: dict[int, datetime] = {}
    for row, moment, _ in truth.withdrawals():
        if row.appointment_id not in assigned:
            expected[row.appointment_id] = max(moment, expected.get(row.appointment_id, moment))
    found = by(week.rows("dispatch_unassigned"), "appointment_id")
    assert {key: instant(row["withdrawn_on"]) for key, row in found.items()} == expected
    assert len(found) > 20


KINDS = {
    "shift_hours": "shift",
    "hours_away": "away",
    "hours_on_the_way": "on the way",
    "hours_on_site": "on site",
    "hours_paused": "paused",
    "hours_arrival_not_seen": "arrival not seen",
    "hours_idle_at_most": "idle",
    "hours_overtime": "overtime",
}


def test_each_technician_s_day(week: Loads, truth: Happened) -> None:
    rows = by(week.rows("dispatch_technician_day"), "technician_id", "day")
    expected = {(technician, str(day)): of_day for technician, day, of_day in truth.days()}
    assert rows.keys() == expected.keys()
    for key, row in rows.items():
        true = expected[key]
        spent = {name: true.get(kind, 0) for name, kind in KINDS.items()}
        assert {name: row[name] for name in KINDS} == pytest.approx(spent, abs=1e-6), key
        for name in ("first_dispatched_on", "first_arrived_on", "last_done_on"):
            assert instant(row[name]) == true[name], (key, name)
        assert (row["visits"], row["visits_in_crew"]) == (true["visits"], true["visits_in_crew"])
        parts = ("hours_away", "hours_on_the_way", "hours_on_site", "hours_paused",
                 "hours_arrival_not_seen", "hours_idle_at_most")  # fmt: skip
        if key[1] < str(LAST.date()):
            left = row["shift_hours"] + row["hours_overtime"]
            assert sum(row[part] for part in parts) == pytest.approx(left)
    for name in KINDS:
        assert sum(row[name] for row in rows.values()) > 1, name
    for moment, at_least in ((OFTEN, 0.9), (OFTEN + timedelta(days=1), 0.3)):
        assert 0.9 < _share_seen(rows, truth, moment) < 1.1, "most visits take longer than an hour"
        of_day = [row for (_, day), row in rows.items() if day == str(day_of(moment))]
        measured = [row["share_measured"] for row in of_day if row["visits"]]
        assert at_least < sum(measured) / len(measured) < at_least + 0.4, "as often as was loaded"


def _share_seen(rows: dict[Any, Row], truth: Happened, moment: datetime) -> float:
    """Return how much of the hours that leads really worked on a day is there."""
    day = day_of(moment)
    really = [
        hours(free - arrived)
        for _, arrived, free in truth.at_work.values()
        if day_of(arrived) == day
    ]
    leads = {one.id for one in truth.tenant.company.leads}
    seen: list[float] = [
        row["hours_on_site"] + row["hours_paused"]
        for (technician, each), row in rows.items()
        if each == str(day) and technician in leads
    ]
    return sum(seen) / sum(really)


def test_who_was_withdrawn(week: Loads, truth: Happened) -> None:
    rows = week.rows("dispatch_withdrawals")
    found = {
        (row["assignment_id"], instant(row["withdrawn_on"])): (
            row["was_dispatched"],
            row["assigned_by_id"],
            row["gap_minutes"],
        )
        for row in rows
    }
    assert found == {
        (row.id, moment): (sent, row.assigned_by, truth.gap(moment))
        for row, moment, sent in truth.withdrawals()
    }
    assert len({row["assigned_by_id"] for row in rows}) > 1
    assert {row["was_dispatched"] for row in rows} == {True, False}
    of_leads = 0
    for row in rows:
        moment = instant(row["withdrawn_on"])
        assert moment
        turn = truth.turn(row["appointment_id"], row["technician_id"], moment)
        if turn:
            of_leads += 1
            assert instant(row["assigned_on"]) == to_datetime(turn.since)
        start = to_datetime(truth.appointments[row["appointment_id"]].start)
        assert row["hours_before_start"] == pytest.approx(hours(start - moment))
    assert of_leads > 50


def test_from_whom_to_whom_was_handed_over(week: Loads, truth: Happened) -> None:
    rows = by(week.rows("dispatch_handovers"), "from_assignment_id", "withdrawn_on")
    found = {
        (row["appointment_id"], row["from_technician_id"], row["to_technician_id"],
         instant(row["handed_over_on"])): row
        for row in rows.values()
    }  # fmt: skip
    expected = truth.handovers()
    assert expected <= found.keys()
    assert len(expected) > 30
    apprentices = {one.id for one in truth.tenant.company.technicians if one.apprentice}
    others = found.keys() - expected
    assert all({before, after} & apprentices for _, before, after, _ in others)
    by_number = {rows[0].id: rows for rows in truth.seen.values()}
    for row in found.values():
        new = by_number[row["to_assignment_id"]]
        assert row["handed_over_by_id"] == next(each.assigned_by for each in new if each.active)
        assert row["assigned_by_id"] == by_number[row["from_assignment_id"]][-1].assigned_by
        sent = truth.first(row["to_assignment_id"], "Dispatched")
        given = instant(row["handed_over_on"])
        assert given
        before = hours(sent - given) if sent else None
        assert row["hours_before_dispatch"] == (before and pytest.approx(before))


def test_what_is_left_of_the_days_to_come(week: Loads, truth: Happened) -> None:
    def slots(now: datetime) -> dict[tuple[datetime | None, str], Row]:
        return {
            (instant(slot["startUtc"]), slot["businessUnitKey"]): slot
            for slot in truth.forecasts[now]
        }

    def sold(slot: Row) -> float:
        return float(slot["totalAvailability"] - slot["openAvailability"])

    latest, before = slots(LAST), slots(FORECASTS[0])
    rows = week.rows("dispatch_capacity_ahead")
    found = {(instant(row["starts_at"]), row["business_unit_key"]): row for row in rows}
    ahead = {key: slot for key, slot in latest.items() if key[0] and key[0] >= LAST}
    assert found.keys() == ahead.keys()
    paced = 0
    for key, row in found.items():
        slot = ahead[key]
        assert row["hours"] == pytest.approx(slot["totalAvailability"])
        assert row["hours_open"] == pytest.approx(slot["openAvailability"])
        assert row["hours_sold"] == pytest.approx(sold(slot))
        assert key[0]
        earlier = before.get((key[0] - timedelta(days=7), key[1]))
        then = row["hours_sold_a_week_before"]
        assert then == (earlier and pytest.approx(sold(earlier)))
        paced += then is not None
    assert paced > 10


def test_who_covers_what(week: Loads, truth: Happened) -> None:
    rows = week.rows("dispatch_cover")
    days = sorted({row["day"] for row in rows})
    assert days[0] == str(day_of(LAST))
    for day in (days[0], days[1], days[5], days[6]):
        at_work = truth.on_shift_on(datetime.fromisoformat(day).date())
        expected = truth.cover(datetime.fromisoformat(day).date())
        found = by([row for row in rows if row["day"] == day], "cover", "cover_key")
        assert found.keys() == expected.keys()
        for key, (served, who) in expected.items():
            row = found[key]
            assert (row["is_served"], row["technicians"]) == (served, len(who)), key
            left = sum(at_work[one][1] for one in who)
            assert row["hours_left_by_absence"] == pytest.approx(left), key
    assert any(row["is_served"] and not row["technicians"] for row in rows)


def test_a_day_of_the_tenant_sums_it_up(week: Loads, truth: Happened) -> None:
    rows = by(week.rows("dispatch_tenant_day"), "day")
    assert len(rows) == 8
    done: dict[str, list[int]] = {}
    for number, versions in truth.seen.items():
        finished = truth.done(number)
        if finished:
            done.setdefault(str(day_of(finished)), []).append(versions[0].appointment_id)
    withdrawn: dict[str, set[int]] = {}
    for taken, moment, _ in truth.withdrawals():
        withdrawn.setdefault(str(day_of(moment)), set()).add(taken.appointment_id)
    slots = {}
    for now in FORECASTS:
        for slot in truth.forecasts[now]:
            slots[slot["startUtc"], slot["businessUnitKey"]] = slot
    for day, row in rows.items():
        assert row["visits"] == len({*done.get(day, [])})
        assert row["appointments_withdrawn"] == len(withdrawn.get(day, set()))
        of_day = [
            slot for slot in slots.values() if str(day_of(instant(slot["startUtc"]) or LAST)) == day
        ]
        sold = sum(slot["totalAvailability"] - slot["openAvailability"] for slot in of_day)
        assert row["slot_hours_sold"] == (pytest.approx(sold) if of_day else None)
        assert row["is_whole_day"] == (day != str(day_of(LAST)))
        assert (row["is_stale"], row["rank_by_visits"]) == (False, 1)
    loads = [row["loads"] for row in rows.values()]
    assert sum(loads) == len(WHEN)
    assert rows[str(OFTEN.date())]["loads"] > 100


def test_what_slots_say_of_a_technician_s_day(week: Loads, truth: Happened) -> None:
    slots = {}
    for now in FORECASTS:
        for slot in truth.forecasts[now]:
            slots[slot["startUtc"], slot["businessUnitKey"]] = slot
    expected: dict[tuple[int, str], list[float]] = {}
    for slot in slots.values():
        day = str(day_of(instant(slot["startUtc"]) or LAST))
        for member in slot["technicians"]:
            sums = expected.setdefault((member["id"], day), [0, 0, 0])
            sums[0] += 1
            sums[1] += member["status"] == "Available"
            sums[2] += slot["totalAvailability"] - slot["openAvailability"]
    rows = by(week.rows("dispatch_technician_availability"), "technician_id", "day")
    assert {key for key, row in rows.items() if row["slots"]} == expected.keys() & rows.keys()
    assert len(expected.keys() & rows.keys()) > 100
    for key, (count, left, sold) in expected.items():
        if key in rows:
            row = rows[key]
            assert (row["slots"], row["slots_with_time_left"]) == (count, left)
            assert row["slot_hours_sold"] == pytest.approx(sold)


def test_who_came_in_the_window_that_was_promised(week: Loads, truth: Happened) -> None:
    arrived = truth.arrivals()
    rows = by(week.rows("dispatch_arrivals"), "appointment_id")
    expected = {}
    for visit, appointment in truth.appointments.items():
        told = promised(appointment)
        begins, ends = instant(told["arrivalWindowStart"]), instant(told["arrivalWindowEnd"])
        assert begins
        assert ends
        if FIRST <= begins <= LAST:
            came = arrived.get(visit)
            late = max(came - ends, timedelta()) / timedelta(minutes=1) if came else None
            expected[visit] = ends, came, late, came and came <= ends
    assert rows.keys() == expected.keys()
    for visit, (ends, came, late, on_time) in expected.items():
        row = rows[visit]
        assert instant(row["window_ends_at"]) == ends
        assert instant(row["arrived_on"]) == came
        assert row["minutes_late"] == (pytest.approx(late) if came else None)
        assert row["is_on_time"] == (on_time if came else None)
        assert row["gap_minutes"] == (truth.gap(came) if came else None)
    assert {row["is_on_time"] for row in rows.values()} == {True, False, None}

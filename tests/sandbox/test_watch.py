"""The page at `/`: a day of the sandbox goes by on it, and what one changes arrives."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_servicetitan_dispatch.sandbox import Behaviour, Faults, Sandbox
from tap_servicetitan_dispatch.sandbox.watch import day
from tap_servicetitan_dispatch.sandbox.world.instants import from_datetime, to_datetime
from tests.sandbox.raw_requests import sent, status_of, with_host
from tests.support.caller import Caller
from tools.markdown import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.runs import Command

    Thing = dict[str, Any]

FILES = ("/", "/sandbox/board.css", "/sandbox/board.js", "/sandbox/board.svg")
MIDNIGHT = datetime(2026, 6, 16, 5, tzinfo=UTC)  # in Chicago
NOON, AFTERNOON = MIDNIGHT + timedelta(hours=12), MIDNIGHT + timedelta(hours=16)
NIGHT = MIDNIGHT + timedelta(hours=23, minutes=50)
ASSIGNMENTS = 4000
UNDER_WAY = ("on-the-way", "on-site", "paused")


def looked(sandbox: Sandbox, **query: object) -> Any:
    """Return what the page is told."""
    params = {name: str(value) for name, value in query.items()}
    answer = requests.get(f"{sandbox.url}/sandbox/board", params=params, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def things(shown: Any, *kinds: str) -> dict[str, Thing]:
    """Return what is on the board of some kinds, by its key."""
    return {
        thing["key"]: thing
        for line in shown["board"]["lines"]
        for thing in line["things"]
        if thing["kind"] in kinds
    }


def changes(shown: Any, path: str) -> list[dict[str, Any]]:
    return [change for change in shown["changes"] if change["where"] == path]


@pytest.fixture(scope="module")
def watched() -> Iterator[Caller]:
    """A contractor whose page is only looked at."""
    with Caller.of(assignments=1500) as caller:
        yield caller


# The page -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*FILES, "/sandbox/board"])
def test_each_part_of_the_page_is_its_own_and_may_load_nothing_else(
    watched: Caller, path: str
) -> None:
    answer = requests.get(watched.sandbox.url + path, timeout=30)
    assert answer.status_code == 200
    policy = dict(
        rule.split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert policy.pop("default-src") == "'none'"
    assert {*policy.values()} == {"'self'", "'none'"}
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    addresses = re.findall(r"https?:|url\(|@import", answer.text)
    assert addresses == (["http:"] if path.endswith(".svg") else [])  # the name of its language


def test_what_the_page_refers_to_is_there(watched: Caller) -> None:
    page = requests.get(watched.sandbox.url, timeout=30).text
    named = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert {*FILES} - {"/"} <= {*named}
    for each in named:
        assert requests.get(watched.sandbox.url + each, timeout=30).status_code == 200
    assert " style=" not in page  # which the policy forbids, as it does scripts within the page
    assert re.findall(r"<script(?! src=)", page) == []


@pytest.mark.parametrize("path", ["/", "/sandbox/board"])
def test_another_host_does_not_get_it(watched: Caller, path: str) -> None:
    answer = sent(watched.sandbox, with_host(b"evil.example", path=path.encode()))
    assert status_of(answer) == 421
    assert status_of(sent(watched.sandbox, with_host(b"localhost", path=path.encode()))) == 200


@pytest.mark.parametrize("path", FILES)
def test_it_can_only_be_looked_at(watched: Caller, path: str) -> None:
    assert requests.post(watched.sandbox.url + path, timeout=30).status_code == 404


def test_looking_is_no_call() -> None:
    with Caller.of(assignments=1) as caller:
        before = caller.sandbox.calls
        caller.get("zones")
        trace = caller.refused("GET", "zones", page=0)["traceId"]
    with Caller.of(assignments=1) as caller:
        caller.sandbox.faults = Faults(rate=1, at_most=1, kinds=("reset",))
        for path in (*FILES, "/sandbox/board", "/sandbox/board?tenant=7"):
            requests.get(caller.sandbox.url + path, timeout=30)
        assert [call.path for call in caller.sandbox.calls] == [call.path for call in before]
        with pytest.raises(requests.ConnectionError):
            caller.get("zones")
        assert caller.refused("GET", "zones", page=0)["traceId"] == trace


# The board ----------------------------------------------------------------------------------------


@dataclass
class Seen:
    """What a day looked like.

    Attributes:
        at_noon: What the page showed at noon.
        in_the_afternoon: What it showed at four.
        at_night: What it showed shortly before midnight.
        said: The minutes in which an assignment said that somebody was under way, and how.
    """

    at_noon: Any
    in_the_afternoon: Any
    at_night: Any
    said: dict[tuple[int, str], set[int]]


@pytest.fixture(scope="module")
def seen() -> Seen:
    """A day of which every minute is looked at, in the tables that the lists of the API show."""
    said: dict[tuple[int, str], set[int]] = defaultdict(set)
    with Caller.of(assignments=ASSIGNMENTS, at=MIDNIGHT) as caller:
        tenant = caller.sandbox.tenant
        shown = {}
        for minute in range(24 * 60 - 9):
            caller.clock.now = MIDNIGHT + timedelta(minutes=minute)
            tenant.advance()
            for row in tenant.assignments.changed(LONG_BEFORE, tenant.now + 1):
                if row.active and row.status in {"Dispatched", "Working"}:
                    working = "paused" if row.paused else "on-site"
                    kind = "on-the-way" if row.status == "Dispatched" else working
                    said[row.id, kind].add(minute)
            if caller.clock.now in {NOON, AFTERNOON, NIGHT}:
                shown[caller.clock.now] = looked(caller.sandbox)
    return Seen(shown[NOON], shown[AFTERNOON], shown[NIGHT], dict(said))


LONG_BEFORE = from_datetime(MIDNIGHT - timedelta(hours=12))
LONGEST = 12 * 60


def minutes_of(bar: Thing, hours: int) -> tuple[int, str, set[int]]:
    """Return the assignment of a bar, what it says, and its minutes since midnight."""
    assignment, kind, starts = re.fullmatch(r"(\d+)-(.+)-(\d+)", bar["key"]).groups()  # type: ignore[union-attr]
    begins = (to_datetime(int(starts)) - MIDNIGHT).total_seconds() / 60
    ends = begins + bar["width"] / 100 * hours * 60
    return int(assignment), kind, {minute for minute in range(24 * 60) if begins <= minute < ends}


def test_the_bars_of_a_day_are_what_the_rows_said_in_each_minute_of_it(seen: Seen) -> None:
    found: dict[tuple[int, str], set[int]] = defaultdict(set)
    hours = len(seen.at_night["board"]["hours"]) - 1
    for bar in things(seen.at_night, *UNDER_WAY).values():
        assignment, kind, minutes = minutes_of(bar, hours)
        found[assignment, kind] |= minutes
    said = {key: minutes for key, minutes in seen.said.items() if len(minutes) <= LONGEST}
    last = 24 * 60 - 10  # the minute of the night's look, at which what is under way goes on
    expected = {key: minutes - {last} for key, minutes in said.items()}
    assert dict(found) == {key: minutes for key, minutes in expected.items() if minutes}
    assert {kind for _, kind in found} == {*UNDER_WAY}
    assert len(said) < len(seen.said), "nobody forgot to say that it was over"


def test_a_sandbox_that_was_just_started_shows_the_whole_day_too(seen: Seen) -> None:
    with Caller.of(assignments=ASSIGNMENTS, at=NIGHT) as caller:
        assert looked(caller.sandbox)["board"] == seen.at_night["board"]


def test_a_sandbox_that_has_run_over_midnight_shows_the_new_day_only() -> None:
    late, slow = MIDNIGHT - timedelta(hours=2), Behaviour(feed_delay=21_600)
    with Caller.of(assignments=ASSIGNMENTS, at=late, behaviour=slow) as caller:
        assert things(looked(caller.sandbox), "done")
        caller.clock.now = MIDNIGHT + timedelta(minutes=1)
        looked(caller.sandbox)
        caller.clock.now = NOON
        after = looked(caller.sandbox)["board"]
    with Caller.of(assignments=ASSIGNMENTS, at=NOON) as caller:
        assert looked(caller.sandbox)["board"] == after


def test_a_mark_tells_when_a_visit_ended(seen: Seen) -> None:
    marks = things(seen.at_night, "done", "withdrawn")
    bars = things(seen.at_night, *UNDER_WAY)
    ends = {(key.split("-")[0], round(bar["left"] + bar["width"], 1)) for key, bar in bars.items()}
    assert {(key.split("-")[0], round(mark["left"], 1)) for key, mark in marks.items()} <= ends
    assert {mark["width"] for mark in marks.values()} == {0}
    assert {mark["kind"] for mark in marks.values()} == {"done", "withdrawn"}
    done = sum(mark["kind"] == "done" for mark in marks.values())
    assert seen.at_night["board"]["headline"].endswith(f"visits done since midnight: {done}")


def test_a_visit_that_the_office_closed_days_later_was_not_done_then() -> None:
    with Caller.of(assignments=ASSIGNMENTS, at=AFTERNOON + timedelta(days=2)) as caller:
        rows = caller.rows("appointment-assignments", modifiedOnOrAfter="2026-06-18T05:00Z")
        marked = {int(key.split("-")[0]) for key in things(looked(caller.sandbox), "done")}
    closed = {row["id"] for row in rows if row["modifiedOn"] == "2026-06-18T17:15:00Z"}
    done = {row["id"] for row in rows if row["status"] == "Done"}
    assert closed
    assert closed <= done
    assert marked == done - closed


def test_visits_at_the_same_time_are_below_one_another(seen: Seen) -> None:
    lanes = set()
    for line in seen.in_the_afternoon["board"]["lines"]:
        bars = [thing for thing in line["things"] if thing["kind"] in UNDER_WAY]
        for lane in range(line["lanes"]):
            of_lane = sorted(
                (bar["left"], bar["left"] + bar["width"]) for bar in bars if bar["lane"] == lane
            )
            assert all(a[1] <= b[0] + 0.01 for a, b in pairwise(of_lane))
        lanes.add(line["lanes"])
    assert lanes == {1, 2}


def test_a_line_says_what_a_technician_does_now(seen: Seen) -> None:
    says = {
        line["state"]: re.sub(r"\d\d:\d\d( on \d+ June)?", "…", line["says"])
        for shown in (seen.at_noon, seen.in_the_afternoon, seen.at_night)
        for line in shown["board"]["lines"]
    }
    assert says.pop("away").endswith(" until …")
    assert says == {
        "on-the-way": "On the way since …",
        "on-site": "On site since …",
        "free": "Free, on shift until …",
        "on-call": "On call until …",
        "off": "Off duty",
    }
    with Caller.of(assignments=1500, at=MIDNIGHT + timedelta(hours=6)) as caller:
        early = looked(caller.sandbox)["board"]["lines"]
    assert {line["says"] for line in early if line["state"] == "off"} >= {"Off until 07:00"}


def test_who_is_on_the_way_has_an_earlier_visit_that_is_not_closed() -> None:
    with Caller.of(
        assignments=ASSIGNMENTS, at=MIDNIGHT + timedelta(hours=14, minutes=50)
    ) as caller:
        lines = looked(caller.sandbox)["board"]["lines"]
    (line,) = [line for line in lines if "not closed" in line["says"]]
    bars = [thing["says"] for thing in line["things"] if " since " in thing["says"]]
    assert [re.sub(", appointment.*", "", says) for says in bars] == [
        "On site since 11:42",
        "On the way since 14:40",
    ]
    assert line["says"] == "On the way since 14:40; visit since 11:42 not closed"
    assert line["state"] == "on-the-way"


def test_times_are_those_of_the_tenants_zone(seen: Seen) -> None:
    assert seen.at_noon["now"] == "Tuesday, 16 June 2026, 12:00:00"
    assert seen.at_noon["zone"] == "America/Chicago"
    names = [hour["name"] for hour in seen.at_noon["board"]["hours"]]
    assert names == [f"{hour:02d}" for hour in range(int(names[0]), int(names[-1]) + 1)]
    assert seen.at_noon["board"]["now"] == next(
        hour["at"] for hour in seen.at_noon["board"]["hours"] if hour["name"] == "12"
    )


def test_the_day_on_which_clocks_change_has_its_25_hours() -> None:
    """On 1 November 2026 the hour from one to two comes twice in Chicago."""
    with Caller.of(assignments=1, at=datetime(2026, 11, 1, 5, 30, tzinfo=UTC)) as caller:
        hours = [hour["name"] for hour in looked(caller.sandbox)["board"]["hours"]]
    assert hours[:5] == ["00", "01", "01", "02", "03"]


def test_what_is_cancelled_is_not_on_the_board() -> None:
    with Caller.of(at=NOON) as caller:
        before = things(looked(caller.sandbox), "shift", "away")
        for path in ("technician-shifts", "non-job-appointments"):
            for row in caller.rows(path):
                if row["start"].startswith("2026-06-1"):
                    caller.send("DELETE", f"{path}/{row['id']}")
        after = things(looked(caller.sandbox), "shift", "away")
    assert {thing["kind"] for thing in before.values()} == {"shift", "away"}
    assert after == {}


def test_everything_on_the_board_has_a_key_of_its_own() -> None:
    with Caller.of(at=NOON) as caller:
        technician = caller.rows("technician-shifts")[0]["technicianId"]
        shift = {
            "technicianIds": [technician],
            "shiftType": "TimeOff",
            "repeatType": "Never",
            "title": "Dentist",
            "start": "2026-06-16T18:00:00Z",
            "end": "2026-06-16T19:00:00Z",
        }
        for _ in range(2):
            caller.send("POST", "technician-shifts", shift)
        lines = looked(caller.sandbox)["board"]["lines"]
    keys = [thing["key"] for line in lines for thing in line["things"]]
    assert len({*keys}) == len(keys)
    (line,) = [line for line in lines if line["id"] == technician]
    says = [thing["says"] for thing in line["things"] if thing["kind"] == "away"]
    assert says.count("Dentist, 13:00 to 14:00") == 2


def test_more_technicians_than_anybody_looks_at_are_counted(
    watched: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = looked(watched.sandbox)["board"]
    assert everybody["left_out"] == 0
    monkeypatch.setattr(day, "MOST_LINES", 2)
    few = looked(watched.sandbox)["board"]
    assert few["lines"] == everybody["lines"][:2]
    assert few["left_out"] == len(everybody["lines"]) - 2


def test_each_tenant_has_its_own_board() -> None:
    numbers = [1000000001, 1000000007, 1000000009]
    with Caller.of(tenants=numbers, assignments=300) as caller:
        shown = [looked(caller.sandbox, tenant=number) for number in numbers]
        assert [each["tenant"] for each in shown] == [str(number) for number in numbers]
        assert shown[0]["tenants"] == [str(number) for number in numbers]
        assert shown[0]["board"] != shown[1]["board"] != shown[2]["board"]
        assert looked(caller.sandbox) == shown[0]
        for unknown in ("5", "<script>"):
            answer = requests.get(
                f"{caller.sandbox.url}/sandbox/board", params={"tenant": unknown}, timeout=30
            )
            assert answer.status_code == 404
            assert answer.json() == {"tenants": shown[0]["tenants"]}


# What changes -------------------------------------------------------------------------------------


def test_a_zone_can_be_read_at_once_and_is_read_by_the_next_run(tap: Command) -> None:
    with Caller.of() as caller:
        config = {"environment": "sandbox", "api_url": caller.sandbox.url}
        state = tap.run(config, streams=("zones",)).states[-1]
        caller.clock.forward(seconds=1)
        caller.send("POST", "zones", {"name": "Far North"})
        caller.forward(minutes=1)
        (before,) = changes(looked(caller.sandbox), "zones")[:1]
        tap.run(config, state, streams=("zones",))
        (after,) = changes(looked(caller.sandbox), "zones")[:1]
    assert before == {
        "key": before["key"],
        "made": "10:00:01",
        "where": "zones",
        "says": "Far North: new",
        "shows": "10:00:01",
        "is_shown": True,
        "read": "10:00:00",
        "is_read": False,
    }
    assert after == before | {"read": "10:01:01", "is_read": True}


def test_an_assignment_is_in_the_feed_after_its_delay_and_is_read_then() -> None:
    with Caller.of() as caller:
        row = next(
            row
            for row in reversed(caller.rows("appointment-assignments"))
            if row["status"] == "Scheduled"
        )
        gone = {"jobAppointmentId": row["appointmentId"], "technicianIds": [row["technicianId"]]}
        caller.send("POST", "appointment-assignments/unassign-technicians", gone)
        _, token = caller.whole_export(active="Any")
        said = f"{row['technicianName']}: taken back, appointment {row['appointmentId']}"

        def change() -> tuple[bool, bool, int]:
            rows, _ = caller.whole_export(token, active="Any")
            (found,) = [each for each in looked(caller.sandbox)["changes"] if each["says"] == said]
            assert found["where"] == "export/appointment-assignments"
            there = [each for each in rows if each["id"] == row["id"]]
            return found["is_shown"], found["is_read"], len(there)

        assert change() == (False, False, 0)
        caller.forward(minutes=14, seconds=59)
        assert change() == (False, False, 0)
        caller.forward(seconds=2)
        assert change() == (True, True, 1)


def test_only_an_answer_that_came_whole_was_read() -> None:
    with Caller.of() as caller:
        caller.send("POST", "zones", {"name": "Far North"})
        caller.sandbox.faults = Faults(rate=1, kinds=("cut_short",))
        with pytest.raises(requests.RequestException):
            caller.get("zones")
        caller.sandbox.faults = Faults()
        assert not changes(looked(caller.sandbox), "zones")[0]["is_read"]
        caller.refused("GET", "zones", page=0)
        assert not changes(looked(caller.sandbox), "zones")[0]["is_read"]
        caller.get("zones")
        assert changes(looked(caller.sandbox), "zones")[0]["is_read"]


def test_what_is_deleted_or_changed_says_so() -> None:
    with Caller.of() as caller:
        row = caller.rows("zones")[0]
        caller.send("PATCH", f"zones/{row['id']}", {"name": "Elsewhere"})
        assert changes(looked(caller.sandbox), "zones")[0]["says"] == "Elsewhere: changed"
        caller.forward(seconds=1)
        caller.send("DELETE", f"zones/{row['id']}")
        assert changes(looked(caller.sandbox), "zones")[0]["says"] == "Elsewhere: deleted"


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(texts="half_characters", fields="more"),
        Behaviour(fields="fewer", enums="numbers", times="local"),
        Behaviour(nulls="fields"),
    ],
)
def test_odd_rows_are_shown_as_they_are(behaviour: Behaviour) -> None:
    with Caller.of(behaviour=behaviour) as caller:
        shown = looked(caller.sandbox)
        assert shown["board"]["lines"]
        assert changes(shown, "export/appointment-assignments")


# How it looks -------------------------------------------------------------------------------------

CSS = (ROOT / "tap_servicetitan_dispatch/sandbox/watch/board.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#\w+);", block))
    for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
)
TEXTS = {"ink", "quiet", "good", "on-site", "on-the-way"}
DRAWN = {"on-site", "on-the-way", "done", "withdrawn", "away", "on-call", "focus"}


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour as WCAG 2.2 defines it."""
    digits = colour.removeprefix("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return how much two colours differ in lightness, from 1 to 21."""
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_contrast_is_as_wcag_asks_for_texts_and_for_what_is_drawn(colours: dict[str, str]) -> None:
    assert contrast("#000", "#ffffff") == 21
    unreadable = [each for each in TEXTS if contrast(colours[each], colours["page"]) < 4.5]
    unseen = [
        each
        for each in DRAWN
        for behind in ("page", "shift")
        if contrast(colours[each], colours[behind]) < 3
    ]
    assert (unreadable, unseen) == ([], [])

"""Rows of the future, clocks that differ, bookmarks that lie ahead: nothing is stepped over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch import instants
from tests.support.runs import bookmarked
from tests.support.scripted_api import Answer, Call, ScriptedApi, listed, page, routed
from tests.support.streams import LISTS, PATHS

if TYPE_CHECKING:
    from tests.support.runs import Command, Run

pytestmark = pytest.mark.no_cover

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass
class Office:
    """A list whose rows change, on a server with a clock."""

    api: ScriptedApi
    now: datetime = NOON
    rows: dict[int, datetime | None] = field(default_factory=dict)
    page_size: int = 50
    tells_time: bool = True

    def edit(self, number: int, at: datetime | None = None) -> None:
        """Let a row change, dated now unless said otherwise."""
        self.rows[number] = at or self.now

    def reply(self, call: Call) -> Answer:
        low = instants.parse(call.query.get("modifiedOnOrAfter", "0001-01-01"))
        high = instants.parse(call.query.get("modifiedBefore", "9999-12-31"))
        found = [(at, number) for number, at in self.rows.items() if at and low <= at < high]
        if "Id" in call.query["sort"]:
            found.sort(key=lambda each: each[1])
        else:
            found.sort(reverse=call.query["sort"].startswith("-"))
        end = int(call.query["page"]) * self.page_size
        rows = [
            {"id": number, "modifiedOn": instants.render(at)}
            for at, number in found[end - self.page_size : end]
        ]
        return Answer(listed(*rows, more=end < len(found)))

    def read(self, tap: Command, state: Any = None, stream: str = "zones") -> Run:
        self.api.date = format_datetime(self.now, usegmt=True) if self.tells_time else None
        self.api.reply = routed({PATHS[stream]: self.reply})
        config = {**self.api.config, "overlap_seconds": 300}
        run = tap.run(config, state, streams=(stream,))
        assert run.exit_code == 0, run.stderr
        return run


@pytest.fixture
def office(api: ScriptedApi) -> Office:
    return Office(api)


def stored(run: Run, stream: str = "zones") -> Any:
    return run.states[-1]["bookmarks"][stream].get("replication_key_value")


@pytest.mark.parametrize("stream", LISTS)
@pytest.mark.parametrize(
    "ahead", [timedelta(seconds=60), timedelta(days=5 * 365)], ids=["60 s", "2031"]
)
def test_a_row_of_the_future_goes_out_and_steps_over_nothing(
    office: Office, tap: Command, stream: str, ahead: timedelta
) -> None:
    office.edit(1, NOON - MINUTE)
    office.edit(2, NOON + ahead)
    first = office.read(tap, stream=stream)
    assert first.ids == [1, 2]
    assert stored(first, stream) == "2026-11-02T12:00:00Z"
    office.now += timedelta(seconds=10)
    office.edit(3)
    office.edit(1)
    second = office.read(tap, first.states[-1], stream)
    assert {1, 3} <= set(second.ids)


@pytest.mark.parametrize("page_size", [2, 3, 5])
def test_rows_of_the_future_in_the_middle_of_a_walk_keep_its_bookmarks_back(
    office: Office, tap: Command, page_size: int
) -> None:
    office.page_size = page_size
    for number in range(4):
        office.edit(number, NOON - (4 - number) * MINUTE)
        office.edit(10 + number, NOON + (1 + number) * MINUTE)
    run = office.read(tap)
    assert sorted({*run.ids}) == [0, 1, 2, 3, 10, 11, 12, 13]
    values = [
        instants.parse(entry["replication_key_value"])
        for state in run.states
        if (entry := state.get("bookmarks", {}).get("zones"))
    ]
    assert max(values) == NOON


def test_a_stored_bookmark_after_the_servers_clock_is_told_and_not_used(
    office: Office, tap: Command
) -> None:
    office.edit(1)
    state = bookmarked("2031-01-01T00:00:00Z", "modifiedOn", "zones")
    run = office.read(tap, state)
    assert run.ids == [1]
    assert stored(run) == "2026-11-02T12:00:00Z"
    [line] = [line for line in run.stderr.splitlines() if "WARNING" in line]
    assert (
        "dispatch.zones | zones: The bookmark (or start_date) 2031-01-01T00:00:00Z is later" in line
    )
    assert "later than the server's clock, 2026-11-02T12:00:00Z" in line
    assert "What to do: " in line


def test_a_stored_bookmark_of_this_very_second_is_used_without_a_word(
    office: Office, tap: Command
) -> None:
    office.edit(1)
    state = bookmarked("2026-11-02T12:00:00.9Z", "modifiedOn", "zones")
    run = office.read(tap, state)
    assert "WARNING" not in run.stderr
    [call] = office.api.api_calls
    assert call.query["modifiedOnOrAfter"] == "2026-11-02T11:55:00.900000Z"


def test_a_server_that_tells_no_time_gives_rows_and_no_bookmark(
    office: Office, tap: Command
) -> None:
    office.tells_time = False
    office.edit(1)
    first = office.read(tap)
    assert (first.ids, stored(first)) == ([1], None)
    assert "as the server's answers have no Date" in first.stderr
    state = bookmarked("2026-11-02T11:00:00Z", "modifiedOn", "zones")
    later = office.read(tap, state)
    assert (later.ids, stored(later)) == ([1], "2026-11-02T11:00:00Z")


@pytest.mark.parametrize("late", [timedelta(seconds=50), timedelta(seconds=290)])
def test_a_change_that_becomes_visible_late_comes_with_the_next_run(
    office: Office, tap: Command, late: timedelta
) -> None:
    office.edit(1)
    first = office.read(tap)
    office.now += MINUTE
    office.edit(2, NOON - late)
    assert 2 in office.read(tap, first.states[-1]).ids


def test_a_row_that_comes_again_with_the_same_time_and_other_content_goes_out(
    api: ScriptedApi, tap: Command
) -> None:
    """The server's clock is good to a second, and pages overlap."""
    names = iter(["as it was", "as it was", "edited"])

    def reply(call: Call) -> Answer:
        times = ["08:00:00", "08:00:30", "08:00:31"]
        rows = [
            {"id": number, "modifiedOn": f"2026-11-01T{time}Z", "name": "same"}
            for number, time in enumerate(times)
        ]
        low = instants.parse(call.query.get("modifiedOnOrAfter", "0001-01-01"))
        high = instants.parse(call.query.get("modifiedBefore", "9999-12-31"))
        rows = [row for row in rows if low <= instants.parse(str(row["modifiedOn"])) < high]
        rows.sort(key=lambda row: str(row["modifiedOn"]), reverse=call.query["sort"][0] == "-")
        for row in rows:
            if row["id"] == 1:
                row["name"] = next(names)
        return Answer(listed(*rows[:2], more=len(rows) > 2))

    api.reply = reply
    run = tap.run(api.config, streams=("zones",))
    assert [(row["id"], row["name"]) for row in run.records] == [
        (0, "same"),
        (1, "as it was"),
        (1, "edited"),
        (2, "same"),
    ]


def test_a_date_of_the_future_for_the_feed_is_told_and_not_used(
    api: ScriptedApi, tap: Command
) -> None:
    def reply(call: Call) -> Answer:
        is_far = call.query["from"] > "2027"
        return Answer(page(*([] if is_far else [1]), more=False, token="t1"))

    api.reply = reply
    run = tap.run(api.config, bookmarked("2031-01-01T00:00:00Z", "modifiedOn"))
    assert (run.ids, run.bookmark) == ([1], "t1")
    assert [call.query["from"] for call in api.api_calls] == [
        "2031-01-01T00:00:00Z",
        "2026-12-01T12:00:00Z",
    ]
    [line] = [line for line in run.stderr.splitlines() if "WARNING" in line]
    assert "appointment_assignments: The bookmark (or start_date) 2031-01-01T00:00:00Z" in line


def test_a_token_of_the_feed_is_no_date_however_it_looks(api: ScriptedApi, tap: Command) -> None:
    api.reply = lambda _: Answer(page(1, more=False, token="t1"))
    run = tap.run(api.config, bookmarked("2031-01-01T00:00:00Z"))
    assert (run.ids, len(api.api_calls)) == ([1], 1)
    assert "WARNING" not in run.stderr

"""Lists over real HTTP: with which parameters they are asked for, and from when on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.settings.schema import SMALLEST_PAGE
from tests.support.runs import Run, assert_fails, bookmarked, catalog_of
from tests.support.scripted_api import MODIFIED, listed, routed
from tests.support.streams import LISTS, PATHS, STREAMS
from tests.support.vendor import operation

if TYPE_CHECKING:
    from tests.support.runs import Command
    from tests.support.scripted_api import Call, ScriptedApi

pytestmark = pytest.mark.no_cover


def bookmark(run: Run, stream: str) -> Any:
    return run.states[-1]["bookmarks"][stream]


def read(api: ScriptedApi, tap: Command, stream: str, state: Any = None, **config: Any) -> Run:
    """Read a list that has two rows."""
    rows = [{"id": "a", "modifiedOn": "2026-11-01T08:00:00Z"}, {"id": "b", "modifiedOn": MODIFIED}]
    api.reply = routed({PATHS[stream]: listed(*rows)})
    return tap.run(api.config | config, state, streams=(stream,))


@pytest.mark.parametrize("stream", LISTS)
def test_a_first_run_asks_once_for_everything(api: ScriptedApi, tap: Command, stream: str) -> None:
    run = read(api, tap, stream, page_size=77)
    assert [record["id"] for record in run.records] == ["a", "b"]
    ordered = {"sort": "+ModifiedOn", "page": "1", "pageSize": "77", "includeTotal": "true"}
    assert [call.query for call in api.api_calls] == [{**ordered, **STREAMS[stream].inactive_too}]


@pytest.mark.parametrize("stream", LISTS)
def test_the_bookmark_is_the_latest_modified_on_as_it_came(
    api: ScriptedApi, tap: Command, stream: str
) -> None:
    run = read(api, tap, stream)
    expected = {"replication_key": "modifiedOn", "replication_key_value": MODIFIED}
    assert bookmark(run, stream).items() >= expected.items()


@pytest.mark.parametrize("stream", LISTS)
def test_a_second_run_begins_an_overlap_below_the_bookmark(
    api: ScriptedApi, tap: Command, stream: str
) -> None:
    first = read(api, tap, stream)
    api.calls.clear()
    read(api, tap, stream, first.states[-1], overlap_seconds=60)
    assert [call.query["modifiedOnOrAfter"] for call in api.api_calls] == [
        "2026-11-01T07:59:00.123456Z"
    ]


@pytest.mark.parametrize("stream", LISTS)
def test_a_run_with_nothing_new_asks_once_and_keeps_the_bookmark(
    api: ScriptedApi, tap: Command, stream: str
) -> None:
    api.reply = routed({PATHS[stream]: listed()})
    state = bookmarked(MODIFIED, "modifiedOn", stream)
    run = tap.run(api.config, state, streams=(stream,))
    assert len(api.api_calls) == 1
    assert run.states[-1] == state


@pytest.mark.parametrize("stream", LISTS)
def test_a_state_follows_the_last_row_although_the_bookmark_stays(
    api: ScriptedApi, tap: Command, stream: str
) -> None:
    """Some targets pass on the state only if no row came after it."""
    first = read(api, tap, stream)
    second = read(api, tap, stream, first.states[-1])
    kinds = [message["type"] for message in second.messages]
    assert kinds == ["STATE", "SCHEMA", "RECORD", "RECORD", "STATE"]


@pytest.mark.parametrize(
    ("stored", "bound"),
    [
        ("2026-10-01T00:00:00Z", "2026-09-30T23:55:00Z"),
        ("2026-10-20T00:00:00Z", "2026-10-19T23:55:00Z"),
        (None, "2026-10-15T00:00:00Z"),
        ("", "2026-10-15T00:00:00Z"),
    ],
)
def test_a_start_date_is_for_a_run_without_a_bookmark(
    api: ScriptedApi, tap: Command, stored: str | None, bound: str
) -> None:
    state = bookmarked(stored, "modifiedOn", "zones")
    run = read(api, tap, "zones", state, start_date="2026-10-15", overlap_seconds=300)
    assert run.exit_code == 0
    assert [call.query["modifiedOnOrAfter"] for call in api.api_calls] == [bound]


@pytest.mark.parametrize("stream", LISTS)
def test_the_start_date_is_the_lower_bound_of_a_first_run(
    api: ScriptedApi, tap: Command, stream: str
) -> None:
    read(api, tap, stream, start_date="2026-10-15T02:00:00+02:00")
    assert [call.query["modifiedOnOrAfter"] for call in api.api_calls] == ["2026-10-15T00:00:00Z"]


@pytest.mark.parametrize("stream", LISTS)
@pytest.mark.parametrize("size", [1, 2])
def test_a_page_size_of_a_few_rows_costs_no_bookmark(
    api: ScriptedApi, tap: Command, stream: str, size: int
) -> None:
    """Pages that do not overlap would look as if rows had been deleted, in each run anew."""
    rows = [{"id": number, "modifiedOn": MODIFIED} for number in range(2 * SMALLEST_PAGE)]

    def paged(call: Call) -> dict[str, Any]:
        number, length = int(call.query["page"]), int(call.query["pageSize"])
        beginning, end = (number - 1) * length, number * length
        return listed(*rows[beginning:end], more=end < len(rows))

    api.reply = routed({PATHS[stream]: paged})
    state = bookmarked("2026-10-01T00:00:00Z", "modifiedOn", stream)
    run = tap.run(api.config | {"page_size": size}, state, streams=(stream,))
    assert run.ids == [row["id"] for row in rows]
    assert bookmark(run, stream)["replication_key_value"] == MODIFIED
    assert "deleted" not in run.stderr


@pytest.mark.parametrize("stored", ["yesterday", 20261101, ["2026-11-01"], True])
def test_a_bookmark_that_is_no_date_is_said_in_one_line(
    api: ScriptedApi, tap: Command, stored: Any
) -> None:
    run = read(api, tap, "zones", bookmarked(stored, "modifiedOn", "zones"))
    assert_fails(run, f"zones: the bookmark {stored!r} in the state is not a date-time")
    assert api.calls == []


@pytest.mark.parametrize("stream", LISTS)
def test_only_documented_parameters_are_sent(api: ScriptedApi, tap: Command, stream: str) -> None:
    """Others would be ignored, and all rows given, without a word."""

    def unsorted(call: Call) -> dict[str, Any]:
        rows = [{"id": n, "modifiedOn": f"2026-11-0{n}T08:00:00Z"} for n in (1, 2)]
        return listed(*rows, more=call.query["page"] == "1")

    api.reply = routed({PATHS[stream]: unsorted})
    tap.run(api.config, bookmarked("2026-10-01", "modifiedOn", stream), streams=(stream,))
    tap.run(api.config, streams=(stream,))
    sent = {name for call in api.api_calls for name in call.query}
    in_every_way = {"sort", "page", "pageSize", "modifiedOnOrAfter"}
    sometimes = {"modifiedBefore", "includeTotal"}
    assert sent == in_every_way | sometimes | STREAMS[stream].inactive_too.keys()
    documented = {each["name"] for each in operation(stream)["parameters"] if each["in"] == "query"}
    assert sent <= documented


@pytest.mark.parametrize("stream", LISTS)
def test_nulls_do_not_stop_a_run(api: ScriptedApi, tap: Command, stream: str) -> None:
    fields = catalog_of(stream)["streams"]
    [schema] = [each["schema"] for each in fields if each["tap_stream_id"] == stream]
    row = {**dict.fromkeys(schema["properties"]), "id": "1"}
    api.reply = routed({PATHS[stream]: listed(row)})
    run = tap.run(api.config, streams=(stream,))
    assert (run.exit_code, run.records) == (0, [row])


def test_arrival_windows_are_read_page_by_page_and_never_two_at_a_time(
    api: ScriptedApi, tap: Command
) -> None:
    lock = threading.Lock()
    too_early = threading.Event()

    def one_page(call: Call) -> dict[str, Any]:
        if not lock.acquire(blocking=False):
            too_early.set()
            return listed()
        with_next = too_early.wait(0.1)  # time enough for another request to come
        lock.release()
        number = int(call.query["page"])
        return listed({"id": number}, more=number < 3 and not with_next)

    api.reply = routed({PATHS["arrival_windows"]: one_page})
    run = tap.run(api.config | {"page_size": 77}, streams=("arrival_windows",))
    assert (run.exit_code, run.ids) == (0, [1, 2, 3])
    assert not too_early.is_set()
    assert [call.query for call in api.api_calls] == [
        {"page": number, "pageSize": "77", "active": "Any"} for number in "123"
    ]


def test_arrival_windows_are_asked_for_with_documented_parameters_only(
    api: ScriptedApi, tap: Command
) -> None:
    read(api, tap, "arrival_windows")
    documented = {each["name"] for each in operation("arrival_windows")["parameters"]}
    [call] = api.api_calls
    assert call.query.keys() == {"page", "pageSize", "active"}
    assert call.query.keys() <= documented


def test_arrival_windows_store_no_bookmark(api: ScriptedApi, tap: Command) -> None:
    run = read(api, tap, "arrival_windows", start_date="2026-10-15")
    assert "replication_key_value" not in bookmark(run, "arrival_windows")

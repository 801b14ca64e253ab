"""Reading a list while it changes: whatever happens between two requests, no row is lost.

The server is a model: rows with ticks of 100 ns, mutated at random between any two requests.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.client.answers import Answer
from tap_servicetitan_dispatch.errors import AnswerError
from tap_servicetitan_dispatch.walks import ModifiedWalk, Page, numbered_walk
from tap_servicetitan_dispatch.walks.by_number import _overlapping
from tests.support.changing_list import EPOCH, SECOND, Server, World, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tap_servicetitan_dispatch.walks import Fetch

OVERLAP = timedelta(seconds=3)

PARAMS = {"pageSize": "5000", "active": "Any"}


def the_walk(fetch: Fetch, since: datetime | None) -> Iterable[Page]:
    return taken(ModifiedWalk(fetch, PARAMS, since, OVERLAP))


def taken(walk: Iterable[Page]) -> Iterable[Page]:
    """Yield the pages of a walk whose records are changed as soon as they are taken."""
    for page in walk:
        records = [dict(row) for row in page.records if isinstance(row, dict)]
        for row in page.records:
            assert isinstance(row, dict)
            row.clear()
        yield replace(page, records=records)


def lost(
    world: World,
    walk: Callable[[Fetch, datetime | None], Iterable[Page]] = the_walk,
    kills: tuple[int, ...] = (),
    reread: timedelta = OVERLAP,
) -> dict[int, Any]:
    """Return the rows that a target lacks, or has in another version, after a run and a quiet one.

    Args:
        world: What the server is like.
        walk: How to read.
        kills: The runs before the last two end after so many pages.
        reread: How far below its bookmark a run begins.
    """
    server = Server(world)
    target: dict[int, Any] = {}
    bookmark: str | None = None
    for run, pages in enumerate([*kills, 10_000, 10_000]):
        if run == len(kills) + 1:
            server.quiet = True
            server.now += 2 * server.world.late * SECOND
            server.show(server.now)
        since = instants.parse(bookmark) - reread if bookmark else None
        for number, page in enumerate(walk(server.fetch, since), start=1):
            target |= {row["id"]: row for row in page.records}
            bookmark = page.bookmark or bookmark
            if number == pages:
                break
    exist = {each: server.row(each) for each in server.ticks}
    return {each: row for each, row in exist.items() if target.get(each) != row}


worlds = st.builds(
    World,
    seed=st.integers(0, 10**9),
    page_cap=st.integers(1, 9),
    rows=st.integers(0, 60),
    bulk=st.booleans(),
    hard_deletes=st.booleans(),
    busy=st.sampled_from([0.0, 0.3, 0.6]),
    clock_off_by=st.sampled_from([-3600, 0, 3600]),
)


@pytest.mark.no_cover  # would take half as long again, and the tests below run all lines
@pytest.mark.parametrize("sorts", ["exactly", "to the second", "not"])
@settings(
    max_examples=700,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(world=worlds, kills=st.lists(st.integers(1, 6), max_size=3).map(tuple))
def test_nothing_is_lost_whatever_happens_while_it_is_read(
    sorts: str, world: World, kills: tuple[int, ...]
) -> None:
    assert lost(replace(world, sorts=sorts), kills=kills) == {}


REREAD = timedelta(seconds=120)


def lost_to(world: World, kills: tuple[int, ...], reread: timedelta) -> dict[int, Any]:
    """Return what is lost in a world where runs begin so far below their bookmarks."""

    def walk(fetch: Fetch, since: datetime | None) -> Iterable[Page]:
        return ModifiedWalk(fetch, PARAMS, since, OVERLAP, reread)

    return lost(world, walk, kills, reread)


odd_worlds = st.builds(
    replace,
    worlds,
    rows=st.integers(0, 30),
    skew=st.sampled_from([0, 30]),
    late=st.sampled_from([0, 60]),
    future=st.booleans(),
    moved_back=st.sampled_from([0, 20]),
)


@pytest.mark.no_cover
@pytest.mark.parametrize("sorts", ["exactly", "to the second", "not"])
@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(world=odd_worlds, kills=st.lists(st.integers(1, 6), max_size=3).map(tuple))
def test_nothing_is_lost_to_clocks_and_late_changes_within_the_overlap(
    sorts: str, world: World, kills: tuple[int, ...]
) -> None:
    assert lost_to(replace(world, sorts=sorts), kills, REREAD) == {}


@pytest.mark.parametrize(
    ("how", "reread"),
    [
        ({"skew": 30}, OVERLAP),
        ({"late": 60}, OVERLAP),
        ({"moved_back": 60}, OVERLAP),
        ({"nulls": True}, REREAD),
        ({"silent": True}, REREAD),
    ],
    ids=str,
)
def test_a_narrow_overlap_would_lose_rows_and_some_are_lost_to_any_incremental_read(
    how: dict[str, Any], reread: timedelta
) -> None:
    runs = (10_000,) * 3
    assert any(lost_to(World(seed, **how), runs, reread) for seed in range(200))


def loses_somewhere(walk: Callable[[Fetch, datetime | None], Iterable[Page]], **like: Any) -> bool:
    return any(lost(World(seed, **like), walk) for seed in range(200))


def test_plain_page_numbers_would_lose_rows() -> None:
    def walk(fetch: Fetch, since: datetime | None) -> Iterable[Page]:
        bound = {"modifiedOnOrAfter": instants.render(since)} if since else {}
        latest = ""
        for page in numbered_walk(fetch, {**PARAMS, **bound, "sort": "+ModifiedOn"}):
            latest = max([latest, *(row["modifiedOn"] for row in page.records)])
            yield Page(page.records, latest or None)

    assert loses_somewhere(walk, hard_deletes=True, page_cap=6)


def test_an_upper_bound_would_lose_rows() -> None:
    def walk(fetch: Fetch, since: datetime | None) -> Iterable[Page]:
        now = fetch({**PARAMS, "sort": "+Id", "page": "1"}).served_at
        assert now
        bounds = {"modifiedBefore": instants.render(now)}
        if since:
            bounds["modifiedOnOrAfter"] = instants.render(since)
        yield from numbered_walk(fetch, {**PARAMS, **bounds, "sort": "+ModifiedOn"})
        yield Page([], instants.render(now))

    # What left the set on its way from page to page is found by the next run, but what it pulled
    # along is not.
    assert loses_somewhere(walk)


def test_a_walk_without_overlap_would_lose_rows_where_the_order_is_good_to_a_second() -> None:
    def walk(fetch: Fetch, since: datetime | None) -> Iterable[Page]:
        return ModifiedWalk(fetch, PARAMS, since and since + OVERLAP, timedelta(0))

    assert loses_somewhere(walk, sorts="to the second")


@pytest.mark.parametrize("sorts", ["exactly", "to the second"])
def test_pages_are_read_by_value_with_few_requests_to_spare(sorts: str) -> None:
    server = Server(World(1, sorts=sorts, rows=400, page_cap=40, busy=0))
    pages = list(the_walk(server.fetch, None))
    assert len({row["id"] for page in pages for row in page.records}) == 400
    assert 10 <= len(server.requests) <= 14
    assert all(request["sort"].endswith("ModifiedOn") for request in server.requests)
    assert all(page.bookmark for page in pages)


def test_nothing_new_costs_one_request() -> None:
    server = Server(World(1, busy=0))
    bookmark = [page.bookmark for page in the_walk(server.fetch, None)][-1]
    assert bookmark
    server.requests.clear()
    list(the_walk(server.fetch, instants.parse(bookmark) - OVERLAP))
    assert len(server.requests) == 1


def test_rows_of_the_overlap_are_written_once() -> None:
    server = Server(World(1, rows=200, page_cap=20, busy=0))
    ids = [row["id"] for page in the_walk(server.fetch, None) for row in page.records]
    assert len(ids) == len(set(ids))


def test_a_tick_that_outgrows_a_page_is_read_by_number_with_a_bookmark_at_the_end() -> None:
    server = Server(World(1, rows=0, page_cap=8, busy=0))
    for each in range(100, 120):
        server.ticks[each], server.active[each] = server.now, True
    since = EPOCH + timedelta(seconds=server.now // SECOND)
    pages = list(the_walk(server.fetch, since))
    assert [row["id"] for page in pages for row in page.records] == list(range(100, 120))
    assert [page.bookmark for page in pages] == [None, None, None, text_of(server.now)]
    numbered = [request for request in server.requests if request["sort"] == "+Id"]
    assert [(request["pageSize"], request["page"]) for request in numbered] == [
        ("5000", "1"),
        ("7", "2"),
        ("6", "3"),
        ("8", "3"),
    ], "each page begins with a row of the one before, but for that as far ahead as can be"
    assert len({request["modifiedOnOrAfter"] for request in server.requests}) == 1


def test_a_page_out_of_order_by_more_than_the_overlap_is_not_resumed_from() -> None:
    """A server may sort one page and not the next; then nothing of the next is trusted."""
    server = Server(World(1, rows=40, page_cap=8, busy=0))

    def fetch(params: Mapping[str, str]) -> Answer:
        answer = server.fetch(params)
        if params["sort"] == "+ModifiedOn" and len(server.requests) == 3:
            answer.body["data"].reverse()
        return answer

    pages = list(the_walk(fetch, None))
    assert {row["id"] for page in pages for row in page.records} == set(server.ticks)
    sorts = [request["sort"] for request in server.requests]
    assert sorts[:4] == ["+ModifiedOn", "-ModifiedOn", "+ModifiedOn", "+Id"]
    assert [bool(page.bookmark) for page in pages] == [True, *[False] * (len(pages) - 2), True]


@pytest.mark.parametrize(("times", "by_number"), [(1, False), (5, False), (6, True)])
def test_an_edit_that_hides_whether_the_server_sorts_makes_the_page_be_read_again(
    times: int, *, by_number: bool
) -> None:
    server = Server(World(1, rows=40, page_cap=8, busy=0))
    edits = iter(range(times))

    def fetch(params: Mapping[str, str]) -> Answer:
        if params["sort"] == "-ModifiedOn" and next(edits, None) is not None:
            first = min(server.ticks, key=lambda each: server.ticks[each] or 0)
            server.now += SECOND
            server.ticks[first] = server.now
        return server.fetch(params)

    pages = list(the_walk(fetch, None))
    assert {row["id"] for page in pages for row in page.records} == set(server.ticks)
    assert any(request["sort"] == "+Id" for request in server.requests) is by_number


def test_a_deletion_during_a_read_by_number_holds_the_bookmark_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Although rows are added at the same time, so that the total is what it was."""
    server = Server(World(1, sorts="not", rows=40, page_cap=8, busy=0))

    def fetch(params: Mapping[str, str]) -> Answer:
        if params["page"] == "3":
            for each in sorted(server.ticks)[:2]:
                server.ticks.pop(each)
                new = max(server.ticks) + 1
                server.ticks[new], server.active[new] = server.now, True
        return server.fetch(params)

    pages = list(the_walk(fetch, None))
    assert [page.bookmark for page in pages] == [None] * len(pages)
    assert "as rows were deleted while they were read" in caplog.text


@pytest.mark.parametrize(("name", "is_told"), [(int, True), (str, False)])
def test_rows_out_of_order_by_id_hold_the_bookmark_where_one_can_tell(
    caplog: pytest.LogCaptureFixture, name: Callable[[int], Any], *, is_told: bool
) -> None:
    """How a server sorts texts is not known, as `9_1` and `10_1`."""

    def fetch(params: Mapping[str, str]) -> Answer:
        at = {"modifiedOn": text_of(0)}
        ids = (2, 1, 3) if params["sort"] == "+Id" else (1, 2)
        rows = [{"id": name(each), **at} for each in ids]
        return Answer({"hasMore": params["sort"] != "+Id", "data": rows}, EPOCH)

    pages = list(the_walk(fetch, None))
    assert [page.bookmark for page in pages] == [None if is_told else text_of(0)]
    assert ("does not sort by id" in caplog.text) is is_told


@pytest.mark.parametrize("most", [50, 5000])
def test_pages_overlap_by_little_however_many_have_been_read(most: int) -> None:
    read, pages = most, 1
    while read < 60 * most:
        size, number = _overlapping(read, most)
        assert size <= most
        assert (number - 1) * size < read < number * size
        read, pages = number * size, pages + 1
    assert pages < 75


def test_a_list_that_brings_nothing_new_but_never_ends_is_an_error() -> None:
    def fetch(_: Mapping[str, str]) -> Answer:
        rows = [{"id": each, "modifiedOn": None} for each in range(4)]
        return Answer({"hasMore": True, "data": rows}, EPOCH)

    with pytest.raises(AnswerError, match="brings nothing new but says hasMore: true"):
        list(the_walk(fetch, None))
    with pytest.raises(AnswerError, match="page 2 brings nothing new but says hasMore: true"):
        list(taken(numbered_walk(fetch, {})))


def test_without_the_servers_time_a_read_by_number_leaves_the_bookmark(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server(World(1, sorts="not", rows=30, page_cap=8, busy=0))
    pages = list(the_walk(lambda params: Answer(server.fetch(params).body, None), None))
    assert len({row["id"] for page in pages for row in page.records}) == 30
    assert [page.bookmark for page in pages] == [None] * len(pages)
    assert "does not tell its time" in caplog.text


def test_rows_that_do_not_say_when_they_were_modified_are_read_all_the_same() -> None:
    rows = [{"id": each, "modifiedOn": None} for each in range(10)]

    def fetch(params: Mapping[str, str]) -> Answer:
        start = 4 * (int(params["page"]) - 1)
        data = [dict(row) for row in rows[start : start + 4]]
        return Answer({"hasMore": start + 4 < len(rows), "data": data}, EPOCH)

    pages = list(the_walk(fetch, None))
    assert [row for page in pages for row in page.records] == rows
    assert [page.bookmark for page in pages] == [None, None, None]


def test_an_empty_page_with_more_to_come_is_an_error() -> None:
    body = {"hasMore": True, "data": []}
    with pytest.raises(AnswerError, match="page 1 brings nothing new but says hasMore: true"):
        list(the_walk(lambda _: Answer(body, EPOCH), None))

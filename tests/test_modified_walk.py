"""Reading a list while it changes: whatever happens between two requests, no row is lost.

The server is a model: rows with ticks of 100 ns, mutated at random between any two requests.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.client.answers import Answer
from tap_servicetitan_dispatch.errors import AnswerError
from tap_servicetitan_dispatch.walks import (
    ModifiedWalk,
    Page,
    numbered_walk,
    read_by_number,
    recency,
    total_in,
)
from tap_servicetitan_dispatch.walks.by_number import _overlapping
from tap_servicetitan_dispatch.walks.page import MOST_EMPTY
from tap_servicetitan_dispatch.walks.rows import latest_of
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
    ties=st.booleans(),
    filters=st.sampled_from(["first", "first", "late", "late for some rows"]),
    total=st.sampled_from(["counted", None, True, 10**20, "7", 7.0]),
)


@pytest.mark.no_cover  # would take half as long again, and the tests below run all lines
@pytest.mark.parametrize("sorts", ["exactly", "to the second", "not"])
@settings(
    max_examples=350,
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
    max_examples=200,
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


def test_an_edit_of_the_first_row_does_not_hide_whether_the_server_sorts() -> None:
    server = Server(World(1, rows=40, page_cap=8, busy=0))

    def fetch(params: Mapping[str, str]) -> Answer:
        if params["sort"] == "-ModifiedOn":
            first = min(server.ticks, key=lambda each: server.ticks[each] or 0)
            server.now += SECOND
            server.ticks[first] = server.now
        return server.fetch(params)

    pages = list(the_walk(fetch, None))
    assert {row["id"] for page in pages for row in page.records} == set(server.ticks)
    assert all(page.bookmark for page in pages)
    assert [request["sort"] for request in server.requests].count("-ModifiedOn") == 1


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
def test_edits_that_hide_whether_the_server_sorts_make_the_page_be_read_again(
    times: int, *, by_number: bool
) -> None:
    server = Server(World(1, rows=90, page_cap=8, busy=0))
    edits = iter(range(times))

    def fetch(params: Mapping[str, str]) -> Answer:
        if params["sort"] == "-ModifiedOn" and next(edits, None) is not None:
            server.now += 10 * SECOND
            for each in sorted(server.ticks, key=lambda each: server.ticks[each] or 0)[:7]:
                server.ticks[each] = server.now
        return server.fetch(params)

    pages = list(the_walk(fetch, None))
    assert {row["id"] for page in pages for row in page.records} == set(server.ticks)
    assert any(request["sort"] == "+Id" for request in server.requests) is by_number


def test_a_deletion_during_a_read_by_number_holds_the_bookmark_and_says_so() -> None:
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
    assert "as rows were deleted during the read" in pages[-1].doubt
    assert not any(page.doubt for page in pages[:-1])


@pytest.mark.parametrize(("name", "is_told"), [(int, True), (str, False)])
def test_rows_out_of_order_by_id_hold_the_bookmark_where_one_can_tell(
    name: Callable[[int], Any], *, is_told: bool
) -> None:
    """How a server sorts texts is not known, as `9_1` and `10_1`."""

    def fetch(params: Mapping[str, str]) -> Answer:
        at = {"modifiedOn": text_of(0)}
        ids = (2, 1, 3) if params["sort"] == "+Id" else (1, 2)
        rows = [{"id": name(each), **at} for each in ids]
        return Answer({"hasMore": params["sort"] != "+Id", "data": rows}, EPOCH)

    pages = list(the_walk(fetch, None))
    assert [page.bookmark for page in pages] == [None if is_told else text_of(0)]
    assert ["does not sort by id" in page.doubt for page in pages] == [is_told]


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


@pytest.mark.parametrize("sorts", ["exactly", "not"])
def test_without_the_servers_time_the_bookmark_stays_and_the_walk_says_so(sorts: str) -> None:
    server = Server(World(1, sorts=sorts, rows=30, page_cap=8, busy=0))
    pages = list(the_walk(lambda params: Answer(server.fetch(params).body, None), None))
    assert len({row["id"] for page in pages for row in page.records}) == 30
    assert [page.bookmark for page in pages] == [None] * len(pages)
    assert ["answers have no Date" in page.doubt for page in pages] == [
        *[False] * (len(pages) - 1),
        True,
    ]


def test_rows_that_do_not_say_when_they_were_modified_are_read_all_the_same() -> None:
    rows = [{"id": each, "modifiedOn": None} for each in range(10)]

    def fetch(params: Mapping[str, str]) -> Answer:
        start = 4 * (int(params["page"]) - 1)
        data = [dict(row) for row in rows[start : start + 4]]
        return Answer({"hasMore": start + 4 < len(rows), "data": data}, EPOCH)

    pages = list(the_walk(fetch, None))
    assert [row for page in pages for row in page.records] == rows
    assert [page.bookmark for page in pages] == [None, None, None]


@pytest.mark.no_cover
def test_empty_pages_that_never_end_are_an_error_at_last() -> None:
    asked: list[Mapping[str, str]] = []

    def fetch(params: Mapping[str, str]) -> Answer:
        asked.append(params)
        return Answer({"hasMore": True, "data": []}, EPOCH)

    for walk in (the_walk(fetch, None), taken(numbered_walk(fetch, PARAMS))):
        asked.clear()
        with pytest.raises(AnswerError, match="brings nothing new but says hasMore: true"):
            list(walk)
        assert MOST_EMPTY <= len(asked) <= MOST_EMPTY + 1


# Ties


def with_a_tie(rows: int, *, at: int, tied: int) -> Server:
    """Return a server where so many rows, from a place on, have one time; others are 5 s apart."""
    server = Server(World(1, rows=0, page_cap=100, busy=0))
    for each in range(rows):
        place = at if at <= each < at + tied else each
        server.ticks[each + 1], server.active[each + 1] = place * 5 * SECOND, True
    server.now = rows * 5 * SECOND
    return server


@pytest.mark.no_cover
@pytest.mark.parametrize("at", [40, 90, 99, 100, 195], ids="at {}".format)
@pytest.mark.parametrize("tied", [2, 30, 90])
def test_rows_with_one_time_at_the_end_of_a_page_cost_nothing(at: int, tied: int) -> None:
    servers = with_a_tie(1000, at=0, tied=0), with_a_tie(1000, at=at, tied=tied)
    (plain, few), (tie, more) = (
        (list(the_walk(server.fetch, None)), len(server.requests)) for server in servers
    )
    assert {row["id"] for page in tie for row in page.records} == {*range(1, 1001)}
    assert all(page.bookmark for page in tie)
    assert all(request["page"] == "1" for request in servers[1].requests)
    assert more <= few + 1, "the rows of the tie come again with the next page"
    assert len(tie) <= len(plain) + 1


def test_more_rows_with_one_time_than_a_page_holds_are_found_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also where only a few of them are on the first page."""
    caplog.set_level(logging.INFO)
    for at, asked in ((0, ["+ModifiedOn"]), (97, ["+ModifiedOn", "-ModifiedOn"])):
        server = with_a_tie(500, at=at, tied=150)
        walk = ModifiedWalk(server.fetch, PARAMS, None, OVERLAP, stream="zones")
        pages = list(taken(walk))
        assert {row["id"] for page in pages for row in page.records} == {*range(1, 501)}
        assert pages[-1].bookmark
        sorts = [request["sort"] for request in server.requests]
        assert [each for each in sorts if each != "+Id"] == asked
        told = "zones: reading on by page number, in the order of ids, as more rows share a time"
        [record] = caplog.records
        assert (record.levelname, record.message.startswith(told)) == ("INFO", True)
        caplog.clear()


def test_of_rows_with_one_time_the_one_with_the_highest_id_is_the_latest() -> None:
    at = text_of(7)
    rows: list[Any] = [{"id": each, "modifiedOn": at} for each in (3, 10, 9)]
    others: list[Any] = [{"id": "99", "modifiedOn": at}, {"id": 999, "modifiedOn": None}, {}]
    assert max([*others, *rows], key=recency)["id"] == 10
    assert latest_of(rows)[1] == at


# Filters that come after the pages were cut


@pytest.mark.parametrize("filters", ["late", "late for some rows"])
@pytest.mark.parametrize("sorts", ["exactly", "not"])
def test_short_and_empty_pages_in_the_middle_are_read_past(filters: str, sorts: str) -> None:
    server = Server(World(3, filters=filters, sorts=sorts, rows=60, page_cap=6, busy=0))
    whole = {row["id"] for page in the_walk(server.fetch, None) for row in page.records}
    assert whole == {*server.ticks}
    latest = sorted(server.ticks.values(), key=lambda tick: tick or 0)[-20]
    since = EPOCH + timedelta(seconds=(latest or 0) // SECOND)
    new = {row["id"] for page in the_walk(server.fetch, since) for row in page.records}
    assert new >= {each for each, tick in server.ticks.items() if (tick or 0) >= (latest or 0)}


def test_pages_too_short_to_overlap_are_told_of_as_that() -> None:
    """Nothing was deleted here, and nobody could tell if something had been."""
    server = Server(World(1, sorts="not", rows=9, page_cap=2, busy=0))
    pages = list(the_walk(server.fetch, None))
    assert {row["id"] for page in pages for row in page.records} == {*server.ticks}
    assert "too short to overlap" in pages[-1].doubt
    assert "deleted" not in pages[-1].doubt


@pytest.mark.parametrize("said", [None, 0, 9000, True, "8"])
def test_a_server_that_gives_less_than_asked_and_says_so_or_not_is_read_whole(said: Any) -> None:
    server = Server(World(1, sorts="not", rows=40, page_cap=8, busy=0))

    def fetch(params: Mapping[str, str]) -> Answer:
        answer = server.fetch(params)
        answer.body["pageSize"] = said
        return answer

    pages = list(the_walk(fetch, None))
    assert len({row["id"] for page in pages for row in page.records}) == 40
    assert pages[-1].bookmark


# Totals


@pytest.mark.parametrize(
    ("total", "counted"),
    [
        (0, 0),
        (7, 7),
        (2**63 - 1, 2**63 - 1),
        (None, None),
        (True, None),
        (False, None),
        (-1, None),
        (2**63, None),
        (10**20, None),
        ("7", None),
        (7.0, None),
        ([7], None),
    ],
    ids=repr,
)
def test_a_count_that_is_not_a_count_is_a_doubt(total: Any, counted: int | None) -> None:
    body = {"hasMore": False, "totalCount": total, "data": [{"id": 1, "modifiedOn": text_of(0)}]}
    assert total_in(body) == counted
    is_odd = counted is None and total is not None
    [numbered] = numbered_walk(lambda _: Answer(body, EPOCH), PARAMS)
    [by_number] = read_by_number(lambda _: Answer(body, EPOCH), PARAMS, None, {}, EPOCH)
    for page in (numbered, by_number):
        assert page.is_whole == (not is_odd and (counted or 0) <= 1)
        assert ("totalCount is not a count" in page.doubt) == is_odd
        assert ("fewer rows came" in page.doubt) == ((counted or 0) > 1)


def test_several_pages_without_an_order_are_a_doubt_even_if_nothing_was_counted() -> None:
    def fetch(params: Mapping[str, str]) -> Answer:
        number = int(params["page"])
        return Answer({"hasMore": number < 2, "data": [{"id": number}]}, EPOCH)

    first, last = numbered_walk(fetch, PARAMS)
    assert (first.doubt, last.is_whole) == ("", False)
    assert "hides another" in last.doubt

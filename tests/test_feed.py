"""The export feed over real HTTP: every way in which its pages may come, and what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runs import FEED_ONLY, assert_fails, bookmarked, catalog_of, select
from tests.support.scripted_api import Answer, ScriptedApi, feed_of, page, row

if TYPE_CHECKING:
    from tests.support.runs import Command

THREE_PAGES = (
    (None, page(1, 2, 3, more=True, token="t1")),
    ("t1", page(4, 5, more=True, token="t2")),
    ("t2", page(6, 7, more=False, token="t3")),
)


def test_reads_all_pages_and_stores_the_last_token(api: ScriptedApi, tap: Command) -> None:
    api.reply = feed_of(*THREE_PAGES)
    run = tap.run(api.config)
    assert run.exit_code == 0
    assert run.ids == [1, 2, 3, 4, 5, 6, 7]
    assert run.states[-1] == bookmarked("t3")


def test_each_record_carries_the_token_of_its_page(api: ScriptedApi, tap: Command) -> None:
    api.reply = feed_of(*THREE_PAGES)
    tokens = [record["continueFrom"] for record in tap.run(api.config).records]
    assert tokens == ["t1", "t1", "t1", "t2", "t2", "t3", "t3"]


def test_values_pass_through_untouched(api: ScriptedApi, tap: Command) -> None:
    odd = row(2**53 + 1, technicianName="Zoë “Z” 👩‍🔧", status="Teleported", assignedById=None)
    api.reply = feed_of((None, {"hasMore": False, "continueFrom": "t", "data": [odd]}))
    assert tap.run(api.config).records == [{**odd, "continueFrom": "t"}]


def test_a_second_run_resumes_from_the_token(api: ScriptedApi, tap: Command) -> None:
    api.reply = feed_of(("t3", page(8, more=False, token="t4")))
    run = tap.run(api.config, bookmarked("t3"))
    assert (run.ids, run.bookmark) == ([8], "t4")


def test_a_run_with_nothing_new_costs_one_token_call_and_one_feed_call(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = feed_of(("t3", page(more=False, token="t3")))
    run = tap.run(api.config, bookmarked("t3"))
    assert (len(api.token_calls), len(api.api_calls)) == (1, 1)
    assert run.states[-1] == bookmarked("t3")


def test_an_empty_page_in_the_middle_is_no_end(api: ScriptedApi, tap: Command) -> None:
    api.reply = feed_of(
        (None, page(1, more=True, token="t1")),
        ("t1", page(more=True, token="t2")),
        ("t2", page(2, more=False, token="t3")),
    )
    run = tap.run(api.config)
    assert (run.ids, run.bookmark) == ([1, 2], "t3")


@pytest.mark.parametrize(
    ("last_token", "stored"),
    [("t2", "t2"), ("t1", "t1"), ("", "t1"), (None, "t1")],
    ids=["new", "as sent", "empty", "null"],
)
def test_the_last_token_that_is_not_empty_is_the_bookmark(
    api: ScriptedApi, tap: Command, last_token: str | None, stored: str
) -> None:
    api.reply = feed_of(
        (None, page(1, more=True, token="t1")), ("t1", page(2, more=False, token=last_token))
    )
    run = tap.run(api.config)
    assert (run.ids, run.bookmark) == ([1, 2], stored)
    assert run.records[-1]["continueFrom"] == stored


def test_a_last_page_without_a_token_keeps_the_previous(api: ScriptedApi, tap: Command) -> None:
    last = page(2, more=False, token="gone")
    del last["continueFrom"]
    api.reply = feed_of((None, page(1, more=True, token="t1")), ("t1", last))
    run = tap.run(api.config)
    assert (run.ids, run.bookmark) == ([1, 2], "t1")


def test_a_feed_that_never_gives_a_token_stores_none(api: ScriptedApi, tap: Command) -> None:
    api.reply = feed_of((None, page(1, more=False, token=None)))
    run = tap.run(api.config)
    assert run.exit_code == 0
    assert (run.ids, run.bookmark) == ([1], None)


@pytest.mark.parametrize(
    ("pages", "bookmark"),
    [
        ([(None, page(1, more=True, token="t1")), ("t1", page(2, more=True, token="t1"))], "t1"),
        (
            [
                (None, page(1, more=True, token="t1")),
                ("t1", page(2, more=True, token="t2")),
                ("t2", page(3, more=True, token="t1")),
            ],
            "t2",
        ),
    ],
    ids=["the same again", "in a circle"],
)
def test_a_token_that_comes_again_with_more_to_come_is_an_error(
    api: ScriptedApi, tap: Command, pages: list[Any], bookmark: str
) -> None:
    api.reply = feed_of(*pages)
    run = tap.run(api.config)
    assert_fails(run, "appointment_assignments: the feed says hasMore: true but gives a continue")
    assert run.bookmark == bookmark


@pytest.mark.parametrize("token", ["", None])
def test_more_to_come_without_a_token_is_an_error(
    api: ScriptedApi, tap: Command, token: str | None
) -> None:
    api.reply = feed_of((None, page(1, more=True, token=token)))
    run = tap.run(api.config)
    assert_fails(run, "gives no continueFrom")
    assert run.bookmark is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"continueFrom": "t2", "data": []}, "hasMore: true or false"),
        ({"hasMore": "true", "continueFrom": "t2", "data": []}, "hasMore: true or false"),
        ({"hasMore": None, "continueFrom": "t2", "data": []}, "hasMore: true or false"),
        ({"hasMore": 1, "continueFrom": "t2", "data": []}, "hasMore: true or false"),
        ({"hasMore": False, "continueFrom": 5, "data": []}, "a text as continueFrom"),
        ({"hasMore": False, "continueFrom": "t2"}, "a list of objects as data"),
        ({"hasMore": False, "continueFrom": "t2", "data": [1]}, "a list of objects as data"),
        ([], "an object"),
        ({}, "hasMore: true or false"),
    ],
)
def test_an_answer_of_another_shape_is_an_error_that_keeps_the_bookmark(
    api: ScriptedApi, tap: Command, body: Any, expected: str
) -> None:
    api.reply = feed_of((None, page(1, more=True, token="t1")), ("t1", body))
    run = tap.run(api.config)
    assert_fails(run, f"should have {expected}")
    assert (run.ids, run.bookmark) == ([1], "t1")


@pytest.mark.parametrize("status", [400, 404])
def test_a_rejected_bookmark_is_an_error_that_says_how_to_reset(
    api: ScriptedApi, tap: Command, status: int
) -> None:
    problem = {"title": "Bad token", "errors": {"from": ["no such token"]}, "traceId": "00-ab"}
    api.reply = lambda _: Answer(problem, status=status)
    run = tap.run(api.config, bookmarked("old"))
    assert_fails(run, "rejects the bookmark")
    assert "--full-refresh" in run.errors[0]
    assert "from: no such token" in run.errors[0]
    assert "traceId 00-ab" in run.errors[0]
    assert run.bookmark == "old"
    assert len(api.api_calls) == 1


def test_a_token_rejected_in_the_middle_is_not_blamed_on_the_bookmark(
    api: ScriptedApi, tap: Command
) -> None:
    first = feed_of((None, page(1, more=True, token="t1")))
    api.reply = lambda call: Answer({}, status=400) if "from" in call.query else first(call)
    run = tap.run(api.config)
    assert_fails(run, "the API rejected the request")
    assert run.bookmark == "t1"


def test_start_date_is_the_first_from_in_utc(api: ScriptedApi, tap: Command) -> None:
    api.reply = feed_of(("2026-10-31T22:00:00Z", page(1, more=False, token="t1")))
    run = tap.run(api.config | {"start_date": "2026-11-01T00:00:00+02:00"})
    assert (run.ids, run.bookmark) == ([1], "t1")


def test_a_token_wins_over_start_date(api: ScriptedApi, tap: Command) -> None:
    api.reply = feed_of(("t3", page(8, more=False, token="t4")))
    run = tap.run(api.config | {"start_date": "2026-11-01"}, bookmarked("t3"))
    assert run.ids == [8]


def test_without_start_date_the_feed_starts_at_the_beginning(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = feed_of((None, page(more=False, token="t1")))
    tap.run(api.config)
    assert [call.query for call in api.api_calls] == [{"active": "Any"}]


def test_settings_of_the_feed_reach_the_api(api: ScriptedApi, tap: Command) -> None:
    api.reply = feed_of((None, page(more=False, token="t1")))
    tap.run(api.config | {"active": "True", "include_recent_changes": True})
    assert [call.query for call in api.api_calls] == [
        {"active": "True", "includeRecentChanges": "true"}
    ]


@pytest.mark.parametrize("stored", ["2026-11-01T08:00:00+00:00", "2026-11-01T08:00:00Z"])
def test_the_bookmark_of_the_other_servicetitan_tap_is_resumed_from(
    api: ScriptedApi, tap: Command, stored: str
) -> None:
    api.reply = feed_of(("2026-11-01T08:00:00Z", page(1, more=False, token="t1")))
    run = tap.run(api.config, bookmarked(stored, key="modifiedOn"))
    assert run.ids == [1]
    assert run.states[-1] == bookmarked("t1")


def test_a_bookmark_that_is_no_text_is_an_error(api: ScriptedApi, tap: Command) -> None:
    run = tap.run(
        api.config,
        {
            "bookmarks": {
                "appointment_assignments": {
                    "replication_key": "continueFrom",
                    "replication_key_value": 5,
                }
            }
        },
    )
    assert_fails(run, "the bookmark 5 in the state is not a text")
    assert api.calls == []


def test_a_deselected_stream_costs_no_request(api: ScriptedApi, tap: Command) -> None:
    run = tap.run(api.config, None, catalog_of(with_others=True))
    assert (run.exit_code, api.calls) == (0, [])


def test_a_catalog_that_asks_for_the_full_table_ignores_the_bookmark(
    api: ScriptedApi, tap: Command
) -> None:
    catalog = catalog_of(*FEED_ONLY)
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"
    api.reply = feed_of(*THREE_PAGES)
    run = tap.run(api.config, bookmarked("t2"), catalog)
    assert run.ids == [1, 2, 3, 4, 5, 6, 7]
    assert run.bookmark == "t2"


def test_a_deselected_property_is_left_out_and_the_bookmark_right(
    api: ScriptedApi, tap: Command
) -> None:
    catalog = catalog_of(*FEED_ONLY)
    select(catalog, ("properties", "modifiedOn"), selected=False)
    select(catalog, ("properties", "continueFrom"), selected=False)
    api.reply = feed_of(*THREE_PAGES)
    run = tap.run(api.config, None, catalog)
    assert all("modifiedOn" not in record for record in run.records)
    assert (len(run.records), run.bookmark) == (7, "t3")


def test_a_stream_map_that_drops_rows_keeps_the_bookmark_right(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = feed_of(*THREE_PAGES)
    maps = {"appointment_assignments": {"__filter__": "id < 6"}}
    run = tap.run(api.config | {"stream_maps": maps})
    assert (run.ids, run.bookmark) == ([1, 2, 3, 4, 5], "t3")


def test_a_field_that_the_schema_does_not_know_is_left_out_and_named_once(
    api: ScriptedApi, tap: Command
) -> None:
    data = [row(1, etaMinutes=4), row(2, etaMinutes=9)]
    api.reply = feed_of((None, {"hasMore": False, "continueFrom": "t1", "data": data}))
    run = tap.run(api.config)
    assert [sorted(record) for record in run.records] == [sorted([*row(1), "continueFrom"])] * 2
    assert run.stderr.count("etaMinutes") == 1

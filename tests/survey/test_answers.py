"""What is said of odd answers; and what was not answered is not guessed at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.survey.facts import FACTS
from tap_servicetitan_dispatch.survey.seen import ASSIGNMENTS, rows_in, ticks
from tests.support.surveys import NOON, usual_survey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_servicetitan_dispatch.survey.asking import Reply
    from tap_servicetitan_dispatch.survey.seen import Row, Seen

    Change = Callable[[Seen], None]

KEPT = {
    "scopes",
    "wrong_key",
    "others",
    "dates",
    "dates_of",
    "end",
    "paged",
    "feed_row",
    "shared_path",
}


@pytest.fixture(scope="module")
def usual() -> Seen:
    return usual_survey()[1]


def copied(seen: Seen) -> Seen:
    """Return the same, to be changed, without the figures that were made of it."""
    cache = {
        name: value
        for name, value in seen.cache.items()
        if name in KEPT or name.startswith(("row:", "middle:"))
    }
    return replace(seen, replies=dict(seen.replies), lists=dict(seen.lists), cache=cache)


# What was not answered ----------------------------------------------------------------------

NO_ANSWER: dict[str, Callable[[Reply], Reply | None]] = {
    "not asked": lambda _: None,
    "no answer": lambda reply: replace(reply, status=0, body=None, failure="no_connection"),
    "server error": lambda reply: replace(reply, status=503, body={}, failure="server_error"),
}


def without(seen: Seen, change: Callable[[Reply], Reply | None], *beginnings: str) -> Seen:
    """Return what would have been seen if some questions had not been answered."""
    changed = copied(seen)
    changed.replies = {
        name: other
        for name, reply in seen.replies.items()
        if (other := change(reply) if name.startswith(beginnings) else reply)
    }
    return changed


@pytest.mark.parametrize("kind", NO_ANSWER)
def test_nothing_is_guessed_at_where_nothing_was_answered(usual: Seen, kind: str) -> None:
    for fact in FACTS:
        if not fact.questions:
            continue
        for question in fact.questions:
            verdict = fact.judge(without(usual, NO_ANSWER[kind], question))
            assert verdict.outcome != "otherwise", (fact.name, question, verdict)
        verdict = fact.judge(without(usual, NO_ANSWER[kind], *fact.questions))
        assert verdict.outcome == "could not tell", (fact.name, verdict)


# Odd answers --------------------------------------------------------------------------------


def answered(name: str, *, like: str = "", **changes: Any) -> Change:
    """Have a question answered otherwise, or as another one was."""

    def change(seen: Seen) -> None:
        seen.replies[name] = replace(seen.replies[like or name], **changes)

    return change


def page(name: str, make: Callable[[list[Row]], list[Row]] | None = None, **keys: Any) -> Change:
    """Have other rows on a page, or other keys beside them."""

    def change(seen: Seen) -> None:
        reply = seen.replies[name]
        rows = rows_in(reply)
        body = {**reply.body, "data": make(rows) if make else rows, **keys}
        seen.replies[name] = replace(reply, body=body)

    return change


def only(path: str) -> Change:
    """Have one list only."""

    def change(seen: Seen) -> None:
        seen.lists = {path: seen.lists[path]}

    return change


def unasked(*beginnings: str) -> Change:
    """Have some questions not asked."""

    def change(seen: Seen) -> None:
        for name in [name for name in seen.replies if name.startswith(beginnings)]:
            del seen.replies[name]

    return change


def straying(seen: Seen) -> None:
    """Have each second answer dated a minute later."""
    seen.all = [
        replace(reply, date=reply.date and reply.date + timedelta(minutes=number % 2))
        for number, reply in enumerate(seen.all)
    ]


def fewer_slots(seen: Seen) -> None:
    """Have the first week without its last slots."""
    reply = seen.replies["capacity:week"]
    body = {**reply.body, "availabilities": reply.body["availabilities"][:-3]}
    seen.replies["capacity:week"] = replace(reply, body=body)


def ended_as_begun(seen: Seen) -> None:
    """Have recent changes end with what was sent."""
    page("feed:recent", continueFrom=seen.sent["feed:recent"]["from"])(seen)


def looked(*ends: float, began: float = 0) -> Change:
    """Have looks that take a second alone answered at these times, all asked at one time."""

    def change(seen: Seen) -> None:
        alone = seen.replies["look:0"]
        seen.replies["look:0"] = replace(alone, seconds=1)
        for number, end in enumerate(ends, start=1):
            reply = replace(alone, at=end, seconds=end - began)
            seen.replies[f"look:{number}"] = reply

    return change


def without_scope(*names: str, **changes: Any) -> list[Change]:
    """Have tokens without the scope for capacity, and calls for capacity answered otherwise."""
    tokens = [
        answered(name, body={"access_token": "a", "scope": "tn.dis.zones:r"})
        for name in ("access:token", "access:second_token")
    ]
    return [*tokens, *(answered(f"capacity:{name}", **changes) for name in names)]


CAPACITIES = ("fortnight", "too_long", "week", "next_week", "yesterday", "skills", "units")


def at(seconds: float, number: int = 1, **more: Any) -> Row:
    """Return an assignment that was changed so long ago."""
    moment = (NOON - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    return {"id": number, "modifiedOn": moment, "createdOn": moment, "active": True, **more}


def rows(*found: Row) -> Callable[[list[Row]], list[Row]]:
    return lambda _: list(found)


def with_key(key: str, value: Any) -> Callable[[list[Row]], list[Row]]:
    return lambda found: [{**row, key: value} for row in found]


def of_shifts(key: str, value: Any) -> list[Change]:
    return [
        page(f"list:technician-shifts:{side}", with_key(key, value))
        for side in ("id", "oldest", "newest")
    ]


NEWEST, OLDEST = f"list:{ASSIGNMENTS}:newest", f"list:{ASSIGNMENTS}:oldest"
CLOSE = [at(7_200 - number / 50, 100 - number) for number in range(30)]
"""Rows that were changed one after the other within a second, the last first by their ids."""

ODD: dict[str, tuple[str, Sequence[Change], str, str]] = {
    "a server error for a wrong key": (
        "bad_app_key_is_told",
        [answered("access:wrong_key", like="access:by_new", status=500)],
        "could not tell",
        "says nothing of it",
    ),
    "a call without Bearer where none is good": (
        "bearer_is_optional",
        [
            answered("access:no_bearer", status=401, failure="unauthorized"),
            answered("access:by_new", status=401, failure="unauthorized"),
        ],
        "could not tell",
        "no call with it was good",
    ),
    "a token that ends before a tenant is refused": (
        "unknown_tenant_is_unmatched",
        [answered("access:tenant_0", status=401, failure="unauthorized")],
        "could not tell",
        "the token was refused",
    ),
    "another refusal of a tenant": (
        "unknown_tenant_is_unmatched",
        [answered("access:tenant_0", status=403, failure="forbidden")],
        "otherwise",
        "another text",
    ),
    "a clock that strays": ("date_is_the_api_clock", [straying], "otherwise", "strays by 60 s"),
    "an unknown parameter that is forbidden": (
        "unknown_parameters_ignored",
        [answered("parameter:unknown", status=403, failure="forbidden")],
        "otherwise",
        "status 403",
    ),
    "more than a fortnight": (
        "fourteen_days",
        [answered("capacity:too_long", like="capacity:fortnight")],
        "otherwise",
        "more than 14 days",
    ),
    "slots that are in no part": (
        "slots_do_not_cross_midnight",
        [fewer_slots],
        "otherwise",
        "3 slots are lost",
    ),
    "nobody to compare with": (
        "tracked_are_on_the_way",
        [unasked("tracking:Scheduled", "tracking:Done")],
        "could not tell",
        "everybody is",
    ),
    "another status for who is not tracked": (
        "untracked_is_told",
        [answered("tracking:nobody", status=403, failure="forbidden")],
        "otherwise",
        "status 403",
    ),
    "hours that are a text": (
        "hours_are_one_object",
        [answered("single:business_hours", body="always")],
        "otherwise",
        "something else",
    ),
    "a token that cannot be printed": (
        "token_by_form",
        [answered("access:second_token", body={"access_token": "a b"})],
        "otherwise",
        "1 answer has no printable token",
    ),
    "a token without scopes": (
        "capacity_needs_write",
        [
            answered("access:token", body={"access_token": "a"}),
            answered("access:second_token", body={"access_token": "a"}),
        ],
        "could not tell",
        "does not say which scopes",
    ),
    "capacity without the scope": (
        "capacity_needs_write",
        without_scope(),
        "otherwise",
        "answered without it",
    ),
    "capacity that is refused without the scope": (
        "capacity_needs_write",
        without_scope(*CAPACITIES, status=403, failure="missing_scope"),
        "as believed",
        "refused without it",
    ),
    "capacity that is refused with another text": (
        "capacity_needs_write",
        without_scope(*CAPACITIES, status=403, failure="forbidden"),
        "could not tell",
        "status 403",
    ),
    "calls that are answered together": (
        "several_at_once",
        [looked(1, 1.1, 1.2, 1.3, 2.2)],
        "as believed",
        "5 at a time",
    ),
    "calls that wait for each other": (
        "several_at_once",
        [looked(1, 2, 3, 4, 5)],
        "otherwise",
        "one after the other",
    ),
    "calls at once that are refused": (
        "several_at_once",
        [answered("look:1", status=429, failure="rate_limited")],
        "otherwise",
        "1 of 5 calls at once were refused",
    ),
    "a bound that is refused": (
        "z_is_taken",
        [answered(f"bound:{ASSIGNMENTS}:earlier", status=400, failure="bad_request")],
        "otherwise",
        "1 of 10 were refused",
    ),
    "an end that may not be asked again so soon": (
        "wait_5_to_10_minutes",
        [answered(f"feed:end:{number}", status=429, failure="rate_limited") for number in (1, 2)],
        "otherwise",
        "2 calls were refused",
    ),
    "recent rows that come once": (
        "recent_come_again",
        [
            page("feed:recent", rows(*[at(60, number) for number in range(10)])),
            page("feed:recent_end", rows()),
        ],
        "otherwise",
        "0 of 10 young rows",
    ),
    "too few recent rows that come once": (
        "recent_come_again",
        [page("feed:recent_end", rows())],
        "could not tell",
        "too little changed",
    ),
    "recent changes that end as they began": (
        "recent_come_again",
        [ended_as_begun],
        "could not tell",
        "no token of its own",
    ),
    "recent changes whose end is a beginning": (
        "recent_come_again",
        [answered("feed:recent_end", like="feed:first")],
        "could not tell",
        "not taken as such",
    ),
    "another tenant with other ids": (
        "ids_may_collide",
        [
            answered("access:group:0", like="list:zones:id"),
            page("access:group:0", rows(at(60, 10**12))),
        ],
        "could not tell",
        "ids is another tenant's, too",
    ),
    "a delay that could be any": (
        "feed_lags_15_minutes",
        [page(NEWEST, rows(at(600), at(6_000, 2))), page("feed:not_recent", rows(at(6_000, 2)))],
        "could not tell",
        "too little changed",
    ),
    "an end that is a beginning": (
        "each_change_comes_once",
        [answered("feed:end:1", like="feed:walk:0")],
        "could not tell",
        "is not taken as such",
    ),
    "a future that has been": (
        "from_takes_the_future",
        [answered("feed:future", like="feed:first")],
        "otherwise",
        "rows from before",
    ),
    "an empty from that is refused": (
        "empty_from_is_none",
        [answered("feed:empty_from", status=400, failure="bad_request")],
        "otherwise",
        "status 400",
    ),
    "a token that is a number": (
        "token_is_short_text",
        [page("feed:first", continueFrom=5)],
        "otherwise",
        "not a text",
    ),
    "a token that is a time": (
        "token_is_short_text",
        [page("feed:first", continueFrom="2026-06-18T17:00:00Z")],
        "as believed",
        "a time",
    ),
    "a token that is forbidden": (
        "token_may_be_used_again",
        [answered("feed:again:2", status=403, failure="forbidden")],
        "could not tell",
        "status 403",
    ),
    "a token that gives another page": (
        "token_may_be_used_again",
        [page("feed:again:2", rows(at(60)))],
        "otherwise",
        "another page",
    ),
    "a made-up token that is forbidden": (
        "rejected_token_is_told",
        [answered("feed:rejected:made_up", status=403, failure="forbidden")],
        "otherwise",
        "status 403",
    ),
    "a made-up token that gives a page": (
        "rejected_token_is_told",
        [answered("feed:rejected:made_up", like="feed:end:1")],
        "otherwise",
        "another page",
    ),
    "another setting that begins anew": (
        "token_takes_other_settings",
        [answered("feed:other_settings", like="feed:first")],
        "otherwise",
        "begins anew",
    ),
    "a feed that goes back": (
        "feed_mostly_in_order",
        [page("feed:walk:0", lambda found: found[::-1])],
        "otherwise",
        "out of order",
    ),
    "a feed that is exact": (
        "feed_mostly_in_order",
        [page("feed:walk:0", rows(*CLOSE))],
        "as believed",
        "exactly",
    ),
    "inactive rows that come unasked": (
        "any_is_true_plus_false",
        [answered("count:zones:none", like="count:zones:Any")],
        "otherwise",
        "without it, too",
    ),
    "counts that do not fit together": (
        "any_is_true_plus_false",
        [only("zones"), page("count:zones:False", totalCount=99)],
        "could not tell",
        "counts changed",
    ),
    "counts of time away that do not fit": (
        "non_job_has_both",
        [page("count:non-job-appointments:none", totalCount=1)],
        "could not tell",
        "counts changed",
    ),
    "bounds that leave rows out": (
        "bounds_part_the_list",
        [page(f"bound:{ASSIGNMENTS}:from", totalCount=1)],
        "otherwise",
        "do not add up",
    ),
    "a bound that is not heeded with an order": (
        "bound_and_id_go_together",
        [page(f"bound:{ASSIGNMENTS}:by_id", lambda found: [*found, at(10**9)])],
        "otherwise",
        "rows from before",
    ),
    "pages that were cut elsewhere": (
        "any_page_size_is_exact",
        [page("parameter:page_of_49", lambda found: found[::-1])],
        "could not tell",
        "changed meanwhile",
    ),
    "a short page that is not the last": (
        "more_is_true",
        [page("list:zones:id", hasMore=True)],
        "otherwise",
        "a short page",
    ),
    "more beyond the end": (
        "more_is_true",
        [page("parameter:beyond", hasMore=True)],
        "otherwise",
        "beyond the end",
    ),
    "a list that is in order to the second": (
        "sorted_within_ten_seconds",
        [only(ASSIGNMENTS), page(OLDEST, rows(CLOSE[1], CLOSE[0], *CLOSE[2:]))],
        "as believed",
        "to the second",
    ),
    "a list that is in order to ten seconds": (
        "sorted_within_ten_seconds",
        [
            only(ASSIGNMENTS),
            page(OLDEST, rows(*[at(7_200 - 1.5 * number, 99 - number) for number in range(30)])),
        ],
        "as believed",
        "to ten seconds",
    ),
    "a bound with an order and one row": (
        "bound_and_id_go_together",
        [page(f"bound:{ASSIGNMENTS}:by_id", lambda found: found[:1])],
        "could not tell",
        "too few rows",
    ),
    "larger pages than 5,000": (
        "pages_of_5000",
        [answered("parameter:too_large", like="parameter:page_of_7")],
        "otherwise",
        "5,001 are not refused",
    ),
    "a list of more than 5,000 rows": (
        "pages_of_5000",
        [page("list:zones:id", totalCount=6_000)],
        "as believed",
        "5,000 rows",
    ),
    "pages of another size": (
        "any_page_size_is_exact",
        [page("parameter:page_of_7", lambda found: found[:3])],
        "otherwise",
        "other sizes",
    ),
    "windows on pages of another size": (
        "windows_keep_their_order",
        [page("windows:1", lambda found: found[:1])],
        "could not tell",
        "other sizes",
    ),
    "work that goes back": (
        "status_goes_forward",
        [
            page("look:0", rows(at(60, status="Working"), at(60, 2, status="Cancelled"))),
            page("look:1", rows(at(30, status="Scheduled"))),
        ],
        "otherwise",
        "1 of 1 steps",
    ),
    "people who are on call for days": (
        "repeats_are_rows",
        [
            page(
                "list:technician-shifts:id",
                lambda found: [{**found[0], "end": "2100-01-01T00:00:00Z"}, *found[1:]],
            ),
            unasked("list:technician-shifts:oldest", "list:technician-shifts:newest"),
        ],
        "could not tell",
        "on call for days",
    ),
    "shifts at any hour": (
        "shifts_are_true_utc",
        of_shifts("start", "2026-06-18T11:00:00Z"),
        "could not tell",
        "both are likely",
    ),
    "shifts in local time": (
        "shifts_are_true_utc",
        of_shifts("start", "2026-06-18T07:00:00Z"),
        "otherwise",
        "100 %",
    ),
}
"""What is odd, the fact that it concerns, how it comes about, and what is said then."""


@pytest.mark.parametrize("case", ODD)
def test_an_odd_answer_is_named(usual: Seen, case: str) -> None:
    name, changes, outcome, part = ODD[case]
    [fact] = [fact for fact in FACTS if fact.name == name]
    before = fact.judge(copied(usual))
    seen = copied(usual)
    for change in changes:
        change(seen)
    verdict = fact.judge(seen)
    assert (verdict.outcome, part in f"{verdict.seen} {verdict.why}") == (outcome, True), verdict
    assert verdict != before


@pytest.mark.parametrize("value", ["2026-13-01T00:00:00Z", "today", "", 5, None])
def test_what_is_not_a_time_is_none(value: Any) -> None:
    assert ticks(value) is None

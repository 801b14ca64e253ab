"""The export feed and its tokens."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.survey.seen import (
    ASSIGNMENTS,
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    modified,
    more_in,
    rows_in,
    status_word,
    telling_pairs,
    ticks,
    token_in,
    total_in,
)
from tap_servicetitan_dispatch.survey.verdicts import (
    ENOUGH,
    ENOUGH_FOR_A_LOSS,
    ENOUGH_PAIRS,
    Verdict,
    count,
    counted,
    differs,
    either,
    fact,
    holds,
    of_rows,
    rounded,
    seconds,
    unknown,
)

if TYPE_CHECKING:
    from tap_servicetitan_dispatch.survey.asking import Reply
    from tap_servicetitan_dispatch.survey.seen import Row, Seen

_FEED = "the feed"
_DELAY_SECONDS = 900
_GAP_SECONDS = 1_800
"""Maximum time between the oldest missing row and the youngest present one; beyond it, the delay is
unknown.
"""
_REJECTED = {400, 404, 410}
_LACKING = "row that the list lacks is", "rows that the list lacks are"
_LONG_ENOUGH = DAY - 4 * HOUR
"""A second survey on the next day may begin a little earlier than the first."""
_LISTED = f"list:{ASSIGNMENTS}:newest"


def _no_feed(seen: Seen) -> Verdict:
    return unknown(seen.why_not("feed:first"))


def _is_readable(reply: Reply | None) -> bool:
    return bool(reply and reply.is_told)


def _listed_stretch(seen: Seen) -> list[Row]:
    """Return the settled rows of the list that must be in the part of the feed that was read."""
    rows = seen.settled(seen.rows(_LISTED))
    since = min((modified(row) or 0 for row in seen.feed_rows), default=0)
    until = max((modified(row) or 0 for row in seen.feed_rows), default=0)
    if seen.feed_reached_end:
        until = seen.began
    return [row for row in rows if since <= (modified(row) or 0) < until]


def _versions(rows: list[Row]) -> set[tuple[str, int | None]]:
    return {(str(row.get("id")), modified(row)) for row in rows}


@fact(
    _FEED,
    "Without `from`, the feed begins at the beginning of history.",
    "documented",
    "no",
    "Older rows never come: nothing reads them again.",
    "The earliest row of the first page beside the earliest of the list.",
    switches=("feed_history_days",),
    questions=("feed:first", f"list:{ASSIGNMENTS}:oldest"),
)
def feed_begins_at_the_beginning(seen: Seen) -> Verdict:
    if not seen.reply("feed:first"):
        return _no_feed(seen)
    fed = [time for row in seen.rows("feed:first") if (time := modified(row)) is not None]
    listed = [
        time
        for row in seen.rows(f"list:{ASSIGNMENTS}:oldest")
        if (time := modified(row)) is not None
    ]
    if not fed or not listed:
        return unknown("there was no row")
    lacks = min(fed) - min(listed)
    if lacks > DAY:
        days = max(1, round((seen.began - min(fed)) / DAY))
        return differs(f"it begins {days} days ago, the list earlier", feed_history_days=days)
    return holds("no row of the list is earlier")


@fact(
    _FEED,
    "The feed has each row that the list has.",
    "inferred",
    "no",
    "Rows that it lacks never come. `detect_deleted_every_hours` does not help; read "
    "`appointment_assignments_list` beside it.",
    "Active rows of the newest thousands of the list, unchanged for an hour, are looked for in "
    "the feed.",
    switches=("feed_rows",),
    questions=("feed:walk:", _LISTED),
)
def feed_has_all_that_is_listed(seen: Seen) -> Verdict:
    if not seen.feed_pages or not seen.reply(_LISTED):
        return unknown(seen.why_not("feed:first", _LISTED))
    fed = {str(row.get("id")) for row in seen.feed_rows}
    rows = [row for row in _listed_stretch(seen) if row.get("active") is True]
    lacking = sum(str(row.get("id")) not in fed for row in rows)
    return of_rows(
        lacking,
        len(rows),
        "active rows of the list are not in the feed",
        least=ENOUGH_FOR_A_LOSS,
        usual={"feed_rows": "all"},
        other={"feed_rows": "some"},
    )


@fact(
    _FEED,
    "The feed has each withdrawal and deletion, as an inactive row.",
    "documented",
    "in part",
    "Assignments that are gone stay in the warehouse as if they were alive. "
    "`detect_deleted_every_hours` with `detect_deleted_assignments` finds them by the ids of the "
    "list.",
    "Inactive rows of the list are looked for in the feed, and rows of the feed that the list "
    "lacks are looked at: are they inactive? Whether every deletion comes cannot be told by "
    "reading: see whether rows that you delete come with the next run, or survey again a day "
    "later with `--survey-memory`.",
    switches=("feed_withdrawn", "deletes"),
    questions=("feed:walk:", _LISTED, f"count:{ASSIGNMENTS}:", "before:"),
)
def feed_tells_deletions(seen: Seen) -> Verdict:
    return _told_since_before(seen) or _told_within(seen)


def _told_since_before(seen: Seen) -> Verdict | None:
    """Return the fate of assignments that an earlier survey saw; nothing if none has gone."""
    pages = [reply for reply in seen.named("before:feed:").values() if reply.is_good]
    if not pages or more_in(pages[-1]) is not False or not seen.reply("before:ids"):
        return None
    *asked, control = seen.sent["before:ids"]["ids"].split(",")
    found = {str(row.get("id")) for row in seen.rows("before:ids")}
    gone = {*asked} - found
    if not gone or control not in found or found - {*asked, control}:
        return None
    rows = [*(row for page in pages for row in rows_in(page)), *seen.rows("feed:recent")]
    told = {str(row.get("id")) for row in rows if row.get("active") is False}
    lacking = len(gone - told)
    text = "rows that have gone from the list since the last survey"
    if lacking:
        return differs(
            f"{count(lacking)} of {count(len(gone))} {text} have not come by the feed",
            feed_withdrawn="silent",
        )
    return holds(
        f"{count(len(gone))} {text} have come by the feed, inactive",
        feed_withdrawn="told",
        **({"deletes": "hard"} if _gives_inactive(seen) else {}),
    )


def _told_within(seen: Seen) -> Verdict:
    if not seen.feed_pages or not seen.reply(_LISTED):
        return unknown(seen.why_not("feed:first", _LISTED))
    fed = {str(row.get("id")): row for row in seen.feed_rows}
    withdrawn = [row for row in _listed_stretch(seen) if row.get("active") is False]
    lacking = sum(str(row.get("id")) not in fed for row in withdrawn)
    by_false = seen.rows("feed:active:False")
    if any(row.get("active") is True for row in by_false):
        return unknown("the feed does not heed `active`")
    if lacking:
        return differs(
            f"{count(lacking)} of {count(len(withdrawn))} inactive rows of the list are not in "
            "the feed",
            **({"feed_withdrawn": "silent"} if 2 * lacking >= len(withdrawn) else {}),
        )
    listed = {str(row.get("id")) for row in seen.all_rows(ASSIGNMENTS)}
    settled = seen.settled(fed.values()) if seen.is_one_page(ASSIGNMENTS) else []
    gone = [row for row in settled if str(row.get("id")) not in listed]
    if gone and not _gives_inactive(seen):
        return unknown("the list does not give inactive rows")
    alive = sum(row.get("active") is True for row in gone)
    if gone and not alive:
        return holds(
            f"{counted(len(gone), *_LACKING)} in the feed, inactive",
            deletes="hard",
            feed_withdrawn="told",
        )
    if alive:
        return differs(f"{counted(alive, *_LACKING)} active in the feed")
    text = f"all {count(len(withdrawn))} inactive rows of the list are in the feed"
    if not withdrawn:
        return unknown("no row was withdrawn or is gone from the list")
    return unknown("no row is gone from the list", text, feed_withdrawn="told")


def _gives_inactive(seen: Seen) -> bool:
    """Return whether the list of assignments returns inactive rows, if there are any."""
    taken = seen.reply(f"count:{ASSIGNMENTS}:Any")
    inactive = total_in(seen.reply(f"count:{ASSIGNMENTS}:False"))
    listed = any(row.get("active") is False for row in seen.all_rows(ASSIGNMENTS))
    return taken is not None and (listed or not inactive)


@fact(
    _FEED,
    "Rows of the feed have what rows of the list have.",
    "documented",
    "in part",
    "Fields are null; marts that need them are wrong.",
    "Rows with the same id and `modifiedOn` in both.",
    switches=("feed_fields",),
    questions=("feed:walk:", _LISTED),
)
def feed_and_list_agree(seen: Seen) -> Verdict:
    listed = {
        (str(row.get("id")), row.get("modifiedOn")): row for row in seen.settled(seen.rows(_LISTED))
    }
    pairs = [
        (row, listed[key])
        for row in seen.feed_rows
        if (key := (str(row.get("id")), row.get("modifiedOn"))) in listed
    ]
    odd = sum(one != other for one, other in pairs)
    nameless = sum(
        one.get("technicianName") is None and other.get("technicianName") is not None
        for one, other in pairs
    )
    return of_rows(
        odd,
        len(pairs),
        "rows differ from the same row of the list",
        usual={"feed_fields": "same"},
        other={"feed_fields": "fewer"} if nameless == len(pairs) else None,
    )


@fact(
    _FEED,
    "`active=Any` brings inactive rows; without it they may be missing.",
    "documented",
    "no",
    "If the API ignores it, withdrawn assignments stay as they were. The vendor says both that "
    "the feed filters and that it does not.",
    "The same stretch with `Any`, `True`, `False` and without.",
    switches=("feed_active",),
    questions=("feed:active:",),
)
def feed_any_means_all(seen: Seen) -> Verdict:
    ways = {way: seen.reply(f"feed:active:{way}") for way in ("Any", "none", "True", "False")}
    if not all(ways.values()):
        return unknown(seen.why_not("feed:first", "feed:active:Any"))
    shares = {
        way: (sum(row.get("active") is False for row in rows), len(rows))
        for way, reply in ways.items()
        for rows in [rows_in(reply)]
    }
    inactive, rows = shares["Any"]
    if not rows:
        return unknown("there was no row")
    if inactive and shares["True"][0] == 0:
        return holds(
            f"{count(inactive)} of {count(rows)} rows are inactive with it, none with `True`",
            feed_active="heeded",
        )
    if inactive:
        return differs("inactive rows come whatever is asked for", feed_active="all")
    if shares["False"][1]:
        return differs("active rows come whatever is asked for", feed_active="active")
    return unknown("no row is inactive")


@fact(
    _FEED,
    "A change appears 15 minutes late.",
    "documented",
    "yes",
    "Only advice is wrong: on the age of the newest row, and on `missing_rows`.",
    "The youngest listed row that is in the feed, and the oldest that is not yet.",
    switches=("feed_delay",),
    questions=("feed:not_recent", _LISTED),
)
def feed_lags_15_minutes(seen: Seen) -> Verdict:
    page = seen.reply("feed:not_recent")
    if page is None or more_in(page) is not False:
        return unknown(seen.why_not("feed:first", "feed:not_recent"))
    fed = _versions(rows_in(page))
    rows = [
        row
        for row in seen.rows(_LISTED)
        if (time := modified(row)) is not None and seen.began - 2 * HOUR < time <= seen.began
    ]
    there = [_age(seen, row) for row in rows if (str(row.get("id")), modified(row)) in fed]
    lacking = [_age(seen, row) for row in rows if (str(row.get("id")), modified(row)) not in fed]
    if not lacking and there and min(there) < _DELAY_SECONDS - 300:
        return differs(f"the youngest is {seconds(min(there))} old", feed_delay=0)
    if not there or not lacking:
        return unknown("too little changed within two hours")
    youngest, oldest = min(there), max(lacking)
    text = f"its youngest row is {seconds(youngest)} old, the oldest missing one {seconds(oldest)}"
    if not -MINUTE / SECOND <= youngest - oldest <= _GAP_SECONDS:
        return unknown("too little changed, or older rows are lacking, too", text)
    delay = round((youngest + oldest) / 2 / 60) * 60
    is_usual = oldest <= _DELAY_SECONDS <= youngest
    return either(is_usual, text, text, feed_delay=_DELAY_SECONDS if is_usual else delay)


def _age(seen: Seen, row: Row) -> float:
    return (seen.began - (modified(row) or 0)) / SECOND


@fact(
    _FEED,
    "With `includeRecentChanges`, changes appear at once.",
    "documented",
    "yes",
    "Rows come as late as without.",
    "The newest rows of the list are looked up in such a page.",
    questions=("feed:recent", _LISTED),
)
def recent_come_at_once(seen: Seen) -> Verdict:
    page = seen.reply("feed:recent")
    if page is None or more_in(page) is not False:
        return unknown(seen.why_not("feed:first", "feed:recent"))
    fed = {str(row.get("id")) for row in rows_in(page)}
    young = [
        row
        for row in seen.rows(_LISTED)
        if (time := modified(row)) is not None
        and seen.began - _DELAY_SECONDS * SECOND < time <= seen.began - 5 * SECOND
    ]
    lacking = sum(str(row.get("id")) not in fed for row in young)
    return of_rows(lacking, len(young), "young rows are not in it", least=ENOUGH_PAIRS)


@fact(
    _FEED,
    "With `includeRecentChanges`, recent rows come again: no token covers them.",
    "documented",
    "yes",
    "Nothing changes: rows are loaded by key, and fewer come twice.",
    "The token at the end of a page with recent changes is sent at once: do rows younger than 15 "
    "minutes come again?",
    switches=("feed_delay",),
    questions=("feed:recent", "feed:recent_end"),
)
def recent_come_again(seen: Seen) -> Verdict:
    page, again = seen.reply("feed:recent"), seen.reply("feed:recent_end")
    if page is None or again is None:
        return unknown(seen.why_not("feed:first", "feed:recent", "feed:recent_end"))
    sent = seen.sent["feed:recent"]["from"]
    since = ticks(sent) or 0
    if token_in(page) == sent:
        return unknown("the page has no token of its own")
    if any((modified(row) or since) < since for row in rows_in(again)):
        return unknown("the token is not taken as such")
    young = {
        str(row.get("id"))
        for row in rows_in(page)
        if (time := modified(row)) is not None
        and seen.began - _DELAY_SECONDS * SECOND < time <= seen.began
    }
    number = len(young & set(_ids(again)))
    text = f"{count(number)} of {count(len(young))} young rows came again"
    if number:
        return holds(text)
    if len(young) < ENOUGH_PAIRS:
        return unknown("too little changed within 15 minutes")
    return differs(text)


@fact(
    _FEED,
    "The feed may be asked sooner than after the 5 to 10 minutes that the vendor advises.",
    "documented",
    "in part",
    "Runs that follow each other closely wait, or end with advice.",
    "The last token is sent at once and at the end of the survey, with no wait.",
    questions=("feed:end:",),
)
def wait_5_to_10_minutes(seen: Seen) -> Verdict:
    ends = list(seen.named("feed:end:").values())
    good = sum(reply.is_good for reply in ends)
    if good:
        return holds(f"{good} of {len(ends)} times it is answered")
    if ends and all(reply.status == 429 for reply in ends):  # noqa: PLR2004 - too many
        return differs(f"{counted(len(ends), 'call was', 'calls were')} refused")
    return unknown(seen.why_not("feed:first", "feed:end:1"))


@fact(
    _FEED,
    "Each change comes once: asked again from its end, the feed has only new ones.",
    "documented",
    "yes",
    "Rows come twice and are loaded by key.",
    "The last token is asked again at once and at the end of the survey.",
    switches=("feed_shown",),
    questions=("feed:end:",),
)
def each_change_comes_once(seen: Seen) -> Verdict:
    ends = [reply for reply in seen.named("feed:end:").values() if reply.is_good]
    if not ends:
        return unknown(seen.why_not("feed:first", "feed:end:1"))
    before = _versions(seen.feed_rows) | _versions(seen.rows("feed:near_end"))
    before = {version for version in before if (version[1] or 0) <= seen.began}
    again = sum(version in before for reply in ends for version in _versions(rows_in(reply)))
    recent = [
        row
        for row in [*seen.feed_rows, *seen.rows("feed:near_end")]
        if seen.began - HOUR < (modified(row) or 0) <= seen.began
    ]
    if again:
        is_restart = any(len(rows_in(reply)) > len(recent) for reply in ends)
        if is_restart:
            return unknown("the token that ends the feed is not taken as such")
        return differs(f"{counted(again, 'row', 'rows')} came again", feed_shown="twice")
    if not recent:
        return unknown("nothing changed in the hour before")
    return holds(f"none of {count(len(recent))} rows of an hour came again", feed_shown="once")


@fact(
    _FEED,
    "While a row is being edited, the feed shows it as it was 15 minutes ago.",
    "unknown",
    "yes",
    "States in between may be missing from marts of durations.",
    "Rows of the list that were edited within 15 minutes, in the feed.",
    switches=("feed_versions",),
    questions=("feed:walk:", _LISTED),
)
def feed_shows_a_version(seen: Seen) -> Verdict:
    if not seen.feed_pages:
        return _no_feed(seen)
    ids = [str(row.get("id")) for row in seen.feed_rows]
    if len(set(ids)) < len(ids) and _has_older_versions(seen):
        return differs("rows come in several versions", feed_versions="all")
    if not seen.feed_reached_end:
        return unknown("the part that was read does not go to the end")
    newest = max((modified(row) or 0 for row in seen.feed_rows), default=0)
    since = max(seen.cache.get("feed_since", 0), 1)
    edited = [
        row
        for row in seen.rows(_LISTED)
        if (modified(row) or 0) > newest
        and (ticks(row.get("createdOn")) or seen.now) < newest
        and (modified(row) or 0) <= seen.began
        and (ticks(row.get("createdOn")) or 0) > since - 30 * DAY
    ]
    if len(edited) < 3:  # noqa: PLR2004 - as few as say something
        return unknown("too little was edited within the delay")
    shown = sum(str(row.get("id")) in set(ids) for row in edited)
    text = f"{count(shown)} of {count(len(edited))} are there as they were"
    return either(shown > 0, text, text, feed_versions="as_of_then" if shown else "held_back")


def _has_older_versions(seen: Seen) -> bool:
    times: dict[str, set[int | None]] = {}
    for row in seen.feed_rows:
        times.setdefault(str(row.get("id")), set()).add(modified(row))
    return sum(len(each) > 1 for each in times.values()) >= ENOUGH_PAIRS


@fact(
    _FEED,
    "A date or time as `from` is the earliest `modifiedOn`, inclusive.",
    "documented",
    "no",
    "Rows of the very instant of `start_date` or of another tap's bookmark do not come.",
    "A settled row is asked for by its own time, and by a microsecond later.",
    switches=("feed_from",),
    questions=("feed:from:",),
)
def from_is_inclusive(seen: Seen) -> Verdict:
    row = seen.cache.get("feed_row")
    own, later = seen.reply("feed:from:own"), seen.reply("feed:from:later")
    if row is None or own is None or later is None:
        return unknown(seen.why_not("feed:first", "feed:from:own"))
    is_there = any(each.get("id") == row.get("id") for each in rows_in(own))
    is_later = any(
        each.get("id") == row.get("id") and each.get("modifiedOn") == row.get("modifiedOn")
        for each in rows_in(later)
    )
    if is_later:
        return unknown("a bound that is later brings the row, too")
    if is_there:
        return holds("the row comes by its own time, not by a later one", feed_from="inclusive")
    return differs("the row does not come by its own time", feed_from="exclusive")


@fact(
    _FEED,
    "A future time as `from` gives an empty page.",
    "inferred",
    "no",
    "A run whose bookmark is ahead of the API's clock fails.",
    "`from` is tomorrow.",
    switches=("feed_future",),
    questions=("feed:future",),
)
def from_takes_the_future(seen: Seen) -> Verdict:
    reply = seen.replies.get("feed:future")
    if reply is None or not _is_readable(reply):
        return unknown(seen.why_not("feed:first", "feed:future"))
    if reply.status == 400:  # noqa: PLR2004 - bad request
        return differs("a 400", feed_future=400)
    if any((modified(row) or 0) <= seen.now for row in rows_in(reply)):
        return differs("rows from before come")
    if not seen.rows("feed:first"):
        return unknown("the feed has no row")
    return either(reply.is_good, "an empty page", status_word(reply), feed_future="empty")


@fact(
    _FEED,
    "An empty `from=` counts as none.",
    "observed",
    "yes",
    "Nothing changes: the tap leaves it out.",
    "One call, beside the first page.",
    questions=("feed:empty_from",),
)
def empty_from_is_none(seen: Seen) -> Verdict:
    reply, first = seen.replies.get("feed:empty_from"), seen.reply("feed:first")
    if reply is None or first is None or not _is_readable(reply):
        return unknown(seen.why_not("feed:first", "feed:empty_from"))
    if not rows_in(first):
        return unknown("the feed has no row")
    same = reply.is_good and _ids(reply)[:3] == _ids(first)[:3]
    other = "another page" if reply.is_good else status_word(reply)
    return either(same, "the feed from its beginning", other)


@fact(
    _FEED,
    "A token is a text that fits into an address.",
    "unknown",
    "in part",
    "A token of thousands of characters may be refused by a server or proxy on the way.",
    "Its type, length and alphabet.",
    switches=("token_length",),
    questions=("feed:first",),
)
def token_is_short_text(seen: Seen) -> Verdict:
    token: Any = token_in(seen.reply("feed:first"))
    if token is None or token == "":
        return unknown(seen.why_not("feed:first"))
    if not isinstance(token, str):
        return differs("not a text")
    if ticks(token) is not None:
        return holds("a time")
    kind = "letters and digits" if re.fullmatch(r"[\w~.=+/-]+", token) else "other characters, too"
    text = f"{len(token)} characters, {kind}"
    long = 2_000
    return either(len(token) <= long, text, text, token_length=max(43, len(token)))


@fact(
    _FEED,
    "The same token gives the same page as often as it is sent.",
    "inferred",
    "no",
    "After a crash, or a retry, the page that was lost never comes.",
    "One token, twice; also that of the end.",
    switches=("token_use",),
    questions=("feed:again:", "feed:end:"),
)
def token_may_be_used_again(seen: Seen) -> Verdict:
    first = seen.replies.get("feed:again:1")
    second = seen.replies.get("feed:again:2")
    if first is None or second is None or not _is_readable(second) or not _is_readable(first):
        return unknown(seen.why_not("feed:first", "feed:again:2"))
    if first.status in _REJECTED and seen.reply("feed:walk:1") is None:
        return unknown("no token is taken at all")
    if _REJECTED & {first.status, second.status}:
        return differs("it is rejected when it is sent again", token_use="once")  # noqa: S106 - no secret
    if not (first.is_good and second.is_good):
        return unknown(seen.why_not("feed:again:1", "feed:again:2"))
    if not seen.rows("feed:first"):
        return unknown("the feed has no row")
    is_same = _ids(first) == _ids(second)
    use = "many" if is_same else "once"
    return either(is_same, "the same page", "another page comes", token_use=use)


def _ids(reply: Reply) -> list[str]:
    return [str(row.get("id")) for row in rows_in(reply)]


@fact(
    _FEED,
    "A stored token is good for days.",
    "documented",
    "no",
    "Each run fails, with advice, until the bookmark is reset; then all rows come again.",
    "Only at once, in this survey. For longer, see whether a run resumes after days, or survey "
    "again with `--survey-memory`, which sends the token of the first survey.",
    switches=("continuation_lifetime",),
    questions=("feed:end:", "feed:again:", "before:feed:0"),
)
def token_outlives_days(seen: Seen) -> Verdict:
    before, answer = seen.before, seen.replies.get("before:feed:0")
    if before and answer and _is_readable(answer):
        age = (seen.began - before.at) // SECOND
        text, lifetime = f"one of {seconds(age)} ago", {"continuation_lifetime": rounded(age)}
        if answer.status in _REJECTED:
            return differs(f"{text} is rejected ({status_word(answer)})", **lifetime)
        rows = rows_in(answer)
        old = sum((modified(row) or before.at) < before.at - DAY for row in rows)
        if 2 * old > len(rows):  # one may be old whose change did not move its time
            return differs(f"with {text} the feed begins anew", **lifetime)
        if age * SECOND < _LONG_ENOUGH:
            return unknown("that takes a day", f"{text} is taken")
        return holds(f"{text} is taken")
    reply = seen.replies.get("feed:again:1") or seen.replies.get("feed:end:1")
    if reply is None or not _is_readable(reply):
        return unknown(seen.why_not("feed:first", "feed:end:1"))
    if reply.status in _REJECTED and not seen.feed_walked_on:
        return differs("it is rejected at once", continuation_lifetime=0)
    return unknown("that takes days")


@fact(
    _FEED,
    "A token that was never issued, or has expired, gets a 400, 404 or 410.",
    "unknown",
    "in part",
    "With another status the advice is wrong. If the feed silently begins anew, all rows come "
    "again.",
    "A made-up text, and the last token with its last letters changed.",
    switches=("rejected_continuation",),
    questions=("feed:rejected:",),
)
def rejected_token_is_told(seen: Seen) -> Verdict:
    reply = seen.replies.get("feed:rejected:made_up")
    changed = seen.replies.get("feed:rejected:changed")
    if reply is None or not _is_readable(reply):
        return unknown(seen.why_not("feed:first", "feed:rejected:made_up"))
    same = changed is None or changed.status == reply.status
    text = status_word(reply) + (
        "" if same else f"; {status_word(changed or reply)} for a changed one"
    )
    if reply.status in _REJECTED:
        return holds(text, rejected_continuation=reply.status)
    if not reply.is_good:
        return differs(text)
    if _ids(reply)[:3] != [str(row.get("id")) for row in seen.rows("feed:first")][:3]:
        return differs("another page, without a word")
    return differs("the feed from its beginning, without a word", rejected_continuation="restart")


@fact(
    _FEED,
    "A token goes on after `include_recent_changes` was switched.",
    "unknown",
    "in part",
    "The run after such a change fails, with advice.",
    "The last token with the other setting.",
    switches=("token_settings",),
    questions=("feed:other_settings", "feed:end:1"),
)
def token_takes_other_settings(seen: Seen) -> Verdict:
    reply, same = seen.replies.get("feed:other_settings"), seen.replies.get("feed:end:1")
    if reply is None or same is None or not _is_readable(reply):
        return unknown(seen.why_not("feed:first", "feed:other_settings"))
    if not same.is_good or seen.replies["feed:again:2"].status in _REJECTED:
        return unknown("the token is not good with the same setting, either")
    if reply.status in _REJECTED:
        return differs(f"it is rejected ({status_word(reply)})", token_settings="bound")  # noqa: S106 - no secret
    first = [str(row.get("id")) for row in seen.rows("feed:first")]
    if not first:
        return unknown("the feed has no row")
    begins_anew = _ids(reply)[:3] == first[:3] and _ids(same)[:1] != first[:1]
    return either(
        not begins_anew,
        "it goes on",
        "the feed begins anew",
        token_settings="bound" if begins_anew else "free",
    )


@fact(
    _FEED,
    "The last page of the feed has a token: a new one, or the one that was sent.",
    "unknown",
    "yes",
    "Without one, the tap keeps the token before, and each run reads about a page again.",
    "The last page, and the page of its token.",
    switches=("last_page_token",),
    questions=("feed:walk:", "feed:end:1"),
)
def last_token_is_kept(seen: Seen) -> Verdict:
    page = _last_page(seen)
    if page is None or not isinstance(page.body, dict):
        return unknown(seen.why_not("feed:first"))
    token = page.body.get("continueFrom", _ABSENT)
    words = {_ABSENT: "absent", None: "null", "": "empty"}
    if isinstance(token, str | None) and token in words:
        return differs(f"it is {words[token]}", last_page_token=words[token])
    again = seen.reply("feed:not_recent")
    if again is None or more_in(again) is not False:
        return unknown(seen.why_not("feed:not_recent"))
    if token_in(again) == seen.sent["feed:not_recent"]["from"]:
        return holds("that which was sent", last_page_token="same")  # noqa: S106 - no secret
    return holds("a new one", last_page_token="new")  # noqa: S106 - likewise


_ABSENT = "(absent)"


def _last_page(seen: Seen) -> Reply | None:
    pages = [*seen.feed_pages, *(seen.named("feed:near_end").values())]
    return next((page for page in reversed(pages) if more_in(page) is False), None)


@fact(
    _FEED,
    "`hasMore: false` is the end of the feed, and few pages before it are empty.",
    "observed",
    "yes",
    "Empty pages are skipped; after a thousand in a row the run fails.",
    "The pages that were read.",
    switches=("empty_pages",),
    questions=("feed:walk:",),
)
def few_empty_pages(seen: Seen) -> Verdict:
    pages = [page for page in seen.feed_pages if more_in(page) is True]
    if not seen.feed_pages:
        return _no_feed(seen)
    empty = sum(not rows_in(page) for page in pages)
    if empty:
        return differs(
            f"{empty} of {len(pages)} pages with more to come are empty", empty_pages=True
        )
    if not pages:
        return unknown("all rows are on one page")
    return holds(f"none of {len(pages)} pages with more to come is empty", empty_pages=False)


@fact(
    _FEED,
    "While there is more, each page has another token.",
    "inferred",
    "in part",
    "The stream fails, as it would never end.",
    "The pages that were read.",
    switches=("token_moves",),
    questions=("feed:walk:",),
)
def token_moves_while_more(seen: Seen) -> Verdict:
    pages = [page for page in seen.feed_pages if more_in(page) is True]
    tokens = [token_in(page) for page in pages]
    if not seen.feed_pages:
        return _no_feed(seen)
    if any(one == other for one, other in pairwise(tokens)):
        return differs("the same comes again", token_moves="not_always")  # noqa: S106 - no secret
    if len(tokens) < 2:  # noqa: PLR2004 - a pair
        return unknown("all rows are on one page, or two")
    return holds("each time", token_moves="always")  # noqa: S106 - likewise


@fact(
    _FEED,
    "A page of the feed has some 5,000 rows.",
    "unknown",
    "yes",
    "More calls, and more time.",
    "The first page, if there is more.",
    switches=("export_page_size",),
    questions=("feed:first",),
)
def feed_page_is_large(seen: Seen) -> Verdict:
    full = [rows for page in seen.feed_pages if more_in(page) is True and (rows := rows_in(page))]
    if not full:
        return unknown(
            seen.why_not("feed:first") if not seen.feed_pages else "all rows are on one page"
        )
    size = max(map(len, full))
    few = 1_000
    return either(size >= few, f"{size:,} rows", f"{size:,} rows", export_page_size=size)


@fact(
    _FEED,
    "Rows of the feed come in the order of modification.",
    "documented",
    "yes",
    "Only the progress that is shown is wrong.",
    "Neighbours on each page that was read.",
    switches=("export_order",),
    questions=("feed:walk:",),
)
def feed_mostly_in_order(seen: Seen) -> Verdict:
    pairs = [
        (before, after)
        for page in seen.feed_pages
        for before, after in pairwise(map(modified, rows_in(page)))
        if before is not None and after is not None
    ]
    if not pairs:
        return unknown(seen.why_not("feed:first"))
    worst = max(before - after for before, after in pairs)
    close = sum(telling_pairs(rows_in(page), SECOND) for page in seen.feed_pages)
    if worst > SECOND:
        return differs(f"rows are up to {seconds(worst / SECOND)} out of order")
    if worst > 0:
        return holds("to the second", export_order="to_the_second")
    if close < ENOUGH_PAIRS:
        return unknown("too few rows changed within one second", "in order to the second")
    return holds("exactly", export_order="exact")


@fact(
    _FEED,
    "No row comes twice in one read.",
    "inferred",
    "yes",
    "Rows are loaded by key.",
    "The pages that were read.",
    switches=("feed_versions",),
    questions=("feed:walk:",),
)
def each_row_once_a_read(seen: Seen) -> Verdict:
    ids = [str(row.get("id")) for row in seen.feed_rows]
    if any(token_in(one) == token_in(other) for one, other in pairwise(seen.feed_pages)):
        return unknown("a page was sent again")
    return of_rows(len(ids) - len(set(ids)), len(ids), "rows came again", least=ENOUGH)


@fact(
    _FEED,
    "The feed gives as many rows as the list counts.",
    "inferred",
    "in part",
    "`missing_rows` never reaches zero.",
    "Only where all rows of both were read.",
    switches=("rows",),
    questions=("feed:walk:", f"list:{ASSIGNMENTS}:id"),
)
def counts_compare(seen: Seen) -> Verdict:
    if not seen.feed_reached_end or not seen.is_one_page(ASSIGNMENTS) or "feed_since" in seen.cache:
        return unknown("not all rows of both were read")
    fed, listed = seen.feed_rows, seen.all_rows(ASSIGNMENTS)
    if not listed and not fed:
        return unknown("there was no row")
    # A settled row of one side may be another version of a row that the office is busy with
    more = _lacking(seen, fed, listed) - _lacking(seen, listed, fed)
    if not more:
        return holds(f"{count(len(_set_of_ids(listed)))} in both")
    return differs(f"the feed has {count(abs(more))} {'more' if more > 0 else 'fewer'}")


def _lacking(seen: Seen, there: list[Row], here: list[Row]) -> int:
    """Count the settled rows of one side that the other does not have in any version."""
    return len(_set_of_ids(seen.settled(there)) - _set_of_ids(here))


def _set_of_ids(rows: list[Row]) -> set[str]:
    return {str(row.get("id")) for row in rows}

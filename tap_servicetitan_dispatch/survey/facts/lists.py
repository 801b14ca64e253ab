"""Lists: which rows come, in which order, by which bounds, on which pages."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.survey.seen import (
    ASSIGNMENTS,
    DAY,
    SECOND,
    SETTLED_SECONDS,
    WINDOWS,
    gone_and_withdrawn,
    modified,
    more_in,
    rows_in,
    status_word,
    telling_pairs,
    ticks,
    ticks_of,
    total_in,
)
from tap_servicetitan_dispatch.survey.stages import BOUNDED, LARGEST
from tap_servicetitan_dispatch.survey.verdicts import (
    ENOUGH_FOR_A_LOSS,
    ENOUGH_PAIRS,
    Verdict,
    count,
    counted,
    differs,
    either,
    fact,
    holds,
    of_enough,
    of_rows,
    rounded,
    seconds,
    share,
    unknown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tap_servicetitan_dispatch.survey.asking import Reply
    from tap_servicetitan_dispatch.survey.seen import Asked, Row, Seen

_LISTS = "lists"
_FULL = "full reads"
_TOLERANCE = 10 * SECOND
"""The tap's own tolerance: `lists.SORTED_TO`."""
_LONG_AGO, _NEVER = 0, 253_370_764_800 * SECOND
"""Years from 1970 on, and before 9999."""
_MANY_TIED = 100


def over_lists(
    seen: Seen, judge: Callable[[Asked], Verdict | None], *, only_sorted: bool = True
) -> Verdict:
    """Return one verdict for all lists: the worst, and the lists that were conclusive.

    Args:
        seen: What was seen.
        judge: Judges a list; returns nothing if the list does not matter.
        only_sorted: Whether lists that cannot be sorted are left out.
    """
    found: dict[str, Verdict] = {}
    for path, each in seen.lists.items():
        if only_sorted and not each.is_sorted:
            continue
        if not seen.reply(f"list:{path}:id"):
            found[path] = unknown(seen.why_not(f"list:{path}:id"))
        elif verdict := judge(each):
            found[path] = verdict
    if not found:
        return unknown("no list is selected")
    sandbox: dict[str, Any] = {}
    for verdict in found.values():
        for name, value in verdict.sandbox.items():
            many = isinstance(value, list) and isinstance(sandbox.get(name), list)
            if many or name not in sandbox or verdict.outcome == "otherwise":
                sandbox[name] = sandbox[name] + value if many else value
    for outcome in ("otherwise", "as believed"):
        told = {path: each for path, each in found.items() if each.outcome == outcome}
        if told:
            texts = Counter(each.seen for each in told.values())
            text = "; ".join(
                f"{_named([path for path, each in told.items() if each.seen == said], found)}{said}"
                for said in texts
            )
            return Verdict(outcome, text, sandbox=sandbox)
    whys = Counter(each.why for each in found.values())
    text = next((each.seen for each in found.values() if each.seen), "")
    return Verdict("could not tell", text, whys.most_common(1)[0][0], sandbox)


def _named(paths: list[str], found: dict[str, Verdict]) -> str:
    return "" if len(paths) == len(found) else f"{', '.join(paths)}: "


# Which rows ------------------------------------------------------------------------------------


@fact(
    _LISTS,
    "`active=Any` and `includeInactive=true` are accepted.",
    "documented",
    "no",
    "The stream fails.",
    "A page of each list. One public client reads a 404 as a sign that an endpoint does not "
    "accept it.",
    switches=("active_any",),
    questions=("list:",),
)
def any_is_taken(seen: Seen) -> Verdict:
    def judge(each: Asked) -> Verdict | None:
        if not each.inactive_too:
            return None
        reply = seen.replies.get(f"count:{each.path}:Any")
        if reply is None or not reply.is_told:
            return unknown(seen.why_not(f"count:{each.path}:Any"))
        if reply.status in {400, 404}:
            return differs(status_word(reply), active_any=reply.status)
        return holds("taken") if reply.is_good else unknown(status_word(reply))

    return over_lists(seen, judge, only_sorted=False)


@fact(
    _LISTS,
    "`active=Any` brings active and inactive rows; without it only active ones come.",
    "documented",
    "no",
    "Rows that are made inactive stay active in the warehouse.",
    "Counts with `Any`, `True`, `False` and without.",
    switches=("active_any", "count"),
    questions=("count:",),
)
def any_is_true_plus_false(seen: Seen) -> Verdict:
    def judge(each: Asked) -> Verdict | None:
        if each.inactive_too != {"active": "Any"}:
            return None
        counts = _counts(seen, each, "Any", "True", "False", "none")
        if counts is None:
            return unknown("rows are not counted")
        everything, active, inactive, without = counts
        if not inactive:
            return unknown("no row is inactive")
        if everything == active and not _inactive_rows(seen, each.path):
            return differs("`Any` counts active rows only", active_any="ignored")
        if abs(everything - active - inactive) > 1:
            return unknown("counts changed meanwhile, or contradict the rows")
        return either(
            without != everything,
            "counts add up",
            "inactive rows come without it, too",
            active_any="heeded",
        )

    return over_lists(seen, judge, only_sorted=False)


def _inactive_rows(seen: Seen, path: str) -> int:
    return sum(row.get("active") is False for row in seen.all_rows(path))


def _counts(seen: Seen, each: Asked, *ways: str) -> list[int] | None:
    counts = [total_in(seen.reply(f"count:{each.path}:{way}")) for way in ways]
    known = [number for number in counts if number is not None]
    return known if len(known) == len(ways) else None


@fact(
    _LISTS,
    "`includeInactive=true` adds inactive teams.",
    "documented",
    "no",
    "Teams that are made inactive stay active in the warehouse.",
    "Counts with it and without.",
    switches=("active_any",),
    questions=("count:teams:",),
)
def teams_include_inactive(seen: Seen) -> Verdict:
    each = seen.lists.get("teams")
    counts = _counts(seen, each, "none", "Any") if each else None
    if counts is None:
        return unknown(seen.why_not("list:teams:id", "count:teams:Any"))
    if counts[1] > counts[0]:
        return holds("inactive teams come with it")
    return unknown("no team is inactive, or it is ignored")


@fact(
    _LISTS,
    "Non-job appointments come active and inactive without a parameter.",
    "documented",
    "no",
    "Time away that was cancelled stays.",
    "Counts with `activeOnly=true`, `false` and without.",
    switches=("non_job_default",),
    questions=("count:non-job-appointments:",),
)
def non_job_has_both(seen: Seen) -> Verdict:
    each = seen.lists.get("non-job-appointments")
    counts = _counts(seen, each, "none", "True", "Any") if each else None
    if counts is None:
        return unknown(
            seen.why_not("list:non-job-appointments:id", "count:non-job-appointments:none")
        )
    without, active, both = counts
    if both <= active:
        return unknown("none is inactive")
    if without == both:
        return holds("both come", non_job_default="both")
    if without == active:
        return differs("active ones come only", non_job_default="active")
    return unknown("counts changed meanwhile")


@fact(
    _LISTS,
    "Rows say when they were changed.",
    "observed",
    "yes",
    "Rows without `modifiedOn` come with full reads only; the log warns of them.",
    "Rows of each list without a `modifiedOn` between 1970 and the year 9999.",
    switches=("undated",),
    questions=("list:",),
)
def rows_have_modified_on(seen: Seen) -> Verdict:
    def judge(each: Asked) -> Verdict:
        rows = seen.rows(f"list:{each.path}:id")
        undated = sum(
            time is None or not _LONG_AGO <= time < _NEVER for time in map(modified, rows)
        )
        percent = round(100 * undated / len(rows)) if rows else 0
        other = {"undated": [f"{each.path}={percent}"]} if percent else {}
        return of_rows(undated, len(rows), "rows have none", least=ENOUGH_FOR_A_LOSS, other=other)

    return over_lists(seen, judge)


@fact(
    _LISTS,
    "Some rows of each list are inactive.",
    "unknown",
    "yes",
    "Nothing changes: a sandbox can copy the shares.",
    "The rows of the first page of each list, by `active`; and how many there are.",
    switches=("rows", "inactive"),
    questions=("list:",),
)
def rows_there_are(seen: Seen) -> Verdict:
    def judge(each: Asked) -> Verdict:
        rows = seen.rows(f"list:{each.path}:id")
        total = seen.total(each.path) or 0
        inactive = sum(row.get("active") is False for row in rows)
        sandbox: dict[str, Any] = {"rows": [f"{each.path}={rounded(total)}"]}
        if rows:
            sandbox["inactive"] = [f"{each.path}={round(100 * inactive / len(rows))}"]
        text = f"{counted(total, 'row', 'rows')}, {share(inactive, len(rows))} inactive"
        return holds(text, **sandbox)

    return over_lists(seen, judge, only_sorted=False)


# Times -----------------------------------------------------------------------------------------


@fact(
    _LISTS,
    "Each change of a row moves its `modifiedOn`.",
    "inferred",
    "in part",
    "The change comes with the next full read only.",
    "The newest rows are looked at several times, and beside the feed: does a row "
    "differ although its time is the same?",
    switches=("touches_modified_on",),
    questions=("look:", "list:", "feed:walk:"),
)
def modified_on_moves(seen: Seen) -> Verdict:
    versions: dict[tuple[str, Any], Row] = {}
    changes = odd = 0
    looks = [
        seen.feed_rows,
        *seen.pages(ASSIGNMENTS),
        *(seen.rows(name) for name in seen.looks),
    ]
    known: dict[str, Any] = {}
    for rows in looks:
        for row in rows:
            id_, time = str(row.get("id")), row.get("modifiedOn")
            if id_ in known and known[id_] != time:
                changes += 1
            known[id_] = time
            before = versions.setdefault((id_, time), row)
            if any(before.get(name) != row.get(name) for name in ("status", "isPaused", "active")):
                odd += 1
                versions[id_, time] = row
    if odd:
        return differs("rows changed and kept their `modifiedOn`", touches_modified_on="not_always")
    verdict = holds(
        f"{counted(changes, 'change', 'changes')} moved it", touches_modified_on="always"
    )
    return of_enough(changes, verdict, of="change")


@fact(
    _LISTS,
    "`modifiedOn` is the API's time at the change.",
    "observed",
    "in part",
    "If it is local time, it is hours off: rows are lost for an hour each autumn.",
    "The newest row of each list beside `Date`.",
    questions=("list:",),
)
def modified_on_is_utc_now(seen: Seen) -> Verdict:
    newest = [
        max(times)
        for path in seen.lists
        if (times := [time for time in map(modified, seen.all_rows(path)) if time is not None])
    ]
    if not newest or not seen.now:
        return unknown("there was no row")
    age = (seen.now - max(newest)) / SECOND
    if age < 0:
        return differs("rows are dated after the API's own clock")
    if age > DAY / SECOND:
        return unknown("nothing changed within a day")
    is_recent = age <= SETTLED_SECONDS
    return holds("it is minutes old" if is_recent else f"the newest row is {seconds(age)} old")


@fact(
    _LISTS,
    "A change shows in its list within `overlap_seconds`.",
    "inferred",
    "in part",
    "Later changes are missed until the next full read.",
    "The newest rows are looked at several times: does a row turn up that an earlier look "
    "lacked, although it is older?",
    switches=("visible_after",),
    questions=("look:",),
)
def visible_within_overlap(seen: Seen) -> Verdict:
    changes = [
        (before[0] - time) / SECOND
        for before, after in pairwise(_looks(seen))
        for known in [{_version(row) for row in before[1]}]
        for row in after[1]
        if _version(row) not in known and (time := modified(row) or 0) >= _oldest(before[1])
    ]
    late = max(changes, default=0.0)
    if late > 2 and not _goes_back(seen):  # noqa: PLR2004 - what two clocks may differ by
        return differs(f"a row showed {seconds(late)} late", visible_after=max(60, _minutes(late)))
    return unknown(
        "too little changes while a survey looks",
        f"{counted(len(changes), 'change', 'changes')} showed",
        visible_after=0,
    )


def _minutes(length: float) -> int:
    """Return seconds rounded to whole minutes."""
    return round(length / 60) * 60


def _goes_back(seen: Seen) -> float:
    """Return by how many seconds answers go back in time; 0 if they do not.

    That is the time between the oldest row that an answer lacks, although another had it, and the
    youngest row that it has.
    """
    looks = _looks(seen)
    lags = [0.0]
    for before, after in pairwise(looks):
        ids, least = {_version(row) for row in after[1]}, _oldest(after[1])
        gone = [modified(row) or 0 for row in before[1] if _version(row) not in ids]
        gone = [time for time in gone if least <= time <= before[0]]
        youngest = max((modified(row) or 0 for row in after[1]), default=0)
        if gone and youngest < min(gone):
            lags.append((after[0] - (min(gone) + youngest) / 2) / SECOND)
    return max(lags)


def _looks(seen: Seen) -> list[tuple[int, list[Row]]]:
    """Return the looks, each with the time of the API's clock."""
    return [
        (ticks_of(reply.date), rows_in(reply))
        for name in seen.looks
        if (reply := seen.reply(name)) and reply.date
    ]


def _version(row: Row) -> tuple[str, Any]:
    return str(row.get("id")), row.get("modifiedOn")


def _oldest(rows: list[Row]) -> int:
    return min((modified(row) or 0 for row in rows), default=0)


@fact(
    _LISTS,
    "What has been shown once stays: answers do not go back in time.",
    "inferred",
    "in part",
    "A full read may mark young rows as deleted for a while; beyond `overlap_seconds`, rows are "
    "lost.",
    "Five looks at once at the newest rows: does the newest time go back?",
    switches=("replica_lag",),
    questions=("look:",),
)
def reads_do_not_go_back(seen: Seen) -> Verdict:
    newest = [max((modified(row) or 0 for row in rows), default=0) for _, rows in _looks(seen)]
    if len(newest) < 2 or not any(newest):  # noqa: PLR2004 - a pair
        return unknown("there was nothing to look at")
    if back := _goes_back(seen):
        return differs(f"they go back by {seconds(back)}", replica_lag=max(60, _minutes(back)))
    return unknown("too little changes while a survey looks", "they did not go back", replica_lag=0)


@fact(
    _LISTS,
    "No row is dated in the future.",
    "inferred",
    "yes",
    "Such rows come again with each run; no row of today is skipped.",
    "Rows of each list dated after `Date`.",
    switches=("future_rows",),
    questions=("list:",),
)
def no_time_to_come(seen: Seen) -> Verdict:
    least = {"ahead": 0}

    def judge(each: Asked) -> Verdict:
        rows = seen.rows(f"list:{each.path}:newest") or seen.rows(f"list:{each.path}:id")
        ahead = sum((modified(row) or 0) > seen.now + 5 * SECOND for row in rows)
        least["ahead"] = max(least["ahead"], ahead)
        return of_rows(ahead, len(rows), "rows are dated in the future")

    verdict = over_lists(seen, judge)
    if verdict.outcome != "otherwise":
        return verdict
    return differs(verdict.seen, future_rows=rounded(least["ahead"]))


@fact(
    _LISTS,
    "A row is created before it is changed.",
    "inferred",
    "in part",
    "If another tap left `createdOn` as the bookmark, rows may be missed.",
    "All rows.",
    questions=("list:",),
)
def created_before_modified(seen: Seen) -> Verdict:
    rows = [
        (created, changed)
        for path in seen.lists
        for row in seen.all_rows(path)
        if (created := ticks(row.get("createdOn"))) is not None
        and (changed := modified(row)) is not None
    ]
    odd = sum(created > changed for created, changed in rows)
    return of_rows(odd, len(rows), "rows are created later", least=ENOUGH_FOR_A_LOSS)


# Order -----------------------------------------------------------------------------------------


def _pairs(rows: Iterable[Row], key: Callable[[Row], Any]) -> list[tuple[Any, Any]]:
    keys = [value for value in map(key, rows) if value is not None]
    return list(pairwise(keys))


def _created(row: Row) -> int | None:
    return ticks(row.get("createdOn"))


def _id(row: Row) -> Any:
    value = row.get("id")
    return value if type(value) is int else None


_KEYS: dict[str, Callable[[Row], Any]] = {"Id": _id, "CreatedOn": _created, "ModifiedOn": modified}


def _sides(seen: Seen, path: str) -> dict[str, list[Row]]:
    return {
        "+Id": seen.rows(f"list:{path}:id"),
        "+ModifiedOn": seen.rows(f"list:{path}:oldest"),
        "-ModifiedOn": seen.rows(f"list:{path}:newest"),
        **{sort: seen.rows(f"order:{path}:{sort}") for sort in ("-Id", "+CreatedOn", "-CreatedOn")},
    }


def _obedience(seen: Seen, path: str) -> dict[str, bool | None]:
    """Return whether a list was sorted as asked, by order; nothing if that cannot be told."""
    sides = _sides(seen, path)
    told: dict[str, bool | None] = {}
    for sort, rows in sides.items():
        is_right = None
        if sort[1:] != "Id" or not _is_by_text(sides["+Id"]):
            is_right = _is_in_order(rows, sort)
        told[sort] = None if is_right and len(rows) <= ENOUGH_PAIRS else is_right
    if told["+Id"] is told["-Id"] is None:
        is_whole = more_in(seen.reply(f"list:{path}:id")) is False
        told["-Id"] = _is_reverse(sides["+Id"], sides["-Id"], is_whole=is_whole)
    return told


def _is_reverse(rows: list[Row], backwards: list[Row], *, is_whole: bool) -> bool | None:
    """Return whether the order is reversed, whatever it is; nothing if that cannot be told."""
    ids, reversed_ids = ([row.get("id") for row in each] for each in (rows, backwards))
    if len(reversed_ids) <= ENOUGH_PAIRS:
        return None
    if ids[: len(reversed_ids)] == reversed_ids:
        return False
    return True if is_whole and ids[: -len(reversed_ids) - 1 : -1] == reversed_ids else None


def _is_in_order(rows: list[Row], sort: str) -> bool | None:
    """Return whether rows are roughly sorted; nothing if there are too few to tell."""
    key = _KEYS[sort[1:]]
    pairs = [(one, other) for one, other in _pairs(rows, key) if one != other]
    if len(pairs) < 3:  # noqa: PLR2004 - two ways to lie in order by chance are left then
        return None
    right = sum((one < other) is (sort[0] == "+") for one, other in pairs)
    return right > 0.8 * len(pairs)


@fact(
    _LISTS,
    "`sort` is obeyed: by `Id`, `CreatedOn` and `ModifiedOn`, up and down, by each list.",
    "observed",
    "yes",
    "The list is read by page number, in order of ids: slower, and with fewer bookmarks.",
    "Neighbours on a page of each. Ids that are texts: whether `-Id` is the reverse of `+Id`.",
    switches=("sort_ignored",),
    questions=("list:", "order:"),
)
def sort_is_obeyed(seen: Seen) -> Verdict:
    ignored: dict[str, list[str]] = {}
    obeyed: dict[str, list[str]] = {}
    for path, each in seen.lists.items():
        if not each.is_sorted:
            continue
        for sort, is_right in _obedience(seen, path).items():
            if is_right is not None:
                (obeyed if is_right else ignored).setdefault(sort[1:], []).append(path)
    if ignored:
        switches = sorted(
            part
            for key, paths in ignored.items()
            for part in (
                [f"{path}:{key}" for path in set(paths)]
                if set(obeyed.get(key, ())) - set(paths)
                else [key]
            )
        )
        lists = [f"{', '.join(dict.fromkeys(paths))} by {key}" for key, paths in ignored.items()]
        return differs("; ".join(lists) + " not", sort_ignored=switches)
    if not obeyed:
        return unknown("too few rows")
    told = [
        f"{key} ({counted(len(set(paths)), 'list', 'lists')})"
        for key, paths in sorted(obeyed.items())
    ]
    return holds("by " + ", ".join(told), sort_ignored=[])


@fact(
    _LISTS,
    "Lists sorted by `ModifiedOn` are in order to ten seconds.",
    "observed",
    "in part",
    "If rows are sparse and pages small, a row can be skipped.",
    "The largest step back between neighbours, oldest first.",
    switches=("list_order",),
    questions=("list:",),
)
def sorted_within_ten_seconds(seen: Seen) -> Verdict:
    def judge(each: Asked) -> Verdict:
        rows = seen.rows(f"list:{each.path}:oldest")
        if _is_in_order(rows, "+ModifiedOn") is not True:
            return unknown("too few rows, or they are not sorted")
        pairs = _pairs(rows, modified)
        worst = max(one - other for one, other in pairs)
        if worst > _TOLERANCE:
            return differs(
                f"up to {seconds(worst / SECOND)} out of order", list_order="to_the_minute"
            )
        if worst > 0:
            return holds("to the second", list_order="to_the_second")
        within = telling_pairs(rows, 10 * SECOND)
        exact = telling_pairs(rows, SECOND)
        newest = seen.rows(f"list:{each.path}:newest")[::-1]
        if not seen.is_one_page(each.path) and all(
            one <= two for one, two in _pairs(newest, modified)
        ):
            exact += telling_pairs(newest, SECOND)
        if exact >= ENOUGH_PAIRS:
            return holds("exactly", list_order="exact")
        if within >= ENOUGH_PAIRS:
            return holds("to ten seconds")
        return unknown("too few rows were changed within ten seconds of each other")

    return over_lists(seen, judge)


@fact(
    _LISTS,
    "A value that `sort` does not take gets a 400.",
    "observed",
    "yes",
    "Nothing changes: the tap sends what is documented.",
    "One call.",
    switches=("sort_refusal",),
    questions=("parameter:bad_sort",),
)
def bad_sort_is_refused(seen: Seen) -> Verdict:
    reply = seen.replies.get("parameter:bad_sort")
    if reply is None or not reply.is_told:
        return unknown(seen.why_not("parameter:bad_sort"))
    if reply.status == 400:  # noqa: PLR2004 - bad request
        return holds("a 400", sort_refusal=400)
    return differs("it is ignored" if reply.is_good else status_word(reply), sort_refusal="ignored")


@fact(
    _LISTS,
    "Fewer rows than a page share ten seconds.",
    "inferred",
    "yes",
    "After a bulk import, the list is read by page number.",
    "The share of assignments with the same time as another, the largest group with one time, and "
    "the most rows within ten seconds. And pages of lists in order of time whose last two rows "
    "have the same time.",
    switches=("tied_rows",),
    questions=("list:",),
)
def few_share_ten_seconds(seen: Seen) -> Verdict:
    rows = seen.all_rows(ASSIGNMENTS)
    times = [time for time in map(modified, rows) if time is not None]
    if not times:
        return unknown("there was no assignment")
    groups = Counter(times)
    tied = groups.most_common(1)[0][1]
    sharing = sum(number for number in groups.values() if number > 1)
    within = Counter(time // _TOLERANCE for time in times).most_common(1)[0][1]
    sandbox = {"tied_rows": rounded(tied)} if tied >= _MANY_TIED else {}
    text = (
        f"{share(sharing, len(times))} share their time with another; at most {count(tied)} have "
        f"one time, and {count(within)} lie within ten seconds{_ties_at_page_ends(seen)}"
    )
    return of_enough(len(times), either(within < LARGEST, text, text, **sandbox))


def _ties_at_page_ends(seen: Seen) -> str:
    """Return how many pages with more to come end within rows of one time, in words."""
    replies = [
        reply
        for path in seen.lists
        for side in ("oldest", "newest")
        if (reply := seen.reply(f"list:{path}:{side}")) and more_in(reply) is True
    ]
    ends = [times for reply in replies if len(times := [*map(modified, rows_in(reply)[-2:])]) > 1]
    tied = sum(last == before for before, last in ends)
    return f"; {tied} of {len(ends)} pages end in a tie" if ends else ""


# Bounds ----------------------------------------------------------------------------------------


@fact(
    _LISTS,
    "`modifiedOnOrAfter` is inclusive, and exact to the microsecond.",
    "documented",
    "in part",
    "The overlap covers up to ten seconds; beyond that, rows are lost.",
    "A settled row is asked for by its own time, and by a microsecond later.",
    switches=("bounds", "bound_grain"),
    questions=("bound:",),
)
def bound_is_inclusive_and_fine(seen: Seen) -> Verdict:
    def judge(each: Asked) -> Verdict | None:
        if each.path not in BOUNDED:
            return None
        row = seen.cache.get(f"row:{each.path}")
        own, later = (seen.reply(f"bound:{each.path}:{which}") for which in ("own", "later"))
        if row is None or own is None or later is None:
            return unknown("no row has a time of its own")
        if _has(later, row):
            return unknown("a bound that is later brings the row, too")
        if _has(own, row):
            return holds("inclusive, to the microsecond", bounds="inclusive", bound_grain="exact")
        earlier = seen.reply(f"bound:{each.path}:earlier")
        second = seen.reply(f"bound:{each.path}:second")
        if earlier is not None and _has(earlier, row):
            return differs("the row of that time does not come", bounds="exclusive")
        if second is not None and _has(second, row):
            return differs("it is rounded up to the second", bound_grain="second")
        return differs("it is rounded up by more than a second", bound_grain="minute")

    return over_lists(seen, judge)


def _has(reply: Reply, row: Row) -> bool:
    return any(each.get("id") == row.get("id") for each in rows_in(reply))


@fact(
    _LISTS,
    "`modifiedBefore` is exclusive.",
    "documented",
    "yes",
    "Some rows come twice.",
    "A settled row is asked for by its own time.",
    questions=("bound:",),
)
def before_is_exclusive(seen: Seen) -> Verdict:
    def judge(each: Asked) -> Verdict | None:
        if each.path not in BOUNDED:
            return None
        row, reply = seen.cache.get(f"row:{each.path}"), seen.reply(f"bound:{each.path}:own_before")
        if row is None or reply is None:
            return unknown("no row has a time of its own")
        return either(not _has(reply, row), "exclusive", "the row of that time comes, too")

    return over_lists(seen, judge)


@fact(
    _LISTS,
    "Rows before an instant and rows from it on make up the whole list.",
    "inferred",
    "no",
    "Rows that are in neither never come, except with a full read.",
    "Counts on both sides of the middle, asked twice; each of 200 rows is on its side.",
    questions=("bound:",),
)
def bounds_part_the_list(seen: Seen) -> Verdict:
    def judge(each: Asked) -> Verdict | None:
        if each.path not in BOUNDED:
            return None
        names = ("all", "before", "from", "again")
        replies = {name: seen.reply(f"bound:{each.path}:{name}") for name in names}
        totals = {name: total_in(reply) for name, reply in replies.items()}
        middle = seen.cache.get(f"middle:{each.path}")
        if middle is None or any(total is None for total in totals.values()):
            return unknown("rows are not counted, or there are too few")
        everything, low, high, again = (totals[name] or 0 for name in names)
        wrong_side = any((modified(row) or 0) >= middle for row in rows_in(replies["before"]))
        wrong_side |= any((modified(row) or middle) < middle for row in rows_in(replies["from"]))
        if wrong_side:
            return differs("rows come that are on the other side")
        undated = sum(modified(row) is None for row in seen.rows(f"list:{each.path}:id"))
        missing = everything - undated - low - high
        if abs(missing) > abs(low - again) + 5 and not undated:
            return differs("the counts do not add up")
        return holds("the counts add up")

    return over_lists(seen, judge)


@fact(
    _LISTS,
    "Bounds may have six digits of a second, and a `Z`.",
    "observed",
    "no",
    "Each run that resumes from a time fails.",
    "Bounds a microsecond before and after a row. The sandbox has no switch for it, because a tap "
    "whose bounds are refused reads nothing.",
    questions=("bound:", "feed:from:"),
)
def z_is_taken(seen: Seen) -> Verdict:
    replies = [
        reply
        for name, reply in seen.replies.items()
        if name.startswith(("bound:", "feed:from:"))
        and any(map(_SIX_DIGITS.fullmatch, seen.sent[name].values()))
        and reply.is_told
    ]
    refused = sum(reply.status == 400 for reply in replies)  # noqa: PLR2004 - bad request
    good = sum(reply.is_good for reply in replies)
    if refused:
        return differs(f"{refused} of {len(replies)} were refused")
    if not good:
        return unknown(seen.why_not(f"bound:{ASSIGNMENTS}:earlier", "feed:from:later"))
    return holds(f"{good} of {len(replies)} were taken")


_SIX_DIGITS = re.compile(r"[\d-]{10}T[\d:]{8}\.\d{6}Z", re.ASCII)


@fact(
    _LISTS,
    "`modifiedOnOrAfter` and `sort=+Id` can be combined.",
    "inferred",
    "in part",
    "A list that is not sorted by time is never known to be whole.",
    "A page of assignments by id from the middle on.",
    questions=("bound:",),
)
def bound_and_id_go_together(seen: Seen) -> Verdict:
    reply = seen.reply(f"bound:{ASSIGNMENTS}:by_id")
    middle = seen.cache.get(f"middle:{ASSIGNMENTS}")
    if reply is None or middle is None:
        return unknown(seen.why_not(f"bound:{ASSIGNMENTS}:by_id"))
    rows = rows_in(reply)
    if any((modified(row) or middle) < middle for row in rows):
        return differs("rows from before come")
    in_order = _is_in_order(rows, "+Id")
    if in_order is None or _is_by_text(seen.rows(f"list:{ASSIGNMENTS}:id")):
        return unknown("too few rows")
    return either(in_order, "rows from then on, in order", "they are not in order")


# Pages -----------------------------------------------------------------------------------------


@fact(
    _LISTS,
    "Pages of 5,000 rows are given, and larger ones refused.",
    "observed",
    "in part",
    "Where fewer are given, more calls are needed; where 5,000 are refused, set `page_size`. "
    "Arrival windows and full reads ask for 5,000 in any case.",
    "The first page of each list, and one call for 5,001.",
    switches=("largest_page", "beyond_largest"),
    questions=("list:", "parameter:too_large"),
)
def pages_of_5000(seen: Seen) -> Verdict:
    reply = seen.replies.get("parameter:too_large")
    if reply is None or not reply.is_told:
        return unknown(seen.why_not("parameter:too_large"))
    beyond: int | str = 400 if reply.status == 400 else "capped"  # noqa: PLR2004 - bad request
    if seen.page_size < LARGEST:
        capped = seen.cache.get("capped")
        what = "more are left out" if capped else "more are refused"
        return differs(
            f"{seen.page_size:,} rows, {what}",
            largest_page=seen.page_size,
            beyond_largest="capped" if capped else 400,
        )
    largest = max((seen.total(path) or 0 for path in seen.lists), default=0)
    if beyond == "capped":
        return differs("5,001 are not refused", beyond_largest="capped", largest_page=LARGEST)
    if largest < LARGEST:
        return unknown(
            "no list has 5,000 rows",
            "5,000 are not refused, 5,001 are",
            largest_page=LARGEST,
            beyond_largest=400,
        )
    return holds("5,000 rows; 5,001 are refused", largest_page=LARGEST, beyond_largest=400)


def _paged(seen: Seen) -> tuple[list[Row], dict[str, Reply | None]]:
    path = seen.cache.get("paged", "")
    names = ("page_of_7", "page_of_49", "whole", "beyond")
    return seen.rows(f"list:{path}:id"), {name: seen.reply(f"parameter:{name}") for name in names}


@fact(
    _LISTS,
    "A page has exactly as many rows as asked for, and page n begins where the one before ended.",
    "inferred",
    "in part",
    "A read by page number is never known to be whole.",
    "Pages of 7 and 49 rows beside the first page.",
    switches=("page_sizes",),
    questions=("parameter:page_of",),
)
def any_page_size_is_exact(seen: Seen) -> Verdict:
    rows, pages = _paged(seen)
    seven, second = pages["page_of_7"], pages["page_of_49"]
    if second is None or seven is None or len(rows) < 98:  # noqa: PLR2004 - two pages of 49
        return unknown("no list has a hundred rows")
    sizes = [len(rows_in(seven)), len(rows_in(second))]
    if sizes[0] == 7 and sizes[1] == 50 and len(rows) >= 100:  # noqa: PLR2004 - see the questions
        return differs("49 rows become 50", page_sizes="tens")
    if sizes != [7, 49]:
        return differs("pages have other sizes")
    changed = [row.get("id") for row in rows[49:98]] != [row.get("id") for row in rows_in(second)]
    if changed or _is_by_text(rows):
        return unknown("the rows changed meanwhile, or have no order")
    return holds("pages of 7 and 49 are cuts of the first", page_sizes="any")


@fact(
    _LISTS,
    "`hasMore` says whether a row follows; no page before the last is short or empty.",
    "observed",
    "yes",
    "One call more; a full read whose pages are short is never known to be whole.",
    "A page as long as the list, one of seven rows, one far beyond the end, and pages of one row "
    "that is active, or inactive.",
    switches=("has_more", "list_filters"),
    questions=("parameter:whole", "parameter:page_of_7", "parameter:beyond", "list:", "count:"),
)
def more_is_true(seen: Seen) -> Verdict:
    rows, pages = _paged(seen)
    whole, beyond = pages["whole"], pages["beyond"]
    short = [
        path
        for path, each in seen.lists.items()
        for page in [seen.reply(f"list:{path}:id")]
        if page and more_in(page) is True and len(rows_in(page)) < seen.page_size and each
    ]
    if any(more_in(page) is True and not rows_in(page) for page in seen.named("count:").values()):
        return differs(
            "an empty page says that there is more, where rows are filtered",
            list_filters="after_paging",
        )
    if short and not seen.cache.get("capped"):
        return differs("a short page says that there is more")
    if beyond is not None and (rows_in(beyond) or more_in(beyond) is not False):
        return differs("a page beyond the end is not the end")
    if whole is None or len(rows_in(whole)) != len(rows):
        return unknown("the list is longer than a page, or changed")
    is_right = more_in(whole) is False
    return either(
        is_right,
        "as it should",
        "a full page says that there is more",
        has_more="right" if is_right else "full_page",
    )


@fact(
    _FULL,
    "`includeTotal=true` is answered with a number.",
    "observed",
    "yes",
    "Empty lists, and lists with ids that are texts, are never marked; `freshness` is empty.",
    "A page of each list.",
    switches=("count",),
    questions=("list:",),
)
def count_is_given(seen: Seen) -> Verdict:
    def judge(each: Asked) -> Verdict:
        total = total_in(seen.reply(f"list:{each.path}:id"))
        return either(
            total is not None,
            "a number",
            "no number",
            **({} if total is not None else {"count": "null"}),
        )

    return over_lists(seen, judge, only_sorted=False)


@fact(
    _FULL,
    "The number is right, inactive rows included.",
    "observed",
    "in part",
    "A full read is never known to be whole; `freshness` is wrong.",
    "Lists that fit on a page: rows beside the number.",
    switches=("count",),
    questions=("list:", "count:"),
)
def count_is_exact(seen: Seen) -> Verdict:
    def judge(each: Asked) -> Verdict:
        reply = seen.reply(f"list:{each.path}:id")
        total, rows = total_in(reply), rows_in(reply)
        if total is None:
            return unknown("there is no number")
        if not seen.is_one_page(each.path) or not rows:
            return unknown("the list has more rows than a page, or none")
        active = sum(row.get("active") is True for row in rows)
        if total == len(rows):
            return holds("right", count="exact")
        if total == active:
            return differs("it is that of active rows", count="active")
        return differs(
            f"it is {count(abs(total - len(rows)))} off",
            count="more" if total > len(rows) else "active",
        )

    return over_lists(seen, judge, only_sorted=False)


@fact(
    _FULL,
    "Arrival windows, which cannot be sorted, come in the same order each time.",
    "inferred",
    "in part",
    "If they fill more than a page, some may come twice and others not.",
    "Two halves beside the whole.",
    switches=("windows_order",),
    questions=("windows:",),
)
def windows_keep_their_order(seen: Seen) -> Verdict:
    rows = seen.rows(f"list:{WINDOWS}:id")
    one, other = seen.reply("windows:1"), seen.reply("windows:2")
    if one is None or other is None or len(rows) < 4:  # noqa: PLR2004 - two halves of two
        return unknown(seen.why_not(f"list:{WINDOWS}:id", "windows:1"))
    if len(rows_in(one)) != (len(rows) + 1) // 2:
        return unknown("pages have other sizes")
    ids = [row.get("id") for page in (one, other) for row in rows_in(page)]
    if ids == [row.get("id") for row in rows]:
        return holds("the halves are the whole", windows_order="fixed")
    return differs("the halves are not the whole", windows_order="changing")


@fact(
    _FULL,
    "`sort=+Id` sorts by number.",
    "documented",
    "yes",
    "A list of several pages is never known to be whole: nothing is marked as deleted.",
    "Neighbours on the first page of each list, with ids of other lengths; and how long they are.",
    switches=("id_order",),
    questions=("list:",),
)
def ids_sort_as_numbers(seen: Seen) -> Verdict:
    by_text = several = longest = 0
    for path in seen.lists:
        ids = [value for row in seen.rows(f"list:{path}:id") if (value := _id(row)) is not None]
        lengths = {len(str(each)) for each in ids}
        longest = max(longest, *lengths, 0)
        if len(lengths) > 1:
            several += 1
            by_text += _is_by_text(seen.rows(f"list:{path}:id"))
    if by_text:
        return differs("they are sorted as texts", id_order="text")
    text = f"{longest} digits at most"
    if not several:
        return unknown("all ids of a list have the same length", text if longest else "")
    return holds(f"by number; {text}", id_order="number")


def _is_by_text(rows: list[Row]) -> bool:
    ids = [value for row in rows if (value := _id(row)) is not None]
    return ids != sorted(ids) and ids == sorted(ids, key=str)


@fact(
    _FULL,
    "An id names one row.",
    "inferred",
    "no",
    "Rows are merged.",
    "Ids that come twice on a page.",
    questions=("list:",),
)
def ids_are_unique(seen: Seen) -> Verdict:
    rows = twice = 0
    for path in seen.lists:
        ids = [str(row.get("id")) for row in seen.rows(f"list:{path}:id")]
        rows += len(ids)
        twice += len(ids) - len(set(ids))
    return of_rows(twice, rows, "ids come twice on a page", least=ENOUGH_FOR_A_LOSS)


@fact(
    _FULL,
    "A list has all its history.",
    "inferred",
    "no",
    "Full reads mark rows as deleted that are left out for their age.",
    "The age of the oldest assignment in the list beside that in the feed.",
    switches=("list_history_days",),
    questions=(f"list:{ASSIGNMENTS}:oldest", "feed:first"),
)
def lists_keep_all_history(seen: Seen) -> Verdict:
    listed = [
        time
        for row in seen.rows(f"list:{ASSIGNMENTS}:oldest")
        if (time := modified(row)) is not None
    ]
    fed = [time for row in seen.rows("feed:first") if (time := modified(row)) is not None]
    if not listed or not fed:
        return unknown("there was no row, or no feed to compare with")
    ids = {str(row.get("id")) for row in seen.all_rows(ASSIGNMENTS)}
    lacking = [
        row
        for row in seen.rows("feed:first")
        if (modified(row) or DAY**2) < min(listed) - DAY and str(row.get("id")) not in ids
    ]
    in_order = _is_in_order(seen.rows(f"list:{ASSIGNMENTS}:oldest"), "+ModifiedOn")
    if lacking and in_order is not False:
        days = max(1, round((seen.began - min(listed)) / DAY))
        return differs(f"it begins {days} days ago, the feed earlier", list_history_days=days)
    return holds("no row of the feed is earlier")


@fact(
    _FULL,
    "An empty list has no rows.",
    "inferred",
    "no",
    "With full reads, all rows of a table are marked as deleted.",
    "It cannot be told; the survey names the lists that are empty.",
    switches=("rows",),
    questions=("list:",),
)
def empty_means_empty(seen: Seen) -> Verdict:
    empty = [
        path
        for path in seen.lists
        if seen.reply(f"list:{path}:id") and not seen.rows(f"list:{path}:id")
    ]
    return unknown(
        "reading cannot tell", f"empty: {', '.join(empty)}" if empty else "no list is empty"
    )


@fact(
    _FULL,
    "A deleted row becomes inactive, or is gone.",
    "unknown",
    "in part",
    "A row that is gone stays in the table unless `detect_deleted_every_hours` is set.",
    "That some rows are inactive shows little, as `active` may mean enabled. Delete a row that "
    "nobody needs, and see whether it is inactive or gone; or survey again a day later with "
    "`--survey-memory`, which looks for the rows of the first survey.",
    switches=("deletes",),
    questions=("list:",),
)
def deleted_how(seen: Seen) -> Verdict:
    if seen.before:
        gone, withdrawn = gone_and_withdrawn(seen, seen.before)
        if gone or withdrawn:
            text = f"since the last survey {count(gone)} rows have gone and {count(withdrawn)} "
            return holds(f"{text}became inactive", deletes="hard" if gone else "soft")
        return unknown("it takes a deletion", "since the last survey no row was deleted")
    inactive = sum(_inactive_rows(seen, path) for path in seen.lists)
    return unknown(
        "it takes a deletion: watch one", f"{counted(inactive, 'row is', 'rows are')} inactive"
    )


@fact(
    _FULL,
    "Ids grow with `createdOn`.",
    "unknown",
    "yes",
    "Nothing changes: the tap does not rely on it.",
    "Neighbours on the first page of each list.",
    questions=("list:",),
)
def ids_grow(seen: Seen) -> Verdict:
    pairs = back = 0
    for path in seen.lists:
        rows = [row for row in seen.rows(f"list:{path}:id") if _id(row) is not None]
        rows.sort(key=_id)
        steps = _pairs(rows, _created)
        pairs += len(steps)
        back += sum(one > other for one, other in steps)
    return of_rows(back, pairs, "rows have a larger id than one that was created later")

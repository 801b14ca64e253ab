"""What the marts assume about assignments, shifts and time away."""

from __future__ import annotations

import re
from collections import Counter
from statistics import median
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.survey.seen import (
    ASSIGNMENTS,
    DAY,
    HOUR,
    SECOND,
    modified,
    rows_in,
    ticks,
)
from tap_servicetitan_dispatch.survey.verdicts import (
    ENOUGH,
    Verdict,
    count,
    differs,
    either,
    fact,
    holds,
    of_enough,
    of_rows,
    share,
    unknown,
)

if TYPE_CHECKING:
    from tap_servicetitan_dispatch.survey.seen import Row, Seen

_MARTS = "what marts assume"
_SHIFTS = "technician-shifts"
_NON_JOBS = "non-job-appointments"
_FEW = 3
_BULK = 5
_PAIRS = 30
_MORNING = range(5, 12)
_LONGEST_DAY = DAY + HOUR
"""The one on which the clocks are put back."""


def _pair(row: Row) -> tuple[Any, Any]:
    return row.get("technicianId"), row.get("appointmentId")


def _by_pair(seen: Seen) -> dict[tuple[Any, Any], list[Row]]:
    pairs: dict[tuple[Any, Any], list[Row]] = {}
    for row in seen.all_rows(ASSIGNMENTS):
        pairs.setdefault(_pair(row), []).append(row)
    return pairs


@fact(
    _MARTS,
    "A rename shows in each row: `technicianName` is today's.",
    "inferred",
    "in part",
    "Marts have old names.",
    "Technicians who have several names among the rows.",
    switches=("technician_names",),
    questions=(f"list:{ASSIGNMENTS}:",),
)
def name_is_as_now(seen: Seen) -> Verdict:
    names: dict[Any, set[Any]] = {}
    for row in seen.all_rows(ASSIGNMENTS):
        if row.get("technicianName") is not None:
            name = re.sub(r"[\0\ud800-\udfff]", "", str(row["technicianName"]))
            names.setdefault(row.get("technicianId"), set()).add(name)
    several = sum(len(each) > 1 for each in names.values())
    if several:
        return differs(
            f"{count(several)} of {count(len(names))} technicians have several",
            technician_names="then",
        )
    return unknown("nobody was renamed, or each row is, too")


@fact(
    _MARTS,
    "Status goes forward only.",
    "inferred",
    "in part",
    "Minutes are wrong for that assignment.",
    "Steps that are seen between looks.",
    questions=("look:", "feed:walk:"),
)
def status_goes_forward(seen: Seen) -> Verdict:
    order = ("Scheduled", "Dispatched", "Working", "Done")
    last: dict[str, str] = {}
    forward = back = 0
    for name in seen.looks:
        for row in seen.rows(name):
            id_, status = str(row.get("id")), row.get("status")
            if status not in order:
                continue
            before = order.index(last.get(id_, status))
            back += order.index(status) < before
            forward += order.index(status) > before
            last[id_] = status
    return of_rows(back, back + forward, "steps went back")


@fact(
    _MARTS,
    "An assignment that is done is not touched again, so its `modifiedOn` says when it was done.",
    "inferred",
    "in part",
    "Minutes on site are too high, unless a load saw the row before that edit.",
    "Done rows that share one time with five others, as bulk edits leave them.",
    switches=("done_edits",),
    questions=(f"list:{ASSIGNMENTS}:",),
)
def modified_on_dates_the_status(seen: Seen) -> Verdict:
    rows = [row for row in seen.all_rows(ASSIGNMENTS) if row.get("status") == "Done"]
    seconds = Counter((modified(row) or 0) // SECOND for row in rows)
    bulk = sum(number for number in seconds.values() if number > _BULK)
    tied = Counter(modified(row) for row in seen.all_rows(ASSIGNMENTS))
    groups = sum(number > _BULK for number in seconds.values())
    text = f"{share(bulk, len(rows))} share their time with five others"
    if 2 * bulk > len(rows) and len(tied) > 1 and groups > _FEW:
        return differs(text, done_edits="bulk")
    return of_enough(len(rows), holds(text, done_edits="few"))


@fact(
    _MARTS,
    "Of several rows of a technician at an appointment, the one that changed last counts.",
    "observed",
    "in part",
    "Who is assigned is wrong.",
    "Pairs with several rows: is the row that changed last also the newest? That is only a hint.",
    switches=("latest_row",),
    questions=(f"list:{ASSIGNMENTS}:",),
)
def latest_row_counts(seen: Seen) -> Verdict:
    several = [rows for rows in _by_pair(seen).values() if len(rows) > 1]
    if len(several) < _FEW:
        return unknown("too few technicians have several rows at an appointment")
    other = sum(_created_earlier(rows) for rows in several)
    text = f"{share(other, len(several))} of {count(len(several))} changed last in an older row"
    if 2 * other > len(several):
        return differs(text, latest_row="not_created")
    return unknown("reading cannot tell who is assigned", text, latest_row="created")


def _created_earlier(rows: list[Row]) -> bool:
    """Return whether the row that changed last is not the one created last."""
    last = max(rows, key=lambda row: (modified(row) or 0, ticks(row.get("createdOn")) or 0))
    created = [ticks(row.get("createdOn")) or 0 for row in rows]
    return (ticks(last.get("createdOn")) or 0) < max(created)


@fact(
    _MARTS,
    "Assignments that are done stay active.",
    "inferred",
    "no",
    "Visits are missing from marts.",
    "Done rows, by `active`.",
    switches=("done_rows",),
    questions=(f"list:{ASSIGNMENTS}:",),
)
def done_stays_active(seen: Seen) -> Verdict:
    rows = [row for row in seen.all_rows(ASSIGNMENTS) if row.get("status") == "Done"]
    inactive = sum(row.get("active") is False for row in rows)
    return of_rows(
        inactive,
        len(rows),
        "done rows are inactive",
        usual={"done_rows": "active"},
        other={"done_rows": "inactive"} if 2 * inactive > len(rows) else None,
    )


@fact(
    _MARTS,
    "A status changes in its row; no row is added for it.",
    "inferred",
    "no",
    "`dispatch_to_done` is empty.",
    "Technicians at appointments that are done: how many have one row?",
    switches=("status_rows",),
    questions=(f"list:{ASSIGNMENTS}:",),
)
def an_assignment_keeps_its_row(seen: Seen) -> Verdict:
    done = [
        rows for rows in _by_pair(seen).values() if any(row.get("status") == "Done" for row in rows)
    ]
    one = sum(len(rows) == 1 for rows in done)
    text = f"{share(one, len(done))} have one row"
    if len(done) < _PAIRS:
        return unknown("too few appointments are done", text if done else "")
    if 2 * one >= len(done):
        return holds(text, status_rows="same")
    return differs(text, status_rows="another")


@fact(
    _MARTS,
    "Only `Working` assignments are paused.",
    "inferred",
    "in part",
    "Minutes of pauses are wrong.",
    "Paused rows, by status.",
    questions=(f"list:{ASSIGNMENTS}:",),
)
def pauses_while_working(seen: Seen) -> Verdict:
    rows = [row for row in seen.all_rows(ASSIGNMENTS) if row.get("isPaused") is True]
    odd = sum(row.get("status") != "Working" for row in rows)
    return of_rows(odd, len(rows), "paused rows have another status")


@fact(
    _MARTS,
    "Assignments under way changed within `tracking_lookback_days`.",
    "inferred",
    "in part",
    "`technician_tracking` lacks older ones.",
    "The age of live rows.",
    questions=(f"list:{ASSIGNMENTS}:",),
)
def live_changed_lately(seen: Seen) -> Verdict:
    rows = [
        row
        for row in seen.all_rows(ASSIGNMENTS)
        if row.get("status") in {"Dispatched", "Working"} and row.get("active") is True
    ]
    old = sum((modified(row) or 0) < seen.now - DAY for row in rows)
    if not rows:
        return unknown("nobody is under way")
    return unknown(
        "some were forgotten rather than under way",
        f"{count(old)} of {count(len(rows))} live rows are older than a day",
    )


@fact(
    _MARTS,
    "`start` and `end` of shifts are instants.",
    "inferred",
    "no",
    "Hours are counted on other days.",
    "The local hours at which shifts begin, by the offset that capacity shows: read as instants, "
    "and read as local times with a false `Z`.",
    questions=("list:technician-shifts:", "capacity:fortnight"),
)
def shifts_are_true_utc(seen: Seen) -> Verdict:
    offsets = [
        local - start
        for slot in seen.slots("fortnight")
        if (start := ticks(slot.get("startUtc"))) is not None
        and (local := ticks(slot.get("start"))) is not None
    ]
    rows = [row for row in seen.all_rows(_SHIFTS) if row.get("shiftType") == "Normal"]
    starts = [start for row in rows if (start := ticks(row.get("start"))) is not None]
    if not offsets or not median(offsets):
        return unknown("the tenant's time is not known: it takes capacity")
    if len(starts) < ENOUGH:
        return unknown("too few shifts")
    true = sum((start + int(median(offsets))) % DAY // HOUR in _MORNING for start in starts)
    false = sum(start % DAY // HOUR in _MORNING for start in starts)
    text = (
        f"{share(true, len(starts))} begin in the morning if so, {share(false, len(starts))} if not"
    )
    if max(true, false) <= 2 * min(true, false):
        return unknown("both are likely", text)
    return either(true > false, text, text)


@fact(
    _MARTS,
    "An all-day non-job appointment begins at local midnight.",
    "observed",
    "in part",
    "Time away is counted on other days.",
    "All-day rows that begin at midnight (UTC), and at the same other hour.",
    questions=("list:non-job-appointments:",),
)
def all_day_begins_at_midnight(seen: Seen) -> Verdict:
    starts = [
        start
        for row in seen.all_rows(_NON_JOBS)
        if row.get("allDay") is True and (start := ticks(row.get("start"))) is not None
    ]
    if len(starts) < _FEW:
        return unknown("too few last all day")
    at_utc = sum(start % DAY == 0 for start in starts)
    hours = Counter(start % DAY for start in starts)
    text = f"{share(at_utc, len(starts))} begin at midnight (UTC); times of day: {len(hours)}"
    two = 2
    if at_utc == len(starts):
        return unknown("the zone is UTC, or their `Z` is false", text)
    return either(len(hours) <= two, text, text)


@fact(
    _MARTS,
    "A repeated shift has one row for each occurrence.",
    "inferred",
    "no",
    "Hours are missing.",
    "Shifts that last longer than a day; and non-job appointments that come again after a week.",
    switches=("repeats",),
    questions=("list:technician-shifts:",),
)
def repeats_are_rows(seen: Seen) -> Verdict:
    rows = [
        (start, end)
        for row in seen.all_rows(_SHIFTS)
        if (start := ticks(row.get("start"))) is not None
        and (end := ticks(row.get("end"))) is not None
    ]
    if not rows:
        return unknown("there was no shift")
    long = sum(end - start > _LONGEST_DAY for start, end in rows)
    text = f"{share(long, len(rows))} last longer than a day"
    if 2 * long > len(rows):
        return differs(text, repeats="one_row")
    if long:
        return unknown("some may be on call for days", text, repeats="rows")
    return of_rows(0, len(rows), "shifts last longer than a day", usual={"repeats": "rows"})


@fact(
    _MARTS,
    "An active non-job appointment keeps its technician from jobs.",
    "inferred",
    "in part",
    "Hours for jobs are too few.",
    "Shares of the flags that may say otherwise; what they mean cannot be told by reading.",
    questions=("list:non-job-appointments:",),
)
def non_job_takes_time(seen: Seen) -> Verdict:
    rows = seen.all_rows(_NON_JOBS)
    if not rows:
        return unknown("there was none")
    flags = ("removeTechnicianFromCapacityPlanning", "showOnTechnicianSchedule")
    text = ", ".join(
        f"{name}: {share(sum(row.get(name) is True for row in rows), len(rows))}" for name in flags
    )
    return unknown("what the flags mean cannot be told by reading", text)


@fact(
    _MARTS,
    "Shifts end after they begin.",
    "inferred",
    "in part",
    "Hours are wrong.",
    "All shifts.",
    questions=("list:technician-shifts:",),
)
def spans_make_sense(seen: Seen) -> Verdict:
    rows = [
        (start, end)
        for row in seen.all_rows(_SHIFTS)
        if (start := ticks(row.get("start"))) is not None
        and (end := ticks(row.get("end"))) is not None
    ]
    return of_rows(
        sum(end <= start for start, end in rows), len(rows), "shifts end before they begin"
    )


@fact(
    _MARTS,
    "Ids of two tenants may be the same.",
    "unknown",
    "yes",
    "Nothing changes: the tenant is part of each key.",
    "In a group, the first page of a list of up to two other tenants, by id. Without a common id "
    "nothing is proven.",
    questions=("access:group:",),
)
def ids_may_collide(seen: Seen) -> Verdict:
    replies = seen.named("access:group:")
    pages = [rows_in(reply) for reply in replies.values() if reply.is_good]
    if not pages:
        return unknown(
            seen.why_not(*(f"access:group:{number}" for number in replies))
            if replies
            else "no other tenant has the same credentials"
        )
    own = {str(row.get("id")) for row in seen.rows(f"list:{seen.cache['shared_path']}:id")}
    others = {str(row.get("id")) for page in pages for row in page}
    if not own or not others:
        return unknown("there was no row")
    if both := len(own & others):
        return holds(f"{count(both)} of {count(len(own))} ids are another tenant's, too")
    return unknown("that proves nothing", f"none of {count(len(own))} ids is another tenant's, too")

"""Capacity, tracking, business hours and the configuration."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.survey.facts.access import missing_scopes
from tap_servicetitan_dispatch.survey.seen import HOUR, SECOND, more_in, status_word, ticks
from tap_servicetitan_dispatch.survey.verdicts import (
    Verdict,
    count,
    counted,
    differs,
    either,
    fact,
    holds,
    of_rows,
    seconds,
    unknown,
)

if TYPE_CHECKING:
    from tap_servicetitan_dispatch.survey.seen import Row, Seen

_CAPACITY = "capacity"
_REST = "tracking, hours and windows"
_FORTNIGHT = 14
_PAGES = ("list:", "feed:", "count:", "bound:")
"""Beginnings of the names of questions that return a page of rows."""
_QUARTER = 900 * SECOND


def _key(slot: Row) -> tuple[Any, ...]:
    units = slot.get("businessUnitIds")
    named = sorted(map(str, units)) if isinstance(units, list) else []
    return slot.get("startUtc"), slot.get("endUtc"), *named


def _none(seen: Seen, *names: str) -> Verdict:
    return unknown(seen.why_not(*(f"capacity:{name}" for name in names)))


@fact(
    _CAPACITY,
    "A request may span 14 days, no more.",
    "observed",
    "in part",
    "The stream fails; `capacity_days_per_request` asks for less.",
    "14 days, and an hour more.",
    switches=("capacity_days",),
    questions=("capacity:fortnight", "capacity:too_long"),
)
def fourteen_days(seen: Seen) -> Verdict:
    reply, more = seen.replies.get("capacity:fortnight"), seen.replies.get("capacity:too_long")
    if reply is None or more is None or not reply.is_told or reply.failure == "missing_scope":
        return _none(seen, "fortnight")
    if reply.status == 400:  # noqa: PLR2004 - bad request
        week = seen.reply("capacity:week")
        days = 7 if week else 1
        return differs("14 days are refused", capacity_days=days)
    if not reply.is_good or not more.is_told:
        return _none(seen, "fortnight")
    if more.is_good:
        return differs("more than 14 days are given", capacity_days=15)
    return holds("14 days are given, an hour more is refused", capacity_days=_FORTNIGHT)


@fact(
    _CAPACITY,
    "A slot across the edge of two requests is in neither, and no slot crosses midnight.",
    "inferred",
    "no",
    "Slots at night are lost where requests meet.",
    "14 days beside two times seven; slots that begin and end on different days.",
    switches=("night_windows",),
    questions=("capacity:",),
)
def slots_do_not_cross_midnight(seen: Seen) -> Verdict:
    slots = seen.slots("fortnight")
    if not seen.reply("capacity:fortnight") or not slots:
        return _none(seen, "fortnight")
    parts = {_key(slot) for name in ("week", "next_week") for slot in seen.slots(name)}
    lacking = sum(_key(slot) not in parts for slot in slots)
    night = sum(
        str(slot.get("start"))[:10] != str(slot.get("end"))[:10]
        and str(slot.get("end"))[11:16] != "00:00"
        and ticks(slot.get("start")) is not None
        for slot in slots
        if slot.get("start") != slot.get("startUtc")
    )
    if night:
        return differs(
            f"{counted(night, 'slot crosses', 'slots cross')} midnight, and where requests meet "
            f"{counted(lacking, 'is', 'are')} lost",
            night_windows=True,
        )
    if lacking:
        return differs(
            f"{counted(lacking, 'slot is', 'slots are')} lost where requests meet",
            night_windows=False,
        )
    return of_rows(0, len(slots), "slots cross midnight", least=30, usual={"night_windows": False})


@fact(
    _CAPACITY,
    "The setting `timezone` is that of the tenant.",
    "unknown",
    "in part",
    "Days begin at another time, and slots across that time are lost. Set `timezone`.",
    "`start` minus `startUtc`, beside the offset of the setting.",
    questions=("capacity:fortnight",),
)
def timezone_is_the_tenants(seen: Seen) -> Verdict:
    offsets = _offsets(seen)
    if not offsets:
        return _none(seen, "fortnight")
    import pendulum  # noqa: PLC0415 - takes long, and few surveys have capacity

    told = {
        (pendulum.from_timestamp(start // SECOND, tz=seen.timezone).offset or 0) * SECOND
        for start in offsets
    }
    is_same = set(offsets.values()) == told
    return either(is_same, "it is", "it is not: see the setting `timezone`")


def _offsets(seen: Seen) -> dict[int, int]:
    return {
        start: local - start
        for slot in seen.slots("fortnight")
        if (start := ticks(slot.get("startUtc"))) is not None
        and (local := ticks(slot.get("start"))) is not None
    }


@fact(
    _CAPACITY,
    "`startUtc` is the instant, and `start` local time with a false `Z`.",
    "observed",
    "yes",
    "Only the description of `start` is wrong: keys and marts go by `startUtc`.",
    "The differences of both, in whole quarters of an hour.",
    switches=("capacity_start",),
    questions=("capacity:fortnight",),
)
def start_utc_is_right(seen: Seen) -> Verdict:
    offsets = set(_offsets(seen).values())
    if not offsets:
        return _none(seen, "fortnight")
    if offsets == {0}:
        return unknown(
            "both are the same: the zone is UTC, or `start` is, too", capacity_start="utc"
        )
    quarters = all(offset % _QUARTER == 0 for offset in offsets)
    few = 2
    return either(
        quarters and len(offsets) <= few,
        "local time",
        "the differences are no time zone's",
        capacity_start="local",
    )


@fact(
    _CAPACITY,
    "Start, end and business units name one slot.",
    "inferred",
    "no",
    "Of two slots with one key, one is lost.",
    "The slots of 14 days.",
    switches=("slot_keys",),
    questions=("capacity:fortnight",),
)
def slot_has_one_key(seen: Seen) -> Verdict:
    slots = seen.slots("fortnight")
    if not slots:
        return _none(seen, "fortnight")
    twice = sum(number - 1 for number in Counter(map(_key, slots)).values())
    return of_rows(
        twice,
        len(slots),
        "slots come again under the same key",
        least=30,
        usual={"slot_keys": "once"},
        other={"slot_keys": "twice"},
    )


@fact(
    _CAPACITY,
    "A request that names no business units silently leaves some out.",
    "observed",
    "in part",
    "Set `capacity_business_unit_ids`; the tap warns where it is not set.",
    "14 days without, and with the business units that windows and zones name.",
    switches=("units_without_group",),
    questions=("capacity:units", "capacity:fortnight"),
)
def units_are_left_out(seen: Seen) -> Verdict:
    if not seen.reply("capacity:units") or not seen.slots("fortnight"):
        return _none(seen, "fortnight", "units")
    without = _units_in(seen, "fortnight")
    more = _units_in(seen, "units") - without
    if more:
        return holds(
            f"{counted(len(more), 'comes only if it is', 'come only if they are')} named",
            units_without_group=len(more),
        )
    return unknown("none of those that are named elsewhere is left out", units_without_group=0)


def _units_in(seen: Seen, name: str) -> set[Any]:
    return {
        unit
        for slot in seen.slots(name)
        if isinstance(units := slot.get("businessUnitIds"), list)
        for unit in units
        if type(unit) is int
    }


@fact(
    _CAPACITY,
    "Availability is in hours: open at most total, total at most technicians times length.",
    "observed",
    "in part",
    "Marts are wrong.",
    "The slots of 14 days.",
    switches=("capacity_units",),
    questions=("capacity:fortnight",),
)
def capacity_hours(seen: Seen) -> Verdict:
    slots = seen.slots("fortnight")
    if not slots:
        return _none(seen, "fortnight")
    odd = large = 0
    for slot in slots:
        start, end = ticks(slot.get("startUtc")), ticks(slot.get("endUtc"))
        total, free = slot.get("totalAvailability"), slot.get("openAvailability")
        members = slot.get("technicians")
        if not isinstance(total, int | float) or not isinstance(free, int | float):
            odd += 1
            continue
        odd += free > total
        if start is not None and end is not None and isinstance(members, list):
            large += total > len(members) * (end - start) / HOUR + 0.01
    if large:
        return differs(
            f"{count(large)} of {count(len(slots))} slots have more hours than there are",
            capacity_units="minutes",
        )
    return of_rows(
        odd,
        len(slots),
        "slots have more open than in all",
        least=30,
        usual={"capacity_units": "hours"},
    )


@fact(
    _CAPACITY,
    "A forecast says when it was made: now.",
    "observed",
    "no",
    "With `keep_history` the stream fails, as the time is part of the key.",
    "`timeStamp` beside `Date`.",
    switches=("capacity_time_stamp",),
    questions=("capacity:fortnight",),
)
def forecast_is_dated(seen: Seen) -> Verdict:
    reply = seen.reply("capacity:fortnight")
    if reply is None or not isinstance(reply.body, dict):
        return _none(seen, "fortnight")
    stamp = ticks(reply.body.get("timeStamp"))
    if stamp is None:
        return differs("it does not", capacity_time_stamp="null")
    off = abs(stamp - seen.now) / SECOND
    minutes = 300
    return either(
        off < minutes,
        "within minutes of the API's clock",
        f"{seconds(off)} off",
        capacity_time_stamp="given",
    )


@fact(
    _CAPACITY,
    "Past days may be asked for.",
    "observed",
    "in part",
    "`capacity_days_back` has to be 0. Whether forecasts of past days still change takes days.",
    "Yesterday.",
    questions=("capacity:yesterday",),
)
def past_capacity_is_given(seen: Seen) -> Verdict:
    reply = seen.replies.get("capacity:yesterday")
    if reply is None or not reply.is_told or reply.failure == "missing_scope":
        return _none(seen, "yesterday")
    return either(reply.is_good, "yesterday is given", status_word(reply))


@fact(
    _CAPACITY,
    "`POST capacity` needs the scope `tn.dis.capacity:w`.",
    "documented",
    "in part",
    "The advice asks for a scope that is not needed, and `--check` does, too.",
    "Only if the token says which scopes it has, and this one is not among them: is the call "
    "answered?",
    switches=("capacity_scope",),
    questions=("access:token", "access:second_token", "capacity:"),
)
def capacity_needs_write(seen: Seen) -> Verdict:
    replies = [reply for reply in seen.named("capacity:").values() if reply.is_told]
    if not replies:
        return _none(seen, "fortnight")
    needed = seen.cache["scopes"]["capacity"]
    granted = _granted(seen)
    if not granted:
        return unknown("the token does not say which scopes it has")
    if needed in granted:
        return unknown("the token has it")
    if any(reply.is_good for reply in replies):
        missing = sorted({*missing_scopes(seen), needed})
        return differs("it is answered without it", capacity_scope="read", missing_scopes=missing)
    if all(reply.failure == "missing_scope" for reply in replies):
        return holds("it is refused without it", capacity_scope="write")
    return unknown(status_word(replies[0]))


def _granted(seen: Seen) -> set[str]:
    """Return the scopes that the answers with a token name."""
    told = [
        reply.body.get("scope")
        for name in ("access:token", "access:second_token")
        if (reply := seen.reply(name)) and isinstance(reply.body, dict)
    ]
    return {scope for text in told if isinstance(text, str) for scope in text.split()}


@fact(
    _CAPACITY,
    "`POST capacity` changes nothing, and may be sent again.",
    "inferred",
    "no",
    "Each forecast, and each call that is tried again, would write.",
    "Cannot be told by reading: that two answers are alike proves nothing. Compare the board "
    "before and after a run that reads `capacities` alone.",
    questions=("capacity:",),
)
def capacity_may_be_sent_again(seen: Seen) -> Verdict:
    return unknown(
        "reading alone cannot tell" if seen.reply("capacity:week") else _none(seen, "week").why
    )


@fact(
    _CAPACITY,
    "A slot has the same key in the next forecast.",
    "inferred",
    "no",
    "Marts of forecasts are empty.",
    "The first week, asked twice.",
    questions=("capacity:fortnight", "capacity:week"),
)
def slots_stay_slots(seen: Seen) -> Verdict:
    first = {_key(slot) for slot in seen.slots("fortnight")}
    second = {_key(slot) for slot in seen.slots("week")}
    if not second or not first:
        return _none(seen, "week", "fortnight")
    return either(
        second <= first,
        "the same keys",
        f"{counted(len(second - first), 'slot has', 'slots have')} others",
    )


# Tracking --------------------------------------------------------------------------------------


@fact(
    _REST,
    "Technicians who are `Dispatched` or `Working` are tracked, others are not.",
    "unknown",
    "in part",
    "Rows are missing, or calls are made in vain.",
    "Three live pairs at most, one scheduled and one that is done.",
    switches=("tracked",),
    questions=("tracking:",),
)
def tracked_are_on_the_way(seen: Seen) -> Verdict:
    statuses = ("Dispatched", "Working", "Scheduled", "Done")
    tracked: dict[str, bool] = {}
    for status in statuses:
        replies = [reply for reply in seen.named(f"tracking:{status}:").values() if reply.is_told]
        if replies:
            tracked[status] = any(
                reply.is_good and isinstance(reply.body, dict) for reply in replies
            )
    if not tracked:
        return unknown(seen.why_not("tracking:nobody"))
    words = [status for status, is_tracked in tracked.items() if is_tracked]
    usual = [status for status in tracked if status in {"Dispatched", "Working"}]
    complete = [status for status in statuses if tracked.get(status, status in statuses[:2])]
    sandbox = {"tracked": sorted(complete, key=_ORDER.index)}
    text = f"tracked: {', '.join(words) or 'none'}"
    if words != usual:
        return differs(text, **sandbox)
    if not usual or usual == list(tracked):
        return unknown("nobody is under way, or everybody is", text, **sandbox)
    return holds(text, **sandbox)


_ORDER = ("Scheduled", "Dispatched", "Working", "Done")


@fact(
    _REST,
    "A technician who is not tracked gets a 400 or 404.",
    "unknown",
    "in part",
    "With another status the stream fails; an answer of null ends it with an error.",
    "Technician 0 and appointment 0.",
    switches=("untracked",),
    questions=("tracking:nobody",),
)
def untracked_is_told(seen: Seen) -> Verdict:
    reply = seen.replies.get("tracking:nobody")
    if reply is None or not reply.is_told or reply.failure == "missing_scope":
        return unknown(seen.why_not("tracking:nobody"))
    if reply.status in {400, 404}:
        return holds(status_word(reply), untracked=reply.status)
    if reply.is_good and reply.body is None:
        return differs("a good answer of null", untracked="null")
    return differs(status_word(reply))


@fact(
    _REST,
    "Asking for a tracking address sends no message to anybody.",
    "inferred",
    "no",
    "Customers are told that a technician is on the way whenever a run asks.",
    "Cannot be told by reading, so three pairs are asked for at most. Book an appointment whose "
    "customer is yourself, run `technician_tracking` while it is `Dispatched`, and see whether "
    "a message comes.",
    questions=("tracking:",),
)
def asking_tells_nobody(seen: Seen) -> Verdict:
    asked = any(reply.is_told for reply in seen.named("tracking:").values())
    return unknown("reading alone cannot tell" if asked else seen.why_not("tracking:nobody"))


# Single objects --------------------------------------------------------------------------------


@fact(
    _REST,
    "Business hours are one object, maybe within `data` or a list.",
    "documented",
    "in part",
    "Several objects would be rows with one key.",
    "The shape of the answer.",
    switches=("business_hours",),
    questions=("single:business_hours",),
)
def hours_are_one_object(seen: Seen) -> Verdict:
    reply = seen.reply("single:business_hours")
    if reply is None:
        return unknown(seen.why_not("single:business_hours"))
    body = reply.body
    if isinstance(body, dict) and isinstance(body.get("data"), dict):
        return holds("an object within `data`", business_hours="data")
    if isinstance(body, dict):
        return holds("an object", business_hours="object")
    if isinstance(body, list) and len(body) == 1:
        return holds("a list of one", business_hours="list")
    if isinstance(body, list):
        return differs(f"a list of {len(body)}", business_hours="several")
    return differs("something else")


@fact(
    _REST,
    "The configuration of arrival windows is one of two words.",
    "documented",
    "yes",
    "Only the description is wrong.",
    "Whether it is.",
    questions=("single:arrival_window_configuration",),
)
def window_configuration(seen: Seen) -> Verdict:
    reply = seen.reply("single:arrival_window_configuration")
    if reply is None:
        return unknown(seen.why_not("single:arrival_window_configuration"))
    word = reply.body.get("configuration") if isinstance(reply.body, dict) else None
    is_known = word in {"StartTimeOfArrivalWindow", "EndTimeOfArrivalWindow"}
    return either(is_known, "it is", "it is not")


@fact(
    _REST,
    "Pages have a boolean `hasMore` and a list `data`.",
    "documented",
    "no",
    "The stream fails, rather than end early.",
    "Each page of a list or of the feed.",
    questions=_PAGES,
)
def has_more_and_data_always(seen: Seen) -> Verdict:
    pages = [
        reply for name, reply in seen.replies.items() if name.startswith(_PAGES) and reply.is_good
    ]
    if not pages:
        return unknown("no page was read")
    odd = sum(
        type(more_in(page)) is not bool or not isinstance(page.body.get("data"), list)
        for page in pages
        if isinstance(page.body, dict)
    ) + sum(not isinstance(page.body, dict) for page in pages)
    return either(not odd, "on each page", f"{odd} of {len(pages)} pages have another shape")

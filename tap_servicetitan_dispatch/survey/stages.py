"""The questions and their order: the most important first, as the last may be left out."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_servicetitan_dispatch.settings.schema import LARGEST_PAGE
from tap_servicetitan_dispatch.survey.seen import (
    ASSIGNMENTS,
    DAY,
    HOUR,
    SECOND,
    WINDOWS,
    modified,
    more_in,
    rows_in,
    ticks,
    ticks_of,
    token_in,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_servicetitan_dispatch.survey.asking import Asker, Reply
    from tap_servicetitan_dispatch.survey.seen import Asked, Row, Seen

FEED = "export/appointment-assignments"
ANY = {"active": "Any"}
LARGEST = LARGEST_PAGE
SMALLER = (500, 50)
"""Page size to ask for if 5,000 are refused."""
MOST_FEED_PAGES = 8
MOST_FEED_ROWS = 4_000
MOST_PAGES_SINCE = 4
"""Maximum number of pages of the feed to read from where an earlier survey ended."""
MOST_IDS = 50
FEW_FEED_ROWS = 500
AT_LEAST_BACK = 3 * HOUR
LOOKS = 5
LOOK_ROWS = 500
FEWEST_IN_ORDER = 4
"""Fewer rows do not tell how they are sorted."""
LEFT_FOR_TOKENS = 16
"""Number of calls that the last two stages take at most."""
BOUNDED = (ASSIGNMENTS, "technician-shifts")
"""The lists whose bounds are tested to the last digit."""
_COUNTED = {"page": "1", "pageSize": "1", "includeTotal": "true"}


class Stage(NamedTuple):
    """Questions that belong together."""

    name: str
    """The subject, shown to the user who waits."""
    ask: Callable[[Asker, Seen], None]


def _get(asker: Asker, seen: Seen, name: str, path: str, **params: Any) -> Reply:
    """Ask, and keep the reply under a name."""
    sent = {key.rstrip("_"): str(value) for key, value in params.items()}
    reply = seen.replies[name] = asker.get(path, sent)
    seen.sent[name] = sent
    return reply


def _lists(seen: Seen) -> list[Asked]:
    return [each for each in seen.lists.values() if seen.reply(f"list:{each.path}:id")]


def _sorted_lists(seen: Seen) -> list[Asked]:
    return [each for each in _lists(seen) if each.is_sorted]


def _access(asker: Asker, seen: Seen) -> None:
    reply = asker.log_in()
    if reply.status:  # else there is one already, of another tenant of the group
        seen.replies["access:token"] = reply


def _by_id(asker: Asker, seen: Seen) -> None:
    asked = list(seen.lists.values())
    for each in asked[:1]:
        _page_by_id(asker, seen, each)
    asker.together([partial(_page_by_id, asker, seen, each) for each in asked[1:]])
    singles = {"business_hours": "business-hours"}
    singles["arrival_window_configuration"] = "arrival-windows/configuration"
    asker.together(
        [
            partial(_get, asker, seen, f"single:{stream}", path)
            for stream, path in singles.items()
            if stream in seen.schemas
        ]
    )


def _page_by_id(asker: Asker, seen: Seen, each: Asked) -> None:
    """Ask for the first page in order of ids; for active rows only, or fewer, if necessary."""
    sort = {"sort": "+Id"} if each.is_sorted else {}
    name = f"list:{each.path}:id"
    sizes = [size for size in (LARGEST, *SMALLER) if size <= seen.page_size] or [seen.page_size]
    for size in sizes:
        for active in (each.inactive_too, {}) if each.inactive_too else ({},):
            params = {"page": 1, "pageSize": size, "includeTotal": "true", **sort, **active}
            reply = _get(asker, seen, name, each.path, **params)
            if reply.is_good:
                if each.inactive_too and not active:
                    seen.cache.setdefault("any_refused", set()).add(each.path)
                _note_size(seen, reply, size)
                return
            if reply.status not in {400, 404}:
                return


def _note_size(seen: Seen, reply: Reply, size: int) -> None:
    """Note the maximum number of rows on a page."""
    rows = len(rows_in(reply))
    if more_in(reply) is True and 1 < rows < size:
        seen.cache["capped"] = True
        size = rows
    seen.page_size = min(seen.page_size, size)


def _any(seen: Seen, each: Asked) -> Mapping[str, str]:
    """Return the parameters for inactive rows, if the list takes them."""
    return {} if each.path in seen.cache.get("any_refused", ()) else each.inactive_too


def _by_time(asker: Asker, seen: Seen) -> None:
    asks = []
    for each in _sorted_lists(seen):
        for side, sort in (("oldest", "+ModifiedOn"), ("newest", "-ModifiedOn")):
            name = f"list:{each.path}:{side}"
            params = {"page": 1, "pageSize": seen.page_size, "sort": sort, **_any(seen, each)}
            asks.append(partial(_get, asker, seen, name, each.path, **params))
    asker.together(asks)


def _feed(asker: Asker, seen: Seen) -> None:
    if ASSIGNMENTS not in seen.lists:
        return
    first = _get(asker, seen, "feed:first", FEED, **ANY)
    if not first.is_good:
        return
    _walk_feed(asker, seen, first)
    pages = seen.feed_pages
    end = token_in(pages[-1]) if seen.feed_reached_end else _end_of_feed(asker, seen)
    sent: Any = token_in(first)
    if isinstance(sent, str) and sent:
        _get(asker, seen, "feed:again:1", FEED, from_=sent, **ANY)
        _get(asker, seen, "feed:again:2", FEED, from_=sent, **ANY)
    if not (isinstance(end, str) and end):
        end = sent if isinstance(sent, str) else ""
    if end:
        seen.cache["end"] = end
        _get(asker, seen, "feed:end:1", FEED, from_=end, **ANY)
        changed = end[:-4] + ("AAAA" if not end.endswith("AAAA") else "BBBB")
        _get(asker, seen, "feed:rejected:changed", FEED, from_=changed, **ANY)
    _get(asker, seen, "feed:rejected:made_up", FEED, from_="not-a-token", **ANY)
    _feed_by_time(asker, seen)
    if end:  # after what else is asked with it: it may be spoilt by that
        params = {"from_": end, "includeRecentChanges": "true", **ANY}
        _get(asker, seen, "feed:other_settings", FEED, **params)
    recent = seen.reply("feed:recent")
    end = token_in(recent) if more_in(recent) is False else None
    if isinstance(end, str) and end:
        params = {"from_": end, "includeRecentChanges": "true", **ANY}
        _get(asker, seen, "feed:recent_end", FEED, **params)


def _walk_feed(asker: Asker, seen: Seen, first: Reply) -> None:
    """Read the feed: all of it, or from a few thousand rows before its end."""
    rows = seen.rows(f"list:{ASSIGNMENTS}:newest")
    page = first
    if more_in(rows_page := seen.reply(f"list:{ASSIGNMENTS}:newest")) and rows_page:
        times = sorted(filter(None, map(modified, rows)), reverse=True)
        since = times[min(MOST_FEED_ROWS, len(times)) - 1] if times else seen.now
        start = written(min(since, seen.now - AT_LEAST_BACK) // SECOND * SECOND)
        seen.cache["feed_since"] = ticks(start)
        page = _get(asker, seen, "feed:walk:0", FEED, from_=start, **ANY)
    else:
        seen.replies["feed:walk:0"] = first
    for number in range(1, MOST_FEED_PAGES):
        token = token_in(page)
        if not page.is_good or more_in(page) is not True or not isinstance(token, str):
            return
        before = seen.cache.get("feed_sent")
        seen.cache["feed_sent"] = token
        if token == before:
            return
        page = _get(asker, seen, f"feed:walk:{number}", FEED, from_=token, **ANY)


def _end_of_feed(asker: Asker, seen: Seen) -> Any:
    """Return the token that ends the feed, if the walk did not reach it."""
    times = sorted(filter(None, map(modified, seen.feed_rows)))
    newest = sorted(filter(None, map(modified, seen.rows(f"list:{ASSIGNMENTS}:newest"))))
    since = (newest or times or [seen.now])[-1]
    page = _get(asker, seen, "feed:near_end", FEED, from_=written(since - HOUR), **ANY)
    return token_in(page) if more_in(page) is False else None


def _feed_by_time(asker: Asker, seen: Seen) -> None:
    rows = seen.feed_rows
    times = sorted(time for time in map(modified, seen.settled(rows)) if time is not None)
    start = {"from_": written(times[-min(FEW_FEED_ROWS, len(times))])} if times else {}
    asks = [
        partial(_get, asker, seen, f"feed:active:{word or 'none'}", FEED, **start, **active)
        for word in ("Any", "", "True", "False")
        for active in [{"active": word} if word else {}]
    ]
    asks.append(partial(_get, asker, seen, "feed:empty_from", FEED, from_="", **ANY))
    tomorrow = written(seen.now + DAY)
    asks.append(partial(_get, asker, seen, "feed:future", FEED, from_=tomorrow, **ANY))
    if row := telling_row(seen, rows):
        own = str(row["modifiedOn"])
        later = written((modified(row) or 0) + 10)
        for name, start_ in (("own", own), ("later", later), ("date", own[:10])):
            asks.append(partial(_get, asker, seen, f"feed:from:{name}", FEED, from_=start_, **ANY))
        seen.cache["feed_row"] = row
    since = written(seen.now - 2 * HOUR)
    recent = {"includeRecentChanges": "true", **ANY}
    asks.append(partial(_get, asker, seen, "feed:recent", FEED, from_=since, **recent))
    asks.append(partial(_get, asker, seen, "feed:not_recent", FEED, from_=since, **ANY))
    asker.together(asks)


def telling_row(seen: Seen, rows: list[Row]) -> Row | None:
    """Return a settled row that shares its time, exactly or nearly, with no other."""
    settled = sorted(seen.settled(rows), key=lambda row: modified(row) or 0)
    times = [modified(row) or 0 for row in settled]
    for index in range(len(settled) // 2, len(settled)):
        before = times[index - 1] if index else 0
        after = times[index + 1] if index + 1 < len(times) else times[index] + DAY
        fits = times[index] % 10 == 0 and times[index] % (60 * SECOND)
        if fits and times[index] % SECOND and before < times[index] < after - 2 * SECOND:
            return settled[index]
    return None


def _counts(asker: Asker, seen: Seen) -> None:
    asks = []
    for each in _lists(seen):
        ways: dict[str, Mapping[str, str]] = {"none": {}}
        if each.inactive_too == ANY:
            ways |= {word: {"active": word} for word in ("True", "False", "Any")}
        elif each.inactive_too:
            ways |= {"Any": each.inactive_too}
        else:
            ways |= {
                "True": {"activeOnly": "true"},
                "Any": {"activeOnly": "false"},
            }
        asks += [
            partial(_get, asker, seen, f"count:{each.path}:{way}", each.path, **_COUNTED, **params)
            for way, params in ways.items()
        ]
    asker.together(asks)


def _bounds(asker: Asker, seen: Seen) -> None:
    asks = []
    for each in _sorted_lists(seen):
        if each.path not in BOUNDED:
            continue
        rows = seen.settled(seen.all_rows(each.path))
        times = sorted(time for time in map(modified, rows) if time is not None)
        if not times:
            continue
        middle = written(times[len(times) // 2])
        seen.cache[f"middle:{each.path}"] = ticks(middle)
        counted = {**_COUNTED, **_any(seen, each)}
        some = {**counted, "pageSize": 200, "sort": "+ModifiedOn"}
        name = f"bound:{each.path}"
        asks += [
            partial(_get, asker, seen, f"{name}:all", each.path, **counted),
            partial(_get, asker, seen, f"{name}:before", each.path, modifiedBefore=middle, **some),
            partial(_get, asker, seen, f"{name}:from", each.path, modifiedOnOrAfter=middle, **some),
            partial(
                _get, asker, seen, f"{name}:again", each.path, modifiedBefore=middle, **counted
            ),
        ]
        if each.path == ASSIGNMENTS:
            by_id = {**some, "sort": "+Id"}
            asks.append(
                partial(
                    _get, asker, seen, f"{name}:by_id", each.path, modifiedOnOrAfter=middle, **by_id
                )
            )
        row = telling_row(seen, rows)
        if row is None:
            continue
        time = modified(row) or 0
        own, later = str(row["modifiedOn"]), written(time + 10)
        seen.cache[f"row:{each.path}"] = row
        for which, params in (
            ("own", {"modifiedOnOrAfter": own}),
            ("later", {"modifiedOnOrAfter": later}),
            ("earlier", {"modifiedOnOrAfter": written(time - 10)}),
            ("second", {"modifiedOnOrAfter": written(time // SECOND * SECOND)}),
            ("own_before", {"modifiedBefore": own, "sort": "-ModifiedOn"}),
        ):
            asks.append(
                partial(_get, asker, seen, f"{name}:{which}", each.path, **{**some, **params})
            )
    asker.together(asks)


def _orders(asker: Asker, seen: Seen) -> None:
    lists = [each for each in _sorted_lists(seen) if each.path in BOUNDED]
    asker.together(_asks_in_order(asker, seen, lists))


def _orders_of_others(asker: Asker, seen: Seen) -> None:
    lists = [each for each in _sorted_lists(seen) if each.path not in BOUNDED]
    asks = _asks_in_order(asker, seen, lists)
    asker.together(asks[: max(0, asker.calls_left - LEFT_FOR_TOKENS)])


def _asks_in_order(asker: Asker, seen: Seen, lists: list[Asked]) -> list[Callable[[], Reply]]:
    """Return the questions for lists in the orders that no run asks for."""
    return [
        partial(
            _get,
            asker,
            seen,
            f"order:{each.path}:{sort}",
            each.path,
            page=1,
            pageSize=min(seen.page_size, LOOK_ROWS),
            sort=sort,
            **_any(seen, each),
        )
        for each in lists
        if len(seen.rows(f"list:{each.path}:id")) >= FEWEST_IN_ORDER
        for sort in ("-Id", "+CreatedOn", "-CreatedOn")
    ]


def _look(asker: Asker, seen: Seen) -> None:
    """Look at the newest assignments: which changed since the last look?"""
    each = seen.lists.get(ASSIGNMENTS)
    if each is None or not seen.reply(f"list:{ASSIGNMENTS}:id"):
        return
    name = f"look:{len(seen.looks)}"
    seen.looks.append(name)
    params = {"page": 1, "pageSize": min(seen.page_size, LOOK_ROWS), "sort": "-ModifiedOn"}
    _get(asker, seen, name, each.path, **params, **_any(seen, each))


def _looks_at_once(asker: Asker, seen: Seen) -> None:
    asker.together([partial(_look, asker, seen) for _ in range(LOOKS)])


def _parameters(asker: Asker, seen: Seen) -> None:
    asks = []
    lists = _sorted_lists(seen)
    for each in lists[-1:]:
        asks.append(
            partial(
                _get,
                asker,
                seen,
                "parameter:unknown",
                each.path,
                **_COUNTED,
                **_any(seen, each),
                noSuchParameter="1",
            )
        )
        asks.append(
            partial(_get, asker, seen, "parameter:bad_sort", each.path, **_COUNTED, sort="+NoSuch")
        )
    if largest := max(lists, key=lambda each: seen.total(each.path) or 0, default=None):
        path, active = largest.path, _any(seen, largest)
        total = seen.total(path) or 0
        for name, size, page in (
            ("too_large", LARGEST + 1, 1),
            ("page_of_7", 7, 1),
            ("page_of_49", 49, 2),
            ("whole", total, 1),
            ("beyond", 50, 100_000),
        ):
            if 1 <= size <= seen.page_size or name == "too_large":
                params = {"page": page, "pageSize": size, "sort": "+Id", **active}
                asks.append(partial(_get, asker, seen, f"parameter:{name}", path, **params))
        seen.cache["paged"] = path
    if windows := seen.rows(f"list:{WINDOWS}:id"):
        half = (len(windows) + 1) // 2
        asks += [
            partial(
                _get,
                asker,
                seen,
                f"windows:{page}",
                WINDOWS,
                page=page,
                pageSize=half,
                active="Any",
            )
            for page in (1, 2)
        ]
    asker.together(asks)


def _capacity(asker: Asker, seen: Seen) -> None:
    if "capacities" not in seen.schemas:
        return
    import pendulum  # noqa: PLC0415 - takes long, and this stream is rarely asked for

    now = seen.now or max((ticks_of(reply.date) for reply in seen.all if reply.date), default=0)
    local = pendulum.from_timestamp(now // SECOND, tz=seen.timezone)
    midnight = local.start_of("day").in_timezone("UTC")

    def ask(name: str, start: datetime, end: datetime, **more: Any) -> None:
        body = {
            "startsOnOrAfter": start.isoformat().replace("+00:00", "Z"),
            "endsOnOrBefore": end.isoformat().replace("+00:00", "Z"),
            "skillBasedAvailability": False,
            **more,
        }
        seen.replies[f"capacity:{name}"] = asker.post("capacity", body)

    days = timedelta(days=1)
    asks: list[Callable[[], None]] = [
        partial(ask, "fortnight", midnight, midnight + 14 * days),
        partial(ask, "too_long", midnight, midnight + 14 * days + timedelta(hours=1)),
        partial(ask, "week", midnight, midnight + 7 * days),
        partial(ask, "next_week", midnight + 7 * days, midnight + 14 * days),
        partial(ask, "yesterday", midnight - days, midnight),
        partial(ask, "skills", midnight, midnight + days, skillBasedAvailability=True),
    ]
    if units := sorted(_units(seen)):
        named = partial(ask, "units", midnight, midnight + 14 * days, businessUnitIds=units)
        asks.append(named)
    asker.together(asks)


def _units(seen: Seen) -> set[int]:
    """Return the business units that rows name."""
    rows = [*seen.all_rows(WINDOWS), *seen.all_rows("zones")] if seen.lists else []
    named = [row.get(name) for row in rows for name in ("businessUnitIds", "businessUnits")]
    return {
        unit for units in named if isinstance(units, list) for unit in units if type(unit) is int
    }


def _tracking(asker: Asker, seen: Seen) -> None:
    if "technician_tracking" not in seen.schemas:
        return
    latest: dict[tuple[Any, Any], Row] = {}
    for row in sorted(seen.all_rows(ASSIGNMENTS), key=lambda row: modified(row) or 0):
        latest[row.get("technicianId"), row.get("appointmentId")] = row
    for status, most in (("Dispatched", 2), ("Working", 1), ("Scheduled", 1), ("Done", 1)):
        pairs = [
            pair
            for pair, row in latest.items()
            if row.get("status") == status and row.get("active") and set(map(type, pair)) == {int}
        ]
        for number, (technician, appointment) in enumerate(pairs[-most:]):
            _get(
                asker,
                seen,
                f"tracking:{status}:{number}",
                "technician-tracking",
                technicianId=technician,
                appointmentId=appointment,
            )
    _get(asker, seen, "tracking:nobody", "technician-tracking", technicianId=0, appointmentId=0)


def _feed_again(asker: Asker, seen: Seen) -> None:
    if end := seen.cache.get("end"):
        _get(asker, seen, "feed:end:2", FEED, from_=end, **ANY)


def _since_before(asker: Asker, seen: Seen) -> None:
    """Ask for what has come since an earlier survey, and for the assignments that it saw."""
    before = seen.before
    if before is None:
        return
    # First the list, then the feed, and last its recent changes: what was gone is in one of them
    if each := seen.lists.get(ASSIGNMENTS):
        _ask_for_those_before(asker, seen, each, before.rows.get(ASSIGNMENTS, {}))
    token: Any = before.token
    for number in range(MOST_PAGES_SINCE):
        if not token or not isinstance(token, str):
            break
        page = _get(asker, seen, f"before:feed:{number}", FEED, from_=token, **ANY)
        if more_in(page) is not True:
            break
        token = token_in(page)


def _ask_for_those_before(asker: Asker, seen: Seen, each: Asked, known: Mapping[str, bool]) -> None:
    now = {str(row.get("id")) for row in seen.all_rows(ASSIGNMENTS)}
    here, away = ([id_ for id_ in known if (id_ in now) is there] for there in (True, False))
    if here and away:  # the last one shows whether it heeds `ids`
        ids = ",".join([*sorted(away, key=_number)[1 - MOST_IDS :], here[0]])
        params = {"page": 1, "pageSize": MOST_IDS, "ids": ids, **_any(seen, each)}
        _get(asker, seen, "before:ids", ASSIGNMENTS, **params)


def _number(id_: str) -> int:
    return int(id_) if id_.isdecimal() else -1


def _tokens(asker: Asker, seen: Seen) -> None:
    first = seen.replies.get("access:token")
    path = next(
        (each.path for each in seen.lists.values() if seen.reply(f"list:{each.path}:id")), ""
    )
    if not path or first is None or not isinstance(first.body, dict):
        return
    old, new = _token_of(first), ""
    second = seen.replies["access:second_token"] = asker.new_token()
    if second.is_good and isinstance(second.body, dict):
        new = _token_of(second)
    seen.replies["access:no_bearer"] = asker.get_as(new or old, path, prefix="")
    if new:
        seen.replies["access:by_new"] = asker.get_as(new, path)
    by_old = seen.replies["access:by_old"] = asker.get_as(old, path)
    if new and by_old.status in {401, 403}:  # it may have expired: the same again with fresh ones
        third = asker.new_token()
        if third.is_good and isinstance(third.body, dict):
            seen.replies["access:by_old_again"] = asker.get_as(new, path)
            new = _token_of(third)
    if new:
        seen.replies["access:tenant_0"] = asker.get_as(new, path, tenant=0)
        if seen.cache.get("wrong_key"):
            seen.replies["access:wrong_key"] = asker.get_as(new, path, app_key="ak1.0")
        seen.cache["shared_path"] = path
        for number, tenant in enumerate(seen.cache.get("others", ())):
            _at_another(asker, seen, new, path, number, tenant)


def _at_another(asker: Asker, seen: Seen, token: str, path: str, number: int, tenant: int) -> None:
    """Use a token at another tenant; if it is refused, again, and then at its own."""
    reply = asker.get_as(token, path, tenant=tenant, params=seen.sent[f"list:{path}:id"])
    seen.replies[f"access:group:{number}"] = reply
    if reply.status == HTTPStatus.UNAUTHORIZED:
        seen.replies[f"access:group_again:{number}"] = asker.get_as(token, path, tenant=tenant)
        seen.replies[f"access:group_own:{number}"] = asker.get_as(token, path)


def _token_of(reply: Reply) -> str:
    return str(reply.body.get("access_token"))


STAGES = (
    Stage("access", _access),
    Stage("a page of each list", _by_id),
    Stage("orders by time", _by_time),
    Stage("since the survey before", _since_before),
    Stage("the feed", _feed),
    Stage("what counts", _counts),
    Stage("bounds of time", _bounds),
    Stage("looks at what changes", _look),
    Stage("other orders", _orders),
    Stage("answers that take turns", _looks_at_once),
    Stage("parameters", _parameters),
    Stage("capacity", _capacity),
    Stage("tracking", _tracking),
    Stage("orders of the other lists", _orders_of_others),
    Stage("the end of the feed", _feed_again),
    Stage("tokens", _tokens),
)

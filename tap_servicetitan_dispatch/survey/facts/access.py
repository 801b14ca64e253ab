"""Hosts, tokens, limits and errors."""

from __future__ import annotations

import re
from collections import Counter, deque
from http import HTTPStatus
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.client.backoff import LONGEST_WAIT_SECONDS
from tap_servicetitan_dispatch.survey.seen import status_word, ticks_of
from tap_servicetitan_dispatch.survey.verdicts import (
    ENOUGH,
    Verdict,
    count,
    counted,
    differs,
    either,
    fact,
    holds,
    of_enough,
    of_rows,
    seconds,
    unknown,
)

if TYPE_CHECKING:
    from tap_servicetitan_dispatch.survey.asking import Reply
    from tap_servicetitan_dispatch.survey.seen import Seen

_HOSTS = "hosts and tokens"
_LIMITS = "limits and errors"
_MOST_SKEW_SECONDS = 2
_FEW_ANSWERS = 20
_LIFETIME = 900
_SLOW_SECONDS = 0.25
_SMALL_BYTES = 100_000
"""A body of this size takes no time on any line."""
_IN_PIECES = "in pieces"
_PIECES_SECONDS = 0.5
"""Of a small body; a busy machine takes half of that now and then."""
_MOST_APART_SECONDS = 60


@fact(
    _HOSTS,
    "The hosts answer themselves, without a redirect and without cookies.",
    "documented",
    "in part",
    "A redirect ends the run. Cookies are not kept, so a server that relies on them may answer "
    "from another copy each time.",
    "Each answer is looked at.",
    switches=("cookies",),
)
def hosts_answer_themselves(seen: Seen) -> Verdict:
    redirected = sum(300 <= reply.status < 400 for reply in seen.all)  # noqa: PLR2004 - 3xx
    cookies = sum("set-cookie" in reply.headers for reply in seen.all)
    if redirected:
        return differs(f"{counted(redirected, 'answer redirects', 'answers redirect')} elsewhere")
    verdict = either(
        not cookies, "no redirect, no cookie", "answers set a cookie", cookies=bool(cookies)
    )
    return of_enough(len(seen.all), verdict, _FEW_ANSWERS, of="answer")


@fact(
    _HOSTS,
    "A form with client ID, secret and grant type gets a printable `access_token`.",
    "documented",
    "no",
    "The run ends before its first call, with advice.",
    "The answers with tokens. Without one there is no survey: the log says why, and no sandbox is "
    "made like it.",
    questions=("access:token", "access:second_token"),
)
def token_by_form(seen: Seen) -> Verdict:
    names = ("access:token", "access:second_token")
    replies = [reply for name in names if (reply := seen.reply(name))]
    if not replies:
        return unknown(seen.why_not(*names))
    tokens = [reply.body.get("access_token") for reply in replies if isinstance(reply.body, dict)]
    lengths = [
        len(token) for token in tokens if isinstance(token, str) and _PRINTABLE.fullmatch(token)
    ]
    odd = len(replies) - len(lengths)
    if odd:
        return differs(f"{counted(odd, 'answer has', 'answers have')} no printable token")
    return holds(f"{counted(len(lengths), 'token', 'tokens')} of up to {max(lengths):,} characters")


_PRINTABLE = re.compile(r"[!-~]+")


@fact(
    _HOSTS,
    "A wrong secret gets a 400 with `invalid_client`.",
    "observed",
    "yes",
    "The advice names `auth_url`, too.",
    "Never asked, as wrong secrets could lock the application out. Whoever mistypes one sees the "
    "answer: `--check` prints it.",
    questions=("access:wrong_secret",),
)
def bad_secret_is_invalid_client(seen: Seen) -> Verdict:
    del seen
    return unknown("a wrong secret is never sent")


@fact(
    _HOSTS,
    "The token endpoint says in seconds how long a token lives, and that is about 900.",
    "documented",
    "yes",
    "The tap takes 900 seconds where no number is given, and a token that ends early costs one "
    "more request.",
    "The answer with the token. The survey does not wait until it expires.",
    switches=("token_lifetime", "token_says"),
    questions=("access:token",),
)
def token_lives_as_it_says(seen: Seen) -> Verdict:
    reply = seen.reply("access:token")
    if reply is None:
        return unknown(seen.why_not("access:token"))
    lifetime = reply.body.get("expires_in")
    if type(lifetime) is int:
        said = {"token_says": "number", "token_lifetime": max(1, lifetime)}
        return either(lifetime == _LIFETIME, f"{lifetime} s", f"{lifetime} s", **said)
    if lifetime is None:
        return differs("no lifetime is given", token_says="nothing")  # noqa: S106 - no secret
    return differs("the lifetime is not a number", token_says="text")  # noqa: S106 - likewise


@fact(
    _HOSTS,
    "A new token leaves the one before it good.",
    "unknown",
    "in part",
    "Parallel runs with one pair of credentials end each other's tokens: each call may need a new "
    "one, and in the end one is refused.",
    "A second token is taken, then a call is made with each. If the first is refused, it may have "
    "come to its end: the second is tried beside a third.",
    switches=("new_token",),
    questions=("access:second_token", "access:by_new", "access:by_old"),
)
def new_token_leaves_old(seen: Seen) -> Verdict:
    new, old = seen.replies.get("access:by_new"), seen.replies.get("access:by_old")
    if new is None or old is None or not new.is_good:
        return unknown(seen.why_not("access:by_new", "access:second_token"))
    if old.status in _REFUSED:
        again = seen.replies.get("access:by_old_again")
        if again is None or again.status not in _REFUSED:
            return unknown("it was refused once, and not again")
        return differs(f"the older one gets {status_word(old)}", new_token="revokes")  # noqa: S106 - no secret
    if not old.is_good:
        return unknown(seen.why_not("access:by_old"))
    return holds("both are good", new_token="leaves")  # noqa: S106 - likewise


@fact(
    _HOSTS,
    "A client ID gets a few tokens a minute.",
    "documented",
    "in part",
    "Starting many runs at once fails for some of them.",
    "Only two tokens are requested; the limit is not tested.",
    switches=("tokens_per_minute",),
    questions=("access:second_token",),
)
def token_endpoint_bears_fleets(seen: Seen) -> Verdict:
    reply = seen.replies.get("access:second_token")
    if reply is None:
        return unknown(seen.why_not("access:second_token"))
    if reply.status == 429:  # noqa: PLR2004 - too many
        return differs("the second one within a minute was refused", tokens_per_minute=1)
    if not reply.is_good:
        return unknown(seen.why_not("access:second_token"))
    return unknown("the limit is not asked for", "two within a minute were given")


@fact(
    _HOSTS,
    "One token serves all tenants that share a pair of credentials.",
    "unknown",
    "yes",
    "A tenant whose token is refused gets one of its own: one more request each.",
    "In a group, the token of one tenant is tried at up to two others. If it is refused, it is "
    "tried again, and then at its own tenant, as it may have come to its end.",
    switches=("token_serves",),
    questions=("access:group",),
)
def token_serves_group(seen: Seen) -> Verdict:
    first = seen.named("access:group:")
    if not first:
        return unknown("no other tenant has the same credentials")
    again, own = seen.named("access:group_again:"), seen.named("access:group_own:")
    last = first | again
    good = sum(reply.is_good for reply in last.values())
    refused = sum(
        reply.status == HTTPStatus.UNAUTHORIZED and number in own and own[number].is_good
        for number, reply in again.items()
    )
    if refused:
        return differs(f"refused at {refused} of {len(first)}", token_serves="tenant")  # noqa: S106 - no secret
    if good:
        return holds(
            f"good at {counted(good, 'other tenant', 'other tenants')}",
            token_serves="group",  # noqa: S106 - likewise
        )
    if any(reply.status == HTTPStatus.UNAUTHORIZED for reply in last.values()):
        return unknown("it was refused, and then by its own tenant too")
    return unknown(seen.why_not(*(f"access:group:{number}" for number in first)))


@fact(
    _HOSTS,
    "A token is accepted without `Bearer` in front of it.",
    "observed",
    "yes",
    "Nothing changes: the tap always sends it.",
    "One call without it, and then one with it, as the token may have come to its end.",
    switches=("bearer",),
    questions=("access:no_bearer",),
)
def bearer_is_optional(seen: Seen) -> Verdict:
    reply = seen.replies.get("access:no_bearer")
    if reply is None or not reply.is_told:
        return unknown(seen.why_not("access:no_bearer"))
    if reply.is_good:
        return holds("a call without it is answered", bearer="optional")
    proof = seen.replies.get("access:by_new") or seen.replies.get("access:by_old")
    if reply.status not in _REFUSED or proof is None or not proof.is_good:
        return unknown(f"{status_word(reply)}, and no call with it was good then")
    return differs(f"a call without it gets {status_word(reply)}", bearer="required")


@fact(
    _HOSTS,
    "A call that lacks a scope gets a 403 that mentions `Scope validation failed`.",
    "observed",
    "in part",
    "The advice is to approve the application, not which scope to grant. `skip_forbidden_streams` "
    "skips either.",
    "Only where a stream is refused. See `--check` for what to grant.",
    switches=("missing_scopes", "scope_text"),
)
def missing_scope_says_so(seen: Seen) -> Verdict:
    refused = _forbidden(seen)
    if not refused:
        return unknown("no stream is refused", missing_scopes=[])
    scopes = missing_scopes(seen)
    kinds = Counter(reply.failure for reply in refused.values())
    if kinds["forbidden"]:
        return differs("a refusal has another text", missing_scopes=scopes, scope_text="other")
    return holds(
        f"{counted(len(scopes), 'scope is', 'scopes are')} missing, and the text says so",
        missing_scopes=scopes,
        scope_text="seen",
    )


_FORBIDDEN = {"missing_scope", "forbidden"}
_REFUSED = {401, 403}


def _forbidden(seen: Seen) -> dict[str, Reply]:
    """Return the replies that lack a scope, by the name of the question."""
    return {
        name: reply
        for name, reply in seen.replies.items()
        if reply.failure in _FORBIDDEN and not name.startswith("access:")
    }


def missing_scopes(seen: Seen) -> list[str]:
    """Return the scopes of the streams that are refused."""
    scopes = seen.cache["scopes"]
    return sorted({scopes[kind] for name in _forbidden(seen) if (kind := _kind_of(name)) in scopes})


def _kind_of(name: str) -> str:
    """Return the subject of a question: a list, or another kind."""
    kind, _, rest = name.partition(":")
    return rest.partition(":")[0] if kind in {"list", "single"} else kind


@fact(
    _HOSTS,
    "A wrong app key does not get a plain 403.",
    "unknown",
    "in part",
    "With a 403, the advice names the app key among other causes; `skip_forbidden_streams` does "
    "not apply if all streams are refused this way.",
    "One call with a made-up key, only with `--survey-also wrong-key`.",
    switches=("bad_app_key_status",),
    questions=("access:wrong_key",),
)
def bad_app_key_is_told(seen: Seen) -> Verdict:
    reply = seen.replies.get("access:wrong_key")
    if reply is None:
        return unknown("it is asked with --survey-also wrong-key only")
    if reply.status not in {401, 403, 404}:
        return unknown(f"an answer that says nothing of it ({status_word(reply)})")
    is_plain = reply.status == 403  # noqa: PLR2004 - forbidden
    return either(
        not is_plain,
        status_word(reply),
        status_word(reply),
        bad_app_key_status=reply.status,
    )


@fact(
    _HOSTS,
    "A tenant that the application does not know gets a 404 with `Unable to match incoming "
    "request`.",
    "observed",
    "in part",
    "The advice is wrong, and in a group one wrong number may end the run of all.",
    "One call for tenant 0, which nobody has.",
    questions=("access:tenant_0",),
)
def unknown_tenant_is_unmatched(seen: Seen) -> Verdict:
    reply = seen.replies.get("access:tenant_0")
    if reply is None or not reply.is_told:
        return unknown(seen.why_not("access:tenant_0"))
    if reply.failure == "unmatched":
        return holds("a 404 with that text")
    if reply.status == 401:  # noqa: PLR2004 - unauthorized
        return unknown("the token was refused")
    return differs(f"{status_word(reply)}, another text")


@fact(
    _HOSTS,
    "Each answer has a `Date`.",
    "inferred",
    "in part",
    "Lists get no bookmark and are read in full each time; `capacities` and "
    "`technician_tracking` fail. Nothing is lost.",
    "Each answer is looked at.",
    switches=("date",),
)
def date_comes_with_each_answer(seen: Seen) -> Verdict:
    answers = [reply for reply in seen.all if reply.status]
    without = sum(reply.date is None for reply in answers)
    if without:
        return differs(
            f"{count(without)} of {count(len(answers))} answers have none", date="absent"
        )
    return of_enough(len(answers), holds("on each answer"), _FEW_ANSWERS, of="answer")


@fact(
    _HOSTS,
    "`Date` is the API's clock: it moves on, is not cached, and that of the token endpoint shows "
    "the same.",
    "inferred",
    "in part",
    "Bookmarks go by the API's own clock alone. If it is ahead, rows dated in the future can be "
    "skipped.",
    "How far `Date`, minus the time that has passed here, varies between answers.",
    switches=("date",),
)
def date_is_the_api_clock(seen: Seen) -> Verdict:
    dated = [reply for reply in seen.all if reply.date]
    offsets = {
        of_token: [_offset(reply) for reply in dated if reply.of_token is of_token]
        for of_token in (True, False)
    }
    if len(offsets[False]) < _FEW_ANSWERS:
        return unknown("too few answers have a Date")
    if any("age" in reply.headers for reply in dated):
        return differs("answers come out of a cache", date="cached")
    spread = max(offsets[False]) - min(offsets[False])
    if spread > _MOST_SKEW_SECONDS:
        return differs(f"it strays by {seconds(spread)}")
    apart = abs(median(offsets[True]) - median(offsets[False])) if offsets[True] else 0
    if apart > _MOST_SKEW_SECONDS:
        return differs(f"the token endpoint's is {seconds(apart)} off", date="apart")
    return holds(f"within {_MOST_SKEW_SECONDS} s", date="each")


@fact(
    _HOSTS,
    "The API's clock and this machine's agree within a minute.",
    "inferred",
    "yes",
    "Bookmarks, full reads and forecasts go by the API's clock, waits by the length of time.",
    "`Date` beside this machine's clock, which may be the one that is wrong.",
)
def clocks_agree(seen: Seen) -> Verdict:
    offsets = [_offset(reply) for reply in seen.all if reply.date and not reply.of_token]
    if len(offsets) < _FEW_ANSWERS:
        return unknown("too few answers have a Date")
    ahead = median(offsets) - seen.wall
    if abs(ahead) <= _MOST_APART_SECONDS:
        return holds("they do")
    which = "ahead of" if ahead > 0 else "behind"
    return differs(
        f"the API's is {seconds(abs(ahead))} {which} this machine's",
        fault_clock_skew=round(ahead),
    )


def _offset(reply: Reply) -> float:
    return (ticks_of(reply.date) / 10_000_000 if reply.date else 0) - reply.at


@fact(
    _LIMITS,
    "60 calls a second are answered.",
    "documented",
    "yes",
    "A refused call waits as long as the API asks for.",
    "The limit is not provoked: at most 8 calls a second. Headers about it are listed.",
    switches=("limit_headers",),
)
def sixty_a_second(seen: Seen) -> Verdict:
    refused = sum(reply.status == 429 for reply in seen.all if not reply.of_token)  # noqa: PLR2004 - too many
    names = {name for reply in seen.all for name in reply.headers if "ratelimit" in name}
    told = "answers have headers about it" if names else "no header mentions it"
    if refused:
        return differs(
            f"{counted(refused, 'call was', 'calls were')} refused at 8 a second",
            limit_headers=bool(names),
            fault_requests_per_second=_most_answered_a_second(seen),
        )
    return unknown("the limit is not provoked", told, limit_headers=bool(names))


@fact(
    _LIMITS,
    "Several calls at once are answered as soon as one alone.",
    "inferred",
    "yes",
    "Runs take longer, and refused calls wait. `max_concurrent_requests` asks for fewer at once.",
    "The newest assignments, first alone and then five times, 4 at a time at most. More are not "
    "tried. It shows only if answers take longer than the pauses between calls, as those of "
    "a sandbox do with `--fault-latency`.",
    questions=("look:",),
)
def several_at_once(seen: Seen) -> Verdict:
    alone = seen.reply("look:0")
    looks = [reply for name, reply in seen.named("look:").items() if name != "0"]
    refused = sum(reply.status == 429 for reply in looks)  # noqa: PLR2004 - too many
    good = sorted((each for each in looks if each.is_good), key=lambda each: each.at)
    if alone and refused:
        return differs(f"{refused} of {len(looks)} calls at once were refused")
    if alone is None or len(good) < _AT_ONCE:
        return unknown(seen.why_not("look:0", "look:1"))
    under_way = _most_under_way(good)
    if under_way < _AT_ONCE:
        return unknown("too few calls were under way at the same time")
    usual = max(alone.seconds, min(each.seconds for each in good))
    pauses = [later.at - sooner.at for sooner, later in pairwise(good)]
    return either(
        min(pauses) < _NEARLY * usual,
        f"{under_way} at a time were answered together",
        f"{under_way} at a time were answered one after the other",
    )


_AT_ONCE = 3
"""So many calls must be under way to tell whether they wait for each other."""
_NEARLY = 0.7
"""If each answer comes so much of its usual time after the one before, they wait."""


def _most_under_way(replies: list[Reply]) -> int:
    """Return how many calls were under way at the same time."""
    began = [reply.at - reply.seconds for reply in replies]
    return max(sum(each.at - each.seconds <= at < each.at for each in replies) for at in began)


@fact(
    _LIMITS,
    "A call beyond the limit gets a 429 that says how long to wait, ten minutes at most.",
    "observed",
    "yes",
    "Without that the tap waits for longer each time. It does not wait for more than ten minutes: "
    "the stream ends, with advice.",
    "Only refusals that happen by chance: none is provoked.",
)
def a_429_says_how_long(seen: Seen) -> Verdict:
    refused = [reply for reply in seen.all if reply.status == 429]  # noqa: PLR2004 - too many
    if not refused:
        return unknown("no call was refused")
    waits = [reply.wait for reply in refused if reply.wait is not None]
    ways = sorted({_way_of(reply) for reply in refused})
    if len(waits) < len(refused):
        return differs(f"{len(refused) - len(waits)} of {len(refused)} do not say")
    longest = max(waits)
    return either(
        longest <= LONGEST_WAIT_SECONDS,
        text := f"{seconds(longest)} at most, by {', '.join(_WAYS[way] for way in ways)}",
        text,
        fault_wait=round(longest),
        fault_retry_after=ways,
    )


_WAYS = {"date": "a date", "missing": "its text", "seconds": "a number"}
"""How a 429 says how long to wait, by the names that the sandbox has for it."""


def _way_of(reply: Reply) -> str:
    header = reply.headers.get("retry-after", "")
    return "missing" if not header else "seconds" if header.strip().isdecimal() else "date"


def _most_answered_a_second(seen: Seen) -> int:
    """Return the most calls that the API answered within any second, without the refused ones."""
    recent: deque[float] = deque()
    most = 1
    for reply in sorted(seen.all, key=lambda reply: reply.at):
        if reply.of_token or reply.status == 429:  # noqa: PLR2004 - too many
            continue
        recent.append(reply.at)
        while recent[0] <= reply.at - 1:
            recent.popleft()
        most = max(most, len(recent))
    return most


@fact(
    _LIMITS,
    "Server errors pass, as do 408, 425, 429 and the 409 of maintenance.",
    "observed",
    "yes",
    "Passing failures are tried again; others end with advice.",
    "Only failures that happen by chance are counted.",
)
def failures_pass(seen: Seen) -> Verdict:
    failed = Counter(reply.failure for reply in seen.all)
    failed.subtract(reply.failure for reply in seen.named("access:").values())
    in_pieces = [reply.body_seconds for reply in seen.all if _came_in_pieces(reply)]
    failed[_IN_PIECES] = len(in_pieces)
    seen_kinds = [kind for kind in _IN_PASSING if failed[kind] > 0]
    if not seen_kinds:
        return unknown("nothing failed")
    told = [f"{_IN_PASSING[kind]}: {failed[kind]}" for kind in seen_kinds]
    again = sum(reply.tries > 1 and reply.is_good for reply in seen.replies.values())
    told.append(f"good when asked again: {again}")
    share_of_failed = sum(failed[kind] for kind in seen_kinds) / len(seen.all)
    alike = [_FAULTS[kind] for kind in seen_kinds if kind in _FAULTS]
    faults: dict[str, Any] = (
        {"fault_kinds": alike, "fault_rate": round(share_of_failed, 3)} if alike else {}
    )
    statuses = sorted({reply.status for reply in seen.all} & _KNOWN_ERRORS)
    if statuses and "server_error" in alike:
        faults["fault_statuses"] = statuses
        forms = {reply.form for reply in seen.all if reply.status in statuses}
        told.append(f"bodies: {', '.join(_FORMS[form] for form in sorted(forms))}")
        if known := sorted(forms - {"other"}):
            faults["fault_bodies"] = known
    if in_pieces:
        faults["fault_drip_seconds"] = round(max(in_pieces), 1)
    return unknown("the survey does not insist", ", ".join(told), **faults)


def _came_in_pieces(reply: Reply) -> bool:
    return reply.body_seconds >= _PIECES_SECONDS and reply.size < _SMALL_BYTES


_FORMS = {"json": "JSON", "html": "HTML", "empty": "none", "other": "other"}
"""Words for the form of an error's body, by the names that the sandbox has for it."""
_KNOWN_ERRORS = {500, 502, 503, 504}
"""Those that the sandbox can give."""
_IN_PASSING = {
    "server_error": "server errors",
    "maintenance": "answers that tell of maintenance",
    "not_now": "requests to come again",
    "not_json": "answers that are not JSON",
    "unauthorized": "tokens refused before their time",
    "connection_lost": "broken connections",
    "no_connection": "failed connections",
    "timed_out": "answers that did not come in time",
    _IN_PIECES: "answers that came in pieces",
}
"""Passing failures, by the key of `failures.FAILURES`."""
_FAULTS = {
    "server_error": "server_error",
    "maintenance": "maintenance",
    "not_json": "not_json",
    "unauthorized": "revoked",
    "connection_lost": "reset",
    _IN_PIECES: "drip",
}
"""Faults of a sandbox that cause the same failures, by the same keys."""


@fact(
    _LIMITS,
    "The body of an error is an object with any of `title`, `errors` and `traceId`, or a bare "
    "text.",
    "observed",
    "yes",
    "The message says less.",
    "Bodies of the refusals that the survey provokes.",
    questions=("parameter:bad_sort", "feed:rejected:", "tracking:nobody"),
)
def error_bodies(seen: Seen) -> Verdict:
    bodies = [
        reply.body
        for name in ("parameter:bad_sort", "feed:rejected:made_up", "tracking:nobody")
        if (reply := seen.replies.get(name)) and reply.status in range(400, 500)
    ]
    if not bodies:
        return unknown("nothing was refused")
    known = sum(isinstance(body, str | dict) for body in bodies)
    return either(known == len(bodies), "as documented", "a body of another kind")


@fact(
    _LIMITS,
    "An unknown parameter is ignored.",
    "observed",
    "yes",
    "The tap sends documented parameters only.",
    "One count with a parameter that does not exist. One public client reads a 404 as a sign that "
    "an endpoint does not know one.",
    switches=("unknown_parameters",),
    questions=("parameter:unknown", "count:"),
)
def unknown_parameters_ignored(seen: Seen) -> Verdict:
    reply = seen.replies.get("parameter:unknown")
    if reply is None or not reply.is_told:
        return unknown(seen.why_not("parameter:unknown"))
    if reply.status in {400, 404}:
        return differs(status_word(reply), unknown_parameters=reply.status)
    return either(
        reply.is_good,
        "it is answered as without",
        status_word(reply),
        **({"unknown_parameters": "ignored"} if reply.is_good else {}),
    )


@fact(
    _LIMITS,
    "Answers take some seconds at most, and a server gives up after 100.",
    "documented",
    "yes",
    "A call that takes longer than `request_timeout_seconds` is tried again, then fails.",
    "Each call is timed; the limit is not provoked.",
)
def answers_within_100_s(seen: Seen) -> Verdict:
    times = [reply.seconds for reply in seen.all] or [0.0]
    late = round(2 * median(times), 1) if median(times) >= _SLOW_SECONDS else 0.0
    text = f"{_late(times)}; {_late_by_endpoint(seen)}"
    limit = 100
    verdict = either(max(times) < limit, text, text, **({"fault_latency": late} if late else {}))
    return of_enough(len(seen.all), verdict, 1, of="answer")


def _late(times: list[float]) -> str:
    return f"median {median(times):.1f} s, longest {max(times):.1f} s"


def _late_by_endpoint(seen: Seen) -> str:
    """Return how late each endpoint answers, the slowest first."""
    times: dict[str, list[float]] = {}
    for reply in seen.all:
        times.setdefault(reply.endpoint or "token", []).append(reply.seconds)
    slowest_first = sorted(times, key=lambda name: -median(times[name]))
    return "; ".join(f"{name}: {_late(times[name])}" for name in slowest_first)


@fact(
    _LIMITS,
    "Answers may be compressed.",
    "inferred",
    "yes",
    "Nothing changes: the tap takes both.",
    "The header of each answer.",
    switches=("compression",),
)
def answers_are_compressed(seen: Seen) -> Verdict:
    packed = sum("content-encoding" in reply.headers for reply in seen.all)
    verdict = holds("they are" if packed else "they are not", compression=bool(packed))
    return of_enough(len(seen.all), verdict, 1, of="answer")


@fact(
    _LIMITS,
    "Texts are valid Unicode without U+0000, and numbers have 64 bits.",
    "inferred",
    "in part",
    "Half a character ends the stream with advice, as no target could take it. U+0000 goes "
    "through; PostgreSQL refuses it.",
    "All rows.",
    switches=("texts",),
)
def text_is_text(seen: Seen) -> Verdict:
    rows = halves = zeros = numbers = 0
    for _, row in seen.every_row():
        rows += 1
        halves += any(_has(value, _is_half) for value in row.values())
        zeros += any(_has(value, lambda text: "\0" in text) for value in row.values())
        numbers += any(type(value) is int and abs(value) >= 2**63 for value in row.values())
    if halves:
        return differs(
            f"{counted(halves, 'row has', 'rows have')} half a character", texts="half_characters"
        )
    if zeros:
        return differs(f"{counted(zeros, 'row has', 'rows have')} U+0000", texts="null_characters")
    return of_rows(
        numbers,
        rows,
        "rows have a number that is too large",
        least=ENOUGH,
        usual={"texts": "valid"},
    )


def _has(value: object, test: object) -> bool:
    if isinstance(value, list):
        return any(_has(each, test) for each in value)
    return isinstance(value, str) and bool(test(value))  # type: ignore[operator] # see the calls


def _is_half(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= each <= "\udfff" for each in text)

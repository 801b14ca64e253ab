"""Who waits before a request is sent again: one asks, and all others wait for the outcome."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.client.auth import TenantTokens, TokenSource
from tap_servicetitan_dispatch.client.backoff import Backoff, SharedWait
from tap_servicetitan_dispatch.client.client import Client
from tap_servicetitan_dispatch.client.failures import ApiError, Kind
from tap_servicetitan_dispatch.client.http import Http
from tap_servicetitan_dispatch.settings.tenants import Credentials
from tap_servicetitan_dispatch.tally import Tally
from tests.support.runs import Run, assert_fails
from tests.support.scripted_api import APP_KEY, TOKEN, Answer, Call, ScriptedApi, listed, routed
from tests.support.streams import LISTS, NOTHING, OFFERED, PATHS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.runs import Command

GOOD = Answer({"fine": True})
GOOD_TOKEN = Answer({"access_token": TOKEN, "expires_in": 900})
WAIT_50 = Answer({"title": "Rate limit is exceeded. Try again in 50 seconds."}, status=429)


class Beds:
    """Where threads sleep until they are woken; a clock that stands still while they do."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._changed = threading.Condition()
        self._ends: list[float] = []
        self._looked: set[threading.Thread] = set()

    def __call__(self) -> float:
        with self._changed:
            self._looked.add(threading.current_thread())
            self._changed.notify_all()
            return self._now

    def sleep(self, seconds: float) -> None:
        with self._changed:
            end = self._now + seconds
            self._ends.append(end)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._now >= end, 20)
            self._ends.remove(end)

    def pass_by(self, seconds: float) -> None:
        """Let time pass for one who sleeps alone."""
        self._now += seconds

    def wait_for(self, sleepers: int) -> None:
        """Wait until so many sleep."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._ends) == sleepers, 20)

    def wait_for_a_look(self, thread: threading.Thread) -> None:
        """Wait until a thread has looked at the clock."""
        with self._changed:
            assert self._changed.wait_for(lambda: thread in self._looked, 20)

    def wake(self) -> None:
        """Let the time pass that those who sleep have asked for."""
        with self._changed:
            self._now = max(self._ends)
            self._changed.notify_all()


@pytest.fixture
def beds() -> Beds:
    return Beds()


@pytest.fixture
def client(api: ScriptedApi, beds: Beds) -> Client:
    return client_of(api, beds)


def client_of(
    api: ScriptedApi,
    beds: Beds,
    fetch: Callable[[], Any] = lambda: GOOD_TOKEN.body,
    at_once: int = 10,
) -> Client:
    backoff = Backoff(3, beds.sleep)
    return Client(
        http=Http(timeout_seconds=20),
        tokens=TenantTokens(TokenSource(fetch, backoff, beds)),
        credentials=Credentials("cid.test", "", APP_KEY, "1234"),
        api_url=api.url,
        under_way=threading.Semaphore(at_once),
        max_requests_per_second=60,
        backoff=backoff,
        clock=beds,
    )


def started(*calls: Callable[[], Any]) -> list[threading.Thread]:
    threads = [threading.Thread(target=call, daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    return threads


def finish(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


# A rate limit


def test_a_wait_that_the_api_asks_of_one_call_is_kept_by_all(
    api: ScriptedApi, client: Client, beds: Beds
) -> None:
    answers = [WAIT_50, GOOD]
    api.reply = lambda _: answers.pop(0) if answers else GOOD
    threads = started(lambda: client.get("zones", {}))
    beds.wait_for(1)
    threads += started(*[lambda: client.get("teams", {})] * 3)
    beds.wait_for(4)
    assert [call.path[-5:] for call in api.calls] == ["zones"]
    beds.wake()
    finish(threads)
    assert sorted(call.path[-5:] for call in api.calls) == ["teams"] * 3 + ["zones"] * 2


def test_who_waits_for_a_turn_meanwhile_waits_for_that_as_well(
    api: ScriptedApi, beds: Beds
) -> None:
    """The second call is past the first look when the first call is told to wait."""
    client = client_of(api, beds, at_once=1)
    arrived, go_on = threading.Event(), threading.Event()

    def reply(_: Call) -> Answer:
        if len(api.calls) > 1:
            return GOOD
        arrived.set()
        go_on.wait(20)
        return WAIT_50

    api.reply = reply
    threads = started(lambda: client.get("zones", {}))
    assert arrived.wait(20)
    threads += started(lambda: client.get("teams", {}))
    beds.wait_for_a_look(threads[-1])
    go_on.set()
    beds.wait_for(2)
    assert len(api.calls) == 1
    beds.wake()
    finish(threads)
    assert len(api.calls) == 3


def test_who_is_kept_waiting_counts_it(api: ScriptedApi, client: Client, beds: Beds) -> None:
    answers = [WAIT_50, GOOD]
    api.reply = lambda _: answers.pop(0) if answers else GOOD
    tallies = [Tally(), Tally()]
    threads = started(lambda: client.counting(tallies[0]).get("zones", {}))
    beds.wait_for(1)
    threads += started(lambda: client.counting(tallies[1]).get("teams", {}))
    beds.wait_for(2)
    beds.wake()
    finish(threads)
    assert [(each.requests, each.retries) for each in tallies] == [(2, 1), (1, 0)]
    assert [50 <= each.waited_seconds <= 52 for each in tallies] == [True, True]


def test_the_longest_of_several_waits_counts(beds: Beds) -> None:
    hold = SharedWait(beds.pass_by, beds)
    for seconds in (20, 50, 10):
        hold.extend(seconds)
    assert (hold.wait(), hold.seconds_left) == (50, 0)


def test_a_failure_that_names_no_time_keeps_nobody_else_waiting(
    api: ScriptedApi, client: Client, beds: Beds
) -> None:
    api.reply = lambda call: GOOD if call.path.endswith("teams") else Answer("", status=503)
    threads = started(lambda: client.get("zones", {}))
    beds.wait_for(1)
    assert client.get("teams", {}).body == {"fine": True}
    api.reply = lambda _: GOOD
    beds.wake()
    finish(threads)


def test_a_wait_that_is_too_long_to_be_begun_keeps_nobody_else_waiting(
    api: ScriptedApi, client: Client
) -> None:
    long = Answer("", status=503, headers={"Retry-After": "3600"})
    api.reply = lambda call: GOOD if call.path.endswith("teams") else long
    with pytest.raises(ApiError, match="server error"):
        client.get("zones", {})
    assert client.get("teams", {}).body == {"fine": True}


# The token endpoint


def ask_together(source: TokenSource, threads: int) -> tuple[list[str], list[ApiError]]:
    """Return what so many threads get that ask for a token at the same time."""
    tokens: list[str] = []
    errors: list[ApiError] = []

    def ask() -> None:
        try:
            tokens.append(source.current())
        except ApiError as error:
            errors.append(error)

    finish(started(*[ask] * threads))
    return tokens, errors


def endpoint(*answers: Any) -> tuple[list[Any], Callable[[], Any]]:
    """Return a token endpoint that fails or answers so, and what it has yet to do."""
    left = list(answers)

    def fetch() -> Any:
        answer = left.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return left, fetch


def failure(kind: str, **more: Any) -> ApiError:
    return ApiError(Kind(kind), request="POST /connect/token", **more)


def test_a_token_endpoint_that_fails_is_asked_by_one_thread_for_all() -> None:
    left, fetch = endpoint(*[failure("server_error")] * 3, {"access_token": "t"}, "too often")
    sleeps: list[float] = []
    source = TokenSource(fetch, Backoff(8, sleeps.append))
    assert ask_together(source, 8) == (["t"] * 8, [])
    assert (len(sleeps), left) == (3, ["too often"])


@pytest.mark.parametrize(
    ("failures", "retries", "kind"),
    [
        ([failure("invalid_client")], 8, "invalid_client"),
        ([failure("server_error")] * 3, 2, "server_error"),
        ([failure("rate_limited", wait_seconds=50)] * 3, 2, "rate_limited"),
    ],
)
def test_a_token_endpoint_that_gives_none_has_said_so_to_all(
    failures: list[ApiError], retries: int, kind: str
) -> None:
    left, fetch = endpoint(*failures, "too often")
    source = TokenSource(fetch, Backoff(retries, lambda _: None))
    tokens, errors = ask_together(source, 8)
    assert (tokens, left) == ([], ["too often"])
    assert [error.kind for error in errors] == [kind] * 8
    assert len({id(error) for error in errors}) == 8, "each is told with a stream of its own"


def test_a_signal_while_one_waits_for_a_token_keeps_the_others_from_asking() -> None:
    left, fetch = endpoint(failure("rate_limited", wait_seconds=50), "too often")

    def interrupted(_: float) -> None:
        raise SystemExit(143)

    source = TokenSource(fetch, Backoff(8, interrupted))
    for _ in range(2):
        with pytest.raises(SystemExit):
            source.current()
    assert left == ["too often"]


def test_a_token_that_took_long_to_get_is_good_from_then_on() -> None:
    beds = Beds()
    waits = [failure("rate_limited", wait_seconds=600)] * 2
    left, fetch = endpoint(*waits, {"access_token": "t", "expires_in": 900}, "too often")
    source = TokenSource(fetch, Backoff(8, beds.pass_by), beds)
    assert [source.current(), source.current(), left] == ["t", "t", ["too often"]]


def test_all_calls_count_the_wait_for_a_token(api: ScriptedApi, beds: Beds) -> None:
    _, fetch = endpoint(failure("rate_limited", wait_seconds=50), {"access_token": "t"})
    tallies = [Tally(), Tally()]
    client = client_of(api, beds, fetch)
    api.reply = lambda _: GOOD
    threads = started(lambda: client.counting(tallies[0]).get("zones", {}))
    beds.wait_for(1)
    threads += started(lambda: client.counting(tallies[1]).get("teams", {}))
    beds.wait_for_a_look(threads[1])
    beds.wake()
    finish(threads)
    assert [50 <= tally.waited_seconds <= 51 for tally in tallies] == [True, True]


# The whole command


EVERY_ROW = {
    **NOTHING,
    **{PATHS[name]: listed({"id": 1}) for name in (*LISTS, "arrival_windows")},
}


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize(
    ("answer", "calls"),
    [
        (Answer({"error": "invalid_client"}, status=400), 1),
        (Answer("", status=503), 4),
        (Answer({"title": "Try again in 0 seconds."}, status=429), 4),
    ],
    ids=["a wrong secret", "out of service", "too busy"],
)
def test_a_run_without_a_token_has_asked_as_often_as_one_call_would(
    api: ScriptedApi, tap: Command, answer: Answer, calls: int
) -> None:
    api.token_reply = lambda _: answer
    run = tap.run(api.config | {"max_retries": 3}, streams=None)
    assert_fails(run, f"{OFFERED[0]}: ")
    assert (len(api.token_calls), api.api_calls) == (calls, [])


@pytest.mark.usefixtures("no_waiting")
def test_a_token_endpoint_that_asks_to_wait_once_holds_up_all_streams_and_fails_none(
    api: ScriptedApi, tap: Command
) -> None:
    answers = [Answer({"title": "Try again in 0 seconds."}, status=429), GOOD_TOKEN]
    api.token_reply = lambda _: answers.pop(0)
    api.reply = routed(EVERY_ROW)
    run = tap.run(api.config, streams=None)
    assert (run.exit_code, answers) == (0, [])


@pytest.mark.parametrize(
    ("path", "calls"), [("token", 1), ("dispatch", len(OFFERED))], ids=["for a token", "of calls"]
)
def test_a_signal_ends_all_waits_at_once_and_nobody_calls_any_more(
    api: ScriptedApi, tap: Command, path: str, calls: int
) -> None:
    together = threading.Barrier(calls + 1)

    def reply(_: Call) -> Answer:
        together.wait(30)
        return WAIT_50

    if path == "token":
        api.token_reply = reply
    else:
        api.reply = reply
    with tap.start(api.config, streams=OFFERED) as process:
        together.wait(30)
        process.send_signal(signal.SIGTERM)
        output, log = process.communicate(timeout=300)
    assert Run(process.returncode, output, log).exit_code == 128 + signal.SIGTERM
    assert sum(path in call.path for call in api.calls) == calls

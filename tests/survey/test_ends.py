"""A survey ends with what it has, and never guesses."""

from __future__ import annotations

import io
import json
import re
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import tap_servicetitan_dispatch.survey
from tap_servicetitan_dispatch.client.failures import ApiError
from tap_servicetitan_dispatch.client.tenant_clients import TenantClients
from tap_servicetitan_dispatch.sandbox import Behaviour, Faults, Sandbox
from tap_servicetitan_dispatch.survey import asking, report
from tap_servicetitan_dispatch.survey.facts import FACTS
from tap_servicetitan_dispatch.survey.stages import STAGES
from tests.support.surveys import NOON, found, sandbox_of, surveyed
from tests.support.switches import BUSY

if TYPE_CHECKING:
    import requests
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tests.support.runs import Command

SCHEMA = json.loads(
    Path(tap_servicetitan_dispatch.survey.__file__).with_name("schema.json").read_text()
)
EMPTY = Behaviour(
    rows=frozenset(
        f"{name}=0"
        for name in (
            "appointment-assignments",
            "technician-shifts",
            "non-job-appointments",
            "teams",
            "zones",
            "technician-skills",
            "arrival-windows",
        )
    )
)


TAKE_ROWS = {fact.name for fact in FACTS if fact.about in {"rows", "what marts assume"}} | {
    "feed_has_all_that_is_listed",
    "from_takes_the_future",
    "empty_from_is_none",
    "token_may_be_used_again",
    "token_takes_other_settings",
    "sort_is_obeyed",
    "bounds_part_the_list",
    "tracked_are_on_the_way",
}
"""Facts that no empty tenant can confirm."""


def outcomes(survey: Any) -> dict[str, str]:
    return {name: outcome for name, (outcome, _, _) in found(survey).items()}


def refusing(app: ASGIApp, path: str) -> ASGIApp:
    """Return an application that does not know a path."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].endswith(path):
            await app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    return answer


def test_an_empty_tenant_tells_only_what_needs_no_row() -> None:
    survey = surveyed(sandbox_of(EMPTY, assignments=1))
    told = {name for name, outcome in outcomes(survey).items() if outcome == "as believed"}
    assert {"bearer_is_optional", "unknown_parameters_ignored", "hours_are_one_object"} <= told
    assert not told & TAKE_ROWS
    assert "otherwise" not in outcomes(survey).values()
    assert not survey.ended


@pytest.mark.no_cover
@pytest.mark.parametrize(("size", "outcome"), [(1, "could not tell"), (300, "as believed")])
def test_with_too_few_rows_it_does_not_guess(size: int, outcome: str) -> None:
    survey = surveyed(
        sandbox_of(assignments=size),
        only=["appointment_assignments"],
        stages=[STAGES[0].name, STAGES[1].name, STAGES[2].name],
    )
    assert outcomes(survey)["done_stays_active"] == outcome


@pytest.mark.no_cover
@pytest.mark.parametrize("stream", ["zones", "appointment_assignments", "business_hours"])
def test_a_single_stream_is_asked_alone(stream: str) -> None:
    paths: set[str] = set()

    def note(request: requests.PreparedRequest) -> None:
        paths.add(str(request.path_url).partition("?")[0].rpartition("/")[2])

    survey = surveyed(sandbox_of(assignments=1), only=[stream], before_each=note)
    expected = {"zones": {"zones"}, "business_hours": {"business-hours"}}
    assert paths - {"token"} == expected.get(stream, {"appointment-assignments"})
    assert survey.findings


def test_a_missing_scope_refers_to_the_check() -> None:
    behaviour = Behaviour(missing_scopes=frozenset({"tn.dis.appointmentassignments:r"}))
    survey = surveyed(sandbox_of(behaviour, assignments=1), only=["appointment_assignments"])
    outcome, why, _ = found(survey)["feed_has_all_that_is_listed"]
    assert (outcome, why) == ("could not tell", "a scope is missing: see --check")


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", [7, 9, 10])
def test_what_fails_in_passing_is_no_answer(seed: int) -> None:
    faults = Faults(
        rate=0.15, wait=0, drip_seconds=0, requests_per_second=None, kinds=KINDS[1:], seed=seed
    )
    survey = surveyed(sandbox_of(faults=faults))
    assert [name for name, outcome in outcomes(survey).items() if outcome == "otherwise"] == []
    assert found(survey)["failures_pass"][2]["fault_statuses"]
    jsonschema.validate(survey.as_json(), SCHEMA)


def test_an_older_token_that_is_refused_is_tried_again_before_it_counts() -> None:
    behaviour = Behaviour(new_token="revokes", tokens_per_minute=2)
    survey = surveyed(sandbox_of(behaviour, assignments=1), only=["zones"])
    assert found(survey)["new_token_leaves_old"][0] == "could not tell"
    asked = surveyed(sandbox_of(Behaviour(new_token="revokes"), assignments=1), only=["zones"])
    assert found(asked)["new_token_leaves_old"][0] == "otherwise"


@pytest.mark.parametrize(
    ("unauthorized", "outcome", "seen"),
    [
        ({1}, "as believed", "good at 1 other tenant"),  # in passing
        ({1, 2, 3}, "could not tell", "it was refused, and then by its own tenant too"),
        ({1, 2}, "otherwise", "refused at 1 of 1"),
    ],
)
def test_a_token_that_another_tenant_refuses_is_tried_again_before_it_counts(
    unauthorized: set[int], outcome: str, seen: str
) -> None:
    group = [1000000001, 1000000002]
    sandbox = sandbox_of(tenants=group, assignments=1)
    calls = [0]

    async def refusing_some(scope: Scope, receive: Receive, send: Send) -> None:
        calls[0] += calls[0] > 0 or f"/{group[1]}/" in scope["path"]
        if calls[0] not in unauthorized:
            await sandbox.app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    survey = surveyed(sandbox, only=["zones"], tenants=group, app=refusing_some)
    assert found(survey)["token_serves_group"][:2] == (outcome, seen)


def test_an_error_at_another_tenant_says_nothing_of_the_token() -> None:
    group = [1000000001, 1000000002]
    sandbox = sandbox_of(tenants=group, assignments=1)
    survey = surveyed(
        sandbox,
        only=["zones"],
        tenants=group,
        app=refusing(sandbox.app, f"/{group[1]}/zones"),
    )
    told = found(survey)["token_serves_group"]
    assert told[:2] == ("could not tell", "the call failed (status 404)")


@pytest.mark.no_cover
def test_nothing_is_otherwise_while_the_office_works() -> None:
    elapsed = [0.0]

    def a_second_later(_: object) -> None:
        elapsed[0] += 1

    survey = surveyed(
        sandbox_of(assignments=BUSY, clock=lambda: NOON + timedelta(seconds=elapsed[0])),
        before_each=a_second_later,
        clock=lambda: elapsed[0],
    )
    assert [name for name, outcome in outcomes(survey).items() if outcome == "otherwise"] == []
    assert found(survey)["counts_compare"][0] == "as believed"


@pytest.mark.parametrize(
    ("body", "ways", "seen"),
    [
        ("seconds", ["seconds"], "0 s at most, by a number"),
        ("date", ["date"], "0 s at most, by a date"),
        ("missing", ["missing"], "0 s at most, by its text"),
    ],
)
def test_how_long_a_refusal_asks_to_wait_is_named(body: Any, ways: list[str], seen: str) -> None:
    faults = Faults(rate=1, kinds=("rate_limited",), wait=0, on="zones", retry_after=(body,))
    survey = surveyed(sandbox_of(assignments=1, faults=faults), only=["zones"])
    outcome, text, switches = found(survey)["a_429_says_how_long"]
    assert (outcome, text) == ("as believed", seen)
    assert switches == {"fault_wait": 0, "fault_retry_after": ways}


def test_a_refusal_that_does_not_say_for_how_long_is_named() -> None:
    async def refusal(scope: Scope, _: Receive, send: Send) -> None:
        status = 200 if scope["path"].endswith("token") else 429
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b'{"access_token": "x"}'})

    survey = surveyed(sandbox_of(assignments=1), only=["zones"], app=refusal)
    assert found(survey)["a_429_says_how_long"][:2] == ("otherwise", "2 of 2 do not say")


def test_the_body_of_an_error_that_is_a_bare_text_is_told_but_no_switch() -> None:
    sandbox = sandbox_of(assignments=1)

    async def down(scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].endswith("/zones"):
            await sandbox.app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b"down"})

    survey = surveyed(sandbox, only=["zones"], app=down)
    _, text, switches = found(survey)["failures_pass"]
    assert "bodies: other" in text
    assert switches["fault_kinds"] == ["server_error"]
    assert "fault_bodies" not in switches


@pytest.mark.no_cover
def test_it_gets_through_where_one_request_in_seven_fails() -> None:
    faults = Faults(rate=0.15, wait=0, drip_seconds=0, requests_per_second=None, kinds=KINDS)
    survey = surveyed(sandbox_of(assignments=1, faults=faults))
    assert survey.calls > 60
    assert {"as believed", "could not tell"} <= set(outcomes(survey).values())


KINDS: Any = ("rate_limited", "server_error", "maintenance", "not_json", "revoked")
"""Faults that need no socket."""


def test_it_stops_where_the_api_says_that_its_limit_is_reached() -> None:
    faults = Faults(
        rate=1, kinds=("rate_limited",), wait=0, on="technician", requests_per_second=None
    )
    survey = surveyed(sandbox_of(assignments=1, faults=faults))
    assert survey.ended == "the API said that its limit of calls was reached"
    assert survey.calls < 30


def test_it_stops_when_its_time_is_over() -> None:
    now = [0.0]

    def late(_: object) -> None:
        now[0] += 30

    survey = surveyed(sandbox_of(assignments=1), before_each=late, clock=lambda: now[0])
    assert survey.ended == "three minutes were over"
    assert survey.calls <= asking.MOST_SECONDS / 30 + 1
    assert "could not tell" in outcomes(survey).values()


def test_it_does_not_wait_for_longer_than_it_may_take(
    tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, Any]] = []

    class Watched(TenantClients):
        def __init__(self, config: Any, **more: Any) -> None:
            given.append(config)
            super().__init__(config, **more)

    monkeypatch.setattr("tap_servicetitan_dispatch.run.run.TenantClients", Watched)
    faults = Faults(rate=1, kinds=("rate_limited",), on="zones", wait=200)
    with sandbox_of(assignments=1, faults=faults) as sandbox:
        settings = {"environment": "sandbox", "api_url": sandbox.url}
        catalog = tap.discover("zones", **settings)
        run = tap.run(settings, None, catalog, "--survey=json")
    assert run.exit_code == 0, run.stderr
    survey = json.loads(run.stdout)
    assert survey["ended"] == asking.OVER
    assert given[-1]["request_timeout_seconds"] == asking.MOST_SECONDS_OF_A_CALL
    assert asking.MOST_SECONDS + asking.MOST_SECONDS_OF_A_CALL <= 3 * 60


def test_it_makes_no_more_calls_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_CALLS", 30)
    survey = surveyed(sandbox_of(assignments=1))
    assert (survey.calls, survey.ended) == (30, "30 calls had been made")


@pytest.mark.no_cover
def test_the_longest_survey_gets_through_within_its_calls() -> None:
    group = [1000000001, 1000000002, 1000000003]
    sandbox = sandbox_of(Behaviour(export_page_size=20, active_any=404), tenants=group)
    first = surveyed(sandbox, tenants=group)
    again = surveyed(sandbox, tenants=group, also=["wrong-key"], before=first.kept)
    assert (first.ended, again.ended) == ("", "")
    assert first.calls < again.calls <= asking.MOST_CALLS


def test_a_feed_of_many_pages_is_read_from_near_its_end_and_no_further() -> None:
    survey = surveyed(sandbox_of(Behaviour(export_page_size=20)), only=["appointment_assignments"])
    assert survey.calls < 70
    assert outcomes(survey)["last_token_is_kept"] == "as believed"


def test_it_ends_where_a_token_is_refused_and_no_other_is_given() -> None:
    now = [NOON]

    def a_minute_later(_: object) -> None:
        now[0] += timedelta(minutes=1)

    faults = Faults(
        rate=1, kinds=("server_error",), on="token", spare_first=1, requests_per_second=None
    )
    sandbox = sandbox_of(
        Behaviour(token_lifetime=180, token_says="nothing"),
        assignments=1,
        clock=lambda: now[0],
        faults=faults,
    )
    survey = surveyed(sandbox, only=["zones"], before_each=a_minute_later)
    assert survey.ended == "no new token was issued"


def test_a_list_that_refuses_whatever_is_asked_is_left_alone() -> None:
    sandbox = sandbox_of(assignments=1)
    survey = surveyed(
        sandbox,
        only=["zones", "teams"],
        stages=[STAGES[0].name, STAGES[1].name],
        app=refusing(sandbox.app, "/zones"),
    )
    _, seen, _ = found(survey)["count_is_given"]
    assert seen == "teams: a number"


@pytest.mark.no_cover
def test_it_only_reads_and_provokes_little() -> None:
    asked: list[requests.PreparedRequest] = []
    surveyed(sandbox_of(assignments=1), before_each=asked.append)
    posts = {str(each.path_url) for each in asked if each.method != "GET"}
    assert {path.rpartition("/")[2] for path in posts} == {"token", "capacity"}
    urls = [str(each.path_url) for each in asked]
    assert sum("noSuchParameter" in url for url in urls) == 1
    assert sum("not-a-token" in url for url in urls) == 1
    assert sum("/tenant/0/" in url for url in urls) == 1
    tracked = [url for url in urls if "technician-tracking" in url]
    assert len(tracked) <= 6


def test_without_a_token_there_is_no_survey() -> None:
    faults = Faults(rate=1, kinds=("not_json",), on="token", requests_per_second=None)
    with pytest.raises(ApiError):
        surveyed(sandbox_of(assignments=1, faults=faults))


def test_a_signal_ends_it_with_what_it_has() -> None:
    count = [0]

    def stop(_: object) -> None:
        count[0] += 1
        if count[0] == 30:
            raise KeyboardInterrupt

    survey = surveyed(sandbox_of(assignments=1), before_each=stop)
    assert survey.was_stopped
    assert {"as believed", "could not tell"} <= set(outcomes(survey).values())


def test_a_signal_before_the_first_answer_leaves_all_untold() -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    survey = surveyed(sandbox_of(assignments=1), before_each=stop)
    assert survey.was_stopped
    assert set(outcomes(survey).values()) == {"could not tell"}


@pytest.mark.no_cover
def test_what_it_prints_fits_its_schema() -> None:
    survey = surveyed(
        sandbox_of(Behaviour(times="no_zone", fields="more", bearer="required"), assignments=1)
    )
    jsonschema.validate(survey.as_json(), SCHEMA)
    file = io.StringIO()
    report.print_tables([survey, replace(survey, findings=survey.findings[:3])], file)
    assert "✗" in file.getvalue()
    assert "Does the tap cope?" in file.getvalue()
    assert "In part." in file.getvalue()


def test_marks_that_cannot_be_shown_are_others() -> None:
    survey = surveyed(sandbox_of(assignments=1), stages=[STAGES[0].name])
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    report.print_tables([survey], file)
    file.seek(0)
    assert "\n+" in file.read()


def test_each_fact_says_what_it_is() -> None:
    for fact in FACTS:
        for text in (fact.believed, fact.consequence, fact.probe):
            assert text.endswith((".", "?")), fact.name
    assert len({fact.name for fact in FACTS}) == len(FACTS)


# The command ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Any:
    with sandbox_of(assignments=1) as sandbox:
        yield sandbox


def config(sandbox: Sandbox, **more: Any) -> dict[str, Any]:
    return {
        "environment": "sandbox",
        "api_url": sandbox.url,
        "max_requests_per_second": 60,
        **more,
    }


def zones(tap: Command, sandbox: Sandbox) -> dict[str, Any]:
    """Return a catalog in which the zones are selected, and nothing else."""
    return tap.discover("zones", **config(sandbox))


@pytest.fixture(autouse=True)
def _as_fast_as_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tap_servicetitan_dispatch.survey.survey.CALLS_A_SECOND", 10_000)


def test_the_command_prints_the_file(served: Sandbox, tap: Command) -> None:
    run = tap.run(config(served), None, zones(tap, served), "--survey=json")
    assert run.exit_code == 0, run.stderr
    printed = json.loads(run.stdout)
    jsonschema.validate(printed, SCHEMA)
    assert printed["survey"] == 1
    assert not printed["ended"]


class Terminal(io.StringIO):
    """Takes what goes to a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_command_prints_a_table_and_shows_how_far_it_is(
    served: Sandbox, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = zones(tap, served)
    monkeypatch.setattr(io, "StringIO", Terminal)
    run = tap.run(config(served), None, catalog, "--survey")
    assert run.exit_code == 0, run.stderr
    assert "calls so far: what counts" in run.stderr
    assert "What the tap believes" in run.stdout
    assert "could not tell" in run.stdout


def test_bad_settings_are_named(tap: Command) -> None:
    run = tap.run({"environment": "nowhere"}, None, None, "--survey")
    assert run.exit_code == 1
    assert "environment" in run.stderr


def test_a_group_is_surveyed_tenant_by_tenant(tap: Command) -> None:
    with sandbox_of(tenants=[1000000001, 1000000002], assignments=1) as sandbox:
        tenants = [{"tenant_id": "1000000001", "name": "Acme"}, {"tenant_id": "1000000002"}]
        settings = config(sandbox, tenants=tenants)
        catalog = tap.discover("zones", **settings)
        run = tap.run(settings, None, catalog, "--survey=json")
        assert [each["survey"] for each in json.loads(run.stdout)] == [1, 1]
        run = tap.run(settings, None, catalog, "--survey")
        assert "tenant 2 of 2" in run.stdout
        assert not re.search("100000000[12]|Acme", run.stdout)
        run = tap.run(
            settings,
            None,
            catalog,
            "--survey=json",
            "--survey-tenant=1000000002",
            "--survey-also=tenant-number",
        )
    assert json.loads(run.stdout)["tenant"] == 1000000002


def test_a_tenant_that_is_not_in_the_settings_is_named(served: Sandbox, tap: Command) -> None:
    run = tap.run(config(served), None, zones(tap, served), "--survey", "--survey-tenant=5")
    assert run.exit_code == 1
    assert "tenant 5, given with --survey-tenant, is not in the settings" in run.stderr


def group_of(sandbox: Sandbox, *secrets: str) -> dict[str, Any]:
    """Return settings of as many tenants of the sandbox, each with a secret of its own."""
    shared = {name: sandbox.credentials[name] for name in ("client_id", "client_secret", "app_key")}
    return {
        **shared,
        "environment": "integration",
        "api_url": sandbox.url,
        "auth_url": f"{sandbox.url}/connect/token",
        "max_requests_per_second": 60,
        "tenants": [
            {"tenant_id": str(1000000001 + number), "client_id": f"cid.{secret}"}
            if secret
            else {"tenant_id": str(1000000001 + number)}
            for number, secret in enumerate(secrets)
        ],
    }


def test_a_tenant_without_a_token_costs_the_others_nothing(tap: Command) -> None:
    with sandbox_of(tenants=[1000000001, 1000000002], assignments=1) as sandbox:
        catalog = tap.discover("zones", **group_of(sandbox, "wrong", ""))
        run = tap.run(group_of(sandbox, "wrong", ""), None, catalog, "--survey=json")
        of_none = tap.run(group_of(sandbox, "wrong", "wrong"), None, catalog, "--survey=json")
    assert run.exit_code == 1
    without, with_one = json.loads(run.stdout)
    jsonschema.validate(without, SCHEMA)
    assert (without["ended"], with_one["ended"]) == ("there was no token", "")
    assert {fact["outcome"] for fact in without["facts"]} == {"could not tell"}
    assert "tenant 1000000001: " in run.stderr
    assert (of_none.exit_code, of_none.stdout) == (1, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_ends_with_what_it_has_at_a_signal(
    number: signal.Signals, served: Sandbox, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopping(asker: Any, seen: Any) -> None:
        del asker, seen
        signal.raise_signal(number)

    stages = (*STAGES[:2], STAGES[2]._replace(ask=stopping), *STAGES[3:])
    monkeypatch.setattr("tap_servicetitan_dispatch.survey.survey.STAGES", stages)
    run = tap.run(config(served), None, zones(tap, served), "--survey=json")
    assert run.exit_code == 128 + number
    printed = json.loads(run.stdout)
    assert printed["ended"] == "it was stopped by a signal"
    assert any(fact["outcome"] == "as believed" for fact in printed["facts"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_there_is_a_client_has_its_own_exit_code(
    number: signal.Signals, served: Sandbox, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = zones(tap, served)

    def stopping(config: Any, **more: Any) -> None:
        del config, more
        signal.raise_signal(number)

    monkeypatch.setattr("tap_servicetitan_dispatch.run.run.TenantClients", stopping)
    run = tap.run(config(served), None, catalog, "--survey=json")
    assert (run.exit_code, json.loads(run.stdout)) == (128 + number, [])

"""The check: each failure is seen at the step where it belongs, and said with what to do."""

from __future__ import annotations

import io
import itertools
import json
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.cli import check
from tap_servicetitan_dispatch.client.failures import FAILURES
from tap_servicetitan_dispatch.client.failures import Kind as FailureKind
from tap_servicetitan_dispatch.run.parallel import ParallelCalls
from tap_servicetitan_dispatch.sandbox import CREDENTIALS, Behaviour, Faults, Sandbox
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tests.support.failing import ANSWERS, UNSENT, failing
from tests.support.runs import assert_fails, catalog_of
from tests.support.scripted_api import PREFIX, TOKEN, Answer, Call, routed
from tests.support.streams import ALL_STREAMS, EXTRA, NOTHING, OFFERED, PATHS, STREAMS
from tests.support.vendor import operation, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan_dispatch.sandbox.faults.options import Kind
    from tests.support.runs import Command, Run
    from tests.support.scripted_api import ScriptedApi

SANDBOX = {"environment": "sandbox"}
BEFORE = ("settings", "token", "app key and tenant")
NO_SCOPE, NO_ENTRY = ANSWERS["missing_scope"], ANSWERS["forbidden"]
UNTRACKED = Answer({"title": "No such appointment"}, status=404)
EVERYTHING = {**NOTHING, PATHS["technician_tracking"]: UNTRACKED}
"""What a tenant answers to whom every stream is open."""
AT_STEP = dict.fromkeys(FAILURES, "app key and tenant") | {
    "invalid_client": "token",
    "token_refused": "token",
    "bad_request": "zones",
    "missing_scope": "zones",
    "not_found": "zones",
    "gone": "zones",
    "conflict": "zones",
    "bad_value": "zones",
}
"""At which step a failure is seen, if only zones are selected and every call fails so."""


def run_check(
    tap: Command, config: dict[str, Any], *streams: str, shown: str = "--check=json"
) -> Run:
    """Check with these streams selected, or with all; those on request are offered, too."""
    config = {"extra_streams": [*EXTRA], **config}
    return tap.run(config, None, catalog_of(*streams) if streams else None, shown)


def steps_of(run: Run) -> dict[str, Any]:
    return {step["name"]: step for step in json.loads(run.stdout)["steps"]}


def outcomes(run: Run) -> dict[str, list[str]]:
    """Return the names of the steps by how they came out."""
    found: dict[str, list[str]] = {}
    for step in steps_of(run).values():
        found.setdefault(step["outcome"], []).append(step["name"])
    return found


def failed(run: Run) -> dict[str, str]:
    """Return what went wrong at the steps that failed."""
    return {
        name: step["kind"] for name, step in steps_of(run).items() if step["outcome"] == "failed"
    }


@pytest.fixture
def open_api(api: ScriptedApi) -> ScriptedApi:
    api.reply = routed(EVERYTHING)
    return api


# What is tried


@pytest.mark.no_cover
def test_it_works_at_once_in_the_sandbox_without_credentials(tap: Command) -> None:
    run = run_check(tap, SANDBOX)
    assert (run.exit_code, outcomes(run)) == (0, {"ok": [*BEFORE, *ALL_STREAMS]})


def test_all_streams_are_shown_and_those_of_a_run_are_marked(
    open_api: ScriptedApi, tap: Command
) -> None:
    steps = steps_of(run_check(tap, open_api.config, "zones", "teams"))
    selected = [name for name, step in steps.items() if step["selected"]]
    assert selected == ["teams", "zones"]
    assert [steps[name]["selected"] for name in BEFORE] == [None, None, None]
    scopes = {name: tuple(steps[name]["scopes"]) for name in ALL_STREAMS}
    assert scopes == {name: stream.scopes for name, stream in STREAMS.items()}


def test_one_token_and_one_call_for_each_stream_but_two_for_tracking(
    open_api: ScriptedApi, tap: Command
) -> None:
    run = run_check(tap, open_api.config)
    assert run.exit_code == 0
    assert len(open_api.token_calls) == 1
    paths = [*PATHS.values(), PATHS["appointment_assignments_list"]]
    assert sorted(call.path for call in open_api.api_calls) == sorted(PREFIX + p for p in paths)


@pytest.mark.parametrize("include_recent_changes", [False, True])
def test_only_documented_parameters_are_sent(
    open_api: ScriptedApi, tap: Command, *, include_recent_changes: bool
) -> None:
    settings = {"include_recent_changes": include_recent_changes, "capacity_job_type_id": 5}
    run_check(tap, open_api.config | settings)
    for stream, path in PATHS.items():
        for call in (call for call in open_api.api_calls if call.path == PREFIX + path):
            documented = operation(stream)
            parameters = documented.get("parameters", [])
            assert call.query.keys() <= {p["name"] for p in parameters if p["in"] == "query"}
            if call.method == "POST":
                content = documented["requestBody"]["content"]["application/json"]
                body = resolved(content["schema"])
                assert json.loads(call.body).keys() <= body["properties"].keys()


@pytest.mark.parametrize(
    ("stream", "query"),
    [
        ("arrival_windows", {"page": "1", "pageSize": "1", "active": "Any"}),
        ("non_job_appointments", {"page": "1", "pageSize": "1"}),
        ("teams", {"page": "1", "pageSize": "1", "includeInactive": "true"}),
        ("business_hours", {}),
    ],
)
def test_a_probe_asks_for_one_row_inactive_ones_too(
    open_api: ScriptedApi, tap: Command, stream: str, query: dict[str, str]
) -> None:
    run_check(tap, open_api.config | {"page_size": 500})
    [call] = [call for call in open_api.api_calls if call.path == PREFIX + PATHS[stream]]
    assert call.query == query


@pytest.mark.parametrize(
    ("date", "query"),
    [
        ("Thu, 18 Jun 2026 15:00:00 GMT", {"active": "Any", "from": "2026-06-18T14:00:00Z"}),
        (None, {"active": "Any"}),
    ],
    ids=["told", "not told"],
)
def test_the_feed_is_asked_for_the_last_hour_on_the_clock_of_the_api(
    open_api: ScriptedApi, tap: Command, date: str | None, query: dict[str, str]
) -> None:
    open_api.date = date
    run = run_check(tap, open_api.config)
    assert steps_of(run)["appointment_assignments"]["outcome"] == "ok"
    [call] = [call for call in open_api.api_calls if "export" in call.path]
    assert call.query == query


def test_what_needs_the_time_of_the_api_cannot_be_read_without(
    open_api: ScriptedApi, tap: Command
) -> None:
    open_api.date = None
    run = run_check(tap, open_api.config, "capacities", "zones")
    assert failed(run) == dict.fromkeys(("capacities", "technician_tracking"), "bad_answer")


def test_probes_travel_at_the_same_time(api: ScriptedApi, tap: Command) -> None:
    all_but_assignments = threading.Barrier(len(ALL_STREAMS) - 3)
    answer = routed(EVERYTHING)

    def reply(call: Call) -> Answer:
        if "assignments" not in call.path and "tracking" not in call.path:
            all_but_assignments.wait(30)
        return answer(call)

    api.reply = reply
    run = run_check(tap, api.config | {"max_concurrent_requests": len(ALL_STREAMS)})
    assert run.exit_code == 0, run.stdout


def test_each_step_says_how_long_it_took(open_api: ScriptedApi) -> None:
    tap = TapServiceTitanDispatch(config={**open_api.config, "extra_streams": [*EXTRA]})
    ticks = itertools.count()
    streams: Any = list(tap.streams.values())
    steps = check.probe_all(
        streams,
        streams[0].run.clients.of(streams[0].run.clients.tenants[0]),
        ParallelCalls(1),
        skip_forbidden=False,
        clock=lambda: float(next(ticks)),
    )
    assert [step.seconds for step in steps] == [0.0, *[1.0] * (len(BEFORE) - 1 + len(ALL_STREAMS))]


def test_ctrl_c_ends_it_at_once(open_api: ScriptedApi, tap: Command) -> None:
    handlers = []

    def reply(_: Call) -> Answer:
        handlers.append(signal.getsignal(signal.SIGINT))
        return Answer(status=500)

    open_api.reply = reply
    run_check(tap, open_api.config)
    assert handlers == [signal.SIG_DFL]


# What goes wrong


def test_every_problem_of_the_settings_is_listed_and_nothing_sent(
    open_api: ScriptedApi, tap: Command
) -> None:
    config = open_api.config | {"page_size": "many", "timezone": "Mars/Base", "stream_maps": 5}
    run = run_check(tap, config)
    assert (run.exit_code, open_api.calls) == (1, [])
    assert outcomes(run) == {"failed": ["settings"], "not tried": [*BEFORE[1:], *ALL_STREAMS]}
    step = steps_of(run)["settings"]
    assert (step["kind"], step["remedy"]) == ("bad_settings", "correct the settings")
    assert [line.split(":")[0] for line in step["happened"].splitlines()] == [
        "page_size",
        "stream_maps",
        "timezone",
    ]


def test_a_stream_map_that_makes_no_sense_is_a_bad_setting(
    open_api: ScriptedApi, tap: Command
) -> None:
    run = run_check(tap, open_api.config | {"stream_maps": {"zones": {"a": "1 +"}}})
    assert (run.exit_code, failed(run)) == (1, {"settings": "bad_settings"})
    assert steps_of(run)["settings"]["happened"].startswith("stream_maps: ")
    assert open_api.calls == []


def test_a_sandbox_that_is_not_installed_is_a_bad_setting(
    tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tap_servicetitan_dispatch.sandbox", None)
    run = run_check(tap, SANDBOX)
    assert (run.exit_code, failed(run)) == (1, {"settings": "bad_settings"})
    assert "which is not installed. What to do: install" in steps_of(run)["settings"]["happened"]


@pytest.mark.parametrize(
    ("option", "said"), [("catalog", "the catalog is"), ("state", "the state")]
)
def test_a_bad_file_is_said_in_one_line_as_in_a_run(
    open_api: ScriptedApi, tap: Command, option: str, said: str
) -> None:
    given = {"config": open_api.config, "state": None, "catalog": None, option: {"no": "sense"}}
    run = tap.run(given["config"], given["state"], given["catalog"], "--check=json")
    assert_fails(run, said)
    assert (run.stdout, open_api.calls) == ("", [])


@pytest.mark.parametrize("option", ["--catalog", "--state"])
def test_a_file_that_is_empty_is_said_in_one_line_as_in_a_run(tap: Command, option: str) -> None:
    path = tap.folder / "empty.json"
    path.touch()
    run = tap.run(None, None, None, "--check", option, str(path))
    assert (run.exit_code, run.stdout) == (1, "")
    assert f"the file {path} given with {option} is empty. What to do: " in run.errors[0]


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_is_seen_where_it_belongs_and_tried_once(
    api: ScriptedApi, tap: Command, kind: str
) -> None:
    with failing(api, kind) as config:
        run = run_check(tap, config, "zones")
    name, failure = AT_STEP[kind], FAILURES[FailureKind(kind)]
    step = steps_of(run)[name]
    assert (run.exit_code, step["kind"], step["remedy"]) == (1, kind, failure.remedy)
    assert step["happened"] == failure.meaning
    assert step["answer"].startswith(("GET /", "POST /"))
    if name in BEFORE:
        after = BEFORE[BEFORE.index(name) + 1 :]
        assert outcomes(run)["not tried"] == [*after, *ALL_STREAMS]
        tries = ({"unauthorized": 2} | dict.fromkeys(UNSENT, 0)).get(kind, 1)
        assert len(api.token_calls if name == "token" else api.api_calls) == tries
    else:
        assert outcomes(run)["ok"] == [*BEFORE]
        assert len(api.api_calls) == len(ALL_STREAMS)


@pytest.mark.no_cover
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("kind", ANSWERS)
def test_it_fails_where_a_run_would_fail(
    api: ScriptedApi, tap: Command, kind: str, *, skip: bool
) -> None:
    with failing(api, kind) as config:
        settings = config | {"skip_forbidden_streams": skip, "max_retries": 0}
        checked = run_check(tap, settings, "zones", "teams")
        ran = tap.run(settings, streams=("zones", "teams"))
    assert checked.exit_code == ran.exit_code
    assert json.loads(checked.stdout)["ok"] is (ran.exit_code == 0)


def test_an_answer_of_another_shape_is_a_failure(open_api: ScriptedApi, tap: Command) -> None:
    open_api.reply = routed({**EVERYTHING, PATHS["zones"]: {"rows": []}})
    run = run_check(tap, open_api.config, "zones")
    assert (run.exit_code, failed(run)) == (1, {"zones": "bad_answer"})
    step = steps_of(run)["zones"]
    assert step["happened"].startswith("the API's answer should have")
    assert step["remedy"].startswith("run again; if it happens again, report it")


def test_what_the_api_says_is_put_into_one_line(open_api: ScriptedApi, tap: Command) -> None:
    refusal = Answer({"title": "Scope validation failed:\n  none"}, status=403)
    open_api.reply = routed({**EVERYTHING, PATHS["zones"]: refusal})
    said = steps_of(run_check(tap, open_api.config))["zones"]["answer"]
    assert "Scope validation failed: none" in said


def test_a_token_that_an_error_repeats_is_not_shown(open_api: ScriptedApi, tap: Command) -> None:
    refusal = Answer({"title": f"Scope validation failed: {TOKEN}-1"}, status=403)
    open_api.reply = routed({**EVERYTHING, PATHS["zones"]: refusal})
    run = run_check(tap, open_api.config)
    assert "Scope validation failed: [redacted]" in steps_of(run)["zones"]["answer"]


# Which streams count


def test_a_deselected_stream_that_fails_is_shown_and_does_not_count(
    open_api: ScriptedApi, tap: Command
) -> None:
    open_api.reply = routed({**EVERYTHING, PATHS["capacities"]: NO_SCOPE})
    run = run_check(tap, open_api.config, "zones")
    assert (run.exit_code, failed(run)) == (0, {"capacities": "missing_scope"})


def test_app_key_and_tenant_are_judged_by_a_stream_that_is_selected(
    open_api: ScriptedApi, tap: Command
) -> None:
    out_of_order = {PATHS["appointment_assignments"]: Answer(status=500)}
    open_api.reply = routed(EVERYTHING | out_of_order)
    run = run_check(tap, open_api.config, "zones")
    assert (run.exit_code, failed(run)) == (0, {"appointment_assignments": "server_error"})


def test_without_a_selected_stream_the_rest_is_checked(open_api: ScriptedApi, tap: Command) -> None:
    nothing = catalog_of(with_others=True)
    run = tap.run(open_api.config, None, nothing, "--check=json")
    assert (run.exit_code, outcomes(run)) == (0, {"ok": [*BEFORE, *OFFERED]})
    open_api.reply = lambda _: ANSWERS["unmatched"]
    assert tap.run(open_api.config, None, nothing, "--check=json").exit_code == 1


@pytest.mark.parametrize("refusal", [NO_SCOPE, NO_ENTRY], ids=["missing_scope", "forbidden"])
def test_a_refused_stream_that_a_run_would_skip_does_not_count(
    open_api: ScriptedApi, tap: Command, refusal: Answer
) -> None:
    open_api.reply = routed({**EVERYTHING, PATHS["zones"]: refusal})
    run = run_check(tap, open_api.config | {"skip_forbidden_streams": True})
    assert (run.exit_code, outcomes(run)["skipped"]) == (0, ["zones"])
    assert "deselect the stream" in steps_of(run)["zones"]["remedy"]
    assert run_check(tap, open_api.config).exit_code == 1


def test_an_application_that_is_refused_everywhere_is_told_apart_from_one_without_a_scope(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = lambda _: NO_ENTRY
    assert failed(run_check(tap, api.config)) == {"app key and tenant": "forbidden"}
    skipping = run_check(tap, api.config | {"skip_forbidden_streams": True})
    assert outcomes(skipping)["skipped"] == ["app key and tenant"]
    assert skipping.exit_code == 1, "the app key may be wrong"


@pytest.mark.parametrize("refused", ["appointment_assignments_list", "technician_tracking"])
def test_tracking_is_probed_for_both_of_its_scopes(
    open_api: ScriptedApi, tap: Command, refused: str
) -> None:
    open_api.reply = routed({**EVERYTHING, PATHS[refused]: NO_SCOPE})
    run = run_check(tap, open_api.config, "technician_tracking")
    assert (run.exit_code, failed(run)["technician_tracking"]) == (1, "missing_scope")


def test_a_field_that_cannot_be_hashed_is_seen(open_api: ScriptedApi, tap: Command) -> None:
    wrong = {"hash_fields": ["zones.nam"], "hash_salt": "a salt of the tests"}
    run = run_check(tap, open_api.config | wrong)
    assert (run.exit_code, failed(run)) == (1, {"settings": "bad_settings"})
    assert "did you mean zones.name?" in run.stdout


# Against the sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(assignments=100) as running:
        yield running


def leading_to(sandbox: Sandbox, **settings: Any) -> dict[str, Any]:
    """Return settings that lead to a sandbox as if it were the real API."""
    urls = {"api_url": sandbox.url, "auth_url": sandbox.token_url}
    return {"environment": "production", **urls, **CREDENTIALS, **settings}


@pytest.mark.no_cover
@pytest.mark.parametrize("scope", sorted({stream.scopes[0] for stream in STREAMS.values()}))
def test_a_scope_that_is_missing_is_seen_at_each_stream_that_needs_it(
    tap: Command, scope: str
) -> None:
    without = Behaviour(missing_scopes=frozenset({scope}))
    needing = {stream: "missing_scope" for stream in ALL_STREAMS if scope in STREAMS[stream].scopes}
    with Sandbox(assignments=100, behaviour=without) as sandbox:
        config = leading_to(sandbox)
        for stream in needing:
            run = run_check(tap, config, stream)
            assert (run.exit_code, failed(run)) == (1, needing)
            assert f"Scope validation failed: {scope}" in steps_of(run)[stream]["answer"]
        others = [stream for stream in ALL_STREAMS if stream not in needing]
        assert run_check(tap, config, *others).exit_code == 0


@pytest.mark.parametrize(
    ("wrong", "step", "kind"),
    [
        ({"client_id": "cid.wrong"}, "token", "invalid_client"),
        ({"client_secret": "cs1.wrong"}, "token", "invalid_client"),
        ({"app_key": "ak1.wrong"}, "app key and tenant", "unauthorized"),
        ({"tenant_id": "1"}, "app key and tenant", "unmatched"),
        ({"api_url": "http://127.0.0.1:9"}, "app key and tenant", "no_connection"),
        ({"auth_url": "http://127.0.0.1:9/token"}, "token", "no_connection"),
    ],
)
def test_a_wrong_setting_is_seen_where_it_shows(
    sandbox: Sandbox, tap: Command, wrong: dict[str, str], step: str, kind: str
) -> None:
    run = run_check(tap, leading_to(sandbox, **wrong))
    assert (run.exit_code, failed(run)) == (1, {step: kind}), run.stdout


@pytest.mark.parametrize(("status", "kind"), [(403, "forbidden"), (404, "unmatched")])
def test_a_wrong_app_key_is_seen_however_the_api_says_so(
    tap: Command, status: Any, kind: str
) -> None:
    with Sandbox(assignments=100, behaviour=Behaviour(bad_app_key_status=status)) as sandbox:
        run = run_check(tap, leading_to(sandbox, app_key="ak1.wrong"))
    assert (run.exit_code, failed(run)) == (1, {"app key and tenant": kind})


FAULTS: dict[Kind, str] = {
    "rate_limited": "rate_limited",
    "server_error": "server_error",
    "maintenance": "maintenance",
    "cut_short": "connection_lost",
    "reset": "connection_lost",
    "not_json": "not_json",
    "redirect": "redirected",
    "revoked": "unauthorized",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_api_is_said_as_it_is_now(
    sandbox: Sandbox, tap: Command, fault: Kind
) -> None:
    sandbox.faults = Faults(rate=1, kinds=(fault,), on="/dispatch/")
    run = run_check(tap, leading_to(sandbox))
    assert (run.exit_code, failed(run)) == (1, {"app key and tenant": FAULTS[fault]})
    assert "Waiting" not in run.stderr


def test_a_token_that_was_revoked_once_is_got_over(sandbox: Sandbox, tap: Command) -> None:
    sandbox.faults = Faults(rate=1, kinds=("revoked",), at_most=1)
    run = run_check(tap, leading_to(sandbox), "zones")
    assert (run.exit_code, failed(run)) == (0, {})


# How it is shown


def test_the_json_has_all_that_is_known_of_each_step(open_api: ScriptedApi, tap: Command) -> None:
    open_api.reply = routed({**EVERYTHING, PATHS["zones"]: NO_SCOPE})
    run = run_check(tap, open_api.config)
    shown = json.loads(run.stdout)
    step = shown["steps"][-1]
    assert shown == {"ok": False, "steps": [*shown["steps"][:-1], step]}
    assert step.pop("seconds") >= 0
    assert step == {
        "name": "zones",
        "selected": True,
        "scopes": ["tn.dis.zones:r"],
        "outcome": "failed",
        "kind": "missing_scope",
        "happened": FAILURES[FailureKind("missing_scope")].meaning,
        "remedy": FAILURES[FailureKind("missing_scope")].remedy,
        "answer": f"GET {PREFIX}zones: status 403; Scope validation failed: tn.dis.zones:r",
        "tenant": "",
        "caution": "",
    }


@pytest.mark.parametrize("shown", ["--check", "--check=table"])
def test_the_table_says_the_same_to_people(open_api: ScriptedApi, tap: Command, shown: str) -> None:
    refused = {PATHS["zones"]: NO_SCOPE, PATHS["capacities"]: NO_SCOPE}
    open_api.reply = routed(EVERYTHING | refused)
    run = run_check(tap, open_api.config, "zones", "teams", shown=shown)
    assert run.exit_code == 1
    lines = [line.rstrip() for line in run.stdout.splitlines()]
    assert max(map(len, lines[: lines.index("")])) <= 80
    marks = {line.split()[1]: line[0] for line in lines if line[:1] in {"✓", "✗"}}
    assert {name for name, mark in marks.items() if mark == "✗"} == {"capacities", "zones"}
    text = " ".join(run.stdout.split())
    assert "What to do: grant the scope in the developer portal" in text
    assert "tn.dis.capacity:w (not selected) the application lacks a scope" in text
    said = "status 403; Scope validation failed: tn.dis.zones:r"
    assert lines[-3:] == [f"zones: GET {PREFIX}zones: {said}", "", "A run would fail at: zones."]
    assert "\x1b" not in run.stdout


def test_the_table_ends_in_how_many_streams_a_run_would_read(
    open_api: ScriptedApi, tap: Command
) -> None:
    open_api.reply = routed({**EVERYTHING, PATHS["zones"]: NO_SCOPE})
    settings = open_api.config | {"skip_forbidden_streams": True}
    run = run_check(tap, settings, "teams", "zones", shown="--check")
    assert run.exit_code == 0
    assert "A run leaves it out" in " ".join(run.stdout.split())
    assert run.stdout.endswith("\nA run would read 1 of 2 selected streams.\n")


STEPS = [
    check.Step("settings", outcome=check.OK, seconds=0.04),
    check.Step("token", outcome=check.FAILED, seconds=12.34, happened="Nö … [bold] :smile:"),
    check.Step("app key and tenant"),
    check.Step("zones", scopes=("tn.dis.zones:r",), outcome=check.SKIPPED, seconds=0.06),
]


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def table(encoding: str, kind: type[io.TextIOWrapper] = io.TextIOWrapper) -> str:
    file = kind(io.BytesIO(), encoding=encoding, newline="\n")
    check.print_table(STEPS, file)
    file.seek(0)
    return "\n".join(line.rstrip() for line in file.read().splitlines())


@pytest.mark.parametrize(
    ("encoding", "marks", "said"),
    [
        ("utf-8", "✓✗–!", "Nö … [bold] :smile:"),  # noqa: RUF001 - a dash is meant
        ("cp1252", "+x-!", "Nö … [bold] :smile:"),
        ("latin-1", "+x-!", "Nö ? [bold] :smile:"),
        ("ascii", "+x-!", "N? ? [bold] :smile:"),
    ],
)
def test_the_table_fits_what_stdout_can_show(encoding: str, marks: str, said: str) -> None:
    ok, no, untried, skipped = list(marks)
    assert table(encoding) == "\n".join(
        [
            "   Step                  Time  What it needs, and what to do",
            f"{ok}  settings             0.0 s",
            f"{no}  token               12.3 s  {said}",
            f"{untried}  app key and tenant",
            f"{skipped}  zones                0.1 s  tn.dis.zones:r",
            "                               A run leaves it out, as skip_forbidden_streams",
            "                               is set:",
            "",
            "A run would fail at: token.",
        ]
    )


def test_there_are_colours_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[32m✓" in table("utf-8", Terminal)


# The command line


def test_the_options_may_come_in_any_order(open_api: ScriptedApi, tap: Command) -> None:
    open_api.reply = routed({**EVERYTHING, PATHS["zones"]: NO_SCOPE})
    given = tap.arguments(open_api.config, {"bookmarks": {}}, catalog_of("teams"))
    for arguments in (["--check", *given], [*given, "--check"]):
        run = tap.run(None, None, None, *arguments)
        assert run.exit_code == 0
        assert run.stdout.endswith("A run would read 1 of 1 selected streams.\n")


def test_settings_may_come_from_the_environment(
    open_api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in open_api.config.items():
        monkeypatch.setenv(f"TAP_SERVICETITAN_DISPATCH_{name.upper()}", value)
    assert tap.run(None, None, None, "--config=ENV", "--check").exit_code == 0
    assert open_api.calls


def test_a_way_to_show_it_that_there_is_not_is_said(tap: Command) -> None:
    assert tap.run(None, None, None, "--check=picture").exit_code == 2

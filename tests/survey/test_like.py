"""A sandbox made like a survey behaves as what was surveyed."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tap_servicetitan_dispatch.sandbox import Behaviour, Faults, NotASurveyError, Sandbox, cli
from tap_servicetitan_dispatch.sandbox.like import switches_of
from tests.support.surveys import NOON, UNLIMITED, sandbox_of, surveyed
from tests.support.switches import APART, BOARDS, values_of
from tools.markdown import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tap_servicetitan_dispatch.survey.survey import Survey

SIZE = 300
"""Of the board that is behind both, so that rows differ in what the switches make of them."""
LARGE = {switch for board in BOARDS if board.assignments > SIZE for switch in board.switches}
"""Switches that it takes a large board to see."""
DRAWN = [
    (field.name, value)
    for field in fields(Behaviour)
    if field.name not in {*APART, *LARGE - {"rows"}, "tokens_per_minute", "units_without_group"}
    for value in values_of(field.name)
]


HIDING = {"active_any", "deletes", "list_history_days", "non_job_default"}
COUNTED = {"rows", "inactive"}
"""How many rows there are cannot be seen where lists hide some."""


def said(survey: Survey) -> dict[str, Any]:
    """Return what a survey says; of numbers, that there are some."""
    return {
        finding.fact.name: (
            finding.outcome,
            re.sub(r"[\d,.]*\d", "9", finding.seen),
            finding.why,
            dict(finding.sandbox),
        )
        for finding in survey.findings
    }


def like(survey: Survey) -> Sandbox:
    return Sandbox(
        like=json.loads(json.dumps(survey.as_json())),
        assignments=SIZE,
        clock=lambda: NOON,
        timer=lambda: 0.0,
        faults=UNLIMITED,
    )


@settings(max_examples=4, derandomize=True, database=None, deadline=None)
@given(st.lists(st.sampled_from(DRAWN), max_size=4, unique_by=lambda each: each[0]))
def test_a_survey_of_a_sandbox_like_a_survey_is_that_survey(
    switches: list[tuple[str, Any]],
) -> None:
    assume(not (HIDING & dict(switches).keys() and COUNTED & dict(switches).keys()))
    first = surveyed(sandbox_of(Behaviour(**dict(switches)), assignments=SIZE))
    assert said(surveyed(like(first))) == said(first)


def test_lists_have_as_many_rows_and_shares() -> None:
    wanted = {"zones=120", "teams=3", "appointment-assignments=200", "technician-skills=40"}
    behaviour = Behaviour(rows=frozenset(wanted), inactive=frozenset({"zones=30"}))
    survey = surveyed(sandbox_of(behaviour), stages=["access", "a page of each list"])
    sandbox = like(survey)
    again = surveyed(sandbox, stages=["access", "a page of each list"])
    finding = next(each for each in again.findings if each.fact.name == "rows_there_are")
    assert wanted <= set(finding.sandbox["rows"])
    assert "zones=30" in finding.sandbox["inactive"]


def test_options_win_over_the_survey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    survey = surveyed(
        sandbox_of(Behaviour(rejected_continuation=410, business_hours="data"), assignments=1)
    )
    path = tmp_path / "survey.json"
    path.write_text(json.dumps(survey.as_json()))
    made: list[dict[str, Any]] = []

    def stop(**given: Any) -> Sandbox:
        made.append(given)
        raise OSError(98, "in use")

    monkeypatch.setattr(cli, "Sandbox", stop)
    result = CliRunner().invoke(cli.main, [f"--like={path}", "--business-hours=list"])
    assert result.exit_code
    behaviour = made[0]["behaviour"]
    assert (behaviour.rejected_continuation, behaviour.business_hours) == (410, "list")


def test_a_sandbox_is_as_late_as_the_tenant_was() -> None:
    report = {"survey": 1, "facts": [{"outcome": "as believed", "sandbox": {"fault_latency": 1.5}}]}
    assert Sandbox(like=report, clock=lambda: NOON, assignments=1).faults.latency == 1.5


def test_a_sandbox_fails_as_often_and_as_strictly_as_the_tenant_did() -> None:
    limit = {"outcome": "otherwise", "sandbox": {"fault_requests_per_second": 5}}
    failing = {"sandbox": {"fault_kinds": ["server_error", "reset"], "fault_rate": 0.1}}
    failing["sandbox"]["fault_statuses"] = [502, 503]
    ahead = {"outcome": "otherwise", "sandbox": {"fault_clock_skew": 900}}
    report = {"survey": 1, "facts": [limit, failing, ahead]}
    faults = Sandbox(like=report, clock=lambda: NOON, assignments=1).faults
    assert faults == Faults(
        kinds=("server_error", "reset"),
        rate=0.1,
        requests_per_second=5,
        statuses=(502, 503),
        clock_skew=900,
    )


@pytest.mark.parametrize(
    "report",
    [
        {},
        [],
        {"survey": 2, "facts": []},
        {"survey": 1, "facts": [{"sandbox": {"deletes": "perhaps"}}]},
        {"survey": 1, "facts": [{"sandbox": {"fault_rate": 2}}]},
    ],
)
def test_what_is_not_a_survey_is_refused(report: Any) -> None:
    with pytest.raises(NotASurveyError):
        Sandbox(like=report)


@pytest.mark.parametrize("content", ["no JSON", "{}", None])
def test_a_file_that_is_not_a_survey_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "survey.json"
    if content is not None:
        path.write_text(content)
    result = CliRunner().invoke(cli.main, [f"--like={path}"])
    assert result.exit_code == 2
    assert "--like" in result.output


def test_a_tenant_of_a_group_that_could_not_be_asked_is_passed_over() -> None:
    hard, soft = (
        {"survey": 1, "calls": calls, "facts": [{"sandbox": {"deletes": deletes}}]}
        for calls, deletes in ((0, "hard"), (9, "soft"))
    )
    assert switches_of([hard, soft])["deletes"] == "soft"
    assert switches_of([hard])["deletes"] == "hard"


def test_the_command_says_which_tenant_of_a_group_it_is_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(**_: Any) -> Sandbox:
        raise OSError(98, "in use")

    monkeypatch.setattr(cli, "Sandbox", stop)
    path = tmp_path / "survey.json"
    surveys: list[Any] = [{"survey": 1, "calls": calls, "facts": []} for calls in (0, 9, 9)]
    path.write_text(json.dumps(surveys))
    of_group = CliRunner().invoke(cli.main, [f"--like={path}"])
    assert "All tenants of a sandbox behave alike: here like tenant 2 of 3," in of_group.output
    path.write_text(json.dumps(surveys[1:2]))
    assert "tenant" not in CliRunner().invoke(cli.main, [f"--like={path}"]).output


def test_the_page_says_that_all_tenants_of_a_sandbox_behave_alike() -> None:
    text = " ".join((ROOT / "docs/survey.md").read_text(encoding="utf-8").split())
    assert (
        "All tenants of a sandbox behave alike: if the file is of a group, the sandbox copies the "
        "first tenant that could be surveyed, and says which one" in text
    )


def test_a_file_of_a_group_stands_for_its_first_tenant(tmp_path: Path) -> None:
    path = tmp_path / "survey.json"
    one = {"survey": 1, "facts": [{"outcome": "otherwise", "sandbox": {"deletes": "hard"}}]}
    path.write_text(json.dumps([one, {"survey": 1, "facts": []}]))
    sandbox = Sandbox(like=path, clock=lambda: NOON, assignments=1)
    survey = surveyed(sandbox, only=["appointment_assignments"])
    assert survey.findings

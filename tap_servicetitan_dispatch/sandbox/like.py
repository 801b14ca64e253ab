"""A sandbox that behaves like a surveyed tenant."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.api.shown import ASSIGNMENTS
from tap_servicetitan_dispatch.sandbox.faults.options import Faults
from tap_servicetitan_dispatch.sandbox.world.company import BUSINESS_UNITS

VERSION = 1
_FAULT = "fault_"
_NON_JOBS = "non-job-appointments="


class NotASurveyError(ValueError):
    """The file or object is not the output of `--survey=json`."""


def switches_of(survey: Any) -> dict[str, Any]:
    """Return the switches that a survey names, by name; those of `Faults` begin with `fault_`.

    Args:
        survey: The object in the file; of a group's list of objects, the first counts that could be
            asked.

    Raises:
        NotASurveyError: It is not a survey.
    """
    if isinstance(survey, list) and survey:
        survey = survey[_first_asked(survey)]
    facts = survey.get("facts") if isinstance(survey, Mapping) else None
    if not isinstance(facts, list) or survey.get("survey") != VERSION:
        raise NotASurveyError("not what --survey=json prints")
    found = _named(facts)
    for name in ("rows", "inactive"):
        counts = [] if _hides_rows(found) else found.get(name, [])
        if found.get("non_job_default") == "active":
            counts = [each for each in counts if not each.startswith(_NON_JOBS)]
        found[name] = counts
    number = found.get("units_without_group")
    if isinstance(number, int):  # which ones is not in the file
        found["units_without_group"] = [unit.id for unit in BUSINESS_UNITS[-number:]][:number]
    return found


def choice_of(survey: Any) -> str:
    """Return which survey of a group's list counts, in a sentence; empty if there is no choice."""
    if not isinstance(survey, list) or len(survey) < 2:  # noqa: PLR2004 - one is no choice
        return ""
    return (
        f"This is a group's file. All tenants of a sandbox behave alike: here like tenant "
        f"{_first_asked(survey) + 1} of {len(survey)}, the first that could be asked."
    )


def _first_asked(surveys: Sequence[Any]) -> int:
    asked = (
        number
        for number, each in enumerate(surveys)
        if isinstance(each, Mapping) and each.get("calls")
    )
    return next(asked, 0)


def _named(facts: Sequence[Any]) -> dict[str, Any]:
    """Return the switches that facts name; facts that are otherwise take precedence."""
    found: dict[str, Any] = {}
    of_facts = [fact for fact in facts if isinstance(fact, Mapping)]
    for fact in sorted(of_facts, key=lambda fact: fact.get("outcome") != "otherwise"):
        for name, value in (fact.get("sandbox") or {}).items():
            found.setdefault(name, value)
    return found


def _hides_rows(switches: Mapping[str, Any]) -> bool:
    """Return whether lists show fewer rows than exist."""
    return (
        switches.get("active_any", "heeded") != "heeded"
        or switches.get("deletes") == "hard"
        or "list_history_days" in switches
    )


def behaviour_like(survey: Any, **given: Any) -> Behaviour:
    """Return the behaviour of a sandbox that is like a survey, with some switches overridden.

    Raises:
        NotASurveyError: It is not a survey, or names a switch that this version does not have.
    """
    known = {field.name for field in fields(Behaviour)}
    switches = {name: value for name, value in switches_of(survey).items() if name in known}
    try:
        return TypeAdapter(Behaviour).validate_python({**switches, **given})
    except ValidationError as error:
        first = error.errors()[0]
        raise NotASurveyError(f"{first['loc'][0]}: {first['msg']}") from error


def faults_like(survey: Any, faults: Faults) -> Faults:
    """Return faults that make a sandbox as slow, strict and prone to fail as a survey found it.

    Raises:
        NotASurveyError: It names a fault that this version does not have.
    """
    known = {f"{_FAULT}{field.name}" for field in fields(Faults)}
    named = {
        name.removeprefix(_FAULT): value
        for name, value in switches_of(survey).items()
        if name in known
    }
    try:
        checked = TypeAdapter(Faults).validate_python(named)
    except ValidationError as error:
        first = error.errors()[0]
        raise NotASurveyError(f"{_FAULT}{first['loc'][0]}: {first['msg']}") from error
    return replace(faults, **{name: getattr(checked, name) for name in named})


def size_like(behaviour: Behaviour) -> int | None:
    """Return the number of assignments that a survey counted; nothing if it did not."""
    rows = behaviour.numbered(behaviour.rows, ASSIGNMENTS)
    return None if rows is None else max(1, rows)


def read(path: str | Path) -> Any:
    """Return the content of a survey's file.

    Raises:
        NotASurveyError: It is not JSON.
        OSError: It cannot be read.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise NotASurveyError("not JSON") from error

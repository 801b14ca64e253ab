"""What a tenant has one of: whatever the answer is wrapped in, it is one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runs import assert_fails
from tests.support.scripted_api import routed
from tests.support.streams import PATHS
from tests.support.vendor import operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.runs import Command
    from tests.support.scripted_api import ScriptedApi

HOURS = {"weekdays": [{"fromHour": 8, "toHour": 12}], "saturday": [], "sunday": None}
CHOICE = {"configuration": "EndTimeOfArrivalWindow"}
STREAMS = [("business_hours", HOURS), ("arrival_window_configuration", CHOICE)]


@pytest.mark.parametrize(("stream", "body"), STREAMS)
@pytest.mark.parametrize(
    "wrapped",
    [lambda body: body, lambda body: {"data": body}, lambda body: [body]],
    ids=["bare", "data", "list"],
)
def test_it_is_one_row_whose_key_is_the_tenant(
    api: ScriptedApi,
    tap: Command,
    stream: str,
    body: dict[str, Any],
    wrapped: Callable[[Any], Any],
) -> None:
    api.reply = routed({PATHS[stream]: wrapped(body)})
    run = tap.run(api.config, streams=(stream,))
    assert (run.exit_code, run.records) == (0, [{"tenantId": 1234, **body}])


@pytest.mark.parametrize(("stream", "body"), STREAMS)
def test_it_is_asked_for_without_parameters_as_none_are_documented(
    api: ScriptedApi, tap: Command, stream: str, body: dict[str, Any]
) -> None:
    api.reply = routed({PATHS[stream]: body})
    tap.run(api.config | {"start_date": "2026-11-01"}, streams=(stream,))
    assert [call.query for call in api.api_calls] == [{}]
    assert [each["name"] for each in operation(stream)["parameters"]] == ["tenant"]


@pytest.mark.parametrize("body", [None, '"closed"', {"data": None}, [None], {"data": ["x"]}])
def test_an_answer_without_an_object_is_an_error_in_one_line(
    api: ScriptedApi, tap: Command, body: Any
) -> None:
    api.reply = routed({PATHS["business_hours"]: body})
    run = tap.run(api.config, streams=("business_hours",))
    assert_fails(run, "business_hours: the API's answer should have an object in it")

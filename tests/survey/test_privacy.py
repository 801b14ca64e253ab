"""No value of any row, no token and no number leaves a survey."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.sandbox import Behaviour
from tap_servicetitan_dispatch.survey import asking, report
from tests.support.surveys import sandbox_of, surveyed

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tap_servicetitan_dispatch.survey.survey import Survey

MARK = "Zecret"
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]+Z?")
_SHAPE = {"hasMore", "data", "access_token", "expires_in", "availabilities"}


class Marked:
    """Writes a mark into the answers of a sandbox, and remembers all numbers and texts.

    Args:
        app: The sandbox.
        mark: Returns a marked value for the one of a key.
    """

    def __init__(self, app: ASGIApp, mark: Callable[[str, Any], Any]) -> None:
        self._app = app
        self._mark = mark
        self.values: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, keep)
        start, *rest = sent
        body = json.loads(b"".join(message.get("body", b"") for message in rest))
        headers = [each for each in start["headers"] if each[0] != b"content-length"]
        start["headers"] = [*headers, (b"x-trace", MARK.encode())]
        await send(start)
        marked = json.dumps(self._marked("", body)).encode()
        await send({"type": "http.response.body", "body": marked, "more_body": False})

    def _marked(self, key: str, value: Any) -> Any:
        if isinstance(value, dict):
            marked = {name: self._marked(name, each) for name, each in value.items()}
            return (
                marked if "access_token" in value else {**marked, "note": MARK, "odd": {MARK: MARK}}
            )
        if isinstance(value, list):
            return [self._marked(key, each) for each in value]
        if key in _SHAPE or value is None or isinstance(value, bool):
            self._remember(value)
            return value
        new = self._mark(key, value)
        self._remember(new)
        return new

    def _remember(self, value: Any) -> None:
        if isinstance(value, str | int) and len(str(value)) >= 6:
            self.values.add(str(value))


def in_texts(_: str, value: Any) -> Any:
    """Mark each text that is not a time."""
    return f"{MARK} {value}" if isinstance(value, str) and not _TIME.fullmatch(value) else value


def in_times(_: str, value: Any) -> Any:
    """Mark each text."""
    return f"{value}{MARK}" if isinstance(value, str) else value


def everywhere(key: str, value: Any) -> Any:
    """Have a marked text wherever a number or a text was."""
    return value if key in {"id", "totalCount", "page", "pageSize"} else f"{MARK}{value}"


def shown(survey: Survey) -> str:
    file = io.StringIO()
    report.print_tables([survey], file)
    return report.as_json([survey]) + file.getvalue()


ODD = Behaviour(unknown_parameters=400, rejected_continuation=410, fields="more", times="no_zone")


@pytest.mark.parametrize(
    ("behaviour", "mark"),
    [(Behaviour(), in_texts), (ODD, in_texts), (ODD, in_times), (ODD, everywhere)],
)
def test_no_value_of_a_row_leaves(behaviour: Behaviour, mark: Callable[[str, Any], Any]) -> None:
    sandbox = sandbox_of(behaviour, assignments=1)
    marked = Marked(sandbox.app, mark)
    survey = surveyed(sandbox, app=marked)
    assert survey.calls > 50
    output = shown(survey)
    assert MARK not in output
    words = set(re.findall(r"[\w.:+-]+", output))
    assert not {value for value in marked.values if value in words}
    assert sandbox.credentials["tenant_id"] not in output


def test_an_endpoint_is_named_without_the_tenant_whatever_a_proxy_puts_before_it() -> None:
    url = "https://proxy.example/tenant/acme/dispatch/v2/tenant/1000000001/zones?page=1"
    assert asking._endpoint(url) == "zones"  # noqa: SLF001 - only a proxy has such addresses


def test_the_tenants_number_is_told_if_that_is_asked_for() -> None:
    sandbox = sandbox_of(assignments=1)
    survey = surveyed(sandbox, only=["zones"], also=["tenant-number"], stages=["access"])
    assert survey.as_json()["tenant"] == int(sandbox.credentials["tenant_id"])

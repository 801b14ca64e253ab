"""What was not answered is not guessed at."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from tap_servicetitan_dispatch.survey import survey as module
from tap_servicetitan_dispatch.survey.facts import FACTS
from tests.support.surveys import sandbox_of, surveyed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_servicetitan_dispatch.survey.asking import Reply
    from tap_servicetitan_dispatch.survey.seen import Seen


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Return what a survey of the sandbox as it is has seen."""
    kept: list[Seen] = []
    prepared = module._prepared  # noqa: SLF001 - what facts are judged by

    def keeping(*given: Any) -> Seen:
        kept.append(prepared(*given))
        return kept[-1]

    with patch.object(module, "_prepared", keeping):
        surveyed(sandbox_of())
    return kept[0]


def without(seen: Seen, beginning: str, change: Callable[[Reply], Reply | None]) -> Seen:
    """Return what would have been seen if some questions had been answered otherwise."""
    replies = {
        name: other
        for name, reply in seen.replies.items()
        if (other := change(reply) if name.startswith(beginning) else reply)
    }
    kept = {"scopes", "wrong_key", "others", "dates", "dates_of", "end", "paged", "unknown_asked"}
    cache = {
        name: copy.copy(value)
        for name, value in seen.cache.items()
        if name in kept or name.startswith(("row:", "middle:", "feed_row"))
    }
    return replace(seen, replies=replies, cache=cache)


NO_ANSWER: dict[str, Callable[[Reply], Reply | None]] = {
    "not asked": lambda _: None,
    "no answer": lambda reply: replace(reply, status=0, body=None, failure="no_connection"),
    "server error": lambda reply: replace(reply, status=503, body={}, failure="server_error"),
    "no row": lambda reply: (
        replace(reply, body={**reply.body, "data": [], "availabilities": []})
        if isinstance(reply.body, dict)
        else reply
    ),
}


@pytest.mark.parametrize("kind", NO_ANSWER)
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
def test_nothing_is_otherwise_where_nothing_was_answered(seen: Seen, fact: Any, kind: str) -> None:
    for question in fact.questions or ("",):
        verdict = fact.judge(without(seen, question, NO_ANSWER[kind]))
        assert verdict.outcome != "otherwise", (question, verdict)

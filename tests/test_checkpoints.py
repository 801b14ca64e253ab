"""A STATE is written where something in it has changed, and about once a second at most."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tap_servicetitan_dispatch.run import checkpoints
from tap_servicetitan_dispatch.run.checkpoints import Checkpoints
from tests.support.group import GROUP, Group, read, values
from tests.support.scripted_api import Answer, feed_of, page

if TYPE_CHECKING:
    import pytest

    from tests.support.runs import Command
    from tests.support.scripted_api import Call, ScriptedApi


class Clock:
    """Shows what it is set to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_change_is_written_at_once_and_the_next_ones_a_second_later() -> None:
    clock, written = Clock(), []
    state = Checkpoints(lambda: written.append(clock.now), clock)
    state.tell()
    assert written == [], "nothing has changed"
    state.change()
    for clock.now in (0.2, 0.9):
        state.change()
    assert written == [0.0]
    clock.now = 1.0
    state.tell()
    assert written == [0.0, 1.0]
    state.tell()
    state.flush()
    assert written == [0.0, 1.0], "once, and not before a second has passed"
    state.change()
    state.flush()
    assert written == [0.0, 1.0, 1.0], "what is about to end does not wait"
    state.write()
    assert len(written) == 4, "nor does a signal"


def test_how_much_state_is_written_does_not_grow_with_the_square_of_the_tenants(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing new: each tenant answers with the bookmark that there is."""
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 600)
    streams = ("appointment_assignments", "teams", "zones")
    group = Group(api)
    first = read(tap, group.config, None, *streams)
    again = read(tap, group.config, first.states[-1], *streams)
    assert again.exit_code == 0, again.stderr
    assert again.states[-1] == first.states[-1]
    assert len(first.states) <= 1 + len(streams), "one at first, and one after each stream"
    assert len(again.states) <= 1 + len(streams)
    assert values(again.states[-1])["zones"].keys() == {*GROUP}


def test_a_run_that_fails_writes_what_it_has_not_written_yet(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 600)
    good = feed_of((None, page(1, more=True, token="t1")), ("t1", page(2, more=True, token="t2")))
    bad = Answer(status=401)  # which ends the run
    api.reply = lambda call: bad if call.query.get("from") == "t2" else good(call)
    run = tap.run(api.config)
    assert run.exit_code == 1
    assert run.bookmark == "t2"
    assert run.ids == [1, 2]


def test_while_a_page_is_waited_for_the_bookmark_of_the_one_before_is_written(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = threading.Event()
    write = Checkpoints.write

    def write_and_say(self: Checkpoints) -> None:
        write(self)
        written.set()

    def second(_: Call) -> Answer:
        assert written.wait(30)
        return Answer(page(2, more=False, token="t2"))

    monkeypatch.setattr(Checkpoints, "change", lambda self: setattr(self, "_has_changed", True))
    monkeypatch.setattr(Checkpoints, "write", write_and_say)
    first = Answer(page(1, more=True, token="t1"))
    api.reply = lambda call: second(call) if "from" in call.query else first
    run = tap.run(api.config)
    assert (run.exit_code, run.ids) == (0, [1, 2]), run.stderr

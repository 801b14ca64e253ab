"""Whole pages at once, or record by record as the SDK does: the same lines come out."""

from __future__ import annotations

import copy
import io
import json
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import hypothesis
import msgspec
import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk import Stream
from singer_sdk.contrib.msgspec import encoder
from singer_sdk.singerlib.encoding.simple import RecordMessage, StateMessage

from tap_servicetitan_dispatch.run import checkpoints
from tap_servicetitan_dispatch.sandbox import Faults, Sandbox
from tap_servicetitan_dispatch.settings.batches import ARROW_IS_THERE
from tap_servicetitan_dispatch.streams.base import DispatchStream
from tap_servicetitan_dispatch.streams.hashing import Hasher
from tap_servicetitan_dispatch.writer import LineWriter
from tests.support.arrow import arrow_into, assert_same_values, do_without_the_sdk
from tests.support.caller import START, Clock
from tests.support.contents import TRACKING_SETTINGS
from tests.support.odd_answers import KEYS, ODD_VALUES, ONE_DAY, answers, fields_of
from tests.support.runs import bookmarked, catalog_of, select
from tests.support.scripted_api import FEED, MODIFIED, Answer, feed_of, listed, page, routed, row
from tests.support.streams import ALL_STREAMS, PATHS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.runs import Command, Run
    from tests.support.scripted_api import ScriptedApi

pytestmark = pytest.mark.no_cover

EXTRACTED = re.compile(r'"time_extracted":"[^"]*"')
SEVEN = feed_of(
    (None, page(1, 2, 3, more=True, token="t1")),
    ("t1", page(4, 5, 6, 7, more=False, token="t2")),
)
NOW = datetime(2026, 11, 1, 8, 30, 15, 123456, tzinfo=UTC)


def lines_of(run: Run) -> list[str]:
    """Return the lines without what tells when they were written."""
    assert run.exit_code == 0, run.stderr
    return [EXTRACTED.sub('"time_extracted":""', line) for line in run.stdout.splitlines()]


@pytest.fixture
def both_ways(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Run]], list[str]]:
    """Run a run in both ways, see that it took them, and that the lines are the same."""
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0)  # or how busy it is would show

    def compare(run: Callable[[], Run]) -> list[str]:
        whole = Counted(monkeypatch)
        fast = lines_of(run())
        records = sum('"RECORD"' in line for line in fast)
        assert whole.records == records > 0
        with monkeypatch.context() as patch:
            patch.setattr(DispatchStream, "_needs_the_sdk", True)
            slow = lines_of(run())
        assert whole.records == records
        assert fast == slow
        return fast

    return compare


class Counted:
    """How many records were written without the SDK touching them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.records = 0
        write = LineWriter.write_records

        def count(writer: LineWriter, stream: str, records: Any, **more: Any) -> None:
            self.records += len(records)
            write(writer, stream, records, **more)

        monkeypatch.setattr(LineWriter, "write_records", count)


def test_all_streams_of_the_sandbox(
    tap: Command, both_ways: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And in a third, in which files have columns."""
    unlimited = Faults(requests_per_second=None)  # both ways go within a second
    with (
        time_machine.travel(START),
        Sandbox(assignments=300, clock=Clock(), faults=unlimited) as sandbox,
    ):
        config = {
            "environment": "sandbox",
            "api_url": sandbox.url,
            "timezone": "America/Chicago",
            "page_size": 200,
            **TRACKING_SETTINGS,
            "capacity_days_ahead": 1,
        }
        catalog = catalog_of(*ALL_STREAMS)
        messages = [*map(json.loads, both_ways(lambda: tap.run(config, None, catalog)))]
        if not ARROW_IS_THERE:
            do_without_the_sdk(monkeypatch)
        assert_same_values(messages, tap.run(config | arrow_into(tmp_path), None, catalog))
    streams = {each["stream"] for each in messages if each["type"] == "RECORD"}
    assert streams == set(ALL_STREAMS)


@pytest.mark.parametrize("value", ODD_VALUES, ids=lambda value: json.dumps(value)[:28])
def test_odd_values(api: ScriptedApi, tap: Command, both_ways: Any, value: Any) -> None:
    found: dict[str, Any] = {}
    for stream in KEYS:
        fields = dict.fromkeys([*fields_of(stream), "unheardOf"], value)
        found |= answers(stream, KEYS[stream] | fields)
    api.reply = routed(found)
    both_ways(lambda: tap.run(api.config | ONE_DAY, streams=tuple(KEYS)))


KEPT_AND_HASHED = {
    "keep_history": ["appointment_assignments", "capacities", "zones"],
    "hash_fields": [
        "appointment_assignments.technicianName",
        "appointment_assignments.technicianId",
        "capacities.technicians.name",
        "zones.cities",
        "zones.unknownFields",
    ],
    "hash_salt": "a salt of the test, to be kept",
}


@pytest.mark.parametrize("unknown", ["warn", "keep"])
def test_versions_and_hashes_of_any_values(
    api: ScriptedApi, tap: Command, both_ways: Any, unknown: str
) -> None:
    """In pages that are usual, and in such as have each odd value in each field."""
    streams = ("appointment_assignments", "capacities", "zones")
    odd = {
        stream: [
            KEYS[stream] | {"id": number} | dict.fromkeys([*fields_of(stream), "unheardOf"], value)
            for number, value in enumerate(ODD_VALUES)
        ]
        for stream in streams
    }
    technicians = [{"id": 1, "name": "Ada"}, {"id": 2}]
    of_slots: list[dict[str, Any]] = [{}, {"technicians": []}, {"technicians": technicians}]
    slots = [
        {"startUtc": "2026-12-01T08:00:00Z", "endUtc": f"2026-12-01T09:0{n}:00Z", **more}
        for n, more in enumerate(of_slots)
    ]
    pages = {
        None: page(1, 2, more=True, token="t1"),
        "t1": {"hasMore": False, "continueFrom": "t2", "data": odd["appointment_assignments"]},
    }
    found = {
        PATHS["capacities"]: {"timeStamp": MODIFIED, "availabilities": slots},
        PATHS["zones"]: listed(*odd["zones"]),
    }
    rest = routed(found)
    api.reply = lambda call: (
        Answer(pages[call.query.get("from")]) if call.path == FEED else rest(call)
    )
    config = {
        **api.config,
        **ONE_DAY,
        **KEPT_AND_HASHED,
        "unknown_fields": unknown,
        "extra_streams": ["capacities"],
    }
    catalog = tap.discover(*streams, **config)
    lines = both_ways(lambda: tap.run(config, None, catalog))
    assert "Ada" not in "".join(lines)
    records = [each for each in map(json.loads, lines) if each["type"] == "RECORD"]
    assert len(records) == 2 + len(slots) + 2 * len(ODD_VALUES)


def test_a_deselected_property(api: ScriptedApi, tap: Command, both_ways: Any) -> None:
    catalog = catalog_of("appointment_assignments")
    select(catalog, ("properties", "technicianName"), selected=False)
    api.reply = SEVEN
    lines = both_ways(lambda: tap.run(api.config, None, catalog))
    assert not any("technicianName" in line for line in lines)


def test_a_run_that_resumes_from_a_bookmark(api: ScriptedApi, tap: Command, both_ways: Any) -> None:
    api.reply = SEVEN
    both_ways(lambda: tap.run(api.config, bookmarked("t1")))


@pytest.mark.parametrize(
    "settings",
    [
        {"stream_maps": {"appointment_assignments": {"id": "id + 1"}}},
        {"stream_maps": {"appointment_assignments": {"__alias__": "board"}}},
        {"flattening_enabled": True, "flattening_max_depth": 1},
    ],
    ids=["a map", "an alias", "flattening"],
)
def test_what_touches_records_is_left_to_the_sdk(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    whole = Counted(monkeypatch)
    api.reply = SEVEN
    run = tap.run(api.config | settings)
    assert (run.exit_code, len(run.records), whole.records) == (0, 7, 0)


def test_a_deselected_part_of_a_property_is_left_to_the_sdk(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Counted(monkeypatch)
    catalog = catalog_of("appointment_assignments")
    part = ["properties", "status", "properties", "code"]
    catalog["streams"][0]["metadata"].append(
        {"breadcrumb": part, "metadata": {"inclusion": "available", "selected": False}}
    )
    data = [row(1, status={"code": 1, "name": "Done"})]
    api.reply = feed_of((None, {"hasMore": False, "continueFrom": "t", "data": data}))
    run = tap.run(api.config, None, catalog)
    assert ([each["status"] for each in run.records], whole.records) == ([{"name": "Done"}], 0)


def test_a_limit_of_records_is_left_to_the_sdk(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Counted(monkeypatch)
    monkeypatch.setattr(DispatchStream, "ABORT_AT_RECORD_COUNT", 5)
    api.reply = SEVEN
    run = tap.run(api.config)
    assert (run.exit_code, len(run.records), whole.records) == (1, 5, 0)


@pytest.mark.parametrize("maps", [{}, {"stream_maps": {"appointment_assignments": {"id": "id"}}}])
def test_a_state_has_bookmarks_and_nothing_else(
    api: ScriptedApi, tap: Command, maps: dict[str, Any]
) -> None:
    api.reply = SEVEN
    run = tap.run(api.config | maps)
    entries = [state["bookmarks"]["appointment_assignments"] for state in run.states]
    assert entries[-1]["replication_key_value"] == "t2"
    assert {frozenset(entry) for entry in entries} == {
        frozenset({"replication_key", "replication_key_value"})
    }


def test_the_private_hook_of_the_sdk_is_still_what_reads_a_stream() -> None:
    """It is overridden, so an SDK that calls something else would leave the shortcut unused."""
    assert "_sync_records" in Stream.sync.__code__.co_names
    assert "_sync_records" in vars(Stream)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(
    records=st.lists(st.dictionaries(st.text(), values, max_size=4), min_size=1, max_size=4),
    version=st.none() | st.integers(0, 10**10),
)
def test_any_record_is_written_as_a_message_of_its_own_would_be(
    records: list[dict[str, Any]], version: int | None
) -> None:
    assert written(
        lambda writer: writer.write_records("zones", records, version=version, time_extracted=NOW)
    ) == written(
        lambda writer: [
            writer.write_message(RecordMessage("zones", record, version, NOW)) for record in records
        ]
    )


ROW = msgspec.defstruct("Row", [("name", Any, msgspec.UNSET)])
ALL_SMALL = st.integers(-(2**63), 2**63 - 1)
PLAIN = st.none() | st.booleans() | ALL_SMALL | st.floats(allow_nan=False) | st.sampled_from("ab")
NESTED = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=6,
)


@hypothesis.settings(max_examples=50)
@given(
    names=st.lists(st.sampled_from("ab"), max_size=4) | st.lists(ALL_SMALL) | st.lists(NESTED),
    path=st.sampled_from([("name",), ("name", "a"), ("name", "b", "a")]),
)
def test_any_value_has_the_same_hash_in_a_row_of_either_kind(
    names: list[Any], path: tuple[str, ...]
) -> None:
    as_structs: list[Any] = [ROW(name) for name in copy.deepcopy(names)]
    as_dicts: list[Any] = [{"name": name} for name in copy.deepcopy(names)]
    hasher = Hasher([path], "a salt of the test")
    for rows in (as_structs, as_dicts):
        hasher.replace_in(rows)
    assert [row.name for row in as_structs] == [row["name"] for row in as_dicts]


@given(value=st.dictionaries(st.text(), values, max_size=4))
def test_any_state_is_written_as_the_sdk_would(value: dict[str, Any]) -> None:
    message = StateMessage(value=value)
    line = written(lambda writer: writer.write_message(message))
    assert json.loads(line) == json.loads(encoder.encode(message.to_dict()))
    assert line.startswith(b'{"type":"STATE","value":')


def written(write: Callable[[LineWriter], Any]) -> bytes:
    """Return what goes to stdout."""
    raw = io.BytesIO()
    before, sys.stdout = sys.stdout, io.TextIOWrapper(raw)
    try:
        write(writer := LineWriter())
        writer.flush()
        return raw.getvalue()
    finally:
        sys.stdout = before


def test_what_is_written_in_part_is_written_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """As without a buffer, when a signal comes in the middle."""
    taken = io.BytesIO()

    class Halting(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            return taken.write(bytes(data[:7]))

    raw: Any = Halting()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, write_through=True))
    record = {"id": 1, "name": "n" * 50}
    LineWriter().write_records("zones", [record], version=None, time_extracted=NOW)
    monkeypatch.undo()
    assert json.loads(taken.getvalue())["record"] == record


def test_stdout_that_does_not_wait_for_its_reader_is_an_error_and_no_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Full(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, _: Any) -> None:
            return None

    raw: Any = Full()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, write_through=True))
    with pytest.raises(BlockingIOError, match="stdout does not wait for its reader"):
        LineWriter().write_records("zones", [{"id": 1}], version=None, time_extracted=NOW)
    monkeypatch.undo()

"""BATCH output: the bookmark waits for the BATCH message that holds the last of its records."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.support.arrow import NEEDS_ARROW, table_in
from tests.support.runs import FEED_ONLY, catalog_of, select
from tests.support.scripted_api import feed_of, page

if TYPE_CHECKING:
    from tests.support.runs import Command
    from tests.support.scripted_api import ScriptedApi

pytestmark = pytest.mark.no_cover

THREE_PAGES = (
    (None, page(1, 2, 3, more=True, token="t1")),
    ("t1", page(4, 5, more=True, token="t2")),
    ("t2", page(6, 7, 8, more=False, token="t3")),
    ("t3", page(more=False, token="t3")),
)
ALL = set(range(1, 9))


of_each_format = pytest.mark.parametrize(
    "encoding",
    [
        pytest.param({"format": "jsonl", "compression": "gzip"}, id="jsonl"),
        pytest.param({"format": "arrow"}, id="arrow", marks=NEEDS_ARROW),
    ],
)


def batching(
    config: dict[str, Any], folder: Path, size: int, encoding: dict[str, str]
) -> dict[str, Any]:
    return config | {
        "batch_config": {
            "encoding": encoding,
            "storage": {"root": folder.as_uri()},
            "batch_size": size,
        }
    }


def batched_ids(messages: list[dict[str, Any]]) -> list[int]:
    urls = [
        url for message in messages if message["type"] == "BATCH" for url in message["manifest"]
    ]
    return [row["id"] for url in urls for row in rows_in(Path(urlsplit(url).path))]


def rows_in(file: Path) -> list[dict[str, Any]]:
    if file.suffix == ".arrow":
        rows: list[dict[str, Any]] = table_in(str(file)).to_pylist()
        return rows
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]


@of_each_format
@pytest.mark.parametrize("size", range(1, 10))
def test_a_run_cut_off_after_any_message_loses_nothing_when_resumed(
    api: ScriptedApi, tap: Command, tmp_path: Path, size: int, encoding: dict[str, str]
) -> None:
    api.reply = feed_of(*THREE_PAGES)
    run = tap.run(batching(api.config, tmp_path, size, encoding))
    assert run.exit_code == 0
    assert batched_ids(run.messages) == sorted(ALL)
    assert run.bookmark == "t3"
    for count in range(len(run.messages) + 1):
        seen = run.messages[:count]
        states = [message["value"] for message in seen if message["type"] == "STATE"]
        rest = tap.run(api.config, states[-1] if states else None)
        assert set(batched_ids(seen)) | set(rest.ids) == ALL, f"cut off after message {count}"


@of_each_format
def test_the_bookmark_moves_while_batches_go_out(
    api: ScriptedApi, tap: Command, tmp_path: Path, encoding: dict[str, str]
) -> None:
    """Else a long load that is interrupted would start over."""
    api.reply = feed_of(*THREE_PAGES)
    run = tap.run(batching(api.config, tmp_path, 3, encoding))
    streams = [state["bookmarks"]["appointment_assignments"] for state in run.states]
    tokens = [stream.get("replication_key_value") for stream in streams]
    assert [*dict.fromkeys(tokens)] == [None, "t2", "t3"]


@of_each_format
def test_a_deselected_property_is_left_out_of_the_files(
    api: ScriptedApi, tap: Command, tmp_path: Path, encoding: dict[str, str]
) -> None:
    api.reply = feed_of(*THREE_PAGES)
    catalog = catalog_of(*FEED_ONLY)
    select(catalog, ("properties", "technicianName"), selected=False)
    run = tap.run(batching(api.config, tmp_path, 3, encoding), None, catalog)
    rows = [row for file in tmp_path.glob("tap-*") for row in rows_in(file)]
    assert (len(rows), run.bookmark) == (len(ALL), "t3")
    assert all("technicianName" not in row and "technicianId" in row for row in rows)


@of_each_format
def test_the_files_are_for_their_owner_only_whatever_the_process_allows_others(
    api: ScriptedApi, tap: Command, tmp_path: Path, encoding: dict[str, str]
) -> None:
    api.reply = feed_of(*THREE_PAGES)
    folder = tmp_path / "made" / "by_the_tap"
    allowing_all = os.umask(0)
    try:
        assert tap.run(batching(api.config, folder, 3, encoding)).exit_code == 0
        assert os.umask(0) == 0, "as it was"
    finally:
        os.umask(allowing_all)
    modes = {oct(path.stat().st_mode & 0o777) for path in folder.iterdir()}
    assert modes == {"0o600"}
    assert oct(folder.stat().st_mode & 0o777) == "0o700"

"""What is wrong around the tap: one clear line that says what to do, and exit code 1."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.helpers._batch import BatchConfig

from tap_servicetitan_dispatch.streams.records import RowDecoder
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tests.support.group import GROUP, LATER, SOUTH, Group, read
from tests.support.runs import FEED_ONLY, Run, assert_fails, catalog_of
from tests.support.scripted_api import TOKEN, Answer, ScriptedApi, listed, page
from tests.support.streams import PATHS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runs import Command

WAYS = ("--check=json", "--discover", "--version")


@pytest.fixture
def good(api: ScriptedApi) -> ScriptedApi:
    api.reply = lambda _: Answer(page(1, more=False, token="t1"))
    return api


def in_a_shell(tap: Command, config: dict[str, Any], where: str = "", **how: Any) -> Run:
    """Run the command as a shell does, and say where its streams go.

    Args:
        tap: Knows where its files are.
        config: The settings.
        where: Redirections, as the shell has them.
        **how: What `subprocess.run` takes.
    """
    arguments = tap.arguments(config, None, catalog_of(*FEED_ONLY))
    *before, redirections = where.rpartition("; ")
    line = f'{"".join(before)}exec "$0" -m tap_servicetitan_dispatch "$@" {redirections}'
    done = subprocess.run(  # noqa: S603 - our own command
        ["/bin/sh", "-c", line, sys.executable, *arguments],
        check=False,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | how,
    )
    return Run(done.returncode, done.stdout or "", done.stderr)


def assert_one_line(run: Run, text: str, *, remedy: str = "What to do:") -> None:
    """What is said at level warning and above is one line, which has the text and a remedy."""
    assert run.exit_code == 1, run.stderr
    assert "Traceback" not in run.stderr
    said = [line for line in run.stderr.splitlines() if "| INFO" not in line]
    said = [line for line in said if not line.endswith("Config validation failed")]
    assert len(said) == 1, said
    assert text in said[0]
    assert remedy in said[0]
    assert "Unexpected" not in said[0]


# The log


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "Unknown level: 'LOUD\\n'"),
        ("", "not iterable"),
        ("a: [", "while parsing a flow node"),
        ("version: 1\nroot: {handlers: [nobody]}", "nobody"),
    ],
    ids=["level", "empty", "YAML", "handler"],
)
def test_a_log_that_cannot_be_set_up(
    good: ScriptedApi, tap: Command, content: str | None, text: str
) -> None:
    path = tap.folder / "logging.yml"
    path.write_text(content or "")
    bad = {"LOGLEVEL": "loud\n"} if content is None else {"SINGER_SDK_LOG_CONFIG": str(path)}
    run = in_a_shell(tap, good.config, env=os.environ | bad)
    assert_one_line(run, "the log cannot be set up (")
    assert text in run.stderr
    assert all(name in run.stderr for name in bad)
    assert good.calls == []


# stdout and stderr


def test_stdout_that_is_closed(good: ScriptedApi, tap: Command) -> None:
    assert_one_line(in_a_shell(tap, good.config, ">&-"), "stdout is closed")
    assert good.calls == []


def test_a_disk_that_is_full(good: ScriptedApi, tap: Command) -> None:
    assert_one_line(in_a_shell(tap, good.config, ">/dev/full"), "no disk space for")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_stdout_that_does_not_wait_for_its_reader(
    api: ScriptedApi, tap: Command, unbuffered: str
) -> None:
    api.reply = lambda _: Answer(page(*range(3_000), more=False, token="t1"))
    read, write = os.pipe()
    os.set_blocking(write, False)
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    run = in_a_shell(tap, api.config, stdout=write, env=environment)
    os.close(write)
    with os.fdopen(read) as stdout:
        assert '"RECORD"' in stdout.read()
    assert_one_line(run, "stdout does not wait for its reader")


@pytest.mark.no_cover
@pytest.mark.parametrize("where", ["2>/dev/full", "2>&- <&-"])
def test_without_stderr_only_what_goes_there_is_lost(
    good: ScriptedApi, tap: Command, where: str
) -> None:
    run = in_a_shell(tap, good.config, where)
    assert (run.exit_code, run.stderr, run.ids, run.bookmark) == (0, "", [1], "t1")


@pytest.mark.no_cover
@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full", ">&- 2>&-", ">/dev/full 2>/dev/full"])
def test_without_stderr_a_failure_is_still_one(good: ScriptedApi, tap: Command, where: str) -> None:
    run = in_a_shell(tap, good.config | {"page_size": 0}, where)
    assert (run.exit_code, run.stderr) == (1, "")


@pytest.mark.parametrize("way", WAYS)
def test_other_ways_to_run_the_tap_say_that_the_disk_is_full(
    good: ScriptedApi, tap: Command, way: str
) -> None:
    stderr = io.StringIO()
    arguments = tap.arguments(good.config, None, catalog_of(*FEED_ONLY), way)
    with (
        open("/dev/full", "w") as full,  # noqa: PTH123 - a device, not a path
        contextlib.redirect_stdout(full),
        contextlib.redirect_stderr(stderr),
        pytest.raises(SystemExit) as leaving,
    ):
        TapServiceTitanDispatch.cli.main(arguments, prog_name="tap")
    assert_one_line(Run(int(str(leaving.value)), "", stderr.getvalue()), "no disk space for")


def test_a_file_with_settings_may_be_a_pipe(good: ScriptedApi, tap: Command) -> None:
    """It can be read once only: `--config <(…)` of a shell is one, too."""
    read, write = os.pipe()
    with os.fdopen(write, "w") as pipe:
        json.dump(good.config, pipe)
    catalog = tap.arguments(None, None, catalog_of(*FEED_ONLY))
    run = tap.run(None, None, None, "--config", f"/dev/fd/{read}", *catalog)
    os.close(read)
    assert (run.exit_code, run.ids) == (0, [1])


# BATCH

ENCODING = {"format": "jsonl", "compression": "gzip"}
STORAGE = {"root": "file:///tmp"}
WHOLE: dict[str, Any] = {"encoding": ENCODING, "storage": STORAGE}
FORMATS = {plugin.name for plugin in entry_points(group="singer_sdk.batch_encoders")}


@pytest.mark.parametrize(
    ("batches", "text"),
    [
        (WHOLE | {"storage": None}, "batch_config.storage: is required"),
        ({"storage": STORAGE}, "batch_config.encoding: is required"),
        ({"batch_size": 5, "storage": STORAGE}, "batch_config.encoding: is required"),
        (WHOLE | {"encoding": None}, "batch_config.encoding: is required"),
        (WHOLE | {"encoding": {}}, "batch_config.encoding.format: is required"),
        (WHOLE | {"storage": {"root": ""}}, "batch_config.storage.root: is required"),
        (WHOLE | {"storage": {"root": None}}, "batch_config.storage.root: "),
        (WHOLE | {"storage": STORAGE | {"rooot": 1}}, "batch_config.storage.rooot: is not a"),
        (WHOLE | {"encoding": ENCODING | {"x": 1}}, "batch_config.encoding.x: is not a setting"),
        (WHOLE | {"size": 5}, "batch_config.size: is not a setting"),
        *(
            (WHOLE | {"batch_size": size}, "batch_config.batch_size: is not a number of rows")
            for size in (0, -1, 1.5, "many", True, [1], 10**30)
        ),
        (WHOLE | {"storage": STORAGE | {"params": 5}}, "batch_config.storage.params: is not an"),
        (WHOLE | {"storage": {"root": "s3://bucket"}}, "batch_config.storage.root: Install s3fs"),
        (WHOLE | {"storage": {"root": "gs://bucket"}}, "batch_config.storage.root: Please inst"),
        (WHOLE | {"storage": {"root": "nope://bucket"}}, "batch_config.storage.root: "),
        (WHOLE | {"storage": {"root": "folder\0"}}, "batch_config.storage.root: "),
        (
            WHOLE | {"encoding": {"format": "csv"}},
            f"batch_config.encoding.format: 'csv' is not one of {', '.join(sorted(FORMATS))}",
        ),
    ],
)
def test_batches_that_cannot_be_made(
    good: ScriptedApi, tap: Command, batches: Any, text: str
) -> None:
    run = tap.run(good.config | {"batch_config": batches})
    assert_one_line(run, text, remedy="")
    assert good.calls == []


def test_the_check_says_that_batches_cannot_be_made(good: ScriptedApi, tap: Command) -> None:
    run = tap.run(good.config | {"batch_config": {"batch_size": 0}}, None, None, "--check=json")
    assert run.exit_code == 1
    happened = json.loads(run.stdout)["steps"][0]["happened"]
    assert "batch_config.batch_size: is not a number of rows" in happened.splitlines()
    assert good.calls == []


@pytest.mark.parametrize(
    "batches",
    [
        WHOLE | {"batch_size": None},
        WHOLE | {"encoding": {"format": "jsonl"}},
        WHOLE | {"storage": STORAGE | {"prefix": "a-", "params": {}}},
        {},
        None,
    ],
)
def test_batches_that_can_be_made(
    good: ScriptedApi, tap: Command, tmp_path: Path, batches: dict[str, Any]
) -> None:
    if batches:
        batches = batches | {"storage": batches["storage"] | {"root": tmp_path.as_uri()}}
    run = tap.run(good.config | {"batch_config": batches})
    assert (run.exit_code, run.bookmark) == (0, "t1")
    assert ("BATCH" in run.stdout) == bool(batches)


@pytest.mark.parametrize("batches", [{"encoding": ENCODING}, WHOLE | {"storage": {}}])
def test_a_folder_for_batches_may_be_left_out_if_the_sdk_has_one(
    good: ScriptedApi,
    tap: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    batches: dict[str, Any],
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    try:
        BatchConfig.from_dict(batches)
    except TypeError:
        assert_one_line(tap.run(good.config | {"batch_config": batches}), "is required", remedy="")
        assert good.calls == []
    else:
        run = tap.run(good.config | {"batch_config": batches})
        assert (run.exit_code, run.bookmark) == (0, "t1")
        assert len([*tmp_path.glob("singer-sdk/*.json.gz")]) == 1


def test_batches_may_have_the_format_of_a_plug_in(
    good: ScriptedApi, tap: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "lines-1.dist-info"
    plugin.mkdir()
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: lines\nVersion: 1\n")
    encoder = "lines = singer_sdk.contrib.batch_encoder_jsonl:JSONLinesBatcher\n"
    (plugin / "entry_points.txt").write_text(f"[singer_sdk.batch_encoders]\n{encoder}")
    monkeypatch.syspath_prepend(tmp_path)
    batches = {"encoding": {"format": "lines"}, "storage": {"root": tmp_path.as_uri()}}
    run = tap.run(good.config | {"batch_config": batches})
    assert (run.exit_code, run.bookmark) == (0, "t1")
    assert [each["encoding"]["format"] for each in run.messages if each["type"] == "BATCH"] == [
        "lines"
    ]


def test_a_folder_for_batches_that_cannot_be_made(
    good: ScriptedApi, tap: Command, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file")
    batches = WHOLE | {"storage": {"root": (tmp_path / "taken" / "below").as_uri()}}
    run = tap.run(good.config | {"batch_config": batches})
    assert_one_line(run, "Not a directory")


def test_a_disk_that_is_full_of_batches(good: ScriptedApi, tap: Command, tmp_path: Path) -> None:
    batches = WHOLE | {"storage": {"root": tmp_path.as_uri()}}
    good.reply = lambda _: Answer(page(*range(30_000), more=False, token="t1"))
    small = "ulimit -f 8; "  # as small as a disk can be
    # What measures the coverage of a process writes a file, too
    environment = {name: each for name, each in os.environ.items() if "COVERAGE" not in name}
    run = in_a_shell(tap, good.config | {"batch_config": batches}, small, env=environment)
    assert_one_line(run, "no disk space for")


# Certificates and proxies


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("content", [None, "", "garbage", "-----BEGIN CERTIFICATE-----\nAA=="])
def test_certificates_to_trust_that_cannot_be_read(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch, name: str, content: str | None
) -> None:
    path = tap.folder / "bundle.pem"
    if content is not None:
        path.write_text(content)
    for each in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, str(path))
    run = tap.run(api.config | {"auth_url": "https://a.example/connect/token"})
    assert_one_line(run, "the trusted certificates cannot be read")
    assert name in run.stderr


@pytest.mark.parametrize("is_named", [True, False])
def test_certificates_to_trust_may_be_in_a_folder_or_not_named(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch, *, is_named: bool
) -> None:
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tap.folder) if is_named else "")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    away = {"auth_url": "https://a.example/connect/token", "max_retries": 0}
    assert_one_line(tap.run(api.config | away), "no connection could be made (POST ")


@pytest.mark.parametrize(
    "proxy", ["http://", "http://me:pw@", "http:///", "a b", "http://b.example\\c", "http://b:x"]
)
def test_a_proxy_that_is_not_an_address(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    run = tap.run(api.config | {"auth_url": "https://a.example/connect/token"})
    assert_one_line(run, "the address of the API or of a proxy is invalid")


# Memory


def test_out_of_memory(good: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(RowDecoder, "decode", decode)
    assert_one_line(tap.run(good.config), "there is not enough memory")


# What a token endpoint says


@pytest.mark.parametrize("lifetime", [10**15, 1e308, True, False, None, "900", -1, 0, [], 899.5])
def test_a_lifetime_of_any_kind(good: ScriptedApi, tap: Command, lifetime: Any) -> None:
    token = {"access_token": TOKEN, "expires_in": lifetime}
    good.token_reply = lambda _: Answer(json.dumps(token))
    run = tap.run(good.config)
    assert (run.exit_code, run.ids) == (0, [1])
    assert len(good.token_calls) == 1


# Text that is none


@pytest.mark.parametrize("half", [rb'"\ud83d"', rb'"\udd27\ud83d"', b'"\xed\xa0\xbd"', b'"\xff"'])
def test_text_that_is_not_valid_names_stream_and_row(
    api: ScriptedApi, tap: Command, half: bytes
) -> None:
    rows = b'{"id": 1, "name": "North"}, {"id": 2, "zips": [{"a": 1, "b": ["x", %b]}]}' % half
    body = b'{"page": 1, "pageSize": 50, "hasMore": false, "data": [%b]}' % rows
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    api.reply = lambda _: Answer(raw=[head + body])
    run = tap.run(api.config, streams=("zones",))
    assert_fails(run, "zones: the answer has a value that cannot be passed on (GET ")
    where = "text that is not valid Unicode in data.1.zips.0.b.1 of the row with id 2"
    assert where in run.errors[0]
    assert "proxy" not in run.errors[0]
    assert len(api.api_calls) == 1


def test_a_name_that_is_not_valid_text_is_told_as_that(api: ScriptedApi, tap: Command) -> None:
    body = {"page": 1, "hasMore": False, "data": [], "\ud83d": 1}
    api.reply = lambda _: Answer(body)
    run = tap.run(api.config, streams=("zones",))
    assert_fails(run, "zones: the answer has a value that cannot be passed on (GET ")
    assert "text that is not valid Unicode in a key" in run.errors[0]


def test_a_number_that_no_number_can_hold_is_named(api: ScriptedApi, tap: Command) -> None:
    api.reply = lambda _: Answer('{"page": 1, "hasMore": false, "data": [{"id": 1e400}]}')
    run = tap.run(api.config, streams=("zones",))
    assert_fails(run, "zones: the answer has a value that cannot be passed on (GET ")
    assert "a number that is out of range" in run.errors[0]


def test_only_the_stream_of_the_tenant_that_has_it_fails(api: ScriptedApi, tap: Command) -> None:
    half = {"id": 5, "modifiedOn": LATER, "name": "\ud83d"}
    group = Group(api, {(SOUTH, PATHS["zones"]): listed(half)})
    run = read(tap, group.config, None, "teams", "zones")
    assert_fails(run, f"tenant {SOUTH}, zones: the answer has a value that cannot be passed on (")
    assert "data.0.name of the row with id 5" in run.errors[0]
    assert len(run.records) == 2 * len(GROUP) - 1

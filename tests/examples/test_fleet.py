"""What the fleet of examples/fleet is made from, and what is told of a run; without Meltano."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml
from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetMaterialization,
    AssetsDefinition,
    DagsterInstance,
    Definitions,
    ScheduleDefinition,
)
from dagster._core.loader import LoadingContextForTest

import examples.fleet.__main__ as command
from examples.fleet import with_dagster
from examples.fleet.running import Summary, run_shard
from examples.fleet.shards import TENANTS_YML, Fleet, FleetError, Shard
from examples.fleet.with_dagster import CHECK, definitions, judged, last_read
from tests.support.streams import OFFERED
from tests.support.waiting import until
from tools.markdown import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.no_cover

FLEET = Fleet.read(TENANTS_YML)
NORTH, SOUTH, WEST = FLEET.shards
SECRET = {"client_id": "cid.n", "client_secret": "cs1.n", "app_key": "ak1.n"}
OWN = {"client_id": "cid.o", "client_secret": "cs1.o", "app_key": "ak1.o"}


def changed(folder: Path, shard: str, **values: Any) -> Fleet:
    """Return the fleet with something else said of a shard."""
    content = yaml.safe_load(TENANTS_YML.read_text(encoding="utf-8"))
    content["shards"][shard] |= values
    path = folder / "tenants.yml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return Fleet.read(path)


# The file -------------------------------------------------------------------------------------


def test_the_file_names_eight_tenants_and_all_streams_that_are_offered() -> None:
    assert sum(len(shard.tenants) for shard in FLEET.shards) == 8
    assert sorted(FLEET.streams) == sorted(OFFERED)


@pytest.mark.parametrize(
    ("minutes", "cron"),
    [
        (5, "*/5 * * * *"),
        (10, "*/10 * * * *"),
        (60, "0 * * * *"),
        (120, "0 */2 * * *"),
        (1440, "0 0 * * *"),
    ],
)
def test_an_interval_becomes_a_cron_expression(tmp_path: Path, minutes: int, cron: str) -> None:
    assert changed(tmp_path, "north", every_minutes=minutes).shards[0].cron == cron


@pytest.mark.parametrize("minutes", [7, 45, 90, 420])
def test_an_interval_that_cron_cannot_say_is_refused(tmp_path: Path, minutes: int) -> None:
    with pytest.raises(FleetError, match=f"shard north: every_minutes is {minutes}, which divides"):
        changed(tmp_path, "north", every_minutes=minutes)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"tenants": [1_000_000_001]}, "tenant 1000000001 is there twice"),
        ({"schema": "dispatch_north"}, "schema dispatch_north is there twice"),
        ({"schema": "Dispatch_North"}, "schema Dispatch_North is there twice"),
        ({"schema": "s" * 64}, "shard south: schema has more than 63 characters"),
        ({"tenants": [{"tenant_id": 4, "nmae": "Acme"}]}, "Did you mean name by nmae?"),
        ({"every_minute": 10}, "Did you mean every_minutes by every_minute?"),
        ({"schema": "../north"}, "shard south: schema has to be of letters, digits and _"),
        ({"schema": None}, "shard south: schema has to be a text"),
        ({"credential": "DISPATCH"}, "shard south: credential is not known. There are: tenants, "),
        ({"credentials": {"client_secret": "cs1.x"}}, "shard south: credentials has to be a text"),
        ({"credentials": "cs1.secret"}, "shard south: credentials has to be of letters, digits"),
        ({"tenants": []}, "shard south: tenants says nothing"),
        ({"tenants": ["1000000004"]}, "shard south, a tenant: tenant_id has to be a whole number"),
        ({"tenants": [{"name": "Acme"}]}, "shard south, a tenant lacks tenant_id"),
        ({"tenants": [{"tenant_id": 4, "client_secret": "cs1.x"}]}, "client_secret is not known"),
        ({"every_minutes": 0}, "shard south: every_minutes says nothing that makes sense"),
        ({"every_minutes": -10}, "shard south: every_minutes says nothing that makes sense"),
        ({"every_minutes": True}, "shard south: every_minutes has to be a whole number"),
    ],
)
def test_a_shard_that_makes_no_sense_or_would_mix_up_is_refused(
    tmp_path: Path, values: dict[str, Any], told: str
) -> None:
    with pytest.raises(FleetError, match=re.escape(told)) as refused:
        changed(tmp_path, "south", **values)
    assert "cs1" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "tenants.yml cannot be read, or is no text."),
        (
            "shards: {n: cs1.x",
            "tenants.yml is not YAML: expected ',' or '}', but got '<stream end>', in line 1.",
        ),
        ("target: a\nshards: {}\ntarget: b", "is not YAML: a name is there twice, in line 3."),
        ("target: target-bigquery", "the fleet lacks extra_streams"),
        ("retries: {{ RETRIES }}", "is not YAML: a name has to be a text, in line 1."),
        ("", "tenants.yml: the fleet lacks extra_streams, retries, "),
        ("[north]", "tenants.yml: the fleet lacks extra_streams, retries, "),
        ("stale_after: 3", "tenants.yml: the fleet: stale_after is not known. There are: target, "),
        ("stale_after_interval: 3", "Did you mean stale_after_intervals by stale_after_interval?"),
        (
            "retries: 010",
            "a number is written oddly (take digits only, and no 0 in front), in line 1",
        ),
        ("shards: {n: {tenants: [0777]}}", "no 0 in front), in line 1"),
        ("retries: 1:30", "a number is written oddly"),
        ("retries: 0x1F", "a number is written oddly"),
        ("retries: 1_000", "a number is written oddly"),
        ("extra_streams:", "tenants.yml: the fleet: extra_streams has to be a list"),
        ("shards: {}", "tenants.yml: the fleet: shards says nothing that makes sense"),
        ("stale_after_intervals: 0", "tenants.yml: the fleet: stale_after_intervals says nothing"),
    ],
)
def test_a_file_that_makes_no_sense_is_told_of_in_a_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str | None,
    told: str,
) -> None:
    path = tmp_path / "tenants.yml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("FLEET_TENANTS", str(path))
    monkeypatch.setattr(sys, "argv", ["fleet", "north"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    [line] = str(ended.value).splitlines()
    assert told in line
    assert "cs1" not in line


def with_values(folder: Path, **values: Any) -> Fleet:
    """Return the fleet with something else said of it."""
    content = yaml.safe_load(TENANTS_YML.read_text(encoding="utf-8")) | values
    path = folder / "tenants.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return Fleet.read(path)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"shards": {"far-north": {}}},
            "shard far-north: its name has to be of letters, digits and _",
        ),
        ({"target": "target-bigquery"}, "target target-bigquery is not one of target-jsonl, "),
        ({"streams": [{"zones": None}]}, "the fleet: {'zones': None} is no stream"),
        ({"streams": ["zones", "zones"]}, "the fleet: 'zones' is no stream, or is there twice"),
        ({"extra_streams": ["zones"]}, "the fleet: 'zones' is no stream, or is there twice"),
        ({"extra_streams": [None]}, "the fleet: None is no stream"),
        ({"streams": ["tenants"]}, "the fleet: 'tenants' is no stream"),
    ],
)
def test_a_fleet_that_makes_no_sense_is_refused(
    tmp_path: Path, values: dict[str, Any], told: str
) -> None:
    with pytest.raises(FleetError, match=re.escape(told)):
        with_values(tmp_path, **values)


def test_a_loader_that_is_inherited_has_a_place_for_each_shard(tmp_path: Path) -> None:
    fleet = with_values(tmp_path, target="target-jsonl--archive")
    assert (
        fleet.settings(fleet.shards[0], {})["TARGET_JSONL__ARCHIVE_DESTINATION_PATH"]
        == "output/dispatch_north"
    )


def test_a_tenant_has_the_credentials_of_its_shard_or_its_own() -> None:
    variables = {
        "MELTANO_ENVIRONMENT": "production",
        "DISPATCH_SOUTH": json.dumps(SECRET),
        "DISPATCH_ACME": json.dumps(OWN),
    }
    assert SOUTH.tap_settings(variables) == [
        {"tenant_id": 1_000_000_004, **SECRET},
        {"tenant_id": 1_000_000_005, **SECRET},
        {"tenant_id": 1_000_000_006, "name": "Acme South", **OWN},
    ]


@pytest.mark.parametrize(
    "value",
    [
        *(None, "cs1.secret", '["cs1.secret"]', '{"client_id": "x"}'),
        json.dumps(SECRET | {"client_secret": ""}),
        json.dumps(SECRET | {"app_key": None}),
    ],
)
def test_credentials_that_are_not_there_are_told_of_and_not_shown(value: str | None) -> None:
    variables = {"MELTANO_ENVIRONMENT": "production"}
    if value is not None:
        variables["DISPATCH_NORTH"] = value
    with pytest.raises(FleetError, match="variable DISPATCH_NORTH has to hold") as told:
        NORTH.tap_settings(variables)
    assert "cs1." not in str(told.value)
    assert told.value.__context__ is None, "which may quote a secret"


def test_the_sandbox_needs_none() -> None:
    assert NORTH.tap_settings({})[0] == {"tenant_id": 1_000_000_001}


# Who is stale ---------------------------------------------------------------------------------

NOW = datetime(2026, 6, 18, 15, 0, tzinfo=UTC)
KNOWN = {1_000_000_001: "2026-06-18T14:30:00+00:00", 1_000_000_002: "2026-06-18T14:29:59+00:00"}


def test_a_tenant_that_was_read_too_long_ago_or_never_is_stale() -> None:
    assert FLEET.stale(NORTH, KNOWN, NOW) == {
        1_000_000_002: "2026-06-18T14:29:59+00:00",
        1_000_000_003: "never",
    }
    assert FLEET.freshness(NORTH, KNOWN, NOW) == (
        "Stale: 1000000002 (last read: 2026-06-18T14:29:59+00:00), 1000000003 (last read: never)."
    )
    fresh = dict.fromkeys(NORTH.tenants, NOW.isoformat())
    assert FLEET.freshness(NORTH, fresh, NOW) == "All tenants are fresh."


def test_a_tenant_with_a_name_is_called_by_it_in_each_summary() -> None:
    assert FLEET.freshness(SOUTH, KNOWN, NOW).endswith(
        ", Acme South (1000000006) (last read: never)."
    )
    summary = Summary(SOUTH.tenants, NOW, failed=SOUTH.tenants[2:], doubtful=SOUTH.tenants[1:2])
    assert summary.text(SOUTH).endswith(
        "wholly: Acme South (1000000006). Rows may have been missed of: 1000000005."
    )


# A run ----------------------------------------------------------------------------------------


@pytest.fixture
def meltano(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a Meltano that logs `log.txt`, keeps its settings, and ends as told."""
    path = tmp_path / "meltano"
    path.write_text(
        f"#!{sys.executable}\n"
        "import json, os, pathlib, sys\n"
        "here = pathlib.Path(__file__).parent\n"
        "(here / 'seen.json').write_text(json.dumps([sys.argv[1:], os.getcwd(), {**os.environ}]))\n"
        "sys.stderr.write((here / 'log.txt').read_text())\n"
        "sys.stderr.flush()\n"
        "if 'SIGNAL' in os.environ: os.kill(os.getpid(), int(os.environ['SIGNAL']))\n"
        "sys.exit(int(os.environ.get('EXIT_CODE', 0)))\n"
    )
    path.chmod(0o755)
    monkeypatch.setenv("FLEET_MELTANO", str(path))
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path))
    return path


def log(folder: Path, *lines: Any) -> None:
    text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (folder / "log.txt").write_text("".join(f"{line}\n" for line in text), encoding="utf-8")


def of_tap(event: str, stream: str = "", level: str = "info", **figures: Any) -> dict[str, Any]:
    name = "tap-servicetitan-dispatch"
    logger = name + f".{stream}" * bool(stream)
    kind = {"cmd_type": "extractor", "name": name, "plugin_logger": logger}
    return {"event": event, "level": level, **kind, **figures}


def of_good_runs(*failed: int) -> list[dict[str, Any]]:
    """Return what the tap logs of a run in which each stream was read."""
    streams = [of_tap(each, each, rows=1, tenants_read=2) for each in FLEET.streams]
    return [*streams, of_tap("the end", tenants_left_out=[*failed])]


def of_target(event: str) -> dict[str, Any]:
    return {"event": event, "level": "info", "cmd_type": "loader", "name": "target-postgres"}


def of_meltano(event: str) -> dict[str, Any]:
    return {"event": event, "level": "error"}


def test_a_run_is_summed_up_from_the_log(tmp_path: Path, meltano: Path) -> None:
    assert meltano.exists()
    others = tuple(each for each in FLEET.streams if each not in ("teams", "zones"))
    log(
        tmp_path,
        "Meltano, before it knows how to log",
        '"no object"',
        of_tap("zones so far", "zones", rows=1, tenants_read=0),
        of_tap("zones", "zones", rows=3, tenants_read=2, seconds=0.5, tenants=3),
        of_tap("teams", "teams", rows=4, tenants_read=3, reached="2026-06-18T15:00:00Z"),
        *(of_tap("Skipped, as …", each, level="warning") for each in others),
        of_tap("left out", tenants_left_out=[1_000_000_002], tenants_doubtful=[1_000_000_003]),
        of_tap("Left out, as …", level="warning", tenant_id=1_000_000_002),
        {"event": "of the target", "level": "info", "plugin_logger": "target", "rows": 99},
    )
    told: list[str] = []
    summary = run_shard(FLEET, NORTH, told.append)
    assert len(told) == 8 + len(others)
    assert summary.rows == 7
    assert summary.streams["zones"] == {"rows": 3, "seconds": 0.5, "tenants_read": 2}
    assert summary.streams["teams"]["reached"] == "2026-06-18T15:00:00Z"
    assert summary.failed == (1_000_000_002,)
    assert summary.doubtful == (1_000_000_003,)
    assert summary.read == (1_000_000_001,), "nobody vouches for the third"
    assert summary.reasons == ["Left out, as …"]
    assert summary.unread == others
    assert summary.text(NORTH).startswith("7 rows of 1 of 3 tenants in ")
    assert summary.text(NORTH).endswith(
        "s. Not read, or not wholly: 1000000002. Rows may have been missed of: 1000000003. "
        f"Read of no tenant: {', '.join(others)}."
    )


def test_a_run_gets_all_that_is_its_shards(
    tmp_path: Path, meltano: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(tmp_path, *of_good_runs())
    monkeypatch.setenv("MELTANO_CLI_LOG_LEVEL", "warning")
    monkeypatch.setenv("MELTANO_ENVIRONMENT", "production")
    monkeypatch.setenv("DISPATCH_WEST", json.dumps(SECRET))
    run_shard(FLEET, WEST)
    arguments, folder, variables = json.loads((meltano.parent / "seen.json").read_text())
    assert folder == str(tmp_path)
    assert arguments == [
        *(
            "el",
            "tap-servicetitan-dispatch",
            "target-jsonl",
            "--state-id=west-to-target-jsonl-dispatch_west",
            "--force",
        ),
    ]
    tenants = json.loads(variables["TAP_SERVICETITAN_DISPATCH_TENANTS"])
    assert [each["tenant_id"] for each in tenants] == [*WEST.tenants]
    assert {each["client_secret"] for each in tenants} == {"cs1.n"}
    assert not variables["TAP_SERVICETITAN_DISPATCH_TENANT_ID"]
    assert variables["TARGET_JSONL_DESTINATION_PATH"] == "output/dispatch_west"
    assert (tmp_path / "output/dispatch_west").is_dir()
    assert variables["MELTANO_CLI_LOG_LEVEL"] == "info"
    assert "zones.*" in json.loads(variables["TAP_SERVICETITAN_DISPATCH__SELECT"])
    assert json.loads(variables["TAP_SERVICETITAN_DISPATCH_EXTRA_STREAMS"]) == []


def test_a_stream_on_request_is_asked_for_selected_and_an_asset(tmp_path: Path) -> None:
    fleet = with_values(tmp_path, extra_streams=["sync_log"])
    settings = fleet.settings(fleet.shards[0], {})
    assert json.loads(settings["TAP_SERVICETITAN_DISPATCH_EXTRA_STREAMS"]) == ["sync_log"]
    assert "sync_log.*" in json.loads(settings["TAP_SERVICETITAN_DISPATCH__SELECT"])
    keys = definitions(fleet).resolve_asset_graph().get_all_asset_keys()
    assert "north/sync_log" in {key.to_user_string() for key in keys}


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        pytest.param(
            [
                of_tap("the API is down. What to do: wait", level="error"),
                of_meltano("ELT could not be completed"),
            ],
            "the API is down. What to do: wait",
            id="tap",
        ),
        pytest.param(
            [
                of_meltano(""),  # of the broken pipe
                of_target("connection refused"),
                of_target("Traceback (most recent call last):"),
                of_target('  File "connection.py", line 126, in connect'),
                of_tap("zones", "zones", rows=3),
                of_target("psycopg.OperationalError: connection refused"),
                of_target("The above exception was the direct cause of the following exception:"),
                of_target("Traceback (most recent call last):"),
                of_target("sqlalchemy.exc.OperationalError: connection refused"),
                of_target("(Background on this error at: …)"),
                of_meltano("Loading failed"),
            ],
            "target-postgres: psycopg.OperationalError: connection refused",
            id="target",
        ),
        pytest.param(
            [of_meltano("\n"), of_meltano("Loader failed.\nFor more …"), of_meltano("Another")],
            "Loader failed.",
            id="Meltano",
        ),
        pytest.param(
            ["Traceback (most recent call last):", "ModuleNotFoundError: No module …", ""],
            "ModuleNotFoundError: No module …",
            id="before the log",
        ),
        pytest.param([], "exit code 1", id="unknown"),
    ],
)
def test_a_run_that_fails_says_what_went_wrong_first(
    tmp_path: Path,
    meltano: Path,
    monkeypatch: pytest.MonkeyPatch,
    lines: list[Any],
    told: str,
) -> None:
    assert meltano.exists()
    monkeypatch.setenv("EXIT_CODE", "1")
    log(tmp_path, *lines)
    with pytest.raises(FleetError) as raised:
        run_shard(FLEET, NORTH)
    assert str(raised.value) == f"Shard north failed: {told}"


def test_a_run_that_is_killed_says_so_whatever_the_log_said_before(
    tmp_path: Path, meltano: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNAL", str(signal.SIGKILL.value))
    assert meltano.exists()
    log(tmp_path, "A line of a program without a log", of_tap("zones: 3 rows", "zones", rows=3))
    with pytest.raises(FleetError) as raised:
        run_shard(FLEET, NORTH)
    assert str(raised.value) == (
        "Shard north failed: signal 9 (Killed) has ended Meltano. What to do: see whether somebody "
        "stopped it, or the machine or container has run out of memory; to run it again is safe."
    )


def test_a_command_runs_shards_without_an_engine(
    tmp_path: Path,
    meltano: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert meltano.exists()
    log(tmp_path, *of_good_runs())
    monkeypatch.setattr(sys, "argv", ["fleet", "north", "west"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert not ended.value.code
    north, west = capsys.readouterr().out.splitlines()
    assert north.startswith("north: 9 rows of 3 of 3 tenants in ")
    assert north.endswith(" All tenants are fresh.")
    assert west.startswith("west: 9 rows of 2 of 2 tenants in ")
    monkeypatch.setenv("EXIT_CODE", "1")
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 1
    assert "Shard west failed: exit code 1" in capsys.readouterr().err


def test_the_command_says_who_is_stale_also_where_a_run_fails(
    tmp_path: Path,
    meltano: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert meltano.exists()
    folder = tmp_path / "memory"
    monkeypatch.setenv("FLEET_LAST_READ", str(folder))
    monkeypatch.setattr(sys, "argv", ["fleet", "north"])
    long_ago, gone = "2020-01-01T00:00:00+00:00", NORTH.tenants[0]

    def told() -> str:
        with pytest.raises(SystemExit):
            command.main()
        out, err = capsys.readouterr()
        return str((out or err).splitlines()[-1].rpartition("Stale: ")[2])

    log(tmp_path, *of_good_runs(gone))
    assert told() == f"{gone} (last read: never)."
    known = json.loads((folder / "north.json").read_text())
    assert [*known] == [*map(str, NORTH.tenants[1:])]
    (folder / "north.json").write_text(json.dumps(known | {str(gone): long_ago}))
    assert told() == f"{gone} (last read: {long_ago})."
    monkeypatch.setenv("EXIT_CODE", "1")
    assert told() == f"{gone} (last read: {long_ago})."
    (folder / "north.json").write_text("[1")
    assert told().count("(last read: never)") == len(NORTH.tenants)


def test_the_command_says_so_if_it_cannot_keep_when_a_shard_was_read(
    tmp_path: Path,
    meltano: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert meltano.exists()
    log(tmp_path, *of_good_runs())
    monkeypatch.setenv("FLEET_LAST_READ", str(tmp_path / "log.txt"))
    monkeypatch.setattr(sys, "argv", ["fleet", "north"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 1
    err = capsys.readouterr().err
    assert "Shard north was loaded, but when it was read cannot be kept: " in err
    assert "What to do: let FLEET_LAST_READ name a folder that can be written." in err


def test_a_run_whose_log_does_not_say_who_was_read_is_not_taken_for_good(
    tmp_path: Path, meltano: Path
) -> None:
    assert meltano.exists()
    log(tmp_path, *of_good_runs()[:-1])
    with pytest.raises(FleetError, match=r"which tenants were read is not in the log\. What to do"):
        run_shard(FLEET, NORTH)
    skipped = [of_tap("Skipped, as …", each, level="warning") for each in FLEET.streams]
    log(tmp_path, *skipped, *of_good_runs()[-1:])
    with pytest.raises(FleetError, match="Shard north failed: no stream was read of any tenant"):
        run_shard(FLEET, NORTH)
    log(tmp_path, *of_good_runs())
    with pytest.raises(FleetError, match=r"loaded, but there is no stream zons\. What to do: corr"):
        run_shard(with_values(tmp_path, streams=["zones", "zons"]), NORTH)


def test_a_shard_that_cannot_be_started_leaves_the_others_to_be_run(
    tmp_path: Path,
    meltano: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert meltano.exists()
    log(tmp_path, *of_good_runs())
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / NORTH.schema).touch()
    monkeypatch.setattr(sys, "argv", ["fleet", "north", "west"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 1
    out, err = capsys.readouterr()
    assert "Shard north failed: [Errno 17] File exists: " in err
    assert out.startswith("west: 9 rows ")
    monkeypatch.setenv("FLEET_MELTANO", str(tmp_path / "nowhere"))
    with pytest.raises(FleetError, match=r"Shard west failed: .*No such file"):
        run_shard(FLEET, WEST)


def test_a_signal_stops_meltano_before_the_command_ends(tmp_path: Path, meltano: Path) -> None:
    meltano.write_text(
        f"#!{sys.executable}\n"
        "import os, pathlib, signal, sys, time\n"
        "here = pathlib.Path(__file__).parent\n"
        "def end(*_):\n"
        "    time.sleep(0.3)\n"
        "    (here / 'ended').touch()\n"
        "    sys.exit(1)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "(here / 'begun').touch()\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "examples.fleet", "west"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until((tmp_path / "begun").exists)
    process.terminate()
    assert process.wait(30) == 128 + signal.SIGTERM
    assert (tmp_path / "ended").exists()


# Kubernetes -----------------------------------------------------------------------------------


def test_the_cronjob_is_one_that_kubernetes_knows_and_runs_a_shard_that_there_is() -> None:
    text = (ROOT / "examples/fleet/cronjob.yaml").read_text(encoding="utf-8")
    described = yaml.safe_load(text)
    latest = kubernetes_validate.latest_version()
    kubernetes_validate.validate(described, latest, strict=True)
    assert described["spec"]["concurrencyPolicy"] == "Forbid"
    assert described["spec"]["schedule"] == NORTH.cron
    [container] = described["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"] == [".venv/bin/python", "-m", "examples.fleet", NORTH.name]
    described["spec"]["concurrency"] = described["spec"].pop("concurrencyPolicy")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(described, latest, strict=True)


# Dagster --------------------------------------------------------------------------------------


def test_dagster_has_an_asset_a_stream_and_shard_and_a_schedule_a_shard() -> None:
    defs = definitions(FLEET)
    Definitions.validate_loadable(defs)
    keys = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
    assert keys == {
        f"{shard.name}/{name}" for shard in FLEET.shards for name in (*FLEET.streams, "tenants")
    }
    schedules = {
        each.name: each.cron_schedule
        for each in defs.schedules or ()
        if isinstance(each, ScheduleDefinition)
    }
    assert schedules == {
        "load_north_schedule": "*/10 * * * *",
        "load_south_schedule": "*/10 * * * *",
        "load_west_schedule": "0 * * * *",
        "freshness_schedule": "*/10 * * * *",
    }


def test_no_more_than_one_run_of_a_shard_is_under_way() -> None:
    described = yaml.safe_load((ROOT / "examples/fleet/dagster.yaml").read_text(encoding="utf-8"))
    assert described["concurrency"]["pools"] == {"default_limit": 1}
    assert not described["run_retries"]["retry_on_asset_or_op_failure"], "it is tried again within"
    pools = {
        each.op.pool
        for each in definitions(FLEET).assets or ()
        if isinstance(each, AssetsDefinition)
    }
    assert pools == {"north", "south", "west"}


def test_dagsters_check_is_red_while_a_tenant_is_stale() -> None:
    verdict = judged(FLEET, NORTH, KNOWN, NOW)
    assert not verdict.passed
    assert verdict.description == FLEET.freshness(NORTH, KNOWN, NOW)
    assert judged(FLEET, NORTH, dict.fromkeys(NORTH.tenants, NOW.isoformat()), NOW).passed


def shown(instance: DagsterInstance) -> tuple[bool, str] | None:
    """Return what the page of Dagster has of the latest load of north: its verdict, in words."""
    key = AssetCheckKey(AssetKey(["north", "tenants"]), CHECK)
    [latest] = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    if not asyncio.run(latest.targets_latest_materialization(LoadingContextForTest(instance))):
        return None
    verdict = latest.evaluation
    assert verdict
    return verdict.passed, str(verdict.description)


def test_dagsters_page_calls_tenants_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    named = SOUTH.tenants[2]

    def run(_: Fleet, shard: Shard, __: object) -> Summary:
        return Summary(shard.tenants, datetime.now(UTC), failed=(named,))

    monkeypatch.setattr(with_dagster, "run_shard", run)
    with DagsterInstance.ephemeral() as instance:
        definitions(FLEET).resolve_job_def("load_south").execute_in_process(instance=instance)
        event = instance.get_latest_materialization_event(AssetKey(["south", "tenants"]))
        assert event
        assert event.asset_materialization
        metadata: Any = event.asset_materialization.metadata
        assert metadata["failed_tenants"].value == "Acme South (1000000006)"
        lines = [record.data for record in metadata["tenants"].records]
        assert [line["name"] for line in lines] == ["", "", "Acme South"]
        assert [*last_read(instance, SOUTH)] == [*SOUTH.tenants[:2]]
        verdict = judged(FLEET, SOUTH, last_read(instance, SOUTH), NOW)
        assert verdict.metadata["stale_tenants"].value == {"Acme South (1000000006)": "never"}


def test_a_load_is_judged_at_once_though_the_job_judged_the_one_before_it_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    defs = definitions(FLEET)
    load, freshness = map(defs.resolve_job_def, ("load_north", "freshness"))
    *fresh, missing = NORTH.tenants
    with DagsterInstance.ephemeral() as instance:

        def run(_: Fleet, shard: Shard, __: object) -> Summary:
            freshness.execute_in_process(instance=instance)
            return Summary(shard.tenants, datetime.now(UTC), failed=failed)

        monkeypatch.setattr(with_dagster, "run_shard", run)
        failed: tuple[int, ...] = (missing,)
        load.execute_in_process(instance=instance)
        assert shown(instance) == (False, f"Stale: {missing} (last read: never).")
        assert [*last_read(instance, NORTH)] == fresh
        failed = ()
        load.execute_in_process(instance=instance)
        assert shown(instance) == (True, "All tenants are fresh.")
        freshness.execute_in_process(instance=instance)
        assert shown(instance) == (True, "All tenants are fresh.")
        # By hand, on the page of the asset
        instance.report_runless_asset_event(AssetMaterialization(["north", "tenants"]))
        assert last_read(instance, NORTH) == {}
        load.execute_in_process(instance=instance)
        assert [*last_read(instance, NORTH)] == [*NORTH.tenants]

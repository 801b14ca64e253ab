"""Names, notes and links: the recipe of the documents lets none of them out, wherever they are."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import yaml

from tap_servicetitan_dispatch.sandbox.world import company
from tap_servicetitan_dispatch.streams import SCHEMAS, hashing
from tests.support.bodies import NEW_NON_JOB, NEW_SHIFT
from tests.support.caller import Caller
from tests.support.contents import TRACKING_SETTINGS
from tests.support.runs import Command, assert_fails
from tests.support.scripted_api import feed_of, listed, page, routed, row
from tests.support.streams import ALL_STREAMS, PATHS
from tools.markdown import blocks, section

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.scripted_api import ScriptedApi

PAGE = section("docs/settings.md", "Names of people")
[RECIPE] = [yaml.safe_load(block)["config"] for block in blocks(PAGE, "yaml")]
SALT = "a salt of the test, to be kept"
SALTED = {"hash_salt": SALT}
MARK = "Zaphod"
LINK = "https://tracking.example/"
NOT_OF_PEOPLE = {
    "appointment_assignments": {"continueFrom", "status"},
    "appointment_assignments_list": {"status"},
    "arrival_window_configuration": {"configuration"},
    "arrival_windows": {"duration", "start"},
    "capacities": {"businessUnitKey", "end", "start", "technicians.status"},
    "non_job_appointments": {"duration"},
    "technician_shifts": {"shiftType"},
    "technician_skills": {"id"},
    "zones": {"locnNumbers", "serviceDays", "territoryNumbers", "zips"},
}
"""Texts that nobody writes freely: enums, spans, times of day, numbers, codes, tokens."""


def hashed(value: str) -> str:
    return hmac.new(SALT.encode(), value.encode(), hashlib.sha256).hexdigest()


def texts(schema: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the path of each text, those of times left out."""
    if "items" in schema:
        yield from texts(schema["items"], above)
    elif "properties" in schema:
        for name, each in schema["properties"].items():
            yield from texts(each, (*above, name))
    elif "string" in schema["type"] and schema.get("format") != "date-time":
        yield ".".join(above)


def at(record: Any, path: list[str]) -> Iterator[Any]:
    """Yield the plain values at a path of a record."""
    if isinstance(record, list):
        for each in record:
            yield from at(each, path)
    elif path:
        yield from at(record.get(path[0]), path[1:])
    else:
        yield record


def test_the_page_names_each_text_that_somebody_has_written_and_the_recipe_has_all_of_them() -> (
    None
):
    free = {
        f"{stream}.{path}"
        for stream in ALL_STREAMS
        for path in {*texts(SCHEMAS[stream])} - NOT_OF_PEOPLE.get(stream, set())
    }
    assert {*re.findall(r"^\| `([\w.]+)` \|", PAGE, re.MULTILINE)} == free
    assert {*RECIPE["hash_fields"]} == free


@pytest.fixture(scope="module")
def office() -> Iterator[dict[str, Any]]:
    """Settings for a contractor in whose rows each free text has a mark."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(company, "_LAST_NAMES", (f"{MARK}son",))
        with Caller.of(assignments=30) as caller:
            technician = caller.get("technician-shifts")["data"][0]["technicianId"]
            marked = {
                "name": f"Lunch with {MARK}",
                "summary": f"{MARK}'s",
                "technicianId": technician,
            }
            caller.send("POST", "non-job-appointments", NEW_NON_JOB | marked)
            shift = {
                "title": f"For {MARK}",
                "note": f"As {MARK} asked",
                "technicianIds": [technician],
            }
            caller.send("POST", "technician-shifts", NEW_SHIFT | shift)
            caller.send("POST", "teams", {"active": True, "name": f"Team {MARK}"})
            skill = {"technicianId": technician, "name": f"What {MARK} can", "active": True}
            caller.send("POST", "technician-skills", skill)
            caller.send("POST", "zones", {"name": f"Where {MARK} is", "cities": [f"{MARK}ville"]})
            yield {
                "environment": "sandbox",
                "api_url": caller.sandbox.url,
                "timezone": "America/Chicago",
                "capacity_days_ahead": 0,
                "extra_streams": [
                    "appointment_assignments_list",
                    "capacities",
                    "technician_tracking",
                    "sync_log",
                ],
                **TRACKING_SETTINGS,
            }


@pytest.mark.no_cover
def test_the_recipe_lets_no_name_out_in_records_state_logs_or_files_of_a_batch(
    office: dict[str, Any], tap: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGLEVEL", "DEBUG")
    catalog = tap.discover(*ALL_STREAMS, "sync_log", **office)
    clear = tap.run(office, None, catalog)
    marked: dict[str, set[str]] = {
        path: {
            value
            for message in clear.messages
            if message["type"] == "RECORD" and message["stream"] == path.split(".")[0]
            for value in at(message["record"], path.split(".")[1:])
            if value and (MARK in value or LINK in value)
        }
        for path in RECIPE["hash_fields"]
    }
    assert all(marked.values()), "each place has a mark to be found"
    assert MARK not in clear.stderr

    private = {**office, **RECIPE, **SALTED}
    whole = tap.run(private, None, catalog)
    files = tmp_path / "files"
    batches = {"encoding": {"format": "jsonl"}, "storage": {"root": files.as_uri()}}
    batched = tap.run(private | {"batch_config": batches}, None, catalog)
    content = "".join(gzip.decompress(file.read_bytes()).decode() for file in files.iterdir())
    assert (clear.exit_code, whole.exit_code, batched.exit_code) == (0, 0, 0)
    said = whole.stdout + whole.stderr + batched.stdout + batched.stderr + content
    assert "| DEBUG " in said
    assert MARK not in said
    assert LINK not in said
    assert SALT not in said

    assert len(whole.records) == len(clear.records)
    for path, names in marked.items():
        stream, *inner = path.split(".")
        if stream != "technician_tracking":  # where each request gives another link
            rows = [
                each["record"]
                for each in whole.messages
                if each["type"] == "RECORD" and each["stream"] == stream
            ]
            found = {value for record in rows for value in at(record, inner)}
            assert {hashed(name) for name in names} <= found
            assert all(hashed(name) in content for name in names)
    names_of = marked["capacities.technicians.name"]
    assert names_of <= marked["appointment_assignments.technicianName"], "joins work"


# Whatever the API sends in their place --------------------------------------------------------

ODD_NAMES = [
    {"first": f"{MARK}son", "of": [f"{MARK}", 7, None]},
    [f"{MARK}", [f"{MARK}"]],
    f"{MARK}",
    7,
    0,
    False,
    -0.5,
    None,
    "",
]


@pytest.mark.parametrize("unknown", ["warn", "keep"])
def test_a_value_of_any_type_is_hashed_and_what_nobody_knows_too(
    api: ScriptedApi, tap: Command, unknown: str
) -> None:
    rows = [
        row(number, technicianName=name, assignedById=name, nickname=f"{MARK}{number}")
        for number, name in enumerate(ODD_NAMES)
    ]
    of_slots: list[dict[str, Any]] = [
        {"technicians": [{"id": 1, "name": f"{MARK}"}, None, {"id": 2}]},
        {"technicians": {"name": MARK}},
        {"technicians": [MARK, {"name": {"first": MARK}, "known as": MARK}]},
        {"technicians": MARK},
    ]
    slots = [
        {"startUtc": f"2026-12-01T0{hour}:00:00Z", "endUtc": "2026-12-01T09:00:00Z", **more}
        for hour, more in enumerate(of_slots)
    ]
    feed = {"hasMore": False, "continueFrom": "t", "data": rows}
    api.reply = routed(
        {PATHS["appointment_assignments"]: feed, PATHS["capacities"]: {"availabilities": slots}}
    )
    fields = ["technicianName", "assignedById", "unknownFields"]
    config = (
        api.config
        | SALTED
        | {
            "unknown_fields": unknown,
            "capacity_days_ahead": 0,
            "extra_streams": ["capacities"],
            "hash_fields": [
                *(f"appointment_assignments.{each}" for each in fields),
                "capacities.technicians[].name",
                "capacities.technicians.name",
                "capacities.unknownFields",
            ],
        }
    )
    streams = ("appointment_assignments", "capacities")
    run = tap.run(config, None, tap.discover(*streams, **config))
    assert run.exit_code == 0, run.stderr
    assert MARK not in run.stdout + run.stderr
    feed_rows = [each for each in run.records if "id" in each]
    assert [each["technicianName"] for each in feed_rows] == [
        {"first": hashed(f"{MARK}son"), "of": [hashed(MARK), hashed("7"), None]},
        [hashed(MARK), [hashed(MARK)]],
        hashed(MARK),
        hashed("7"),
        hashed("0"),
        hashed("false"),
        hashed("-0.5"),
        None,
        "",
    ]
    assert [each["assignedById"] for each in feed_rows] == [
        each["technicianName"] for each in feed_rows
    ]
    found = [each["technicians"] for each in run.records if "technicians" in each]
    assert found == [
        [{"id": 1, "name": hashed(MARK)}, None, {"id": 2}],
        {"name": hashed(MARK)},
        [hashed(MARK), {"name": {"first": hashed(MARK)}}],
        hashed(MARK),
    ]
    if unknown == "keep":
        kept = [each["unknownFields"] for each in run.records]
        assert {"nickname": hashed(f"{MARK}3")} in kept
        assert {"technicians": [None, {"known as": hashed(MARK)}]} in kept


def test_a_number_that_is_hashed_is_a_text_by_the_schema_and_has_one_hash_with_its_text(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = feed_of((None, page(1, more=False, token="t")))
    hash_fields = ["appointment_assignments.technicianId", "appointment_assignments.assignedOn"]
    config = api.config | SALTED | {"hash_fields": hash_fields}
    catalog = tap.discover("appointment_assignments", **config)
    run = tap.run(config, None, catalog)
    [schema] = [each["schema"] for each in run.messages if each["type"] == "SCHEMA"]
    for field, value in (("technicianId", "7"), ("assignedOn", "2026-11-01T08:00:00Z")):
        assert schema["properties"][field]["type"] == ["string", "null"]
        assert "format" not in schema["properties"][field]
        assert run.records[0][field] == hashed(value)
    before = tap.run(config)  # with a catalog from before the setting
    assert_fails(before, "the catalog has another type for assignedOn, technicianId of appointment")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (
            "appointment_asignments.technicianName",
            "has that name; did you mean appointment_assignments?",
        ),
        ("jobs.name", "no stream of the API has that name; there are appointment_"),
        ("sync_log.tenantName", "no stream of the API has that name; there are"),
        ("zones.nmae", "there is no field of that name; did you mean zones.name?"),
        ("capacities.technician.name", "did you mean capacities.technicians.name?"),
        ("zones", "there is no field of that name; zones has id, "),
        ("zones.name.first", "there is no field of that name; zones has id, "),
        ("zones.id", "is part of the key, or needed by the tap itself, so it must stay"),
        ("zones.modifiedOn", "is part of the key, or needed by the tap itself"),
        (
            "appointment_assignments.continueFrom",
            "is part of the key, or needed by the tap itself",
        ),
        ("capacities.timeStamp", "is part of the key, or needed by the tap itself"),
    ],
)
def test_a_path_that_cannot_be_hashed_is_refused_in_one_line(
    tap: Command, path: str, line: str
) -> None:
    run = tap.run({"environment": "sandbox", "hash_fields": [path], **SALTED})
    assert run.exit_code == 1
    [found] = [each for each in run.errors if "hash_fields" in each]
    assert f"hash_fields: {path!r}" in found
    assert line in found
    assert run.stdout == ""


def test_what_lies_inside_of_another_field_that_is_hashed_is_not_hashed_twice(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = routed({PATHS["zones"]: listed({"id": 1, "cities": [MARK], "zips": ["1"]})})
    twice = ["zones.unknownFields.a", "zones.cities", "zones.unknownFields", "zones.cities"]
    config = api.config | SALTED | {"hash_fields": twice}
    assert tap.run(config, streams=("zones",)).records[0]["cities"] == [hashed(MARK)]


def test_hashes_are_forgotten_once_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "MOST_KEPT", 2)
    hashes = hashing.Hashes(SALT)
    assert [hashes[name] for name in "abcab"] == [hashed(name) for name in "abcab"]
    assert len(hashes) <= 2


def test_a_stream_map_sees_hashes(api: ScriptedApi, tap: Command) -> None:
    api.reply = feed_of((None, page(1, more=False, token="t")))
    maps = {"appointment_assignments": {"who": "technicianName", "__else__": None, "id": "id"}}
    hash_fields = ["appointment_assignments.technicianName"]
    config = api.config | SALTED | {"hash_fields": hash_fields, "stream_maps": maps}
    [record] = tap.run(config).records
    assert record["who"] == hashed("Ada Fixit")


@pytest.mark.parametrize("decoded", [dict, msgspec.defstruct("Technician", ["id", "name"])])
def test_of_an_object_that_is_named_all_is_hashed(decoded: Callable[..., Any]) -> None:
    row: Any = msgspec.defstruct("Row", ["technician"])(decoded(id=7, name="Ada"))
    hashes = hashing.Hashes(SALT)
    hashing.Hasher([("technician",)], SALT).replace_in([row])
    assert msgspec.to_builtins(row.technician) == {"id": hashes[7], "name": hashes["Ada"]}

"""`keep_history`: the key has each version of a row, and tables with another key are let alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch.streams.fields import NEVER
from tap_servicetitan_dispatch.streams.sdk import SdkStream
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tests.support.group import NORTH, Group
from tests.support.runs import assert_fails, bookmarked, catalog_of, select
from tests.support.scripted_api import MODIFIED, feed_of, listed, page, routed, row
from tests.support.streams import LISTS, PATHS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runs import Command, Run
    from tests.support.scripted_api import ScriptedApi

FEED = "appointment_assignments"
KEPT = {"keep_history": [FEED]}
WITH_MODIFIED_ON = (FEED, *LISTS)


ROW = listed({"id": 1, "modifiedOn": MODIFIED})


def schema_of(run: Run) -> dict[str, Any]:
    [schema] = [each for each in run.messages if each["type"] == "SCHEMA"]
    return schema


def kept(run: Run) -> list[bool]:
    """Return by STATE whether it says that the table has the longer key."""
    return [state["bookmarks"][FEED].get("keeps_history", False) for state in run.states]


def test_the_time_of_a_version_is_the_last_part_of_the_key_and_never_null(tap: Command) -> None:
    config = {"environment": "sandbox", "extra_streams": ["appointment_assignments_list"]}
    config |= {"keep_history": [*WITH_MODIFIED_ON]}
    for tenants in ({}, {"tenants": [1]}):
        for entry in tap.discover(**config, **tenants)["streams"]:
            if entry["stream"] in WITH_MODIFIED_ON:
                field = entry["schema"]["properties"]["modifiedOn"]
                assert entry["key_properties"] == [
                    *(["tenantId"] if tenants else []),
                    "id",
                    "modifiedOn",
                ]
                assert (field["type"], field["format"]) == (["string"], "date-time")
                assert field["description"].endswith(f"`{NEVER}` if the API does not say.")
                assert "modifiedOn" in entry["schema"]["required"]
            else:
                assert "modifiedOn" not in entry["key_properties"]


@pytest.mark.parametrize("odd", [{}, {"isPaused": "maybe"}], ids=["usual", "odd"])
def test_a_row_without_a_time_goes_out_with_that_of_never(
    api: ScriptedApi, tap: Command, odd: dict[str, Any]
) -> None:
    """A table then has its latest version, as it has without the setting."""
    rows = [row(1, **odd), row(2, modifiedOn=None), row(3, modifiedOn=""), row(4)]
    del rows[3]["modifiedOn"]
    api.reply = feed_of((None, {"hasMore": False, "continueFrom": "t", "data": rows}))
    config = api.config | KEPT
    run = tap.run(config, None, tap.discover(FEED, **config))
    assert schema_of(run)["key_properties"] == ["id", "modifiedOn"]
    assert [each["modifiedOn"] for each in run.records] == [MODIFIED, NEVER, NEVER, NEVER]
    assert run.bookmark == "t"


def test_a_run_resumes_where_the_one_before_had_the_same_key(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = feed_of(
        (None, page(1, more=False, token="t1")), ("t1", page(2, more=False, token="t2"))
    )
    config = api.config | KEPT
    catalog = tap.discover(FEED, **config)
    first = tap.run(config, None, catalog)
    assert kept(first) == [True] * len(first.states)
    second = tap.run(config, first.states[-1], catalog)
    assert (second.ids, second.bookmark) == ([2], "t2")


def test_a_table_with_another_key_is_told_from_the_state_before_anything_goes_out(
    api: ScriptedApi, tap: Command
) -> None:
    """A target would say so in the middle of a load."""
    api.reply = feed_of((None, page(1, more=False, token="t1")))
    longer = api.config | KEPT
    catalogs = {True: tap.discover(FEED, **longer), False: catalog_of(FEED)}
    is_longer = tap.run(longer, None, catalogs[True]).states[-1]
    for config, state, catalog, why in (
        (longer, bookmarked("t1"), catalogs[True], "keep_history did not name it"),
        (api.config, is_longer, catalogs[False], "keep_history named it"),
    ):
        run = tap.run(config, state, catalog)
        assert_fails(run, f"the state of {FEED} is from when the setting {why}, so tables have")
        assert run.stdout == ""
        select(catalog, (), selected=False)
        assert tap.run(config, state, catalog).exit_code == 0, "what is not loaded is no trouble"


def test_a_catalog_from_before_the_setting_is_refused(api: ScriptedApi, tap: Command) -> None:
    run = tap.run(api.config | KEPT)
    assert_fails(run, "it was made before the setting keep_history was set")
    assert run.stdout == ""


def test_a_group_has_versions_of_its_own_and_takes_the_note_from_the_states_of_its_tenants(
    api: ScriptedApi, tap: Command, tmp_path: Path
) -> None:
    config = Group(api).config | KEPT
    run = tap.run(config, None, tap.discover(FEED, **config))
    assert schema_of(run)["key_properties"] == ["tenantId", "id", "modifiedOn"]
    assert kept(run)[-1] is True

    single = bookmarked("t1")
    single["bookmarks"][FEED]["keeps_history"] = True
    (tmp_path / "north.json").write_text(json.dumps(single))
    made = tap.run(None, None, None, "--group-state", f"{NORTH}={tmp_path / 'north.json'}")
    assert json.loads(made.stdout)["bookmarks"][FEED]["keeps_history"] is True


def test_assignments_of_which_each_version_is_kept_cannot_be_marked(
    api: ScriptedApi, tap: Command
) -> None:
    """A version that is not in the last full read would count as deleted."""
    config = {
        **api.config,
        "keep_history": [FEED],
        "detect_deleted_assignments": True,
        "detect_deleted_every_hours": 24,
    }
    run = tap.run(config)
    assert run.exit_code == 1
    assert "cannot be used while keep_history names appointment_assignments" in run.errors[0]
    stream = TapServiceTitanDispatch(config=config, validate_config=False).streams[FEED]
    assert isinstance(stream, SdkStream)
    assert [*stream.names_of_tables()] == []
    del config["keep_history"]
    stream = TapServiceTitanDispatch(config=config).streams[FEED]
    assert isinstance(stream, SdkStream)
    assert [*stream.names_of_tables()] == [FEED]
    del config["detect_deleted_every_hours"]
    assert "does nothing without detect_deleted_every_hours" in tap.run(config).errors[0]


def test_a_full_read_leaves_a_table_with_versions_unmarked(api: ScriptedApi, tap: Command) -> None:
    api.reply = routed({PATHS["zones"]: ROW, PATHS["teams"]: ROW})
    config = api.config | {"keep_history": ["zones"], "detect_deleted_every_hours": 1}
    run = tap.run(config, None, tap.discover("zones", "teams", **config))
    assert {each["stream"] for each in run.messages if each["type"] == "ACTIVATE_VERSION"} == {
        "teams"
    }

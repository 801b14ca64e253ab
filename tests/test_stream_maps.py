from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.runs import catalog_of
from tests.support.scripted_api import Answer

if TYPE_CHECKING:
    from tests.support.runs import Command
    from tests.support.scripted_api import ScriptedApi

MAP_FOR_ALL = {"*": {"tenantId": "int(config['tenant'])"}}


def test_a_map_for_all_streams_does_not_trip_over_deselected_ones(
    api: ScriptedApi, tap: Command
) -> None:
    row = {"id": 1, "modifiedOn": "2026-11-01T08:00:00Z"}
    api.reply = lambda _: Answer({"page": 1, "hasMore": False, "totalCount": 1, "data": [row]})
    catalog = catalog_of("zones")
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:  # as Meltano does it
            if stream["tap_stream_id"] != "zones":
                entry["metadata"]["selected"] = False
    maps = {"stream_maps": MAP_FOR_ALL, "stream_map_config": {"tenant": 9}}

    run = tap.run(api.config | maps, catalog=catalog)

    assert run.exit_code == 0, run.stderr
    assert [record["tenantId"] for record in run.records] == [9]

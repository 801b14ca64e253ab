"""A scripted API of a group of tenants whose ids collide, and runs that read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.runs import catalog_of
from tests.support.scripted_api import Answer, listed, page
from tests.support.streams import NOTHING, PATHS

if TYPE_CHECKING:
    from tests.support.runs import Command, Run
    from tests.support.scripted_api import Call, ScriptedApi

NORTH, SOUTH, WEST = 1000000001, 1000000002, 1000000003
GROUP = (NORTH, SOUTH, WEST)
LATER = "2026-11-02T08:00:00Z"
THREE = ("appointment_assignments", "teams", "zones")
KEYS = ("replication_key", "replication_key_value")


def bodies_of(tenant: int) -> dict[str, Any]:
    """Return what a tenant answers by path: rows whose ids collide with those of the others."""
    name = f"of {tenant}"
    return {
        **NOTHING,
        PATHS["appointment_assignments"]: page(1, 2, more=False, token=f"t{tenant}"),
        PATHS["teams"]: listed({"id": 5, "modifiedOn": LATER, "name": name}),
        PATHS["zones"]: listed({"id": 5, "modifiedOn": LATER, "name": name}),
    }


@dataclass
class Group:
    """A scripted API of several tenants; `answers` take the place of what one says, by path."""

    api: ScriptedApi
    answers: dict[tuple[int, str], Any] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.api.reply = self.reply

    def reply(self, call: Call) -> Answer:
        tenant, _, path = call.path.removeprefix("/dispatch/v2/tenant/").partition("/")
        number = int(tenant)
        if number not in GROUP:
            message = "Unable to match incoming request to an operation."
            return Answer({"statusCode": 404, "message": message}, status=404)
        found = self.answers.get((number, path), self.answers.get((number, "*")))
        if found is None:
            found = bodies_of(number)[path]
        found = found(call) if callable(found) else found
        return found if isinstance(found, Answer) else Answer(found)

    @property
    def config(self) -> dict[str, Any]:
        alone = {name: value for name, value in self.api.config.items() if name != "tenant_id"}
        return alone | {"tenants": list(GROUP)}


def read(tap: Command, config: dict[str, Any], state: Any = None, *streams: str) -> Run:
    catalog = group_catalog(*(streams or THREE))
    return tap.run(config, state, catalog)


def group_catalog(*streams: str) -> dict[str, Any]:
    """Return a catalog of a group in which these streams are selected and no others."""
    catalog = catalog_of(*streams)
    for stream in catalog["streams"]:
        properties = stream["schema"]["properties"]
        stream["schema"]["properties"] = {"tenantId": {"type": ["integer"]}, **properties}
        keys = [key for key in stream["key_properties"] if key != "tenantId"]
        stream["key_properties"] = ["tenantId", *keys]
        root = next(each for each in stream["metadata"] if not each["breadcrumb"])
        root["metadata"]["table-key-properties"] = stream["key_properties"]
        if not any(each["breadcrumb"][-1:] == ["tenantId"] for each in stream["metadata"]):
            inclusion = {"inclusion": "automatic"}
            stream["metadata"].append(
                {"breadcrumb": ["properties", "tenantId"], "metadata": inclusion}
            )
    return catalog


def values(state: dict[str, Any]) -> dict[str, dict[int, Any]]:
    """Return the bookmark of each stream and tenant that has one."""
    return {
        stream: {
            each["context"]["tenantId"]: each["replication_key_value"]
            for each in entry.get("partitions", [])
            if "replication_key_value" in each
        }
        for stream, entry in state["bookmarks"].items()
    }


ALL_READ = {
    "appointment_assignments": {number: f"t{number}" for number in GROUP},
    "teams": dict.fromkeys(GROUP, LATER),
    "zones": dict.fromkeys(GROUP, LATER),
}


def without(*tenants: int) -> dict[str, dict[int, Any]]:
    return {
        stream: {number: value for number, value in found.items() if number not in tenants}
        for stream, found in ALL_READ.items()
    }

"""Teams: groups that technicians are sorted into on the dispatch board."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th

from tap_servicetitan_dispatch.streams.lists import ListStream

if TYPE_CHECKING:
    from collections.abc import Mapping


class Teams(ListStream):
    """Each row is a team."""

    name = "teams"
    path = "teams"
    scopes = ("tn.dis.teams:r",)
    inactive_too: ClassVar[Mapping[str, str]] = {"includeInactive": "true"}
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("id", th.IntegerType, required=True, description="Number of the team."),
        th.Property("active", th.BooleanType, description="False once the team was deleted."),
        th.Property("name", th.StringType, description="Name of the team."),
        th.Property(
            "createdBy",
            th.IntegerType,
            description="Number of the user who created the team; null if that is not known.",
        ),
        th.Property("createdOn", th.DateTimeType, description="When the team was created (UTC)."),
        th.Property("modifiedOn", th.DateTimeType, description="When the team last changed (UTC)."),
    ).to_dict()

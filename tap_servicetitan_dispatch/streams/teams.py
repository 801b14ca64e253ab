"""Teams: groups of technicians on the dispatch board."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tap_servicetitan_dispatch.streams.fields import boolean, instant, integer, schema_of, text
from tap_servicetitan_dispatch.streams.lists import ListStream

if TYPE_CHECKING:
    from collections.abc import Mapping


class Teams(ListStream):
    """Each row is a team."""

    name = "teams"
    path = "teams"
    scopes = ("tn.dis.teams:r",)
    inactive_too: ClassVar[Mapping[str, str]] = {"includeInactive": "true"}
    schema = schema_of(
        integer("id", "Number of the team.", required=True),
        boolean("active", "False if it was switched off or deleted; the API does not say which."),
        text("name", "Name of the team."),
        integer("createdBy", "Number of the user who created the team; null if that is not known."),
        instant("createdOn", "When the team was created (UTC)."),
        instant("modifiedOn", "When the team last changed (UTC)."),
    )

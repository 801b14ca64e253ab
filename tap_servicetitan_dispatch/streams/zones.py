"""Zones: areas that jobs and technicians are assigned to."""

from __future__ import annotations

from tap_servicetitan_dispatch.streams.fields import (
    boolean,
    instant,
    integer,
    integers,
    schema_of,
    text,
    texts,
)
from tap_servicetitan_dispatch.streams.lists import ListStream


class Zones(ListStream):
    """Each row is a zone with its towns, postal codes, business units and technicians."""

    name = "zones"
    path = "zones"
    scopes = ("tn.dis.zones:r",)
    schema = schema_of(
        integer("id", "Number of the zone.", required=True),
        boolean("active", "False if it was switched off or deleted; the API does not say which."),
        text("name", "Name of the zone."),
        texts("zips", "Postal codes of the zone, as text."),
        texts("cities", "Cities of the zone."),
        texts("territoryNumbers", "Territory numbers of the zone, as text."),
        texts("locnNumbers", "LOCN numbers of the zone, as text."),
        integer("createdBy", "Number of the user who created the zone."),
        instant("createdOn", "When the zone was created (UTC)."),
        instant("modifiedOn", "When the zone last changed (UTC)."),
        boolean("serviceDaysEnabled", "Whether the zone is served only on its `serviceDays`."),
        texts("serviceDays", "Names of the weekdays on which the zone is served."),
        integers("businessUnits", "Numbers of the business units that serve the zone."),
        integers("technicians", "Numbers of the technicians who serve the zone."),
    )

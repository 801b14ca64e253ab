"""Zones: areas that jobs and technicians are assigned to."""

from __future__ import annotations

from typing import Any, ClassVar

from singer_sdk import typing as th

from tap_servicetitan_dispatch.streams.lists import ListStream


class Zones(ListStream):
    """Each row is a zone, and what makes it up."""

    name = "zones"
    path = "zones"
    scopes = ("tn.dis.zones:r",)
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("id", th.IntegerType, required=True, description="Number of the zone."),
        th.Property("active", th.BooleanType, description="False once the zone was deleted."),
        th.Property("name", th.StringType, description="Name of the zone."),
        th.Property(
            "zips",
            th.ArrayType(th.StringType),
            description="Postal codes that belong to the zone, as text.",
        ),
        th.Property(
            "cities", th.ArrayType(th.StringType), description="Cities that belong to the zone."
        ),
        th.Property(
            "territoryNumbers",
            th.ArrayType(th.StringType),
            description="Territory numbers that belong to the zone, as text.",
        ),
        th.Property(
            "locnNumbers",
            th.ArrayType(th.StringType),
            description="LOCN numbers that belong to the zone, as text.",
        ),
        th.Property(
            "createdBy", th.IntegerType, description="Number of the user who created the zone."
        ),
        th.Property("createdOn", th.DateTimeType, description="When the zone was created (UTC)."),
        th.Property("modifiedOn", th.DateTimeType, description="When the zone last changed (UTC)."),
        th.Property(
            "serviceDaysEnabled",
            th.BooleanType,
            description="Whether the zone is served on its `serviceDays` only.",
        ),
        th.Property(
            "serviceDays",
            th.ArrayType(th.StringType),
            description="Names of the days of the week on which the zone is served.",
        ),
        th.Property(
            "businessUnits",
            th.ArrayType(th.IntegerType),
            description="Numbers of the business units that serve the zone.",
        ),
        th.Property(
            "technicians",
            th.ArrayType(th.IntegerType),
            description="Numbers of the technicians who serve the zone.",
        ),
    ).to_dict()

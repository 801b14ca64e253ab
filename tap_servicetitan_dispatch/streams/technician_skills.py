"""Technician skills: who can do what."""

from __future__ import annotations

from typing import Any, ClassVar

from singer_sdk import typing as th

from tap_servicetitan_dispatch.streams.lists import ListStream


class TechnicianSkills(ListStream):
    """Each row is a skill that a technician has."""

    name = "technician_skills"
    path = "technician-skills"
    scopes = ("tn.dis.technicianskills:r",)
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property(
            "id",
            th.StringType,
            required=True,
            description=(
                "Text that names the row, `{technicianId}_{skillId}`: the numbers of the "
                "technician and of the skill."
            ),
        ),
        th.Property("name", th.StringType, description="Name of the skill."),
        th.Property(
            "active",
            th.BooleanType,
            description="False once the skill was taken from the technician.",
        ),
        th.Property(
            "technicianId",
            th.IntegerType,
            description="Number of the technician who has the skill.",
        ),
        th.Property(
            "jobTypeIds",
            th.ArrayType(th.IntegerType),
            description="Numbers of the job types that need the skill; null if there are none.",
        ),
        th.Property("createdOn", th.DateTimeType, description="When the row was created (UTC)."),
        th.Property("modifiedOn", th.DateTimeType, description="When the row last changed (UTC)."),
    ).to_dict()

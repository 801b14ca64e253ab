"""Technician skills: which technician can do what."""

from __future__ import annotations

from tap_servicetitan_dispatch.streams.fields import (
    boolean,
    instant,
    integer,
    integers,
    schema_of,
    text,
)
from tap_servicetitan_dispatch.streams.lists import ListStream


class TechnicianSkills(ListStream):
    """Each row is a skill that a technician has."""

    name = "technician_skills"
    path = "technician-skills"
    scopes = ("tn.dis.technicianskills:r",)
    schema = schema_of(
        text(
            "id",
            "Key of the row, `{technicianId}_{skillId}`: the numbers of the technician and of the "
            "skill.",
            required=True,
        ),
        text("name", "Name of the skill."),
        boolean("active", "False once the skill was taken from the technician."),
        integer("technicianId", "Number of the technician who has the skill."),
        integers(
            "jobTypeIds", "Numbers of the job types that need the skill; null if there are none."
        ),
        instant("createdOn", "When the row was created (UTC)."),
        instant("modifiedOn", "When the row last changed (UTC)."),
    )

"""Technician skills: which technician can do what."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from tap_servicetitan_dispatch.sandbox.api.access import BehaviourNow, TenantNow, needs
from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.api.listing import SortedByActivity, active_of, page_of
from tap_servicetitan_dispatch.sandbox.api.lookups import found, to_change
from tap_servicetitan_dispatch.sandbox.api.parameters import Body, Flag, Id, Number
from tap_servicetitan_dispatch.sandbox.api.problems import Problem, json_response
from tap_servicetitan_dispatch.sandbox.world.company import Skill
from tap_servicetitan_dispatch.sandbox.world.directory import TechnicianSkill
from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant
from tap_servicetitan_dispatch.sandbox.world.versions import changed

router = APIRouter(prefix="/technician-skills", tags=["TechnicianSkills"])


class SkillQuery(SortedByActivity):
    """A query for skills."""

    technician_id: Number | None = None

    def matches(self, row: TechnicianSkill, behaviour: Behaviour) -> bool:
        """Return whether a row is asked for."""
        active = active_of(self.active, behaviour)
        return active.matches(row.active) and self.technician_id in {None, row.technician_id}


class SkillChanges(Body):
    """Skills to give to a technician."""

    technician_id: Id
    skill_ids: list[Id]
    replace_existing_skills: Flag


class NewSkill(Body):
    """A new skill, and the technicians who have it."""

    technician_id: Id
    name: str
    active: Flag


@router.get("", dependencies=needs("technicianskills:r"))
async def list_technician_skills(
    tenant: TenantNow, behaviour: BehaviourNow, query: Annotated[SkillQuery, Query()]
) -> Response:
    """Return a page of technicians' skills."""
    matches = partial(query.matches, behaviour=behaviour)
    return page_of(tenant, "technician-skills", query, behaviour, matches)


@router.patch("", dependencies=needs("technicianskills:w"))
async def assign_technician_skills(
    tenant: TenantNow, behaviour: BehaviourNow, changes: SkillChanges
) -> Response:
    """Give skills to a technician, in addition to the present ones or in their place."""
    technician_id = _technician(tenant, changes.technician_id)
    for id_ in changes.skill_ids:
        if id_ not in tenant.skills:
            raise Problem(404, f"The skill with id {id_} was not found.")
    held = [row for row in _held(tenant, technician_id) if row.active]
    if changes.replace_existing_skills:
        dropped = [row for row in held if row.skill_id not in changes.skill_ids]
        tenant.delete(tenant.technician_skills, dropped, hard=behaviour.deletes == "hard")
    instant = tenant.tick()
    for id_ in dict.fromkeys(changes.skill_ids).keys() - {row.skill_id for row in held}:
        _give(tenant, technician_id, tenant.skills[id_], instant, active=True)
    rows = [row.wire() for row in _held(tenant, technician_id) if row.active]
    return json_response({"updated": True, "technicianSkills": rows})


@router.post("", dependencies=needs("technicianskills:w"))
async def create_technician_skill(tenant: TenantNow, new: NewSkill) -> Response:
    """Create a skill and give it to a technician."""
    technician_id = _technician(tenant, new.technician_id)
    skill = tenant.add_skill(new.name)
    row = _give(tenant, technician_id, skill, tenant.tick(), active=new.active)
    return json_response(row.wire())


@router.get("/{id}", dependencies=needs("technicianskills:r"))
async def get_technician_skill(tenant: TenantNow, id: str) -> Response:  # noqa: A002 - its documented name
    """Return a technician's skill."""
    return json_response(found(tenant.technician_skills, id).wire())


@router.delete("/{id}", dependencies=needs("technicianskills:w"))
async def delete_technician_skill(tenant: TenantNow, behaviour: BehaviourNow, id: str) -> Response:  # noqa: A002 - its documented name
    """Take a skill from a technician."""
    row = to_change(tenant.technician_skills, id)
    tenant.delete(tenant.technician_skills, [row], hard=behaviour.deletes == "hard")
    return json_response({"id": id})


def _technician(tenant: Tenant, id_: int) -> int:
    if id_ not in tenant.company.technician:
        raise Problem(404, f"The technician with id {id_} was not found.")
    return id_


def _held(tenant: Tenant, technician_id: int) -> list[TechnicianSkill]:
    rows = tenant.technician_skills.current.values()
    return [row for row in rows if row.technician_id == technician_id]


def _give(
    tenant: Tenant, technician_id: int, skill: Skill, instant: int, *, active: bool
) -> TechnicianSkill:
    id_ = f"{technician_id}_{skill.id}"
    known = tenant.technician_skills.current.get(id_)
    if known is not None:
        row = changed(known, instant, active=active)
    else:
        row = TechnicianSkill(
            id=id_,
            active=active,
            created_on=instant,
            modified_on=instant,
            technician_id=technician_id,
            skill_id=skill.id,
            name=skill.name,
            job_type_ids=skill.job_type_ids,
        )
    tenant.technician_skills.put(row)
    return row

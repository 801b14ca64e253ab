"""The state of a group of tenants, made by hand: tenants are added or taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.cli import files
from tap_servicetitan_dispatch.errors import InputError
from tap_servicetitan_dispatch.settings.tenants import is_tenant_number
from tap_servicetitan_dispatch.state.given import (
    checked_state,
    group_without,
    require_state_of,
    state_of_group,
)
from tap_servicetitan_dispatch.streams import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BY_MELTANO = "singer_state"


def made_of(given: Sequence[str], without: Iterable[int]) -> dict[str, Any]:
    """Return the state of a group of tenants.

    Args:
        given: `FILE`, the state of a group, at most once, and `TENANT=FILE` for each tenant to add.
            A file may be the output of `meltano state get`; if the group's is, the result is the
            input of `meltano state set`.
        without: Numbers of the tenants to take out.

    Raises:
        InputError: An item has another form, or names a tenant twice or one that is not there.
    """
    group: dict[str, Any] | None = None
    is_meltanos = False
    states: dict[int, dict[str, Any]] = {}
    for each in given:
        number, equals, path = each.rpartition("=")
        if not equals and group is None:
            group, is_meltanos = _read(path, group=True)
        elif is_tenant_number(number) and path and int(number) not in states:
            states[int(number)], _ = _read(path, group=False)
        else:
            raise InputError(
                f"--group-state {each}: is neither another tenant's number, =, and its file, nor "
                "the only file with the state of a group",
                "give it like 1000000001=state.json, once for each tenant",
            )
    made = state_of_group(states, group or {})
    for tenant in without:
        made = group_without(tenant, made, NAMES)
    return {_BY_MELTANO: made} if is_meltanos else made


def _read(path: str, *, group: bool) -> tuple[dict[str, Any], bool]:
    """Return the state in a file, and whether it has Meltano's form."""
    source = f"the file {path} given with --group-state"
    state = files.parsed(files.content_of(path, "--group-state"), source)
    is_meltanos = isinstance(state, dict) and _BY_MELTANO in state
    state = checked_state(state[_BY_MELTANO] if is_meltanos else state, NAMES)
    require_state_of(state, NAMES, group=group)
    return state, is_meltanos


def removal_of(tenants: Iterable[int]) -> str:
    """Return SQL for PostgreSQL that deletes all loaded rows of some tenants.

    It finds the tables by their column, including those that a stream map or a setting has made.
    """
    return "".join(
        f"""\
-- Tenant {number}: in the schema that was loaded into, as after: set search_path = "…";
-- The next build of the marts leaves its rows out of them, too.
do $$
declare
  name text;
begin
  for name in
    select table_name from information_schema.columns
    where table_schema = current_schema and column_name = 'tenantId'
  loop
    execute format('delete from %I where "tenantId" = {number}', name);
  end loop;
end $$;
"""  # noqa: S608 - a number
        for number in tenants
    )

"""Looks up rows and technicians that a request names by their ids."""

from collections.abc import Iterable
from http import HTTPStatus

from tap_servicetitan_dispatch.sandbox.api.problems import Problem, invalid
from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant
from tap_servicetitan_dispatch.sandbox.world.versions import RowT, Table


def to_change(table: Table[RowT], id_: int | str) -> RowT:
    """Return a row that has not been deleted.

    Raises:
        Problem: There is none with this id, or it was deleted (404).
    """
    row = found(table, id_)
    if not row.active:
        raise _not_found(id_)
    return row


def found(table: Table[RowT], id_: int | str) -> RowT:
    """Return a row.

    Raises:
        Problem: There is no row with this id (404).
    """
    row = table.current.get(id_)
    if row is None:
        raise _not_found(id_)
    return row


def _not_found(id_: int | str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, f"The entity with id {id_} was not found.")


def check_technicians(tenant: Tenant, ids: Iterable[int], field: str) -> None:
    """Check that technicians exist.

    Args:
        tenant: The tenant of the technicians.
        ids: Their ids.
        field: The field of the request that names them.

    Raises:
        Problem: There is no technician with one of these ids (400).
    """
    for id_ in ids:
        if id_ not in tenant.company.technician:
            raise invalid(field, f"There is no technician with id {id_}.")

"""Lists: filtered, sorted and cut into numbered pages."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from typing import Annotated, Any, Literal
from zlib import crc32

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.api.parameters import (
    Active,
    ActiveParameter,
    Boolean,
    Instant,
    Number,
    number,
)
from tap_servicetitan_dispatch.sandbox.api.problems import Problem, Wrong, invalid
from tap_servicetitan_dispatch.sandbox.api.shown import listed, reshapes, tables_of
from tap_servicetitan_dispatch.sandbox.api.written import NEVER, page_response, written
from tap_servicetitan_dispatch.sandbox.world.instants import FOREVER, MINUTE, SECOND
from tap_servicetitan_dispatch.sandbox.world.tenant import Tenant

_MOST_IDS = 50

Sort = Literal["+Id", "-Id", "+CreatedOn", "-CreatedOn", "+ModifiedOn", "-ModifiedOn"]


def _numbers(value: Any) -> frozenset[int]:
    # FastAPI hands over each occurrence of the parameter.
    return frozenset(number(one) for part in value for one in part.split(","))


def _few(numbers: frozenset[int]) -> frozenset[int]:
    if len(numbers) > _MOST_IDS:
        raise Wrong(f"At most {_MOST_IDS} ids can be looked up at once.")
    return numbers


Numbers = Annotated[frozenset[int], BeforeValidator(_numbers, json_schema_input_type=str)]
FewNumbers = Annotated[Numbers, AfterValidator(_few)]


class Paged(BaseModel):
    """The page of a list that is asked for."""

    model_config = ConfigDict(alias_generator=to_camel)

    page: Annotated[Number, Field(ge=1, le=2**31 - 1)] = 1
    page_size: Annotated[Number, Field(ge=1)] = 50
    include_total: Boolean = False


class Created(Paged):
    """A range of creation times."""

    created_before: Instant = FOREVER
    created_on_or_after: Instant = 0


class Sorted(Created):
    """Ranges of creation and modification times, and a sort order."""

    modified_before: Instant = FOREVER
    modified_on_or_after: Instant = 0
    sort: Sort = "+Id"


class SortedByActivity(Sorted):
    """The same, and whether rows are active."""

    active: ActiveParameter = Active.TRUE


def page_of(
    tenant: Tenant,
    name: str,
    query: Sorted,
    behaviour: Behaviour,
    matches: Callable[[Any], bool],
) -> Response:
    """Return the page of a list that a query asks for, of the rows for which `matches` is true."""

    def is_shown(row: Any) -> bool:
        return query.created_on_or_after <= row.created_on < query.created_before and matches(row)

    rows = _sorted(tenant, name, query, behaviour)
    if behaviour.list_filters == "after_paging":
        return cut(rows, query, behaviour, is_shown)
    return cut(filter(is_shown, rows), query, behaviour)


def cut(
    rows: Iterable[Any],
    query: Paged,
    behaviour: Behaviour,
    is_shown: Callable[[Any], bool] = lambda _: True,
) -> Response:
    """Return a numbered page of rows, without hidden ones."""
    total: int | None = None
    if query.include_total:
        rows = list(rows)
        total = _count(list(filter(is_shown, rows)), behaviour)
    size = _page_size(query, behaviour)
    begin = (query.page - 1) * size
    page = list(islice(rows, begin, begin + size + 1))
    full = len(page) >= size and behaviour.has_more == "full_page"
    return page_response(
        {
            "page": query.page,
            "pageSize": size,
            "hasMore": len(page) > size or full,
            "totalCount": total,
            "data": [written(row, behaviour) for row in page[:size] if is_shown(row)],
        },
        behaviour,
    )


def _count(rows: list[Any], behaviour: Behaviour) -> int | None:
    match behaviour.count:
        case "null":
            return None
        case "active":
            return len([row for row in rows if row.active])
        case "more":
            return len(rows) + 5
        case _:
            return len(rows)


def _page_size(query: Paged, behaviour: Behaviour) -> int:
    size, most = query.page_size, behaviour.largest_page
    if size > most:
        if behaviour.beyond_largest != "capped":
            message = f"The value '{size}' is not valid for PageSize."
            raise invalid("pageSize", message)
        size = most
    if behaviour.page_sizes == "tens" and size > TEN:
        size -= size % -TEN
    return size


TEN = 10


def active_of(asked: Active, behaviour: Behaviour) -> Active:
    """Return which rows a request with this `active` gets.

    Raises:
        Problem: Inactive ones are refused.
    """
    if asked is not Active.ANY or behaviour.active_any == "heeded":
        return asked
    match behaviour.active_any:
        case 404:
            raise Problem(404, "The resource was not found.")
        case 400:
            raise invalid("active", "The value 'Any' is not valid for Active.")
        case _:
            return Active.TRUE


_GRAINS = {"exact": 1, "second": SECOND, "minute": MINUTE}


def _sorted(tenant: Tenant, name: str, query: Sorted, behaviour: Behaviour) -> Iterable[Any]:
    backwards = query.sort[0] == "-"
    key = query.sort[1:]
    low, high = _low(query, behaviour), query.modified_before
    if {key, f"{name}:{key}"} & behaviour.sort_ignored:
        # As they are stored, which is neither of the orders that can be asked for
        rows = [row for row in listed(tenant, name, behaviour) if low <= row.modified_on < high]
        return sorted(rows, key=lambda row: crc32(str(row.id).encode()))
    if key == "ModifiedOn":
        if reshapes(behaviour):
            rows = [row for row in listed(tenant, name, behaviour) if low <= row.modified_on < high]
            changed: Iterable[Any] = reversed(rows) if backwards else rows
        else:
            table = tables_of(tenant)[name]
            changed = table.changed(low, high, backwards=backwards)
        return _coarse(changed, behaviour)
    rows = [row for row in listed(tenant, name, behaviour) if low <= row.modified_on < high]
    if key == "Id":
        as_text = behaviour.id_order == "text"
        return sorted(rows, key=lambda row: str(row.id) if as_text else row.id, reverse=backwards)
    return sorted(rows, key=lambda row: (row.created_on, row.id), reverse=backwards)


def _low(query: Sorted, behaviour: Behaviour) -> int:
    """Return the first instant of the range of rows; every row has one if none is asked for."""
    asked = query.modified_on_or_after
    if not asked:
        return NEVER
    grain = _GRAINS[behaviour.bound_grain]
    low = -(-asked // grain) * grain
    return low + (behaviour.bounds == "exclusive")


def _coarse(rows: Iterable[Any], behaviour: Behaviour) -> Iterator[Any]:
    grains = {"exact": 1, "to_the_second": SECOND, "to_the_minute": MINUTE}
    grain = grains[behaviour.list_order]
    moments = groupby(rows, key=lambda row: row.modified_on // grain)
    return (
        row
        for _, moment in moments
        for row in (moment if grain == 1 else sorted(moment, key=lambda row: row.id))
    )

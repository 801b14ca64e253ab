"""Lists: filtered, sorted and cut into numbered pages."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from typing import Annotated, Any, Literal

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
from tap_servicetitan_dispatch.sandbox.api.problems import Wrong, json_response
from tap_servicetitan_dispatch.sandbox.world.instants import FOREVER, SECOND
from tap_servicetitan_dispatch.sandbox.world.versions import RowT, Table

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
    """Which page of a list is asked for."""

    model_config = ConfigDict(alias_generator=to_camel)

    page: Annotated[Number, Field(ge=1, le=2**31 - 1)] = 1
    page_size: Annotated[Number, Field(ge=1, le=5_000)] = 50
    include_total: Boolean = False


class Created(Paged):
    """Rows by when they were created."""

    created_before: Instant = FOREVER
    created_on_or_after: Instant = 0


class Sorted(Created):
    """Rows by when they were created and changed, in a chosen order."""

    modified_before: Instant = FOREVER
    modified_on_or_after: Instant = 0
    sort: Sort = "+Id"


class SortedByActivity(Sorted):
    """The same, and by whether they are active."""

    active: ActiveParameter = Active.TRUE


def page_of(
    table: Table[RowT],
    query: Sorted,
    behaviour: Behaviour,
    matches: Callable[[RowT], bool],
) -> Response:
    """Return the page of a table that a query asks for, of the rows for which `matches` is true."""

    def is_shown(row: RowT) -> bool:
        return query.created_on_or_after <= row.created_on < query.created_before and matches(row)

    rows = _sorted(table, query, behaviour)
    if behaviour.list_filters == "after_paging":
        return cut(rows, query, is_shown)
    return cut(filter(is_shown, rows), query)


def cut(
    rows: Iterable[RowT], query: Paged, is_shown: Callable[[RowT], bool] = lambda _: True
) -> Response:
    """Return a numbered page of rows, without those that are not shown."""
    total = None
    if query.include_total:
        rows = list(rows)
        total = sum(map(is_shown, rows))
    begin = (query.page - 1) * query.page_size
    page = list(islice(rows, begin, begin + query.page_size + 1))
    return json_response(
        {
            "page": query.page,
            "pageSize": query.page_size,
            "hasMore": len(page) > query.page_size,
            "totalCount": total,
            "data": [row.wire() for row in page[: query.page_size] if is_shown(row)],
        }
    )


def _sorted(table: Table[RowT], query: Sorted, behaviour: Behaviour) -> Iterable[RowT]:
    backwards = query.sort[0] == "-"
    low, high = query.modified_on_or_after, query.modified_before
    if query.sort[1:] == "ModifiedOn":
        rows = table.changed(low, high, backwards=backwards)
        return rows if behaviour.list_order == "exact" else _to_the_second(rows)
    field = {"Id": "id", "CreatedOn": "created_on"}[query.sort[1:]]
    return sorted(
        table.changed(low, high),
        key=lambda row: (getattr(row, field), row.id),
        reverse=backwards,
    )


def _to_the_second(rows: Iterable[RowT]) -> Iterator[RowT]:
    for _, second in groupby(rows, key=lambda row: row.modified_on // SECOND):
        yield from sorted(second, key=lambda row: row.id)

"""What is unknown about the real API, or differs from what its definition says, as switches."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

TokenServes = Literal["group", "tenant"]


def _number(value: Any) -> Any:
    """Read a number in a text, which is how a command line gives it."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _parts(value: Any) -> Any:
    """Split a text at its commas, likewise."""
    return value.split(",") if isinstance(value, str) else value


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Behaviour:
    """How the sandbox behaves where the real API is unknown or surprising.

    The `description` of each field says what it does. A value that is not valid raises a
    `pydantic.ValidationError`.
    """

    export_page_size: Annotated[
        int,
        Field(
            ge=1,
            description="Rows on a page of the export feed. It cannot be asked for.",
        ),
    ] = 5_000
    export_order: Annotated[
        Literal["exact", "to_the_second"],
        Field(
            description="Whether rows on a page of the feed that changed in the same second are in "
            "order too; if not, they go by their ids. Documented is that rows usually are."
        ),
    ] = "exact"
    empty_pages: Annotated[
        bool,
        Field(
            description="Whether each page of the feed but the last is followed by an empty one "
            "that says there is more."
        ),
    ] = False
    last_page_token: Annotated[
        Literal["new", "same", "empty", "absent", "null"],
        Field(
            description="What `continueFrom` is on the page that ends the feed: a token for all "
            "that has been read, the one that was sent (a new one if none was), an empty text, no "
            "such field, or null."
        ),
    ] = "new"  # noqa: S105 - no secret
    continuation_lifetime: Annotated[
        int | None,
        BeforeValidator(_number),
        Field(
            ge=0,
            description="Seconds after which a continuation token expires. Documented is only that "
            "one is good for later runs.",
        ),
    ] = None
    rejected_continuation: Annotated[
        Literal[400, 404, 410, "restart"],
        BeforeValidator(_number),
        Field(
            description="What a continuation token gets that has expired or was never issued: a "
            "status, or, as if nothing were wrong, the feed from its beginning."
        ),
    ] = 400
    list_order: Annotated[
        Literal["exact", "to_the_second"],
        Field(
            description="Whether lists sorted by `ModifiedOn` are in order within a second too; in "
            "production they were not."
        ),
    ] = "to_the_second"
    list_filters: Annotated[
        Literal["before_paging", "after_paging"],
        Field(
            description="Whether lists leave rows out before they are cut into pages, or after "
            "that. Then a page may be short, or empty, although `hasMore` is true. Bounds of "
            "`modifiedOn` come first either way."
        ),
    ] = "before_paging"
    deletes: Annotated[
        Literal["soft", "hard"],
        Field(
            description="Whether what is deleted becomes inactive, or is gone for good. An "
            "assignment that is taken back is gone from the list then; the export feed has it, "
            "inactive, either way."
        ),
    ] = "soft"
    business_hours: Annotated[
        Literal["object", "data", "list"],
        Field(
            description="How business hours are answered: a bare object as documented, one with "
            "that in its `data`, or a list of one."
        ),
    ] = "object"
    units_without_group: Annotated[
        frozenset[int],
        BeforeValidator(_parts),
        Field(
            description="Business units, such as 40000114, that are in no capacity group. Capacity "
            "leaves them out without a word unless a request names them, as an operator has "
            "reported."
        ),
    ] = frozenset()
    bearer: Annotated[
        Literal["optional", "required"],
        Field(
            description="Whether an access token needs `Bearer` in front of it. Two public clients "
            "send it without."
        ),
    ] = "optional"
    bad_app_key_status: Annotated[
        Literal[401, 403, 404],
        BeforeValidator(_number),
        Field(
            description="What a missing or wrong application key gets. Sources differ.",
        ),
    ] = 401
    token_lifetime: Annotated[
        int,
        Field(
            ge=1,
            description="Seconds for which an access token is good. 900, by the documentation.",
        ),
    ] = 900
    token_serves: Annotated[
        TokenServes,
        Field(
            description="Whether an access token is good for all tenants that share its client ID, "
            "or only for the one that it is first used for. Nothing in a request for a token names "
            "a tenant."
        ),
    ] = "group"  # noqa: S105 - no secret
    tokens_per_minute: Annotated[
        int | None,
        BeforeValidator(_number),
        Field(
            ge=1,
            description="Access tokens that a client ID gets within any minute; more requests get "
            "a 429 that says when to come back. Documented is that there is a limit, not which.",
        ),
    ] = None
    missing_scopes: Annotated[
        frozenset[str],
        BeforeValidator(_parts),
        Field(
            description="Scopes that the tenants did not grant the application, such as "
            "tn.dis.zones:r. Their calls get a 403 that mentions `Scope validation failed`, as "
            "seen live."
        ),
    ] = frozenset()

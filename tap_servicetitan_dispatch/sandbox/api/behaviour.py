"""What is unknown about the real API, or differs from what its definition says, as switches."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.dataclasses import dataclass

TokenServes = Literal["group", "tenant"]
Numbered = Annotated[str, StringConstraints(pattern=r"^[a-z-]+=[0-9]{1,9}$")]
"""A name and a number, as `zones=12`."""


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
        Literal["exact", "to_the_second", "to_the_minute"],
        Field(
            description="Whether lists sorted by `ModifiedOn` are in order within a second too; in "
            "production they were not. `to_the_minute` is coarser than the tap reckons with."
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
            "inactive, either way, unless `feed_withdrawn` says otherwise."
        ),
    ] = "soft"
    business_hours: Annotated[
        Literal["object", "data", "list", "several"],
        Field(
            description="How business hours are answered: a bare object as documented, one with "
            "that in its `data`, a list of one, or one of two."
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
    feed_active: Annotated[
        Literal["heeded", "active", "all"],
        Field(
            description="What the feed makes of `active`: heeds it, or always returns active "
            "rows only, or "
            "always all. The vendor says both that it filters and that exports come without "
            "filters.",
        ),
    ] = "heeded"
    feed_withdrawn: Annotated[
        Literal["told", "silent"],
        Field(
            description="Whether the feed has rows that are inactive, among them what was taken "
            "back. The "
            "vendor says so; one connector does not rely on it.",
        ),
    ] = "told"
    feed_rows: Annotated[
        Literal["all", "some"],
        Field(
            description="Whether the feed has every row that is listed, or lacks one in fifty.",
        ),
    ] = "all"
    feed_fields: Annotated[
        Literal["same", "fewer"],
        Field(
            description="Whether rows of the feed are those of the list, or lack the name of the "
            "technician.",
        ),
    ] = "same"
    feed_delay: Annotated[
        int,
        Field(
            ge=0,
            description="Seconds after which the feed shows a change by default. The definition "
            "has no "
            "number.",
        ),
    ] = 900
    feed_versions: Annotated[
        Literal["as_of_then", "held_back", "all"],
        Field(
            description="What the feed shows of a row that has changed within the delay: the row "
            "as it was "
            "before, or nothing yet. With `all` each row comes once more, as it was when it was "
            "created.",
        ),
    ] = "as_of_then"
    feed_history_days: Annotated[
        int | None,
        BeforeValidator(_number),
        Field(
            ge=0,
            description="Days of history in the feed, and all of it with `none`.",
        ),
    ] = None
    feed_from: Annotated[
        Literal["inclusive", "exclusive"],
        Field(
            description="Whether a date or time given as `from` includes rows of that very "
            "instant.",
        ),
    ] = "inclusive"
    feed_future: Annotated[
        Literal["empty", 400],
        BeforeValidator(_number),
        Field(
            description="What a time to come gets as `from`: an empty page, or a 400.",
        ),
    ] = "empty"
    feed_shown: Annotated[
        Literal["once", "twice"],
        Field(
            description="Whether the feed shows a change once, or again an hour later.",
        ),
    ] = "once"
    token_use: Annotated[
        Literal["many", "once"],
        Field(
            description="Whether a continuation token may be sent again; if not, it is rejected "
            "then.",
        ),
    ] = "many"  # noqa: S105 - no secret
    token_settings: Annotated[
        Literal["free", "bound"],
        Field(
            description="Whether a continuation token is good with another "
            "`includeRecentChanges` than the "
            "one it was issued with; if not, it is rejected.",
        ),
    ] = "free"  # noqa: S105 - no secret
    token_moves: Annotated[
        Literal["always", "not_always"],
        Field(
            description="Whether the feed issues another token as long as there is more, or "
            "repeats the one "
            "that was sent, and with it the page.",
        ),
    ] = "always"  # noqa: S105 - no secret
    token_length: Annotated[
        int,
        Field(
            ge=43,
            le=100_000,
            description="Characters of a continuation token.",
        ),
    ] = 43
    active_any: Annotated[
        Literal["heeded", "ignored", 400, 404],
        BeforeValidator(_number),
        Field(
            description="What lists make of `active=Any` and `includeInactive`: heed it, ignore "
            "it, or refuse "
            "it. One client takes a 404 for the sign that an endpoint does not know it.",
        ),
    ] = "heeded"
    non_job_default: Annotated[
        Literal["both", "active"],
        Field(
            description="Which non-job appointments come if `activeOnly` is not given.",
        ),
    ] = "both"
    rows: Annotated[
        frozenset[Numbered],
        BeforeValidator(_parts),
        Field(
            description="How many rows lists have, as `zones=300`: the oldest are left out, or "
            "rows are "
            "repeated with other ids.",
        ),
    ] = frozenset()
    inactive: Annotated[
        frozenset[Numbered],
        BeforeValidator(_parts),
        Field(
            description="Of how many rows in a hundred lists say that they are inactive, as "
            "`zones=10`.",
        ),
    ] = frozenset()
    undated: Annotated[
        frozenset[Numbered],
        BeforeValidator(_parts),
        Field(
            description="Of how many rows in a hundred `modifiedOn` is null, as `zones=10`.",
        ),
    ] = frozenset()
    touches_modified_on: Annotated[
        Literal["always", "not_always"],
        Field(
            description="Whether each edit of an assignment moves its `modifiedOn`; if not, that "
            "of one "
            "assignment in three stays as it was at first.",
        ),
    ] = "always"
    visible_after: Annotated[
        int,
        Field(
            ge=0,
            description="Seconds after which lists show what was changed, as of a transaction "
            "that ends late.",
        ),
    ] = 0
    replica_lag: Annotated[
        int,
        Field(
            ge=0,
            description="By how many seconds every second answer of a list lags behind the "
            "others, as where "
            "replicas take turns.",
        ),
    ] = 0
    bounds: Annotated[
        Literal["inclusive", "exclusive"],
        Field(
            description="Whether `modifiedOnOrAfter` includes rows of that very instant.",
        ),
    ] = "inclusive"
    bound_grain: Annotated[
        Literal["exact", "second", "minute"],
        Field(
            description="To what `modifiedOnOrAfter` is rounded up.",
        ),
    ] = "exact"
    sort_ignored: Annotated[
        frozenset[str],
        BeforeValidator(_parts),
        Field(
            description="Which keys of `sort` are ignored, as `ModifiedOn`, or "
            "`zones:ModifiedOn` for one "
            "list. Rows then come as they are stored.",
        ),
    ] = frozenset()
    sort_refusal: Annotated[
        Literal["ignored", 400],
        BeforeValidator(_number),
        Field(
            description="What a value gets that `sort` does not take.",
        ),
    ] = 400
    largest_page: Annotated[
        int,
        Field(
            ge=1,
            description="Rows that lists give on a page at most.",
        ),
    ] = 5_000
    beyond_largest: Annotated[
        Literal["capped", 400],
        BeforeValidator(_number),
        Field(
            description="What a `pageSize` gets that is too large: a smaller page, or a 400.",
        ),
    ] = 400
    page_sizes: Annotated[
        Literal["any", "tens"],
        Field(
            description="Whether pages have as many rows as asked for, or, beyond ten, whole tens.",
        ),
    ] = "any"
    has_more: Annotated[
        Literal["right", "full_page"],
        Field(
            description="Whether `hasMore` says that a row follows, or only that the page is "
            "full, so that an "
            "empty one may follow.",
        ),
    ] = "right"
    count: Annotated[
        Literal["exact", "active", "more", "null"],
        Field(
            description="What `totalCount` is if asked for: the number of rows that come, that "
            "of active "
            "ones, a few too many, or null.",
        ),
    ] = "exact"
    unknown_parameters: Annotated[
        Literal["ignored", 400, 404],
        BeforeValidator(_number),
        Field(
            description="What a parameter gets that an operation does not know.",
        ),
    ] = "ignored"
    tied_rows: Annotated[
        int,
        Field(
            ge=0,
            description="How many assignments share one `modifiedOn`, as after an import.",
        ),
    ] = 0
    list_history_days: Annotated[
        int | None,
        BeforeValidator(_number),
        Field(
            ge=0,
            description="Days of history in lists, by `modifiedOn`, and all of it with `none`.",
        ),
    ] = None
    id_order: Annotated[
        Literal["number", "text"],
        Field(
            description="Whether `sort=+Id` goes by number, or by digits as a text does.",
        ),
    ] = "number"
    windows_order: Annotated[
        Literal["fixed", "changing"],
        Field(
            description="Whether arrival windows, which cannot be sorted, come in the same order "
            "each time.",
        ),
    ] = "fixed"
    future_rows: Annotated[
        int,
        Field(
            ge=0,
            description="How many rows of each list are dated a day ahead.",
        ),
    ] = 0
    times: Annotated[
        Literal["utc", "no_zone", "local"],
        Field(
            description="How times are written: in UTC with a `Z`, without a zone, or, five "
            "hours behind, as "
            "local times with a false `Z`.",
        ),
    ] = "utc"
    enums: Annotated[
        Literal["names", "numbers"],
        Field(
            description="Whether `status` and `shiftType` are names, or numbers as in other "
            "modules of the "
            "API.",
        ),
    ] = "names"
    nulls: Annotated[
        Literal["few", "fields", "arrays", "in_arrays"],
        Field(
            description="Where nulls are besides the few that were seen: in each text, for each "
            "array, or "
            "within arrays.",
        ),
    ] = "few"
    spans: Annotated[
        Literal["net", "negative", "iso"],
        Field(
            description="How lengths of time are written: as .NET does, some of them negative, "
            "or by ISO "
            "8601.",
        ),
    ] = "net"
    fields: Annotated[
        Literal["known", "more", "fewer"],
        Field(
            description="Whether rows have the fields of the definition, one more, or lack one.",
        ),
    ] = "known"
    texts: Annotated[
        Literal["valid", "half_characters", "null_characters"],
        Field(
            description="Whether texts are valid Unicode, or one has half a character or U+0000 "
            "in it.",
        ),
    ] = "valid"
    large_rows: Annotated[
        bool,
        Field(
            description="Whether zones have thousands of postal codes each.",
        ),
    ] = False
    done_edits: Annotated[
        Literal["few", "bulk"],
        Field(
            description="Whether assignments that are done are touched once more, all those of a "
            "day at one "
            "time.",
        ),
    ] = "few"
    technician_names: Annotated[
        Literal["now", "then"],
        Field(
            description="Whether assignments have the technician's name of today, or that of "
            "when they were "
            "created.",
        ),
    ] = "now"
    done_rows: Annotated[
        Literal["active", "inactive"],
        Field(
            description="Whether assignments that are done stay active.",
        ),
    ] = "active"
    status_rows: Annotated[
        Literal["same", "another"],
        Field(
            description="Whether a status changes in its row, or brings another row of the same "
            "technician "
            "and appointment.",
        ),
    ] = "same"
    latest_row: Annotated[
        Literal["created", "not_created"],
        Field(
            description="Whether, of several rows of a technician at an appointment, that which "
            "was created "
            "last changed last.",
        ),
    ] = "created"
    repeats: Annotated[
        Literal["rows", "one_row"],
        Field(
            description="Whether a repeated shift is a row each time, or one that lasts a week.",
        ),
    ] = "rows"
    night_windows: Annotated[
        bool,
        Field(
            description="Whether there are capacity slots that reach over midnight.",
        ),
    ] = False
    slot_keys: Annotated[
        Literal["once", "twice"],
        Field(
            description="Whether a capacity slot comes once, or twice with other hours.",
        ),
    ] = "once"
    capacity_units: Annotated[
        Literal["hours", "minutes"],
        Field(
            description="What availability is counted in.",
        ),
    ] = "hours"
    capacity_time_stamp: Annotated[
        Literal["given", "null"],
        Field(
            description="Whether forecasts say when they were made.",
        ),
    ] = "given"
    capacity_start: Annotated[
        Literal["local", "utc"],
        Field(
            description="Whether `start` and `end` of capacity are local times with a false `Z`, "
            "or in UTC.",
        ),
    ] = "local"
    capacity_days: Annotated[
        int,
        Field(
            ge=1,
            description="Days that a request for capacity may span.",
        ),
    ] = 14
    tracked: Annotated[
        tuple[Literal["Scheduled", "Dispatched", "Working", "Done"], ...],
        BeforeValidator(_parts),
        Field(
            description="In which states technicians are tracked.",
        ),
    ] = ("Dispatched", "Working")
    untracked: Annotated[
        Literal[400, 404, "null"],
        BeforeValidator(_number),
        Field(
            description="What a technician gets who is not tracked: a status, or null.",
        ),
    ] = 400
    new_token: Annotated[
        Literal["leaves", "revokes"],
        Field(
            description="Whether a new access token leaves the ones before it good.",
        ),
    ] = "leaves"  # noqa: S105 - no secret
    token_says: Annotated[
        Literal["number", "text", "nothing"],
        Field(
            description="How `expires_in` says how long an access token lives.",
        ),
    ] = "number"  # noqa: S105 - no secret
    date: Annotated[
        Literal["each", "absent", "cached", "apart"],
        Field(
            description="Whether each answer has the time in `Date`, none has, it stands still, "
            "or that of "
            "the token endpoint is ten minutes ahead.",
        ),
    ] = "each"
    cookies: Annotated[
        bool,
        Field(
            description="Whether answers set a cookie.",
        ),
    ] = False
    compression: Annotated[
        bool,
        Field(
            description="Whether answers are compressed.",
        ),
    ] = False
    limit_headers: Annotated[
        bool,
        Field(
            description="Whether answers say in a header how many calls are left.",
        ),
    ] = False
    scope_text: Annotated[
        Literal["seen", "other"],
        Field(
            description="Whether a 403 for a missing scope has the text that was seen live.",
        ),
    ] = "seen"
    missing_scopes: Annotated[
        frozenset[str],
        BeforeValidator(_parts),
        Field(
            description="Scopes that the tenants did not grant the application, such as "
            "tn.dis.zones:r. Their calls get a 403 that mentions `Scope validation failed`, as "
            "seen live."
        ),
    ] = frozenset()

    def numbered(self, switch: frozenset[str], name: str) -> int | None:
        """Return the number that a switch of `name=number` has for a list, if it has one."""
        return next(
            (int(part.partition("=")[2]) for part in switch if part.partition("=")[0] == name), None
        )

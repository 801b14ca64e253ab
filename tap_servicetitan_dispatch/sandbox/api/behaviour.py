"""Unknowns of the real API, and differences from its definition, as switches."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.dataclasses import dataclass

TokenServes = Literal["group", "tenant"]
Numbered = Annotated[str, StringConstraints(pattern=r"^[a-z-]+=[0-9]{1,9}$")]
"""A name and a number, as `zones=12`."""


def _number(value: Any) -> Any:
    """Read the number in a text, as a command line gives it."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _parts(value: Any) -> Any:
    """Split a text at its commas, as a command line gives it."""
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
            description="Rows on a page of the export feed. A request cannot set it.",
        ),
    ] = 5_000
    export_order: Annotated[
        Literal["exact", "to_the_second"],
        Field(
            description="Whether rows of a feed page that changed in the same second are in order "
            "too, or sorted by id. The documents say that rows usually are in order."
        ),
    ] = "exact"
    empty_pages: Annotated[
        bool,
        Field(
            description="Whether an empty page that says there is more follows each page of the "
            "feed except the last."
        ),
    ] = False
    last_page_token: Annotated[
        Literal["new", "same", "empty", "absent", "null"],
        Field(
            description="`continueFrom` on the last page of the feed: a new token, the one that "
            "was sent (a new one if none was), an empty text, no such field, or null."
        ),
    ] = "new"  # noqa: S105 - no secret
    continuation_lifetime: Annotated[
        int | None,
        BeforeValidator(_number),
        Field(
            ge=0,
            description="Seconds after which a continuation token expires. The documents only say "
            "that it is good for later runs.",
        ),
    ] = None
    rejected_continuation: Annotated[
        Literal[400, 404, 410, "restart"],
        BeforeValidator(_number),
        Field(
            description="Answer to a continuation token that has expired or was never issued: a "
            "status, or silently the feed from its beginning."
        ),
    ] = 400
    list_order: Annotated[
        Literal["exact", "to_the_second", "to_the_minute"],
        Field(
            description="Whether lists sorted by `ModifiedOn` are in order within a second too; in "
            "production they were not. `to_the_minute` is coarser than the tap allows "
            "for."
        ),
    ] = "to_the_second"
    list_filters: Annotated[
        Literal["before_paging", "after_paging"],
        Field(
            description="Whether lists are filtered before they are cut into pages, or after. Then "
            "a page may be short or empty although `hasMore` is true. Bounds of "
            "`modifiedOn` apply first either way."
        ),
    ] = "before_paging"
    deletes: Annotated[
        Literal["soft", "hard"],
        Field(
            description="Whether deleted rows become inactive, or are gone for good. With `hard`, "
            "a withdrawn assignment is gone from the list; the export feed has it, "
            "inactive, either way, unless `feed_withdrawn` says otherwise."
        ),
    ] = "soft"
    business_hours: Annotated[
        Literal["object", "data", "list", "several"],
        Field(
            description="Form of business hours: a bare object as documented, an object with that "
            "in its `data`, a list of one, or a list of two."
        ),
    ] = "object"
    units_without_group: Annotated[
        frozenset[int],
        BeforeValidator(_parts),
        Field(
            description="Business units, such as 40000114, that are in no capacity group. Capacity "
            "silently leaves them out unless a request names them, as an operator has "
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
            description="Status for a missing or wrong application key. Sources differ.",
        ),
    ] = 401
    token_lifetime: Annotated[
        int,
        Field(
            ge=1,
            description="Lifetime of an access token in seconds; 900 by the documentation.",
        ),
    ] = 900
    token_serves: Annotated[
        TokenServes,
        Field(
            description="Whether an access token is good for all tenants that share its client ID, "
            "or only for the first one that it is used for. A request for a token "
            "names no tenant."
        ),
    ] = "group"  # noqa: S105 - no secret
    tokens_per_minute: Annotated[
        int | None,
        BeforeValidator(_number),
        Field(
            ge=1,
            description="Access tokens that a client ID gets within any minute; further requests "
            "get a 429 with a wait. The documents mention a limit, but no number.",
        ),
    ] = None
    feed_active: Annotated[
        Literal["heeded", "active", "all"],
        Field(
            description="What the feed does with `active`: filter by it, always return active "
            "rows only, or always all. The vendor says both that it filters and that "
            "exports have no filters.",
        ),
    ] = "heeded"
    feed_withdrawn: Annotated[
        Literal["told", "silent"],
        Field(
            description="Whether the feed has inactive rows, such as withdrawn assignments. The "
            "vendor says so; one connector does not rely on it.",
        ),
    ] = "told"
    feed_rows: Annotated[
        Literal["all", "some"],
        Field(
            description="Whether the feed has every listed row, or lacks one in fifty.",
        ),
    ] = "all"
    feed_fields: Annotated[
        Literal["same", "fewer"],
        Field(
            description="Whether rows of the feed equal those of the list, or lack the "
            "technician's name.",
        ),
    ] = "same"
    feed_delay: Annotated[
        int,
        Field(
            ge=0,
            description="Seconds until the feed shows a change by default. The definition has no "
            "number.",
        ),
    ] = 900
    feed_versions: Annotated[
        Literal["as_of_then", "held_back", "all"],
        Field(
            description="What the feed shows of a row that changed within the delay: its previous "
            "version, or nothing yet. With `all` each row comes once more, as it was "
            "created.",
        ),
    ] = "as_of_then"
    feed_history_days: Annotated[
        int | None,
        BeforeValidator(_number),
        Field(
            ge=0,
            description="Days of history in the feed; `none` is all.",
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
            description="Answer to a future time as `from`: an empty page, or a 400.",
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
            description="Whether a continuation token may be sent again, or is rejected then.",
        ),
    ] = "many"  # noqa: S105 - no secret
    token_settings: Annotated[
        Literal["free", "bound"],
        Field(
            description="Whether a continuation token is good with another `includeRecentChanges` "
            "than it was issued with, or is rejected.",
        ),
    ] = "free"  # noqa: S105 - no secret
    token_moves: Annotated[
        Literal["always", "not_always"],
        Field(
            description="Whether the feed issues a new token as long as there is more, or repeats "
            "the token that was sent, and so the page.",
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
            description="What lists do with `active=Any` and `includeInactive`: obey, ignore or "
            "refuse them. One client reads a 404 as a sign that an endpoint does not "
            "know them.",
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
            description="Number of rows of lists, as `zones=300`: the oldest are left out, or "
            "rows are repeated with other ids.",
        ),
    ] = frozenset()
    inactive: Annotated[
        frozenset[Numbered],
        BeforeValidator(_parts),
        Field(
            description="Percentage of inactive rows of lists, as `zones=10`.",
        ),
    ] = frozenset()
    undated: Annotated[
        frozenset[Numbered],
        BeforeValidator(_parts),
        Field(
            description="Percentage of rows whose `modifiedOn` is null, as `zones=10`.",
        ),
    ] = frozenset()
    touches_modified_on: Annotated[
        Literal["always", "not_always"],
        Field(
            description="Whether each edit of an assignment moves its `modifiedOn`; with "
            "`not_always`, that of one assignment in three never moves.",
        ),
    ] = "always"
    visible_after: Annotated[
        int,
        Field(
            ge=0,
            description="Seconds until lists show a change, as after a slow transaction.",
        ),
    ] = 0
    replica_lag: Annotated[
        int,
        Field(
            ge=0,
            description="Seconds by which every second answer of a list lags behind, as if "
            "replicas took turns.",
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
            description="Unit to which `modifiedOnOrAfter` is rounded up.",
        ),
    ] = "exact"
    sort_ignored: Annotated[
        frozenset[str],
        BeforeValidator(_parts),
        Field(
            description="Keys of `sort` to ignore, as `ModifiedOn`, or `zones:ModifiedOn` for one "
            "list. Rows then come in the order of storage.",
        ),
    ] = frozenset()
    sort_refusal: Annotated[
        Literal["ignored", 400],
        BeforeValidator(_number),
        Field(
            description="Answer to a value that `sort` does not accept.",
        ),
    ] = 400
    largest_page: Annotated[
        int,
        Field(
            ge=1,
            description="Maximum number of rows on a page of a list.",
        ),
    ] = 5_000
    beyond_largest: Annotated[
        Literal["capped", 400],
        BeforeValidator(_number),
        Field(
            description="Answer to a `pageSize` that is too large: a 400, or a smaller page.",
        ),
    ] = 400
    page_sizes: Annotated[
        Literal["any", "tens"],
        Field(
            description="Whether pages have as many rows as requested, or that rounded up to tens.",
        ),
    ] = "any"
    has_more: Annotated[
        Literal["right", "full_page"],
        Field(
            description="Whether `hasMore` means that a row follows, or only that the page is "
            "full; an empty one may follow then.",
        ),
    ] = "right"
    count: Annotated[
        Literal["exact", "active", "more", "null"],
        Field(
            description="`totalCount` on request: the number of rows, of active rows, a few too "
            "many, or null.",
        ),
    ] = "exact"
    unknown_parameters: Annotated[
        Literal["ignored", 400, 404],
        BeforeValidator(_number),
        Field(
            description="Answer to a parameter that an operation does not know.",
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
            description="Days of history in lists, by `modifiedOn`; `none` is all.",
        ),
    ] = None
    id_order: Annotated[
        Literal["number", "text"],
        Field(
            description="Whether `sort=+Id` sorts ids as numbers, or as text.",
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
            description="Form of times: UTC with a `Z`, without a zone, or local time, five hours "
            "behind, with a false `Z`.",
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
            description="Nulls besides the few that were seen: in each text, for each array, or "
            "within arrays.",
        ),
    ] = "few"
    spans: Annotated[
        Literal["net", "negative", "iso"],
        Field(
            description="Form of durations: .NET, .NET with negative ones, or ISO 8601.",
        ),
    ] = "net"
    fields: Annotated[
        Literal["known", "more", "fewer"],
        Field(
            description="Whether rows have the fields of the definition, one more, or one less.",
        ),
    ] = "known"
    texts: Annotated[
        Literal["valid", "half_characters", "null_characters"],
        Field(
            description="Whether texts are valid Unicode, or one contains half a character or "
            "U+0000.",
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
            description="Whether few done assignments are edited again, or all of a day at once.",
        ),
    ] = "few"
    technician_names: Annotated[
        Literal["now", "then"],
        Field(
            description="Whether assignments have the technician's present name, or the one at "
            "their creation.",
        ),
    ] = "now"
    done_rows: Annotated[
        Literal["active", "inactive"],
        Field(
            description="Whether done assignments stay active.",
        ),
    ] = "active"
    status_rows: Annotated[
        Literal["same", "another"],
        Field(
            description="Whether a status changes in its row, or adds a row of the same "
            "technician and appointment.",
        ),
    ] = "same"
    latest_row: Annotated[
        Literal["created", "not_created"],
        Field(
            description="Whether, of several rows of a technician and appointment, the newest one "
            "changed last.",
        ),
    ] = "created"
    repeats: Annotated[
        Literal["rows", "one_row"],
        Field(
            description="Whether a repeated shift has one row for each occurrence, or a single row "
            "that lasts a week.",
        ),
    ] = "rows"
    night_windows: Annotated[
        bool,
        Field(
            description="Whether there are capacity slots across midnight.",
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
            description="Unit of availability.",
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
            description="Maximum number of days in a request for capacity.",
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
            description="Answer for a technician who is not tracked: a status, or null.",
        ),
    ] = 400
    new_token: Annotated[
        Literal["leaves", "revokes"],
        Field(
            description="Whether earlier access tokens stay good after a new one.",
        ),
    ] = "leaves"  # noqa: S105 - no secret
    token_says: Annotated[
        Literal["number", "text", "nothing"],
        Field(
            description="Form of `expires_in`, the lifetime of an access token.",
        ),
    ] = "number"  # noqa: S105 - no secret
    date: Annotated[
        Literal["each", "absent", "cached", "apart"],
        Field(
            description="`Date` of answers: right, absent, standing still, or ten minutes ahead "
            "at the token endpoint.",
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
            description="Whether a header says how many calls are left.",
        ),
    ] = False
    scope_text: Annotated[
        Literal["seen", "other"],
        Field(
            description="Whether a 403 for a missing scope has the text that was observed.",
        ),
    ] = "seen"
    capacity_scope: Annotated[
        Literal["write", "read"],
        Field(
            description="Whether a request for capacity needs `tn.dis.capacity:w`, as the "
            "definition says, or `tn.dis.capacity:r`, as it only reads.",
        ),
    ] = "write"
    missing_scopes: Annotated[
        frozenset[str],
        BeforeValidator(_parts),
        Field(
            description="Scopes that the tenants did not grant the application, such as "
            "tn.dis.zones:r. Their calls get a 403 that mentions `Scope validation "
            "failed`, as was observed."
        ),
    ] = frozenset()

    def numbered(self, switch: frozenset[str], name: str) -> int | None:
        """Return the number that a switch of `name=number` has for a list, if it has one."""
        return next(
            (int(part.partition("=")[2]) for part in switch if part.partition("=")[0] == name), None
        )

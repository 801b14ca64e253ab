"""The settings: names, meanings, and addresses of the environments."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_servicetitan_dispatch import instants

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

SANDBOX = "sandbox"
LARGEST_NUMBER = 2**63 - 1
"""The largest number that the API accepts."""
LARGEST_PAGE = 5000
"""Maximum number of rows on a page of a list."""
SMALLEST_PAGE = 20
"""Minimum number of rows on a page of a list: smaller pages, read by number, need not overlap."""


@dataclass(frozen=True)
class Environment:
    """Addresses of an environment's API and token endpoint."""

    api_url: str
    auth_url: str


ENVIRONMENTS = {
    "production": Environment(
        "https://api.servicetitan.io", "https://auth.servicetitan.io/connect/token"
    ),
    "integration": Environment(
        "https://api-integration.servicetitan.io",
        "https://auth-integration.servicetitan.io/connect/token",
    ),
}

_WORDS = {"api": "API", "id": "ID", "max": "maximum", "timezone": "time zone", "url": "URL"}
"""Words of names that are written differently in a title."""


def _setting(
    name: str, description: str, *, kind: Any = th.StringType, title: str = "", **given: Any
) -> th.Property[Any]:
    """Return a setting, whose title is its name unless another is given."""
    words = " ".join(_WORDS.get(word, word) for word in name.split("_"))
    title = title or words[0].upper() + words[1:]
    return th.Property(name, kind, description=description, title=title, **given)


def _number(
    name: str, description: str, *, within: tuple[int, int], **given: Any
) -> th.Property[Any]:
    kind = th.IntegerType(minimum=within[0], maximum=within[1])
    return _setting(name, description, kind=kind, **given)


def _switch(name: str, description: str, **given: Any) -> th.Property[Any]:
    return _setting(name, description, kind=th.BooleanType, default=False, **given)


_SCHEMA: dict[str, Any] = th.PropertiesList(
    _setting(
        "client_id",
        "Client ID of the application for this tenant, from Settings > Integrations > API "
        "Application Access. Required outside the sandbox.",
    ),
    _setting(
        "client_secret",
        "Client secret that belongs to the client ID, shown once when it is generated there. "
        "Required outside the sandbox.",
        secret=True,
    ),
    _setting(
        "app_key",
        "Application key from the developer portal (My Apps); it starts with `ak1.`. Required "
        "outside the sandbox.",
        secret=True,
    ),
    _setting(
        "tenant_id",
        "Number of the tenant, shown beside the client ID. Required outside the sandbox, unless "
        "`tenants` is set. In the sandbox each number is another contractor.",
        kind=th.CustomType({"type": ["string", "integer"]}),
    ),
    _setting(
        "tenants",
        "Tenants to read in one run, in place of `tenant_id`: numbers, or objects with "
        "`tenant_id`, a `name` for the log and, if they differ from the settings of the same "
        "name, `client_id`, `client_secret`, `app_key` and `timezone`. Each row then has a "
        "`tenantId`, and each key begins with it.",
        kind=th.ArrayType(th.CustomType({"type": ["integer", "string", "object"]})),
        secret=True,
    ),
    _switch(
        "skip_failed_tenants",
        "Whether a run succeeds (exit code 0, with a warning at the end) if some of the `tenants` "
        "could not be read completely.",
    ),
    _setting(
        "environment",
        "`production`, `integration` (ServiceTitan's test environment, with credentials of its "
        "own), or `sandbox`: the same API inside the tap's own process, with a made-up "
        "contractor. It needs and uses no credentials.",
        default="production",
        allowed_values=[*ENVIRONMENTS, SANDBOX],
    ),
    _setting(
        "api_url",
        "Root of the API instead of the environment's, such as `https://api.servicetitan.io`. In "
        "the sandbox environment: the address of a sandbox that runs on its own.",
    ),
    _setting(
        "auth_url",
        "Full address of the token endpoint instead of the environment's.",
        title="Token URL",
    ),
    _setting(
        "start_date",
        "Date or date-time (ISO 8601, UTC if it has no zone) of the earliest change that a first "
        "run reads. By default the tap begins at the beginning of history.",
    ),
    _setting(
        "active",
        "Which assignments to ask the export feed for: `Any`, only active (`True`) or only "
        "inactive (`False`) ones. With `True` you never learn that an assignment was withdrawn. "
        "The vendor says both that exports have filters and that they have none; a survey shows "
        "which.",
        default="Any",
        allowed_values=["Any", "True", "False"],
    ),
    _switch(
        "include_recent_changes",
        "Whether the export feed delivers changes at once. By default, the vendor says, they come "
        "about 15 minutes late, but each only once; a survey checks that.",
    ),
    _setting(
        "extra_streams",
        "Further streams to offer. ",
        kind=th.ArrayType(th.StringType),
        default=[],
    ),
    _setting(
        "unknown_fields",
        "What to do with a field that is not in the schema, at any depth: leave it out with a "
        "warning (`warn`), put it into a JSON object `unknownFields`, which each row then has "
        "(`keep`), or end the stream before anything of the page is written (`fail`). With "
        "`fail`, a value of another type than the schema's also ends the stream; otherwise it "
        "passes with a warning.",
        default="warn",
        allowed_values=["warn", "keep", "fail"],
    ),
    _setting(
        "keep_history",
        "Streams whose tables keep each version of a row, not only the latest: their key gets "
        "`modifiedOn` (`timeStamp` for `capacities`). An existing table has the other key, so "
        "load into a new one.",
        kind=th.ArrayType(th.StringType),
        default=[],
    ),
    _setting(
        "hash_fields",
        "Fields to deliver as hashes, each as `stream.field`, or inside another field as "
        "`capacities.technicians.name`. A name has the same hash (HMAC-SHA-256, hex) in each "
        "stream; null stays null.",
        kind=th.ArrayType(th.StringType),
        default=[],
    ),
    _setting(
        "hash_salt",
        "Secret for `hash_fields`, at least 16 characters. A different salt gives different "
        "hashes. Required if `hash_fields` is set.",
        secret=True,
    ),
    _number(
        "page_size",
        f"Rows per page of a list, 1 to 5000. If it is less than {SMALLEST_PAGE}, "
        f"{SMALLEST_PAGE} are asked for. The export feed sets its own page size.",
        within=(1, LARGEST_PAGE),
        default=LARGEST_PAGE,
    ),
    _number(
        "overlap_seconds",
        "Seconds before the bookmark at which a run of a list begins, because changes may become "
        "visible late and servers' clocks differ. Rows of that time are delivered again.",
        within=(1, 86_400),
        title="Overlap",
        default=300,
    ),
    _number(
        "detect_deleted_every_hours",
        "Hours after which a run reads the lists in full, so that targets that support "
        "ACTIVATE_VERSION mark or remove rows that were deleted for good. Off by default. Set it "
        "only if no other run loads into the same tables, because its rows would count as deleted.",
        within=(1, 10_000),
        title="Detect deleted rows every so many hours",
    ),
    _switch(
        "detect_deleted_assignments",
        "Whether `detect_deleted_every_hours` covers `appointment_assignments` too, by the ids of "
        "their list: one call for every 5,000 rows. Only needed if the export feed does not "
        "return deleted assignments, which a survey shows. Refused while `keep_history` names "
        "`appointment_assignments`, as `meltano.yml` does: in a table that keeps each version, no "
        "row can be marked.",
    ),
    _setting(
        "timezone",
        "IANA name of the tenant's time zone, such as `America/Chicago`. The stream `capacities` "
        "reads whole days in it (in UTC by default), with each slot that overlaps them. "
        "`sync_log` passes it on to the warehouse.",
    ),
    _number(
        "capacity_days_back",
        "Whole days before today to read capacity for.",
        within=(0, 366),
        title="Capacity: days back",
        default=0,
    ),
    _number(
        "capacity_days_ahead",
        "Whole days after today to read capacity for.",
        within=(0, 366),
        title="Capacity: days ahead",
        default=14,
    ),
    _number(
        "capacity_days_per_request",
        "Days per request. Each request adds the day after, in which slots may end. The API allows "
        "14 days in all.",
        within=(1, 14),
        title="Capacity: days per request",
        default=7,
    ),
    _setting(
        "capacity_business_unit_ids",
        "Numbers of the business units to read capacity for. By default the API may leave out "
        "business units without a capacity group, as an operator has reported.",
        kind=th.ArrayType(th.IntegerType(minimum=0, maximum=LARGEST_NUMBER)),
        title="Capacity: business units",
    ),
    _number(
        "capacity_job_type_id",
        "Number of the job type whose duration and skills count.",
        within=(0, LARGEST_NUMBER),
        title="Capacity: job type",
    ),
    _switch(
        "capacity_skill_based_availability",
        "Whether to count only technicians with the skills of the job type.",
        title="Capacity: match skills",
    ),
    _number(
        "tracking_lookback_days",
        "Days since its last change during which an assignment counts as live, for the stream "
        "`technician_tracking`.",
        within=(1, 366),
        title="Tracking: days back",
        default=1,
    ),
    _number(
        "max_concurrent_requests",
        "Maximum number of independent requests at a time.",
        within=(1, 50),
        default=10,
    ),
    _number(
        "max_requests_per_second",
        "Maximum number of calls to the API, retries included. ServiceTitan allows 60 for each "
        "application and tenant.",
        within=(1, 60),
        default=50,
    ),
    _number(
        "request_timeout_seconds",
        "Seconds that the API may stay silent. A whole answer may take that long, plus a second "
        "for each 4 KiB. ServiceTitan itself gives up on a request after 100.",
        within=(1, 3600),
        title="Request time-out",
        default=120,
    ),
    _switch(
        "skip_forbidden_streams",
        "Whether to leave out a stream that the API refuses (403), with a warning at the end, "
        "instead of ending the run.",
    ),
    _number(
        "max_retries",
        "How often a call is tried again after a temporary failure (rate limit, server error, "
        "network).",
        within=(0, 1000),
        default=8,
    ),
).to_dict()


def schema(on_request: Mapping[str, str], with_versions: Iterable[str]) -> dict[str, Any]:
    """Return the JSON schema of the settings.

    Args:
        on_request: The streams that `extra_streams` may name, each with its reason.
        with_versions: The streams that `keep_history` may name.
    """
    complete = copy.deepcopy(_SCHEMA)
    setting = complete["properties"]["extra_streams"]
    reasons = (f"`{name}` {reason}" for name, reason in on_request.items())
    setting["description"] += f"{'; '.join(reasons)}."
    setting["items"]["enum"] = [*on_request]
    complete["properties"]["keep_history"]["items"]["enum"] = [*with_versions]
    return complete


def environment_of(config: Mapping[str, Any]) -> Environment:
    """Return the environment of a checked config outside the sandbox."""
    own = ENVIRONMENTS[config["environment"]]
    return Environment(
        api_url=(config.get("api_url") or own.api_url).rstrip("/"),
        auth_url=config.get("auth_url") or own.auth_url,
    )


def start_of(config: Mapping[str, Any]) -> datetime | None:
    """Return the instant of `start_date`; nothing if it is not set.

    Raises:
        ValueError: It is neither a date nor a date-time.
    """
    text = config.get("start_date")
    return instants.parse(text) if text else None


def secrets_in(settings: Any) -> Iterator[str]:
    """Yield the secrets among the settings, at any depth.

    These are credentials, the salt of hashes, and everything that is only for the storage of a
    BATCH.
    """
    if isinstance(settings, Mapping):
        for name, value in settings.items():
            yield from _texts_in(value) if name in _SECRET else secrets_in(value)
    elif isinstance(settings, list):
        for each in settings:
            yield from secrets_in(each)


_SECRET = {"client_id", "client_secret", "app_key", "hash_salt", "params"}


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from (value, value.strip())
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts_in(each)

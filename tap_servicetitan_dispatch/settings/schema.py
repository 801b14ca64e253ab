"""The settings: what they are called, what they mean, and where they lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

if TYPE_CHECKING:
    from collections.abc import Iterator

SANDBOX = "sandbox"
EXTRA_STREAMS = ("appointment_assignments_list", "capacities", "technician_tracking", "sync_log")
"""The streams that are offered only where `extra_streams` names them."""
LARGEST_NUMBER = 2**63 - 1
"""What the API takes for a number."""
LARGEST_PAGE = 5000
"""Rows of a list that the API gives at most at a time."""


@dataclass(frozen=True)
class Environment:
    """Where a ServiceTitan environment is reached."""

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

SCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property(
        "client_id",
        th.StringType,
        title="Client ID",
        description=(
            "Client ID of the application for this tenant, from Settings > Integrations > API "
            "Application Access. Required outside the sandbox."
        ),
    ),
    th.Property(
        "client_secret",
        th.StringType,
        secret=True,
        title="Client secret",
        description=(
            "Client secret that belongs to the client ID, shown once when it is generated there. "
            "Required outside the sandbox."
        ),
    ),
    th.Property(
        "app_key",
        th.StringType,
        secret=True,
        title="App key",
        description=(
            "Application key from the developer portal (My Apps); it starts with `ak1.`. Required "
            "outside the sandbox."
        ),
    ),
    th.Property(
        "tenant_id",
        th.CustomType({"type": ["string", "integer"]}),
        title="Tenant ID",
        description=(
            "Number of the tenant, shown beside the client ID. Required outside the sandbox, "
            "unless `tenants` is set. In the sandbox each number is a contractor of its own."
        ),
    ),
    th.Property(
        "tenants",
        th.ArrayType(th.CustomType({"type": ["integer", "string", "object"]})),
        secret=True,
        title="Tenants",
        description=(
            "Several tenants to read in one run, in place of `tenant_id`: numbers, or objects with "
            "`tenant_id` and, as far as they differ from the settings of the same name, "
            "`client_id`, `client_secret` and `app_key`; `name` is what the log calls it. Each row "
            "then has a `tenantId`, and each key begins with it."
        ),
    ),
    th.Property(
        "skip_failed_tenants",
        th.BooleanType,
        default=False,
        title="Skip failed tenants",
        description=(
            "Whether a run succeeds (exit code 0, with a warning at the end) if some of the "
            "`tenants` could not be read, or not wholly."
        ),
    ),
    th.Property(
        "environment",
        th.StringType,
        default="production",
        allowed_values=[*ENVIRONMENTS, SANDBOX],
        title="Environment",
        description=(
            "`production`, `integration` (ServiceTitan's test environment, with credentials of "
            "its own), or `sandbox`: the same API inside the tap's own process, with a made-up "
            "contractor, where no credential is needed and none is used."
        ),
    ),
    th.Property(
        "api_url",
        th.StringType,
        title="API URL",
        description=(
            "Root of the API in place of the environment's, such as "
            "`https://api.servicetitan.io`. In the sandbox environment: the address of a sandbox "
            "that runs on its own."
        ),
    ),
    th.Property(
        "auth_url",
        th.StringType,
        title="Token URL",
        description="Whole address of the token endpoint in place of the environment's.",
    ),
    th.Property(
        "start_date",
        th.StringType,
        title="Start date",
        description=(
            "Date or date-time (ISO 8601, UTC unless it says otherwise) of the earliest change to "
            "read on a first run. Without it the tap begins at the beginning of history."
        ),
    ),
    th.Property(
        "active",
        th.StringType,
        default="Any",
        allowed_values=["Any", "True", "False"],
        title="Active",
        description=(
            "Which assignments the export feed gives: `Any`, only active (`True`) or only inactive "
            "(`False`) ones. With `True` you never hear that an assignment was taken back."
        ),
    ),
    th.Property(
        "include_recent_changes",
        th.BooleanType,
        default=False,
        title="Include recent changes",
        description=(
            "Whether the export feed gives changes at once. Otherwise they come about 15 minutes "
            "late, but each only once."
        ),
    ),
    th.Property(
        "extra_streams",
        th.ArrayType(th.StringType(allowed_values=list(EXTRA_STREAMS))),
        default=[],
        title="Extra streams",
        description=(
            "Streams to offer beside the others. `appointment_assignments_list` has the rows of "
            "`appointment_assignments` without the delay of the export feed; `capacities` needs a "
            "scope for writing, although it only reads; `technician_tracking` has addresses at "
            "which anybody can see where a technician is, and costs a call for each assignment "
            "under way; `sync_log` says what became of the other streams in each run, and costs a "
            "call for each list."
        ),
    ),
    th.Property(
        "unknown_fields",
        th.StringType,
        default="warn",
        allowed_values=["warn", "keep", "fail"],
        title="Unknown fields",
        description=(
            "What to do with a field that the API sends and the schema does not know: leave it out "
            "with a warning (`warn`), put it into the field `unknownFields`, a JSON object that "
            "each row then has (`keep`), or end the stream before anything of the page is written "
            "(`fail`). A value of another type than the schema's passes through with a warning, or "
            "ends the stream as well (`fail`)."
        ),
    ),
    th.Property(
        "page_size",
        th.IntegerType(minimum=1, maximum=LARGEST_PAGE),
        default=LARGEST_PAGE,
        title="Page size",
        description="Rows to ask for per page of a list, 1 to 5000. The export feed has its own.",
    ),
    th.Property(
        "overlap_seconds",
        th.IntegerType(minimum=1, maximum=86_400),
        default=300,
        title="Overlap",
        description=(
            "Seconds that a run of a list begins below the bookmark, as changes may become visible "
            "late and servers' clocks differ. Rows of that time come again."
        ),
    ),
    th.Property(
        "detect_deleted_every_hours",
        th.IntegerType(minimum=1, maximum=10_000),
        title="Detect deleted rows every so many hours",
        description=(
            "Hours after which a run reads the lists in full, so that targets which know "
            "ACTIVATE_VERSION mark or remove the rows that were deleted for good; off unless set. "
            "Only where no other run loads into the same tables, as its rows would count as "
            "deleted."
        ),
    ),
    th.Property(
        "detect_deleted_assignments",
        th.BooleanType,
        default=False,
        title="Detect deleted assignments",
        description=(
            "Whether detect_deleted_every_hours covers appointment_assignments too, by the ids of "
            "their list: a call for every 5,000 rows there are. Only needed if the export feed "
            "does not return what was deleted, which a survey tells."
        ),
    ),
    th.Property(
        "timezone",
        th.StringType,
        default="UTC",
        title="Time zone",
        description=(
            "IANA name of the time zone in which days begin and end, such as "
            "`America/Chicago`; for the stream `capacities`."
        ),
    ),
    th.Property(
        "capacity_days_back",
        th.IntegerType(minimum=0, maximum=366),
        default=0,
        title="Capacity: days back",
        description="Whole days before today to read capacity for.",
    ),
    th.Property(
        "capacity_days_ahead",
        th.IntegerType(minimum=0, maximum=366),
        default=14,
        title="Capacity: days ahead",
        description="Whole days after today to read capacity for.",
    ),
    th.Property(
        "capacity_days_per_request",
        th.IntegerType(minimum=1, maximum=14),
        default=7,
        title="Capacity: days per request",
        description="Days to ask for at a time; the API allows 14.",
    ),
    th.Property(
        "capacity_business_unit_ids",
        th.ArrayType(th.IntegerType(minimum=0, maximum=LARGEST_NUMBER)),
        title="Capacity: business units",
        description=(
            "Numbers of the business units to read capacity for. Without them the API may leave "
            "out business units that are in no capacity group, as an operator has reported."
        ),
    ),
    th.Property(
        "capacity_job_type_id",
        th.IntegerType(minimum=0, maximum=LARGEST_NUMBER),
        title="Capacity: job type",
        description="Number of the job type whose duration and skills count.",
    ),
    th.Property(
        "capacity_keep_history",
        th.BooleanType,
        default=False,
        title="Capacity: keep history",
        description=(
            "Whether the time of a forecast is part of the key of `capacities`, so that a target "
            "which updates rows keeps each forecast, not the latest only."
        ),
    ),
    th.Property(
        "capacity_skill_based_availability",
        th.BooleanType,
        default=False,
        title="Capacity: match skills",
        description="Whether only technicians count who have the skills that the job type needs.",
    ),
    th.Property(
        "tracking_lookback_days",
        th.IntegerType(minimum=1, maximum=366),
        default=1,
        title="Tracking: days back",
        description=(
            "Days since its last change within which an assignment counts as live; for the stream "
            "`technician_tracking`."
        ),
    ),
    th.Property(
        "max_concurrent_requests",
        th.IntegerType(minimum=1, maximum=50),
        default=10,
        title="Maximum concurrent requests",
        description="How many requests may be under way at a time where they are independent.",
    ),
    th.Property(
        "max_requests_per_second",
        th.IntegerType(minimum=1, maximum=60),
        default=50,
        title="Maximum requests per second",
        description=(
            "Upper bound on calls of the API, retries included. ServiceTitan allows 60 for each "
            "application and tenant."
        ),
    ),
    th.Property(
        "request_timeout_seconds",
        th.IntegerType(minimum=1, maximum=3600),
        default=120,
        title="Request time-out",
        description=(
            "Seconds that the API may stay silent. An answer may take as long in all, plus a "
            "second for each 4 KiB of it. ServiceTitan itself gives up on a request after 100."
        ),
    ),
    th.Property(
        "skip_forbidden_streams",
        th.BooleanType,
        default=False,
        title="Skip forbidden streams",
        description=(
            "Whether to do without a stream that the API refuses this application (403), with "
            "a warning at the end, instead of stopping there."
        ),
    ),
    th.Property(
        "max_retries",
        th.IntegerType(minimum=0, maximum=1000),
        default=8,
        title="Maximum retries",
        description=(
            "How often a call that failed in passing (rate limit, server error, network) is sent "
            "again."
        ),
    ),
).to_dict()


def environment_of(config: Mapping[str, Any]) -> Environment:
    """Return where a checked config outside the sandbox points."""
    own = ENVIRONMENTS[config["environment"]]
    return Environment(
        api_url=(config.get("api_url") or own.api_url).rstrip("/"),
        auth_url=config.get("auth_url") or own.auth_url,
    )


def not_offered(config: Mapping[str, Any]) -> list[str]:
    """Return the streams that the settings do not offer, whether they have been checked or not."""
    named = config.get("extra_streams")
    return [name for name in EXTRA_STREAMS if not isinstance(named, list) or name not in named]


def secrets_in(settings: Any) -> Iterator[str]:
    """Yield what settings say that nobody may see, wherever it is among them.

    That is credentials, and all that is for the storage of a BATCH only.
    """
    if isinstance(settings, Mapping):
        for name, value in settings.items():
            yield from _texts_in(value) if name in _SECRET else secrets_in(value)
    elif isinstance(settings, list):
        for each in settings:
            yield from secrets_in(each)


_SECRET = {"client_id", "client_secret", "app_key", "params"}


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from (value, value.strip())
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts_in(each)

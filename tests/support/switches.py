"""Values of the sandbox's switches that are not their defaults."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import TypeAdapter

from tap_servicetitan_dispatch.sandbox import Behaviour

SCHEMA = TypeAdapter(Behaviour).json_schema()["properties"]
USUAL = Behaviour()
BUSY = 3_000
"""Assignments of a tenant of whom a few change at any time of a working day."""
SAMPLES: dict[str, list[Any]] = {
    "export_page_size": [100],
    "continuation_lifetime": [0],
    "units_without_group": [frozenset({40000114})],
    "token_lifetime": [60],
    "tokens_per_minute": [1],
    "missing_scopes": [frozenset({"tn.dis.zones:r"}), frozenset({"tn.dis.capacity:w"})],
    "feed_delay": [0, 3600],
    "feed_history_days": [30],
    "token_length": [5_000],
    "rows": [frozenset({"zones=30", "teams=0", "appointment-assignments=200"})],
    "inactive": [frozenset({"zones=50"})],
    "undated": [frozenset({"zones=25"})],
    "visible_after": [600],
    "replica_lag": [7_200],
    "sort_ignored": [
        frozenset({"ModifiedOn"}),
        frozenset({"Id"}),
        frozenset({"CreatedOn"}),
        frozenset({"zones:ModifiedOn"}),
    ],
    "largest_page": [50, 500],
    "tied_rows": [150],
    "list_history_days": [30],
    "future_rows": [3],
    "capacity_days": [7],
    "tracked": [("Working",), ("Dispatched", "Working", "Done")],
}
"""Values of the switches that take any number, or any names."""


class Board(NamedTuple):
    """A sandbox in which several switches are set, and how it is surveyed.

    Attributes:
        switches: The switches.
        assignments: How many the tenant has.
        only: The streams that are asked; all of them if it is nothing.
        stages: The stages that are asked; all of them if it is nothing.
    """

    switches: dict[str, Any]
    assignments: int = 300
    only: tuple[str, ...] | None = None
    stages: tuple[str, ...] | None = None


ASSIGNMENTS = ("appointment_assignments", "technician_tracking")
LATEST = {"rows": frozenset({"appointment-assignments=1000"})}
"""A busy tenant of whom no more than the last rows are shown."""
IN_ORDER = ("access", "a page of each list", "orders by time", "the feed")

BOARDS = (
    Board(
        {
            "bearer": "required",
            "bounds": "exclusive",
            "business_hours": "data",
            "capacity_time_stamp": "null",
            "cookies": True,
            "count": "more",
            "enums": "numbers",
            "feed_from": "exclusive",
            "feed_rows": "some",
            "fields": "more",
            "last_page_token": "same",
            "largest_page": 500,
            "list_filters": "after_paging",
            "missing_scopes": frozenset({"tn.dis.zones:r"}),
            "non_job_default": "active",
            "nulls": "fields",
            "rejected_continuation": 404,
            "scope_text": "other",
            "sort_ignored": frozenset({"ModifiedOn"}),
            "sort_refusal": "ignored",
            "spans": "negative",
            "tied_rows": 150,
            "token_lifetime": 60,
            "token_settings": "bound",
            "tokens_per_minute": 1,
            "units_without_group": frozenset({40000114}),
            "unknown_parameters": 400,
            "untracked": 404,
            "windows_order": "changing",
        }
    ),
    Board(
        {
            "bound_grain": "second",
            "business_hours": "list",
            "capacity_units": "minutes",
            "compression": True,
            "count": "null",
            "deletes": "hard",
            "empty_pages": True,
            "export_page_size": 100,
            "feed_future": 400,
            "feed_history_days": 30,
            "fields": "fewer",
            "last_page_token": "empty",
            "missing_scopes": frozenset({"tn.dis.teams:r"}),
            "nulls": "arrays",
            "rejected_continuation": 410,
            "sort_ignored": frozenset({"Id"}),
            "spans": "iso",
            "token_moves": "not_always",
            "token_says": "text",
            "unknown_parameters": 404,
            "untracked": "null",
        }
    ),
    Board(
        {
            "bound_grain": "minute",
            "business_hours": "several",
            "count": "active",
            "export_page_size": 100,
            "feed_fields": "fewer",
            "last_page_token": "absent",
            "limit_headers": True,
            "list_history_days": 30,
            "new_token": "revokes",
            "night_windows": True,
            "nulls": "in_arrays",
            "rejected_continuation": "restart",
            "sort_ignored": frozenset({"CreatedOn"}),
            "times": "no_zone",
            "token_says": "nothing",
        }
    ),
    Board(
        {
            "date": "absent",
            "done_rows": "inactive",
            "feed_active": "active",
            "has_more": "full_page",
            "large_rows": True,
            "last_page_token": "null",
            "repeats": "one_row",
            "rows": frozenset({"zones=30"}),
            "slot_keys": "twice",
            "sort_ignored": frozenset({"zones:ModifiedOn"}),
            "technician_names": "then",
        }
    ),
    Board(
        {
            "capacity_start": "utc",
            "date": "cached",
            "feed_active": "all",
            "future_rows": 3,
            "page_sizes": "tens",
            "status_rows": "another",
            "texts": "half_characters",
            "times": "local",
            "token_use": "once",
            "undated": frozenset({"zones=25"}),
        }
    ),
    Board(
        {
            "beyond_largest": "capped",
            "capacity_days": 7,
            "date": "apart",
            "feed_shown": "twice",
            "feed_withdrawn": "silent",
            "id_order": "text",
            "inactive": frozenset({"zones=50"}),
            "largest_page": 50,
            "rows": frozenset({"zones=30", "teams=0", "appointment-assignments=200"}),
            "texts": "null_characters",
            "token_length": 5_000,
        }
    ),
    Board({"active_any": "ignored", "continuation_lifetime": 0}, only=ASSIGNMENTS[:1]),
    Board(
        {"capacity_scope": "read", "missing_scopes": frozenset({"tn.dis.capacity:w"})},
        assignments=1,
        only=("capacities",),
        stages=("access", "capacity"),
    ),
    Board({"active_any": 400}, only=("zones", "teams")),
    Board({"active_any": 404}, only=("zones", "teams")),
    Board(
        {**LATEST, "feed_delay": 0, "latest_row": "not_created", "tracked": ("Working",)},
        BUSY,
        ASSIGNMENTS,
    ),
    Board(
        {
            **LATEST,
            "done_edits": "bulk",
            "feed_delay": 3_600,
            "list_order": "to_the_minute",
            "tracked": ("Dispatched", "Working", "Done"),
        },
        BUSY,
        ASSIGNMENTS,
    ),
    Board({**LATEST, "feed_versions": "held_back", "feed_delay": 21_600}, BUSY, ASSIGNMENTS[:1]),
    Board(
        {**LATEST, "feed_versions": "all", "replica_lag": 7_200, "feed_delay": 900},
        BUSY,
        ASSIGNMENTS[:1],
    ),
    Board(
        {**LATEST, "touches_modified_on": "not_always", "feed_delay": 21_600},
        BUSY,
        ASSIGNMENTS[:1],
    ),
    Board(
        {"export_order": "to_the_second", "list_order": "exact"},
        8_000,
        ASSIGNMENTS[:1],
        IN_ORDER,
    ),
)
"""Sandboxes in which several switches are set; as few as can be, as each is surveyed."""
APART = {"visible_after", "token_serves", "bad_app_key_status"}
"""Switches that show only with a clock that moves, in a group, or if that is asked for."""


def values_of(name: str) -> list[Any]:
    """Return values of a switch that are not its default."""
    if name in SAMPLES:
        return SAMPLES[name]
    if SCHEMA[name].get("type") == "boolean":
        return [True]
    return [value for value in SCHEMA[name]["enum"] if value != getattr(USUAL, name)]


SORTED = (
    "appointment-assignments",
    "non-job-appointments",
    "teams",
    "technician-shifts",
    "technician-skills",
    "zones",
)
"""The lists that take a `sort`."""

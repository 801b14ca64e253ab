"""Values of the sandbox's switches that are not their defaults."""

from __future__ import annotations

from typing import Any

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
    "missing_scopes": [frozenset({"tn.dis.zones:r"})],
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

BOARDS: tuple[tuple[int, dict[str, Any]], ...] = (
    (
        300,
        {
            "rejected_continuation": 404,
            "business_hours": "data",
            "bearer": "required",
            "token_lifetime": 60,
            "untracked": 404,
            "unknown_parameters": 400,
            "enums": "numbers",
            "capacity_time_stamp": "null",
            "sort_refusal": "ignored",
            "nulls": "fields",
            "spans": "negative",
            "fields": "more",
            "cookies": True,
            "last_page_token": "same",
            "windows_order": "changing",
            "count": "more",
            "feed_from": "exclusive",
            "bounds": "exclusive",
        },
    ),
    (
        300,
        {
            "rejected_continuation": 410,
            "business_hours": "list",
            "untracked": "null",
            "unknown_parameters": 404,
            "token_says": "text",
            "nulls": "arrays",
            "spans": "iso",
            "fields": "fewer",
            "compression": True,
            "last_page_token": "empty",
            "count": "null",
            "bound_grain": "second",
            "feed_future": 400,
            "capacity_units": "minutes",
        },
    ),
    (
        300,
        {
            "rejected_continuation": "restart",
            "business_hours": "several",
            "token_says": "nothing",
            "nulls": "in_arrays",
            "limit_headers": True,
            "last_page_token": "absent",
            "count": "active",
            "bound_grain": "minute",
            "night_windows": True,
            "times": "no_zone",
            "new_token": "revokes",
        },
    ),
    (
        300,
        {
            "last_page_token": "null",
            "feed_active": "active",
            "date": "absent",
            "slot_keys": "twice",
            "technician_names": "then",
            "done_rows": "inactive",
            "repeats": "one_row",
            "large_rows": True,
            "has_more": "full_page",
        },
    ),
    (
        300,
        {
            "feed_active": "all",
            "date": "cached",
            "capacity_start": "utc",
            "status_rows": "another",
            "texts": "half_characters",
            "beyond_largest": "capped",
            "undated": frozenset({"zones=25"}),
            "future_rows": 3,
            "page_sizes": "tens",
        },
    ),
    (
        300,
        {
            "feed_withdrawn": "silent",
            "date": "apart",
            "capacity_days": 7,
            "rows": frozenset({"zones=30", "teams=0", "appointment-assignments=200"}),
            "inactive": frozenset({"zones=50"}),
            "texts": "null_characters",
            "token_length": 5_000,
        },
    ),
    (
        300,
        {
            "feed_rows": "some",
            "feed_fields": "fewer",
            "times": "local",
            "list_filters": "after_paging",
            "units_without_group": frozenset({40000114}),
        },
    ),
    (
        300,
        {
            "deletes": "hard",
            "feed_shown": "twice",
            "token_settings": "bound",
            "non_job_default": "active",
        },
    ),
    (
        300,
        {
            "feed_history_days": 30,
            "token_use": "once",
            "missing_scopes": frozenset({"tn.dis.zones:r"}),
        },
    ),
    (
        300,
        {"export_page_size": 100, "empty_pages": True, "sort_ignored": frozenset({"ModifiedOn"})},
    ),
    (
        300,
        {"export_page_size": 100, "token_moves": "not_always", "sort_ignored": frozenset({"Id"})},
    ),
    (300, {"list_history_days": 30, "sort_ignored": frozenset({"CreatedOn"})}),
    (300, {"id_order": "text", "rows": frozenset({"zones=30"})}),
    (
        300,
        {
            "tied_rows": 150,
            "sort_ignored": frozenset({"zones:ModifiedOn"}),
            "continuation_lifetime": 0,
        },
    ),
    (300, {"active_any": "ignored", "largest_page": 500}),
    (300, {"active_any": 400, "largest_page": 50}),
    (
        300,
        {
            "active_any": 404,
            "scope_text": "other",
            "missing_scopes": frozenset({"tn.dis.teams:r"}),
            "tokens_per_minute": 1,
        },
    ),
    (BUSY, {"feed_delay": 0, "latest_row": "not_created", "tracked": ("Working",)}),
    (BUSY, {"feed_delay": 3_600, "tracked": ("Dispatched", "Working", "Done")}),
    (BUSY, {"feed_versions": "held_back", "feed_delay": 21_600}),
    (BUSY, {"feed_versions": "all", "replica_lag": 7_200, "feed_delay": 900}),
    (BUSY, {"touches_modified_on": "not_always", "feed_delay": 21_600}),
    (BUSY, {"done_edits": "bulk", "list_order": "to_the_minute"}),
    (16_000, {"export_order": "to_the_second", "list_order": "exact"}),
)
"""Sandboxes in which several switches are set: how many assignments they have, and the switches."""
APART = {"visible_after", "token_serves", "bad_app_key_status"}
"""Switches that show only with a clock that moves, in a group, or if that is asked for."""


def values_of(name: str) -> list[Any]:
    """Return values of a switch that are not its default."""
    if name in SAMPLES:
        return SAMPLES[name]
    if SCHEMA[name].get("type") == "boolean":
        return [True]
    return [value for value in SCHEMA[name]["enum"] if value != getattr(USUAL, name)]

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

SIZES = {
    "export_order": 9_000,
    "list_order": 20_000,
    "feed_delay": BUSY,
    "feed_versions": BUSY,
    "touches_modified_on": BUSY,
    "replica_lag": BUSY,
    "tracked": BUSY,
    "done_edits": BUSY,
}
"""How many assignments it takes for a switch to show, if more than some hundred."""
APART = {"visible_after", "token_serves", "bad_app_key_status"}
"""Switches that show only with a clock that moves, in a group, or if that is asked for."""


def values_of(name: str) -> list[Any]:
    """Return values of a switch that are not its default."""
    if name in SAMPLES:
        return SAMPLES[name]
    if SCHEMA[name].get("type") == "boolean":
        return [True]
    return [value for value in SCHEMA[name]["enum"] if value != getattr(USUAL, name)]

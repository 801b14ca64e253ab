"""What docs/fleets.md says of `meltano state merge`."""

from __future__ import annotations

from typing import Any

from meltano.core.utils import merge


def state_of(tenant: int) -> dict[str, Any]:
    partition = {"context": {"tenantId": tenant}, "replication_key_value": "2026-06-18T12:00:00Z"}
    return {"singer_state": {"bookmarks": {"zones": {"partitions": [partition]}}}}


def test_of_two_groups_only_the_tenants_of_the_one_that_is_merged_are_left() -> None:
    """It is how Meltano merges its own lists of partitions; `--group-state` keeps each."""
    merged = merge(state_of(1), state_of(2))  # type: ignore[no-untyped-call] # Meltano has no types here
    assert merged == state_of(1)

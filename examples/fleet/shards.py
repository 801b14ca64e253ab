"""What tenants.yml says: the shards of a fleet. Needs nothing but PyYAML, which each engine has."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

TENANTS_YML = Path(__file__).with_name("tenants.yml")
FOLDERS = {"target-jsonl": "DESTINATION_PATH", "target-csv": "OUTPUT_PATH"}
"""The setting of a loader that writes files; others have `default_target_schema`."""
_HOUR, _DAY = 60, 24 * 60


class FleetError(Exception):
    """The file of the fleet, or what it refers to, is wrong; or a run failed. Says what to do."""


@dataclass(frozen=True)
class Shard:
    """A group of tenants that one run reads.

    Attributes:
        name: Of the shard; the state ID begins with it.
        schema: Of its tables, or the folder below `output` of its files.
        every_minutes: The interval of its runs.
        items: Its tenants, as the file has them.
        credentials: Environment variable with those of all tenants that have none of their own.
    """

    name: str
    schema: str
    every_minutes: int
    items: tuple[Mapping[str, Any], ...]
    credentials: str = ""

    @cached_property
    def tenants(self) -> tuple[int, ...]:
        """Their numbers."""
        return tuple(int(item["tenant_id"]) for item in self.items)

    @property
    def cron(self) -> str:
        """The interval as a cron expression.

        Raises:
            FleetError: There is none, as runs would not be equally far apart.
        """
        minutes = self.every_minutes
        if minutes > 0 and _HOUR % minutes == 0:
            return f"*/{minutes} * * * *" if minutes < _HOUR else "0 * * * *"
        if minutes > 0 and minutes % _HOUR == 0 and _DAY % minutes == 0:
            return f"0 */{minutes // _HOUR} * * *" if minutes < _DAY else "0 0 * * *"
        raise FleetError(
            f"Shard {self.name}: every_minutes is {minutes}, which divides neither an hour nor a "
            "day. Take 5, 10, 15, 30, 60 or 120, for instance."
        )

    def tap_settings(self, variables: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the tap's setting `tenants`, with credentials; it is a secret.

        Args:
            variables: The environment.

        Raises:
            FleetError: A variable is missing or has no such credentials.
        """
        return [
            {
                **{name: value for name, value in item.items() if name != "credentials"},
                **self._credentials(str(item.get("credentials", self.credentials)), variables),
            }
            for item in self.items
        ]

    def _credentials(self, name: str, variables: Mapping[str, str]) -> dict[str, str]:
        if not name or variables.get("MELTANO_ENVIRONMENT", "sandbox") == "sandbox":
            return {}
        try:
            found = json.loads(variables[name])
            return {each: str(found[each]) for each in ("client_id", "client_secret", "app_key")}
        except (KeyError, TypeError, ValueError):
            # Not from the error: it may quote a secret
            raise FleetError(
                f"Shard {self.name}: the environment variable {name} has to hold "
                '{"client_id": …, "client_secret": …, "app_key": …}.'
            ) from None


@dataclass(frozen=True)
class Fleet:
    """All shards, and what they have in common; `streams` has those of `extra_streams`, too."""

    target: str
    streams: tuple[str, ...]
    extra_streams: tuple[str, ...]
    retries: int
    retry_after_seconds: int
    stale_after_intervals: int
    shards: tuple[Shard, ...]

    @classmethod
    def read(cls, path: Path | None = None) -> Fleet:
        """Return what a file says.

        Args:
            path: The file; else the one that FLEET_TENANTS names, or the one beside this module.

        Raises:
            FleetError: A tenant or a schema is in two shards.
        """
        path = path or Path(os.environ.get("FLEET_TENANTS", TENANTS_YML))
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        shards = tuple(
            Shard(name, items=tuple(map(_item, tenants.pop("tenants"))), **tenants)
            for name, tenants in content.pop("shards").items()
        )
        for what, values in (
            ("tenant", list(chain.from_iterable(shard.tenants for shard in shards))),
            ("schema", [shard.schema for shard in shards]),
        ):
            # Whole reads of one shard would mark the other's rows as deleted
            if twice := [value for value, count in Counter(values).items() if count > 1]:
                raise FleetError(f"{path.name}: {what} {twice[0]} is there twice.")
        extra = tuple(content.pop("extra_streams"))
        streams = (*content.pop("streams"), *extra)
        return cls(streams=streams, extra_streams=extra, shards=shards, **content)

    def settings(self, shard: Shard, variables: Mapping[str, str]) -> dict[str, str]:
        """Return what a run of a shard needs in its environment, secrets included.

        Args:
            shard: Which.
            variables: The environment of whoever starts it.
        """
        target = self.target.replace("-", "_").upper()
        place = FOLDERS.get(self.target)
        setting = place or "DEFAULT_TARGET_SCHEMA"
        return {
            "TAP_SERVICETITAN_DISPATCH_TENANTS": json.dumps(shard.tap_settings(variables)),
            "TAP_SERVICETITAN_DISPATCH_TENANT_ID": "",  # which .env may have, for single runs
            "TAP_SERVICETITAN_DISPATCH_SKIP_FAILED_TENANTS": "true",
            "TAP_SERVICETITAN_DISPATCH_EXTRA_STREAMS": json.dumps(self.extra_streams),
            "TAP_SERVICETITAN_DISPATCH__SELECT": json.dumps(
                [f"{stream}.*" for stream in self.streams]
            ),
            f"{target}_{setting}": f"output/{shard.schema}" if place else shard.schema,
        }


def _item(item: Any) -> Mapping[str, Any]:
    return item if isinstance(item, dict) else {"tenant_id": item}

"""What tenants.yml says: the shards of a fleet, and when a tenant is stale.

Needs nothing but PyYAML, which each engine has.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

TENANTS = "tenants"
"""What an engine may have beside the streams of a shard: when each tenant was last read."""
NEVER = "never"
TENANTS_YML = Path(__file__).with_name("tenants.yml")
FOLDERS = {"target-jsonl": "DESTINATION_PATH", "target-csv": "OUTPUT_PATH"}
PLACES = FOLDERS | {"target-postgres": "DEFAULT_TARGET_SCHEMA"}
"""The setting of a loader that says where its rows go; without it all shards would go together."""
_HOUR, _DAY = 60, 24 * 60
_OF_A_FLEET = {
    "target": str,
    "streams": list,
    "extra_streams": list,
    "retries": int,
    "retry_after_seconds": int,
    "stale_after_intervals": int,
    "shards": dict,
}
_OF_A_SHARD = {"tenants": list, "credentials": str, "schema": str, "every_minutes": int}
_OF_A_TENANT = {"tenant_id": int, "name": str, "credentials": str}
_CALLED = {str: "a text", int: "a whole number", list: "a list", dict: "names with values"}
_MAY_BE_LEFT_OUT = {"name", "credentials"}
_LONGEST = 63  # of a name in PostgreSQL, which cuts off what is longer
_NAMES = {"credentials", "schema"}
_MAY_BE_NOTHING = {"extra_streams", "retries", "retry_after_seconds"}


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
        return tuple(item["tenant_id"] for item in self.items)

    @cached_property
    def names(self) -> dict[int, str]:
        """Their names, by number; not of a tenant that has none."""
        return {item["tenant_id"]: item["name"] for item in self.items if item.get("name")}

    def called(self, number: int) -> str:
        """Return what people call a tenant, as the tap does: its name, and its number in brackets.

        A tenant without a name is called by its number.
        """
        return f"{self.names[number]} ({number})" if number in self.names else str(number)

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
            f"shard {self.name}: every_minutes is {minutes}, which divides neither an hour nor a "
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

    def _credentials(self, name: str, variables: Mapping[str, str]) -> dict[str, Any]:
        if not name or variables.get("MELTANO_ENVIRONMENT", "sandbox") == "sandbox":
            return {}
        try:
            found = json.loads(variables.get(name, ""))
        except (ValueError, RecursionError):
            found = None
        values = found if isinstance(found, dict) else {}
        pair = {each: values.get(each) for each in ("client_id", "client_secret", "app_key")}
        # The tap takes what is empty from its general settings, which may be another's
        if not all(isinstance(value, str) and value for value in pair.values()):
            raise FleetError(
                f"shard {self.name}: the environment variable {name} has to hold "
                '{"client_id": …, "client_secret": …, "app_key": …}, each a text.'
            )
        return pair


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
            FleetError: The file makes no sense, or a tenant or a schema is in two shards.
        """
        path = path or Path(os.environ.get("FLEET_TENANTS", TENANTS_YML))
        try:
            content = yaml.load(path.read_text(encoding="utf-8"), _EachKeyOnce)  # noqa: S506 - a safe one
        except yaml.MarkedYAMLError as error:
            # Not the text around it, in which a secret may be
            line = error.problem_mark.line + 1 if error.problem_mark else "?"
            told = f"{path} is not YAML: {error.problem}, in line {line}."
            raise FleetError(told) from None
        except (OSError, ValueError, yaml.YAMLError):
            raise FleetError(f"{path} cannot be read, or is no text.") from None
        try:
            return cls._of(content)
        except FleetError as error:
            raise FleetError(f"{path.name}: {error}") from None

    @classmethod
    def _of(cls, content: Any) -> Fleet:
        values = _checked("the fleet", content, _OF_A_FLEET)
        if values["target"].partition("--")[0] not in PLACES:
            raise FleetError(
                f"the fleet: target {values['target']} is not one of {', '.join(PLACES)}, or "
                "inherited from one. Say in PLACES of shards.py which setting says where its rows "
                "go."
            )
        shards = tuple(_shard(name, shard) for name, shard in values.pop("shards").items())
        for what, found in (
            ("tenant", list(chain.from_iterable(shard.tenants for shard in shards))),
            ("schema", [shard.schema for shard in shards]),
        ):
            # Whole reads of one shard would mark the other's rows as deleted. Case makes no other
            # schema in PostgreSQL, and no other folder on some machines
            alike = [str(value).lower() for value in found]
            for count, value in enumerate(found):
                if alike[count] in alike[:count]:
                    raise FleetError(f"{what} {value} is there twice.")
        extra = tuple(values.pop("extra_streams"))
        streams = (*values.pop("streams"), *extra)
        for count, stream in enumerate(streams):
            if not _is_a_name(stream) or stream == TENANTS or stream in streams[:count]:
                raise FleetError(f"the fleet: {stream!r} is no stream, or is there twice.")
        return cls(streams=streams, extra_streams=extra, shards=shards, **values)

    @property
    def has_folders(self) -> bool:
        """Whether each shard has a folder below `output` for its rows, not a schema."""
        return self.target.partition("--")[0] in FOLDERS

    def minutes_until_stale(self, shard: Shard) -> int:
        """Return how many minutes may pass until a tenant of a shard has to be read again."""
        return self.stale_after_intervals * shard.every_minutes

    def stale(self, shard: Shard, known: Mapping[int, str], now: datetime) -> dict[int, str]:
        """Return the tenants of a shard that were read too long ago, each with when that was.

        Args:
            shard: Which.
            known: When each was last read wholly, by number, in ISO 8601; not who never was.
            now: The time.
        """
        earliest = now - timedelta(minutes=self.minutes_until_stale(shard))
        return {
            number: known.get(number, NEVER)
            for number in shard.tenants
            if number not in known or datetime.fromisoformat(known[number]) < earliest
        }

    def freshness(self, shard: Shard, known: Mapping[int, str], now: datetime) -> str:
        """Return in a sentence who is stale; the arguments are those of `stale`."""
        stale = self.stale(shard, known, now)
        told = ", ".join(
            f"{shard.called(number)} (last read: {when})" for number, when in stale.items()
        )
        return f"Stale: {told}." if stale else "All tenants are fresh."

    def settings(self, shard: Shard, variables: Mapping[str, str]) -> dict[str, str]:
        """Return what a run of a shard needs in its environment, secrets included.

        Args:
            shard: Which.
            variables: The environment of whoever starts it.
        """
        target = self.target.replace("-", "_").upper()
        setting = PLACES[self.target.partition("--")[0]]
        return {
            "TAP_SERVICETITAN_DISPATCH_TENANTS": json.dumps(shard.tap_settings(variables)),
            "TAP_SERVICETITAN_DISPATCH_TENANT_ID": "",  # which .env may have, for single runs
            "TAP_SERVICETITAN_DISPATCH_SKIP_FAILED_TENANTS": "true",
            "TAP_SERVICETITAN_DISPATCH_EXTRA_STREAMS": json.dumps(self.extra_streams),
            "TAP_SERVICETITAN_DISPATCH__SELECT": json.dumps(
                [f"{stream}.*" for stream in self.streams]
            ),
            f"{target}_{setting}": f"output/{shard.schema}" if self.has_folders else shard.schema,
        }


class _EachKeyOnce(yaml.SafeLoader):
    """Refuses a key that is there twice, of which YAML as it is read elsewhere keeps the last."""


def _mapping(loader: _EachKeyOnce, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(
                problem="a name has to be a text", problem_mark=key.start_mark
            )
        if key.value in seen:
            raise yaml.MarkedYAMLError(problem="a name is there twice", problem_mark=key.start_mark)
        seen.add(key.value)
    return loader.construct_mapping(node, deep=True)


def _whole_number(_: _EachKeyOnce, node: yaml.ScalarNode) -> int:
    """Return a number as people write it; YAML 1.1 takes 0777 for 511, and 1:30 for 90."""
    if not re.fullmatch(r"-?(0|[1-9][0-9]*)", node.value):
        raise yaml.MarkedYAMLError(
            problem="a number is written oddly (take digits only, and no 0 in front)",
            problem_mark=node.start_mark,
        )
    return int(node.value)


_EachKeyOnce.add_constructor("tag:yaml.org,2002:map", _mapping)
_EachKeyOnce.add_constructor("tag:yaml.org,2002:int", _whole_number)


def _shard(name: Any, content: Any) -> Shard:
    where = f"shard {name}"
    if not _is_a_name(name):
        raise FleetError(f"{where}: its name has to be of letters, digits and _.")
    values = _checked(where, content, _OF_A_SHARD)
    items = (
        each if isinstance(each, dict) else {"tenant_id": each} for each in values.pop("tenants")
    )
    tenants = tuple(_checked(f"{where}, a tenant", item, _OF_A_TENANT) for item in items)
    shard = Shard(name, items=tenants, **values)
    _ = shard.cron
    return shard


def _checked(where: str, content: Any, kinds: Mapping[str, type]) -> dict[str, Any]:
    """Return what a part of the file says, if it says what it has to, and nothing else.

    Raises:
        FleetError: It does not. Has no value in it, as that may be a secret in the wrong place.
    """
    values = dict(content) if isinstance(content, dict) else {}
    for name, value in values.items():
        if name not in kinds:
            meant = "".join(
                f" Did you mean {known} by {name}?"
                for known in get_close_matches(str(name), kinds, 1)
            )
            raise FleetError(f"{where}: {name} is not known. There are: {', '.join(kinds)}.{meant}")
        kind = kinds[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise FleetError(f"{where}: {name} has to be {_CALLED[kind]}.")
        if (not value and name not in _MAY_BE_NOTHING) or (isinstance(value, int) and value < 0):
            raise FleetError(f"{where}: {name} says nothing that makes sense.")
        if name in _NAMES and not _is_a_name(value):
            raise FleetError(f"{where}: {name} has to be of letters, digits and _.")
        if name == "schema" and len(str(value)) > _LONGEST:
            raise FleetError(f"{where}: schema has more than {_LONGEST} characters.")
    if missing := kinds.keys() - values.keys() - _MAY_BE_LEFT_OUT:
        raise FleetError(f"{where} lacks {', '.join(sorted(missing))}.")
    return values


def _is_a_name(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z_]\w*", value, re.ASCII))

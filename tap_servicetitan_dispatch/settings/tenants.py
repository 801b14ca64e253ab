"""The tenants to read: one, or a group."""

from __future__ import annotations

import difflib
import logging
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from typing_extensions import override

from tap_servicetitan_dispatch.log.redaction import SECRETS
from tap_servicetitan_dispatch.settings.schema import LARGEST_NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, MutableMapping

CREDENTIALS = ("client_id", "client_secret", "app_key", "tenant_id")
_OF_A_GROUP = ("client_id", "client_secret", "app_key")
_IN_AN_ITEM = (*CREDENTIALS, "name", "timezone")
_NUMBER = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True)
class Credentials:
    """The credentials of a tenant and an application; no text shows the secret ones any more."""

    client_id: str
    client_secret: str = field(repr=False)
    app_key: str = field(repr=False)
    tenant_id: str

    def __post_init__(self) -> None:
        # The id too: it is where a secret is found that was pasted into the wrong place.
        SECRETS.add(self.client_id, self.client_secret, self.app_key)


@dataclass(frozen=True)
class Tenant:
    """A contractor whose board is read.

    Attributes:
        number: Number of the tenant; nothing for a sandbox's tenant that was not given one.
        name: Its name, if the settings have one.
        credentials: Its credentials; nothing in the sandbox, which has its own.
        is_of_group: Whether rows and bookmarks say whose they are.
        timezone: IANA name of the time zone in which its days begin, if the settings have one.
    """

    number: int | None
    name: str = ""
    credentials: Credentials | None = None
    is_of_group: bool = False
    timezone: str | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.number})" if self.name else f"tenant {self.number}"

    @property
    def context(self) -> dict[str, int | None] | None:
        """The context of its partition in the state; nothing for a single tenant."""
        return {"tenantId": self.number} if self.is_of_group else None

    def logger(self, logger: logging.Logger) -> TenantLogger:
        """Return a logger for this tenant."""
        return TenantLogger(logger, self)


class TenantLogger(logging.LoggerAdapter[logging.Logger]):
    """Names the tenant of a group in front of each message, and its number in structured logs.

    Args:
        logger: Logs the messages.
        tenant: The tenant of the messages.
    """

    def __init__(self, logger: logging.Logger, tenant: Tenant) -> None:
        super().__init__(logger)
        self._tenant = tenant

    @override
    def log(self, level: int, msg: object, *args: Any, **kwargs: Any) -> None:
        if self._tenant.is_of_group:
            msg, args = f"%s: {msg}", (self._tenant, *args)
        super().log(level, msg, *args, **kwargs)

    @override
    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        extra = {**(kwargs.get("extra") or {}), "tenant_id": self._tenant.number}
        return msg, {**kwargs, "extra": extra}


def tenants_in(config: Mapping[str, Any], *, with_credentials: bool) -> tuple[Tenant, ...]:
    """Return the tenants of a checked config, in the order of the settings.

    Args:
        config: The settings.
        with_credentials: Whether to include their credentials.
    """

    def tenant(item: Mapping[str, Any], *, is_of_group: bool) -> Tenant:
        number = item.get("tenant_id")
        credentials = {name: str(item.get(name, config.get(name))) for name in CREDENTIALS}
        return Tenant(
            None if number is None else int(number),
            str(item.get("name") or ""),
            Credentials(**credentials) if with_credentials else None,
            is_of_group,
            item.get("timezone") or config.get("timezone"),
        )

    if "tenants" in config:
        return tuple(tenant(item, is_of_group=True) for item in map(as_item, config["tenants"]))
    return (tenant({"tenant_id": config.get("tenant_id")}, is_of_group=False),)


def as_item(item: Any) -> Mapping[str, Any]:
    """Return an item of the setting `tenants` as an object, without null or empty fields."""
    found = item if isinstance(item, dict) else {"tenant_id": item}
    stripped = {
        name: value.strip() if isinstance(value, str) else value for name, value in found.items()
    }
    return {name: value for name, value in stripped.items() if value not in (None, "")}


def problems(config: Mapping[str, Any], *, needs_credentials: bool) -> Iterator[str]:
    """Yield a line for each problem of the setting `tenants`, never with a secret.

    Args:
        config: The settings.
        needs_credentials: Whether each tenant must have credentials.
    """
    if "tenant_id" in config:
        yield "tenants: cannot be used with tenant_id; remove tenant_id, from .env too"
    if not config["tenants"]:
        yield "tenants: is empty; name at least one tenant, or use tenant_id"
    items = [as_item(item) for item in config["tenants"]]
    for place, item in enumerate(items, start=1):
        yield from _item_problems(
            f"tenants: item {place}", item, config, needs_credentials=needs_credentials
        )
    numbers = Counter(int(item["tenant_id"]) for item in items if _is_number(item))
    yield from (
        f"tenants: {number} is named {count} times"
        for number, count in numbers.items()
        if count > 1
    )


def _item_problems(
    place: str, item: Mapping[str, Any], config: Mapping[str, Any], *, needs_credentials: bool
) -> Iterator[str]:
    if not _is_number(item):
        yield f"{place} has no tenant number, which has digits only"
        return
    place = f"{place} ({item['tenant_id']})"
    if unknown := sorted(item.keys() - {*_IN_AN_ITEM}):
        # A name that is near none may be a secret in the wrong place
        meant = "".join(
            f" Did you mean {known} by {name}?"
            for name in unknown
            for known in like(name, _IN_AN_ITEM)
        )
        known = ", ".join(_IN_AN_ITEM)
        yield f"{place} has {len(unknown)} unknown fields; there are: {known}.{meant}"
    for name in _OF_A_GROUP:
        value = item.get(name, config.get(name))
        if value is None:
            if needs_credentials:
                yield f"{place} has no {name}, and there is no setting of that name"
        elif name in item and not (isinstance(value, str) and is_credential(value)):
            yield f"{place}: {name} has a character that no credential has; copy it again"
    if (zone := item.get("timezone")) and not (isinstance(zone, str) and is_time_zone(zone)):
        yield f"{place}: timezone is not an IANA time zone, such as America/Chicago"


def _is_number(item: Mapping[str, Any]) -> bool:
    return is_tenant_number(item.get("tenant_id"))


def is_tenant_number(value: Any) -> bool:
    """Return whether a value is the number of a tenant, as text or not."""
    return _NUMBER.fullmatch(str(value)) is not None and int(value) <= LARGEST_NUMBER


def like(name: str, known: Iterable[str]) -> list[str]:
    """Return the known name that is most like a misspelt one; none if it is like none."""
    return difflib.get_close_matches(name, known, 1, cutoff=0.75)


def is_time_zone(name: str) -> bool:
    """Return whether a time zone has this name, without the slow list of all names."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def is_credential(text: str) -> bool:
    """Return whether a text has only characters that credentials have."""
    return all("!" <= character <= "~" for character in text)

"""Settings as given: their values, and what is wrong with them."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from singer_sdk.plugin_base import JSONSchemaValidator

from tap_servicetitan_dispatch import addresses
from tap_servicetitan_dispatch.log import logger
from tap_servicetitan_dispatch.log.redaction import one_line, part, shown
from tap_servicetitan_dispatch.settings import batches, tenants
from tap_servicetitan_dispatch.settings.schema import (
    ENVIRONMENTS,
    LARGEST_NUMBER,
    SANDBOX,
    start_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

    from jsonschema import ValidationError

SHORTEST_SALT = 16
_SWITCHES = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(
    ("false", "0", "no", "off"), False
)


def normalize(config: MutableMapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Replace the given values by their meaning, and fill in the defaults, in place.

    A setting that is null or empty counts as not given, like an empty line of a copied
    `.env.example`. White space around a credential is removed, as it comes along when pasted. A
    number, a switch, a list or an object may come as text, because environment variables are text.

    Args:
        config: The settings as they were given.
        schema: The JSON schema of all settings, the SDK's own included.
    """
    for name in [name for name, value in config.items() if value is None or value == ""]:
        del config[name]
    for name in (*tenants.CREDENTIALS, "hash_salt"):
        value = config.get(name)
        if isinstance(value, str) and value != value.strip():
            logger.warning("%s: white space around it was stripped.", name)
            config[name] = value.strip()
    for name, value in config.items():
        setting = schema["properties"].get(name, {})
        kinds = setting.get("type", ["string"])
        if isinstance(value, str) and "string" not in kinds:
            config[name] = _read(value, setting)
        elif isinstance(value, Decimal | float) and "integer" in kinds and _is_whole(value):
            config[name] = int(value)  # 50.0 is a whole number too
    for name, setting in schema["properties"].items():
        if "default" in setting:
            config.setdefault(name, setting["default"])


def _is_whole(value: Decimal | float) -> bool:
    """Return whether a number is whole. A whole 1e999999 would fill the memory, so it is not."""
    return -LARGEST_NUMBER < value < LARGEST_NUMBER and value % 1 == 0


def _read(text: str, setting: Mapping[str, Any]) -> Any:
    """Return what a text stands for; the text itself if the setting allows no such value."""
    kinds = setting["type"]
    if "boolean" in kinds:
        return _SWITCHES.get(text.strip().lower(), text)
    is_list = "array" in kinds and not text.lstrip().startswith("[")  # 1,2,3
    if is_list and setting["items"]["type"] == ["string"]:
        return [part.strip() for part in text.split(",")]
    try:
        return json.loads(f"[{text}]" if is_list else text)
    except ValueError:
        return text


def problems(config: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Return a line for each problem of a normalized config.

    Lines never contain values of secrets.

    Args:
        config: The settings.
        schema: The JSON schema of all settings, the SDK's own included.
    """
    lines: dict[str, str] = {}
    for error in JSONSchemaValidator(schema).iter_errors(copy.deepcopy(dict(config))):
        if not _name(error).startswith("tenants."):  # told below, by position and number
            lines.setdefault(_name(error), _line(error, schema))
    wrong = {path.split(".")[0] for path in lines}
    sound = {name: value for name, value in config.items() if name not in wrong}
    is_real = sound.get("environment") in ENVIRONMENTS
    if "tenants" in sound:
        of_tenants = list(tenants.problems(sound, needs_credentials=is_real))
    else:
        of_tenants = [
            f"{name}: is required, unless environment is {SANDBOX}"
            for name in tenants.CREDENTIALS
            if is_real and "tenants" not in config and name not in config
        ]
    of_batches = batches.problems(sound.get("batch_config") or {})
    found = (*lines.values(), *of_tenants, *_senseless(sound), *_unsafe(sound), *of_batches)
    return [one_line(line) for line in found]


def unknown(config: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Return a line for each setting that is ignored because it is unknown, never with its value.

    Args:
        config: The settings as they were given.
        schema: The JSON schema of all settings, the SDK's own included.
    """
    known = schema["properties"]
    return [
        part(f"{name} is not a setting, so it does nothing.")
        + "".join(f" Did you mean {near}?" for near in tenants.like(name, known))
        for name in config
        if name not in known
    ]


def _unsafe(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each setting that could lose rows, or mark existing ones as deleted."""
    if config.get("emit_activate_version_messages"):
        yield (
            "emit_activate_version_messages: would make the target mark all rows as deleted before "
            "they come again, and leave them so if the run dies; detect_deleted_every_hours marks "
            "only rows that are gone"
        )
    if config.get("stream_maps") and config.get("batch_config"):
        yield (
            "stream_maps: cannot be used with batch_config: the SDK writes rows into BATCH files "
            "as they were before the maps, with names in clear; hash_fields and deselected fields "
            "apply to files too"
        )
    if config.get("detect_deleted_assignments"):
        if not config.get("detect_deleted_every_hours"):
            yield "detect_deleted_assignments: does nothing without detect_deleted_every_hours"
        if "appointment_assignments" in (config.get("keep_history") or ()):
            yield (
                "detect_deleted_assignments: cannot be used while keep_history names "
                "appointment_assignments: a table with each version of a row has none to mark"
            )
    if config.get("detect_deleted_every_hours"):
        if config.get("start_date"):
            yield (
                "detect_deleted_every_hours: cannot be used with start_date, because earlier rows "
                "would count as deleted; remove start_date after the first run"
            )
        if config.get("batch_config"):
            yield (
                "detect_deleted_every_hours: cannot be used with batch_config, because rows in "
                "BATCH files have no version"
            )


def _senseless(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each value that makes no sense although its type is right."""
    for name in ("client_id", "client_secret", "app_key"):
        if not tenants.is_credential(str(config.get(name, ""))):
            yield f"{name}: has a character that no credential has; copy it again"
    if not tenants.is_tenant_number(str(config.get("tenant_id", 0))):
        yield "tenant_id: is not a tenant number, which has digits only"
    try:
        start_of(config)
    except ValueError:
        given = shown(config["start_date"])
        yield f"start_date: {given} is neither a date nor a date-time (ISO 8601)"
    if (zone := config.get("timezone")) and not tenants.is_time_zone(zone):
        yield f"timezone: {shown(zone)} is not an IANA time zone, such as America/Chicago"
    yield from _salt_problems(config)
    if config.get("capacity_skill_based_availability") and not config.get("capacity_job_type_id"):
        yield "capacity_skill_based_availability: needs capacity_job_type_id, whose skills to match"
    for name in ("api_url", "auth_url"):
        if url := config.get(name):
            yield from _url_problems(name, url)


def _salt_problems(config: Mapping[str, Any]) -> Iterator[str]:
    salt = config.get("hash_salt")
    remedy = "make one, as by `openssl rand -hex 32`, and keep it"
    if salt is None and config.get("hash_fields"):
        yield (
            "hash_salt: is required if hash_fields is set, because without it anybody could "
            f"compute the hash of a name; {remedy}"
        )
    elif salt is not None and len(salt) < SHORTEST_SALT:
        yield f"hash_salt: has fewer than {SHORTEST_SALT} characters, and can be guessed; {remedy}"


def _url_problems(name: str, url: str) -> Iterator[str]:
    parts = addresses.parts_of(url)
    if parts is None or parts.scheme not in {"http", "https"}:
        yield f"{name}: is not an http(s) address"
    elif parts.auth or parts.query is not None or parts.fragment is not None:
        yield f"{name}: must not have a user, a query or a fragment"
    elif parts.scheme == "http" and not addresses.is_loopback(url):
        yield f"{name}: must be https, as credentials travel there; only this machine may be http"


def _name(error: ValidationError) -> str:
    return ".".join(str(part) for part in error.absolute_path) or str(error.validator)


def _line(error: ValidationError, schema: Mapping[str, Any]) -> str:
    name = _name(error)
    setting = schema.get("properties", {}).get(name.split(".")[0], {})
    given = "the value" if setting.get("secret") else shown(error.instance)
    bound: Any = error.validator_value
    match error.validator:
        case "type":
            kinds = [
                kind for kind in (bound if isinstance(bound, list) else [bound]) if kind != "null"
            ]
            return f"{name}: {given} is not of type {' or '.join(kinds)}"
        case "enum":
            return f"{name}: {given} is not one of {', '.join(map(str, bound))}"
        case "minimum":
            return f"{name}: {given} is less than {bound}"
        case "maximum":
            return f"{name}: {given} is more than {bound}"
        case _:
            return f"{name}: {error.message}"  # of the SDK's settings only, none of them secret

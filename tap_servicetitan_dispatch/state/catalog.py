"""The catalog that a run is given, and whether it fits the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib import Catalog

from tap_servicetitan_dispatch.errors import InputError
from tap_servicetitan_dispatch.log import logger
from tap_servicetitan_dispatch.log.redaction import part

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from singer_sdk.singerlib import CatalogEntry

KEYS_OF_SETTINGS = {
    "tenantId": "tenants",
    "timeStamp": "keep_history",
    "modifiedOn": "keep_history",
}
"""Fields that belong to a key only by a setting. A catalog may also add `modifiedOn` itself."""


def checked_catalog(
    catalog: Catalog | dict[str, Any] | None, own_streams: Collection[str]
) -> Catalog | None:
    """Return a catalog in the form that the SDK expects.

    Raises:
        InputError: It is not a catalog.
    """
    if catalog is None or isinstance(catalog, Catalog):
        return catalog
    remedy = "make a new one with --discover"
    try:
        checked = Catalog.from_dict(catalog)  # type: ignore[arg-type] # the SDK's type is narrow
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        cause = part(f"{type(error).__name__}: {error}")
        raise InputError(f"the catalog is not well formed ({cause})", remedy) from error
    if not checked:
        raise InputError("the catalog is not well formed (it has no streams)", remedy)
    for name, entry in checked.items():
        if name in own_streams and not entry.schema.properties:
            raise InputError(f"the catalog is not well formed ({name}: no schema)", remedy)
        if (method := entry.replication_method) not in {None, "INCREMENTAL", "FULL_TABLE"}:
            given = part(method)
            raise InputError(f"the catalog is not well formed ({name}: {given})", remedy)
    if strange := ", ".join(sorted(checked.keys() - set(own_streams))):
        logger.warning("The catalog has streams that this tap does not have: %s", strange)
    return checked


def require_offered(
    catalog: Catalog | None, state: Mapping[str, Any], not_offered: Collection[str]
) -> None:
    """Check that the settings offer each selected stream; log other unknown streams.

    Raises:
        InputError: A selected stream is not offered.
    """
    named = [entry for name, entry in (catalog or {}).items() if name in not_offered]
    if wanted := sorted(each.tap_stream_id for each in named if _is_selected(each)):
        raise InputError(
            f"the catalog selects {', '.join(wanted)}, which the setting extra_streams does not "
            "name, so it is not offered",
            "name it there, or make a new catalog with --discover",
        )
    for where, names in (
        ("catalog", sorted(each.tap_stream_id for each in named)),
        ("state", sorted(state.get("bookmarks", {}).keys() & {*not_offered})),
    ):
        if names:
            logger.info(
                "The %s names %s, which is left alone: the setting extra_streams does not name it.",
                where,
                ", ".join(names),
            )


def require_keys(stream: str, keys: Sequence[str], own_keys: Sequence[str]) -> None:
    """Check that the catalog has the key that the settings give the stream.

    Args:
        stream: The name of the stream.
        keys: Its key in the catalog.
        own_keys: Its key by the settings.

    Raises:
        InputError: The keys differ.
    """
    for name, setting in KEYS_OF_SETTINGS.items():
        is_added = name in keys and name not in own_keys and name != "modifiedOn"
        if is_added or (name in own_keys and name not in keys):
            raise InputError(
                f"the catalog has the key {', '.join(keys)} for {stream}, where the settings "
                f"want {', '.join(own_keys)}: it was made before the setting {setting} was "
                f"{'set' if name in own_keys else 'taken out'}",
                "make a new one with --discover",
            )


def require_fields(entry: CatalogEntry, keys: Sequence[str], own_fields: Collection[str]) -> None:
    """Check that each part of a selected stream's key will be delivered.

    Args:
        entry: The stream's entry in the catalog.
        keys: Its key in the catalog.
        own_fields: The names of the fields that the stream has.

    Raises:
        InputError: A part of the key is not a field, not in the catalog's schema, or not selected.
    """
    stream, selection = entry.tap_stream_id, entry.metadata.resolve_selection()
    if not selection[()]:
        return
    has = entry.schema.to_dict()["properties"]
    for key in keys:
        name = part(key)
        if key not in own_fields:
            raise InputError(
                f"the catalog has the key {name} for {stream}, which is not a field of it",
                "name fields in key_properties and table-key-properties, or make a new one with "
                "--discover",
            )
        if key not in has:
            raise InputError(
                f"the schema in the catalog has no {name} for {stream}, which is part of its key",
                "make a new catalog with --discover",
            )
        if not selection["properties", key]:
            raise InputError(
                f"the catalog deselects {name} of {stream}, which is part of its key",
                "select it, or leave it out of the key",
            )


def require_texts(
    entry: CatalogEntry, own: Mapping[str, Any], paths: Collection[Sequence[str]]
) -> None:
    """Check that, for a selected stream, the catalog has the type text for each hashed field.

    Args:
        entry: The stream's entry in the catalog.
        own: The stream's schema by the settings.
        paths: Where the hashed values are.

    Raises:
        InputError: A hashed field has another type.
    """
    if not _is_selected(entry):
        return
    given = entry.schema.to_dict()
    others = [
        ".".join(path)
        for path in paths
        if (at := _types_at(given, path)) and at != _types_at(own, path)
    ]
    if others:
        raise InputError(
            f"the catalog has another type for {', '.join(others)} of {entry.tap_stream_id} than "
            "hashes have: it was made before the setting hash_fields named it",
            "make a new one with --discover",
        )


def _types_at(schema: Mapping[str, Any], path: Sequence[str]) -> set[tuple[str | None, ...]]:
    """Return the types (other than null) and formats at a path, as far as the schema has them."""
    if "items" in schema:
        return _types_at(schema["items"], path)
    if inner := schema.get("properties"):
        names = [name for name in path[:1] or inner if name in inner]
        return {each for name in names for each in _types_at(inner[name], path[1:])}
    kinds = schema.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else kinds
    plain = {*kinds} - {"array", "null", "object"}  # what is inside of those is not said
    return {(kind, schema.get("format")) for kind in plain}


def paths_left_out(
    own: Mapping[str, Any], given: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """Yield the path of each field that the catalog's schema lacks, by the names in it.

    If the schema does not describe the inside of a field, the field is complete.

    Args:
        own: The stream's own schema, or a part of it.
        given: The catalog's schema, or the same part of it.
        above: The path of that part.
    """
    has = given.get("properties") or {}
    for name, field in own.get("properties", {}).items():
        if name in has:
            yield from paths_left_out(field, has[name], (*above, name))
        elif has:
            yield (*above, name)
    if "items" in own and "items" in given:
        yield from paths_left_out(own["items"], given["items"], above)


def _is_selected(entry: CatalogEntry) -> bool:
    return entry.metadata.resolve_selection()[()]

"""Hashes in place of values that identify people.

The hash of a value is the HMAC-SHA-256 of its text, in hex, with a salt from the settings. It
depends on nothing else: a name has one hash in all streams, tenants and runs. Null and an empty
text identify nobody, and stay.
"""

from __future__ import annotations

import hmac
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan_dispatch.log.redaction import part, shown
from tap_servicetitan_dispatch.settings.tenants import like
from tap_servicetitan_dispatch.streams.fields import UNKNOWN_FIELDS, time_of_version

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from tap_servicetitan_dispatch.walks import Record

    Path = tuple[str, ...]
    """The names of fields, each inside of the one before; arrays on the way have none."""
    Schema = Mapping[str, Any]

MOST_KEPT = 2**14
"""Maximum number of hashes in the cache, as names recur."""


class Hashes(dict[str | int, str]):
    """A cache of the latest hashes of texts and whole numbers.

    Args:
        salt: The secret without which nobody can compute the hash of a name.
    """

    def __init__(self, salt: str) -> None:
        super().__init__()
        self._begun = hmac.new(salt.encode(errors="surrogatepass"), digestmod="sha256")

    def __missing__(self, value: str | int) -> str:
        """Make the hash of a value; an empty text identifies nobody."""
        if value == "":
            return ""
        hashed = self._begun.copy()
        hashed.update(str(value).encode())
        if len(self) >= MOST_KEPT:
            self.clear()
        self[value] = hashed.hexdigest()
        return hashed.hexdigest()


class Hasher:
    """Replaces values by their hashes, at any depth; may be used from any thread.

    The value counts, not its schema: if the API sends a text where the schema has an object, that
    text is hashed.

    Args:
        paths: The paths of a stream's fields, none of them within another.
        salt: The secret without which nobody can compute the hash of a name.
    """

    def __init__(self, paths: Iterable[Path], salt: str) -> None:
        self._paths = [*paths]
        self._hashes = Hashes(salt)

    def replace_in(self, rows: Sequence[Record]) -> None:
        """Put the hashes into rows, in place."""
        for path in self._paths:
            if rows and isinstance(rows[0], dict):
                for row in rows:
                    self._replaced(row, path)
            else:
                self._replace_in_structs(rows, path)

    def _replace_in_structs(self, rows: Sequence[Any], path: Path) -> None:
        """Do the same for many rows, with a fast path for the usual ones."""
        name, *inner = path
        values = [*map(attrgetter(name), rows)]
        kinds = {*map(type, values)}
        hashes: Iterable[Any]
        if kinds <= {str, int}:
            hashes = map(self._hashes.__getitem__, values)
        else:
            hashes = (self._replaced(value, inner) for value in values)
        for row, hashed in zip(rows, hashes, strict=True):
            setattr(row, name, hashed)

    def _replaced(self, value: Any, path: Sequence[str]) -> Any:
        """Return the hash of a value; an object or an array is changed in place."""
        if value is None or value is msgspec.UNSET:
            return value
        if isinstance(value, list):
            value[:] = [self._replaced(each, path) for each in value]
        elif isinstance(value, dict):
            for name in path[:1] or [*value]:
                if name in value:
                    value[name] = self._replaced(value[name], path[1:])
        elif isinstance(value, msgspec.Struct):
            for name in path[:1] or value.__struct_fields__:
                setattr(value, name, self._replaced(getattr(value, name), path[1:]))
        elif isinstance(value, str):
            return self._hashes[value]
        else:  # a number, or true or false, as JSON has it
            return self._hashes[msgspec.json.encode(value).decode()]
        return value


def paths_of(config: Mapping[str, Any], stream: str, fields: Collection[str]) -> list[Path]:
    """Return the paths of the values in a stream's rows that the settings have hashed.

    A path within another one of them is left out, because the other covers it.

    Args:
        config: The settings.
        stream: The name of the stream.
        fields: The names of the fields in its rows.
    """
    given = {_path(each) for each in config.get("hash_fields") or ()}
    inside = {path[1:] for path in given if path[0] == stream and {*path[1:2]} & {*fields}}
    return sorted(path for path in inside if not any(path[:n] in inside for n in range(len(path))))


def with_hashes(schema: Schema, path: Path) -> dict[str, Any]:
    """Return a schema in which the value at a path is a text, as hashes are."""
    if "items" in schema:
        return {**schema, "items": with_hashes(schema["items"], path)}
    if inner := schema.get("properties"):
        changed = {name: with_hashes(inner[name], path[1:]) for name in path[:1] or inner}
        return {**schema, "properties": {**inner, **changed}}
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if "object" in kinds:  # of any fields, whose values are not described
        return {**schema}
    kept = {name: value for name, value in schema.items() if name != "format"}
    kept["type"] = ["string", *(kind for kind in kinds if kind == "null")]
    if "description" in kept:
        kept["description"] += " Hashed, by `hash_fields`."
    return kept


# What the setting may name --------------------------------------------------------------------


def problems(
    given: Iterable[str], schemas: Mapping[str, Schema], keys: Mapping[str, Collection[str]]
) -> Iterator[str]:
    """Yield a line for each path of `hash_fields` that cannot be hashed.

    Args:
        given: The paths.
        schemas: The schema of each stream that has rows of the API.
        keys: The key of each stream.
    """
    known = {stream: [*_fields_in(schema)] for stream, schema in schemas.items()}
    for each in given:
        stream, *inner = _path(each)
        what = f"hash_fields: {shown(each)}"
        if stream not in known:
            near = like(stream, known)
            yield f"{what}: no stream of the API has that name; {_meant(near) or _listed(known)}"
        elif not inner or (tuple(inner) not in known[stream] and inner[0] != UNKNOWN_FIELDS):
            names = [".".join(path) for path in known[stream]]
            near = [f"{stream}.{name}" for name in like(".".join(inner), names)]
            has = f"{stream} has {', '.join(names)}"
            yield f"{what}: there is no field of that name; {_meant(near) or part(has)}"
        elif inner[0] in {*keys[stream], *_GONE_BY, time_of_version(schemas[stream]["properties"])}:
            yield (
                f"{what}: is part of the key, or needed by the tap itself, so it must stay as it "
                "is; hash fields that identify people"
            )


_GONE_BY = {"continueFrom"}
"""Fields that the tap needs, besides the time of modification."""


def _path(given: str) -> Path:
    """Return the names in a path. It may mark arrays, as in `technicians[].name`."""
    return tuple(given.replace("[]", "").split("."))


def _fields_in(schema: Schema, above: Path = ()) -> Iterator[Path]:
    for name, field in schema.get("properties", {}).items():
        yield (*above, name)
        yield from _fields_in(field, (*above, name))
    if "items" in schema:
        yield from _fields_in(schema["items"], above)


def _meant(near: Sequence[str]) -> str:
    return f"did you mean {near[0]}?" if near else ""


def _listed(names: Iterable[str]) -> str:
    return f"there are {', '.join(names)}"

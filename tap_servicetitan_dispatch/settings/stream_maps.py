"""Stream maps: the SDK applies them; an error ends the run in one line that names the map."""

from __future__ import annotations

import ast
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import MappingError
from singer_sdk.mapper import NULL_STRING, CustomStreamMap
from singer_sdk.singerlib import Catalog

from tap_servicetitan_dispatch.errors import InputError
from tap_servicetitan_dispatch.log.redaction import part

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from singer_sdk.mapper import PluginMapper

FILTER = "__filter__"
ELSE = "__else__"
NO_EXPRESSIONS = {ELSE, "__key_properties__", "__source__"}
"""Options of a map that are not expressions over a row."""
OF_EXPRESSIONS = {"_", "config", "fake", "record", "__original_stream_name__", "__stream_name__"}
"""Names that an expression may use besides fields and functions."""


class StreamMapError(InputError):
    """A stream map makes no sense, or its expression fails on a row."""


def require_nothing_else(maps: Any) -> None:
    """Check that `__else__`, if given, is null; the SDK's schema fails on any other value.

    Args:
        maps: The setting `stream_maps`, not checked yet.

    Raises:
        StreamMapError: It is not null.
    """
    if not isinstance(maps, dict):
        return
    for where, options in {"": maps, **maps}.items():
        if isinstance(options, dict) and options.get(ELSE) not in (None, NULL_STRING):
            raise StreamMapError(
                f"stream_maps: {where}{'.' if where else ''}{ELSE}: is not null, the only value "
                "that it can have",
                "correct it, or remove it",
            )


def require_expressions(maps: Mapping[str, Any]) -> None:
    """Check that the expressions of stream maps are valid expressions.

    Args:
        maps: The setting `stream_maps`.

    Raises:
        StreamMapError: One is not.
    """
    for stream, fields in maps.items():
        for field, expression in fields.items() if isinstance(fields, dict) else ():
            is_one = isinstance(expression, str) and expression != NULL_STRING
            if field in NO_EXPRESSIONS or not is_one:
                continue
            try:
                ast.parse(expression, mode="eval")
            except SyntaxError as error:
                raise StreamMapError(
                    f"stream_maps: {_place(stream, field, expression)} is not an expression "
                    f"({error.msg})",
                    "correct it",
                ) from error


@contextmanager
def named(stream: str | None = None) -> Iterator[None]:
    """Turn the SDK's error about a stream map into one line.

    Args:
        stream: The stream for which it is set up; nothing if it is for no particular stream.

    Raises:
        StreamMapError: The SDK has refused a stream map.
    """
    try:
        yield
    except MappingError as error:
        what = part(error).rstrip(".")
        of_stream = f"{stream}: " if stream else ""
        raise StreamMapError(
            f"stream_maps: {of_stream}{what}",
            "correct it",
        ) from error


def register(mapper: PluginMapper, catalog: Catalog) -> None:
    """Apply the stream maps to each stream of a catalog.

    Raises:
        StreamMapError: A stream map does not fit its stream.
    """
    for name, entry in catalog.items():
        with named(name):
            if entry.metadata.resolve_selection()[()]:
                own = Catalog({name: replace(entry, stream=name)})
                mapper.register_raw_streams_from_catalog(own)
            else:
                schema = entry.schema.to_dict()  # the selected part has nothing, not even keys
                mapper.register_raw_stream_schema(name, schema, entry.key_properties)


def explain_failures(mapper: PluginMapper, fields: Mapping[str, Collection[str]]) -> None:
    """Make an expression that fails on a row say which one it is, without a value of the row.

    Args:
        mapper: The SDK's stream maps.
        fields: The names of the fields of each stream.
    """
    for stream, maps in mapper.stream_maps.items():
        for each in maps:
            if isinstance(each, CustomStreamMap):
                each._eval = _explained(each, stream, fields[stream], each._eval)  # type: ignore[method-assign] # noqa: SLF001 - no other place knows field and expression


def _explained(
    of_map: CustomStreamMap,
    stream: str,
    fields: Collection[str],
    evaluate: Callable[..., Any],
) -> Callable[..., Any]:
    def explained(
        expr: str, expr_parsed: ast.Expr, record: dict[str, Any], property_name: str | None
    ) -> Any:
        try:
            return evaluate(expr, expr_parsed, record, property_name)
        except Exception as error:  # an expression may do anything
            known = OF_EXPRESSIONS | {*fields, *of_map.functions}
            place = _place(stream, property_name or FILTER, expr)
            said = [node.id for node in ast.walk(expr_parsed) if isinstance(node, ast.Name)]
            names = dict.fromkeys(
                (property_name or each) if each == "self" else each for each in said
            )
            why = [
                *(f"{name} is null" for name in names if record.get(name, name) is None),
                *(f"the row has no {name}" for name in names if name in {*fields} - {*record}),
                *(f"there is no {name}" for name in names if name not in known | {*record}),
            ]
            kind = type(error.__cause__ or error).__name__
            raise StreamMapError(
                f"stream_maps: {place} fails on a row ({', '.join([*why, kind])})",
                "correct it, or let it allow for such rows, as in `f(x) if x else None`. The "
                "bookmark is safe",
            ) from error

    return explained


def _place(stream: str, field: str, expression: str) -> str:
    return f"{stream}.{field}: {part(expression)}"

"""What a schema says of a value and of all that lies inside."""

from __future__ import annotations

from tap_servicetitan_dispatch.streams.records import Oddities, Shape


def test_what_is_unknown_is_taken_out_at_any_depth_and_keeps_its_place() -> None:
    inner = {"type": ["object", "null"], "properties": {"c": {"type": ["integer", "null"]}}}
    shape = Shape({"type": ["object", "null"], "properties": {"b": inner}})
    odd = Oddities(set(), set())
    known, unknown = shape.split({"b": {"c": 1, "d": 2}, "e": 3}, "a", odd)
    assert (known, unknown) == ({"b": {"c": 1}}, {"b": {"d": 2}, "e": 3})
    assert odd.unknown == {"a.b.d", "a.e"}

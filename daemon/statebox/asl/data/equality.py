"""When two JSON values are equal: 1 is 1.0, true is not 1, the order of an object's keys does not matter."""

from __future__ import annotations

from collections.abc import Hashable

from statebox.asl.data.shapes import is_array, is_object
from statebox.asl.jsontext import Json


def same(left: Json, right: Json) -> bool:
    """Whether two JSON values are equal."""
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        return identity(left) == identity(right)
    return left == right and isinstance(left, bool) is isinstance(right, bool)


def identity(value: Json) -> Hashable:
    """A hashable stand-in for a JSON value: two stand-ins are equal exactly when the values are."""
    if isinstance(value, bool):
        return ("boolean", value)
    if is_array(value):
        return ("array", *map(identity, value))
    if is_object(value):
        return ("object", frozenset((key, identity(member)) for key, member in value.items()))
    return value

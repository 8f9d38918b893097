"""What kind of JSON value something is, in a form that the type checker follows."""

from __future__ import annotations

from typing import TypeGuard

from statebox.asl.jsontext import Json


def is_object(value: Json) -> TypeGuard[dict[str, Json]]:
    """Whether it is a JSON object."""
    return isinstance(value, dict)


def is_array(value: Json) -> TypeGuard[list[Json]]:
    """Whether it is a JSON array."""
    return isinstance(value, list)


def is_number(value: Json) -> TypeGuard[int | float]:
    """Whether it is a JSON number; Python takes true and false for numbers too."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_text(value: Json) -> TypeGuard[str]:
    """Whether it is a JSON string."""
    return isinstance(value, str)


def kind(value: Json) -> str:
    """The name of its kind: null, boolean, number, string, array or object."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"

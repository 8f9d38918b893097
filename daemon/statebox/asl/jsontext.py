"""JSON as text and as values: the one place where user data is parsed and rendered."""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeAlias, TypeGuard

import msgspec

# User data: what a JSON text can say. The one alias under which `Any` is allowed.
Json: TypeAlias = Any

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class InvalidJson(ValueError):
    """The text is not JSON that statebox can keep exactly; the message names line and column."""


def read_json(text: str | bytes) -> Json:
    """Parse a JSON text (RFC 8259): integers of any size stay exact.

    Raises InvalidJson for broken JSON, NaN and Infinity, numbers beyond a double, unpaired surrogates and for nesting
    that is too deep to be processed.
    """
    try:
        return _decode(text)
    except RecursionError:
        raise InvalidJson("the JSON is nested too deep") from None
    except (msgspec.MsgspecError, ValueError) as error:
        _explain(text, error)


def write_json(value: Json) -> bytes:
    """Render a value as compact JSON in UTF-8, keys in the order they stand in."""
    return _encode(value)


def write_json_text(value: Json) -> str:
    """Render a value as compact JSON text."""
    return _encode(value).decode()


def is_object(value: Json) -> TypeGuard[dict[str, Json]]:
    """Whether the value is a JSON object."""
    return isinstance(value, dict)


def is_array(value: Json) -> TypeGuard[list[Json]]:
    """Whether the value is a JSON array."""
    return isinstance(value, list)


def _explain(text: str | bytes, error: Exception) -> NoReturn:
    """Say what is wrong in words with a line and a column; msgspec counts bytes only."""

    def refuse(constant: str) -> NoReturn:
        raise InvalidJson(f"{constant} is not a JSON number") from None

    try:
        json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as broken:
        raise InvalidJson(f"{broken.msg} at line {broken.lineno} column {broken.colno}") from None
    except UnicodeDecodeError:
        raise InvalidJson("the text is not UTF-8") from None
    except RecursionError:
        raise InvalidJson("the JSON is nested too deep") from None
    raise InvalidJson(f"a string or number in it cannot be kept exactly: {error}") from None

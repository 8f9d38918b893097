"""JSON as text and as values: the one place where user data is parsed and rendered."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Any, Final, TypeAlias, TypeGuard

import msgspec

from statebox.asl.jsonfaults import fault_of, too_deep_at

# User data: what a JSON text can say. The one alias under which `Any` is allowed.
Json: TypeAlias = Any

# Deeper than people write, and so little that nothing which goes down into it meets Python's own limit.
DEEPEST: Final = 250
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
# One that never ends goes to the text's end: looking for its end again from each quote in it would take for ever.
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_STEPS: Final = {ord("["): 1, ord("]"): -1}
_ALIKE: Final = bytes.maketrans(b"{}", b"[]")
_LEVELS: Final = 8
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")


class InvalidJson(ValueError):
    """The text is not JSON that statebox can keep exactly; the message names line and column."""


def read_json(text: str | bytes) -> Json:
    """Parse a JSON text (RFC 8259): integers of up to 4,300 digits stay exact.

    Raises InvalidJson for broken JSON, NaN and Infinity, longer integers, numbers beyond a double, unpaired surrogates
    and for nesting that is too deep to be processed.
    """
    if nests_too_deep(text):
        raise InvalidJson(f"the JSON is nested too deep: more than {DEEPEST} levels at {too_deep_at(text, DEEPEST)}")
    try:
        return _decode(text)
    except (msgspec.MsgspecError, ValueError) as error:
        # In words with a line and a column: msgspec counts bytes only.
        words = fault_of(text) or f"a string or number in it cannot be kept exactly: {error}"
    raise InvalidJson(words)


def read_own_json(text: str | bytes) -> Json:
    """Parse what write_json has written, however deep it became meanwhile. Raises InvalidJson."""
    try:
        return _decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidJson(f"what was stored cannot be read: {error}") from None


def write_json(value: Json) -> bytes:
    """Render a value as compact JSON in UTF-8, keys in the order they stand in."""
    return _encode(value)


def write_json_text(value: Json) -> str:
    """Render a value as compact JSON text."""
    return _encode(value).decode()


def text_or_none(value: Json) -> bytes | None:
    """The value as compact JSON; None when it is nested too deep for that."""
    try:
        return _encode(value)
    except RecursionError:
        return None


def is_object(value: Json) -> TypeGuard[dict[str, Json]]:
    """Whether the value is a JSON object."""
    return isinstance(value, dict)


def is_array(value: Json) -> TypeGuard[list[Json]]:
    """Whether the value is a JSON array."""
    return isinstance(value, list)


def nests_too_deep(text: str | bytes) -> bool:
    """Whether arrays and objects are nested deeper than DEEPEST; the text need not be valid."""
    raw = text.encode(errors="replace") if isinstance(text, str) else text
    if raw.count(b"[") + raw.count(b"{") <= DEEPEST:
        return False
    # Without strings only the brackets matter, and not of which kind they are.
    brackets = inner = _STRING.sub(b"", raw).translate(_ALIKE, _NO_BRACKETS)
    # Most texts are gone when the innermost pairs are taken away a few times, which is quicker than counting.
    for _ in range(_LEVELS):
        inner = inner.replace(b"[]", b"")
    return _depth(inner) + _LEVELS > DEEPEST and _depth(brackets) > DEEPEST


def _depth(brackets: bytes) -> int:
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0)

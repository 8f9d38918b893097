"""JSON faults: what is wrong with a text that could not be read, with the line and the column where it is."""

from __future__ import annotations

import json
import math
import re
from typing import Final

# As long as Python turns texts into integers; nobody counts that far.
MOST_DIGITS: Final = 4300

# Strings, each with its end or to the text's; brackets; and whatever else stands between blanks and punctuation.
_TOKEN: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]|[^\s\[\]{},:"]+', re.DOTALL)
_STEPS: Final = {"[": 1, "{": 1, "]": -1, "}": -1}
_CONSTANTS: Final = ("NaN", "Infinity", "-Infinity")


def fault_of(text: str | bytes) -> str | None:
    """Words for the first thing that is wrong, as `Expecting value at line 1 column 5`; None where nothing is found."""
    try:
        read = text if isinstance(text, str) else text.decode()
        # Numbers and constants are looked at below, where their place is known.
        json.loads(read, parse_int=_nothing, parse_float=_nothing, parse_constant=_nothing)
    except UnicodeDecodeError:
        return "the text is not UTF-8"
    except json.JSONDecodeError as broken:
        return f"{broken.msg.removesuffix(' at')} at line {broken.lineno} column {broken.colno}"
    for found in _TOKEN.finditer(read):
        words = _fault_of_token(found[0])
        if words is not None:
            return f"{words} at {_place(read, found.start())}"
    return None


def too_deep_at(text: str | bytes, deepest: int) -> str:
    """The place of the first bracket that opens more levels than `deepest`, of a text that has one."""
    read = text if isinstance(text, str) else text.decode(errors="replace")
    level, offset = 0, 0
    for found in _TOKEN.finditer(read):
        level, offset = level + _STEPS.get(found[0], 0), found.start()
        if level > deepest:
            break
    return _place(read, offset)


def _nothing(_: str) -> None:
    pass


def _fault_of_token(token: str) -> str | None:
    if token in _CONSTANTS:
        return f"{token} is not a JSON number"
    if token[0] == '"':
        return "a string has half a character in it (an unpaired surrogate)" if _is_torn(token) else None
    if token[0] not in "-0123456789":
        return None
    if token.lstrip("-").isdigit():
        return f"an integer has more than {MOST_DIGITS} digits" if len(token.lstrip("-")) > MOST_DIGITS else None
    return "a number is too large to be kept" if math.isinf(float(token)) else None


def _is_torn(token: str) -> bool:
    try:
        json.loads(token).encode()
    except UnicodeEncodeError:
        return True
    return False


def _place(text: str, offset: int) -> str:
    line, before = text.count("\n", 0, offset) + 1, text.rfind("\n", 0, offset)
    return f"line {line} column {offset - before}"

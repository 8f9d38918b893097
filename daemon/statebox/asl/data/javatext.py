"""Values as texts the way Java writes them: that is how Step Functions' numbers, maps and lists read within a text."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

from statebox.asl.data.shapes import is_array, is_object, is_text
from statebox.asl.jsontext import Json, write_json_text

# Within these, Double.toString writes a number without an exponent.
_SMALLEST_PLAIN: Final = 1e-3
_LARGEST_PLAIN: Final = 1e7
# What is in every number that Java writes otherwise than we do; a text within the JSON may look like it too.
_FOREIGN: Final = re.compile(r"[0-9]{8}\.|[0-9]e|0\.000")


def number_text(number: float) -> str:
    """A number: `1.5`, `100.0`, `1.0E7`, `1.25E-5`; a whole one of any size in full."""
    if isinstance(number, int) or not number or _SMALLEST_PLAIN <= abs(number) < _LARGEST_PLAIN:
        return repr(number)
    if not math.isfinite(number):
        return write_json_text(number)
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    assert isinstance(exponent, int)  # the number is finite
    first, *rest = map(str, digits)
    power = exponent + len(rest)
    return f"{'-' * sign}{first}.{''.join(rest) or '0'}E{power}"


def json_text(value: Json) -> str:
    """A value's compact JSON."""
    text = write_json_text(value)
    return text if _FOREIGN.search(text) is None else _written(value)


def bare_text(value: Json) -> str:
    """A value within a text: strings bare, objects and arrays the way Java prints its maps and lists."""
    if is_text(value):
        return value
    if is_object(value):
        return "{" + ", ".join(f"{name}={bare_text(member)}" for name, member in value.items()) + "}"
    if is_array(value):
        return "[" + ", ".join(map(bare_text, value)) + "]"
    return number_text(value) if isinstance(value, float) else write_json_text(value)


def _written(value: Json) -> str:
    if is_object(value):
        return "{" + ",".join(f"{write_json_text(name)}:{_written(member)}" for name, member in value.items()) + "}"
    if is_array(value):
        return "[" + ",".join(map(_written, value)) + "]"
    return number_text(value) if isinstance(value, float) else write_json_text(value)

"""Values as text: what `$string` and `&` make of them, and how error messages show them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from statebox.asl.data.jsonata.failures import MEMORY, MESSAGES, JsonataError, LimitExceeded, OutOfSteps
from statebox.asl.data.jsonata.meter import MOST_BYTES, Meter
from statebox.asl.data.jsonata.numbers import written, written_short
from statebox.asl.data.jsonata.runtime import Function
from statebox.asl.data.jsonata.values import UNDEFINED, is_numeric
from statebox.asl.data.shapes import is_array, is_number, is_object
from statebox.asl.jsontext import Json, write_json_text

_INDENT: Final = "  "
# A message shows what an expression failed with, unless that is too much to be looked at.
_STEPS_OF_A_MESSAGE: Final = 100_000


def string_of(value: Json, meter: Meter, pretty: bool = False) -> str:
    """What `$string` makes of a value; undefined is the empty string here."""
    if isinstance(value, str):
        return value
    if value is UNDEFINED or isinstance(value, Function):
        return ""
    if is_number(value) and not _is_finite(value):
        raise JsonataError("D3001", value=value)
    return _Renderer(meter, _short, "\n" if pretty else "").render(value)


def describe(error: JsonataError) -> str:
    """The message that belongs to the code of an error, without the code."""
    meter = Meter(_STEPS_OF_A_MESSAGE)
    try:
        details = {name: shown(value, meter) for name, value in error.details.items()}
        details["token"] = shown(error.token or UNDEFINED, meter)
    except (LimitExceeded, OutOfSteps, RecursionError):
        return "The values that it failed with are too large to be shown"
    return MESSAGES[error.code].format_map({**details, "message": error.message})


def shown(value: Json, meter: Meter) -> str:
    """A value as compact JSON, for a message."""
    if value is UNDEFINED or isinstance(value, Function):
        return "undefined"
    return _Renderer(meter, _exact, "").render(value)


def _is_finite(value: float) -> bool:
    return value - value == 0


def _short(value: float) -> str:
    # An infinite number in an array or object is an error, NaN is null.
    return written_short(value) if is_numeric(value) else "null"


def _exact(value: float) -> str:
    return written(value) if _is_finite(value) else "null"


class _Renderer:
    """Writes JSON as JavaScript does."""

    def __init__(self, meter: Meter, numeral: Callable[[float], str], newline: str) -> None:
        self._meter = meter
        self._numeral = numeral
        self._newline = newline
        self._colon = ": " if newline else ":"
        self._parts: list[str] = []
        self._length = 0

    def render(self, value: Json) -> str:
        self._write(value, self._newline)
        return "".join(self._parts)

    def _add(self, part: str) -> None:
        self._length += len(part)
        if self._length > MOST_BYTES:
            raise LimitExceeded(MEMORY)
        self._meter.charge(1)
        self._parts.append(part)

    def _write(self, value: Json, newline: str) -> None:
        if isinstance(value, str):
            self._add(write_json_text(value))
        elif value is None or value is UNDEFINED:
            self._add("null")
        elif isinstance(value, bool):
            self._add("true" if value else "false")
        elif is_number(value):
            self._add(self._numeral(value))
        elif is_array(value):
            self._members("[", [("", member) for member in value], "]", newline)
        elif is_object(value):
            named = [(write_json_text(name) + self._colon, member) for name, member in value.items()]
            self._members("{", [pair for pair in named if pair[1] is not UNDEFINED], "}", newline)
        else:
            self._add('""')

    def _members(self, opening: str, members: list[tuple[str, Json]], closing: str, newline: str) -> None:
        self._meter.charge(len(members))
        if not members:
            self._add(opening + closing)
            return
        inner = newline + _INDENT if newline else ""
        between = opening
        for label, member in members:
            self._add(f"{between}{inner}{label}")
            self._write(member, inner)
            between = ","
        self._add(newline + closing)

"""Copies of values: what `$clone` gives, and what an expression hands out as plain JSON."""

from __future__ import annotations

import math

from statebox.asl.data.jsonata.failures import MEMORY, LimitExceeded
from statebox.asl.data.jsonata.meter import BYTES_OF_A_SCALAR, MOST_BYTES, Meter
from statebox.asl.data.jsonata.numbers import number, written, written_short
from statebox.asl.data.jsonata.runtime import Function
from statebox.asl.data.jsonata.values import UNDEFINED
from statebox.asl.data.shapes import is_array, is_object
from statebox.asl.jsontext import Json


class UnsupportedResult(Exception):
    """A value holds a function, which JSON cannot."""


def copied(value: Json, meter: Meter, objects: dict[int, Json] | None = None) -> Json:
    """A deep copy as JSONata makes it, by way of its text: fractions have 15 digits, functions become empty strings.

    The objects that are made are noted in `objects`, by their id.
    """
    if is_array(value):
        meter.array(len(value))
        return [None if member is UNDEFINED else copied(member, meter, objects) for member in value]
    if is_object(value):
        meter.charge(len(value))
        made = {name: copied(member, meter, objects) for name, member in value.items() if member is not UNDEFINED}
        if objects is not None:
            objects[id(made)] = made
        return made
    if isinstance(value, float):
        return number(float(written_short(value))) if math.isfinite(value) else None
    return "" if isinstance(value, Function) else value


class _Plain:
    """Makes plain JSON of a value, sharing all of it that is plain already."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._bytes = 0

    def of(self, value: Json) -> Json:
        if isinstance(value, str):
            self._count(len(value))
            return value
        self._count(BYTES_OF_A_SCALAR)
        if is_array(value):
            self._meter.charge(len(value))
            members = [None if member is UNDEFINED else self.of(member) for member in value]
            same = type(value) is list and all(map(_is, members, value))
            return value if same else members
        if is_object(value):
            return self._object(value)
        if isinstance(value, float) and not math.isfinite(value):
            return written(value)
        if isinstance(value, Function):
            raise UnsupportedResult
        return value

    def _object(self, value: dict[str, Json]) -> Json:
        self._meter.charge(len(value))
        made = {name: self.of(member) for name, member in value.items() if member is not UNDEFINED}
        same = len(made) == len(value) and all(map(_is, made.values(), value.values()))
        return value if same else made

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes > MOST_BYTES:
            raise LimitExceeded(MEMORY)


def plain(value: Json, meter: Meter) -> Json:
    """A value as JSON: infinity and NaN become strings, undefined members null or nothing; the rest is shared.

    Raises UnsupportedResult for functions, and LimitExceeded for a value that is too large.
    """
    return _Plain(meter).of(value)


def _is(one: Json, other: Json) -> bool:
    return one is other

"""What expressions compute with: JSON, undefined, sequences, tuple streams; and how they are compared."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from typing import Final, TypeGuard

from statebox.asl.data.jsonata.failures import JsonataError
from statebox.asl.data.jsonata.meter import Meter
from statebox.asl.data.shapes import is_array, is_object, is_text
from statebox.asl.jsontext import Json


class Undefined:
    """The type of UNDEFINED."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "undefined"


# No value at all, which is not null.
UNDEFINED: Final = Undefined()


class ResultSequence(list[Json]):
    """What a query found: with one member it stands for that member, with none for undefined, unless it is `kept`."""

    __slots__ = ("kept",)

    def __init__(self, members: Iterable[Json] = (), kept: bool = False) -> None:
        super().__init__(members)
        self.kept = kept


class Constructed(list[Json]):
    """An array that is written out as a step of a path: the path does not flatten it."""

    __slots__ = ()


class TupleStream(list[dict[str, Json]]):
    """What the steps of a path that binds variables pass on: for each item its bindings, and itself under `@`."""

    __slots__ = ()


def is_numeric(value: Json) -> TypeGuard[int | float]:
    """Whether it is a number that can be computed with: NaN is none, and infinity is an error (D1001)."""
    if isinstance(value, float):
        if math.isinf(value):
            raise JsonataError("D1001", value=value)
        return not math.isnan(value)
    return isinstance(value, int) and not isinstance(value, bool)


def truth(value: Json, meter: Meter) -> bool:
    """What a value counts as in a condition; undefined counts as false."""
    if isinstance(value, bool):
        return value
    if is_array(value):
        meter.charge(len(value))
        return any(truth(member, meter) for member in value)
    if is_text(value) or is_object(value):
        return len(value) > 0
    return is_numeric(value) and value != 0


def identity(value: Json, meter: Meter) -> Hashable:
    """A hashable stand-in for a value: two stand-ins are equal exactly when the values are equal for `=`."""
    if isinstance(value, bool):
        return ("boolean", value)
    if is_array(value):
        meter.charge(len(value))
        return ("array", *[identity(member, meter) for member in value])
    if is_object(value):
        meter.charge(len(value))
        return ("object", frozenset([(key, identity(member, meter)) for key, member in value.items()]))
    return value


def same(left: Json, right: Json, meter: Meter) -> bool:
    """Whether two values are equal for `=`: 1 is 1.0, true is not 1, the order of an object's keys does not matter."""
    if is_array(left):
        meter.charge(len(left))
        return (
            is_array(right)
            and len(left) == len(right)
            and all(same(one, other, meter) for one, other in zip(left, right, strict=True))
        )
    if is_object(left):
        meter.charge(len(left))
        return (
            is_object(right)
            and left.keys() == right.keys()
            and all(same(member, right[key], meter) for key, member in left.items())
        )
    return left == right and isinstance(left, bool) is isinstance(right, bool)


def flattened(value: Json, meter: Meter) -> list[Json]:
    """The members of an array, of the arrays in it, and so on; of anything else itself."""
    if not is_array(value):
        return [value]
    meter.charge(len(value))
    return [leaf for member in value for leaf in flattened(member, meter)]


def looked_up(value: Json, name: str, meter: Meter) -> Json:
    """What an object, or each object of an array, has under a name."""
    if is_array(value):
        meter.charge(len(value))
        found = ResultSequence()
        for member in value:
            inner = looked_up(member, name, meter)
            if is_array(inner):
                found.extend(inner)
            elif inner is not UNDEFINED:
                found.append(inner)
        meter.array(len(found))
        return found
    return value.get(name, UNDEFINED) if is_object(value) else UNDEFINED


def appended(first: Json, second: Json, meter: Meter) -> Json:
    """Both as one array; where one of them is undefined, the other as it is."""
    if first is UNDEFINED:
        return second
    if second is UNDEFINED:
        return first
    joined: list[Json] = [*(first if is_array(first) else [first]), *(second if is_array(second) else [second])]
    meter.array(len(joined))
    return joined

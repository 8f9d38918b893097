"""Operators: arithmetic, comparison, `and`, `or`, `in`, `&`, `..`, and the minus sign."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from statebox.asl.data.jsonata.failures import JsonataError
from statebox.asl.data.jsonata.node import Node
from statebox.asl.data.jsonata.numbers import as_double, number
from statebox.asl.data.jsonata.rendering import string_of
from statebox.asl.data.jsonata.runtime import Frame
from statebox.asl.data.jsonata.values import UNDEFINED, ResultSequence, is_numeric, same, truth
from statebox.asl.data.shapes import is_array, is_number, is_text
from statebox.asl.jsontext import Json

# What the language itself refuses; the bound on one value is reached earlier.
_LONGEST_RANGE: Final = 10_000_000


def _divide(left: float, right: float) -> float:
    if right == 0:
        return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1, right)
    return left / right


def _remainder(left: float, right: float) -> float:
    return math.fmod(left, right) if right != 0 else math.nan


_ARITHMETIC: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": _remainder,
}
_ORDER: Final[Mapping[str, Callable[[Json, Json], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Arithmetic(Struct, Node, frozen=True):
    """`+ - * / %` on doubles."""

    operator: str
    left: Node
    right: Node

    def compute(self, focus: Json, frame: Frame) -> Json:
        left = self.left.evaluate(focus, frame)
        right = self.right.evaluate(focus, frame)
        if left is not UNDEFINED and not is_numeric(left):
            raise JsonataError("T2001", self.operator, value=left)
        if right is not UNDEFINED and not is_numeric(right):
            raise JsonataError("T2002", self.operator, value=right)
        if left is UNDEFINED or right is UNDEFINED:
            return UNDEFINED
        return number(_ARITHMETIC[self.operator](as_double(left), as_double(right)))


class Equality(Struct, Node, frozen=True):
    """`=` and `!=`, both false for undefined."""

    negated: bool
    left: Node
    right: Node

    def compute(self, focus: Json, frame: Frame) -> Json:
        left = self.left.evaluate(focus, frame)
        right = self.right.evaluate(focus, frame)
        if left is UNDEFINED or right is UNDEFINED:
            return False
        return same(left, right, frame.run) is not self.negated


class Comparison(Struct, Node, frozen=True):
    """`< <= > >=` of two numbers or two strings."""

    operator: str
    left: Node
    right: Node

    def compute(self, focus: Json, frame: Frame) -> Json:
        left = self.left.evaluate(focus, frame)
        right = self.right.evaluate(focus, frame)
        if not all(side is UNDEFINED or is_text(side) or is_number(side) for side in (left, right)):
            raise JsonataError("T2010", self.operator)
        if left is UNDEFINED or right is UNDEFINED:
            return UNDEFINED
        if is_text(left) is not is_text(right):
            raise JsonataError("T2009", self.operator, value=left, value2=right)
        return _ORDER[self.operator](left, right)


class Logic(Struct, Node, frozen=True):
    """`and` and `or`; the right side is only evaluated where it decides."""

    is_and: bool
    left: Node
    right: Node

    def compute(self, focus: Json, frame: Frame) -> Json:
        if truth(self.left.evaluate(focus, frame), frame.run) is not self.is_and:
            return not self.is_and
        return truth(self.right.evaluate(focus, frame), frame.run)


class Membership(Struct, Node, frozen=True):
    """`in`: whether a scalar is one of an array's members."""

    left: Node
    right: Node

    def compute(self, focus: Json, frame: Frame) -> Json:
        left = self.left.evaluate(focus, frame)
        right = self.right.evaluate(focus, frame)
        if left is UNDEFINED or right is UNDEFINED:
            return False
        members: list[Json] = right if is_array(right) else [right]
        frame.run.charge(len(members))
        if isinstance(left, list | dict):
            return any(member is left for member in members)
        return any(left == member and isinstance(left, bool) is isinstance(member, bool) for member in members)


class Concatenation(Struct, Node, frozen=True):
    """`&`: both sides as strings; undefined is the empty one."""

    left: Node
    right: Node

    def compute(self, focus: Json, frame: Frame) -> Json:
        left = string_of(self.left.evaluate(focus, frame), frame.run)
        right = string_of(self.right.evaluate(focus, frame), frame.run)
        frame.run.text(len(left) + len(right))
        return left + right


class Range(Struct, Node, frozen=True):
    """`..`: the integers from one to the other."""

    left: Node
    right: Node

    def compute(self, focus: Json, frame: Frame) -> Json:
        first = self.left.evaluate(focus, frame)
        last = self.right.evaluate(focus, frame)
        for code, side in (("T2003", first), ("T2004", last)):
            if side is not UNDEFINED and not (is_number(side) and as_double(side).is_integer()):
                raise JsonataError(code, "..", value=side)
        if first is UNDEFINED or last is UNDEFINED or first > last:
            return UNDEFINED
        length = int(last) - int(first) + 1
        if length > _LONGEST_RANGE:
            raise JsonataError("D2014", "..", value=length)
        frame.run.array(length)
        return ResultSequence(range(int(first), int(last) + 1))


class Negation(Struct, Node, frozen=True):
    """The minus sign."""

    operand: Node

    def compute(self, focus: Json, frame: Frame) -> Json:
        value = self.operand.evaluate(focus, frame)
        if value is UNDEFINED:
            return UNDEFINED
        if not is_numeric(value):
            raise JsonataError("D1002", "-", value=value)
        return number(-value)

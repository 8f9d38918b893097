"""What holds expressions together: constructors of arrays and objects, blocks, bindings, conditions."""

from __future__ import annotations

from msgspec import Struct

from statebox.asl.data.jsonata.node import Group, Node
from statebox.asl.data.jsonata.runtime import Frame
from statebox.asl.data.jsonata.values import UNDEFINED, Constructed, truth
from statebox.asl.data.shapes import is_array
from statebox.asl.jsontext import Json


class ArrayConstructor(Struct, Node, frozen=True, kw_only=True):
    """`[a, b]`: each member with whether it is one itself, as others are flattened.

    `is_step` says that it is the first or last step of a path.
    """

    members: tuple[tuple[Node, bool], ...]
    is_step: bool = False

    def compute(self, focus: Json, frame: Frame) -> Json:
        made: list[Json] = Constructed() if self.is_step else []
        for node, is_constructor in self.members:
            value = node.evaluate(focus, frame)
            if value is UNDEFINED:
                continue
            if is_array(value) and not is_constructor:
                made.extend(value)
            else:
                made.append(value)
            # Before anything else is made, as each member may be large.
            frame.run.array(len(made))
        return made


class ObjectConstructor(Struct, Node, frozen=True, kw_only=True):
    """`{name: value}`, grouping the items of an array by name."""

    pairs: Group

    def compute(self, focus: Json, frame: Frame) -> Json:
        return self.pairs.gather(focus, frame)


class Block(Struct, Node, frozen=True, kw_only=True):
    """`(a; b)`: the value of the last one; what is bound inside stays inside."""

    expressions: tuple[Node, ...]

    def compute(self, focus: Json, frame: Frame) -> Json:
        inner = frame.inner()
        value: Json = UNDEFINED
        for expression in self.expressions:
            value = expression.evaluate(focus, inner)
        return value


class Bind(Struct, Node, frozen=True, kw_only=True):
    """`$name := value`."""

    name: str
    value: Node

    def compute(self, focus: Json, frame: Frame) -> Json:
        value = self.value.evaluate(focus, frame)
        frame.bindings[self.name] = value
        return value


class Condition(Struct, Node, frozen=True, kw_only=True):
    """`condition ? yes : no`, undefined where there is no `no`."""

    condition: Node
    yes: Node
    no: Node | None

    def compute(self, focus: Json, frame: Frame) -> Json:
        if truth(self.condition.evaluate(focus, frame), frame.run):
            return self.yes.evaluate(focus, frame)
        return UNDEFINED if self.no is None else self.no.evaluate(focus, frame)

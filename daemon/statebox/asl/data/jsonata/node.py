"""What all expressions share: bounds, what becomes of sequences, predicates `[…]` and grouping `{…}`."""

from __future__ import annotations

import math

from msgspec import Struct

from statebox.asl.data.jsonata.failures import JsonataError
from statebox.asl.data.jsonata.runtime import Frame
from statebox.asl.data.jsonata.values import (
    UNDEFINED,
    ResultSequence,
    TupleStream,
    is_numeric,
    truth,
)
from statebox.asl.data.shapes import is_array
from statebox.asl.jsontext import Json


class Node:
    """An expression."""

    __slots__ = ()

    def compute(self, focus: Json, frame: Frame) -> Json:
        """The value before sequences are looked at."""
        raise NotImplementedError

    def evaluate(self, focus: Json, frame: Frame) -> Json:
        """The value, or UNDEFINED. Raises JsonataError, LimitExceeded and OutOfSteps."""
        run = frame.run
        run.enter()
        result = self.compute(focus, frame)
        run.depth -= 1
        return unwrapped(result) if type(result) is ResultSequence else result


def unwrapped(sequence: ResultSequence) -> Json:
    """What a sequence stands for."""
    if not sequence:
        return UNDEFINED
    return sequence[0] if len(sequence) == 1 and not sequence.kept else sequence


class Literal(Struct, Node, frozen=True):
    """A constant."""

    value: Json

    def compute(self, focus: Json, frame: Frame) -> Json:
        return self.value

    def evaluate(self, focus: Json, frame: Frame) -> Json:
        frame.run.touch()
        return self.value


class Selection(Struct, Node, frozen=True, kw_only=True):
    """An expression with predicates `[…]` or a grouping `{…}` behind it, or with `[]`, which `keeps` arrays of one."""

    node: Node
    filters: tuple[Node, ...]
    group: Group | None
    keeps: bool

    def compute(self, focus: Json, frame: Frame) -> Json:
        result = self.node.compute(focus, frame)
        for predicate in self.filters:
            result = filtered(predicate, result, frame)
        if self.group is not None:
            result = self.group.gather(result, frame)
        if self.keeps and isinstance(result, ResultSequence):
            result.kept = True
        return result


class Group(Struct, frozen=True):
    """The pairs of an object constructor, or of a grouping behind a path; `name: value` both are expressions."""

    pairs: tuple[tuple[Node, Node], ...]

    def gather(self, source: Json, frame: Frame) -> Json:
        """An object: items with the same name are gathered before the value for that name is computed."""
        stream = isinstance(source, TupleStream) and len(source) > 0
        items: list[Json] = (source if is_array(source) else [source]) or [UNDEFINED]
        gathered: dict[str, tuple[int, list[Json]]] = {}
        for item in items:
            inner = frame.inner(item) if stream else frame
            for place, (name_of, _) in enumerate(self.pairs):
                name = name_of.evaluate(item["@"] if stream else item, inner)
                if name is UNDEFINED:
                    continue
                if not isinstance(name, str):
                    raise JsonataError("T1003", value=name)
                pair, members = gathered.setdefault(name, (place, []))
                if pair != place:
                    raise JsonataError("D1009", value=name)
                members.append(item)
        frame.run.charge(len(items))
        made: dict[str, Json] = {}
        for name, (place, members) in gathered.items():
            value = self._value(self.pairs[place][1], members, stream, frame)
            if value is not UNDEFINED:
                made[name] = value
        return made

    def _value(self, value_of: Node, members: list[Json], stream: bool, frame: Frame) -> Json:
        if not stream:
            return value_of.evaluate(_together(members, frame), frame)
        bindings = {name: _together([member[name] for member in members], frame) for name in members[0]}
        return value_of.evaluate(bindings.pop("@"), frame.inner(bindings))


def filtered(predicate: Node, source: Json, frame: Frame) -> Json:
    """The items of a sequence that a predicate lets through; a number is a position, from the end if negative."""
    items: list[Json] = source if is_array(source) else [source]
    found: list[Json] = TupleStream() if isinstance(source, TupleStream) else ResultSequence()
    if isinstance(predicate, Literal) and is_numeric(predicate.value):
        place = math.floor(predicate.value)
        place += len(items) * (place < 0)
        if not 0 <= place < len(items) or items[place] is UNDEFINED:
            return found
        if is_array(items[place]):
            return items[place]
        found.append(items[place])
        return found
    for place, item in enumerate(items):
        if isinstance(source, TupleStream):
            wanted = predicate.evaluate(item["@"], frame.inner(item))
        else:
            wanted = predicate.evaluate(item, frame)
        found += [item] * _times(wanted, place, len(items), frame)
    return found


def _times(wanted: Json, place: int, length: int, frame: Frame) -> int:
    """How often the item at a place is wanted: positions may name it more than once."""
    positions: list[Json] = wanted if is_array(wanted) else [wanted]
    if not all(map(is_numeric, positions)):
        return truth(wanted, frame.run)
    frame.run.charge(len(positions))
    return sum(math.floor(position) in (place, place - length) for position in positions)


def _together(members: list[Json], frame: Frame) -> Json:
    """Several items as one array, in which arrays among them are flattened; one stays what it is."""
    whole = members[0]
    if len(members) > 1:
        whole = [
            leaf for member in members if member is not UNDEFINED for leaf in (member if is_array(member) else [member])
        ]
        frame.run.array(len(whole))
    return whole

"""Paths: their steps, what steps can be, and the streams of tuples that steps with variables pass on."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from statebox.asl.data.jsonata.node import Group, Node, filtered, unwrapped
from statebox.asl.data.jsonata.runtime import Frame
from statebox.asl.data.jsonata.sorting import Sort
from statebox.asl.data.jsonata.values import (
    UNDEFINED,
    Constructed,
    ResultSequence,
    TupleStream,
    appended,
    flattened,
    looked_up,
)
from statebox.asl.data.shapes import is_array, is_object
from statebox.asl.jsontext import Json


class Variable(Struct, Node, frozen=True):
    """`$name`, and `$` for the context; `$$` has no value."""

    name: str

    def compute(self, focus: Json, frame: Frame) -> Json:
        return frame.lookup(self.name) if self.name else focus

    def evaluate(self, focus: Json, frame: Frame) -> Json:
        frame.run.touch()
        value = frame.lookup(self.name) if self.name else focus
        return unwrapped(value) if type(value) is ResultSequence else value


class Name(Struct, Node, frozen=True):
    """The member of that name, of an object or of all the objects of an array."""

    name: str

    def compute(self, focus: Json, frame: Frame) -> Json:
        return looked_up(focus, self.name, frame.run)

    def evaluate(self, focus: Json, frame: Frame) -> Json:
        frame.run.touch()
        value = looked_up(focus, self.name, frame.run)
        return unwrapped(value) if type(value) is ResultSequence else value


class Wildcard(Struct, Node, frozen=True):
    """`*`: all members."""

    def compute(self, focus: Json, frame: Frame) -> Json:
        members: list[Json] = []
        if is_object(focus):
            members = list(focus.values())
        elif is_array(focus):
            members = focus
        frame.run.array(len(members))
        found: Json = ResultSequence()
        for member in members:
            if is_array(member):
                found = appended(found, flattened(member, frame.run), frame.run)
            else:
                found.append(member)
        return found


class Descendants(Struct, Node, frozen=True):
    """`**`: the value itself and everything in it, arrays replaced by their members."""

    def compute(self, focus: Json, frame: Frame) -> Json:
        if focus is UNDEFINED:
            return UNDEFINED
        found = ResultSequence()
        _descend(focus, found, frame)
        return found[0] if len(found) == 1 else found


def _descend(value: Json, found: list[Json], frame: Frame) -> None:
    frame.run.charge(1)
    inner: Sequence[Json] = ()
    if is_array(value):
        inner = value
    else:
        found.append(value)
        if is_object(value):
            inner = list(value.values())
    for member in inner:
        _descend(member, found, frame)


class Parent(Struct, Node, frozen=True):
    """`%`: the object that a step came from, which the path has bound to a label."""

    label: str

    def compute(self, focus: Json, frame: Frame) -> Json:
        return frame.lookup(self.label)


class Numbering(Struct, frozen=True):
    """`#$name` behind a predicate: binds the position of an item among those that are left."""

    variable: str


class Step(Struct, frozen=True, kw_only=True):
    """One step. `focus` and `index` are the variables of `@$focus` and `#$index`, `ancestor` is a label for `%`.

    `binds` says that from here on the path passes on tuples; `constructed` that it is an array written out in the path.
    """

    node: Node | Sort
    stages: tuple[Node | Numbering, ...] = ()
    focus: str | None = None
    index: str | None = None
    ancestor: str | None = None
    binds: bool = False
    constructed: bool = False


class Path(Struct, Node, frozen=True, kw_only=True):
    """Steps, each applied to every item that the one before it gave.

    `keeps_one` keeps an array of one an array; `carries` hands tuples on to the path that this one is a step of.
    `gathers` is the grouping behind the last step, which sees its tuples.
    """

    steps: tuple[Step, ...]
    is_absolute: bool
    keeps_one: bool = False
    carries: bool = False
    gathers: Group | None = None

    def compute(self, focus: Json, frame: Frame) -> Json:
        items: Json = focus if is_array(focus) and not self.is_absolute else ResultSequence([focus])
        found: Json = UNDEFINED
        tuples: TupleStream | None = None
        last = self.steps[-1]
        for place, step in enumerate(self.steps):
            if place == 0 and step.constructed and isinstance(step.node, Node):
                found = step.node.evaluate(items, frame)
            elif tuples is not None or step.binds:
                tuples = _tuples(step, items, tuples, frame)
            else:
                found = _items(step, items, frame, step is last)
            if tuples is None and (found is UNDEFINED or found == []):
                break
            if step.focus is None:
                items = found
        if tuples is not None:
            found = tuples if self.carries else ResultSequence([binding["@"] for binding in tuples])
        if self.keeps_one:
            if isinstance(found, Constructed):
                found = ResultSequence([found])
            if isinstance(found, ResultSequence):
                found.kept = True
        if self.gathers is not None:
            found = self.gathers.gather(found if tuples is None else tuples, frame)
        return found


class Reference(Struct, Node, frozen=True):
    """`$name.a.b`: a path that most often leads through objects only, and then is followed without ado."""

    path: Path
    variable: str
    names: tuple[str, ...]

    def compute(self, focus: Json, frame: Frame) -> Json:
        frame.run.touch()
        value = frame.lookup(self.variable)
        for name in self.names:
            if not is_object(value):
                return self.path.compute(focus, frame)
            value = value.get(name, UNDEFINED)
        frame.run.charge(len(self.names))
        # Only the whole path can judge a sequence that an expression has put into an object.
        return self.path.compute(focus, frame) if isinstance(value, ResultSequence) else value


def _items(step: Step, items: Json, frame: Frame, is_last: bool) -> Json:
    if isinstance(step.node, Sort):
        ordered = step.node.order(items, frame)
        return _staged(step, ordered, frame)
    found: list[Json] = []
    for item in items if is_array(items) else ():
        value = step.node.evaluate(item, frame)
        if step.stages:
            value = _staged(step, value, frame)
        if value is not UNDEFINED:
            found.append(value)
    if is_last and len(found) == 1 and is_array(found[0]) and not isinstance(found[0], ResultSequence | TupleStream):
        return found[0]
    flat = ResultSequence()
    for value in found:
        if is_array(value) and not isinstance(value, Constructed):
            flat.extend(value)
        else:
            flat.append(value)
    frame.run.array(len(flat))
    return flat


def _staged(step: Step, value: Json, frame: Frame) -> Json:
    for stage in step.stages:
        if isinstance(stage, Node):
            value = filtered(stage, value, frame)
        else:
            for place, binding in enumerate(value):
                binding[stage.variable] = place
    return value


def _tuples(step: Step, items: Json, tuples: TupleStream | None, frame: Frame) -> TupleStream:
    if isinstance(step.node, Sort):
        ordered = step.node.order(items if tuples is None else tuples, frame)
        if tuples is None:
            ordered = TupleStream(
                {"@": item, **({step.index: place} if step.index else {})} for place, item in enumerate(ordered)
            )
        return _staged(step, TupleStream(ordered), frame)
    found = TupleStream()
    for binding in TupleStream({"@": item} for item in items) if tuples is None else tuples:
        value = step.node.evaluate(binding["@"], frame.inner(binding))
        if value is UNDEFINED:
            continue
        members: list[Json] = value if is_array(value) else [value]
        frame.run.array(len(members))
        for place, member in enumerate(members):
            if isinstance(value, TupleStream):
                found.append({**binding, **member})
                continue
            bound = {**binding, "@": binding["@"] if step.focus else member}
            if step.focus is not None:
                bound[step.focus] = member
            if step.index is not None:
                bound[step.index] = place
            if step.ancestor is not None:
                bound[step.ancestor] = binding["@"]
            found.append(bound)
    return _staged(step, found, frame)

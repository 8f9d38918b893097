"""Functions in expressions: calling them, writing them, applying them in part, chaining and transforming."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from statebox.asl.data.jsonata.copying import copied
from statebox.asl.data.jsonata.failures import JsonataError
from statebox.asl.data.jsonata.node import Node
from statebox.asl.data.jsonata.runtime import Frame, Function, Run, TailCall
from statebox.asl.data.jsonata.signatures import Signature, parse_signature
from statebox.asl.data.jsonata.values import UNDEFINED, truth
from statebox.asl.data.shapes import is_array, is_object, is_text
from statebox.asl.jsontext import Json


class Lambda(Struct, Function, frozen=True, kw_only=True, eq=False):
    """A function that an expression wrote, with the context and the variables of the place where it stands."""

    parameters: tuple[str, ...]
    body: Node
    signature: Signature | None
    focus: Json
    frame: Frame

    @property
    def arity(self) -> int:
        return len(self.parameters)

    def call(self, run: Run, arguments: list[Json], focus: Json) -> Json:
        if self.signature is not None:
            arguments = self.signature.validate(arguments, focus)
        given = [*arguments, *[UNDEFINED] * (len(self.parameters) - len(arguments))]
        return self.body.evaluate(self.focus, self.frame.inner(dict(zip(self.parameters, given, strict=False))))


class Partial(Struct, Function, frozen=True, eq=False):
    """A built-in function of which some arguments are given; the places of the others hold HOLE."""

    function: Function
    given: tuple[Json, ...]

    @property
    def arity(self) -> int:
        return sum(argument is HOLE for argument in self.given)

    def call(self, run: Run, arguments: list[Json], focus: Json) -> Json:
        others = iter(arguments)
        filled = [next(others, UNDEFINED) if argument is HOLE else argument for argument in self.given]
        return self.function.call(run, filled, focus)


class Chain(Struct, Function, frozen=True, eq=False):
    """`f ~> g`: the function that calls one and then the other."""

    first: Function
    second: Function

    @property
    def arity(self) -> int:
        return 1

    def call(self, run: Run, arguments: list[Json], focus: Json) -> Json:
        run.enter()
        result = run.apply(self.second, [run.apply(self.first, arguments[:1])])
        run.depth -= 1
        return result


class _Hole:
    """The type of HOLE."""


# `?` among the arguments of a partial application.
HOLE = _Hole()


class LambdaNode(Struct, Node, frozen=True, kw_only=True):
    """`function($a, $b)<signature>{ body }`."""

    parameters: tuple[str, ...]
    body: Node
    signature: Signature | None = None

    def compute(self, focus: Json, frame: Frame) -> Json:
        return Lambda(parameters=self.parameters, body=self.body, signature=self.signature, focus=focus, frame=frame)


class Call(Struct, Node, frozen=True, kw_only=True):
    """A call. `name` is what the function is called by here; `bare` says that the `$` before it is missing."""

    function: Node
    arguments: tuple[Node, ...]
    name: str | None = None
    bare: bool = False

    def compute(self, focus: Json, frame: Frame) -> Json:
        return self.invoke([], focus, frame)

    def invoke(self, first: Sequence[Json], focus: Json, frame: Frame) -> Json:
        """Call the function, with these arguments before its own."""
        function = self.function.evaluate(focus, frame)
        if self.bare and function is UNDEFINED and self.name is not None and _is_there(self.name, frame):
            raise JsonataError("T1005", self.name, message=self.name)
        arguments = [*first, *[argument.evaluate(focus, frame) for argument in self.arguments]]
        try:
            return frame.run.apply(function, arguments, focus)
        except JsonataError as error:
            error.token = error.token or self.name
            raise


class LastCall(Struct, Node, frozen=True):
    """A call in the place where it is the last thing that a function does."""

    call: Call

    def compute(self, focus: Json, frame: Frame) -> Json:
        return TailCall(self.call.function, self.call.arguments, focus, frame)


class PartialCall(Struct, Node, frozen=True, kw_only=True):
    """`f(a, ?)`: the function of the arguments that are missing; None stands for each `?`."""

    function: Node
    arguments: tuple[Node | None, ...]
    name: str | None = None
    bare: bool = False

    def compute(self, focus: Json, frame: Frame) -> Json:
        given = [HOLE if argument is None else argument.evaluate(focus, frame) for argument in self.arguments]
        function = self.function.evaluate(focus, frame)
        if isinstance(function, Lambda):
            return _applied_in_part(function, given)
        if isinstance(function, Function):
            return Partial(function, tuple(given))
        if self.bare and self.name is not None and _is_there(self.name, frame):
            raise JsonataError("T1007", self.name, message=self.name)
        raise JsonataError("T1008", self.name)


class Apply(Struct, Node, frozen=True):
    """`value ~> function`, or `function ~> function`."""

    left: Node
    right: Node

    def compute(self, focus: Json, frame: Frame) -> Json:
        value = self.left.evaluate(focus, frame)
        if isinstance(self.right, Call):
            return self.right.invoke([value], focus, frame)
        function = self.right.evaluate(focus, frame)
        if not isinstance(function, Function):
            raise JsonataError("T2006", value=function)
        if isinstance(value, Function):
            return Chain(value, function)
        return frame.run.apply(function, [value])


class Transform(Struct, Node, frozen=True):
    """`| where | what to merge in, what to delete |`: a function that changes a copy of its argument."""

    pattern: Node
    update: Node
    delete: Node | None

    def compute(self, focus: Json, frame: Frame) -> Json:
        return _Transformer(self, frame)


_TRANSFORMER = parse_signature("<(oa):o>")


class _Transformer(Struct, Function, frozen=True, eq=False):
    transform: Transform
    frame: Frame

    @property
    def arity(self) -> int:
        return 1

    def call(self, run: Run, arguments: list[Json], focus: Json) -> Json:
        (source,) = _TRANSFORMER.validate(arguments, focus)
        if source is UNDEFINED:
            return UNDEFINED
        if not isinstance(self.frame.lookup("clone"), Function):
            raise JsonataError("T2013")
        objects: dict[int, Json] = {}
        changed = copied(source, run, objects)
        matches = self.transform.pattern.evaluate(changed, self.frame)
        for match in matches if is_array(matches) else [matches]:
            if match is not UNDEFINED:
                # The pattern may also find what is none of the copy, like the state's input: that stays as it is.
                self._change(match, id(match) in objects)
        return changed

    def _change(self, match: Json, is_ours: bool) -> None:
        update = self.transform.update.evaluate(match, self.frame)
        if update is not UNDEFINED and not is_object(update):
            raise JsonataError("T2011", value=update)
        if is_object(update) and is_ours:
            match.update(update)
        if self.transform.delete is None:
            return
        names = self.transform.delete.evaluate(match, self.frame)
        if names is UNDEFINED:
            return
        doomed: list[Json] = names if is_array(names) else [names]
        if not all(map(is_text, doomed)):
            raise JsonataError("T2012", value=names)
        for name in doomed if is_ours else ():
            match.pop(name, None)


def _is_there(name: str, frame: Frame) -> bool:
    value = frame.lookup(name)
    return isinstance(value, Function) or truth(value, frame.run)


def _applied_in_part(function: Lambda, given: list[Json]) -> Lambda:
    bound: dict[str, Json] = {}
    missing: list[str] = []
    for place, parameter in enumerate(function.parameters):
        argument = given[place] if place < len(given) else UNDEFINED
        if argument is HOLE:
            missing.append(parameter)
        else:
            bound[parameter] = argument
    return Lambda(
        parameters=tuple(missing),
        body=function.body,
        signature=None,
        focus=function.focus,
        frame=function.frame.inner(bound),
    )

"""What an evaluation runs on: its frames of variables, what a function is, and calls that do not grow the stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from statebox.asl.data.jsonata.failures import JsonataError
from statebox.asl.data.jsonata.meter import Meter
from statebox.asl.data.jsonata.scope import Scope
from statebox.asl.data.jsonata.values import UNDEFINED
from statebox.asl.jsontext import Json


class Function:
    """A value that can be called."""

    __slots__ = ()

    @property
    def arity(self) -> int:
        """How many arguments it takes."""
        raise NotImplementedError

    def call(self, run: Run, arguments: list[Json], focus: Json) -> Json:
        """Call it; `focus` stands in for the first argument where the function's signature allows for that."""
        raise NotImplementedError


class Run(Meter):
    """One evaluation: what it reads, what it may use, the functions it finds by name."""

    __slots__ = ("functions", "scope")

    def __init__(self, scope: Scope, functions: Mapping[str, Function]) -> None:
        super().__init__(scope.steps)
        self.scope = scope
        self.functions = functions

    def apply(self, function: Json, arguments: list[Json], focus: Json = None) -> Json:
        """Call a function, and then whatever it calls last. Raises JsonataError (T1006) for what is none."""
        while True:
            if not isinstance(function, Function):
                raise JsonataError("T1006")
            result = function.call(self, arguments, focus)
            if not isinstance(result, TailCall):
                return result
            function, arguments = result.next()

    def apply_to_member(self, function: Function, value: Json, place: Json, whole: Json) -> Json:
        """Call a function for a member of an array or object, with as many of these arguments as it takes."""
        return self.apply(function, [value, place, whole][: max(function.arity, 1)])


class Frame:
    """The variables of a block or a call, inside those of another one. In the end there are those of the workflow."""

    __slots__ = ("bindings", "parent", "run")

    def __init__(self, run: Run, parent: Frame | None, bindings: dict[str, Json]) -> None:
        self.run = run
        self.parent = parent
        self.bindings = bindings

    def inner(self, bindings: dict[str, Json] | None = None) -> Frame:
        """A frame inside this one."""
        return Frame(self.run, self, {} if bindings is None else bindings)

    def lookup(self, name: str) -> Json:
        """The value of a variable, a function of that name, or UNDEFINED."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.bindings:
                return frame.bindings[name]
            frame = frame.parent
        variables = self.run.scope.variables
        return variables[name] if name in variables else self.run.functions.get(name, UNDEFINED)


class Evaluable(Protocol):
    """An expression."""

    def evaluate(self, focus: Json, frame: Frame) -> Json:
        """Its value."""
        ...


class TailCall:
    """The last call in a function: it is made once the function has been left, so that recursion can be a loop."""

    __slots__ = ("_arguments", "_focus", "_frame", "_function")

    def __init__(self, function: Evaluable, arguments: Sequence[Evaluable], focus: Json, frame: Frame) -> None:
        self._function = function
        self._arguments = arguments
        self._focus = focus
        self._frame = frame

    def next(self) -> tuple[Json, list[Json]]:
        """The function to call, and its arguments."""
        function = self._function.evaluate(self._focus, self._frame)
        return function, [argument.evaluate(self._focus, self._frame) for argument in self._arguments]

"""Functions that are built in: a Python function behind a signature."""

from __future__ import annotations

from collections.abc import Callable

from statebox.asl.data.jsonata.failures import JsonataError
from statebox.asl.data.jsonata.runtime import Function, Run
from statebox.asl.data.jsonata.signatures import Signature, parse_signature
from statebox.asl.data.shapes import is_array, is_text
from statebox.asl.jsontext import Json


class Native(Function):
    """A built-in function. `arity` is how many arguments `$map` and the like call it with, as in jsonata-js.

    The Python function gets the evaluation that it runs in, and an argument for each parameter of the signature.
    """

    __slots__ = ("_arity", "_function", "_signature", "_text", "name")

    def __init__(self, name: str, signature: str, arity: int, function: Callable[..., Json]) -> None:
        self.name = name
        self._text = signature
        self._arity = arity
        self._function = function
        self._signature: Signature | None = None

    def __repr__(self) -> str:
        return f"Native({self.name!r}, {self._text!r})"

    @property
    def arity(self) -> int:
        return self._arity

    def call(self, run: Run, arguments: list[Json], focus: Json) -> Json:
        # Most functions are never called, so their signatures are read when they are.
        if self._signature is None:
            self._signature = parse_signature(self._text)
        for argument in arguments:
            if is_array(argument):
                run.charge(len(argument))
            elif is_text(argument):
                run.charge(len(argument) >> 6)
        try:
            result = self._function(run, *self._signature.validate(arguments, focus))
        except JsonataError as error:
            error.token = error.token or self.name
            raise
        if is_text(result):
            run.text(len(result))
        return result

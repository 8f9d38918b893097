"""Calls of intrinsic functions in templates: `States.Format('{} items', States.ArrayLength($.items))`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from statebox.asl.data.intrinsic_functions import IntrinsicFailure, InvalidArguments, function_named
from statebox.asl.data.jsonpath import InvalidPath, NoValue, Path, parse_path, shown
from statebox.asl.data.sources import Sources
from statebox.asl.errors import RUNTIME, StateFailure
from statebox.asl.jsontext import InvalidJson, Json, read_json

_DEEPEST: Final = 10
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_NAME: Final = re.compile(r"States\.[A-Za-z0-9]+")
_STRING: Final = re.compile(r"'((?:[^'\\]|\\['{}\\])*)'")
_ESCAPE: Final = re.compile(r"\\(['{}\\])")
_CONSTANT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
# What a path between commas and parentheses is made of: quoted names, brackets, parentheses in filters and calls.
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)


class InvalidIntrinsic(ValueError):
    """The text is no call of an intrinsic function that could work; the message says why."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal argument."""

    value: Json


@dataclass(frozen=True, slots=True)
class Call:
    """A call, and the calls in its arguments."""

    function: str
    arguments: tuple[Argument, ...]


Argument: TypeAlias = Constant | Path | Call


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """A whole expression, as it stands in the definition."""

    text: str
    call: Call

    @property
    def variables(self) -> frozenset[str]:
        """The names of the variables that it reads."""
        return frozenset(_variables(self.call))

    def evaluate(self, sources: Sources) -> Json:
        """The value. Raises StateFailure (States.Runtime) in AWS's words."""
        try:
            return self._value(self.call, sources)
        except IntrinsicFailure as failure:
            raise self._failure(str(failure)) from None
        except RecursionError:
            raise self._failure("The data is nested too deep") from None

    def _value(self, argument: Argument, sources: Sources) -> Json:
        match argument:
            case Constant(value):
                return value
            case Call(name, arguments):
                function = function_named(name)
                assert function is not None  # the parser lets no other name through
                values = [self._value(one, sources) for one in arguments]
                try:
                    return function(values, sources.dice)
                except InvalidArguments:
                    raise IntrinsicFailure(f"Invalid arguments in {name}") from None
            case Path():
                try:
                    value = argument.read(sources)
                except NoValue:
                    raise StateFailure(
                        RUNTIME,
                        f"The function '{self.text}' had the following error: The JsonPath argument for the field "
                        f"'{argument.text}' could not be found in the input '{shown(sources.input)}'",
                    ) from None
                if sources.allowance is not None:
                    sources.allowance.pay_for(value)
                return value

    def _failure(self, reason: str) -> StateFailure:
        return StateFailure(
            RUNTIME, f"There was an error while evaluating the intrinsic function: {self.text}. {reason}"
        )


def parse_intrinsic(text: str) -> Intrinsic:
    """Parse a call. Raises InvalidIntrinsic for what AWS refuses in a definition.

    Those are broken syntax, unknown functions, escapes other than `\\'`, `\\{`, `\\}` and `\\\\`, and calls nested more
    than 10 deep. Wrong arguments, also a wrong number of them, are found when the call is evaluated.
    """
    parser = _Parser(text)
    call = parser.call(1)
    if not parser.at_end:
        raise parser.error("there is something behind the call")
    return Intrinsic(text, call)


def _variables(argument: Argument) -> Iterator[str]:
    match argument:
        case Call(_, arguments):
            for one in arguments:
                yield from _variables(one)
        case Path(variable=str(name)):
            yield name
        case _:
            return


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    @property
    def at_end(self) -> bool:
        return self._position == len(self._text)

    def error(self, reason: str) -> InvalidIntrinsic:
        return InvalidIntrinsic(f"{reason} at position {self._position} of {self._text!r}")

    def call(self, depth: int) -> Call:
        name = self._match(_NAME)
        if name is None or function_named(name[0]) is None:
            raise self.error("there is no such function")
        if depth > _DEEPEST:
            raise self.error(f"calls may be nested {_DEEPEST} deep")
        if not self._eat("("):
            raise self.error("( is missing")
        arguments: list[Argument] = []
        self._match(_BLANKS)
        while not self._eat(")"):
            if arguments:
                if not self._eat(","):
                    raise self.error(", or ) is missing")
                self._match(_BLANKS)
            arguments.append(self._argument(depth, template=name[0] == "States.Format" and not arguments))
            self._match(_BLANKS)
        return Call(name[0], tuple(arguments))

    def _argument(self, depth: int, template: bool) -> Argument:
        if self._text.startswith("States.", self._position):
            return self.call(depth + 1)
        if self._text.startswith("$", self._position):
            return self._path()
        if self._text.startswith("'", self._position):
            string = self._match(_STRING)
            if string is None:
                raise self.error("the string does not end, or has an escape that is not allowed")
            # Format needs to see which braces of its template are escaped.
            return Constant(string[1] if template else _ESCAPE.sub(r"\1", string[1]))
        constant = self._match(_CONSTANT)
        if constant is None:
            raise self.error("an argument is missing")
        try:
            return Constant(read_json(constant[0]))
        except InvalidJson as invalid:
            raise self.error(str(invalid)) from None

    def _path(self) -> Path:
        start = self._position
        nested = 0
        while not self.at_end:
            character = self._text[self._position]
            if nested == 0 and character in ",)":
                break
            if nested > 0 and self._match(_QUOTED) is not None:
                continue
            nested += (character in "[(") - (character in "])")
            # An escaped character of a name is none of those that end it.
            self._position = min(self._position + (2 if character == "\\" else 1), len(self._text))
        try:
            return parse_path(self._text[start : self._position].rstrip(" \t\r\n"))
        except InvalidPath as invalid:
            raise self.error(invalid.detail) from None

    def _match(self, expression: re.Pattern[str]) -> re.Match[str] | None:
        found = expression.match(self._text, self._position)
        if found is not None:
            self._position = found.end()
        return found

    def _eat(self, text: str) -> bool:
        seen = self._text.startswith(text, self._position)
        self._position += len(text) * seen
        return seen

"""Signatures like `<s-nn?:s>`: which arguments a function takes, and where the context stands in for one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Final

from msgspec import Struct

from statebox.asl.data.jsonata.failures import JsonataError
from statebox.asl.data.jsonata.runtime import Function
from statebox.asl.data.jsonata.values import UNDEFINED
from statebox.asl.jsontext import Json

_ANY: Final = "[asnblfom]"
_PATTERNS: Final = {"a": _ANY, "x": _ANY, "f": "f", "j": "[asnblom]"}
_PLURALS: Final = {
    "a": "arrays",
    "b": "booleans",
    "f": "functions",
    "n": "numbers",
    "o": "objects",
    "s": "strings",
}
_PARAMETER: Final = re.compile(r"(?P<type>\([^)]*\)|[a-z])(?:<(?P<members>[^<>]*(?:<[^<>]*>)?[^<>]*)>)?(?P<how>[-?+]*)")


def symbol_of(value: Json) -> str:
    """The letter that stands for a value's type in a signature."""
    match value:
        case None:
            return "l"
        case bool():
            return "b"
        case int() | float():
            return "n"
        case str():
            return "s"
        case list():
            return "a"
        case dict():
            return "o"
        case Function():
            return "f"
        case _:
            return "m"


class Parameter(Struct, frozen=True):
    """One parameter: its type, the types it takes as a pattern, what an array must be of, how often it comes.

    `from_context` says that the context stands in for it; `times` is `""`, `"?"` or `"+"`.
    """

    type: str
    pattern: str
    members: str | None
    from_context: bool
    times: str

    @property
    def group(self) -> str:
        """What matches it among the letters of all arguments."""
        return f"({self.pattern}{'?' * self.from_context}{self.times})"


class Signature:
    """A function's parameters."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self._parameters = parameters

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("".join(parameter.group for parameter in self._parameters))

    def validate(self, arguments: list[Json], focus: Json) -> list[Json]:
        """The arguments to call with. Raises JsonataError (T0410, T0411, T0412)."""
        letters = "".join(map(symbol_of, arguments))
        found = self._pattern.fullmatch(letters)
        if found is None:
            raise JsonataError("T0410", index=self._matching(letters) + 1)
        validated: list[Json] = []
        place = 0
        for parameter, matched in zip(self._parameters, found.groups(), strict=True):
            if not matched and parameter.from_context:
                if not re.match(parameter.pattern, symbol_of(focus)):
                    raise JsonataError("T0411", index=place + 1)
                validated.append(focus)
                continue
            # One that is left out takes the place of the next argument, as in jsonata-js.
            for letter in matched or "m":
                argument = arguments[place] if place < len(arguments) else UNDEFINED
                validated.append(_as_parameter(parameter, matched, letter, argument, place))
                place += 1
        return validated

    def _matching(self, letters: str) -> int:
        """How many arguments are right, from the first on."""
        good = 0
        pattern = ""
        for parameter in self._parameters:
            pattern += parameter.group
            found = re.match(pattern, letters)
            if found is None:
                break
            good = found.end()
        return good


def parse_signature(text: str) -> Signature:
    """Read a signature; its result's type is of no interest."""
    parameters: list[Parameter] = []
    for found in _PARAMETER.finditer(text[1 : _end_of_parameters(text)]):
        type_, members, how = found["type"], found["members"], found["how"]
        pattern = _PATTERNS.get(type_, f"[{type_.strip('()')}m]")
        parameters.append(Parameter(type_, pattern, members, "-" in how, how.replace("-", "")))
    return Signature(parameters)


def _end_of_parameters(text: str) -> int:
    depth = 0
    for place, character in enumerate(text):
        depth += (character in "<(") - (character in ">)")
        if character == ":" and depth == 1:
            return place
    return len(text) - 1


def _as_parameter(parameter: Parameter, matched: str, letter: str, argument: Json, place: int) -> Json:
    if parameter.type != "a" or letter == "m":
        return argument
    members = parameter.members
    if members is not None:
        if letter != "a":
            fits = matched == members
        else:
            fits = all(symbol_of(member) == members[:1] for member in argument)
        if not fits:
            raise JsonataError("T0412", index=place + 1, type=_PLURALS.get(members, UNDEFINED))
    return argument if letter == "a" else [argument]

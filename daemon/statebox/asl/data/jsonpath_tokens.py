"""The tokens of a path, in the form in which jsonpath-ng's grammar takes them.

What that grammar has no rule for travels in its ID tokens: names of any kind, function calls, the operands of filters
and negated groups. What Jayway does not know (steps of slices, arithmetic, sorting, named operators) has no token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from statebox.asl.jsontext import Json


@dataclass(frozen=True, slots=True)
class Call:
    """A function at the end of a path, with its arguments."""

    name: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal in a filter or in a call; its value may be a compiled pattern."""

    value: Json


@dataclass(frozen=True, slots=True)
class SubPath:
    """The tokens of a path within a filter or a call; `relative` when it starts at the candidate, `@`."""

    tokens: tuple[Token, ...]
    relative: bool


@dataclass(frozen=True, slots=True)
class Group:
    """The tokens of a negated group, `!(…)`."""

    tokens: tuple[Token, ...]


Argument: TypeAlias = Literal | SubPath
Carried: TypeAlias = Call | Literal | SubPath | Group


class Token:
    """A token, with what jsonpath-ng wants to know of it. Names are all `quoted`, so that none is a key word."""

    __slots__ = ("col", "lexer", "lexpos", "lineno", "quoted", "type", "value")

    def __init__(self, type: str, value: str | int | Carried, position: int = 0) -> None:
        self.type = type
        self.value = value
        self.lexer = None
        self.lineno = 1
        self.lexpos = self.col = position
        self.quoted = True

"""Positions: where in a JSON text the things stand that a location names."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from statebox.asl.jsontext import read_json

# What a JSON text consists of, blanks apart. The text is known to be JSON, so a word is a number, true, false or null.
_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)

# How read_json says where a text is no JSON.
PLACE: Final = re.compile(r" at line (\d+) column (\d+)$")
_NEXT_STEP: Final = re.compile(r"[/\[]")
_INDEX: Final = re.compile(r"\[([0-9]{1,9})\]")

# Whether what is in it has names.
_OPENS: Final = {"{": True, "[": False}

Step: TypeAlias = str | int


@dataclass(frozen=True, slots=True)
class Position:
    """A line and a column, both counted from 1, columns in characters."""

    line: int
    column: int


@dataclass(slots=True)
class _Node:
    """A value: where it begins (a member: where its name does), and what is in it."""

    offset: int
    inner: dict[Step, _Node] = field(default_factory=dict["Step", "_Node"])


class Positions:
    """The places in one JSON text.

    A location is written as problems of definitions have it: `/States/A/Retry[0]/ErrorEquals`, names unescaped. It
    leads to the name of a member, or to the value where there is no name. Of members with the same name the last
    one counts, as in the parsed value. What is not there leads to the nearest thing around it.
    """

    def __init__(self, text: str) -> None:
        """Read a text that `read_json` takes."""
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self._root = _read(text)

    def at(self, location: str | None, *within: Step) -> Position:
        """The position of a location, in the part of the text that the steps `within` lead to; None is all of it."""
        node = self._root
        for step in within:
            node = node.inner.get(step, node)
        offset = _follow(node, "" if location in (None, "/") else location or "").offset
        line = bisect_right(self._lines, offset)
        return Position(line, offset - self._lines[line - 1] + 1)


def _follow(node: _Node, location: str) -> _Node:
    """The node that takes up most of a location. A name may hold slashes and brackets, so several ways can be open."""
    best, least = node, len(location)
    ahead = [(node, location)]
    while ahead:
        node, rest = ahead.pop()
        if len(rest) < least:
            best, least = node, len(rest)
        # Where this step may end: in front of what begins another one, or at the end of all.
        for end in (*(found.start() for found in _NEXT_STEP.finditer(rest, 1)), len(rest)):
            step = _step(rest[:end])
            if step in node.inner:
                ahead.append((node.inner[step], rest[end:]))
    return best


def _step(written: str) -> Step | None:
    """What a part of a location, a name or an index, stands for; None when it is neither."""
    if written.startswith("/"):
        return written[1:]
    index = _INDEX.fullmatch(written)
    return None if index is None else int(index[1])


def _read(text: str) -> _Node:
    root = _Node(0)
    tokens = _tokens(text)
    # Each container that is open, and where its next value goes: an index, or the member's name and its offset.
    opened: list[_Node] = []
    named: list[bool] = []
    name: tuple[str, int] | None = None
    for offset, token in tokens:
        match token:
            case "}" | "]":
                opened.pop()
                named.pop()
            case "," | ":":
                pass
            case _ if opened and named[-1] and name is None:
                name = (_unquoted(token), offset)
            case _:
                node = _Node(offset if name is None else name[1])
                if not opened:
                    root = node
                else:
                    opened[-1].inner[len(opened[-1].inner) if name is None else name[0]] = node
                name = None
                if token in _OPENS:
                    opened.append(node)
                    named.append(_OPENS[token])
    return root


def _tokens(text: str) -> Iterator[tuple[int, str]]:
    for found in _TOKEN.finditer(text):
        yield found.start(), found[0]


def _unquoted(token: str) -> str:
    return read_json(token) if "\\" in token else token[1:-1]

"""Texts with wildcards, as StringMatches takes them: `*` is any run of characters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_VALID: Final = re.compile(r"(?:[^\\]|\\[*\\])*", re.DOTALL)
_CHARACTER: Final = re.compile(r"\\.|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Wildcards:
    """The texts between the wildcards."""

    pieces: tuple[str, ...]

    def match(self, text: str) -> bool:
        """Whether they match the whole text."""
        first, *middle = self.pieces
        if not middle:
            return text == first
        last = middle.pop()
        if not text.startswith(first):
            return False
        # The first place where a piece fits is as good as any: so this takes no longer than reading the text.
        position = len(first)
        for piece in middle:
            position = text.find(piece, position) + len(piece)
            if position < len(piece):
                return False
        return len(text) - len(last) >= position and text.endswith(last)


def parse_wildcards(text: str) -> Wildcards | None:
    """Read a text in which `\\*` and `\\\\` are literal, or None when a backslash stands in front of anything else."""
    if _VALID.fullmatch(text) is None:
        return None
    pieces = [""]
    for character in _CHARACTER.findall(text):
        if character == "*":
            pieces.append("")
        else:
            pieces[-1] += character[-1]
    return Wildcards(tuple(pieces))

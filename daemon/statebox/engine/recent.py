"""What was used last, as much of it as there is room for."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Recent(Generic[_T]):
    """Values by name, each made of a text of so many characters.

    It keeps those that were used last: at most `most` of them, made of at most `most_characters` together, but one
    always.
    """

    def __init__(self, most: int, most_characters: int) -> None:
        self._most = most
        self._most_characters = most_characters
        self._kept: OrderedDict[str, tuple[_T, int]] = OrderedDict()
        self._characters = 0

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, name: str) -> _T | None:
        """The value of that name, which is now the one that was used last; None when it is not kept."""
        if name not in self._kept:
            return None
        self._kept.move_to_end(name)
        return self._kept[name][0]

    def put(self, name: str, value: _T, characters: int) -> None:
        """Keep a value, in place of the one that has its name."""
        if name in self._kept:
            self._characters -= self._kept.pop(name)[1]
        self._kept[name] = value, characters
        self._characters += characters
        while len(self._kept) > 1 and (len(self._kept) > self._most or self._characters > self._most_characters):
            self._characters -= self._kept.popitem(last=False)[1][1]

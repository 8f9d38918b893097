"""Order-by `^(…)` as a step of a path, and the stable sort behind it and behind `$sort`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from statebox.asl.data.jsonata.failures import JsonataError
from statebox.asl.data.jsonata.node import Node
from statebox.asl.data.jsonata.runtime import Frame
from statebox.asl.data.jsonata.values import UNDEFINED, TupleStream
from statebox.asl.data.shapes import is_number, is_text
from statebox.asl.jsontext import Json

_T = TypeVar("_T")


def stable_sort(items: list[_T], swaps: Callable[[_T, _T], bool]) -> list[_T]:
    """Sort so that of two neighbours the later one goes first exactly where `swaps(earlier, later)`."""

    class Key:
        __slots__ = ("item",)

        def __init__(self, item: _T) -> None:
            self.item = item

        # Python's sort only ever asks whether a later item belongs before an earlier one.
        def __lt__(self, other: Key) -> bool:
            return swaps(other.item, self.item)

    return sorted(items, key=Key)


class Term(Struct, frozen=True):
    """What to order by."""

    node: Node
    descending: bool


class Sort(Struct, frozen=True):
    """The terms, most significant first."""

    terms: tuple[Term, ...]

    def order(self, items: Json, frame: Frame) -> Json:
        """The items in their order; what has no value for a term goes last. Raises JsonataError (T2007, T2008)."""
        if len(items) <= 1:
            return items
        frame.run.array(len(items))
        if isinstance(items, TupleStream):
            bound = [_Entry(item, item["@"], frame.inner(item), self.terms) for item in items]
            return TupleStream(entry.item for entry in stable_sort(bound, _swaps))
        return [entry.item for entry in stable_sort([_Entry(item, item, frame, self.terms) for item in items], _swaps)]


class _Entry:
    """An item with its keys, each computed when it is first compared."""

    __slots__ = ("_focus", "_frame", "_keys", "item", "terms")

    def __init__(self, item: Json, focus: Json, frame: Frame, terms: tuple[Term, ...]) -> None:
        self.item = item
        self.terms = terms
        self._focus = focus
        self._frame = frame
        self._keys: list[Json] = []

    def key(self, place: int) -> Json:
        while len(self._keys) <= place:
            self._keys.append(self.terms[len(self._keys)].node.evaluate(self._focus, self._frame))
        return self._keys[place]


def _swaps(earlier: _Entry, later: _Entry) -> bool:
    for place, term in enumerate(earlier.terms):
        one, other = earlier.key(place), later.key(place)
        if one is UNDEFINED or other is UNDEFINED:
            if one is other:
                continue
            return one is UNDEFINED
        if not (is_text(one) or is_number(one)) or not (is_text(other) or is_number(other)):
            raise JsonataError("T2008")
        if is_text(one) is not is_text(other):
            raise JsonataError("T2007", value=one, value2=other)
        if one != other:
            return _is_greater(one, other) is not term.descending
    return False


def _is_greater(one: Json, other: Json) -> bool:
    return one > other

"""The steps of a path, and how they walk through a document, in document order and without recursion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from statebox.asl.data.javatext import bare_text
from statebox.asl.data.jsonpath_functions import NotApplicable, function_named
from statebox.asl.data.shapes import is_array, is_object, kind
from statebox.asl.jsontext import Json


class Missing(Enum):
    """What a query finds where there is nothing: not a JSON value, so not null."""

    MISSING = 0


MISSING: Final = Missing.MISSING

# Tests one candidate (`@`) of a filter, given the document (`$`) it stands in.
Predicate: TypeAlias = Callable[[Json, Json], bool]
# Gives an operand's value, or MISSING, given the candidate (`@`) and the document (`$`).
Operand: TypeAlias = Callable[[Json, Json], Json]


@dataclass(frozen=True, slots=True)
class Names:
    """`['a','b']` at the end of a path: one object of those of these members that there are."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Members:
    """`['a','b']` in the middle of a path: each of these members."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Indexes:
    """`[0,2]`: these elements, counted from the end where negative."""

    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """`[start:stop]`: a run of elements. With both ends given only `start` counts from the end, as in Jayway."""

    start: int | None
    stop: int | None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`*`: all members or elements."""


@dataclass(frozen=True, slots=True)
class Descend:
    """`..`: the next step applies to the value and to everything below it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`[?(…)]`: the elements of an array that pass, or an object itself when it passes."""

    passes: Predicate


@dataclass(frozen=True, slots=True)
class Function:
    """`.name(…)` at the end of a path."""

    name: str
    arguments: tuple[Operand, ...]


# A step to one value at the most: a name, an index, or names that make one object.
Single: TypeAlias = str | int | Names
Step: TypeAlias = Single | Members | Indexes | Slice | Wildcard | Descend | Filter


class Query:
    """The compiled part of a path behind its root.

    `definite` says that it finds one value at the most, which then stands for itself; otherwise it finds an array.
    """

    __slots__ = ("_aggregates", "_singles", "_steps", "definite", "function")

    def __init__(self, steps: Sequence[Step], function: Function | None = None) -> None:
        self._steps = tuple(steps)
        self.function = function
        singles = tuple(step for step in self._steps if isinstance(step, str | int | Names))
        self._singles = singles if len(singles) == len(self._steps) else None
        # Behind a `..` a function takes all that was found as its one array.
        self._aggregates = self._singles is not None or Descend() in self._steps
        self.definite = self._aggregates if function is not None else self._singles is not None

    def find(self, start: Json, document: Json) -> Json:
        """What the query finds from `start` on, or MISSING; `document` is what `$` means inside filters."""
        found = self._values(start, document) if self._singles is None else _followed(self._singles, start)
        if self.function is None or found is MISSING:
            return found
        if self._aggregates:
            return _call(self.function, found, document)
        results = [_call(self.function, one, document) for one in found]
        return [result for result in results if result is not MISSING]

    def explain(self, start: Json, document: Json) -> tuple[str, bool]:
        """Why a definite query finds nothing, in Jayway's words, and whether it ends past the end of an array."""
        value, path = start, "$"
        steps = self._singles or ()
        for place, step in enumerate(steps):
            found = _member(step, value)
            if found is MISSING:
                last = place == len(steps) - 1
                past_end = last and self.function is None and isinstance(step, int) and is_array(value)
                return _obstacle(step, value, path, last, path + _render(steps[place:])), past_end
            path += _render([step])
            value = found
        assert self.function is not None  # with all steps gone, it is the function that gives nothing
        try:
            _apply(self.function, value if self._singles is not None else self._values(start, document), document)
        except NotApplicable as why:
            return str(why), False
        raise AssertionError("there is a value after all")

    def _values(self, start: Json, document: Json) -> list[Json]:
        found: list[Json] = [start]
        walk = _reached
        for step in self._steps:
            if isinstance(step, Descend):
                walk = _descended
                continue
            found = [value for node in found for value in walk(step, node, document)]
            walk = _reached
        return found


def _followed(steps: Sequence[Single], start: Json) -> Json:
    value = start
    for step in steps:
        value = _member(step, value)
        if value is MISSING:
            return MISSING
    return value


def _member(step: Single, value: Json) -> Json:
    """What a step to one value leads to, or MISSING."""
    match step:
        case str():
            return value.get(step, MISSING) if is_object(value) else MISSING
        case int():
            return value[step] if is_array(value) and -len(value) <= step < len(value) else MISSING
        case Names(names):
            return {name: value[name] for name in names if name in value} if is_object(value) else MISSING


def _reached(step: Step, value: Json, document: Json) -> Iterable[Json]:
    """What a step of an indefinite path leads to, in order."""
    if is_object(value):
        return _reached_in_object(step, value, document)
    if is_array(value):
        return _reached_in_array(step, value, document)
    return ()


def _reached_in_object(step: Step, value: dict[str, Json], document: Json) -> Iterable[Json]:
    match step:
        case str():
            return (value[step],) if step in value else ()
        case Wildcard():
            return value.values()
        case Members(names):
            return [value[name] for name in names if name in value]
        case Names():
            return (_member(step, value),)
        case Filter(passes):
            return (value,) if passes(value, document) else ()
        case _:
            return ()


def _reached_in_array(step: Step, value: list[Json], document: Json) -> Iterable[Json]:
    match step:
        case int():
            return (value[step],) if -len(value) <= step < len(value) else ()
        case Wildcard():
            return value
        case Indexes(indexes):
            return [value[index] for index in indexes if -len(value) <= index < len(value)]
        case Slice(start, stop):
            return _sliced(value, start, stop)
        case Filter(passes):
            return [one for one in value if passes(one, document)]
        case _:
            return ()


def _sliced(value: list[Json], start: int | None, stop: int | None) -> list[Json]:
    if start is None or stop is None:
        return value[start:stop]
    # Jayway walks from start to stop and counts each negative place from the end.
    return [value[index] for index in range(max(start, -len(value)), min(stop, len(value)))]


def _descended(step: Step, value: Json, document: Json) -> Iterator[Json]:
    """What a step behind `..` leads to from the value and everything below it, in document order."""
    below: list[Json] = [value]
    while below:
        node = below.pop()
        if is_object(node):
            if not isinstance(step, Names) or all(name in node for name in step.names):
                yield from _reached_in_object(step, node, document)
            below.extend(reversed(node.values()))
        elif is_array(node):
            # A filter tests each object once, as itself, and not again as an element of its array.
            if not isinstance(step, Filter):
                yield from _reached_in_array(step, node, document)
            below.extend(reversed(node))


def _call(function: Function, value: Json, document: Json) -> Json:
    try:
        return _apply(function, value, document)
    except NotApplicable:
        return MISSING


def _apply(function: Function, value: Json, document: Json) -> Json:
    applied = function_named(function.name)
    assert applied is not None  # the grammar lets no other name through
    arguments = [argument(value, document) for argument in function.arguments]
    return applied(value, [None if one is MISSING else one for one in arguments])


def _obstacle(step: Single, value: Json, path: str, last: bool, whole: str) -> str:
    """Why a definite step leads nowhere."""
    if isinstance(step, int):
        if value is None:
            return f"The path {path} is null"
        if not is_array(value):
            return f"Filter: {_render([step])} can only be applied to arrays. Current context is: {bare_text(value)}"
        return f"No results for path: {whole}"
    if not is_object(value):
        return f"Expected to find an object with property {_render([step])} in path {path} but found '{kind(value)}'."
    return f"No results for path: {whole}" if last else f"Missing property in path {path}{_render([step])}"


def _render(steps: Sequence[Single]) -> str:
    """Steps of a definite path the way Jayway writes them."""
    texts: list[str] = []
    for step in steps:
        match step:
            case int():
                texts.append(f"[{step}]")
            case Names(names):
                texts.append("[" + ", ".join(f"'{name}'" for name in names) + "]")
            case str():
                texts.append(f"['{step}']")
    return "".join(texts)

"""Functions of arrays, and those that take functions: `$map`, `$filter`, `$reduce`, `$sort`…"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from statebox.asl.data.jsonata.failures import MEMORY, JsonataError, LimitExceeded
from statebox.asl.data.jsonata.native import Native
from statebox.asl.data.jsonata.numbers import whole
from statebox.asl.data.jsonata.runtime import Function, Run
from statebox.asl.data.jsonata.sorting import stable_sort
from statebox.asl.data.jsonata.values import (
    UNDEFINED,
    ResultSequence,
    appended,
    identity,
    is_numeric,
    truth,
)
from statebox.asl.data.shapes import is_array, is_text
from statebox.asl.jsontext import Json

# AWS's `$range` makes 360,145 numbers and not one more.
_LONGEST_RANGE: Final = 360_145


def _count(_: Run, items: Json) -> Json:
    return 0 if items is UNDEFINED else len(items)


def _append(run: Run, first: Json, second: Json) -> Json:
    return appended(first, second, run)


def _reverse(run: Run, items: Json) -> Json:
    if items is UNDEFINED or len(items) <= 1:
        return items
    run.array(len(items))
    return items[::-1]


def _shuffle(run: Run, items: Json) -> Json:
    if items is UNDEFINED or len(items) <= 1:
        return items
    run.array(len(items))
    shuffled: list[Json] = []
    for place, item in enumerate(items):
        other = int(run.scope.dice.fraction() * (place + 1))
        shuffled.append(item)
        shuffled[place], shuffled[other] = shuffled[other], item
    return shuffled


def _distinct(run: Run, items: Json) -> Json:
    if not is_array(items) or len(items) <= 1:
        return items
    unique: dict[Hashable, Json] = {}
    for item in items:
        unique.setdefault(identity(item, run), item)
    found = unique.values()
    return ResultSequence(found) if isinstance(items, ResultSequence) else list(found)


def _zip(run: Run, *arrays: Json) -> Json:
    if UNDEFINED in arrays:
        return []
    zipped = [list(members) for members in zip(*arrays, strict=False)]
    run.array(len(zipped) * len(arrays))
    return zipped


def _sort(run: Run, items: Json, comparator: Json) -> Json:
    if items is UNDEFINED or len(items) <= 1:
        return items
    run.array(len(items))
    if isinstance(comparator, Function):
        return stable_sort(items, lambda one, other: _is_truthy(run.apply(comparator, [one, other])))
    if not all(map(is_numeric, items)) and not all(map(is_text, items)):
        raise JsonataError("D3070")
    return sorted(items)


def _is_truthy(value: Json) -> bool:
    """Whether it counts as true to JavaScript, for which empty arrays and objects do."""
    return value is not UNDEFINED and (isinstance(value, list | dict | Function) or bool(value))


def _map(run: Run, items: Json, function: Json) -> Json:
    if items is UNDEFINED:
        return UNDEFINED
    made = ResultSequence()
    for place, item in enumerate(items):
        value = run.apply_to_member(function, item, place, items)
        if value is not UNDEFINED:
            made.append(value)
    run.array(len(made))
    return made


def _filter(run: Run, items: Json, function: Json) -> Json:
    if items is UNDEFINED:
        return UNDEFINED
    return ResultSequence(
        [item for place, item in enumerate(items) if truth(run.apply_to_member(function, item, place, items), run)]
    )


def _single(run: Run, items: Json, function: Json) -> Json:
    if items is UNDEFINED:
        return UNDEFINED
    found: list[Json] = []
    for place, item in enumerate(items):
        if not isinstance(function, Function) or truth(run.apply_to_member(function, item, place, items), run):
            found.append(item)
        if len(found) > 1:
            raise JsonataError("D3138")
    if not found:
        raise JsonataError("D3139")
    return found[0]


def _reduce(run: Run, items: Json, function: Json, initial: Json) -> Json:
    if items is UNDEFINED:
        return UNDEFINED
    arity = function.arity
    if arity < 2:
        raise JsonataError("D3050")
    start = 1 if initial is UNDEFINED and items else 0
    result = items[0] if start else initial
    for place in range(start, len(items)):
        result = run.apply(function, [result, items[place], place, items][: min(arity, 4)])
    return result


def _range(run: Run, first: Json, last: Json, step: Json) -> Json:
    if UNDEFINED in (first, last, step):
        return UNDEFINED
    start, end, by = whole(first), whole(last), whole(step)
    if by == 0:
        return UNDEFINED
    numbers = range(start, end + (1 if by > 0 else -1), by)
    # len() cannot count as far as numbers go.
    if (end - start) // by + 1 > _LONGEST_RANGE:
        raise LimitExceeded(MEMORY)
    run.array(len(numbers))
    return ResultSequence(numbers)


def _partition(run: Run, items: Json, size: Json) -> Json:
    if items is UNDEFINED:
        return UNDEFINED
    if not is_array(items):
        raise JsonataError("T0412", index=1, type=UNDEFINED)
    if not items:
        return UNDEFINED
    length = len(items) if size is UNDEFINED else whole(size)
    if length < 0:
        raise JsonataError("D3137", message="Second argument must be zero or greater")
    if length == 0:
        return UNDEFINED
    run.array(len(items))
    return [items[place : place + length] for place in range(0, len(items), length)]


ARRAYS: Final = (
    Native("count", "<a:n>", 1, _count),
    Native("append", "<xx:a>", 2, _append),
    Native("reverse", "<a:a>", 1, _reverse),
    Native("shuffle", "<a:a>", 1, _shuffle),
    Native("distinct", "<x:x>", 1, _distinct),
    Native("zip", "<a+>", 0, _zip),
    Native("sort", "<af?:a>", 2, _sort),
    Native("map", "<af>", 2, _map),
    Native("filter", "<af>", 2, _filter),
    Native("single", "<af?>", 2, _single),
    Native("reduce", "<afj?:j>", 3, _reduce),
    Native("range", "<nnn?:a<n>>", 3, _range),
    Native("partition", "<xn?:a>", 2, _partition),
)

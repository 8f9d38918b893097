"""The functions that may stand at the end of a path: `$.prices.max()`, `$.names.concat("!")`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from statebox.asl.data.shapes import is_array, is_number, is_object, is_text
from statebox.asl.jsontext import Json, write_json_text


class NotApplicable(Exception):
    """A function cannot be applied to the value it stands behind; the message says why."""


def function_named(name: str) -> Callable[[Json, Sequence[Json]], Json] | None:
    """The function of that name: it takes the value it stands behind and its arguments, and may raise NotApplicable."""
    return _FUNCTIONS.get(name)


def takes_arguments(name: str) -> bool:
    """Whether the function of that name may be given arguments."""
    return name not in ("length", "keys", "first", "last")


def _length(value: Json, _: Sequence[Json]) -> Json:
    return len(value) if is_array(value) or is_object(value) else None


def _keys(value: Json, _: Sequence[Json]) -> Json:
    return list(value) if is_object(value) else None


def _numbers(value: Json, arguments: Sequence[Json]) -> list[float]:
    found = [number for one in (value, *arguments) for number in _numbers_in(one)]
    if not found:
        raise NotApplicable("Aggregation function attempted to calculate value using empty array")
    return found


def _numbers_in(value: Json) -> Iterator[float]:
    for candidate in value if is_array(value) else [value]:
        if is_number(candidate):
            try:
                yield float(candidate)
            except OverflowError:
                raise NotApplicable(f"The number is too large to be calculated with: {candidate}") from None


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise NotApplicable("Aggregation function left the range of numbers")
    return number


def _min(value: Json, arguments: Sequence[Json]) -> Json:
    return min(_numbers(value, arguments))


def _max(value: Json, arguments: Sequence[Json]) -> Json:
    return max(_numbers(value, arguments))


def _sum(value: Json, arguments: Sequence[Json]) -> Json:
    return _finite(sum(_numbers(value, arguments)))


def _avg(value: Json, arguments: Sequence[Json]) -> Json:
    numbers = _numbers(value, arguments)
    return _finite(sum(numbers) / len(numbers))


def _stddev(value: Json, arguments: Sequence[Json]) -> Json:
    numbers = _numbers(value, arguments)
    mean = _avg(numbers, ())
    try:
        return math.sqrt(math.fsum((one - mean) ** 2 for one in numbers) / len(numbers))
    except OverflowError:
        raise NotApplicable("Aggregation function left the range of numbers") from None


def _item(value: Json, index: int) -> Json:
    if not is_array(value) or not value:
        raise NotApplicable("Aggregation function attempted to calculate value using empty array")
    if not -len(value) <= index < len(value):
        raise NotApplicable(f"Target index:{index} larger than object count:{len(value)}")
    return value[index]


def _first(value: Json, _: Sequence[Json]) -> Json:
    return _item(value, 0)


def _last(value: Json, _: Sequence[Json]) -> Json:
    return _item(value, -1)


def _index(value: Json, arguments: Sequence[Json]) -> Json:
    if len(arguments) != 1 or isinstance(arguments[0], bool) or not isinstance(arguments[0], int):
        raise NotApplicable("The function index takes one whole number")
    return _item(value, arguments[0])


def _concat(value: Json, arguments: Sequence[Json]) -> Json:
    texts = [item for item in value if is_text(item)] if is_array(value) else []
    texts += [one if is_text(one) else write_json_text(one) for one in arguments if one is not None]
    return "".join(texts)


def _append(value: Json, arguments: Sequence[Json]) -> Json:
    return [*value, *arguments] if is_array(value) else value


_FUNCTIONS: Final[dict[str, Callable[[Json, Sequence[Json]], Json]]] = {
    "length": _length,
    "keys": _keys,
    "min": _min,
    "max": _max,
    "sum": _sum,
    "avg": _avg,
    "stddev": _stddev,
    "first": _first,
    "last": _last,
    "index": _index,
    "concat": _concat,
    "append": _append,
}

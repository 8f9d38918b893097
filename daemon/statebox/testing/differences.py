"""Differences: where two JSON values are not the same, a line for each place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from statebox.asl.jsontext import Json, is_array, is_object, write_json_text

# More than these nobody reads.
_MOST: Final = 20
_WIDEST: Final = 200


def differences(expected: Json, actual: Json) -> list[str]:
    """Lines as `.a[0]: expected 1, got 2`, at most 20 of them and one that says that there are more."""
    found = list(islice(_differences(expected, actual, ""), _MOST + 1))
    return found if len(found) <= _MOST else [*found[:_MOST], ": and more"]


def _differences(expected: Json, actual: Json, place: str) -> Iterator[str]:
    if is_object(expected) and is_object(actual):
        for name in {**expected, **actual}:
            where = f"{place}.{name}"
            if name not in actual:
                yield f"{where}: expected {_shown(expected[name])}, got nothing"
            elif name not in expected:
                yield f"{where}: expected nothing, got {_shown(actual[name])}"
            else:
                yield from _differences(expected[name], actual[name], where)
    elif is_array(expected) and is_array(actual):
        for index in range(max(len(expected), len(actual))):
            where = f"{place}[{index}]"
            if index >= len(actual):
                yield f"{where}: expected {_shown(expected[index])}, got nothing"
            elif index >= len(expected):
                yield f"{where}: expected nothing, got {_shown(actual[index])}"
            else:
                yield from _differences(expected[index], actual[index], where)
    elif isinstance(expected, bool) is not isinstance(actual, bool) or expected != actual:
        yield f"{place}: expected {_shown(expected)}, got {_shown(actual)}"


def _shown(value: Json) -> str:
    text = write_json_text(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"

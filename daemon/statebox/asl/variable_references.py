"""Variable references: which variables each state of a definition reads, as DescribeStateMachine tells of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final

from statebox.asl.data.intrinsics import parse_intrinsic
from statebox.asl.data.jsonata.expressions import inner_text, is_expression, parse_expression
from statebox.asl.data.jsonpath import parse_path
from statebox.asl.fields import JSONATA, JSONPATH
from statebox.asl.jsontext import Json, is_array, is_object, read_json

# What states lead to other States objects by.
_INNER: Final = ("ItemProcessor", "Iterator", "Branches")
# JSONPath fields that hold a path and whose names do not say so.
_PATHS: Final = ("Variable",)
# In these the keys are the users' own, but for their ends `.$`.
_TEMPLATES: Final = frozenset({"Parameters", "ResultSelector", "ItemSelector", "Assign", "BatchInput", "Result"})


def variable_references(definition: str) -> dict[str, list[str]]:
    """The names of the variables by the name of the state that reads them; states that read none are left out.

    The definition is a valid one.
    """
    raw = read_json(definition)
    found: dict[str, list[str]] = {}
    for name, state, language in _states(raw, raw.get("QueryLanguage", JSONPATH)):
        outside = {key: value for key, value in state.items() if key not in _INNER}
        if names := set(_of_jsonata(outside) if language == JSONATA else _of_jsonpath(outside)):
            found[name] = sorted(names)
    return found


def _states(scope: Json, language: str) -> Iterator[tuple[str, Mapping[str, Json], str]]:
    """All states of a States object and of those within, with their languages."""
    for name, state in scope["States"].items():
        own = state.get("QueryLanguage", language)
        yield name, state, own
        for key in _INNER:
            inner = state.get(key)
            for one in inner if is_array(inner) else [inner]:
                if is_object(one):
                    yield from _states(one, own)


def _of_jsonata(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        if is_expression(value):
            yield from parse_expression(inner_text(value)).variables
    elif is_object(value):
        for one in value.values():
            yield from _of_jsonata(one)
    elif is_array(value):
        for one in value:
            yield from _of_jsonata(one)


def _of_jsonpath(value: Json, in_template: bool = False) -> Iterator[str]:
    if is_object(value):
        for key, one in value.items():
            if not isinstance(one, str):
                yield from _of_jsonpath(one, in_template or key in _TEMPLATES)
            elif key.endswith(".$") or (not in_template and (key.endswith("Path") or key in _PATHS)):
                yield from _of_text(one)
    elif is_array(value):
        for one in value:
            yield from _of_jsonpath(one, in_template)


def _of_text(text: str) -> Iterator[str]:
    """Of a path, or of a call of an intrinsic function."""
    with suppress(ValueError):
        if text.startswith("$"):
            variable = parse_path(text).variable
            if variable is not None:
                yield variable
        else:
            yield from parse_intrinsic(text).variables

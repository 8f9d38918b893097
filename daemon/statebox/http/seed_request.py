"""What a request at the seed's endpoint asks for: a fresh run, or to go on from a continuation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

from statebox.asl.jsontext import Json, is_object, write_json_text
from statebox.engine.errors import InvalidName, ValidationException
from statebox.engine.names import check_name
from statebox.http import demo

_PARAMETERS: Final = frozenset({"statemachine", "input", "continuation"})
_INTEGER: Final = re.compile(r"[\s\ufeff]*([+-]?[0-9]+)")
# Python reads no longer ones from text, and nobody counts that far.
_MOST_DIGITS: Final = 4000


class Fresh(msgspec.Struct, frozen=True):
    """Run a definition (JSON text). `restarted_from` is what the seed noted for a continuation too short to be one."""

    machine: str
    definition: str
    values: Json
    restarted_from: str | None = None


class GoOn(msgspec.Struct, frozen=True):
    """Answer a continuation; `payload` is UNSET when nothing is said."""

    continuation: str
    payload: Json | msgspec.UnsetType = msgspec.UNSET


Asked: TypeAlias = Fresh | GoOn


def read_asked(query: Mapping[str, str], body: Json | msgspec.UnsetType) -> Asked:
    """Read a request. What stands in the body wins over the query.

    With a continuation of more than one character the body is the answer to it: all of it, but for the parameters
    `statemachine`, `input` and `continuation` that an object may also hold. Else the body is an object of those
    parameters, or empty: a slip in a name must not run the demo.
    Raises ValidationException.
    """
    said: Mapping[str, Json] = body if is_object(body) else {}
    continuation: Json = said.get("continuation", query.get("continuation"))
    if continuation is not None and not isinstance(continuation, str):
        raise ValidationException("`continuation` must be a string")
    if continuation is not None and len(continuation) > 1:
        return GoOn(continuation, _payload(body))
    if body is not msgspec.UNSET and not is_object(body):
        raise ValidationException(
            'The body must be a JSON object, as in {"statemachine": {NAME: DEFINITION}, "input": VALUE}'
        )
    if unknown := sorted(said.keys() - _PARAMETERS):
        hint = ' (a bare definition goes as {"statemachine": {NAME: DEFINITION}})' if "States" in said else ""
        raise ValidationException(f"Nothing is known about {', '.join(unknown)} in the body{hint}")
    machine, definition = _machine(said.get("statemachine", query.get("statemachine")))
    return Fresh(
        machine=machine,
        definition=write_json_text(definition),
        values=_values(said.get("input", query.get("input"))),
        restarted_from=continuation or None,
    )


def _payload(body: Json | msgspec.UnsetType) -> Json | msgspec.UnsetType:
    if not is_object(body):
        return body
    rest = {name: value for name, value in body.items() if name not in _PARAMETERS}
    return rest or msgspec.UNSET


def _machine(wrapper: Json) -> tuple[str, Json]:
    """The first machine in the wrapper, under a name that executions may have; the demo where there is no wrapper."""
    if wrapper is None or wrapper == "":
        return demo.NAME, demo.DEFINITION
    if not is_object(wrapper) or not wrapper:
        raise ValidationException("`statemachine` must be an object {NAME: DEFINITION} with at least one machine")
    name, definition = next(iter(wrapper.items()))
    try:
        return check_name(name), definition
    except InvalidName:
        # To the seed the name meant nothing, so whatever it was, the machine ran.
        return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:80] or "-", definition


def _values(input: Json) -> Json:
    """What the machine works on.

    As in the seed: text is read for the integer that it begins with, and nothing at all is 1. Beyond the seed: an
    object holds the values themselves, and any other JSON is the value.
    """
    if is_object(input):
        return input
    if input is None or input == "":
        return {"value": 1}
    return {"value": _parse_int(input) if isinstance(input, str) else input}


def _parse_int(text: str) -> int:
    match = _INTEGER.match(text)
    if match is None:
        raise ValidationException(f"`input` must begin with an integer, but is {text[:100]!r}")
    if len(match[1]) > _MOST_DIGITS:
        raise ValidationException(f"`input` has more than {_MOST_DIGITS} digits")
    return int(match[1])

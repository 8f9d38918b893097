"""Reads an operation's input as AWS would: all that is wrong with it at once, in AWS's words.

The declaration is the request's class: a frozen msgspec.Struct in camelCase, whose types and constraints are checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TypeVar

import msgspec
from msgspec import inspect

from statebox.asl.jsontext import Json, is_object
from statebox.engine.errors import ValidationException
from statebox.http.errors import SerializationException

_LONGEST_SHOWN = 256


class Request(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The input of an operation."""


T = TypeVar("T", bound=Request)


def read_request(kind: type[T], raw: Json) -> T:
    """The operation's input. Unknown members are ignored, and null is as good as absent, as with AWS.

    Raises ValidationException for constraints, SerializationException for wrong types.
    """
    if not is_object(raw):
        raise SerializationException("The input of an operation is a JSON object")
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError:
        pass
    said = {name: value for name, value in raw.items() if value is not None}
    violations = list(_violations(kind, said))
    if violations:
        count = f"{len(violations)} validation error{'s' if len(violations) > 1 else ''} detected"
        raise ValidationException(f"{count}: {'; '.join(violations)}")
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as error:
        raise SerializationException(str(error)) from None


def _violations(kind: type[Request], said: Mapping[str, Json]) -> Iterator[str]:
    for field in _fields(kind):
        name = field.encode_name
        if name not in said:
            if field.required:
                yield f"Value null at '{name}' failed to satisfy constraint: Member must not be null"
            continue
        value = said[name]
        member = _bare(field.type)
        if not _fits(member, value):
            raise SerializationException(f"The member '{name}' must be {_WORDS[type(member)]}")
        for constraint in _constraints(member, value):
            yield f"{_shown(value)} at '{name}' failed to satisfy constraint: Member must {constraint}"


@cache
def _fields(kind: type[Request]) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return info.fields


_WORDS: Mapping[type[inspect.Type], str] = {
    inspect.StrType: "a string",
    inspect.LiteralType: "a string",
    inspect.IntType: "an integer",
    inspect.FloatType: "a number",
    inspect.BoolType: "a boolean",
}


def _bare(type: inspect.Type) -> inspect.Type:
    """The type of a member that is there: `X | None` is X."""
    if isinstance(type, inspect.UnionType):
        (type,) = (one for one in type.types if not isinstance(one, inspect.NoneType))
    return type


def _fits(member: inspect.Type, value: Json) -> bool:
    match member:
        case inspect.IntType():
            return isinstance(value, int) and not isinstance(value, bool)
        case inspect.FloatType():
            return isinstance(value, int | float) and not isinstance(value, bool)
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.StrType() | inspect.LiteralType():
            return isinstance(value, str)
        case _:
            return True


def _constraints(member: inspect.Type, value: Json) -> Iterator[str]:
    match member:
        case inspect.StrType(min_length=shortest, max_length=longest):
            if shortest is not None and len(value) < shortest:
                yield f"have length greater than or equal to {shortest}"
            if longest is not None and len(value) > longest:
                yield f"have length less than or equal to {longest}"
        case inspect.IntType(ge=least, le=most) | inspect.FloatType(ge=least, le=most):
            if least is not None and value < least:
                yield f"have value greater than or equal to {least}"
            if most is not None and value > most:
                yield f"have value less than or equal to {most}"
        case inspect.LiteralType(values=values):
            if value not in values:
                yield f"satisfy enum value set: [{', '.join(map(str, values))}]"
        case _:
            pass


def _shown(value: Json) -> str:
    text = str(value)
    return f"Value '{text}'" if len(text) <= _LONGEST_SHOWN else "Value"

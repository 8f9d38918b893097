"""Reads an operation's input as AWS would: all that is wrong with it at once, in AWS's words.

The declaration is the request's class: a frozen msgspec.Struct in camelCase, whose types and constraints are checked,
those of its structures and lists included. `Meta(extra=...)` says what msgspec has no word for: `SENSITIVE` members are
never repeated in an error, a `PAYLOAD` may have as much as this daemon's executions may, and `pattern_shown` gives a
pattern's text where AWS writes it in another dialect.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final, TypeVar

import msgspec
from msgspec import inspect

from statebox.asl.jsontext import Json, is_array, is_object, write_json_text
from statebox.engine.errors import ValidationException
from statebox.http.errors import SerializationException

# The key in `extra` for what must not stand in an error, nor in a log of it.
_SENSITIVE: Final = "sensitive"
_PATTERN_SHOWN: Final = "pattern_shown"
_PAYLOAD: Final = "payload"
_FAILED: Final = " at '{}' failed to satisfy constraint: Member must "
# More than any member of which an error is worth reading: whoever sends megabytes is not sent them back.
_LONGEST_SHOWN: Final = 8192
SENSITIVE: Final = {_SENSITIVE: True}
PAYLOAD: Final = {_SENSITIVE: True, _PAYLOAD: True}


class Structure(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A structure within the input of an operation."""


class Request(Structure, frozen=True):
    """The input of an operation."""


T = TypeVar("T", bound=Request)


def pattern_shown(text: str) -> dict[str, str]:
    """The `extra` of a member whose pattern AWS writes as `text`."""
    return {_PATTERN_SHOWN: text}


def read_request(kind: type[T], raw: Json, payload_bytes: int = 0) -> T:
    """The operation's input. Unknown members are ignored, and null is as good as absent, as with AWS.

    `payload_bytes` is what each payload may have (0: anything). Raises ValidationException for constraints,
    SerializationException for wrong types.
    """
    if not is_object(raw):
        raise SerializationException("The input of an operation is a JSON object")
    if not (payload_bytes and _holds_more(raw, payload_bytes)):
        try:
            return msgspec.convert(raw, kind)
        except msgspec.ValidationError:
            pass
    declared = _declared(kind)
    said = _without_nulls(declared, raw, "")
    violations = list(_violations(declared, said, "", payload_bytes))
    if violations:
        count = f"{len(violations)} validation error{'s' if len(violations) > 1 else ''} detected"
        raise ValidationException(f"{count}: {'; '.join(violations)}")
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as error:
        raise SerializationException(str(error)) from None


def _holds_more(value: Json, most: int) -> bool:
    """Whether some text in it is longer: which one that is, and what may be said about it, is looked at then."""
    if isinstance(value, str):
        return len(value) > most
    return is_object(value) and any(_holds_more(one, most) for one in value.values())


@cache
def _declared(kind: type[Request]) -> inspect.Type:
    return inspect.type_info(kind)


def _without_nulls(declared: inspect.Type, value: Json, at: str) -> Json:
    """The value without members that are null or unknown. Raises SerializationException for what has another type."""
    member, _ = _bare(declared)
    match member:
        case inspect.StructType(fields=fields) if is_object(value):
            return {
                field.encode_name: _without_nulls(field.type, value[field.encode_name], _below(at, field.encode_name))
                for field in fields
                if value.get(field.encode_name) is not None
            }
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item) if is_array(value):
            return [
                None if one is None else _without_nulls(item, one, f"{at}.{number}.member")
                for number, one in enumerate(value, 1)
            ]
        case _ if _fits(member, value):
            return value
        case _:
            raise SerializationException(f"{_mismatch(member, value)} at '{at}'")


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
            return isinstance(member, inspect.AnyType)


_WANTED: Final[dict[type[inspect.Type], str]] = {
    inspect.StrType: "a String",
    inspect.LiteralType: "a String",
    inspect.IntType: "an Integer",
    inspect.FloatType: "a Float",
    inspect.BoolType: "a Boolean",
}


def _mismatch(member: inspect.Type, value: Json) -> str:
    match value:
        case dict():
            return "Start of structure or map found where not expected"
        case list():
            return "Start of list found where not expected"
        case _ if type(member) not in _WANTED:
            return f"Expected {'structure or map' if isinstance(member, inspect.StructType) else 'list'} or null"
        case _:
            return f"{_token(value)} can not be converted to {_WANTED[type(member)]}"


def _token(value: Json) -> str:
    """What a JSON parser calls such a value."""
    match value:
        case bool():
            return f"{str(value).upper()}_VALUE"
        case str():
            return "STRING_VALUE"
        case int():
            return "NUMBER_VALUE"
        case _:
            return "DECIMAL_VALUE"


def _violations(declared: inspect.Type, value: Json, at: str, payload_bytes: int) -> Iterator[str]:
    """All constraints that a value breaks; it has the right types."""
    member, extra = _bare(declared)
    said = "Value" if _SENSITIVE in extra else _shown(value)
    if _PAYLOAD in extra and 0 < payload_bytes < len(value):
        yield f"{said}{_FAILED.format(at)}have length less than or equal to {payload_bytes}"
    for constraint in _constraints(member, extra, value):
        yield f"{said}{_FAILED.format(at)}{constraint}"
    match member:
        case inspect.StructType(fields=fields):
            for field in fields:
                inner = _below(at, field.encode_name)
                if field.encode_name in value:
                    yield from _violations(field.type, value[field.encode_name], inner, payload_bytes)
                elif field.required:
                    yield _null(inner)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            for number, one in enumerate(value, 1):
                inner = f"{at}.{number}.member"
                if one is None:
                    yield _null(inner)
                else:
                    yield from _violations(item, one, inner, payload_bytes)
        case _:
            pass


def _constraints(member: inspect.Type, extra: dict[str, Json], value: Json) -> Iterator[str]:
    match member:
        case (
            inspect.StrType(min_length=shortest, max_length=longest)
            | inspect.ListType(min_length=shortest, max_length=longest)
            | inspect.VarTupleType(min_length=shortest, max_length=longest)
        ):
            if shortest is not None and len(value) < shortest:
                yield f"have length greater than or equal to {shortest}"
            if longest is not None and len(value) > longest:
                yield f"have length less than or equal to {longest}"
            if isinstance(member, inspect.StrType) and member.pattern and not _matches(member.pattern, value):
                yield f"satisfy regular expression pattern: {extra.get(_PATTERN_SHOWN, member.pattern)}"
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


@cache
def _pattern(text: str) -> re.Pattern[str]:
    # As msgspec looks: anywhere, so that a pattern says by itself where it begins and ends.
    return re.compile(text)


def _matches(pattern: str, value: str) -> bool:
    return _pattern(pattern).search(value) is not None


def _bare(declared: inspect.Type) -> tuple[inspect.Type, dict[str, Json]]:
    """The type of a member that is there (`X | None` is X), and what is said about it beside."""
    extra: dict[str, Json] = {}
    while True:
        match declared:
            case inspect.Metadata(type=inner):
                # msgspec leaves open what stands there.
                extra |= declared.extra or {}  # pyright: ignore[reportUnknownMemberType]
                declared = inner
            case inspect.UnionType(types=types):
                (declared,) = (one for one in types if not isinstance(one, inspect.NoneType))
            case _:
                return declared, extra


def _below(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _null(at: str) -> str:
    return f"Value null{_FAILED.format(at)}not be null"


def _shown(value: Json) -> str:
    text = value if isinstance(value, str) else write_json_text(value)
    return f"Value '{text}'" if len(text) <= _LONGEST_SHOWN else "Value"

"""Marks the tokens with which lists go on, so that each goes on with its own list: as AWS's, they are no one else's.

A list is an operation with its arguments, but for how much a page holds.
"""

from __future__ import annotations

import hashlib
from typing import Final, TypeVar

import msgspec

from statebox.asl.jsontext import Json
from statebox.engine.errors import InvalidToken
from statebox.http.validation import Request

_PLACE: Final = "next_token"
_SIZE: Final = "max_results"
_DIGITS: Final = 16

T = TypeVar("T", bound=Request)


def goes_on(kind: type[Request]) -> bool:
    """Whether the operation of this input is a list that goes on by token."""
    return _PLACE in kind.__struct_fields__


def without_mark(ask: T) -> T:
    """The input with its token as the list wrote it. Raises InvalidToken for that of another list."""
    token: str | None = getattr(ask, _PLACE)
    if token is None:
        return ask
    bare, _, mark = token.rpartition(".")
    if mark != _mark(ask):
        raise foreign_token(token)
    return msgspec.structs.replace(ask, **{_PLACE: bare})


def foreign_token(token: str) -> InvalidToken:
    """The error for a token that no page of a list came with, in AWS's words."""
    return InvalidToken("Invalid Token: 'Invalid token'", hint=f"the nextToken {token[:100]!r} is none of this list")


def with_mark(ask: Request, answered: Json) -> Json:
    """The answer, its token marked as one of the list that was asked for."""
    if "nextToken" not in answered:
        return answered
    return {**answered, "nextToken": f"{answered['nextToken']}.{_mark(ask)}"}


def _mark(ask: Request) -> str:
    left_out: dict[str, Json] = {name: None for name in (_PLACE, _SIZE) if name in ask.__struct_fields__}
    alike = msgspec.structs.replace(ask, **left_out)
    said = msgspec.json.encode((type(ask).__name__, alike))
    return hashlib.sha256(said).hexdigest()[:_DIGITS]

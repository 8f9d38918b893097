"""Pages of lists, and the tokens with which lists go on: each with its own list alone, as AWS's do.

A list is an operation with its arguments, but for how much a page holds. A token is the place of the last one on the
page before, and the mark of the list.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from statebox.asl.jsontext import InvalidJson, Json, read_json, write_json
from statebox.engine.errors import InvalidToken
from statebox.http.validation import Request

_PLACE: Final = "next_token"
_SIZE: Final = "max_results"
_DIGITS: Final = 16

T = TypeVar("T", bound=Request)
_Place = TypeVar("_Place")
_One = TypeVar("_One")


def page_shown(
    member: str,
    found: Sequence[_One],
    limit: int,
    shown: Callable[[_One], Json],
    place: Callable[[_One], tuple[int | str, ...]],
) -> dict[str, Json]:
    """A page of a list: up to `limit` of what was found, and the token of the last one's place where there are more."""
    page: dict[str, Json] = {member: [shown(one) for one in found[:limit]]}
    if len(found) > limit:
        page["nextToken"] = write_page_token(*place(found[limit - 1]))
    return page


def write_page_token(*place: int | str) -> str:
    """The place where a list goes on, as text that means nothing to callers."""
    return base64.urlsafe_b64encode(write_json(place)).rstrip(b"=").decode()


def read_dated_page_token(text: str) -> tuple[int, str]:
    """The place (start or creation in ms, id or name) in a list that is in order of time. Raises InvalidToken."""
    return _read_page_token(text, tuple[int, str])


def read_event_page_token(text: str) -> int:
    """The place (event id) in a history. Raises InvalidToken."""
    return _read_page_token(text, tuple[int])[0]


def read_name_page_token(text: str) -> str:
    """The place (a name) in a list by name. Raises InvalidToken."""
    return _read_page_token(text, tuple[str])[0]


def _read_page_token(text: str, type: type[_Place]) -> _Place:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.convert(read_json(raw), type)
    except (binascii.Error, ValueError, InvalidJson, msgspec.ValidationError):
        raise foreign_token(text) from None


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

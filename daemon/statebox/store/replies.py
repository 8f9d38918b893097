"""Replies of Redis as typed values."""

from __future__ import annotations

from typing import TypeGuard

from statebox.store.connection import Reply


class Unexpected(AssertionError):
    """Redis answers what a script or command never answers: a fault of ours."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"unexpected reply: {str(reply)[:200]}")


def integer(reply: Reply) -> int:
    """A number, or one written as text (scores are)."""
    match reply:
        case int():
            return reply
        case bytes():
            return int(float(reply))
        case _:
            raise Unexpected(reply)


def maybe_integer(reply: Reply) -> int | None:
    """A number, None where there is none, or where a field is empty."""
    return None if reply is None or reply == b"" else integer(reply)


def text(reply: Reply) -> str:
    """A text in UTF-8."""
    if isinstance(reply, bytes):
        return reply.decode()
    raise Unexpected(reply)


def maybe_text(reply: Reply) -> str | None:
    """A text in UTF-8, None where there is none."""
    return None if reply is None else text(reply)


def items(reply: Reply) -> list[Reply]:
    """An array."""
    if isinstance(reply, list):
        return reply
    raise Unexpected(reply)


def strings(reply: Reply) -> list[bytes]:
    """An array of strings."""
    if _is_strings(found := items(reply)):
        return found
    raise Unexpected(reply)


def pairs(reply: Reply) -> dict[bytes, bytes]:
    """A flat array of names and values."""
    each = iter(strings(reply))
    return dict(zip(each, each, strict=True))


def _is_strings(reply: list[Reply]) -> TypeGuard[list[bytes]]:
    # Each field of each execution that is claimed comes through here.
    return not reply or set(map(type, reply)) == {bytes}

"""Continuations: what their keys tell about them, in the words that answer.lua uses for its verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from statebox.asl.moment import timestamp
from statebox.engine.errors import (
    InvalidToken,
    ServiceError,
    TaskAlreadyAnswered,
    TaskDoesNotExist,
    TaskTimedOut,
)
from statebox.engine.idempotency import refuse_reused
from statebox.engine.records import Continuation
from statebox.store.commits import Asking
from statebox.store.connection import Reply
from statebox.store.keys import Keys
from statebox.store.replies import Unexpected, integer, items, maybe_integer, maybe_text, pairs, text


async def read_continuations(reads: Asking, keys: Keys, tokens: Sequence[str], now_ms: int) -> list[Continuation]:
    """What is known about continuations, in their order, without those that nothing is known about.

    Raises InvalidToken for what is no continuation at all.
    """
    hashes = await reads.ask_all([("HGETALL", keys.of_token(token).token(token)) for token in tokens])
    found = [(token, pairs(reply)) for token, reply in zip(tokens, hashes, strict=True) if reply]
    standing = await reads.ask_all(
        [
            ("HMGET", keys.of_token(token).execution(text(fields[b"execution"])), "status", "closing")
            for token, fields in found
        ]
    )
    return [
        _continuation(token, fields, items(reply), now_ms)
        for (token, fields), reply in zip(found, standing, strict=True)
    ]


def refusal(verdict: Reply, operation: str) -> ServiceError:
    """Why the operation cannot have its continuation, as answer.lua and heartbeat.lua say it.

    Raises IdempotencyKeyReused when that is it.
    """
    match verdict:
        case [b"unknown"]:
            return InvalidToken()
        case [b"expired"]:
            return TaskTimedOut()
        case [b"closed"]:
            return TaskDoesNotExist()
        case [b"answered", when, channel, former]:
            refuse_reused(operation, text(former))
            answered_ms, by = integer(when), text(channel)
            return TaskAlreadyAnswered(
                f"The continuation was answered before: at {timestamp(answered_ms)} by {by}",
                answered_ms=answered_ms,
                channel=by,
            )
        case _:
            raise Unexpected(verdict)


def _continuation(token: str, fields: dict[bytes, bytes], standing: list[Reply], now_ms: int) -> Continuation:
    deadline_ms = maybe_integer(fields[b"deadline"])
    return Continuation(
        token=token,
        execution=text(fields[b"execution"]),
        task=text(fields[b"task"]),
        state=text(fields[b"state"]),
        since_ms=integer(fields[b"since"]),
        deadline_ms=deadline_ms,
        status=_status(fields, deadline_ms, standing, now_ms),
        answered_ms=maybe_integer(fields.get(b"answered")),
        channel=maybe_text(fields.get(b"channel")),
    )


def _status(fields: dict[bytes, bytes], deadline_ms: int | None, standing: list[Reply], now_ms: int) -> str:
    if fields[b"status"] == b"answered":
        return "answered"
    # Until when it could have been answered: until it was closed, else until now.
    until_ms = maybe_integer(fields.get(b"closed"))
    if deadline_ms is not None and deadline_ms <= (now_ms if until_ms is None else until_ms):
        return "expired"
    running, closing = standing
    if until_ms is not None or running != b"RUNNING" or closing is not None:
        return "closed"
    return "waiting"

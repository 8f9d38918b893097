"""Answers by the path of a state: who waits there, and what is kept for it, as early.lua goes by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from statebox.asl.events import AnyEvent
from statebox.asl.execution import OnTask
from statebox.asl.jsontext import write_json
from statebox.asl.moment import timestamp
from statebox.engine.errors import (
    ServiceError,
    TaskAlreadyAnswered,
    TaskDoesNotExist,
    TaskTimedOut,
    TooManyRequests,
)
from statebox.engine.idempotency import refuse_reused
from statebox.engine.records import StateStanding
from statebox.engine.statepaths import StatePath
from statebox.store.codec import read_place
from statebox.store.commits import Asking
from statebox.store.connection import Argument, Reply
from statebox.store.continuations import read_continuations
from statebox.store.keys import Keys
from statebox.store.replies import Unexpected, integer, items, text


class _Kept(msgspec.Struct):
    """What is shown of an answer that is kept."""

    at: str
    by: str


async def read_waiting(reads: Asking, keys: Keys, id: str, path: StatePath) -> tuple[bytes, str]:
    """The record of the branch that a path names, and the continuation that waits there; both are empty for none."""
    records = items(
        await reads.ask("HMGET", keys.of_id(id).execution(id), *(f"b:{branch}" for branch in path.branches))
    )
    return _waiting(records, path)


async def read_state(reads: Asking, keys: Keys, id: str, path: StatePath, now_ms: int) -> StateStanding | None:
    """How it stands with an answer to a state; None where neither the execution nor an answer to it is known."""
    execution = keys.of_id(id).execution(id)
    branches = [f"b:{branch}" for branch in path.branches]
    kept, found = await reads.ask_all(
        [("HGET", keys.of_id(id).early(id), path.text), ("HMGET", execution, "status", *branches)]
    )
    status, *records = items(found)
    _, token = _waiting(records, path)
    if isinstance(kept, bytes):
        if kept.startswith(b"{"):
            said = msgspec.json.decode(kept, type=_Kept)
            over = status not in (None, b"RUNNING")
            return StateStanding(id, path.text, "over" if over else "kept", None, integer(said.at.encode()), said.by)
        token = token or text(kept)
    for continuation in await read_continuations(reads, keys, [token] if token else [], now_ms):
        return StateStanding(
            id, path.text, continuation.status, continuation, continuation.answered_ms, continuation.channel
        )
    if status is None:
        return None
    return StateStanding(id, path.text, "unanswered" if status == b"RUNNING" else "over")


def event_around(event: Callable[[str, str], AnyEvent]) -> tuple[bytes, bytes, Argument]:
    """The event's JSON before the task's address, and behind it up to the continuation; "1" where it names that."""
    without = event("", "")
    json = write_json(without)
    head = b'["%b",' % type(without).__name__.encode()
    if not json.startswith(head + b'""'):
        raise TypeError(f"{type(without).__name__} is no event of a task")
    rest = json[len(head) + 2 :]
    return (head, rest.removesuffix(b'""]'), "1") if rest.endswith(b',""]') else (head, rest, "")


def refusal_by_path(reply: Reply, id: str, path: StatePath, operation: str) -> ServiceError:
    """Why a state is not answered, as early.lua says it. Raises IdempotencyKeyReused when that is it."""
    state = f"{path.text} of '{id}'"
    match reply:
        case [b"over", former]:
            refuse_reused(operation, text(former))
            return TaskDoesNotExist(f"The execution has ended: {state} takes no answer any more")
        case [b"expired"]:
            return TaskTimedOut(f"The deadline of {state} has passed")
        case [b"full"]:
            return TooManyRequests(f"Too many answers are kept for '{id}'")
        case [b"answered", when, channel, former, how]:
            refuse_reused(operation, text(former))
            answered_ms, by = integer(when), text(channel)
            said = "was answered before" if how == b"taken" else "will get an answer that came before"
            return TaskAlreadyAnswered(
                f"{state} {said}: at {timestamp(answered_ms)} by {by}", answered_ms=answered_ms, channel=by
            )
        case _:
            raise Unexpected(reply)


def _waiting(records: Sequence[Reply], path: StatePath) -> tuple[bytes, str]:
    seen = records[-1] if isinstance(records[-1], bytes) else b""
    waiting = None
    for record, state in zip(records, path.states, strict=True):
        if not isinstance(record, bytes):
            return seen, ""
        found, waiting = read_place(record)
        if found != state:
            return seen, ""
    return seen, (isinstance(waiting, OnTask) and waiting.token) or ""

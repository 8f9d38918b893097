"""The commands: what a waiting execution wants from the world, read off its value by `outstanding()`."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from statebox.asl.jsontext import Json


class InvokeTask(msgspec.Struct, frozen=True):
    """Call the resource, or go on polling it when `reference` is set.

    `id` is the task's address in events. `attempt_id` is the same for every call of this attempt, also after a crash.
    `token` is the continuation to hand over with `.waitForTaskToken`.
    """

    id: str
    resource: str
    arguments: Json
    attempt_id: str
    reference: str | None = None
    token: str | None = None


class AwaitCallback(msgspec.Struct, frozen=True):
    """Wait for an answer to a continuation, until `deadline_ms` (None: for ever)."""

    id: str
    token: str
    state: str
    since_ms: int
    deadline_ms: int | None


class StartTimer(msgspec.Struct, frozen=True):
    """Wake the branch (the empty name: the whole execution) at `fires_at_ms`."""

    branch: str
    fires_at_ms: int


Command: TypeAlias = InvokeTask | AwaitCallback | StartTimer

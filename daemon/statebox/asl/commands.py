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


class StartChild(msgspec.Struct, frozen=True):
    """Start the execution of one item of a distributed Map, on this execution's shard; its end answers task `id`.

    `name` is the child's name (a uuid whose last 12 bits are the shard), the same for every try. `scope` is the item
    processor that it walks, `map_run` the ARN of the map run. Where `redrives` is not 0, it is the child that ended
    without success that is to go on. `items` are how many it works on.
    """

    id: str
    name: str
    scope: str
    input: Json
    map_run: str
    redrives: int = 0
    items: int = 1


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


Command: TypeAlias = InvokeTask | StartChild | AwaitCallback | StartTimer

"""Surroundings: what all executions in a daemon's memory share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeAlias

import msgspec

from statebox.engine.advancing import Advancing
from statebox.engine.letters import Letter
from statebox.engine.ports import Clock, Invoker, Store

Spawn: TypeAlias = Callable[[Coroutine[None, None, None]], "asyncio.Task[None]"]

Post: TypeAlias = Callable[[int, Sequence[Letter]], None]


def _leave(shard: int, letters: Sequence[Letter]) -> None:
    """Leave letters to whoever sweeps the outbox."""


class Surroundings(msgspec.Struct, frozen=True):
    """What every runner of a daemon shares.

    `spawn` starts a task that is owned, `advancing` applies events, `post` delivers letters that a shard's outbox has.
    """

    store: Store
    invoker: Invoker
    clock: Clock
    spawn: Spawn
    advancing: Advancing
    post: Post = _leave

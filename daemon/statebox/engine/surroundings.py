"""Surroundings: what all executions in a daemon's memory share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeAlias

import msgspec

from statebox.engine.advancing import Advancing
from statebox.engine.ports import Clock, Invoker, Store

Spawn: TypeAlias = Callable[[Coroutine[None, None, None]], "asyncio.Task[None]"]


class Surroundings(msgspec.Struct, frozen=True):
    """What every runner of a daemon shares. `spawn` starts a task that is owned, `advancing` applies events."""

    store: Store
    invoker: Invoker
    clock: Clock
    spawn: Spawn
    advancing: Advancing

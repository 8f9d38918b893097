"""The broken builds: the product with one of its safeguards taken out, to show that the simulation sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from statebox.asl.commands import InvokeTask
from statebox.asl.events import TaskFailed, TaskSubmitted, TaskSucceeded
from statebox.engine.ownership import Checkpoint, Lease, Saved
from statebox.engine.ports import Invoker, Permit
from statebox.store.clock import RedisClock
from statebox.store.delivering import StoreSettings
from statebox.store.redis_store import RedisStore

_HASTE_US: Final = 100_000


class Break(msgspec.Struct, frozen=True):
    """One build. `texts` are pieces of scripts, each with what stands in its place; `eager`: calls go out before they
    are written; `hasty`: the daemon's view of Redis time is ahead of it.
    """

    name: str
    texts: tuple[tuple[str, str], ...] = ()
    eager: bool = False
    hasty: bool = False

    def patch(self, script: str) -> str:
        """The text of a script as this build has it."""
        for piece, instead in self.texts:
            script = script.replace(piece, instead)
        return script

    def store(self, settings: StoreSettings, boottime: Callable[[], float]) -> RedisStore:
        """The store as this build has it."""
        if self.hasty:
            return _HastyStore(settings, boottime)
        return _EagerStore(settings, boottime) if self.eager else RedisStore(settings, boottime=boottime)

    def invoker(self, store: RedisStore, invoker: Invoker) -> Invoker:
        """The invoker as this build has it."""
        if not isinstance(store, _EagerStore):
            return invoker
        store.invoker = _EagerInvoker(invoker)
        return store.invoker


class _EagerStore(RedisStore):
    """Calls what a step wants to have called, and writes the step afterwards."""

    def __init__(self, settings: StoreSettings, boottime: Callable[[], float]) -> None:
        super().__init__(settings, boottime=boottime)
        self.invoker: _EagerInvoker | None = None

    async def checkpoint(self, lease: Lease, checkpoint: Checkpoint) -> Saved:
        assert self.invoker is not None
        for command in checkpoint.execution.outstanding():
            if isinstance(command, InvokeTask) and command.reference is None:
                await self.invoker.call_early(command)
        return await super().checkpoint(lease, checkpoint)


class _HastyStore(RedisStore):
    """Believes that it is later than it is."""

    def __init__(self, settings: StoreSettings, boottime: Callable[[], float]) -> None:
        super().__init__(settings, boottime=boottime)

        async def ask() -> int:
            return await self.server_time_us() + _HASTE_US

        self.clock = RedisClock(ask, boottime)


class _EagerInvoker:
    """Remembers what came of the calls that were made early."""

    def __init__(self, invoker: Invoker) -> None:
        self._invoker = invoker
        self._early: dict[str, TaskSucceeded | TaskFailed | TaskSubmitted] = {}

    async def call_early(self, task: InvokeTask) -> None:
        """Make the call now, once."""
        if task.attempt_id not in self._early:
            self._early[task.attempt_id] = await self._invoker.invoke(task)

    async def invoke(
        self, task: InvokeTask, permit: Permit | None = None
    ) -> TaskSucceeded | TaskFailed | TaskSubmitted:
        """What came of it, or the call."""
        if task.reference is None and task.attempt_id in self._early:
            return self._early[task.attempt_id]
        return await self._invoker.invoke(task, permit)


UNBROKEN: Final = Break("none")
_BREAKS: Final = (
    Break(
        "no-fence",
        (
            ("if record.lease and record.lease == step.token then", "if record.status == 'RUNNING' then"),
            ("if record.sequence ~= step.sequence - 1 then return {'lost'} end", ""),
            (".. former.owner, id)", ".. (former.owner or ''), id)"),
        ),
    ),
    Break("effect-before-checkpoint", eager=True),
    Break(
        "token-not-taken",
        (("redis.call('HSET', key, 'status', 'answered', 'operation'", "redis.call('HSET', key, 'operation'"),),
    ),
    Break("inbox-ignored-on-parking", (("(not step.release or waiting > 0)", "not step.release"),)),
    Break(
        "timeout-over-answer",
        (("'status') == 'answered' then\n    return {'answered'", "'status') == '' then\n    return {'answered'"),),
    ),
    Break(
        "no-operation-id",
        (
            ("if t.operation == operation then", "if false then"),
            ("if same_operation == operation then", "if false then"),
        ),
    ),
    Break("due-not-set-on-parking", (("if due then\n    redis.call('ZADD'", "if false then\n    redis.call('ZADD'"),)),
    Break("index-not-cleaned", (("redis.call('ZREM', base .. 'index', id)", ""),)),
    Break("status-index-not-moved", (("redis.call('ZREM', base .. 'index:s:RUNNING:' .. step.machine, id)", ""),)),
    Break("clock-ahead", hasty=True),
    Break(
        "claim-without-fresh-token", (("'lease', who.token, 'owner'", "'lease', record.lease or who.token, 'owner'"),)
    ),
    Break("held-not-cleaned", (("redis.call('SREM', base .. 'held:' .. former.owner, id)", ""),)),
    Break(
        "early-answer-not-used",
        (("redis.call('EXISTS', early) == 0 then return used end", "true then return used end"),),
    ),
    Break(
        "early-answer-over-another",
        (("if first and first.at then\n  return {'answered'", "if false then\n  return {'answered'"),),
    ),
    Break("heartbeat-forgotten", (("if t.beat == operation then", "if true then"),)),
    Break("answer-forgotten", (("redis.call('RPUSH', base .. 'inbox:' .. record.id, entry)", ""),)),
)
BREAKS: Final = {broken.name: broken for broken in _BREAKS}

"""The outbox: delivers letters from one shard to another, again and again until they have arrived.

A letter is written with the step that makes it due, and whoever wrote the step delivers it at once. What that daemon
did not live to do, a sweep of any daemon does. A letter that arrives twice changes nothing the second time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from statebox.asl.errors import TASK_FAILED
from statebox.asl.events import AnyEvent, TaskFailed, TaskSucceeded
from statebox.asl.execution import Status
from statebox.asl.jsontext import write_json_text
from statebox.asl.states.nested import envelope
from statebox.engine.errors import (
    ExecutionDoesNotExist,
    InvalidToken,
    ServiceUnavailable,
    TaskAlreadyAnswered,
    TaskDoesNotExist,
    TaskTimedOut,
)
from statebox.engine.letters import Letter
from statebox.engine.ownership import Claimed
from statebox.engine.ports import Store
from statebox.engine.records import Answer
from statebox.engine.surroundings import Spawn

_log = logging.getLogger(__name__)

_AT_ONCE: Final = 100


class Taker(Protocol):
    """Runs the executions that letters wake."""

    @property
    def full(self) -> bool:
        """Whether no more may be run here now."""
        ...

    def take(self, claimed: Claimed) -> None:
        """Run it."""
        ...

    def look_into_inbox(self, id: str) -> None:
        """Something was delivered to it."""
        ...


class Outbox:
    """Delivers the letters of this daemon's steps, and those that other daemons left. `taker` is given before any."""

    taker: Taker

    def __init__(self, store: Store, spawn: Spawn, shards: int, lease_ms: int) -> None:
        self._store = store
        self._spawn = spawn
        self._shards = shards
        self._pause_seconds = lease_ms / 1000

    def post(self, shard: int, letters: Sequence[Letter]) -> None:
        """Deliver letters that were written on a shard."""
        for letter in letters:
            self._spawn(self._deliver(shard, letter, again=False))

    async def follow(self) -> None:
        """Deliver what should have arrived, for ever."""
        while True:
            await asyncio.sleep(self._pause_seconds)
            for shard in range(self._shards):
                try:
                    while letters := await self._store.letters(shard, _AT_ONCE):
                        await asyncio.gather(*(self._deliver(shard, letter, again=True) for letter in letters))
                except ServiceUnavailable as away:
                    _log.debug("the outbox of shard %d cannot be read: %s", shard, away.message)
                except Exception:  # noqa: BLE001 - a fault with one letter must not end the daemon
                    _log.exception("the outbox of shard %d cannot be read", shard)

    async def _deliver(self, shard: int, letter: Letter, *, again: bool) -> None:
        try:
            arrived = await (self._tell_end(letter) if letter.kind == "end" else self._stop(letter))
            # One who is to be stopped may still be on its way to its start, but not for longer than a lease.
            if arrived or (again and letter.kind == "stop"):
                await self._store.arrived(shard, letter)
        except ServiceUnavailable as away:
            _log.debug("a letter has to wait: %s", away.message)
        except Exception:  # noqa: BLE001 - a fault with one letter must not end the daemon
            _log.exception("a letter cannot be delivered: %s", letter)

    async def _tell_end(self, letter: Letter) -> bool:
        """Answer the task that waits for the end of a nested execution; false when that was redriven meanwhile."""
        token = letter.continuation
        try:
            ended = await self._store.describe(letter.execution)
        except ExecutionDoesNotExist:
            ended = None
        if ended is not None and ended.answers != token:
            # It was forgotten, and another one has its name by now.
            ended = None
        if ended is not None and not ended.ended:
            return False

        def event(task: str) -> AnyEvent:
            if ended is None:
                forgotten = f"The execution {letter.execution} ended, and was forgotten before it could tell how"
                return TaskFailed(task, TASK_FAILED, forgotten, None, token)
            if ended.status is Status.SUCCEEDED:
                return TaskSucceeded(task, envelope(ended), ended.arn, token)
            return TaskFailed(task, TASK_FAILED, write_json_text(envelope(ended)), ended.arn, token)

        answer = Answer(token, event, f"end-of-{letter.execution}", "nested execution")
        # Where it is refused nobody waits for it any more.
        with contextlib.suppress(InvalidToken, TaskTimedOut, TaskDoesNotExist, TaskAlreadyAnswered):
            self._wake(await self._store.answer(answer, take=not self.taker.full))
        return True

    async def _stop(self, letter: Letter) -> bool:
        """Stop a nested execution, if it is the one that the task has started; false where it is not there."""
        try:
            nested = await self._store.describe(letter.execution)
            if nested.answers == letter.continuation and not nested.ended:
                operation = f"stop-{letter.continuation}"
                taken = await self._store.stop(letter.execution, None, None, operation, take=not self.taker.full)
                self._wake(letter.execution if taken is None else taken)
        except ExecutionDoesNotExist:
            return False
        return True

    def _wake(self, taken: Claimed | str | int) -> None:
        match taken:
            case Claimed():
                self.taker.take(taken)
            case str():
                self.taker.look_into_inbox(taken)
            case int():
                pass

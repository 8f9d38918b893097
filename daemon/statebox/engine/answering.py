"""Answering: what comes from outside for an execution that waits, and what is known about what it waits for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from statebox.asl.events import (
    AnyEvent,
    CallbackAnswered,
    TaskFailed,
    TaskSucceeded,
)
from statebox.asl.jsontext import Json
from statebox.engine.names import (
    checked_id,
    fresh_id,
)
from statebox.engine.ownership import Claimed
from statebox.engine.records import Answer, Continuation, Kept, StateAnswer, StateStanding
from statebox.engine.scheduler import Scheduler
from statebox.engine.statepaths import read_state_path
from statebox.engine.surroundings import Surroundings


class Answering:
    """The operations on continuations and states that wait, as one part of the service."""

    _around: Surroundings
    _scheduler: Scheduler

    async def send_task_success(
        self, token: str, output: Json, operation: str | None = None, channel: str = "api"
    ) -> str:
        """Answer a continuation with a result; returns the execution's id.

        Raises InvalidToken, TaskTimedOut, TaskAlreadyAnswered, TaskDoesNotExist.
        """
        return await self._answer(token, lambda task: TaskSucceeded(task, output, None, token), operation, channel)

    async def send_task_failure(
        self,
        token: str,
        error: str | None = None,
        cause: str | None = None,
        operation: str | None = None,
        channel: str = "api",
    ) -> str:
        """Answer a continuation with an error; otherwise as send_task_success."""
        return await self._answer(token, lambda task: TaskFailed(task, error, cause, None, token), operation, channel)

    async def resume(self, token: str, operation: str | None = None, channel: str = "api") -> str:
        """Answer a continuation without a payload; otherwise as send_task_success."""
        return await self._answer(token, CallbackAnswered, operation, channel)

    async def answer_state(
        self,
        id: str,
        state: str,
        output: Json | msgspec.UnsetType = msgspec.UNSET,
        error: str | None = None,
        cause: str | None = None,
        operation: str | None = None,
        channel: str = "api",
    ) -> bool:
        """Answer a state of an execution by its path: with an output, without, or with an error.

        True when the state waited for it; false when the answer is kept until it does, also when the execution has not
        been started yet. Raises InvalidArn, InvalidName, ValidationException, TaskAlreadyAnswered, TaskDoesNotExist,
        TaskTimedOut, IdempotencyKeyReused, TooManyRequests.
        """

        def event(task: str, token: str) -> AnyEvent:
            if error is not None or cause is not None:
                return TaskFailed(task, error, cause, None, token)
            return CallbackAnswered(task) if output is msgspec.UNSET else TaskSucceeded(task, output, None, token)

        id = checked_id(id)
        answer = StateAnswer(id, read_state_path(state), event, operation or fresh_id(), channel)
        taken = await self._around.store.answer_state(answer, take=not self._scheduler.full)
        if isinstance(taken, Kept):
            return False
        self._take(taken, id)
        return True

    async def state(self, id: str, state: str) -> StateStanding:
        """What is known about an answer to a state, by its path. Raises ExecutionDoesNotExist, ValidationException."""
        return await self._around.store.state(checked_id(id), read_state_path(state))

    async def send_task_heartbeat(self, token: str) -> None:
        """Tell that the work on a continuation goes on. Raises InvalidToken, TaskTimedOut, TaskDoesNotExist."""
        taken = await self._around.store.heartbeat(token, fresh_id(), take=not self._scheduler.full)
        self._take(taken, taken if isinstance(taken, str) else taken.execution.id)

    async def continuation(self, token: str) -> Continuation:
        """What is known about a continuation. Raises InvalidToken."""
        return await self._around.store.continuation(token)

    async def continuations(self, id: str) -> Sequence[Continuation]:
        """The open continuations of an execution."""
        return await self._around.store.continuations(id)

    async def _answer(self, token: str, event: Callable[[str], AnyEvent], operation: str | None, channel: str) -> str:
        answer = Answer(token, event, operation or fresh_id(), channel)
        taken = await self._around.store.answer(answer, take=not self._scheduler.full)
        id = taken if isinstance(taken, str) else taken.execution.id
        self._take(taken, id)
        return id

    def _take(self, taken: Claimed | str | None, id: str) -> None:
        if isinstance(taken, Claimed):
            self._scheduler.take(taken)
        else:
            self._scheduler.look_into_inbox(id)

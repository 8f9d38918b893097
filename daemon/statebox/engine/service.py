"""The service: what users can ask for, named as in the Step Functions API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from statebox.asl.commands import AwaitCallback
from statebox.asl.execution import Execution, Status
from statebox.asl.history import describe
from statebox.asl.jsontext import Json
from statebox.engine.activities import Activities
from statebox.engine.answering import Answering
from statebox.engine.errors import (
    InvalidArn,
    StateMachineDoesNotExist,
    StateMachineTypeNotSupported,
    ValidationException,
)
from statebox.engine.express import ExpressRuns
from statebox.engine.machines import Machines
from statebox.engine.map_runs import MapRuns
from statebox.engine.names import (
    MachineReference,
    Place,
    fresh_id,
)
from statebox.engine.records import Counts, Purged, Summary
from statebox.engine.registry.registry import Registry
from statebox.engine.scheduler import Scheduler
from statebox.engine.starting import Starting
from statebox.engine.surroundings import Surroundings
from statebox.engine.trials import Trials
from statebox.engine.watchers import Watchers

# How often somebody who waits for an execution looks by himself, in case a notice was lost.
_LOOK_SECONDS: Final = 1.0
_LOOKS_AT_STOP: Final = 10
_MOST_LISTED: Final = 1000


class Service(Starting, Answering):
    """The operations. All raise the errors of engine.errors."""

    def __init__(
        self,
        around: Surroundings,
        machines: Machines,
        scheduler: Scheduler,
        watchers: Watchers,
        place: Place,
        shard_of: Callable[[str, str], int],
        registry: Registry,
    ) -> None:
        self.machines = machines
        self.registry = registry
        self.place = place
        self.trials = Trials(around, place)
        self._around = around
        self._scheduler = scheduler
        self._watchers = watchers
        self._shard_of = shard_of
        self.activities = Activities(around.store, scheduler, watchers, place)
        self.express = ExpressRuns(around)
        self.map_runs = MapRuns(around.store, self._take, lambda: scheduler.full)

    # Executions

    async def describe_execution(self, id: str) -> Execution:
        """An execution as last written. Raises ExecutionDoesNotExist."""
        return await self._around.store.describe(id)

    async def describe_definition(self, id: str) -> str:
        """The text of the definition that an execution is pinned to. Raises ExecutionDoesNotExist."""
        return await self._around.store.definition_of(id)

    async def list_executions(
        self,
        machine: str | None = None,
        status: Status | None = None,
        limit: int = 100,
        before: tuple[int, str] | None = None,
        redriven: bool | None = None,
    ) -> Sequence[Summary]:
        """Executions, newest first, that started before the given (ms, id); that were `redriven`, or were not."""
        return await self._around.store.list(machine, status, _limit(limit), before, redriven=redriven)

    async def refuse_listing(self, reference: MachineReference) -> None:
        """Raise StateMachineTypeNotSupported for an express machine's ARN, StateMachineDoesNotExist for none at all.

        A machine whose definition came with each start, or that was deleted, is known by its executions. Raises
        InvalidArn for what is neither an ARN nor such a name.
        """
        try:
            type = await self.registry.type_of(reference)
        except (StateMachineDoesNotExist, InvalidArn):
            if not await self._around.store.list(reference.qualified, None, 1, None):
                raise
        else:
            if type == "EXPRESS" and reference.is_arn:
                raise StateMachineTypeNotSupported

    async def get_execution_history(
        self, id: str, after: int = 0, limit: int = 100, reverse: bool = False, include_data: bool = True
    ) -> Sequence[Json]:
        """Up to `limit` events, as AWS shows them, from the one after (reversed: before) the event id `after`."""
        events = await self._around.store.history(id, after, _limit(limit), reverse)
        return [describe(event, include_data) for event in events]

    async def stop_execution(
        self, id: str, error: str | None = None, cause: str | None = None, operation: str | None = None
    ) -> int:
        """Stop an execution, and return when it ended (ms). Raises ExecutionDoesNotExist."""
        operation = operation or fresh_id()
        taken = await self._around.store.stop(id, error, cause, operation, take=not self._scheduler.full)
        if isinstance(taken, int):
            return taken
        with self._watchers.watching(id) as event:
            self._take(taken, id)
            return await self._ended(id, event)

    async def retry_execution(self, id: str) -> None:
        """Let an execution that was set aside be claimed again. Raises ExecutionDoesNotExist."""
        await self._around.store.retry(id)
        self._scheduler.look_now()

    async def purge_executions(
        self,
        machine: str | None = None,
        status: Status | None = None,
        ended_before_ms: int | None = None,
        before: tuple[int, str] | None = None,
        only_count: bool = False,
    ) -> Purged:
        """Forget executions that have ended (by then), or count them; looks at a page of them, newest first."""
        if status is Status.RUNNING:
            raise ValidationException("Executions that run are not forgotten: stop them first")
        until_ms = self._around.clock.now_ms() if ended_before_ms is None else ended_before_ms
        return await self._around.store.purge(machine, status, until_ms, _MOST_LISTED, before, only_count)

    async def list_set_aside(self) -> Sequence[Summary]:
        """Executions that were set aside."""
        return await self._around.store.set_aside()

    async def settle(self, id: str, seconds: float, beyond: str | None = None) -> Execution:
        """Wait until an execution has ended, has replied, or waits for callbacks and timers only, at most `seconds`.

        Returns it as it is then (look at `idle` and `ended`). Beyond the continuation `beyond`: as long as that is
        outstanding, its answer has not been taken in.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        with self._watchers.watching(id) as watch:
            while True:
                # What is being worked on here tells when it comes to rest: reading it before that would be for nothing.
                if self._scheduler.is_busy(id):
                    await _wait(watch, min(deadline - loop.time(), _LOOK_SECONDS))
                watch.clear()
                execution = watch.ended or await self._around.store.describe(id)
                waited_for = {c.token for c in execution.outstanding() if isinstance(c, AwaitCallback)}
                replied = execution.response is not msgspec.UNSET
                if execution.ended or (replied and beyond not in waited_for):
                    return execution
                # An answer that has not been taken in yet, as one that came early, means that it goes on.
                if execution.at_rest and beyond not in waited_for and not (waited_for and await self._has_mail(id)):
                    return execution
                left = deadline - loop.time()
                if left <= 0:
                    return execution
                await _wait(watch, min(left, _LOOK_SECONDS))

    # The daemon

    async def counts(self) -> Counts:
        """How much there is in the store."""
        return await self._around.store.counts()

    @property
    def running_here(self) -> int:
        """How many executions this daemon holds in memory, express ones among them."""
        return self._scheduler.running + len(self.express)

    @property
    def stopping(self) -> bool:
        """Whether the daemon is on its way out."""
        return self._scheduler.stopping

    async def _has_mail(self, id: str) -> bool:
        return bool(await self._around.store.inbox(id, 1))

    async def _ended(self, id: str, event: asyncio.Event) -> int:
        """When it ended; it may take its owner a while, but it is bound to: then, now."""
        for _ in range(_LOOKS_AT_STOP):
            event.clear()
            execution = await self._around.store.describe(id)
            if execution.stopped_ms is not None:
                return execution.stopped_ms
            await _wait(event, _LOOK_SECONDS)
        return self._around.clock.now_ms()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def _limit(limit: int) -> int:
    if not 0 <= limit <= _MOST_LISTED:
        raise ValidationException(f"maxResults must be from 0 to {_MOST_LISTED} but was {limit}")
    return limit or 100

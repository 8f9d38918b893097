"""The service: what users can ask for, named as in the Step Functions API."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from statebox.asl.commands import AwaitCallback
from statebox.asl.events import (
    AnyEvent,
    CallbackAnswered,
    ExecutionStarted,
    TaskFailed,
    TaskSucceeded,
)
from statebox.asl.execution import Execution, Status
from statebox.asl.history import describe
from statebox.asl.interpreter import begin
from statebox.asl.jsontext import Json
from statebox.engine.activities import Activities
from statebox.engine.advancing import Program
from statebox.engine.checkpoints import checkpoint_of
from statebox.engine.errors import (
    ExecutionNotRedrivable,
    ServiceUnavailable,
    StateMachineDoesNotExist,
    StateMachineTypeNotSupported,
    TooManyRequests,
    ValidationException,
)
from statebox.engine.express import ExpressRuns
from statebox.engine.idempotency import name_of
from statebox.engine.machines import Machines, definition_of
from statebox.engine.map_runs import MapRuns
from statebox.engine.names import (
    MachineReference,
    Place,
    check_name,
    checked_id,
    fresh_id,
    fresh_uuid,
    machine_reference,
)
from statebox.engine.nested import Ask, Begun, refuse_anothers
from statebox.engine.ownership import Claimed
from statebox.engine.records import Answer, Continuation, Counts, Kept, Purged, StateAnswer, StateStanding, Summary
from statebox.engine.redriving import redrive, why_not_redrivable
from statebox.engine.registry.registry import Chosen, Registry
from statebox.engine.runner import Runner
from statebox.engine.scheduler import Scheduler
from statebox.engine.statepaths import read_state_path
from statebox.engine.surroundings import Surroundings
from statebox.engine.trials import Trials
from statebox.engine.watchers import Watchers

# How often somebody who waits for an execution looks by himself, in case a notice was lost.
_LOOK_SECONDS: Final = 1.0
_LOOKS_AT_STOP: Final = 10
_MOST_LISTED: Final = 1000


class Beginning(msgspec.Struct, frozen=True):
    """A started execution: `execution` is its value after the first step.

    It is None when it had been started before, or goes on at once with an answer that came early.
    """

    id: str
    arn: str
    started_ms: int
    execution: Execution | None


class Service:
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

    async def start_execution(
        self,
        machine: str,
        input: Json,
        name: str | None = None,
        definition: str | None = None,
        seed: bool = False,
        operation: str | None = None,
        reference: MachineReference | None = None,
        answers: str | None = None,
        nested: bool = False,
    ) -> Beginning:
        """Start an execution of a machine that is known by name (or as `reference` names it, which it is the name of),
        or of the definition that comes with the call.

        Durable when it returns. `operation` identifies the request when it is repeated; where that has an idempotency
        key, a missing name is made of it. Raises InvalidDefinition, StateMachineDoesNotExist, InvalidName,
        ExecutionAlreadyExists, IdempotencyKeyReused, TooManyRequests, ServiceUnavailable.
        One that is `nested`, and may answer a continuation, is started in any case: where there is no room for it here
        others run it.
        """
        if not nested:
            self._refuse_if_stopping()
        check_name(machine, "machine's name")
        operation = operation or fresh_id()
        name = name_of(operation) or fresh_uuid() if name is None else check_name(name, "execution's name")
        if definition is None:
            chosen = await self.registry.choose(reference or self._named(machine))
        else:
            chosen = Chosen(machine, definition_of(definition), self.place.role_arn())
        if chosen.type == "EXPRESS":
            if answers is not None:
                # It may be lost with its daemon: nobody can be promised to hear of its end.
                raise StateMachineTypeNotSupported
            begun, _ = await self._start_express(chosen, input, name)
            return Beginning(begun.id, begun.arn, begun.started_ms, None)
        text = chosen.definition
        program = Program(text, await self.machines.prepare(text))
        id = f"{machine}:{name}"
        execution = begin(
            Execution(
                id=id,
                uid=fresh_id(),
                machine=machine,
                name=name,
                arn=self.place.execution_arn(id),
                machine_arn=self.place.machine_arn(machine),
                role_arn=chosen.role_arn,
                shard=self._shard_of(machine, name),
                input=input,
                started_ms=self._around.clock.now_ms(),
                seed=seed,
                answers=answers,
                version=chosen.version,
                alias=chosen.alias,
            ),
            program.machine,
        )
        with contextlib.nullcontext() if nested else self._scheduler.place():
            step = await self._around.advancing(program, execution, [ExecutionStarted()])
            checkpoint = checkpoint_of(step)
            started = await self._around.store.start(text, checkpoint, operation)
        if checkpoint.letters and not started.existing:
            self._around.post(execution.shard, checkpoint.letters)
        if started.lease is not None and nested and self._scheduler.full:
            await self._around.store.release([started.lease])
        elif started.lease is not None:
            children = self._scheduler.children_of(program)
            runner = Runner(self._around, program, children, started.lease, step.execution)
            runner.heed(started.answered)
            self._scheduler.adopt(runner)
        known = not started.existing and not started.answered
        return Beginning(id, execution.arn, started.started_ms, step.execution if known else None)

    async def start_sync_execution(self, reference: MachineReference, input: Json, name: str | None) -> Execution:
        """Run an express machine; returns the execution once it has ended.

        Raises StateMachineTypeNotSupported and as start_execution.
        """
        self._refuse_if_stopping()
        name = fresh_uuid() if name is None else check_name(name, "execution's name")
        chosen = await self.registry.choose(reference)
        if chosen.type != "EXPRESS":
            raise StateMachineTypeNotSupported
        _, end = await self._start_express(chosen, input, name)
        # Whoever waits for it may go away: it goes on.
        return await asyncio.shield(end)

    async def _start_express(
        self, chosen: Chosen, input: Json, name: str
    ) -> tuple[Execution, asyncio.Future[Execution]]:
        """Begin an express execution: several may have the same name, so that they are kept under another."""
        program = Program(chosen.definition, await self.machines.prepare(chosen.definition))
        unique = fresh_uuid()
        execution = begin(
            Execution(
                id=f"{chosen.machine}:{unique}",
                uid=fresh_id(),
                machine=chosen.machine,
                name=name,
                arn=self.place.express_arn(chosen.machine, name, unique),
                machine_arn=self.place.machine_arn(chosen.machine),
                role_arn=chosen.role_arn,
                shard=self._shard_of(chosen.machine, unique),
                input=input,
                started_ms=self._around.clock.now_ms(),
            ),
            program.machine,
        )
        if self._scheduler.full or len(self.express) >= self._scheduler.most_running:
            raise TooManyRequests("This daemon runs as many executions as it may; try again later")
        return execution, self.express.start(program, execution)

    async def start_nested(self, ask: Ask) -> Begun:
        """Start an execution for a task, once for each attempt. Raises as start_execution."""
        reference = machine_reference(ask.machine)
        begun = await self.start_execution(
            reference.name,
            ask.input,
            ask.name,
            operation=ask.operation,
            reference=reference,
            answers=ask.answers,
            nested=True,
        )
        if begun.execution is None and ask.answers is not None:
            refuse_anothers(ask, (await self.describe_execution(begun.id)).answers)
        return Begun(begun.arn, begun.started_ms)

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
        """Raise StateMachineTypeNotSupported for an express machine, and StateMachineDoesNotExist for none at all.

        A machine whose definition came with each start, or that was deleted, is known by its executions.
        """
        try:
            type = await self.registry.type_of(reference)
        except StateMachineDoesNotExist:
            if not await self._around.store.list(reference.qualified, None, 1, None):
                raise
        else:
            if type == "EXPRESS":
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

    async def redrive_execution(self, id: str, operation: str | None = None) -> int:
        """Let an execution that ended without success go on from where it failed; returns when that was (ms).

        What succeeded in it is not done again. The same `operation` redrives it once. Raises ExecutionDoesNotExist,
        ExecutionNotRedrivable, TooManyRequests, ServiceUnavailable.
        """
        self._refuse_if_stopping()
        operation = operation or fresh_id()
        while True:
            ended = await self._around.store.ended(id)
            execution = ended.execution
            if ended.operation == operation and execution.redriven_ms is not None:
                return execution.redriven_ms
            reason = self.why_not_redrivable(execution)
            if execution.parent is not None:
                reason = "A child of a map run is redriven with the execution that the map run belongs to"
            shelved = await self.registry.current(execution.machine)
            if shelved is not None and shelved.machine.deleting:
                reason = "State machine is in DELETING status"
            if reason is not None:
                raise ExecutionNotRedrivable(f"Execution Not Redrivable: '{execution.arn}': {reason}")
            text = definition_of(ended.definition)
            program = Program(text, await self.machines.prepare(text))
            with self._scheduler.place():
                redriven = await redrive(self._around, program, ended, operation)
            if redriven is not None:
                break
        started = redriven.started
        if started.lease is not None:
            children = self._scheduler.children_of(program)
            runner = Runner(self._around, program, children, started.lease, redriven.execution)
            runner.heed(started.answered)
            self._scheduler.adopt(runner)
        return started.started_ms

    def why_not_redrivable(self, execution: Execution) -> str | None:
        """Why an execution cannot be redriven, in AWS's words; None where it can."""
        return why_not_redrivable(execution, self._around.clock.now_ms())

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

    # Answers

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

    # The daemon

    async def counts(self) -> Counts:
        """How much there is in the store."""
        return await self._around.store.counts()

    @property
    def running_here(self) -> int:
        """How many executions this daemon holds in memory."""
        return self._scheduler.running

    @property
    def stopping(self) -> bool:
        """Whether the daemon is on its way out."""
        return self._scheduler.stopping

    def _named(self, machine: str) -> MachineReference:
        return MachineReference(machine, None, self.place.machine_arn(machine))

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

    def _refuse_if_stopping(self) -> None:
        if self._scheduler.stopping:
            raise ServiceUnavailable("This daemon is stopping; ask again")


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

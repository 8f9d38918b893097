"""Starting: executions begin, by whatever names their machine, or go on again from where they failed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import msgspec

from statebox.asl.events import (
    ExecutionStarted,
)
from statebox.asl.execution import Execution
from statebox.asl.interpreter import begin
from statebox.asl.jsontext import Json
from statebox.engine.advancing import Program
from statebox.engine.checkpoints import checkpoint_of
from statebox.engine.errors import (
    ExecutionDoesNotExist,
    ExecutionNotRedrivable,
    InvalidArn,
    ServiceUnavailable,
    StateMachineDeleting,
    StateMachineDoesNotExist,
    StateMachineTypeNotSupported,
    TooManyRequests,
)
from statebox.engine.express import ExpressRuns
from statebox.engine.idempotency import name_of
from statebox.engine.machines import Machines, definition_of
from statebox.engine.names import (
    MachineReference,
    Place,
    check_name,
    fresh_id,
    fresh_uuid,
    machine_reference,
)
from statebox.engine.nested import Ask, Begun, refuse_anothers
from statebox.engine.ownership import Lease, Started
from statebox.engine.redriving import redrive, why_not_redrivable
from statebox.engine.registry.registry import Chosen, Registry
from statebox.engine.runner import Runner
from statebox.engine.scheduler import Scheduler
from statebox.engine.surroundings import Surroundings


class Beginning(msgspec.Struct, frozen=True):
    """A started execution: `execution` is its value after the first step.

    It is None when it had been started before, or goes on at once with an answer that came early.
    """

    id: str
    arn: str
    started_ms: int
    execution: Execution | None


class Starting:
    """The operations that begin executions, as one part of the service."""

    machines: Machines
    registry: Registry
    place: Place
    express: ExpressRuns
    _around: Surroundings
    _scheduler: Scheduler
    _shard_of: Callable[[str, str], int]

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
            self._adopt(program, started, started.lease, step.execution)
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
        try:
            begun = await self.start_execution(
                reference.name,
                ask.input,
                ask.name,
                operation=ask.operation,
                reference=reference,
                answers=ask.answers,
                nested=True,
            )
        except (StateMachineDoesNotExist, StateMachineDeleting, InvalidArn):
            # A daemon that has died since may have started it when the machine was still there.
            before = await self._begun_before(reference.name, ask)
            if before is None:
                raise
            return before
        if begun.execution is None and ask.answers is not None:
            refuse_anothers(ask, (await self._around.store.describe(begun.id)).answers)
        return Begun(begun.arn, begun.started_ms)

    async def _begun_before(self, machine: str, ask: Ask) -> Begun | None:
        """What the same ask has started before, where its end is waited for."""
        try:
            found = await self._around.store.describe(f"{machine}:{ask.name}")
        except ExecutionDoesNotExist:
            return None
        is_same = ask.answers is not None and found.answers == ask.answers
        return Begun(found.arn, found.started_ms) if is_same else None

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
            self._adopt(program, started, started.lease, redriven.execution)
        return started.started_ms

    def why_not_redrivable(self, execution: Execution) -> str | None:
        """Why an execution cannot be redriven, in AWS's words; None where it can."""
        return why_not_redrivable(execution, self._around.clock.now_ms())

    def _adopt(self, program: Program, started: Started, lease: Lease, execution: Execution) -> None:
        """Go on with what was begun, as it is ours."""
        runner = Runner(self._around, program, self._scheduler.children_of(program), lease, execution)
        runner.heed(started.answered)
        self._scheduler.adopt(runner)

    def _named(self, machine: str) -> MachineReference:
        return MachineReference(machine, None, self.place.machine_arn(machine))

    def _refuse_if_stopping(self) -> None:
        if self._scheduler.stopping:
            raise ServiceUnavailable("This daemon is stopping; ask again")

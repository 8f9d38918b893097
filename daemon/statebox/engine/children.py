"""Children: the executions of a distributed Map's items, started on their parent's shard under its definition."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from statebox.asl.commands import StartChild
from statebox.asl.errors import RUNTIME
from statebox.asl.events import ExecutionStarted, TaskFailed, TaskSubmitted, TaskSucceeded
from statebox.asl.execution import Execution, Status
from statebox.asl.interpreter import begin
from statebox.asl.walk import child_of
from statebox.engine.advancing import Program
from statebox.engine.checkpoints import checkpoint_of
from statebox.engine.errors import ExecutionAlreadyExists, ExecutionDoesNotExist
from statebox.engine.names import child_id
from statebox.engine.ownership import Started
from statebox.engine.redriving import redrive
from statebox.engine.runner import Runner
from statebox.engine.surroundings import Surroundings

# How often it is looked whether a child that is being stopped has ended.
_LOOK_SECONDS: Final = 0.2


class ChildExecutions:
    """Starts the children of executions of one definition; `adopt` runs those that are not done at once.

    Where the daemon is `full` it leaves them to others.
    """

    def __init__(
        self,
        around: Surroundings,
        program: Program,
        adopt: Callable[[Runner], None],
        full: Callable[[], bool],
    ) -> None:
        self._around = around
        self._program = program
        self._adopt = adopt
        self._full = full

    async def start(self, parent: Execution, command: StartChild) -> TaskSubmitted | TaskFailed | TaskSucceeded:
        """Start one, or redrive it. Its name is the same for every try, so it is started once."""
        if command.redrives:
            try:
                return await self._redrive(command)
            except ExecutionDoesNotExist:
                pass  # it was not started before its parent ended, or is forgotten
        child = begin(child_of(parent, command, self._around.clock.now_ms()), self._program.machine)
        step = await self._around.advancing(self._program, child, [ExecutionStarted()])
        try:
            started = await self._around.store.start(self._program.definition, checkpoint_of(step), command.name)
        except ExecutionAlreadyExists:
            return TaskSubmitted(command.id, child.id, None)
        except ValueError as wrong:
            return TaskFailed(command.id, RUNTIME, str(wrong))
        await self._run(started, step.execution)
        return TaskSubmitted(command.id, child.id, None)

    async def _redrive(self, command: StartChild) -> TaskSubmitted | TaskSucceeded:
        """Let a child go on that ended without success. Raises ExecutionDoesNotExist."""
        id, operation = child_id(command), f"{command.name}:{command.redrives}"
        while True:
            ended = await self._around.store.ended(id)
            if ended.operation == operation:
                return TaskSubmitted(command.id, id, None)
            if ended.execution.status is Status.SUCCEEDED:
                return TaskSucceeded(command.id, ended.execution.output)
            if ended.execution.ended:
                child = msgspec.structs.replace(ended.execution, parent_task=command.id)
                ended = msgspec.structs.replace(ended, execution=child)
                redriven = await redrive(self._around, self._program, ended, operation)
                if redriven is not None:
                    await self._run(redriven.started, redriven.execution)
                    return TaskSubmitted(command.id, id, None)
            # The stop that came with its parent's end has not been carried out yet.
            await asyncio.sleep(_LOOK_SECONDS)

    async def _run(self, started: Started, execution: Execution) -> None:
        if started.lease is not None and self._full():
            await self._around.store.release([started.lease])
        elif started.lease is not None:
            runner = Runner(self._around, self._program, self, started.lease, execution)
            runner.heed(started.answered)
            self._adopt(runner)

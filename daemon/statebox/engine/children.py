"""Children: the executions of a distributed Map's items, started on their parent's shard under its definition."""

from __future__ import annotations

from collections.abc import Callable

from statebox.asl.commands import StartChild
from statebox.asl.errors import RUNTIME
from statebox.asl.events import ExecutionStarted, TaskFailed, TaskSubmitted
from statebox.asl.execution import Execution
from statebox.asl.interpreter import begin
from statebox.asl.walk import child_of
from statebox.engine.advancing import Program
from statebox.engine.checkpoints import checkpoint_of
from statebox.engine.errors import ExecutionAlreadyExists
from statebox.engine.runner import Runner
from statebox.engine.surroundings import Surroundings


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

    async def start(self, parent: Execution, command: StartChild) -> TaskSubmitted | TaskFailed:
        """Start one. Its name is the same for every try, so it is started once."""
        child = begin(child_of(parent, command, self._around.clock.now_ms()), self._program.machine)
        step = await self._around.advancing(self._program, child, [ExecutionStarted()])
        try:
            started = await self._around.store.start(self._program.definition, checkpoint_of(step), command.name)
        except ExecutionAlreadyExists:
            return TaskSubmitted(command.id, child.id, None)
        except ValueError as wrong:
            return TaskFailed(command.id, RUNTIME, str(wrong))
        if started.lease is not None and self._full():
            await self._around.store.release([started.lease])
        elif started.lease is not None:
            runner = Runner(self._around, self._program, self, started.lease, step.execution)
            runner.heed(started.answered)
            self._adopt(runner)
        return TaskSubmitted(command.id, child.id, None)

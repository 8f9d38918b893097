"""Children: the executions of a distributed Map's items, started on their parent's shard under its definition."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from statebox.asl.commands import StartChild
from statebox.asl.errors import RUNTIME
from statebox.asl.events import ExecutionStarted, TaskFailed, TaskSubmitted
from statebox.asl.execution import Execution, Status
from statebox.asl.interpreter import begin
from statebox.engine.advancing import Program
from statebox.engine.errors import ExecutionAlreadyExists
from statebox.engine.names import child_id
from statebox.engine.runner import Runner, Surroundings, checkpoint_of


class ChildExecutions:
    """Starts the children of executions of one definition; `adopt` runs those that are not done at once."""

    def __init__(
        self,
        around: Surroundings,
        program: Program,
        adopt: Callable[[Runner], None],
    ) -> None:
        self._around = around
        self._program = program
        self._adopt = adopt

    async def start(self, parent: Execution, command: StartChild) -> TaskSubmitted | TaskFailed:
        """Start one. Its name is the same for every try, so it is started once."""
        child = begin(self._child(parent, command, self._around.clock.now_ms()), self._program.machine)
        step = await self._around.advancing(self._program, child, [ExecutionStarted()])
        try:
            started = await self._around.store.start(self._program.definition, checkpoint_of(step), command.name)
        except ExecutionAlreadyExists:
            return TaskSubmitted(command.id, child.id, None)
        except ValueError as wrong:
            return TaskFailed(command.id, RUNTIME, str(wrong))
        if started.lease is not None:
            self._adopt(Runner(self._around, self._program, self, started.lease, step.execution))
        return TaskSubmitted(command.id, child.id, None)

    def _child(self, parent: Execution, command: StartChild, now_ms: int) -> Execution:
        id = child_id(command)
        family = id.rpartition(":")[0]
        place = parent.arn.split(":execution:", 1)[0]
        return msgspec.structs.replace(
            parent,
            id=id,
            uid=command.name.replace("-", ""),
            machine=family,
            name=command.name,
            arn=f"{place}:execution:{id}",
            machine_arn=f"{place}:stateMachine:{family}",
            input=command.input,
            started_ms=now_ms,
            now_ms=now_ms,
            status=Status.RUNNING,
            deadline_ms=None,
            next_event=1,
            branches={},
            response=msgspec.UNSET,
            unfinished=False,
            whole=True,
            seed=False,
            scope=command.scope,
            parent=parent.id,
            parent_task=command.id,
            map_run=command.map_run,
        )

"""Children: the executions of a distributed Map's items, started on their parent's shard under its definition."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import msgspec

from statebox.asl.commands import StartChild
from statebox.asl.errors import RUNTIME
from statebox.asl.events import ExecutionStarted, TaskFailed, TaskSubmitted
from statebox.asl.execution import Execution, OnChild, Status
from statebox.asl.interpreter import begin
from statebox.engine.advancing import Program
from statebox.engine.errors import ExecutionAlreadyExists, ServiceError
from statebox.engine.ports import Claimed
from statebox.engine.runner import Runner, Surroundings, checkpoint_of

_log = logging.getLogger(__name__)

_STOPPED: Final = "The map run ended without this item"


class ChildExecutions:
    """Starts and stops the children of executions of one definition; `adopt` runs those that are not done at once."""

    def __init__(
        self,
        around: Surroundings,
        program: Program,
        adopt: Callable[[Runner], None],
        take: Callable[[Claimed], None],
    ) -> None:
        self._around = around
        self._program = program
        self._adopt = adopt
        self._take = take

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

    async def stop(self, child: OnChild) -> None:
        """Stop one; what cannot be stopped now ends by itself, and nobody listens."""
        id = f"{_family(child.map_run)}:{child.name}"
        try:
            taken = await self._around.store.stop(id, RUNTIME, _STOPPED, child.name)
        except ServiceError as error:
            _log.warning("a map run's child was not stopped: %s", error.message, extra={"execution": id})
            return
        if isinstance(taken, Claimed):
            self._take(taken)

    def _child(self, parent: Execution, command: StartChild, now_ms: int) -> Execution:
        family = _family(command.map_run)
        id = f"{family}:{command.name}"
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


def _family(map_run: str) -> str:
    """What stands for the machine in the ids of a map run's children: `<machine>/<label>`."""
    # arn:aws:states:<region>:<account>:mapRun:<machine>/<label>:<uuid>
    return map_run.split(":")[6]

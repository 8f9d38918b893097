"""Walk: one execution in process, with its history, advanced by events that somebody tells it."""

from __future__ import annotations

from typing import Final

import msgspec

from statebox.asl.commands import StartChild
from statebox.asl.definition import StateMachine
from statebox.asl.events import AnyEvent
from statebox.asl.execution import Execution, Status
from statebox.asl.history import HistoryEvent
from statebox.asl.interpreter import Step, advance, begin
from statebox.asl.jsontext import Json
from statebox.asl.limits import Limits
from statebox.asl.moment import Moment
from statebox.asl.states.results import family_of

# 2026-01-01T00:00:00Z: when a run begins that is not told otherwise.
BEGAN_MS: Final = 1_767_225_600_000
# Those of AWS.
AWS_LIMITS: Final = Limits()


class Walk:
    """One execution, advanced by events: its present value, its history, and the states it has entered."""

    def __init__(self, machine: StateMachine, execution: Execution, limits: Limits = AWS_LIMITS) -> None:
        self.machine = machine
        self.execution = begin(execution, machine)
        self.history: list[HistoryEvent] = []
        self._limits = limits
        self._drawn = 0

    def tell(self, event: AnyEvent, now_ms: int) -> Step:
        """Let one event happen, as far as one advance goes; tell Continued while the execution is `unfinished`."""
        self._drawn += 1
        entropy = f"{self.execution.uid} {self.execution.name} {self._drawn:016}".encode()
        step = advance(self.machine, self.execution, event, Moment(now_ms, entropy), self._limits)
        self.execution = step.execution
        self.history.extend(step.history)
        return step


def new_execution(
    input: Json,
    *,
    machine: str = "machine",
    name: str = "execution",
    arn: str | None = None,
    machine_arn: str | None = None,
    role_arn: str = "arn:aws:iam::000000000000:role/statebox",
    started_ms: int = BEGAN_MS,
    seed: bool = False,
) -> Execution:
    """An execution to drive; its names and times are what the context object shows."""
    place = "arn:aws:states:us-east-1:000000000000"
    return Execution(
        id=f"{machine}:{name}",
        uid="0" * 32,
        machine=machine,
        name=name,
        arn=arn or f"{place}:execution:{machine}:{name}",
        machine_arn=machine_arn or f"{place}:stateMachine:{machine}",
        role_arn=role_arn,
        shard=0,
        input=input,
        started_ms=started_ms,
        seed=seed,
    )


def child_of(parent: Execution, command: StartChild, now_ms: int) -> Execution:
    """The execution of one item of a distributed Map, not begun yet, named as Step Functions names it."""
    place, family = family_of(command.map_run)
    return msgspec.structs.replace(
        parent,
        id=f"{family}:{command.name}",
        uid=command.name.replace("-", ""),
        machine=family,
        name=command.name,
        arn=f"{place}:execution:{family}:{command.name}",
        machine_arn=f"{place}:stateMachine:{family}",
        input=command.input,
        started_ms=now_ms,
        now_ms=now_ms,
        status=Status.RUNNING,
        deadline_ms=None,
        next_event=1,
        branches={},
        variables_bytes=0,
        response=msgspec.UNSET,
        unfinished=False,
        whole=True,
        seed=False,
        scope=command.scope,
        parent=parent.id,
        parent_task=command.id,
        map_run=command.map_run,
        redrives=0,
        redriven_ms=None,
        items=command.items,
    )

"""The world: what happens to an execution, chosen by a seed, so that the same seed tells the same story again.

Of all that the execution waits for one thing happens at a time: a call is answered, fails, is handed over or beats, a
continuation is answered or beats, a deadline passes. Some things are never done by anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Final

import msgspec

from statebox.asl.commands import AwaitCallback, InvokeTask, StartChild, StartTimer
from statebox.asl.definition import StateMachine
from statebox.asl.events import (
    AnyEvent,
    CallbackAnswered,
    Continued,
    ExecutionStarted,
    ExecutionStopped,
    TaskFailed,
    TaskHeartbeat,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)
from statebox.asl.execution import Execution, OnChild
from statebox.asl.history import HistoryEvent
from statebox.asl.interpreter import Step, advance, begin
from statebox.asl.jsontext import Json
from statebox.asl.limits import Limits
from statebox.asl.moment import Moment
from statebox.asl.walk import new_execution
from tests.asl.properties.machines import ERRORS, INPUT

# Little enough that what loops ends soon, and that data which grow meet the limit.
SMALL: Final = Limits(transitions=500, payload_bytes=6_000, events=250)
MOST_EVENTS: Final = 120
_OUTPUTS: Final[tuple[Json, ...]] = ({}, {"n": 2}, [1], "text", None, {"perhaps": {"k": [1.5]}})


def new(machine: StateMachine, *, seed: bool = False) -> Execution:
    """An execution that is about to start."""
    return begin(msgspec.structs.replace(new_execution(INPUT, seed=seed), shard=7), machine)


def place(branch: str) -> list[int]:
    """What branches are ordered by."""
    return [int(step) for step in branch.split(".")] if branch else []


class World:
    """What happens next, and when."""

    def __init__(self, seed: int, execution: Execution) -> None:
        self._seed = seed
        self._chance = Random(seed)
        self.now_ms = execution.started_ms
        self.events = 0

    def moment(self, nth: int) -> Moment:
        """The moment of the nth advance that the present event takes."""
        return Moment(self.now_ms, f"{self._seed} {self.events:8} {nth:16}".encode())

    def first(self) -> AnyEvent:
        """The beginning."""
        return ExecutionStarted()

    def next(self, execution: Execution) -> AnyEvent | None:
        """Something that can happen to it now; None when nothing ever will."""
        self.events += 1
        if execution.ended or self.events > MOST_EVENTS:
            return None
        if self._chance.random() < 0.01:
            return ExecutionStopped("Stopped", None)
        likely = [one for command in execution.outstanding() for one in self._of(command)]
        # What was started runs elsewhere, and tells its end.
        for branch in execution.branches.values():
            if isinstance(branch.waiting, OnChild) and branch.waiting.handed_over:
                id = f"{branch.id}:{branch.waiting.event}"
                likely += [(0, TaskSucceeded(id, self._output(id))), (0, TaskFailed(id, "Boom", "why"))]
        if not likely:
            return None
        # The order in which branches stand in memory is nobody's business.
        likely.sort(key=lambda one: (place(_branch_of(one[1])), one[0], repr(one[1])))
        at_ms, event = self._chance.choice(likely)
        self.now_ms = max(self.now_ms + self._chance.choice((0, 0, 1, 400)), at_ms)
        return event

    def _of(self, command: InvokeTask | StartChild | AwaitCallback | StartTimer) -> Iterator[tuple[int, AnyEvent]]:
        match command:
            case StartTimer(branch, fires_at_ms):
                yield fires_at_ms, TimerFired(branch)
            case _ if Random(f"{self._seed} {command.id} {type(command)}").random() < 0.1:
                return  # nobody ever does it
            case InvokeTask(id, resource, reference=reference, token=token):
                yield 0, TaskFailed(id, self._error(id), "why")
                if reference is None and not resource.startswith("arn:aws:lambda:"):
                    yield 0, TaskSubmitted(id, f"reference-{id}", {"submitted": True})
                if token is None:
                    yield 0, TaskSucceeded(id, self._output(id), reference)
                yield 0, TaskHeartbeat(id)
            case AwaitCallback(id, token):
                yield 0, TaskSucceeded(id, self._output(id), token=token)
                yield 0, TaskFailed(id, self._error(id), token=token)
                yield 0, CallbackAnswered(id)
                yield 0, TaskHeartbeat(id)
            case StartChild(id):
                yield 0, TaskSubmitted(id, "child", None)
                yield 0, TaskFailed(id, "Boom", "could not be started")

    def _error(self, id: str) -> str | None:
        return Random(f"{self._seed} {id} error").choice((*ERRORS, None))

    def _output(self, id: str) -> Json:
        return Random(f"{self._seed} {id} output").choice(_OUTPUTS)


def answered_by(execution: Execution, event: AnyEvent) -> frozenset[str]:
    """The continuations that an event answers: those of its task."""
    task = getattr(event, "task", None)
    found = {one.token for one in execution.outstanding() if isinstance(one, AwaitCallback) and one.id == task}
    match event:
        case CallbackAnswered():
            return frozenset(found)
        case TaskSucceeded(token=token) | TaskFailed(token=token) if token is not None:
            return frozenset(found & {token})
        case _:
            return frozenset()


def fold(
    machine: StateMachine, execution: Execution, event: AnyEvent, moment: Callable[[int], Moment], limits: Limits
) -> Step:
    """One event and what is gone on with after it, as one step. Raises BranchesNeeded."""
    step = advance(machine, execution, event, moment(0), limits)
    nth = 0
    while step.execution.unfinished:
        nth += 1
        step = step.then(advance(machine, step.execution, Continued(), moment(nth), limits))
    return step


def play(machine: StateMachine, seed: int, limits: Limits = SMALL) -> tuple[Execution, list[HistoryEvent]]:
    """A whole run in memory."""
    execution, history = new(machine), list[HistoryEvent]()
    world = World(seed, execution)
    event: AnyEvent | None = world.first()
    while event is not None:
        step = fold(machine, execution, event, world.moment, limits)
        execution = step.execution
        history += step.history
        event = world.next(execution)
    return execution, history


def _branch_of(event: AnyEvent) -> str:
    if isinstance(event, TimerFired):
        return event.branch
    task: str = getattr(event, "task", "")
    return task.rpartition(":")[0]

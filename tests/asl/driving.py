"""A driver for tests of the language that go step by step; whole runs are for statebox.asl.driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from statebox.asl.commands import AwaitCallback, InvokeTask, StartTimer
from statebox.asl.definition import read
from statebox.asl.events import AnyEvent, Continued, ExecutionStarted, TaskFailed, TaskSucceeded, TimerFired
from statebox.asl.execution import Execution
from statebox.asl.history import HistoryEvent, describe
from statebox.asl.interpreter import Step
from statebox.asl.jsontext import Json
from statebox.asl.limits import Limits
from statebox.asl.walk import AWS_LIMITS, Walk, new_execution

NOON = 1_795_435_200_000

# What a task answers: a value, or a failure (error, cause).
Work = Callable[[InvokeTask], Json]


class Refusal(Exception):
    """Raised by a Work to fail the task."""


def states(start_at: str, **states: Mapping[str, Json]) -> Json:
    """A definition of these states."""
    return {"StartAt": start_at, "States": states}


class Driver:
    """One execution in virtual time."""

    def __init__(
        self, definition: Json, input: Json = None, *, seed: bool = False, limits: Limits = AWS_LIMITS
    ) -> None:
        self.machine = read(definition)
        self.now_ms = NOON
        self.steps: list[Step] = []
        blank = new_execution({} if input is None else input, machine="test", name="one", started_ms=NOON, seed=seed)
        self._walk = Walk(self.machine, msgspec.structs.replace(blank, shard=7), limits)
        self.tell(ExecutionStarted())

    @property
    def execution(self) -> Execution:
        """Its present value."""
        return self._walk.execution

    @execution.setter
    def execution(self, execution: Execution) -> None:
        self._walk.execution = execution

    @property
    def history(self) -> list[HistoryEvent]:
        """All events so far."""
        return self._walk.history

    def tell(self, event: AnyEvent) -> Step:
        """Let one event happen now, and go on past the bound of transitions."""
        step = self._advance(event)
        while self.execution.unfinished:
            step = step.then(self._advance(Continued()))
        return step

    def _advance(self, event: AnyEvent) -> Step:
        step = self._walk.tell(event, self.now_ms)
        self.steps.append(step)
        return step

    def run(self, work: Work) -> Execution:
        """Do every task with `work` and jump from timer to timer until nothing is left to be done."""
        while not self.execution.ended:
            tasks = self.tasks()
            if tasks:
                self.tell(_worked(tasks[0], work))
            elif not self.jump():
                break
        return self.execution

    def jump(self) -> bool:
        """Jump to the next timer and let it fire; false when there is none."""
        timers = self.timers()
        if not timers:
            return False
        first = min(timers, key=lambda timer: timer.fires_at_ms)
        self.now_ms = max(self.now_ms, first.fires_at_ms)
        self.tell(TimerFired(first.branch))
        return True

    def tasks(self) -> Sequence[InvokeTask]:
        """The calls that are wanted."""
        return [command for command in self.execution.outstanding() if isinstance(command, InvokeTask)]

    def timers(self) -> Sequence[StartTimer]:
        """The timers that are wanted."""
        return [command for command in self.execution.outstanding() if isinstance(command, StartTimer)]

    def callbacks(self) -> Sequence[AwaitCallback]:
        """The answers that are waited for."""
        return [command for command in self.execution.outstanding() if isinstance(command, AwaitCallback)]

    @property
    def types(self) -> list[str]:
        """The types of all history events so far."""
        return [event.type for event in self.history]

    @property
    def chain(self) -> list[tuple[int, int, str]]:
        """(id, previous id, type) of all history events so far."""
        return [(event.id, event.previous, event.type) for event in self.history]

    def described(self) -> list[Json]:
        """All history events as AWS shows them."""
        return [describe(event) for event in self.history]


def _worked(task: InvokeTask, work: Work) -> AnyEvent:
    try:
        return TaskSucceeded(task.id, work(task))
    except Refusal as refusal:
        return TaskFailed(task.id, *refusal.args)


def replace(execution: Execution, **changes: Json) -> Execution:
    """The same execution with other fields."""
    return msgspec.structs.replace(execution, **changes)

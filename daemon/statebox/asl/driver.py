"""The driver: a whole run of a machine in process, in virtual time.

The core is advanced as a daemon would advance it, but nothing waits: the clock jumps to whatever comes next, an answer
or a deadline, so that days take milliseconds. Tasks and continuations are answered by the caller's functions.
The items of a distributed Map run as executions of their own, on the same clock. The same arguments give the same run,
to the byte.

    outcome = drive(parse(text), new_execution({"n": 1}), tasks=lambda asked: Succeeds(asked.arguments))
    assert outcome.status == "SUCCEEDED" and outcome.path == ["Ask", "Decide"]
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from statebox.asl.answers import Answer, Answering, Asked, Fails, Resumes, Succeeds, nobody, silence
from statebox.asl.commands import AwaitCallback, InvokeTask, StartChild, StartTimer
from statebox.asl.definition import StateMachine
from statebox.asl.events import (
    ActivityTaken,
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
from statebox.asl.execution import Execution, Status
from statebox.asl.history import TYPES, HistoryEvent, describe
from statebox.asl.interpreter import Step
from statebox.asl.jsontext import Json
from statebox.asl.limits import Limits
from statebox.asl.states.resource import Pattern, read_resource
from statebox.asl.walk import AWS_LIMITS, Walk, child_of

# As many as there can be events in the history of one execution.
MOST_TRANSITIONS: Final = 25_000
# The last millisecond of the year 9999, behind which there are no timestamps.
_LAST_MS: Final = 253_402_300_799_999
_ENTERED: Final = frozenset(code for code, type in enumerate(TYPES) if type.endswith("StateEntered"))


class TooManyTransitions(RuntimeError):
    """The run entered more states, saw more events, or took more time than it may: it would perhaps never end."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    `status` is RUNNING when nothing more would ever happen: `waiting` has the paths of what it waits for. `path`
    has the names of all states in the order in which they were entered, those of a distributed Map's items among them.
    """

    execution: Execution
    events: Sequence[HistoryEvent]
    path: Sequence[str]
    elapsed_ms: int
    waiting: Sequence[str]

    @property
    def status(self) -> Status:
        """How it ended."""
        return self.execution.status

    @property
    def output(self) -> Json:
        """The output; None unless it succeeded."""
        return self.execution.output

    @property
    def error(self) -> str | None:
        """The error's name."""
        return self.execution.error

    @property
    def cause(self) -> str | None:
        """The error's cause."""
        return self.execution.cause

    @property
    def history(self) -> list[dict[str, Json]]:
        """The history as GetExecutionHistory shows it; that of a distributed Map's items is not in it."""
        return [describe(event) for event in self.events]


def drive(
    machine: StateMachine,
    execution: Execution,
    *,
    tasks: Answering = nobody,
    callbacks: Answering = silence,
    stop: tuple[int, ExecutionStopped] | None = None,
    limits: Limits = AWS_LIMITS,
    max_transitions: int = MOST_TRANSITIONS,
) -> Outcome:
    """Run an execution of a machine to its end, or until nothing more can happen.

    `tasks` is asked once for every call; for a `.waitForTaskToken` it answers for the call alone, and `callbacks` for
    the continuation. `stop` stops the execution so many milliseconds after its start.
    Raises what `tasks` and `callbacks` raise (Unanswered without them), and TooManyTransitions.
    """
    return _Driver(machine, execution, tasks, callbacks, limits, max_transitions).run(stop)


@dataclass(eq=False)
class _Run:
    """An execution among those that are driven. `wanted` has what each branch waits for, `timers` its next deadline."""

    walk: Walk
    prefix: str = ""
    parent: tuple[_Run, str] | None = None
    wanted: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    timers: dict[str, int] = field(default_factory=dict[str, int])
    children: dict[str, _Run] = field(default_factory=dict[str, "_Run"])
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class _Due:
    """Something that will happen, unless what it is for is over by then (`key` is no longer wanted)."""

    run: _Run
    event: AnyEvent
    branch: str
    key: str | None = None

    def stale(self, at_ms: int) -> bool:
        if self.run.dropped:
            return True
        if isinstance(self.event, TimerFired):
            return self.run.timers.get(self.branch) != at_ms
        return self.key is not None and self.key not in self.run.wanted.get(self.branch, ())


class _Driver:
    def __init__(
        self,
        machine: StateMachine,
        execution: Execution,
        tasks: Answering,
        callbacks: Answering,
        limits: Limits,
        max_transitions: int,
    ) -> None:
        self._machine = machine
        self._limits = limits
        self._tasks = tasks
        self._callbacks = callbacks
        self._most = self._left = max_transitions
        self._now_ms = execution.started_ms
        self._planned = 0
        self._agenda: list[tuple[int, int, int, _Due]] = []
        self._path: list[str] = []
        self._asked = Counter[tuple[str, str]]()
        self._root = _Run(Walk(machine, execution, limits))

    def run(self, stop: tuple[int, ExecutionStopped] | None) -> Outcome:
        root = self._root
        if stop is not None:
            self._plan(self._now_ms + stop[0], _Due(root, stop[1], ""))
        self._tell(root, ExecutionStarted())
        while self._agenda and not root.walk.execution.ended:
            at_ms, _, _, due = heapq.heappop(self._agenda)
            if not due.stale(at_ms):
                if at_ms > _LAST_MS:
                    raise TooManyTransitions("it goes on beyond the year 9999")
                self._now_ms = max(self._now_ms, at_ms)
                self._tell(due.run, due.event)
        execution = root.walk.execution
        return Outcome(
            execution=execution,
            events=root.walk.history,
            path=self._path,
            elapsed_ms=self._now_ms - execution.started_ms,
            waiting=sorted(self._waiting(root)),
        )

    def _tell(self, run: _Run, event: AnyEvent) -> None:
        """Let an event happen to an execution, and see what it wants then."""
        step = self._advance(run, event)
        while run.walk.execution.unfinished:
            step = step.then(self._advance(run, Continued()))
        for branch in step.removed:
            self._forget(run, branch, frozenset())
        if isinstance(event, ExecutionStarted) and run.walk.execution.deadline_ms is not None:
            self._set_timer(run, "", run.walk.execution.deadline_ms)
        # In the order of the branches, so that the same run always asks in the same order.
        for branch in sorted(step.changed, key=_place):
            self._look_after(run, branch)
        if run.walk.execution.ended and run.parent is not None and not run.dropped:
            self._hand_up(run, *run.parent)

    def _advance(self, run: _Run, event: AnyEvent) -> Step:
        step = run.walk.tell(event, self._now_ms)
        # An event's values begin with the state's name.
        entered = [event.values[0] for event in step.history if event.code in _ENTERED]
        self._path += entered
        self._left -= 1 + len(entered)
        if self._left < 0:
            raise TooManyTransitions(
                f"more than {self._most} transitions; the last states were {', '.join(self._path[-5:])}"
            )
        return step

    def _look_after(self, run: _Run, branch: str) -> None:
        """Ask for what a branch wants now and has not wanted before, and set its timer."""
        before = run.wanted.get(branch, frozenset())
        commands = list(run.walk.execution.outstanding_of(branch))
        timers = [command.fires_at_ms for command in commands if isinstance(command, StartTimer)]
        wanted = {f"{type(one).__name__} {one.id}": one for one in commands if not isinstance(one, StartTimer)}
        self._forget(run, branch, frozenset(wanted))
        for key, command in wanted.items():
            if key not in before:
                self._begin(run, branch, key, command)
        if timers:
            self._set_timer(run, branch, timers[0])

    def _forget(self, run: _Run, branch: str, kept: frozenset[str]) -> None:
        for key in run.wanted.pop(branch, frozenset()) - kept:
            child = run.children.pop(key, None)
            if child is not None:
                child.dropped = True
        run.timers.pop(branch, None)
        if kept:
            run.wanted[branch] = kept

    def _begin(self, run: _Run, branch: str, key: str, command: InvokeTask | StartChild | AwaitCallback) -> None:
        match command:
            case InvokeTask():
                answer = self._tasks(self._question(run, branch, "call", command))
                self._schedule(run, branch, key, answer, command)
            case AwaitCallback() if self._is_answered_as_call(run, branch):
                pass
            case AwaitCallback():
                answer = self._callbacks(self._question(run, branch, "callback", command))
                self._schedule(run, branch, key, answer, command)
            case StartChild():
                child = _Run(Walk(self._machine, child_of(run.walk.execution, command, self._now_ms), self._limits))
                child.prefix = run.prefix + run.walk.execution.path_of(branch)
                child.parent = (run, key)
                run.children[key] = child
                self._tell(child, ExecutionStarted())

    def _is_answered_as_call(self, run: _Run, branch: str) -> bool:
        """Whether what answers the continuation is the execution that the task's call starts."""
        resource = read_resource(getattr(run.walk.execution.branches[branch].waiting, "resource", ""))
        return resource is not None and resource.pattern is Pattern.SYNC

    def _is_activity(self, run: _Run, branch: str) -> bool:
        resource = read_resource(getattr(run.walk.execution.branches[branch].waiting, "resource", ""))
        return resource is not None and resource.family == "Activity"

    def _question(self, run: _Run, branch: str, kind: str, command: InvokeTask | AwaitCallback) -> Asked:
        execution = run.walk.execution
        found = execution.branches[branch]
        state = found.state or ""
        nth = self._asked[kind, state]
        self._asked[kind, state] += 1
        resource: str = getattr(found.waiting, "resource", "")
        arguments = found.data if found.arguments is msgspec.UNSET else found.arguments
        path = run.prefix + execution.path_of(branch)
        return Asked(state, path, nth, resource, arguments, command.token, self._now_ms, execution.arn)

    def _schedule(self, run: _Run, branch: str, key: str, answer: Answer, command: InvokeTask | AwaitCallback) -> None:
        called = isinstance(command, InvokeTask)
        resource = read_resource(command.resource) if called else None
        pattern = None if resource is None else resource.pattern
        at_ms = self._now_ms + answer.after_ms
        if answer.heartbeat_every_ms:
            beats = range(self._now_ms + answer.heartbeat_every_ms, at_ms, answer.heartbeat_every_ms)
            for beat_ms in beats[: self._left + 1]:
                self._plan(beat_ms, _Due(run, TaskHeartbeat(command.id), branch, key))
        token = None if called else command.token
        submitted: Json = None
        match answer:
            case Succeeds(output=output) if pattern is Pattern.CALLBACK:
                event = TaskSubmitted(command.id, f"{command.id}-submitted", output)
            case Succeeds(output=output, submitted=submitted):
                event = TaskSucceeded(command.id, output, token=token)
            case Fails(error=error, cause=cause, submitted=submitted):
                event = TaskFailed(command.id, error, cause, token=token)
            case Resumes():
                event = CallbackAnswered(command.id)
            case _:
                event = None
        if pattern is Pattern.SYNC and not (isinstance(answer, Fails) and submitted is None):
            response: Json = {} if submitted is None else submitted
            self._plan(
                self._now_ms, _Due(run, TaskSubmitted(command.id, f"{command.id}-submitted", response), branch, key)
            )
        if not called and event is not None and self._is_activity(run, branch):
            # Whoever answers has taken it.
            self._plan(self._now_ms, _Due(run, ActivityTaken(command.id), branch, key))
        if event is not None:
            # A call that waits for what it has started is over, once it has started it, for the daemon alone.
            ends_later = pattern is Pattern.SYNC
            self._plan(at_ms, _Due(run, event, branch, None if ends_later else key))

    def _hand_up(self, child: _Run, parent: _Run, key: str) -> None:
        """Tell a distributed Map how one of its items ended."""
        ended, id = child.walk.execution, key.partition(" ")[2]
        if ended.status is Status.SUCCEEDED:
            event = TaskSucceeded(id, ended.output)
        else:
            event = TaskFailed(id, ended.error, ended.cause)
        self._plan(self._now_ms, _Due(parent, event, id.rpartition(":")[0], key))

    def _set_timer(self, run: _Run, branch: str, at_ms: int) -> None:
        run.timers[branch] = at_ms
        self._plan(at_ms, _Due(run, TimerFired(branch), branch))

    def _plan(self, at_ms: int, due: _Due) -> None:
        # What was answered in time beats the deadline of the same millisecond.
        self._planned += 1
        heapq.heappush(self._agenda, (at_ms, isinstance(due.event, TimerFired), self._planned, due))

    def _waiting(self, run: _Run) -> list[str]:
        found = [run.prefix + run.walk.execution.path_of(branch) for branch in run.wanted]
        for child in run.children.values():
            found += self._waiting(child)
        return found


def _place(branch: str) -> tuple[int, ...]:
    return tuple(int(part) for part in branch.split("."))

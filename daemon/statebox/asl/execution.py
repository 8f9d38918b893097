"""The execution, a value: where each of its branches stands and what each waits for.

A branch is one line of control: the root "0", and below it "0.0", "0.1" … for the branches of a Parallel or the
iterations of a Map. Branches lie flat in one mapping, so that a checkpoint can write just those that changed and a
claim can read just those on the way to one answer. A branch that is not in the mapping is over, or was not loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum, StrEnum
from typing import Final, TypeAlias

import msgspec

from statebox.asl.commands import AwaitCallback, Command, InvokeTask, StartChild, StartTimer
from statebox.asl.jsontext import Json

ROOT = "0"
# How the Resources of tasks begin that end with the execution which they start.
NESTED: Final = "arn:aws:states:::states:startExecution.sync"


class _Elsewhere(Enum):
    """A single value, also on the other side of a process."""

    ELSEWHERE = "elsewhere"


# Stands for a large value that was not loaded: what a branch that only waits for others works on, or the input.
ELSEWHERE: Final = _Elsewhere.ELSEWHERE


class Status(StrEnum):
    """How an execution is doing, in the words of the Step Functions API."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"


class Waiting(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """What a branch waits for."""


class OnTask(Waiting, frozen=True):
    """A task is being worked on.

    `event` is the id of its scheduled event and with the branch its address. `timeout_ms` and `heartbeat_ms` are points
    in time, `heartbeat_seconds` the gap that each heartbeat grants anew. A `token` makes it a callback; `handed_over`
    says that nothing is left to be called for it.
    """

    event: int
    resource: str
    since_ms: int
    timeout_ms: int | None = None
    heartbeat_ms: int | None = None
    heartbeat_seconds: int | None = None
    token: str | None = None
    handed_over: bool = False
    reference: str | None = None

    @property
    def nested(self) -> bool:
        """Whether it is the end of an execution that answers it, and not people."""
        return self.resource.startswith(NESTED)

    @property
    def deadline_ms(self) -> int | None:
        """The first of its deadlines, or None when it may take for ever."""
        if self.timeout_ms is None or self.heartbeat_ms is None:
            return self.heartbeat_ms if self.timeout_ms is None else self.timeout_ms
        return min(self.timeout_ms, self.heartbeat_ms)


class OnTimer(Waiting, frozen=True):
    """A Wait state lets time pass."""

    until_ms: int


class OnRetry(Waiting, frozen=True):
    """A failed state is tried again later."""

    until_ms: int


class OnChildren(Waiting, frozen=True):
    """A Parallel or Map has branches at work.

    `started` is the id of its …StateStarted event, `total` how many branches there are, `begun` how many were begun and
    `running` how many of those have not ended. `concurrency` bounds `running`. `latest` is the last event of any branch
    that ended (what the state's end points at). `map_run` is the ARN of a distributed Map's run; of its items `failed`
    have failed of `items` in all, and more than `bearable` fail it, which follows from `tolerated` (how many, and how
    many percent; None where that is not said). A run was redriven `redrives` times, last by the event `redriven`;
    `pending` of its children, from the branch `again` on, are still to be redriven.
    """

    started: int
    total: int
    begun: int = 0
    running: int = 0
    concurrency: int = 0
    latest: int = 0
    map_run: str = ""
    failed: int = 0
    bearable: int = 0
    redrives: int = 0
    redriven: int = 0
    pending: int = 0
    again: int = 0
    items: int = 0
    tolerated: tuple[float | None, float | None] = (None, None)


class OnChild(Waiting, frozen=True):
    """An item of a distributed Map is worked on by an execution of its own.

    `event` is the id of the map run's MapStateStarted or, where the child is redriven, of its MapRunRedriven; with the
    branch it is the address. `handed_over` says that the child was started: nothing is left to be done but to wait for
    its end. `redrives` is not 0 where a child that ended without success is to go on. `items` are how many it works on.
    """

    event: int
    name: str
    map_run: str
    handed_over: bool = False
    redrives: int = 0
    items: int = 1


class ChildEnded(Waiting, frozen=True):
    """The execution of an item of a distributed Map has ended; one that failed has no output.

    `name` is that of the execution, and the times are its parent's: when it was wanted and when its end was heard of.
    """

    name: str
    started_ms: int
    stopped_ms: int
    failed: bool = False
    error: str | None = None
    cause: str | None = None


class OnTurn(Waiting, frozen=True):
    """The branch is ready to enter its state, but the bound of transitions per advance was reached."""


AnyWaiting: TypeAlias = OnTask | OnTimer | OnRetry | OnChildren | OnChild | ChildEnded | OnTurn


class Branch(msgspec.Struct, frozen=True):
    """One line of control.

    `scope` names the States object it walks through (see StateMachine.scopes), `state` the state it is in, None once
    it has ended. `data` is the raw input of that state, and the branch's output once it has ended. `entered` and `last`
    are event ids: that of …StateEntered, and the one the next event points back to. `retried` counts the retries of
    this visit per retrier. `arguments` and `items` are what a waiting task was given and what a Map iterates over, when
    that is not `data` itself. All three are with `data` when that is ELSEWHERE.
    """

    id: str
    scope: str
    state: str | None
    data: Json
    entered_ms: int = 0
    entered: int = 0
    last: int = 0
    retried: tuple[int, ...] = ()
    waiting: AnyWaiting | None = None
    index: int | None = None
    variables: Mapping[str, Json] = {}
    arguments: Json | msgspec.UnsetType = msgspec.UNSET
    items: Json | msgspec.UnsetType = msgspec.UNSET

    @property
    def parent(self) -> str | None:
        """The branch that waits for this one."""
        return self.id.rpartition(".")[0] or None

    @property
    def deadline_ms(self) -> int | None:
        """When its timer is to fire, None when it has none."""
        match self.waiting:
            case OnTask() as task:
                return task.deadline_ms
            case OnTimer(until_ms) | OnRetry(until_ms):
                return until_ms
            case _:
                return None

    @property
    def wants_call(self) -> bool:
        """Whether something is to be called for it (or polled, or started), so that it cannot be parked."""
        waiting = self.waiting
        return isinstance(waiting, OnTask | OnChild) and not waiting.handed_over

    def outstanding(self, path: str, uid: str) -> Iterator[Command]:
        """What this branch wants from the world. `path` tells people where it stands, `uid` is the execution's."""
        match self.waiting:
            case OnTask() as task:
                id = f"{self.id}:{task.event}"
                if not task.handed_over:
                    arguments = self.data if self.arguments is msgspec.UNSET else self.arguments
                    yield InvokeTask(id, task.resource, arguments, f"{uid}-{task.event}", task.reference, task.token)
                if task.token is not None:
                    yield AwaitCallback(id, task.token, path, task.since_ms, task.deadline_ms)
                deadline_ms = task.deadline_ms
                if deadline_ms is not None:
                    yield StartTimer(self.id, deadline_ms)
            case OnChild(event, name, map_run, False, redrives, items):
                yield StartChild(f"{self.id}:{event}", name, self.scope, self.data, map_run, redrives, items)
            case OnTimer(until_ms) | OnRetry(until_ms):
                yield StartTimer(self.id, until_ms)
            case _:
                return


class Execution(msgspec.Struct, frozen=True):
    """One run of a machine, as a value.

    `id` is `<machine>:<name>`; `uid` 32 hex digits that are never given twice; `arn`, `role_arn` and `machine_arn`
    stand in the context object. `shard` is where it lives (continuations carry it in their last 12 bits). `next_event`
    is the id the next history event gets; `now_ms` the time of the last advance (times never go backwards). `seed` says
    that it was started through the seed's contract, `response` what `module:sendResponse` answered there. `whole` is
    false when only some of its branches are loaded; `input` and a branch's `data` may be ELSEWHERE then. `unfinished`
    says that the last advance stopped at its bound.
    `variables_bytes` is what the variables of all its branches take.
    A child of a distributed Map walks only the `scope` of its items, and answers the task `parent_task` of the
    execution `parent` when it ends; `map_run` is the ARN that it belongs to, of whose items it works on so many. A
    nested execution answers a continuation, `answers`, when it ends. One that was started by a version of its machine
    names it, and the alias that gave it.
    Where it ended without success its branches stand as they stood then, so that it can be redriven; it was `redrives`
    times, last at `redriven_ms`.
    """

    id: str
    uid: str
    machine: str
    name: str
    arn: str
    machine_arn: str
    role_arn: str
    shard: int
    input: Json
    started_ms: int
    status: Status = Status.RUNNING
    deadline_ms: int | None = None
    next_event: int = 1
    now_ms: int = 0
    branches: Mapping[str, Branch] = {}
    output: Json = None
    error: str | None = None
    cause: str | None = None
    stopped_ms: int | None = None
    seed: bool = False
    response: Json | msgspec.UnsetType = msgspec.UNSET
    unfinished: bool = False
    variables_bytes: int = 0
    whole: bool = True
    scope: str = ""
    parent: str | None = None
    parent_task: str | None = None
    map_run: str | None = None
    answers: str | None = None
    redrives: int = 0
    redriven_ms: int | None = None
    items: int = 1
    version: int | None = None
    alias: str | None = None

    @property
    def version_arn(self) -> str | None:
        """The ARN of the version that it was started by."""
        return None if self.version is None else f"{self.machine_arn}:{self.version}"

    @property
    def alias_arn(self) -> str | None:
        """The ARN of the alias that it was started by."""
        return None if self.alias is None else f"{self.machine_arn}:{self.alias}"

    def outstanding(self) -> Iterator[Command]:
        """Everything the execution waits for, in the order of its branches; nothing once it has ended."""
        if self.status is not Status.RUNNING:
            return
        if self.deadline_ms is not None:
            yield StartTimer("", self.deadline_ms)
        for id in self.branches:
            yield from self.outstanding_of(id)

    def outstanding_of(self, branch: str) -> Iterator[Command]:
        """What one branch waits for."""
        found = self.branches.get(branch)
        if found is not None and found.waiting is not None:
            yield from found.outstanding(self.path_of(branch), self.uid)

    def path_of(self, branch: str) -> str:
        """Where a branch stands, for people: `Approve`, or `Review[1]/Approve` inside a Parallel or Map."""
        found = self.branches[branch]
        state = found.state or ""
        parent = found.parent
        if parent is None or parent not in self.branches:
            return state
        return f"{self.path_of(parent)}[{found.index}]/{state}"

    @property
    def idle(self) -> bool:
        """Whether nothing but callbacks, timers and children is outstanding: it can be parked."""
        return not self.unfinished and (self.ended or not any(b.wants_call for b in self.branches.values()))

    @property
    def at_rest(self) -> bool:
        """Whether it is idle, and does not just wait for executions that it has started."""
        if not self.idle or self.ended:
            return self.idle
        waiting = [b.waiting for b in self.branches.values() if isinstance(b.waiting, OnTask)]
        return not any(task.nested for task in waiting) or any(task.token and not task.nested for task in waiting)

    @property
    def ended(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.status is not Status.RUNNING

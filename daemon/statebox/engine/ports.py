"""The ports: what the engine needs from a store, from invokers and from a clock, with the shapes that cross over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec

from statebox.asl.commands import AwaitCallback, InvokeTask
from statebox.asl.events import AnyEvent, TaskFailed, TaskSubmitted, TaskSucceeded
from statebox.asl.execution import Branch, Execution, Status
from statebox.asl.history import HistoryEvent
from statebox.asl.jsontext import Json
from statebox.engine.letters import Letter
from statebox.engine.queues import Queues
from statebox.engine.statepaths import StatePath


class Lease(msgspec.Struct, frozen=True):
    """The right to write an execution: a fresh random token per claim, and the number of the last checkpoint.

    `until` is in seconds of the daemon's own CLOCK_BOOTTIME, counted from before the request was sent.
    """

    id: str
    shard: int
    token: str
    sequence: int
    until: float


class Definition(msgspec.Struct, frozen=True):
    """A definition as stored: its content hash (sha256, hex) and its JSON text."""

    hash: str
    text: str


class Checkpoint(msgspec.Struct, frozen=True):
    """All that one step changes, to be written at once.

    `changed` are the branches to write, `reloaded` those of them whose data, arguments or items changed as well,
    `removed` the branches that are over. `consumed` inbox entries are dropped. `opened` are continuations to write (or
    to give a new deadline), `closed` those that end unanswered. `deadlines` has the next deadline of each changed
    branch but the root. `stopped` are children on the same shard that nobody waits for any more. `letters` go into the
    outbox of the shard. `release` gives the lease back: the execution has ended, or is parked until the first of the
    branches' deadlines and `due_ms`, that of the root and of the execution itself (None: until somebody answers).
    """

    execution: Execution
    changed: frozenset[str] = frozenset()
    reloaded: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    history: tuple[HistoryEvent, ...] = ()
    consumed: int = 0
    opened: tuple[AwaitCallback, ...] = ()
    closed: tuple[str, ...] = ()
    deadlines: Mapping[str, int | None] = {}
    stopped: tuple[str, ...] = ()
    letters: tuple[Letter, ...] = ()
    map_runs: Mapping[str, Mapping[str, Json]] = {}
    release: bool = False
    due_ms: int | None = None


class Claimed(msgspec.Struct, frozen=True):
    """An execution that this daemon owns now, with the definition it is pinned to and its undelivered events."""

    lease: Lease
    execution: Execution
    definition: str
    inbox: tuple[AnyEvent, ...] = ()


class Started(msgspec.Struct, frozen=True):
    """The outcome of a start: `existing` when an execution of that name was there before (idempotent).

    `lease` is None then, and when the first step gave it back (parked or ended). `unwanted`: it was not started, as it
    is a map run's child that its parent does not wait for any more. `answered` are the continuations that the step
    opened and that had been answered early: what they are answered with is in the inbox, and nobody need be asked.
    """

    started_ms: int
    lease: Lease | None
    existing: bool = False
    unwanted: bool = False
    answered: frozenset[str] = frozenset()


class MapRun(msgspec.Struct, frozen=True):
    """A map run as last written.

    `branch` and `event` (its MapStateStarted) say where in its execution it belongs, `uid` is the execution's. Of
    `total` children, working on `items` items, `begun` have begun; of those that ended without success `pending`, from
    the one `again` on, are still to be redriven. `executions` and `worked_on` count children and their items by status.
    """

    arn: str
    execution: str
    status: str
    branch: str
    event: int
    uid: str
    started_ms: int
    stopped_ms: int | None = None
    total: int = 0
    items: int = 0
    begun: int = 0
    concurrency: int = 0
    tolerated_count: int | None = None
    tolerated_percentage: float | None = None
    redrives: int = 0
    redriven_ms: int | None = None
    pending: int = 0
    again: int = 0
    written: int = 0
    executions: Mapping[Status, int] = {}
    worked_on: Mapping[Status, int] = {}


class Ended(msgspec.Struct, frozen=True):
    """An execution as last written, with its definition, and what a redrive of it is checked against.

    `sequence` is the number of its last checkpoint, `released` says with which lease that was, `operation` is the one
    that redrove it last (empty: none).
    """

    execution: Execution
    definition: str
    sequence: int
    released: str
    operation: str


class Saved(msgspec.Struct, frozen=True):
    """The outcome of a checkpoint: the lease goes on (None: it was given back), `waiting` entries are in the inbox.

    `answered` as in Started.
    """

    lease: Lease | None
    waiting: int = 0
    answered: frozenset[str] = frozenset()


class Renewed(msgspec.Struct, frozen=True):
    """The outcome of a renewal: leases that go on, ids that were lost, ids that have something in their inbox."""

    leases: tuple[Lease, ...]
    lost: frozenset[str]
    waiting: frozenset[str]


class Claims(msgspec.Struct, frozen=True):
    """The outcome of a claim: what is owned now, and when the shard wants to be looked at again (None: never).

    `stops_left` children of map runs are still to be stopped: by the next claim, also by one of nothing.
    """

    claimed: tuple[Claimed, ...]
    next_due_ms: int | None
    set_aside: tuple[str, ...] = ()
    stops_left: int = 0


class Answer(msgspec.Struct, frozen=True):
    """What somebody answers to a continuation. `operation` makes a repeated request get its first reply."""

    token: str
    event: Callable[[str], AnyEvent]
    operation: str
    channel: str


class StateAnswer(msgspec.Struct, frozen=True):
    """What somebody answers to a state of an execution, by its path; the event is made of task and continuation."""

    execution: str
    path: StatePath
    event: Callable[[str, str], AnyEvent]
    operation: str
    channel: str


class Kept(msgspec.Struct, frozen=True):
    """An answer came before its state was entered, and is kept until then."""

    since_ms: int


class Continuation(msgspec.Struct, frozen=True):
    """What is known about a continuation.

    `status` is one of waiting, answered, expired, closed (the execution went on or ended without it).
    """

    token: str
    execution: str
    task: str
    state: str
    since_ms: int
    deadline_ms: int | None
    status: str
    answered_ms: int | None = None
    channel: str | None = None


class StateStanding(msgspec.Struct, frozen=True):
    """What is known about a state that is asked for by its path.

    `status` is that of its last `continuation`, where one is known; else one of kept (an answer, since `answered_ms` by
    `channel`), unanswered (it does not wait now, and nothing is kept), over (its execution has ended).
    """

    execution: str
    state: str
    status: str
    continuation: Continuation | None = None
    answered_ms: int | None = None
    channel: str | None = None


class Summary(msgspec.Struct, frozen=True):
    """One line about an execution, as listings show it."""

    id: str
    machine: str
    name: str
    status: Status
    started_ms: int
    stopped_ms: int | None
    set_aside: bool = False
    redrives: int = 0
    redriven_ms: int | None = None
    pending_redrive: bool = False
    items: int | None = None
    version: int | None = None
    alias: str | None = None


class Counts(msgspec.Struct, frozen=True):
    """How much there is: for health and metrics."""

    running: int
    suspended: int
    oldest_suspended_ms: int | None
    set_aside: int


class Purged(msgspec.Struct, frozen=True):
    """How many executions were forgotten, and where to go on (None: that was all)."""

    executions: int
    next: tuple[int, str] | None


class Resume(msgspec.Struct, frozen=True):
    """Somebody published a message on the resume channel: a continuation, or JSON with one and its answer."""

    message: bytes


class LookNow(msgspec.Struct, frozen=True):
    """Something may be due in the shard (None: in any, as whoever says so was deaf until now)."""

    shard: int | None


class InboxFilled(msgspec.Struct, frozen=True):
    """Something was delivered to the execution."""

    id: str


class Parked(msgspec.Struct, frozen=True):
    """The execution was parked or has ended."""

    id: str


class TaskQueued(msgspec.Struct, frozen=True):
    """A task was put into the queue of this activity."""

    activity: str


Hint: TypeAlias = Resume | LookNow | InboxFilled | Parked | TaskQueued


class Store(Protocol):
    """The durable store. Each method that changes something is one atomic change of state.

    All raise ServiceUnavailable when the store cannot be reached in bounded time.
    """

    @property
    def activities(self) -> Queues:
        """The activities, and their queues."""
        ...

    async def start(self, definition: Definition, checkpoint: Checkpoint, operation: str) -> Started:
        """Create the execution and write its first step. Raises ExecutionAlreadyExists."""
        ...

    async def ended(self, id: str) -> Ended:
        """The whole execution as last written, and what it can be redriven with. Raises ExecutionDoesNotExist."""
        ...

    async def redrive(self, ended: Ended, checkpoint: Checkpoint, operation: str) -> Started | None:
        """Write the first step of a redrive; None when the execution is not any more as it was read.

        Raises ExecutionDoesNotExist.
        """
        ...

    async def map_run(self, arn: str) -> MapRun:
        """A map run as last written. Raises ResourceNotFound."""
        ...

    async def map_runs(self, id: str, first: int, limit: int) -> Sequence[MapRun]:
        """Up to `limit` map runs of an execution, in the order of their starts, from the place `first` on.

        Raises ExecutionDoesNotExist.
        """
        ...

    async def children(self, run: MapRun, first: int, limit: int) -> Sequence[Summary | None]:
        """Up to `limit` children of a map run by their places, `first` and those before it; None where none is."""
        ...

    async def update_map_run(
        self, run: MapRun, changes: Mapping[str, Json], event: AnyEvent, take: bool = True
    ) -> Claimed | None:
        """Change how a map run goes on; returns its execution claimed, where nobody held it.

        Raises ResourceNotFound, ValidationException when it has ended.
        """
        ...

    async def claim(self, shard: int, limit: int) -> Claims:
        """Take over what is due."""
        ...

    async def claim_one(self, id: str) -> Claimed | None:
        """Take over one execution if nobody holds it and it has something in its inbox; else None."""
        ...

    async def renew(self, leases: Collection[Lease]) -> Renewed:
        """Prolong the leases."""
        ...

    async def checkpoint(self, lease: Lease, checkpoint: Checkpoint) -> Saved:
        """Write a step. Raises LeaseLost, AnswerCameFirst."""
        ...

    async def release(self, leases: Collection[Lease]) -> None:
        """Give leases back without a step: the executions are due at once."""
        ...

    async def reclaim(self) -> int:
        """Make due at once what a daemon of this name held before it died. Returns how many."""
        ...

    async def inbox(self, id: str, limit: int | None = None) -> tuple[AnyEvent, ...]:
        """What was delivered and has not been consumed, oldest first, at most `limit` of it."""
        ...

    async def next_deadline(self, id: str) -> int | None:
        """The first deadline (ms) of any branch but the root, None where there is none."""
        ...

    async def branches(self, id: str, parent: str) -> Mapping[str, Branch]:
        """All branches below `parent`, to complete an execution that was loaded in part."""
        ...

    async def ways(self, id: str, branches: Collection[str]) -> Mapping[str, Branch]:
        """These branches, as far as they are there, and those above them; the data of the latter are left ELSEWHERE."""
        ...

    async def data(self, id: str, branch: str) -> tuple[Json, Branch | None]:
        """The execution's input, and one branch with its data, where they had been left ELSEWHERE."""
        ...

    async def answer(self, answer: Answer, take: bool = True) -> Claimed | str:
        """Take a continuation. Returns the claimed execution when nobody held it, else the id of the one that was told.

        Without `take` the execution is left to others, as this daemon has no room for it.
        Raises InvalidToken, TaskTimedOut, TaskAlreadyAnswered, TaskDoesNotExist.
        """
        ...

    async def answer_state(self, answer: StateAnswer, take: bool = True) -> Claimed | str | Kept:
        """Answer what waits in a state, as `answer`; or keep the answer until the state is entered.

        Raises TaskAlreadyAnswered, TaskDoesNotExist, TaskTimedOut, IdempotencyKeyReused, TooManyRequests.
        """
        ...

    async def state(self, id: str, path: StatePath) -> StateStanding:
        """What is known about an answer to a state. Raises ExecutionDoesNotExist when nothing is."""
        ...

    async def heartbeat(self, token: str, operation: str, take: bool = True) -> Claimed | str:
        """Tell that the work on a continuation goes on; as `answer`, without taking it."""
        ...

    async def take_task(
        self, token: str, worker: str | None, operation: str, take: bool = True
    ) -> Claimed | str | None:
        """Take an activity's task for a worker, once; None when nobody gets it any more. Otherwise as `answer`."""
        ...

    async def stop(
        self, id: str, error: str | None, cause: str | None, operation: str, take: bool = True
    ) -> Claimed | int | None:
        """Mark the execution as closing and deliver the stop.

        Returns it claimed when nobody held it, when it had ended already (ms), or None when its owner was told.
        Raises ExecutionDoesNotExist.
        """
        ...

    async def letters(self, shard: int, limit: int) -> Sequence[Letter]:
        """Letters of the shard's outbox that should have arrived; nobody else gets them for as long as a lease."""
        ...

    async def arrived(self, shard: int, letter: Letter) -> None:
        """Take a letter out of the shard's outbox."""
        ...

    async def retry(self, id: str) -> None:
        """Make an execution that was set aside due again. Raises ExecutionDoesNotExist when it is not set aside."""
        ...

    async def describe(self, id: str) -> Execution:
        """The whole execution as last written. Raises ExecutionDoesNotExist."""
        ...

    async def definition_of(self, id: str) -> str:
        """The text of the definition it is pinned to. Raises ExecutionDoesNotExist."""
        ...

    async def history(self, id: str, after: int, limit: int, reverse: bool) -> Sequence[HistoryEvent]:
        """Up to `limit` events with ids above `after` (below it when reversed; 0: from the end)."""
        ...

    async def list(
        self,
        machine: str | None,
        status: Status | None,
        limit: int,
        before: tuple[int, str] | None,
        *,
        redriven: bool | None = None,
    ) -> Sequence[Summary]:
        """Executions, newest first, that started before the given (ms, id); that were `redriven`, or were not."""
        ...

    async def continuation(self, token: str) -> Continuation:
        """What is known about a continuation. Raises InvalidToken."""
        ...

    async def continuations(self, id: str) -> Sequence[Continuation]:
        """The open continuations of an execution, in the order of their branches."""
        ...

    async def set_aside(self) -> Sequence[Summary]:
        """Executions that were set aside."""
        ...

    async def counts(self) -> Counts:
        """How much there is."""
        ...

    async def sweep(self) -> int:
        """Forget what is past its retention. Returns how many executions were forgotten."""
        ...

    async def purge(
        self,
        machine: str | None,
        status: Status | None,
        ended_before_ms: int,
        limit: int,
        before: tuple[int, str] | None,
        only_count: bool,
    ) -> Purged:
        """Look at up to `limit` executions, newest first, that started before (ms, id); forget those that ended.

        Those of a machine include its map runs'. One that runs is never forgotten, nor a child of a map run that does.
        """
        ...


Permit: TypeAlias = Callable[[], Awaitable[None]]


class Invoker(Protocol):
    """Calls one kind of resource."""

    async def invoke(
        self, task: InvokeTask, permit: Permit | None = None
    ) -> TaskSucceeded | TaskFailed | TaskSubmitted:
        """Do the task and return how it ended.

        `permit` is awaited right before each request that makes something happen: it raises LeaseLost when the
        execution has gone on elsewhere meanwhile.

        Polls when `task.reference` is set. A call that turns out to go on elsewhere returns TaskSubmitted with its
        reference; it is called again with that reference once it has been written. Never raises for what goes wrong
        with the call: that is a TaskFailed.
        """
        ...


class Clock(Protocol):
    """The daemon's view of time."""

    def now_ms(self) -> int:
        """Redis time, in milliseconds since the epoch."""
        ...

    def boottime(self) -> float:
        """Seconds of CLOCK_BOOTTIME: goes on while the machine or the process is frozen."""
        ...

"""The ports: what the engine needs from a store, from invokers and from a clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeAlias

from statebox.asl.commands import InvokeTask
from statebox.asl.events import AnyEvent, TaskFailed, TaskSubmitted, TaskSucceeded
from statebox.asl.execution import Branch, Execution, Status
from statebox.asl.history import HistoryEvent
from statebox.asl.jsontext import Json
from statebox.engine.letters import Letter
from statebox.engine.ownership import Checkpoint, Claimed, Claims, Definition, Ended, Lease, Renewed, Saved, Started
from statebox.engine.queues import Queues
from statebox.engine.records import (
    Answer,
    Continuation,
    Counts,
    Kept,
    MapRun,
    Purged,
    StateAnswer,
    StateStanding,
    Summary,
)
from statebox.engine.statepaths import StatePath


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

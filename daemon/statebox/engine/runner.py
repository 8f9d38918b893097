"""The runner: one execution in memory. It advances, checkpoints, and reconciles what is in flight with the wanted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Iterator, Mapping
from typing import Final, Protocol, TypeVar

import msgspec

from statebox.asl.branches import changed
from statebox.asl.commands import AwaitCallback, InvokeTask, StartChild, StartTimer
from statebox.asl.errors import RUNTIME
from statebox.asl.events import (
    AnyEvent,
    CallbackAnswered,
    Continued,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
    place_of,
)
from statebox.asl.execution import ELSEWHERE, ROOT, Branch, Execution, OnChild
from statebox.asl.interpreter import Step
from statebox.asl.lines import BranchesNeeded, DataNeeded
from statebox.engine.advancing import Advancing, Program
from statebox.engine.errors import AnswerCameFirst, LeaseLost, ServiceUnavailable, Unreadable
from statebox.engine.names import child_id
from statebox.engine.ports import Checkpoint, Clock, Invoker, Lease, Saved, Store

_log = logging.getLogger(__name__)

# How long to wait before a checkpoint is tried again while the store is away.
_STORE_PAUSE_SECONDS: Final = 0.5

_T = TypeVar("_T")
# Of what has happened, no more is taken into one step: others have their turn, and no script gets too large.
_MOST_EVENTS: Final = 500
# How many children are being started at the same time.
_MOST_STARTING: Final = 100
# What a branch may want to have done.
Call = InvokeTask | StartChild
Spawn = Callable[[Coroutine[None, None, None]], "asyncio.Task[None]"]


class Surroundings(msgspec.Struct, frozen=True):
    """What every runner of a daemon shares. `spawn` starts a task that is owned, `advancing` applies events."""

    store: Store
    invoker: Invoker
    clock: Clock
    spawn: Spawn
    advancing: Advancing


def checkpoint_of(
    step: Step, before: Execution | None = None, consumed: int = 0, parked: bool | None = None
) -> Checkpoint:
    """What to write for a step from the value before (None: the first step).

    It gives the lease back when nothing is left to be done in memory.
    """
    execution = step.execution
    if parked is None:
        parked = execution.idle
    release = parked or execution.ended
    return Checkpoint(
        execution=execution,
        changed=step.changed,
        reloaded=step.reloaded,
        removed=step.removed,
        history=step.history,
        consumed=consumed,
        opened=step.opened,
        closed=step.closed,
        deadlines={id: _deadline(execution, id) for id in step.changed if id != ROOT},
        stopped=() if before is None else tuple(_stopped(step, before)),
        release=release,
        due_ms=_due(execution) if release else None,
    )


def _stopped(step: Step, before: Execution) -> Iterator[str]:
    """The children that were waited for before the step and are not after it, but for those that told their end."""
    for id in step.removed | step.changed:
        old, new = before.branches.get(id), step.execution.branches.get(id)
        if old is None or not isinstance(old.waiting, OnChild):
            continue
        if new is None or (isinstance(new.waiting, OnChild) and new.waiting.name != old.waiting.name):
            yield child_id(old.waiting)


def _is_answer(event: AnyEvent) -> bool:
    match event:
        case CallbackAnswered():
            return True
        case TaskSucceeded(token=token) | TaskFailed(token=token):
            return token is not None
        case _:
            return False


def _same_call(one: Call, other: Call) -> bool:
    return one.id == other.id and getattr(one, "reference", None) == getattr(other, "reference", None)


def _deadline(execution: Execution, branch: str) -> int | None:
    return min((c.fires_at_ms for c in execution.outstanding_of(branch) if isinstance(c, StartTimer)), default=None)


def _due(execution: Execution) -> int | None:
    """The first deadline of the execution itself and of its root; the store knows those of the other branches."""
    deadlines = (execution.deadline_ms, _deadline(execution, ROOT))
    return None if execution.ended else min((ms for ms in deadlines if ms is not None), default=None)


class Children(Protocol):
    """Starts the executions of a distributed Map's items, under the parent's definition."""

    async def start(self, parent: Execution, command: StartChild) -> TaskSubmitted | TaskFailed:
        """Start one, once however often this is called. Raises ServiceUnavailable."""
        ...


class Runner:
    """One execution that this daemon owns. `drive` runs until it is parked, ended, lost or given back."""

    def __init__(
        self,
        around: Surroundings,
        program: Program,
        children: Children,
        lease: Lease,
        execution: Execution,
        events: Iterable[AnyEvent] = (),
        inbox: int = 0,
    ) -> None:
        self.lease = lease
        self.execution: Execution = execution
        self._around = around
        self._program = program
        self._children = children
        self._pending: list[AnyEvent] = list(events)
        # How many of the pending events, at their head, came out of the inbox.
        self._from_inbox = inbox
        self._look_into_inbox = False
        # Nothing is in flight yet for what the value wants.
        self._fresh = True
        self._turn = asyncio.Event()
        self._calls: dict[str, tuple[Call, asyncio.Task[None]]] = {}
        self._timers: dict[str, tuple[int, asyncio.TimerHandle]] = {}
        self._over = False
        self._winding_down = False
        # Whether the lease is ours to give back.
        self._holds_lease = True
        # Looks after the deadlines of branches that were not loaded.
        self._others: asyncio.TimerHandle | None = None
        self._load_all = False
        # The last step would have closed a continuation that was answered.
        self._answers_first = False
        self._starting = asyncio.Semaphore(_MOST_STARTING)

    def post(self, event: AnyEvent) -> None:
        """Let something happen to the execution."""
        self._pending.append(event)
        self._turn.set()

    def look_into_inbox(self) -> None:
        """Something was delivered to the execution: fetch it."""
        self._look_into_inbox = True
        self._turn.set()

    def readopt(self, lease: Lease) -> bool:
        """Go on under a new lease of our own, when nobody has written under another since; false when somebody has.

        After Redis was away for longer than a lease, this daemon may claim what it holds already.
        """
        if self._over or lease.sequence != self.lease.sequence:
            return False
        self.lease = lease
        self.look_into_inbox()
        return True

    def lose(self) -> None:
        """Another daemon owns the execution: stop at once, write nothing."""
        self._holds_lease = False
        self.halt()

    def halt(self) -> None:
        """Stop at once, with the lease still held."""
        self._over = True
        self._turn.set()

    def wind_down(self) -> None:
        """Finish the calls in flight, begin none, and stop with the lease still held."""
        self._winding_down = True
        self._turn.set()

    @property
    def held(self) -> Lease | None:
        """The lease that is still to be given back; None when it was given back or lost."""
        return self.lease if self._holds_lease else None

    @property
    def in_flight(self) -> int:
        """How many calls are being made."""
        return len(self._calls)

    async def drive(self) -> None:
        """Run the execution for as long as this daemon owns it."""
        try:
            self._turn.set()
            while not self._over:
                await self._turn.wait()
                self._turn.clear()
                if not self._over:
                    await self._take_turn()
                if self._winding_down and not self._calls and not self._pending:
                    self._over = True
        except LeaseLost:
            self._holds_lease = False
            _log.info("the execution went on elsewhere", extra={"execution": self.execution.id})
        finally:
            self._over = True
            self._drop()

    async def _take_turn(self) -> None:
        """Advance by all that has happened, write it, and act on it."""
        if self._look_into_inbox:
            await self._fetch_inbox()
        if self._load_all:
            self._load_all = False
            await self._load_below(ROOT)
            self._pending.extend(self._due_timers())
            self._reconcile(self.execution.branches.keys())
        if self._fresh:
            self._pending.extend(self._due_timers())
        events, inbox = self._take_pending()
        if not events and not self._fresh:
            return
        step = await self._advance(events)
        touched = self.execution.branches.keys() if self._fresh else step.changed | step.removed
        busy = self._busy(step, touched)
        if step.execution is not self.execution or inbox or not busy:
            try:
                saved = await self._checkpoint(checkpoint_of(step, self.execution, inbox, parked=not busy))
            except AnswerCameFirst:
                # Nothing was written: do it again from the value before, the answers first.
                if self._answers_first:
                    raise RuntimeError("a continuation was answered, and the answer is not in the inbox") from None
                self._pending = events[inbox:] + self._pending[self._from_inbox :]
                self._from_inbox = 0
                self._answers_first = True
                self.look_into_inbox()
                return
            if saved.lease is None:
                self.execution = step.execution
                self._holds_lease = False
                self._over = True
                return
            self.lease = msgspec.structs.replace(saved.lease, until=max(saved.lease.until, self.lease.until))
            if saved.waiting > self._from_inbox:
                self.look_into_inbox()
        self._answers_first = False
        self._fresh = False
        self.execution = step.execution
        self._reconcile({*touched, *step.changed, *step.removed})
        if self.execution.unfinished and not self._winding_down:
            self.post(Continued())
        await self._look_after_others()
        if self._pending:
            self._turn.set()

    def _take_pending(self) -> tuple[list[AnyEvent], int]:
        """The events of this turn, and how many of them, at their head, came out of the inbox."""
        most = len(self._pending) if self._answers_first else _MOST_EVENTS
        events, self._pending = self._pending[:most], self._pending[most:]
        inbox = min(self._from_inbox, len(events))
        self._from_inbox -= inbox
        return events, inbox

    async def _look_after_others(self) -> None:
        """In memory nobody else looks at it: be there when a branch that was not loaded has its deadline."""
        if self.execution.whole or self._others is not None:
            return
        deadline_ms = await self._patiently(lambda: self._around.store.next_deadline(self.execution.id))
        if deadline_ms is not None:
            delay = max(0, deadline_ms - self._around.clock.now_ms() + 1) / 1000
            self._others = asyncio.get_running_loop().call_later(delay, self._load_others)

    def _load_others(self) -> None:
        self._others = None
        self._load_all = True
        self._turn.set()

    async def _fetch_inbox(self) -> None:
        self._look_into_inbox = False
        limit = None if self._answers_first else _MOST_EVENTS
        delivered = list(await self._patiently(lambda: self._around.store.inbox(self.execution.id, limit)))
        if self._answers_first:
            # An answer that was accepted beats what would close its continuation, also what was delivered before it.
            delivered.sort(key=lambda event: not _is_answer(event))
        self._pending = [*delivered, *self._pending[self._from_inbox :]]
        self._from_inbox = len(delivered)

    async def _advance(self, events: list[AnyEvent]) -> Step:
        await self._load_ways(events)
        while True:
            try:
                return await self._around.advancing(self._program, self.execution, events)
            except DataNeeded as needed:
                await self._load_data(needed.branch)
            except BranchesNeeded as needed:
                await self._load_below(needed.parent)

    async def _load_ways(self, events: Iterable[AnyEvent]) -> None:
        """Load those branches that something happens to, when only some are loaded."""
        if self.execution.whole:
            return
        missing = {place for event in events if (place := place_of(event)) is not None}
        missing -= self.execution.branches.keys()
        if missing:
            loaded = await self._patiently(lambda: self._around.store.ways(self.execution.id, missing))
            self._add({id: branch for id, branch in loaded.items() if id not in self.execution.branches})

    async def _load_data(self, id: str) -> None:
        input, branch = await self._patiently(lambda: self._around.store.data(self.execution.id, id))
        self.execution = msgspec.structs.replace(self.execution, input=input)
        if branch is not None:
            self._add({id: branch})

    def _add(self, loaded: Mapping[str, Branch]) -> None:
        self.execution = msgspec.structs.replace(self.execution, branches=changed(self.execution.branches, loaded, ()))

    async def _load_below(self, parent: str) -> None:
        loaded = await self._patiently(lambda: self._around.store.branches(self.execution.id, parent))
        known = {id: branch for id, branch in self.execution.branches.items() if branch.data is not ELSEWHERE}
        left = [id for id in self.execution.branches if id not in loaded and id not in known]
        self.execution = msgspec.structs.replace(
            self.execution,
            branches={**{id: self.execution.branches[id] for id in left}, **loaded, **known},
            whole=self.execution.whole or parent == ROOT,
        )
        for id in left or ([ROOT] if self.execution.input is ELSEWHERE else []):
            await self._load_data(id)

    def _due_timers(self) -> list[AnyEvent]:
        now_ms = self._around.clock.now_ms()
        timers = [command for command in self.execution.outstanding() if isinstance(command, StartTimer)]
        return [TimerFired(timer.branch) for timer in timers if timer.fires_at_ms <= now_ms]

    def _busy(self, step: Step, touched: Collection[str]) -> bool:
        """Whether something must be done in memory after the step."""
        execution = step.execution
        if execution.ended:
            return False
        if execution.unfinished or len(self._pending) > self._from_inbox:
            return True
        if any(branch not in touched for branch in self._calls):
            return True
        looked_at = {*touched, *step.changed}
        return any(isinstance(c, InvokeTask | StartChild) for id in looked_at for c in execution.outstanding_of(id))

    async def _checkpoint(self, checkpoint: Checkpoint) -> Saved:
        while True:
            lease = self.lease
            try:
                return await self._patiently(lambda: self._around.store.checkpoint(self.lease, checkpoint))
            except LeaseLost:
                if self.lease.token == lease.token:
                    raise

    async def _patiently(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """Do it again until the store is there; the lease stands until somebody else claims."""
        while True:
            try:
                return await call()
            except Unreadable:
                raise
            except ServiceUnavailable:
                _log.warning("waiting for Redis", extra={"execution": self.execution.id})
                await asyncio.sleep(_STORE_PAUSE_SECONDS)
                if self._over:
                    raise LeaseLost from None

    def _reconcile(self, branches: Iterable[str]) -> None:
        """Make what is in flight for these branches what they want now."""
        for branch in branches:
            wanted: Call | None = None
            fires_at_ms: int | None = None
            for command in self.execution.outstanding_of(branch):
                match command:
                    case InvokeTask() | StartChild():
                        wanted = command
                    case StartTimer():
                        fires_at_ms = command.fires_at_ms
                    case AwaitCallback():
                        pass
            self._call(branch, wanted)
            self._set_timer(branch, fires_at_ms)
        self._set_timer("", self.execution.deadline_ms)

    def _call(self, branch: str, wanted: Call | None) -> None:
        current = self._calls.get(branch)
        if current is not None:
            if wanted is not None and _same_call(current[0], wanted):
                return
            self._calls.pop(branch)[1].cancel()
        if wanted is not None and not self._winding_down:
            self._calls[branch] = (wanted, self._around.spawn(self._invoke(branch, wanted)))

    async def _invoke(self, branch: str, task: Call) -> None:
        """One effect. A lease that has run out by our own clock makes the call somebody else's business."""
        try:
            if isinstance(task, StartChild):
                async with self._starting:
                    await self._permit()
                    event = await self._patiently(lambda: self._children.start(self.execution, task))
            else:
                await self._permit()
                event = await self._around.invoker.invoke(task, self._permit)
        except LeaseLost:
            self.lose()
            return
        except Exception as error:  # noqa: BLE001 - a fault of the invoker's fails its task, not the execution's runner
            _log.exception("an invoker broke", extra={"execution": self.execution.id})
            event = TaskFailed(task.id, RUNTIME, f"An invoker broke: {error!r}")
        if branch in self._calls and self._calls[branch][0] is task:
            del self._calls[branch]
        self.post(event)

    async def _permit(self) -> None:
        """Raise LeaseLost unless the lease is ours, by our own clock or after asking."""
        if self._over:
            raise LeaseLost
        if self._around.clock.boottime() >= self.lease.until:
            renewed = await self._patiently(lambda: self._around.store.renew([self.lease]))
            for lease in renewed.leases:
                self.prolong(lease)
            if renewed.lost:
                raise LeaseLost

    def prolong(self, lease: Lease) -> None:
        """The lease was renewed; a checkpoint may have moved its sequence on meanwhile."""
        if lease.token == self.lease.token:
            self.lease = msgspec.structs.replace(self.lease, until=max(lease.until, self.lease.until))

    def _set_timer(self, branch: str, fires_at_ms: int | None) -> None:
        current = self._timers.get(branch)
        if current is not None:
            if current[0] == fires_at_ms:
                return
            self._timers.pop(branch)[1].cancel()
        if fires_at_ms is not None:
            delay = max(0, fires_at_ms - self._around.clock.now_ms()) / 1000
            handle = asyncio.get_running_loop().call_later(delay, self._fire, branch, fires_at_ms)
            self._timers[branch] = (fires_at_ms, handle)

    def _fire(self, branch: str, fires_at_ms: int) -> None:
        self._timers.pop(branch, None)
        if self._around.clock.now_ms() < fires_at_ms:
            self._set_timer(branch, fires_at_ms)
        else:
            self.post(TimerFired(branch))

    def _drop(self) -> None:
        for _, call in self._calls.values():
            call.cancel()
        for _, handle in self._timers.values():
            handle.cancel()
        if self._others is not None:
            self._others.cancel()
        self._calls.clear()
        self._timers.clear()

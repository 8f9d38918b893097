"""In flight: the calls and timers of one execution, made to be what its value wants."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable
from typing import Final, Protocol, TypeAlias

from statebox.asl.commands import AwaitCallback, InvokeTask, StartChild, StartTimer
from statebox.asl.errors import RUNTIME
from statebox.asl.events import AnyEvent, TaskFailed, TaskSubmitted, TaskSucceeded, TimerFired
from statebox.asl.execution import Execution
from statebox.engine.errors import LeaseLost
from statebox.engine.holding import Holding
from statebox.engine.surroundings import Surroundings

_log = logging.getLogger(__name__)

# How many children are being started at the same time.
_MOST_STARTING: Final = 100
# What a branch may want to have done.
Call: TypeAlias = InvokeTask | StartChild


class Children(Protocol):
    """Starts the executions of a distributed Map's items, under the parent's definition."""

    async def start(self, parent: Execution, command: StartChild) -> TaskSubmitted | TaskFailed | TaskSucceeded:
        """Start or redrive one, once however often this is called. Raises ServiceUnavailable."""
        ...


class Home(Protocol):
    """The execution whose calls and timers these are."""

    execution: Execution

    def post(self, event: AnyEvent) -> None:
        """Let something happen to it."""
        ...

    def lose(self) -> None:
        """It turned out that another daemon owns it."""
        ...


class InFlight:
    """The calls being made and the timers that run. Every call is a task that `spawn` owns."""

    def __init__(self, around: Surroundings, holding: Holding, children: Children, home: Home) -> None:
        self._around = around
        self._holding = holding
        self._children = children
        self._home = home
        self._calls: dict[str, tuple[Call, asyncio.Task[None]]] = {}
        self._timers: dict[str, tuple[int, asyncio.TimerHandle]] = {}
        # Made when it is needed, as few executions start children.
        self._starting: asyncio.Semaphore | None = None
        # Continuations whose answers came before their questions.
        self._answered: set[str] = set()

    @property
    def calls(self) -> Collection[str]:
        """The branches that calls are being made for."""
        return self._calls.keys()

    def spare(self, answered: Iterable[str]) -> None:
        """Make no calls that hand over these continuations: they are answered, so nobody need be asked."""
        self._answered.update(answered)

    def reconcile(self, branches: Iterable[str], winding_down: bool) -> None:
        """Make what is in flight for these branches what they want now; on the way out no call is begun."""
        execution = self._home.execution
        for branch in branches:
            found = execution.branches.get(branch)
            wanted = self._wanted(execution, branch) if found is not None and found.wants_call else None
            self._call(branch, wanted, winding_down)
            self._set_timer(branch, None if found is None else found.deadline_ms)
        self._set_timer("", execution.deadline_ms)

    def _wanted(self, execution: Execution, branch: str) -> Call | None:
        for command in execution.outstanding_of(branch):
            match command:
                case InvokeTask(token=token) if token in self._answered:
                    pass
                case InvokeTask() | StartChild():
                    return command
                case StartTimer() | AwaitCallback():
                    pass
        return None

    def drop(self) -> None:
        """Cancel everything."""
        for _, call in self._calls.values():
            call.cancel()
        for _, handle in self._timers.values():
            handle.cancel()
        self._calls.clear()
        self._timers.clear()

    def _call(self, branch: str, wanted: Call | None, winding_down: bool) -> None:
        current = self._calls.get(branch)
        if current is not None:
            if wanted is not None and _same_call(current[0], wanted):
                return
            self._calls.pop(branch)[1].cancel()
        if wanted is not None and not winding_down:
            self._calls[branch] = (wanted, self._around.spawn(self._invoke(branch, wanted)))

    async def _invoke(self, branch: str, task: Call) -> None:
        """One effect. A lease that has run out by our own clock makes the call somebody else's business."""
        holding = self._holding
        try:
            if isinstance(task, StartChild):
                if self._starting is None:
                    self._starting = asyncio.Semaphore(_MOST_STARTING)
                async with self._starting:
                    await holding.permit()
                    event = await holding.patiently(lambda: self._children.start(self._home.execution, task))
            else:
                await holding.permit()
                event = await self._around.invoker.invoke(task, holding.permit)
        except LeaseLost:
            self._home.lose()
            return
        except Exception as error:  # noqa: BLE001 - a fault of the invoker's fails its task, not the execution's runner
            _log.exception("an invoker broke", extra={"execution": holding.lease.id})
            event = TaskFailed(task.id, RUNTIME, f"An invoker broke: {error!r}")
        if branch in self._calls and self._calls[branch][0] is task:
            del self._calls[branch]
        self._home.post(event)

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
            self._home.post(TimerFired(branch))


def _same_call(one: Call, other: Call) -> bool:
    return one.id == other.id and getattr(one, "reference", None) == getattr(other, "reference", None)

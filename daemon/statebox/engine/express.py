"""Express executions: worked on in memory alone, with one record of each in the store once it has ended."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Final

import msgspec

from statebox.asl.commands import StartChild
from statebox.asl.errors import RUNTIME
from statebox.asl.events import AnyEvent, Continued, ExecutionStarted, ExecutionStopped, TaskFailed
from statebox.asl.execution import Execution
from statebox.asl.history import HistoryEvent
from statebox.engine.advancing import Program
from statebox.engine.errors import ServiceUnavailable
from statebox.engine.holding import Holding
from statebox.engine.inflight import InFlight
from statebox.engine.ownership import Checkpoint, Lease
from statebox.engine.surroundings import Surroundings

_log = logging.getLogger(__name__)

# AWS's limit for an express execution.
_LONGEST_MS: Final = 300_000
# How often its record is tried to be written while the store is away, and how long it waits in between.
_TRIES: Final = 20
_PAUSE_SECONDS: Final = 0.5


class ExpressRun:
    """One express execution, from its start to its record."""

    def __init__(self, around: Surroundings, program: Program, execution: Execution) -> None:
        first_ms = execution.started_ms + _LONGEST_MS
        deadline_ms = first_ms if execution.deadline_ms is None else min(execution.deadline_ms, first_ms)
        self.execution = msgspec.structs.replace(execution, deadline_ms=deadline_ms)
        self._around = around
        self._program = program
        self._pending: list[AnyEvent] = [ExecutionStarted()]
        self._turn = asyncio.Event()
        self._turn.set()
        self._history: list[HistoryEvent] = []
        # Nobody else knows of it, so nobody can take it over.
        self._holding = Holding(around, Lease(execution.id, execution.shard, "", 0, math.inf))
        self._flight = InFlight(around, self._holding, _NoChildren(), self)

    def post(self, event: AnyEvent) -> None:
        """Let something happen to it."""
        self._pending.append(event)
        self._turn.set()

    def lose(self) -> None:
        """Nobody can take it away."""

    async def to_end(self) -> Execution:
        """Work on it until it has ended."""
        try:
            while not self.execution.ended:
                await self._turn.wait()
                self._turn.clear()
                events, self._pending = self._pending, []
                step = await self._around.advancing(self._program, self.execution, events)
                self.execution = step.execution
                self._history += step.history
                self._flight.reconcile(step.changed | step.removed, winding_down=False)
                if self.execution.unfinished:
                    self.post(Continued())
                    # Others have their turn.
                    await asyncio.sleep(0)
        finally:
            self._holding.over = True
            self._flight.drop()
        return self.execution

    async def record(self) -> None:
        """Write it down as it ended. What the store cannot take for some time is lost."""
        # Nobody can redrive it, so what it stood at is nothing to be kept.
        ended = msgspec.structs.replace(self.execution, branches={})
        checkpoint = Checkpoint(execution=ended, history=tuple(self._history), release=True)
        for _ in range(_TRIES):
            try:
                await self._around.store.start(self._program.definition, checkpoint, ended.uid)
            except ServiceUnavailable as away:
                _log.warning("an express execution cannot be recorded: %s", away.message, extra={"execution": ended.id})
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return


class ExpressRuns:
    """The express executions in this daemon's memory. Each is a task that `spawn` owns."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._runs: dict[ExpressRun, asyncio.Task[None]] = {}

    def start(self, program: Program, execution: Execution) -> asyncio.Future[Execution]:
        """Begin one; the future has its end, or what was wrong with this daemon."""
        run = ExpressRun(self._around, program, execution)
        end: asyncio.Future[Execution] = asyncio.get_running_loop().create_future()
        self._runs[run] = self._around.spawn(self._drive(run, end))
        return end

    def __len__(self) -> int:
        return len(self._runs)

    async def drain(self, seconds: float) -> None:
        """Give them so much time, then abort those that are left."""
        if self._runs:
            await asyncio.wait(list(self._runs.values()), timeout=seconds)
        for run in self._runs:
            run.post(ExecutionStopped(RUNTIME, "The daemon was stopped"))
        while self._runs:
            await asyncio.wait(list(self._runs.values()))

    async def _drive(self, run: ExpressRun, end: asyncio.Future[Execution]) -> None:
        try:
            ended = await run.to_end()
            if not end.done():
                end.set_result(ended)
            await run.record()
        except Exception as error:  # noqa: BLE001 - one execution's fault must not end the daemon
            _log.exception("an express execution could not be advanced", extra={"execution": run.execution.id})
            if not end.done():
                end.set_exception(error)
                # Where nobody waits for it, that is no fault of its own.
                end.exception()
        finally:
            del self._runs[run]


class _NoChildren:
    """Express executions have no distributed Maps, as at AWS."""

    async def start(self, parent: Execution, command: StartChild) -> TaskFailed:
        """Fail the item."""
        return TaskFailed(command.id, RUNTIME, "Express state machines do not support distributed Map states")

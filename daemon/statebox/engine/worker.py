"""Workers: killable processes for advances that may take long or need much memory."""

from __future__ import annotations

import asyncio
import logging
import mmap
import os
import pickle
import sys
from collections.abc import Callable, Sequence
from typing import Final, Self

import msgspec

from statebox.asl.data.jsonata.failures import MEMORY, TIME
from statebox.asl.errors import RUNTIME
from statebox.asl.events import EvaluationAborted
from statebox.asl.execution import Execution
from statebox.asl.inspection.setting import TrialRefused, Verdict, Wanted
from statebox.asl.interpreter import Step
from statebox.asl.jsontext import Json
from statebox.asl.limits import Limits
from statebox.asl.lines import BranchesNeeded
from statebox.engine.errors import InvalidDefinition
from statebox.engine.ownership import Definition
from statebox.engine.work import (
    LENGTH,
    PROGRESS,
    Answer,
    Check,
    Declined,
    Done,
    Faulty,
    Happened,
    Incomplete,
    Refused,
    Request,
    Tried,
    Try,
    Valid,
    Work,
    packed,
    with_unchanged,
)

_log = logging.getLogger(__name__)

# Before the first evaluation a process may have to start, and to parse a definition.
_START_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 0.1
# More evaluations of one advance than this are not cut off: each event's first one ends the step early.
_MOST_ABORTED: Final = 100
_UNREADABLE: Final = "Reading it takes too long or too much memory"


class WorkerLimits(msgspec.Struct, frozen=True):
    """How many `processes` there are at most, how long one evaluation may take, and how much memory each may have."""

    processes: int = 2
    seconds: float = 3.0
    memory_bytes: int = 512 << 20


class WorkerFailed(Exception):
    """A worker could not do its work, and no evaluation is to blame."""


class _Stuck(msgspec.Struct, frozen=True):
    """The evaluation of this number, of the event at this place, had to be cut off."""

    place: int
    evaluation: int
    reason: str


class Workers:
    """A pool of processes, each started when it is first needed. `tether` makes a command line end with this process.

    Use it on a thread that outlives it, best the main one.
    """

    def __init__(self, tether: Callable[[Sequence[str]], list[str]], limits: WorkerLimits | None = None) -> None:
        self._tether = tether
        self._limits = limits or WorkerLimits()
        self._room = asyncio.Semaphore(self._limits.processes)
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in tuple(self._all):
            await self._end(worker)

    @property
    def pids(self) -> list[int]:
        """The processes that there are now."""
        return [worker.pid for worker in self._all if not worker.ended]

    async def advance(
        self, definition: Definition, execution: Execution, events: Sequence[Happened], limits: Limits
    ) -> Step:
        """Apply events as `advance` does, where evaluations that hang or eat all memory fail their states.

        Raises BranchesNeeded as `advance` does, and WorkerFailed.
        """
        happened = list(events)
        for _ in range(_MOST_ABORTED):
            match await self._ask(Work(definition, execution, tuple(happened), limits)):
                case Done(step, unchanged):
                    return (
                        msgspec.structs.replace(step, execution=execution)
                        if unchanged
                        else with_unchanged(step, execution)
                    )
                case Incomplete(parent):
                    raise BranchesNeeded(parent)
                case Faulty(error):
                    raise WorkerFailed(error)
                case Valid() | Refused() | Tried() | Declined():
                    raise WorkerFailed("a worker answered something else")
                case _Stuck(place, evaluation, reason):
                    _log.warning("cut off: %s", reason, extra={"execution": execution.id})
                    event, moment = happened[place]
                    inner, known = (
                        (event.event, event.evaluations) if isinstance(event, EvaluationAborted) else (event, ())
                    )
                    happened[place] = (EvaluationAborted(inner, (*known, (evaluation, reason))), moment)
        raise WorkerFailed("too many evaluations of one step had to be cut off")

    async def check(self, definition: Definition) -> None:
        """Raise InvalidDefinition when the definition cannot be parsed, or not within the time or the memory."""
        match await self._ask(Check(definition)):
            case Valid():
                return
            case Refused(message, problems):
                raise InvalidDefinition(message, problems=problems)
            case Faulty(error):
                raise WorkerFailed(error)
            case _:
                problem: Json = {"code": "INVALID_JSON_DESCRIPTION", "message": _UNREADABLE, "location": None}
                raise InvalidDefinition(f"Invalid State Machine Definition: '{_UNREADABLE}'", problems=[problem])

    async def try_state(self, trial: Try) -> Verdict | Wanted:
        """Try a state alone as `attempt` does, where an evaluation that hangs or eats all memory fails it.

        Raises TrialRefused as `attempt` does, and WorkerFailed.
        """
        answer = await self._ask(trial)
        if isinstance(answer, _Stuck):
            _log.warning("cut off: %s", answer.reason)
            reason = answer.reason
            # Its Retry and Catch may know what to do; they are cut off as well where they hang.
            answer = await self._ask(msgspec.structs.replace(trial, aborted=reason))
            if isinstance(answer, _Stuck):
                return Verdict(status="FAILED", error=RUNTIME, cause=reason)
        match answer:
            case Tried(verdict):
                return verdict
            case Declined(code, message, problems):
                raise TrialRefused(code, message, problems)
            case Faulty(error):
                raise WorkerFailed(error)
            case _:
                raise WorkerFailed("a worker answered something else")

    async def _ask(self, work: Request) -> Answer | _Stuck:
        async with self._room:
            while self._idle and self._idle[-1].ended:
                # Somebody else killed it, the kernel perhaps.
                await self._end(self._idle[-1])
            worker = self._idle.pop() if self._idle else await self._begin()
            try:
                answer = await worker.ask(work, self._limits.seconds)
            except BaseException:
                # Also when whoever asked no longer wants to know: it would answer the next one with this.
                await self._end(worker)
                raise
            if isinstance(answer, _Stuck):
                await self._end(worker)
            else:
                self._idle.append(worker)
            return answer

    async def _begin(self) -> _Worker:
        worker = await _Worker.start(self._tether, self._limits.memory_bytes)
        self._all.add(worker)
        return worker

    async def _end(self, worker: _Worker) -> None:
        self._all.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        await worker.end()


class _Worker:
    """One process."""

    def __init__(self, process: asyncio.subprocess.Process, progress: mmap.mmap) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._input = process.stdin
        self._output = process.stdout
        self._progress = progress

    @classmethod
    async def start(cls, tether: Callable[[Sequence[str]], list[str]], memory_bytes: int) -> Self:
        memory = os.memfd_create("statebox-progress")
        try:
            os.ftruncate(memory, PROGRESS.size)
            progress = mmap.mmap(memory, PROGRESS.size)
            program = [sys.executable, "-P", "-m", "statebox.engine.worker_main", str(memory), str(memory_bytes)]
            process = await asyncio.create_subprocess_exec(
                *tether(program),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                pass_fds=[memory],
                # Ctrl-C is for the daemon, which ends its workers itself.
                start_new_session=True,
            )
        finally:
            os.close(memory)
        return cls(process, progress)

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, work: Request, seconds: float) -> Answer | _Stuck:
        """The answer; _Stuck when there will be none. Raises WorkerFailed when no evaluation was begun."""
        PROGRESS.pack_into(self._progress, 0, 0, 0)
        answering = asyncio.create_task(self._exchange(work))
        try:
            reason = await self._watch(answering, seconds)
            if reason is None:
                return await answering
        finally:
            answering.cancel()
        place, evaluation = PROGRESS.unpack_from(self._progress)
        if evaluation == 0:
            raise WorkerFailed("a worker process did not begin its work")
        return _Stuck(place, evaluation, reason)

    async def _watch(self, answering: asyncio.Task[Answer], seconds: float) -> str | None:
        """None when the answer is there, otherwise why there will be none."""
        loop = asyncio.get_running_loop()
        seen, since = (0, 0), loop.time()
        while not answering.done():
            await asyncio.wait([answering], timeout=_LOOK_SECONDS)
            progress = PROGRESS.unpack_from(self._progress)
            if progress != seen:
                seen, since = progress, loop.time()
            elif not answering.done() and loop.time() - since > (seconds if seen[1] else _START_SECONDS):
                return TIME
        return MEMORY if isinstance(answering.exception(), EOFError | ConnectionError) else None

    async def _exchange(self, work: Request) -> Answer:
        self._input.write(packed(work))
        await self._input.drain()
        header = await self._output.readexactly(LENGTH.size)
        body = await self._output.readexactly(LENGTH.unpack(header)[0])
        # What comes back is from our own child process.
        return pickle.loads(body)  # noqa: S301

    async def end(self) -> None:
        """Kill it."""
        if self._process.returncode is None:
            self._process.kill()
        self._input.close()
        await self._process.wait()
        self._progress.close()

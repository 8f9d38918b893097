"""Advancing: applies events in this process where that is quick, and in a worker where it may take long."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from statebox.asl.data.allowance import Allowance
from statebox.asl.data.jsonata.failures import OutOfSteps
from statebox.asl.definition import StateMachine
from statebox.asl.events import AnyEvent
from statebox.asl.execution import Execution
from statebox.asl.interpreter import Step, advance, joined
from statebox.asl.limits import Limits
from statebox.asl.moment import Moment
from statebox.engine.ports import Definition
from statebox.engine.worker import Workers


class Program(msgspec.Struct, frozen=True):
    """A definition as text and parsed."""

    definition: Definition
    machine: StateMachine


class Advancing:
    """`advance` for several events at once. `workers` None: whatever it takes is done here."""

    def __init__(self, limits: Limits, moment: Callable[[], Moment], workers: Workers | None) -> None:
        self._limits = limits
        self._moment = moment
        self._workers = workers

    async def __call__(self, program: Program, execution: Execution, events: Sequence[AnyEvent]) -> Step:
        """What the events make of the execution. Raises BranchesNeeded and WorkerFailed.

        It suspends only when a worker is needed.
        """
        moments = [self._moment() for _ in events]
        allowance = None if self._workers is None else Allowance()
        steps: list[Step] = []
        try:
            for event, moment in zip(events, moments, strict=True):
                before = steps[-1].execution if steps else execution
                steps.append(advance(program.machine, before, event, moment, self._limits, allowance=allowance))
        except OutOfSteps:
            assert self._workers is not None
            # As nothing was done with what is there by now, all of it is done again where it can be killed.
            happened = list(zip(events, moments, strict=True))
            return await self._workers.advance(program.definition, execution, happened, self._limits)
        return joined(steps) if steps else Step(execution)

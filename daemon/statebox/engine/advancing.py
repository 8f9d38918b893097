"""Advancing: applies events in this process where that is quick, and in a worker where it may take long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from statebox.asl.data.allowance import Allowance
from statebox.asl.data.jsonata.failures import OutOfSteps
from statebox.asl.definition import StateMachine
from statebox.asl.events import AnyEvent
from statebox.asl.execution import Execution
from statebox.asl.inspection.asking import Asked
from statebox.asl.inspection.attempt import attempt
from statebox.asl.inspection.setting import Verdict, Wanted
from statebox.asl.interpreter import Step, advance, joined
from statebox.asl.limits import Limits
from statebox.asl.moment import Moment
from statebox.engine.apimodels import api_models
from statebox.engine.ownership import Definition
from statebox.engine.work import Try
from statebox.engine.worker import Workers

# Reading expressions takes up to 20 µs for each character, …
_LONG: Final = 4_096
# … and each item of a Map that is tried, or of a mocked result, some as well.
_LARGE: Final = 16_384


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

    def now(self) -> Moment:
        """A moment with the time and with randomness of its own."""
        return self._moment()

    async def try_state(self, asked: Asked, place: str, moment: Moment, answer: AnyEvent | None) -> Verdict | Wanted:
        """Try a state alone. Raises TrialRefused and WorkerFailed; see inspection.attempt.

        It suspends only when a worker is needed.
        """
        if self._workers is None:
            return attempt(asked, api_models(), place, moment, answer, limits=self._limits)
        if len(asked.definition) <= _LONG and asked.characters <= _LARGE:
            try:
                return attempt(asked, api_models(), place, moment, answer, limits=self._limits, allowance=Allowance())
            except OutOfSteps:
                pass
        return await self._workers.try_state(Try(asked, place, moment, answer, self._limits))

"""Trials: one state tried alone, whose work is really done where no mock stands for it."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from statebox.asl.errors import TIMEOUT
from statebox.asl.events import AnyEvent, TaskFailed, TaskSubmitted
from statebox.asl.inspection.asking import Asked
from statebox.asl.inspection.setting import TrialRefused, Verdict, Wanted
from statebox.asl.jsontext import Json
from statebox.engine.errors import InvalidDefinition, InvalidExecutionInput, ServiceError, ValidationException
from statebox.engine.names import Place
from statebox.engine.surroundings import Surroundings

# As AWS gives a trial.
_LONGEST_SECONDS: Final = 300.0
_REFUSALS: Final[dict[str, type[ServiceError]]] = {
    "InvalidDefinition": InvalidDefinition,
    "InvalidExecutionInput": InvalidExecutionInput,
}


class Trials:
    """Tries states."""

    def __init__(self, around: Surroundings, place: Place) -> None:
        self._around = around
        self._place = f"{place.region}:{place.account}"

    async def test_state(self, asked: Asked) -> Verdict:
        """Try a state. Nothing of it is kept, and what its task does is done.

        Raises InvalidDefinition, InvalidExecutionInput, ValidationException.
        """
        moment = self._around.advancing.now()
        answer: AnyEvent | None = None
        try:
            while True:
                verdict = await self._around.advancing.try_state(asked, self._place, moment, answer)
                if not isinstance(verdict, Wanted):
                    return verdict
                answer = await self._work(verdict, moment.now_ms)
        except TrialRefused as refused:
            raise _error_of(refused) from None

    async def _work(self, wanted: Wanted, now_ms: int) -> AnyEvent:
        """What comes of the work, within its time."""
        seconds = _LONGEST_SECONDS
        if wanted.deadline_ms is not None:
            seconds = min(seconds, (wanted.deadline_ms - now_ms) / 1000)
        call = wanted.call
        try:
            async with asyncio.timeout(seconds):
                event = await self._around.invoker.invoke(call)
                while isinstance(event, TaskSubmitted):
                    call = msgspec.structs.replace(call, reference=event.reference)
                    event = await self._around.invoker.invoke(call)
                return event
        except TimeoutError:
            return TaskFailed(call.id, TIMEOUT)


def _error_of(refused: TrialRefused) -> ServiceError:
    kind = _REFUSALS.get(refused.code, ValidationException)
    if not refused.problems:
        return kind(refused.message)
    problems: Json = [{"code": one.code, "message": one.message, "location": one.location} for one in refused.problems]
    return kind(refused.message, problems=problems)

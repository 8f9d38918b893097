"""A trial: one case run against its machine, and how what came of it differs from what was expected."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from statebox.asl.answers import Answer, Asked, Never, Succeeds, Unanswered
from statebox.asl.definition import StateMachine
from statebox.asl.driver import Outcome, TooManyTransitions, drive
from statebox.asl.jsontext import Json, write_json_text
from statebox.asl.states.resource import READ_ITEMS, WRITE_RESULT, Pattern, read_resource
from statebox.asl.walk import new_execution
from statebox.testing.cases import Case
from statebox.testing.differences import differences
from statebox.testing.mocks import Exhausted

# What a distributed Map asks for is mocked under its name.
_FILES: Final = {READ_ITEMS: "reads its items (ItemReader)", WRITE_RESULT: "writes its results (ResultWriter)"}


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a case: nothing in `problems` means that it is ok. `outcome` is None when the run broke off."""

    name: str
    problems: Sequence[str]
    outcome: Outcome | None
    took_ms: float

    @property
    def ok(self) -> bool:
        """Whether everything is as expected."""
        return not self.problems

    def described(self) -> dict[str, Json]:
        """The trial as JSON, for programs."""
        told: dict[str, Json] = {"name": self.name, "ok": self.ok, "problems": list(self.problems)}
        outcome = self.outcome
        if outcome is not None:
            told |= {"status": outcome.status.value, "output": outcome.output}
            told |= {"error": outcome.error, "cause": outcome.cause, "path": list(outcome.path)}
            told |= {"elapsed_seconds": outcome.elapsed_ms / 1000, "waiting": list(outcome.waiting)}
        return {**told, "took_ms": round(self.took_ms, 3)}


def run_case(
    machine: StateMachine, case: Case, *, name: str, input: Json | msgspec.UnsetType = msgspec.UNSET, seed: bool = False
) -> Trial:
    """Run a case; `input` is for those that have none of their own (else {}). `name` is the machine's."""
    given = input if case.input is msgspec.UNSET else case.input
    execution = new_execution(
        {} if given is msgspec.UNSET else given, machine=name, started_ms=case.started_ms, seed=seed
    )
    world = _World(case)
    began = time.perf_counter()
    outcome = None
    try:
        outcome = drive(machine, execution, tasks=world.task, callbacks=world.callback, stop=case.stop)
        problems = list(_unexpected(case, outcome))
    except (Exhausted, Unanswered, TooManyTransitions) as broken:
        problems = [str(broken)]
    return Trial(case.name, problems, outcome, (time.perf_counter() - began) * 1000)


class _World:
    """Answers from the mocks of a case."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._turns = Counter[str]()

    def task(self, asked: Asked) -> Answer:
        mock = self._case.mocks.get(asked.state)
        resource = read_resource(asked.resource)
        if resource is not None and resource.pattern is Pattern.CALLBACK:
            # The call itself is of no interest: the mock is what its continuation is answered.
            return Succeeds({})
        if mock is None:
            does = _FILES.get(asked.resource, f"calls {asked.resource}")
            raise Unanswered(f"{asked.path} {does}, and the case has no mock for it")
        return mock.answer(asked)

    def callback(self, asked: Asked) -> Answer:
        answers = self._case.answers
        if asked.path in answers and asked.path != asked.state:
            # For this path alone, so its turns are counted here and not over all that is asked of the state.
            mock, turn = answers[asked.path], self._turns[asked.path]
            self._turns[asked.path] += 1
            return mock.answer(msgspec.structs.replace(asked, nth=turn))
        mock = answers.get(asked.state)
        return Never() if mock is None else mock.answer(asked)


def _unexpected(case: Case, outcome: Outcome) -> Iterator[str]:
    expected = case.expected
    if expected.status is not None and expected.status != outcome.status:
        told = f": {outcome.error}" if outcome.error else ""
        why = f"{told}: {outcome.cause}" if outcome.cause else told
        waits = f", waiting at {', '.join(outcome.waiting)}" if outcome.waiting else ""
        yield f"status: expected {expected.status}, got {outcome.status}{why}{waits}"
    if expected.output is not msgspec.UNSET:
        yield from (f"output{line}" for line in differences(expected.output, outcome.output))
    for field, wanted, got in (("error", expected.error, outcome.error), ("cause", expected.cause, outcome.cause)):
        if wanted is not msgspec.UNSET and wanted != got:
            # The cause says what went wrong where another error than the expected one came.
            why = f": {outcome.cause}" if field == "error" and outcome.cause and expected.cause is msgspec.UNSET else ""
            yield f"{field}: expected {write_json_text(wanted)}, got {write_json_text(got)}{why}"
    if expected.path is not None:
        yield from (f"path{line}" for line in differences(list(expected.path), list(outcome.path)))

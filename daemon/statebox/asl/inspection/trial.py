"""The trial: enter one state, do its work or let the mock stand for it, and see how the state would be left.

A pure function, and a repeatable one: where work is wanted it says which, and is called again with the same moment and
the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal, TypeAlias

from msgspec import UNSET

from statebox.asl.commands import InvokeTask
from statebox.asl.data.allowance import Allowance
from statebox.asl.data.flow import Flow
from statebox.asl.data.jsonata.templates import EvaluationFailure
from statebox.asl.data.jsonata_flow import JsonataFlow
from statebox.asl.errors import HEARTBEAT_TIMEOUT, RUNTIME, TIMEOUT, StateFailure
from statebox.asl.events import AnyEvent, TaskFailed, TaskSucceeded, TimerFired
from statebox.asl.execution import OnTask, OnTimer
from statebox.asl.inspection.maps import prepare
from statebox.asl.inspection.notes import Notes, noting
from statebox.asl.inspection.setting import Mocked, Setting, Subject, Verdict, Wanted
from statebox.asl.inspection.visit import AloneAtWork
from statebox.asl.jsontext import Json
from statebox.asl.limits import Limits
from statebox.asl.moment import Dice, Moment
from statebox.asl.recovery import Catcher, Retrier, find_catcher, find_retrier
from statebox.asl.states.fail import Fail
from statebox.asl.states.map import Map
from statebox.asl.states.parallel import Parallel
from statebox.asl.states.passing import Pass
from statebox.asl.states.state import Await, Broken, Leave, State, Transition
from statebox.asl.variables import Variables, bytes_of

# The address of the one task there is.
TASK: Final = "0:3"
_AWS_LIMITS: Final = Limits()
_Unsuccessful: TypeAlias = Literal["FAILED", "RETRIABLE"]


def try_state(
    subject: Subject,
    setting: Setting,
    moment: Moment,
    answer: AnyEvent | None = None,
    *,
    limits: Limits = _AWS_LIMITS,
    allowance: Allowance | None = None,
    aborted: str | None = None,
) -> Verdict | Wanted:
    """Try it. `answer` is what came of the work that was Wanted, `aborted` why its evaluation had to be cut off.

    Raises TrialRefused for a mock or a count that cannot be, and OutOfSteps as `advance` does.
    """
    notes: Notes = {"input": setting.input}
    visit = AloneAtWork(setting, subject.state, moment, limits, allowance)
    trial = _Trial(noting(subject.state, notes), setting, visit, notes, limits)
    try:
        visit.check(setting.input, subject.state.name)
        if aborted is not None:
            raise _cut_off(subject.state, aborted)
        transition = trial.attempt(answer)
    except StateFailure as failure:
        transition = Broken(failure)
    if isinstance(transition, Wanted):
        return transition
    return trial.judge(transition)


class _Trial:
    def __init__(self, state: State, setting: Setting, visit: AloneAtWork, notes: Notes, limits: Limits) -> None:
        self._state = state
        self._setting = setting
        self._visit = visit
        self._notes = notes
        self._limits = limits

    def attempt(self, answer: AnyEvent | None) -> Transition | Wanted:
        """Enter the state and do what it wants. Raises StateFailure."""
        state, mock = self._state, self._setting.mock
        if isinstance(state, Map | Parallel):
            assert mock is not None
            return self._fork(state, mock)
        if isinstance(state, Fail) and isinstance(state.flow, Flow):
            self._notes["afterInputPath"] = self._setting.input
        if isinstance(state, Pass) and state.result is not UNSET and isinstance(state.flow, Flow):
            self._notes["result"] = state.result
        transition = state.enter(self._visit)
        match transition:
            case Await(OnTimer(until_ms) as waiting):
                # Nobody has to wait for what is only to be seen.
                self._visit.pass_time_until(until_ms)
                return _known(state.resume(self._visit, waiting, TimerFired("0")))
            case Await(OnTask() as task, arguments):
                if arguments is not UNSET:
                    self._visit.given = arguments
                event = answer if mock is None else _event_of(mock)
                if event is None:
                    call = InvokeTask(TASK, task.resource, self._visit.given, self._visit.new_token())
                    return Wanted(call, task.deadline_ms)
                return self._resume(task, event)
            case _:
                return transition

    def _resume(self, task: OnTask, event: AnyEvent) -> Transition:
        if isinstance(event, TaskSucceeded):
            self._notes["result"] = event.output
        return _known(self._state.resume(self._visit, task, event))

    def _fork(self, state: Map | Parallel, mock: Mocked) -> Transition:
        """What the mock says of all branches or iterations together."""
        if isinstance(state, Map):
            prepare(state, self._visit, self._setting, self._notes)
        else:
            state.flow.effective_input(self._visit.sources())
        if mock.result is UNSET:
            return Broken(StateFailure(mock.error, mock.cause), inside=True)
        return state.leave(self._visit, mock.result)

    def judge(self, transition: Transition) -> Verdict:
        """How the state would be left, and what would become of its failure."""
        try:
            match transition:
                case Leave():
                    return self._left(transition)
                case Broken(failure):
                    return self._recovered(failure)
                case Await():
                    raise AssertionError("what it waits for was not looked after")
        except StateFailure as failure:
            # Also what is wrong with an output meets Retry and Catch.
            if isinstance(transition, Leave):
                return self.judge(Broken(failure))
            return self._failed(failure)

    def _left(self, leave: Leave) -> Verdict:
        self._visit.check(leave.output, self._state.name)
        known = self._setting.variables
        if leave.assigned:
            self._visit.check(leave.assigned, self._state.name)
            Variables(bytes_of(known), self._limits).check(known, leave.assigned)
        return Verdict(
            status="SUCCEEDED",
            output=leave.output,
            next=leave.next,
            inspection=self._inspected(leave.assigned),
        )

    def _recovered(self, failure: StateFailure) -> Verdict:
        retriers, catchers = self._state.recovery
        details: dict[str, Json] = {}
        place = find_retrier(retriers, failure)
        if place is not None:
            details["retryIndex"] = place
            retrier, retried = retriers[place], self._setting.retried
            if retried < retrier.max_attempts:
                details["retryBackoffIntervalSeconds"] = _backoff_seconds(retrier, retried)
                return self._failed(failure, details, "RETRIABLE")
        catcher = find_catcher(catchers, failure)
        if catcher is None:
            return self._failed(failure, details)
        details["catchIndex"] = catchers.index(catcher)
        return self._catch(catcher, failure, details)

    def _catch(self, catcher: Catcher, failure: StateFailure, details: Mapping[str, Json]) -> Verdict:
        error: Json = {"Error": _shown(failure.error), "Cause": failure.cause}
        if failure.cause is None and error["Error"] == TIMEOUT:
            error["Cause"] = ""
        sources = self._visit.sources()
        output, assigned = catcher.flow.output(sources, error), catcher.flow.assigned(sources, error)
        self._visit.check(output, self._state.name)
        return Verdict(
            status="CAUGHT_ERROR",
            output=output,
            error=error["Error"],
            cause=failure.cause,
            next=catcher.next,
            inspection={**self._inspected(assigned), "errorDetails": details},
        )

    def _failed(
        self, failure: StateFailure, details: Mapping[str, Json] | None = None, status: _Unsuccessful = "FAILED"
    ) -> Verdict:
        inspection = self._inspected(None)
        return Verdict(
            status=status,
            error=_shown(failure.error),
            cause=failure.cause,
            inspection={**inspection, "errorDetails": details} if details else inspection,
        )

    def _inspected(self, assigned: Mapping[str, Json] | None) -> dict[str, Json]:
        variables = {**self._setting.variables, **(assigned or {})}
        return {**self._notes, "variables": variables} if variables else dict(self._notes)


def _cut_off(state: State, reason: str) -> StateFailure:
    return EvaluationFailure(None, reason) if isinstance(state.flow, JsonataFlow) else StateFailure(RUNTIME, reason)


def _event_of(mock: Mocked) -> AnyEvent:
    if mock.result is UNSET:
        return TaskFailed(TASK, mock.error, mock.cause)
    return TaskSucceeded(TASK, mock.result)


def _known(transition: Transition | None) -> Transition:
    assert transition is not None, "what happens to a state that is tried is what it waits for"
    return transition


def _backoff_seconds(retrier: Retrier, retried: int) -> int:
    """How long it would wait, as far as that is no matter of chance."""
    return replace(retrier, full_jitter=False).delay_ms(retried, Dice(b"")) // 1000


def _shown(error: str | None) -> str | None:
    return TIMEOUT if error == HEARTBEAT_TIMEOUT else error

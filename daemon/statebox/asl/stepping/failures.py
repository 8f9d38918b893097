"""Failures: a state that failed is retried, or the failure is caught, or it fails what is around the state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from statebox.asl.data.jsonata.templates import EvaluationFailure
from statebox.asl.errors import HEARTBEAT_TIMEOUT, QUERY_EVALUATION_ERROR, TIMEOUT, StateFailure
from statebox.asl.execution import OnChildren, OnRetry, OnTurn, Status
from statebox.asl.history import ABSENT, CODES, or_absent
from statebox.asl.jsontext import Json
from statebox.asl.lines import Line
from statebox.asl.recovery import find_catcher, find_retrier
from statebox.asl.states.map import Map
from statebox.asl.states.state import Broken, Leave, State, Transition
from statebox.asl.stepping.working_copy import WorkingCopy

# A line, the state it is in, and what that said: to be done next.
Said: TypeAlias = tuple[Line, State, Transition]

_ABORTED: Final = {
    "Task": CODES["TaskStateAborted"],
    "Wait": CODES["WaitStateAborted"],
    "Parallel": CODES["ParallelStateAborted"],
    "Map": CODES["MapStateAborted"],
}
_FAILED: Final = {"Parallel": CODES["ParallelStateFailed"], "Map": CODES["MapStateFailed"]}
_ITERATION_FAILED: Final = CODES["MapIterationFailed"]
_ITERATION_ABORTED: Final = CODES["MapIterationAborted"]
_MAP_RUN_ABORTED: Final = CODES["MapRunAborted"]
# How the causes begin that name an expression, and not only its value.
_EXPRESSION: Final = "The JSONata expression "


def meet(copy: WorkingCopy, line: Line, state: State, broken: Broken) -> Said | None:
    """Retry a failed state, catch the failure, or let it go up; None when nothing is to be done now."""
    failure = broken.failure
    retriers, catchers = state.recovery
    place = find_retrier(retriers, failure)
    if place is not None:
        retried = line.retried or (0,) * len(retriers)
        if retried[place] < retriers[place].max_attempts:
            delay_ms = retriers[place].delay_ms(retried[place], copy.dice)
            line.retried = (*retried[:place], retried[place] + 1, *retried[place + 1 :])
            line.waiting = OnRetry(copy.now_ms + delay_ms)
            copy.lines.forget_wreck()
            line.arguments = line.items = msgspec.UNSET
            return None
    if broken.inside or (failure.error == QUERY_EVALUATION_ERROR and state.type in _FAILED):
        line.last = copy.write(line.last, _FAILED[state.type])
    catcher = find_catcher(catchers, failure)
    if catcher is None:
        return _fail(copy, line, state, failure)
    error: Json = {"Error": _shown(failure.error), "Cause": failure.cause}
    if failure.cause is None and error["Error"] == TIMEOUT:
        error["Cause"] = ""
    try:
        sources = copy.evaluating(line, state).sources()
        output, assigned = catcher.flow.output(sources, error), catcher.flow.assigned(sources, error)
    except StateFailure as second:
        return _fail(copy, line, state, located(copy, line, second))
    copy.lines.forget_wreck()
    return line, state, Leave(output, catcher.next, assigned)


def _fail(copy: WorkingCopy, line: Line, state: State, failure: StateFailure) -> Said | None:
    """Nobody caught it: the execution fails, or the Parallel or Map around."""
    if line.parent is None:
        error = _shown(failure.error)
        copy.write(line.last, CODES["ExecutionFailed"], or_absent(error), or_absent(failure.cause))
        copy.end(Status.FAILED, None, error, failure.cause)
        return None
    parent = copy.opened(line.parent)
    fork = copy.state_of(parent)
    waiting = parent.waiting
    assert isinstance(waiting, OnChildren)
    siblings = copy.lines.children(parent.id, waiting.begun)
    if isinstance(fork, Map):
        copy.write(line.last, _ITERATION_FAILED, fork.name, line.index)
    if state.type in _ABORTED:
        copy.write(line.last, _ABORTED[state.type])
    abort_children(copy, parent, [sibling for sibling in siblings if sibling is not line], line.last)
    parent.last = line.last
    return parent, fork, Broken(failure, inside=True)


def abort_children(copy: WorkingCopy, parent: Line, children: Sequence[Line], failed: int) -> None:
    """Cut off branches at work because of the event `failed`, and forget all below their parent."""
    fork = copy.state_of(parent)
    for child in children:
        if child.state is not None:
            if isinstance(fork, Map):
                copy.write(failed, _ITERATION_ABORTED, fork.name, child.index)
            _write_aborted(copy, child, failed)
    copy.remove_below(parent.id, failed=True)


def _write_aborted(copy: WorkingCopy, line: Line, failed: int) -> None:
    waiting = line.waiting
    if waiting is None or isinstance(waiting, OnTurn):
        return  # it had not entered its state
    if isinstance(waiting, OnChildren):
        abort_children(copy, line, copy.lines.children(line.id, waiting.begun), failed)
    state = copy.state_of(line)
    if isinstance(state, Map) and state.distributed is not None and not isinstance(waiting, OnRetry):
        copy.write(failed, _MAP_RUN_ABORTED)
        copy.abort_run(line)
    code = _ABORTED.get(state.type)
    if code is not None:
        copy.write(failed, code)


def located(copy: WorkingCopy, line: Line, failure: StateFailure) -> StateFailure:
    """An evaluation's failure, told with the state where it happened; one of JSONata's has an event of its own."""
    cause = failure.cause or ""
    where = f"An error occurred while executing the state '{line.state}' (entered at the event id #{line.entered}). "
    told = StateFailure(failure.error, where + cause)
    if isinstance(failure, EvaluationFailure):
        # AWS lets it point at the event before the state when an expression fails before any work was done.
        before_work = line.last == line.entered and cause.startswith(_EXPRESSION)
        previous = line.came_from if before_work else line.last
        location = ABSENT if failure.location is None else failure.location
        line.last = copy.write(previous, CODES["EvaluationFailed"], told.error, told.cause, location, line.state)
    return told


def _shown(error: str | None) -> str | None:
    # AWS reports a missed heartbeat as a timeout; only Retry and Catch can tell the two apart.
    return TIMEOUT if error == HEARTBEAT_TIMEOUT else error

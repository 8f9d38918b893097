"""Walking: lines go from state to state until each of them waits."""

from __future__ import annotations

import msgspec

from statebox.asl.errors import RUNTIME, StateFailure
from statebox.asl.events import AnyEvent
from statebox.asl.execution import OnChildren, OnTask, OnTurn, Status
from statebox.asl.history import CODES
from statebox.asl.lines import Line
from statebox.asl.states.state import Await, Broken, Leave, State, Transition
from statebox.asl.stepping.failures import Said, located, meet
from statebox.asl.stepping.forks import begin_children, end_branch, join, tell_of_size
from statebox.asl.stepping.working_copy import WorkingCopy


def run(copy: WorkingCopy) -> None:
    """Walk every line that is ready until it waits."""
    while copy.ready and copy.ending is None:
        _walk(copy, copy.ready.popleft())


def _walk(copy: WorkingCopy, line: Line) -> None:
    # A fair share, then the others that are ready have their turn.
    for _ in range(max(1, copy.budget // (len(copy.ready) + 1))):
        if copy.ending is not None:
            return
        if copy.budget <= 0:
            line.waiting = OnTurn()
            copy.unfinished = True
            return
        copy.budget -= 1
        state = copy.state_of(line)
        line.waiting = None
        line.entered_ms = copy.now_ms
        line.came_from = line.last
        line.entered = line.last = copy.write(line.last, state.entered_code, state.name, line.data)
        if not _settle(copy, line, state, _attempt(copy, line, state)):
            return
    copy.ready.append(line)


def try_again(copy: WorkingCopy, line: Line) -> None:
    """Begin a state's next attempt."""
    state = copy.state_of(line)
    line.waiting = None
    go_on_with(copy, (line, state, _attempt(copy, line, state)))


def _attempt(copy: WorkingCopy, line: Line, state: State) -> Transition:
    line.arguments = line.items = msgspec.UNSET
    try:
        return state.enter(copy.evaluating(line, state))
    except StateFailure as failure:
        return Broken(located(copy, line, failure))


def resume(copy: WorkingCopy, line: Line, event: AnyEvent) -> None:
    """Tell a state what it waited for."""
    state = copy.state_of(line)
    waiting = line.waiting
    assert waiting is not None
    try:
        transition = state.resume(copy.evaluating(line, state), waiting, event)
    except StateFailure as failure:
        transition = Broken(located(copy, line, failure))
    match transition:
        case None:
            pass
        case Await(OnTask() as waiting):
            line.waiting = waiting
        case _:
            go_on_with(copy, (line, state, transition))


def go_on_with(copy: WorkingCopy, said: Said | None) -> None:
    """Do what a state said; its line is walked on with in its turn."""
    if said is not None and _settle(copy, *said):
        copy.ready.append(said[0])


def _settle(copy: WorkingCopy, line: Line, state: State, transition: Transition) -> bool:
    """Do what a state said, and what that means for the states around; true when the line stands before its next."""
    at_once: Line | None = line
    while True:
        said: Said | None = None
        match transition:
            case Leave():
                wrong = _wrong_with(copy, line, state, transition)
                if wrong is not None:
                    transition = Broken(wrong)
                    continue
                _leave(copy, line, state, transition)
                if transition.next is None:
                    said = _end(copy, line)
                elif line is at_once:
                    return True
                else:
                    copy.ready.append(line)
            case Await(waiting, arguments, items):
                line.waiting, line.arguments, line.items = waiting, arguments, items
                if isinstance(waiting, OnChildren) and waiting.map_run:
                    tell_of_size(copy, waiting)
                if isinstance(waiting, OnChildren):
                    if waiting.total == 0:
                        said = join(copy, line, state)
                    else:
                        said = begin_children(copy, line, state, waiting.started)
                        # It has had its turn: lines that were ready before come first.
                        at_once = None
            case Broken():
                said = meet(copy, line, state, transition)
        if said is None:
            return False
        line, state, transition = said


def _wrong_with(copy: WorkingCopy, line: Line, state: State, leave: Leave) -> StateFailure | None:
    """Why a state cannot hand this output on, and these variables."""
    try:
        if leave.output is not line.data:
            copy.check(leave.output, state.name)
        if leave.assigned:
            copy.check(leave.assigned, state.name)
            copy.variables.check(line.variables, leave.assigned)
    except StateFailure as failure:
        return failure if failure.error != RUNTIME else located(copy, line, failure)
    return None


def _leave(copy: WorkingCopy, line: Line, state: State, leave: Leave) -> None:
    output, assigned, code = leave.output, leave.assigned, state.exited_code
    if code is not None:
        if assigned:
            line.last = copy.write(line.last, code, state.name, output, assigned)
            line.variables = copy.variables.assign(line.variables, assigned)
        else:
            line.last = copy.write(line.last, code, state.name, output)
    line.data = output
    line.retried = ()
    line.waiting = None
    line.arguments = line.items = msgspec.UNSET
    if leave.next is not None:
        line.state = leave.next


def _end(copy: WorkingCopy, line: Line) -> Said | None:
    if line.parent is not None:
        return end_branch(copy, line, copy.opened(line.parent))
    copy.write(line.last, CODES["ExecutionSucceeded"], line.data)
    copy.end(Status.SUCCEEDED, line.data)
    return None
